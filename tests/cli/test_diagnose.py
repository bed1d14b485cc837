"""The command `labelnoise diagnose`: what it prints and writes, the way through audit files, and its errors."""

import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.pictures import only_svg
from helpers.schema import documented

import labelnoise as ln
from labelnoise.cli.diagnosis_text import next_step
from labelnoise.cli.main import main

FILES = ("--features", "x.npy", "--labels", "y.csv:label")
WORDS = np.array(["zero", "one", "two", "three"])
N = 160


@pytest.fixture(scope="module")
def some(digits):
    """Features and true labels of 160 digits from 0 to 3: few classes are diagnosed in half the time."""
    chosen = np.flatnonzero(digits[1] < len(WORDS))[:N]
    return digits[0][chosen], digits[1][chosen]


@pytest.fixture(scope="module")
def truth(some):
    return some[1]


@pytest.fixture(scope="module")
def noisy(truth):
    return ln.corrupt(truth, ln.FlipNoise(), 0.2, random_state=0).labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory, some, noisy):
    """A folder with the digits, of whose labels 20 % were flipped, and with probabilities of the true labels."""
    folder = tmp_path_factory.mktemp("diagnose")
    np.save(folder / "x.npy", some[0])
    np.save(folder / "p.npy", np.where(some[1][:, None] == np.arange(len(WORDS)), 0.85, 0.05))
    pd.DataFrame({"label": noisy}).to_csv(folder / "y.csv", index=False)
    return folder


def diagnose(folder, *arguments):
    """Call the command in this process, working in `folder`; return exit status, output and errors."""
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        patch.chdir(folder)
        patch.delenv("COLUMNS", raising=False)
        patch.setattr("sys.argv", ["labelnoise", "diagnose", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    return stopped.value.code, out.getvalue(), err.getvalue()


@pytest.fixture
def here(folder, monkeypatch):
    """The command, called in the folder of the digits, where the test works as well; it draws SVG alone."""
    monkeypatch.chdir(folder)
    only_svg(monkeypatch)
    return partial(diagnose, folder)


@pytest.fixture(scope="module")
def first(folder):
    """Exit status, output and errors of a diagnosis without audit; its files in the folder `first` stay as written."""
    return diagnose(folder, *FILES, "--output-dir", "first", "--audit-samples", 60, "--audit-size", 0.05, "--plan", 7)


@pytest.fixture(scope="module")
def second(folder, first, truth):
    """The same of a diagnosis with the audit that the first one drew, in the folder `round`; and the answered file."""
    shutil.copytree(folder / "first", folder / "round")
    answer(folder / "round/audit.csv", truth)
    typed = (folder / "round/audit.csv").read_bytes()
    options = ("--audit", "round/audit.csv", "--audit-samples", 9, "--plan", 5, "--json")
    with pytest.MonkeyPatch.context() as patch:
        only_svg(patch)
        return *diagnose(folder, *FILES, "--output-dir", "round", *options), typed


def answer(path, labels):
    """Fill an audit file in, with the label of each row."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    table["true_label"] = [str(labels[int(index)]) for index in table["index"]]
    table.to_csv(path, index=False)
    return table


def test_a_diagnosis_without_audit_says_what_to_check_first(here, first, truth, noisy):
    status, out, err = first
    assert (status, err) == (0, "")
    text, places = out.split("Page:")
    assert max(map(len, text.splitlines())) <= 80
    numbers = re.findall(r"^ (\d) (?:ok|note|problem|unknown) ", text, re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(1, 10))
    for said in (
        f"rows          {N} used",
        "no label was checked",
        "concentration  not known",
        "Check first",
        " 2.5 points",
    ):
        assert said in text
    assert "check labels with labelnoise audit first/audit.csv, or fill in the column" in " ".join(places.split())
    record = json.loads(Path("first/diagnosis.json").read_text())
    share = (truth != noisy).mean()
    assert record["wrong_rate"]["low"] - 0.02 < share < record["wrong_rate"]["high"] + 0.02
    assert len(pd.read_csv("first/plan.csv")) == 7
    drawn = pd.read_csv("first/audit.csv", encoding="utf-8-sig")["design"]
    assert drawn.str.contains("drawn").sum() == 60
    assert all(Path(f"first/confusion.{kind}").stat().st_size > 0 for kind in ("png", "svg", "pdf"))


def test_an_audit_gives_intervals_and_draws_another_that_adds_up(here, second, truth, noisy):
    status, out, err, typed = second
    assert status == 0
    assert f"{N} used" in err
    assert Path("round/audit.csv").read_bytes() == typed
    record = json.loads(out)
    rate, share = record["wrong_rate"], (truth != noisy).mean()
    audit = pd.read_csv("round/audit.csv", encoding="utf-8-sig")
    assert (rate["kind"], rate["n_checked"]) == ("interval", len(audit))
    assert rate["low"] <= share <= rate["high"]
    assert Path(record["files"]["audit"]).name == "audit-2.csv"
    answer("round/audit-2.csv", truth)
    one = ("--audit", "round/audit.csv")
    _, out, _ = here(*FILES, "--output-dir", "round", *one)
    assert "audit-2.csv holds answers that were not used" in " ".join(out.split())

    status, out, _ = here(*FILES, "--output-dir", "round", *one, "--audit", "round/audit-2.csv")
    assert status == 0
    n_checked = len({*audit["index"], *pd.read_csv("round/audit-2.csv", encoding="utf-8-sig")["index"]})
    assert len(audit) < n_checked < N
    assert f"{n_checked} labels checked" in " ".join(out.split())
    assert "narrower" in out
    assert "--audit round/audit.csv --audit round/audit-2.csv --audit" in " ".join(out.split())


def test_json_has_the_keys_of_the_schema(second):
    record = json.loads(second[1])
    specification = record["specification"]
    assert set(record) == set(documented("JSON of labelnoise diagnose"))
    assert set(specification) == set(documented("specification.json of labelnoise diagnose"))
    assert (record["schema"], record["audit_sizes"], len(record["plan"])) == (1, None, 5)


def test_tables_have_the_columns_of_the_schema(here, first):
    for name in ("samples", "checks", "plan"):
        columns = list(pd.read_csv(f"first/{name}.csv"))
        assert columns == [c for c in documented(f"Table {name} of labelnoise diagnose") if c != "path"]
    columns = list(pd.read_csv("first/audit.csv", encoding="utf-8-sig"))
    assert columns == [c for c in documented("audit.csv of labelnoise diagnose") if c != "path"]


def test_rows_are_those_of_the_file_where_labels_are_missing(here, truth, noisy):
    labels = WORDS[noisy].astype(object)
    labels[[3, 50]] = "?"
    pd.DataFrame({"label": labels}).to_csv("words.csv", index=False)
    files = ("--features", "x.npy", "--labels", "words.csv:label", "--missing-label", "?", "--output-dir", "words")
    status, out, _ = here(*files)
    assert status == 0
    assert f"{N - 2} of 4 classes; 2 more samples have none" in out
    for name in ("samples", "plan", "audit"):
        table = pd.read_csv(f"words/{name}.csv", encoding="utf-8-sig")
        assert not table["index"].isin([3, 50]).any()
        assert list(table["given_label"]) == list(labels[table["index"]])
    assert max(pd.read_csv("words/samples.csv")["index"]) == N - 1
    answer("words/audit.csv", WORDS[truth])
    status, out, _ = here(*files, "--audit", "words/audit.csv")
    assert (status, "labels checked" in out) == (0, True)


def test_probabilities_alone_are_diagnosed_without_a_plan(here):
    status, out, _ = here("--pred-probs", "p.npy", "--labels", "y.csv", "--output-dir", "probs")
    assert status == 0
    assert "the plan needs features" in out
    assert "NN accuracy" not in out


def test_probabilities_and_features_are_diagnosed_together(here):
    status, out, _ = here(*FILES, "--pred-probs", "p.npy", "--output-dir", "both", "--json")
    record = json.loads(out)
    assert status == 0
    assert record["knn_accuracy"] is not None
    assert record["specification"] == json.loads(Path("both/specification.json").read_text())
    assert len(record["specification"]["reading"]) == 2
    assert set(record) - {"audit"} == set(documented("JSON of labelnoise diagnose")) - {"audit"}
    assert all(Path(path).stat().st_size > 0 for path in record["files"].values())


def test_labels_are_changed_on_request_and_only_then(here, truth, noisy):
    options = ("--output-dir", "changed", "--no-report")
    status, out, _ = here(*FILES, *options, "--relabel", 0.8)
    table = pd.read_csv("changed/relabeled.csv")
    assert list(table) == documented("Table relabeled of labelnoise diagnose")
    assert (table["changed"] == (table["label"] != noisy)).all()
    assert (status, f"{table['changed'].sum()} labels were changed" in " ".join(out.split())) == (0, True)
    assert (table["label"] != truth).mean() < (noisy != truth).mean() / 2
    assert here(*FILES, *options)[0] == 0
    assert not list(Path("changed").glob("relabeled.*"))


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

    def test_of_samples_name_what_is_wrong(self, refused, some):
        np.save("short.npy", some[0][:100])
        assert "100 rows" in refused("--features", "short.npy", "--labels", "y.csv")
        np.save("nan.npy", np.where(np.arange(64) == 5, np.nan, some[0]))
        assert "nan" in refused("--features", "nan.npy", "--labels", "y.csv").lower()
        np.save("one.npy", np.zeros(N, int))
        assert "at least two classes" in refused("--features", "x.npy", "--labels", "one.npy")
        assert "`k`" in refused(*FILES, "--k", N)

    def test_of_audits_name_the_file_and_the_line(self, refused, first, truth, noisy):
        assert "nowhere.csv" in refused(*FILES, "--audit", "nowhere.csv")
        shutil.copy("first/audit.csv", "faults.csv")
        assert "true label of at least one" in refused(*FILES, "--audit", "faults.csv")
        answer("faults.csv", truth)
        np.save("other.npy", np.roll(noisy, 1))
        assert "must be drawn from these labels" in refused(
            "--features", "x.npy", "--labels", "other.npy", "--audit", "faults.csv"
        )
        answer("faults.csv", np.full(N, "cat"))
        err = refused(*FILES, "--audit", "faults.csv")
        assert "faults.csv line 2" in err
        assert "'cat'" in err
        assert "must be an audit that labelnoise wrote" in refused(*FILES, "--audit", "y.csv")

    def test_of_a_file_that_is_in_the_way_come_before_the_work(self, refused):
        Path("errors").mkdir(exist_ok=True)
        Path("errors/audit.csv").write_text("my notes\n")
        assert "errors/audit.csv must not exist, or be an audit" in refused(*FILES)


def test_the_search_of_a_diagnosis_is_kept(folder, tmp_path, monkeypatch):
    """Neighbors from a store are those of the search in this process, and so is the diagnosis."""
    options = (*FILES, "--no-report", "--json")
    status, expected, err = diagnose(folder, *options, "--output-dir", tmp_path / "a")
    assert status == 0, err
    store = ("--store", tmp_path / "runs")
    status, kept, err = diagnose(folder, *options, *store, "--output-dir", tmp_path / "b")
    assert status == 0, err
    assert len(list((tmp_path / "runs" / "finished").iterdir())) == 16
    assert json.loads(kept)["wrong_rate"] == json.loads(expected)["wrong_rate"]
    name = "samples.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a" / name), pd.read_parquet(tmp_path / "b" / name))
    status, _, err = diagnose(folder, "--pred-probs", "p.npy", "--labels", "y.csv:label", *store)
    assert status == 2
    assert "--pred-probs alone needs none" in err


def test_what_weak_features_cannot_tell_is_not_printed(folder, tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(200, 5)))
    pd.DataFrame({"label": np.array([0, 1, 99])[rng.integers(3, size=200)]}).to_csv(tmp_path / "y.csv", index=False)
    status, out, _ = diagnose(tmp_path, *FILES, "--output-dir", "weak")
    assert status == 0
    assert re.search(r"labels +200 of 3 classes \(97 more have no label\)", out)
    assert re.search(r"wrong +not known: .*\n.*\n10-NN accuracy +not known either", out)


def test_deleted_lines_of_an_audit_are_said(folder, truth, tmp_path):
    diagnose(folder, *FILES, "--output-dir", "deleted")
    answers = pd.read_csv(folder / "deleted" / "audit.csv", dtype=str, keep_default_na=False)
    answers["true_label"] = truth[answers["index"].astype(int)].astype(str)
    answers.iloc[10:].to_csv(tmp_path / "fewer.csv", index=False)
    status, out, _ = diagnose(folder, *FILES, "--output-dir", "deleted-2", "--audit", tmp_path / "fewer.csv")
    assert status == 0
    assert "drawn ones that are not in the file are missing by chance" in " ".join(out.split())
