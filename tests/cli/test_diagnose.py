"""The command `labelnoise diagnose`: what it prints and writes, the way through audit files, and its errors."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.schema import documented

import labelnoise as ln
from labelnoise.cli.diagnosis_text import next_step
from labelnoise.cli.main import main

FILES = ("--features", "x.npy", "--labels", "y.csv:label")
WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


@pytest.fixture(scope="module")
def truth(digits):
    return digits[1][:300]


@pytest.fixture(scope="module")
def noisy(truth):
    return ln.corrupt(truth, ln.FlipNoise(), 0.2, random_state=0).labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits, noisy):
    """A folder with 300 digits, of whose labels 20 % were flipped."""
    folder = tmp_path_factory.mktemp("diagnose")
    np.save(folder / "x.npy", digits[0][:300])
    pd.DataFrame({"label": noisy}).to_csv(folder / "y.csv", index=False)
    return folder


@pytest.fixture
def here(folder, monkeypatch, capsys):
    """A call of the command in this process; it gives exit status, output and errors."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["labelnoise", "diagnose", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return call


def answer(path, labels):
    """Fill an audit file in, with the label of each row."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table["true_label"] = [str(labels[int(index)]) for index in table["index"]]
    table.to_csv(path, index=False)
    return table


def test_labels_are_diagnosed_audited_and_diagnosed_again(here, truth, noisy):
    status, out, err = here(*FILES, "--output-dir", "round", "--audit-samples", 60, "--audit-size", 0.05, "--plan", 7)
    assert (status, err) == (0, "")
    text, places = out.split("Page:")
    assert max(map(len, text.splitlines())) <= 80
    assert [int(n) for n in re.findall(r"^ (\d) (?:ok|note|problem|unknown) ", text, re.MULTILINE)] == list(range(1, 9))
    for said in (
        "rows          300 used",
        "no label was checked",
        "concentration  not known",
        "Check first",
        " 2.5 points",
    ):
        assert said in text
    assert "fill in the column true_label of audit.csv" in " ".join(places.split())
    first = json.loads(Path("round/diagnosis.json").read_text())
    share = (truth != noisy).mean()
    assert first["wrong_rate"]["low"] - 0.02 < share < first["wrong_rate"]["high"] + 0.02
    assert len(pd.read_csv("round/plan.csv")) == 7
    audit = answer("round/audit.csv", truth)
    assert (audit["design"].str.contains("drawn")).sum() == 60
    typed = Path("round/audit.csv").read_bytes()

    status, out, err = here(
        *FILES, "--output-dir", "round", "--audit", "round/audit.csv", "--audit-samples", 9, "--json"
    )
    assert status == 0
    assert "300 used" in err
    second = json.loads(out)
    assert Path("round/audit.csv").read_bytes() == typed
    rate = second["wrong_rate"]
    assert (rate["kind"], rate["n_checked"]) == ("interval", len(audit))
    assert rate["low"] <= share <= rate["high"]
    assert Path(second["files"]["audit"]).name == "audit-2.csv"
    answer("round/audit-2.csv", truth)
    assert "audit-2.csv holds answers that were not used" in here(
        *FILES, "--output-dir", "round", "--audit", "round/audit.csv"
    )[1].replace("\n", " ")

    both = ("--audit", "round/audit.csv", "--audit", "round/audit-2.csv")
    status, out, _ = here(*FILES, "--output-dir", "round", *both)
    assert status == 0
    n_checked = len({*audit["index"], *pd.read_csv("round/audit-2.csv", dtype=str)["index"]})
    assert len(audit) < n_checked < 300
    assert f"{n_checked} labels checked" in " ".join(out.split())
    assert "narrower" in out
    assert "--audit round/audit.csv --audit round/audit-2.csv --audit" in " ".join(out.split())


def test_json_has_the_keys_of_the_schema(here):
    status, out, _ = here(*FILES, "--output-dir", "json", "--json", "--plan", 5)
    record = json.loads(out)
    assert status == 0
    assert set(record) - {"audit"} == set(documented("JSON of labelnoise diagnose")) - {"audit"}
    assert record["specification"] == json.loads(Path("json/specification.json").read_text())
    assert set(record["specification"]) == set(documented("specification.json of labelnoise diagnose"))
    assert (record["schema"], record["audit_sizes"], len(record["plan"])) == (1, None, 5)
    assert all(Path(path).stat().st_size > 0 for path in record["files"].values())


def test_tables_have_the_columns_of_the_schema(here):
    assert here(*FILES, "--output-dir", "tables")[0] == 0
    for name in ("samples", "checks", "plan"):
        columns = list(pd.read_csv(f"tables/{name}.csv"))
        assert columns == [c for c in documented(f"Table {name} of labelnoise diagnose") if c != "path"]
    columns = list(pd.read_csv("tables/audit.csv", encoding="utf-8-sig"))
    assert columns == [c for c in documented("audit.csv of labelnoise diagnose") if c != "path"]


def test_rows_are_those_of_the_file_where_labels_are_missing(here, truth, noisy):
    labels = WORDS[noisy].astype(object)
    labels[[3, 50]] = "?"
    pd.DataFrame({"label": labels}).to_csv("words.csv", index=False)
    files = ("--features", "x.npy", "--labels", "words.csv:label", "--missing-label", "?", "--output-dir", "words")
    status, out, _ = here(*files)
    assert status == 0
    assert "298 of 10 classes; 2 more samples have none" in out
    for name in ("samples", "plan", "audit"):
        table = pd.read_csv(f"words/{name}.csv", encoding="utf-8-sig")
        assert not table["index"].isin([3, 50]).any()
        assert list(table["given_label"]) == list(labels[table["index"]])
    assert max(pd.read_csv("words/samples.csv")["index"]) == 299
    answer("words/audit.csv", WORDS[truth])
    status, out, _ = here(*files, "--audit", "words/audit.csv")
    assert (status, "labels checked" in out) == (0, True)


def test_probabilities_alone_are_diagnosed_without_a_plan(here, noisy, truth):
    probs = np.full((300, 10), 0.02)
    probs[np.arange(300), truth] = 0.82
    np.save("p.npy", probs)
    status, out, _ = here("--pred-probs", "p.npy", "--labels", "y.csv", "--output-dir", "probs")
    assert status == 0
    assert "the plan needs features" in out
    assert "NN accuracy" not in out
    status, out, _ = here(*FILES, "--pred-probs", "p.npy", "--output-dir", "both", "--json")
    assert json.loads(out)["knn_accuracy"] is not None
    assert len(json.loads(out)["specification"]["reading"]) == 2


def test_an_audit_that_is_checked_to_the_end_leaves_nothing_to_draw():
    class Result:
        next_audit = None
        diagnosis = None

    assert next_step(Result()) == "All labels that an audit could draw are checked."


class TestErrors:
    """Each is one line, with exit status 2."""

    @pytest.fixture
    def refused(self, here):
        def call(*arguments):
            status, _, err = here(*arguments, "--output-dir", "errors")
            assert (status, err.count("\n")) == (2, 1), err
            assert not Path("errors/diagnosis.json").exists()
            return err

        return call

    def test_of_options_are_found_before_a_file_is_opened(self, refused):
        assert "give one source" in refused()
        assert "computes features of an image set" in refused(*FILES, "--model", "resnet18")
        assert "name it with --model" in refused("--dataset", "no", "--weights", "w.safetensors")
        assert "--split names a split of an image set" in refused(*FILES, "--split", "test")
        assert "--audit-size must be a width between 0 and 1" in refused(*FILES, "--audit-size", 6)
        assert "`--audit-samples` must be" in refused(*FILES, "--audit-samples", 0)

    def test_of_samples_name_what_is_wrong(self, refused, digits, noisy):
        np.save("short.npy", digits[0][:200])
        assert "200 rows" in refused("--features", "short.npy", "--labels", "y.csv")
        np.save("nan.npy", np.where(np.arange(64) == 5, np.nan, digits[0][:300]))
        assert "nan" in refused("--features", "nan.npy", "--labels", "y.csv").lower()
        np.save("one.npy", np.zeros(300, int))
        assert "at least two classes" in refused("--features", "x.npy", "--labels", "one.npy")
        assert "`k`" in refused(*FILES, "--k", 300)

    def test_of_audits_name_the_file_and_the_line(self, refused, here, truth, noisy):
        assert "nowhere.csv" in refused(*FILES, "--audit", "nowhere.csv")
        assert here(*FILES, "--output-dir", "faults")[0] == 0
        assert "true label of at least one" in refused(*FILES, "--audit", "faults/audit.csv")
        answer("faults/audit.csv", truth)
        np.save("other.npy", np.roll(noisy, 1))
        assert "must be drawn from these labels" in refused(
            "--features", "x.npy", "--labels", "other.npy", "--audit", "faults/audit.csv"
        )
        answer("faults/audit.csv", np.full(300, "cat"))
        err = refused(*FILES, "--audit", "faults/audit.csv")
        assert "faults/audit.csv line 2" in err
        assert "'cat'" in err
        assert "must be an audit that labelnoise wrote" in refused(*FILES, "--audit", "y.csv")

    def test_of_a_file_that_is_in_the_way_come_before_the_work(self, refused):
        Path("errors").mkdir(exist_ok=True)
        Path("errors/audit.csv").write_text("my notes\n")
        assert "errors/audit.csv must not exist, or be an audit" in refused(*FILES)
