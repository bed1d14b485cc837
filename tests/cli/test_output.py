"""What commands write and print, whatever the terminal, the encoding, the environment and the folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.schema import documented

from labelnoise.cli.main import main
from labelnoise.curves.comparison import COMPARISON_COLUMNS
from labelnoise.studies.recipes import CATALOG
from labelnoise.studies.recipes.costs import COSTS
from labelnoise.sweeps.sweep import with_requirements

CURVE = ("curve", "--features", "x.npy", "--labels", "y.npy", "--noise-rates", "0,0.3")
CORRUPT = ("corrupt", "--labels", "y.npy", "--noise-rate", 0.3)


@pytest.fixture
def folder(tmp_path, monkeypatch, digits):
    """The working directory, with a file of features and one of labels."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", digits[0][:200])
    np.save("y.npy", digits[1][:200])
    return tmp_path


@pytest.fixture
def here(folder, monkeypatch, capsys):
    """A call of the command line in this process; it gives exit status, output and errors."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["labelnoise", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        return exit_.value.code, *capsys.readouterr()

    return call


def process(*arguments, **env):
    command = [sys.executable, "-W", "error", "-m", "labelnoise", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, env={**os.environ, **env})


class TestSchema:
    @pytest.mark.parametrize("simulate", [(), ("--simulate", "--repeats", 2)])
    def test_curve(self, here, folder, simulate):
        status, out, _ = here(*CURVE, "-k", "3", *simulate, "--output-dir", "out", "--json")
        assert status == 0
        record = json.loads(out)
        columns = documented("Table of labelnoise curve and labelnoise demo")
        assert columns == COMPARISON_COLUMNS
        assert [sorted(row) for row in record["table"]] == [sorted(columns)] * 2
        for table in (pd.read_csv(folder / "out/curve.csv"), pd.read_parquet(folder / "out/curve.parquet")):
            assert list(table) == columns
            assert table["measured"].notna().all() == table["repeats"].notna().all() == bool(simulate)
            assert table["predicted"].between(0, 1).all()
        assert str(pd.read_parquet(folder / "out/curve.parquet")["seed"].dtype) == "Int64"
        assert set(record) == set(documented("JSON of labelnoise curve"))
        beside = json.loads((folder / "out/curve.json").read_text())
        assert set(beside) == set(documented("NAME.json of labelnoise curve and labelnoise demo"))
        assert record["specification"] == beside
        assert record["schema"] == beside["schema"] == 1

    def test_corrupt(self, here, folder):
        _, out, _ = here(*CORRUPT, "--output-dir", "out", "--json")
        names = documented("JSON of labelnoise corrupt")
        assert set(json.loads(out)) == set(names)
        assert set(json.loads((folder / "out/noisy_labels.json").read_text())) == {*names} - {"files"}
        assert list(pd.read_csv(folder / "out/noisy_labels.csv")) == documented("Table of labelnoise corrupt")

    def test_run_and_list(self, here):
        size = ("--scale", "smoke", "--set", "data.n_train=100", "--set", "data.n_test=50", "--set", "k=3")
        status, out, _ = here("run", "fig3a", *size, "--json")
        assert status == 0
        assert set(json.loads(out)[0]) == set(documented("JSON of labelnoise run"))
        table = pd.read_csv("labelnoise-output/figures/fig3a/fig3a.csv")
        assert list(table) == COMPARISON_COLUMNS
        assert set(json.loads(here("list", "--json")[1])[0]) == set(documented("JSON of labelnoise list"))
        runs = json.loads(here("list", "--runs", "--json")[1])
        assert set(runs[0]) == set(documented("JSON of labelnoise list --runs"))
        status, out, err = here("run", "fig3a", "--scale", "smoke", "--json")
        assert (status, json.loads(out)["status"]) == (2, 2)
        assert "must hold no other result named 'fig3a'" in err
        assert here("run", "fig3a", *size)[0] == 0

    @pytest.mark.parametrize("arguments", [("curve",), ("list", "fig99"), ("run", "fig3a", "--workers", "x"), ("no",)])
    def test_an_error_is_an_object_too(self, here, arguments):
        status, out, err = here(*arguments, "--json")
        record = json.loads(out)
        assert set(record) == set(documented("JSON of an error"))
        assert (status, record["status"]) == (2, 2)
        assert err.endswith(f"labelnoise: {record['error']}\n")


class TestFolders:
    @pytest.mark.parametrize(
        ("command", "change", "name"),
        [((*CURVE, "-k", "3"), ("--ties", "lowest"), "curve"), (CORRUPT, ("--random-state", 1), "noisy_labels")],
    )
    def test_another_result_is_kept(self, here, folder, command, change, name):
        assert here(*command)[0] == here(*command)[0] == 0
        path = folder / "labelnoise-output" / command[0] / f"{name}.csv"
        before = path.read_bytes()
        status, _, err = here(*command, *change)
        assert (status, path.read_bytes()) == (2, before)
        assert "--output-dir" in err
        assert "--overwrite" in err
        assert here(*command, *change, "--overwrite")[0] == 0
        assert here(*command, *change, "--output-dir", "other")[0] == 0

    @pytest.mark.parametrize("name", ["../x", "/x", "a/b", "", "..", "x" * 300])
    def test_a_name_stays_in_the_folder(self, here, folder, name):
        status, _, err = here(*CURVE, "-k", "3", "--name", name)
        assert status == 2
        assert "`name`" in err
        assert {path.name for path in folder.iterdir()} == {"x.npy", "y.npy"}

    def test_long_names_of_files_and_folders_are_bad_input(self, here):
        assert here(*CURVE, "--output-dir", "x" * 300)[0] == 2
        status, _, err = here("curve", "--features", "x" * 300 + ".npy", "--labels", "y.npy")
        assert status == 2
        assert "too long" in err


class TestScreen:
    @pytest.mark.parametrize("simulate", [(), ("--simulate", "--repeats", 2)])
    def test_a_table_fits_80_columns(self, here, simulate):
        ks = [1, 3, 5, 7, 9, 11, 13, 15, 101]
        _, out, _ = here(*CURVE, "-k", ",".join(map(str, ks)), *simulate)
        tables = out.partition("\n\nFigure:")[0]
        assert max(map(len, tables.splitlines())) <= 80
        assert [int(k) for k in re.findall(r"K = (\d+)", tables)] == [k for k in ks for _ in range(1 + bool(simulate))]
        assert tables.count("0.300") == tables.count("rate") == tables.count("  noise ") > 1
        assert tables.count("pred.") == len(ks)
        assert "…" not in tables

    def test_the_list_has_one_line_per_figure(self, here):
        status, out, _ = here("list")
        assert status == 0
        head, *lines, last = out.splitlines()
        assert head.split() == ["name", "shows", "data", "cost", "or", "result"]
        assert [line.split()[0] for line in lines] == list(CATALOG)
        assert max(map(len, [head, *lines])) <= 80
        assert "labelnoise list NAME" in last
        _, out, _ = here("list", "fig7")
        assert CATALOG["fig7"].statement in out
        assert "fig7a" in out

    def test_costs_are_those_of_the_recipes(self):
        names = {"mnist": "MNIST", "cifar10": "CIFAR-10", "ILSVRC/imagenet-1k": "ImageNet"}
        for entry in CATALOG.values():
            runs = with_requirements(entry.build("laptop").runs()).values()
            trained = sum(run.kind in ("training", "regions") for run in runs)
            count, noun = (trained, "training") if trained else (len(runs), "run")
            data = ", ".join(sorted({names[run.data.name] for run in runs}, reverse=True))
            assert COSTS[entry.name] == (data, f"{count} {noun}{'s' * (count > 1)}")
        assert list(COSTS) == list(CATALOG)

    def test_version(self, here):
        assert here("--version") == (0, "labelnoise 0.1.0\n", "")

    def test_a_shell_completes_names(self, folder):
        asked = {"COMP_WORDS": "labelnoise run fig4", "COMP_CWORD": "2", "_LABELNOISE_COMPLETE": "complete_bash"}
        done = process(**asked)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode().split() == [name for name in CATALOG if name.startswith("fig4")]

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
    def test_other_encodings_get_plain_characters(self, folder, encoding):
        np.save("y.npy", np.array(["é", "ø"])[np.load("y.npy") % 2])
        command = (*CURVE, "-k", "1,3,5,7,9", "--simulate", "--repeats", 2, "--title", "ρ γ Ł")
        done = process(*command, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, b"")
        text = done.stdout.decode(encoding)
        assert "rho gamma \\u0141" in text
        assert (" +- " in text) == (encoding == "ascii")
        lines = [line for line in text.splitlines() if line.startswith(("|", "+"))]
        assert {len(line) for line in lines[:6]} == {len(lines[0])}
        assert len(lines[0]) <= 80
        if encoding == "ascii":
            assert process("list", PYTHONIOENCODING=encoding).returncode == 0
            assert process("list", "fig7", PYTHONIOENCODING=encoding).returncode == 0

    def test_json_is_ascii_whatever_the_encoding(self, folder):
        done = process(*CURVE, "-k", "1,3", "--title", "ρ γ Ł", "--json", PYTHONIOENCODING="latin-1")
        assert done.stdout.isascii()
        assert json.loads(done.stdout)["specification"]["options"]["title"] == "ρ γ Ł"


def test_markup_in_the_record_of_a_run_is_shown_as_it_is(here, tmp_path):
    (tmp_path / "store" / "failed").mkdir(parents=True)
    record = {"kind": "[red]toy", "label": "[/]", "error": "[bold]no[/bold] [link=x]"}
    (tmp_path / "store" / "failed" / "[ab]cd.json").write_text(json.dumps(record))
    status, out, err = here("list", "--runs", "--store", tmp_path / "store")
    assert (status, err) == (0, "")
    assert all(text in out for text in ("[ab]cd", "[red]toy", "[/]", "[bold]no[/bold]"))


@pytest.mark.parametrize(
    ("name", "value", "arguments"),
    [
        ("WORLD_SIZE", "abc", ("run", "fig3a", "--scale", "smoke")),
        ("RANK", "-1", ("run", "fig3a", "--scale", "smoke")),
        ("LOKY_MAX_CPU_COUNT", "abc", (*CURVE, "-k", "3")),
        ("LOKY_MAX_CPU_COUNT", "0", (*CURVE, "-k", "3")),
        ("LOKY_MAX_CPU_COUNT", "abc", (*CORRUPT, "--features", "x.npy", "--placement", "kmeans")),
    ],
)
def test_environment_variables_of_the_wrong_kind_are_named(here, monkeypatch, name, value, arguments):
    monkeypatch.setenv(name, value)
    status, _, err = here(*arguments)
    assert status == 2
    assert f"the environment variable {name} must be an integer" in err
    assert f"got {value!r}" in err


def test_a_seed_gives_one_result_whatever_threads_hashes_and_locale(folder):
    command = (*CURVE, "-k", "5,9", "--simulate", "--repeats", 3, "--noise", "flip", "--placement", "kmeans", "--json")
    environments = [
        {"LOKY_MAX_CPU_COUNT": "1", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "LC_ALL": "C"},
        {"LOKY_MAX_CPU_COUNT": "3", "OMP_NUM_THREADS": "4", "PYTHONHASHSEED": "77", "LC_ALL": "C.UTF-8"},
    ]
    texts = []
    for i, environment in enumerate(environments):
        done = process(*command, "--output-dir", f"out{i}", **environment)
        assert done.returncode == 0, done.stderr
        text = re.sub(rb'"seconds": [0-9.]+', b'"seconds": 0', done.stdout)
        texts.append((text.replace(b"out%d/" % i, b"out/"), (folder / f"out{i}" / "curve.csv").read_bytes()))
    assert texts[0] == texts[1]
