"""The command line: what it writes, what it prints, how it fails."""

from __future__ import annotations

import html
import importlib.util
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import labelnoise as ln
from labelnoise.cli.main import main
from labelnoise.data import load_digits
from labelnoise.studies.recipes import CATALOG, recipe_named
from labelnoise.studies.runs import VotingRun
from labelnoise.sweeps.run import run_id
from labelnoise.sweeps.store import RunStore


class Done(NamedTuple):
    """How a call of the command line ended, named as in `subprocess.CompletedProcess`."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments, cwd="."):
    """Call the command line in this process, which is faster than in one of its own."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("COLUMNS", "200")
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["labelnoise", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
    for stream in (out, err):
        stream.seek(0)
    return Done(exit_.value.code, out.read(), err.read())


def run_process(*arguments, **options):
    """Call the command line in a process of its own."""
    command = [sys.executable, "-W", "error", "-m", "labelnoise", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "200", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


def fails(status, *arguments, says, call=run):
    done = call(*arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert says in " ".join(done.stderr.split()), done.stderr
    return done


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Work in a temporary folder, because default folders lie in the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def files(tmp_path, digits):
    features, labels, test_features, test_labels, _ = digits
    np.save(tmp_path / "x.npy", features[:400])
    np.save(tmp_path / "y.npy", labels[:400])
    np.savez(tmp_path / "test.npz", x=test_features[:100], y=test_labels[:100])
    probs = np.full((50, 10), 0.05)
    probs[np.arange(50), np.arange(50) % 10] = 0.55
    pd.DataFrame(probs).assign(label=np.arange(50) % 10).to_csv(tmp_path / "probs.csv", index=False)
    return tmp_path


@pytest.mark.parametrize(
    "command", [[], ["demo"], ["curve"], ["corrupt"], ["diagnose"], ["features"], ["list"], ["run"], ["report"]]
)
def test_help_has_an_example(command):
    done = run(*command, "--help")
    assert done.returncode == 0
    if command:
        assert "Example" in done.stdout
        for option in ("--output-dir", "--random-state", "--json"):
            missing = {"list": ["--random-state"], "report": ["--output-dir", "--random-state"]}
            assert option in done.stdout or option in missing.get(command[0], [])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What the demo printed."""
    done = run("demo", "--repeats", 1, "--output-dir", tmp_path_factory.mktemp("demo") / "out", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_demo_writes_tables_pictures_and_a_page(demo):
    page = Path(demo["page"]).read_text()
    for record in demo["curves"]:
        for kind in ("parquet", "csv", "json", "png", "svg", "pdf"):
            assert Path(record["files"][kind]).stat().st_size > 0
        name = record["specification"]["name"]
        assert f'href="{name}.csv"' in page
        # Spread noise, and clusters at their measured concentration, are predicted within sampling error.
        assert np.mean([abs(row["difference_points"]) for row in record["table"]]) < 3
    for network in demo["networks"]:
        assert network["failures"] == []
        assert network["finding"] in html.unescape(page)
        assert all(Path(path).stat().st_size > 0 for path in network["files"])
    assert [network["name"] for network in demo["networks"]] == ["network_flip", "network_concentrated"]
    assert page.count("data:image/svg+xml;base64,") == 2  # of the networks; curves and diagnosis are interactive plots
    assert page.count('class="plot') == 9
    uniform = pd.read_parquet(demo["curves"][0]["files"]["parquet"])
    assert set(uniform["k"]) == {5, 10, 30}


def test_the_demos_curve_is_that_of_a_direct_call_with_its_seed(demo, digits):
    _, labels, _, test_labels, hoods = digits
    table = pd.read_parquet(demo["curves"][0]["files"]["parquet"])
    rates, how = sorted(set(table["noise_rate"])), {"ties": "random", "repeats": 1, "random_state": 0}
    expected = ln.simulate_knn(hoods, labels, test_labels, ln.UniformNoise(), rates, [5, 10, 30], **how)
    np.testing.assert_allclose(table["measured"], expected.accuracy.ravel(), atol=1e-12)


def test_the_demo_ends_with_a_diagnosis_that_finds_what_is_wrong(demo):
    found = demo["diagnosis"]
    for estimate in (found["bracket"], found["audited"]):
        assert estimate["low"] <= found["wrong_rate"] <= estimate["high"]
    assert "labels are wrong" in Path(found["page"]).read_text()


def test_links_on_the_demos_page_lead_to_files(demo):
    page = Path(demo["page"])
    links = re.findall(r'<a href="([^"#]+)"', page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).is_file()] == []


def test_curve_measures_with_feature_files(files):
    out = files / "out"
    done = run(
        *("curve", "--features", files / "x.npy", "--labels", files / "y.npy"),
        *("--test-features", f"{files}/test.npz:x", "--test-labels", f"{files}/test.npz:y"),
        *("--noise", "flip", "--noise-rates", "0,0.3", "-k", "5,9", "--simulate", "--repeats", 3),
        *("--ties", "lowest", "--output-dir", out),
    )
    assert done.returncode == 0, done.stderr
    assert "largest difference" in done.stdout
    assert str(out / "curve.png") in done.stdout.replace("\n", "")
    table = pd.read_csv(out / "curve.csv")
    assert len(table) == 4
    hoods = ln.neighbors(np.load(files / "x.npy"), np.load(files / "test.npz")["x"], k=9)
    train, truth = np.load(files / "y.npy"), np.load(files / "test.npz")["y"]
    expected = ln.simulate_knn(
        hoods, train, truth, ln.FlipNoise(), [0, 0.3], [5, 9], repeats=3, ties="lowest", random_state=0
    )
    np.testing.assert_allclose(table["measured"], expected.accuracy.ravel())
    specification = json.loads((out / "curve.json").read_text())
    assert specification["measured"]["seed"] == 0
    assert specification["predicted"]["ties"] == "lowest"


def test_curve_leaves_one_out_without_test_files(files):
    done = run(
        *("curve", "--features", files / "x.npy", "--labels", files / "y.npy", "--noise-rates", "0.2", "-k", "5"),
        *("--output-dir", files / "out", "--json"),
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    x, y = np.load(files / "x.npy"), np.load(files / "y.npy")
    expected = ln.predict_knn(ln.neighbors(x, k=5), y, y, ln.UniformNoise(), 0.2, 5).accuracy[0, 0]
    assert record["table"][0]["predicted"] == pytest.approx(expected)
    assert "leave one out" in record["specification"]["data"]


def test_curve_predicts_from_predicted_probabilities(files):
    done = run(
        *("curve", "--pred-probs", files / "probs.csv", "--labels", f"{files}/probs.csv:label"),
        *("--noise-rates", "0,0.5", "-k", "20", "--output-dir", files / "out", "--json"),
    )
    assert done.returncode == 0, done.stderr
    probs = pd.read_csv(files / "probs.csv")
    expected = ln.accuracy_curve(
        probs.drop(columns="label").to_numpy(), probs["label"], ln.UniformNoise(), [0, 0.5], 20
    )
    got = [row["predicted"] for row in json.loads(done.stdout)["table"]]
    np.testing.assert_allclose(got, expected.accuracy.ravel(), rtol=1e-12)


def test_curve_takes_a_matrix_file_and_refuses_its_transpose(files):
    np.save(files / "matrix.npy", ln.MatrixNoise.random(10, random_state=0).corruption_matrix)
    done = run(
        *("curve", "--features", files / "x.npy", "--labels", files / "y.npy", "--noise", files / "matrix.npy"),
        *("-k", "5", "--output-dir", files / "out", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["table"]) == 9  # The paper has these noise rates for matrices.
    np.save(files / "columns.npy", np.load(files / "matrix.npy").T)
    fails(
        *(2, "curve", "--features", files / "x.npy", "--labels", files / "y.npy", "--noise", files / "columns.npy"),
        says="Pass its transpose",
    )


def test_corrupt_writes_labels_and_the_record(files):
    out = files / "noisy"
    done = run(
        "corrupt", "--labels", files / "y.npy", "--noise-rate", 0.3, "--noise", "flip", "--output-dir", out, "--json"
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["changed_rate"] == summary["noise_rate"] == 0.3
    noisy = ln.NoisyLabels.load(out / "noisy_labels.npz")
    table = pd.read_csv(out / "noisy_labels.csv")
    assert table["label"].tolist() == noisy.labels.tolist()
    assert table["selected"].sum() == 120


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        ("kmeans", "k-means cluster placement"),
        ("concentrated", "concentrated placement"),
        ("boundary", "class boundary placement"),
        ("hubs", "hubness-proportional placement"),
    ],
)
def test_corrupt_places_the_noise(files, tmp_path, placement, said):
    where = ("--features", files / "x.npy", "--placement", placement, "--output-dir", tmp_path / "out")
    status, out, _ = run("corrupt", "--labels", files / "y.npy", "--noise-rate", 0.3, "--noise", "flip", *where)
    assert status == 0
    assert said in out
    assert ln.NoisyLabels.load(tmp_path / "out" / "noisy_labels.npz").placement["name"] in said


class TestBadInput:
    def test_there_must_be_one_complete_source(self, files):
        fails(2, "curve", says="give one source")
        fails(2, "curve", "--features", files / "x.npy", says="needs --labels")
        fails(2, "curve", "--features", files / "x.npy", "--pred-probs", files / "probs.csv", says="give one source")
        x, y, probs = files / "x.npy", files / "y.npy", files / "probs.csv"
        fails(2, "curve", "--pred-probs", probs, "--labels", y, "--simulate", says="needs training samples")
        fails(2, "curve", "--features", x, "--labels", y, "--test-features", x, says="go together")

    def test_files_that_cannot_be_read_are_named(self, files):
        (files / "empty.npy").write_bytes(b"")
        (files / "cut.npy").write_bytes((files / "x.npy").read_bytes()[:1000])
        np.save(files / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
        for name, says in [
            ("missing.npy", "missing.npy"),
            ("empty.npy", "empty"),
            ("cut.npy", "cut short"),
            ("objects.npy", "objects"),
        ]:
            fails(2, "curve", "--features", files / name, "--labels", files / "y.npy", says=says)
        fails(2, "corrupt", "--labels", f"{files}/probs.csv:labl", "--noise-rate", 0.1, says="label")

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            (
                ["--noise", "gaussian"],
                "noise must be uniform, flip or a file that holds a corruption matrix; got 'gaussian'",
            ),
            (["--noise", "flip", "--mapping", "1,1,0"], "must be a permutation"),
            (["--noise", "uniform", "--mapping", "1,0"], "a mapping goes with flip noise; got uniform"),
            (["--noise-rates", "0,1.5"], "must lie in [0, 1]; got 1.5"),
            (["--noise-rates", "nan"], "must lie in [0, 1]; got nan"),
            (["-k", "0"], "`k` must be at least 1"),
            (["-k", "ten"], "must be numbers separated by commas"),
            (["-k", "400"], "400"),
            (["--repeats", "0"], "0"),
            (["--concentration", "2"], "2"),
            (["--concentration", "0.5", "--simulate"], "give --placement concentrated as well"),
            (["--concentration", "0.5", "--simulate", "--placement", "hubs"], "leave --concentration out"),
            (["--placement", "hubs"], "hubness-proportional placement needs --simulate"),
            (["--ties", "first"], "first"),
        ],
    )
    def test_bad_options_are_refused(self, files, options, says):
        fails(2, "curve", "--features", files / "x.npy", "--labels", files / "y.npy", *options, says=says)

    def test_labels_must_be_as_many_as_features(self, files):
        np.save(files / "short.npy", np.arange(10))
        fails(2, "curve", "--features", files / "x.npy", "--labels", files / "short.npy", says="10")

    def test_an_output_folder_that_cannot_be_written_is_found_before_work_starts(self, files):
        (files / "taken").write_text("a file")
        for folder in (files / "taken", files / "taken" / "below"):
            fails(
                *(2, "curve", "--features", files / "x.npy", "--labels", files / "y.npy", "--output-dir", folder),
                says="taken",
            )

    def test_no_room_for_the_figure_keeps_the_finished_table(self, files):
        """With a real limit of 20 kB per file, the table fits and the figure does not."""
        arguments = (
            "--features",
            files / "x.npy",
            "--labels",
            files / "y.npy",
            "-k",
            "5",
            "--output-dir",
            files / "out",
        )
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # noqa: E731
        run_process("curve", *arguments)  # This fills the compilation cache, which the limit would hit as well.
        before = (files / "out" / "curve.png").read_bytes()
        (files / "out" / "curve.csv").unlink()
        fails(1, "curve", *arguments, call=partial(run_process, preexec_fn=limit), says="curve.png")
        assert len(pd.read_csv(files / "out" / "curve.csv")) == 19
        assert (files / "out" / "curve.png").read_bytes() == before
        assert not [p for p in (files / "out").iterdir() if "curve" not in p.name or p.name.startswith(".")]


# Both recipes use 400 training and 100 test digits, and search the same neighbors.
TWO = ("fig3a", "concentration_surface", "--scale", "smoke", "--set", "data.n_train=400", "--set", "data.n_test=100")
TWO = (*TWO, "--set", "k=5")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two recipes' results and their runs, and what the command printed."""
    folder = tmp_path_factory.mktemp("made")
    done = run("run", *TWO, "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "labelnoise-output", json.loads(done.stdout)


class TestList:
    def test_before_any_run_there_are_no_results(self):
        status, out, err = run("list", "--json")
        assert (status, err) == (0, "")
        rows = json.loads(out)
        assert [row["name"] for row in rows] == list(CATALOG)
        assert all(row["result"] is row["agrees"] is None for row in rows)
        assert {row["name"]: row["panels"] for row in rows if row["panels"]} == {"fig2": "abcd", "fig7": "abcdefgh"}
        status, out, err = run("list")
        assert (status, err) == (0, "")
        for name, entry in CATALOG.items():
            assert f"\n{name} " in out
            assert entry.title.split()[0] in out

    def test_results_are_shown(self, made):
        folder, results = made
        _, out, _ = run("list", "--output-dir", folder / "figures", "--json")
        found = {row["name"]: (row["result"], row["agrees"]) for row in json.loads(out) if row["result"]}
        assert found == {result["name"]: ("smoke", result["agrees"]) for result in results}
        _, out, _ = run("list", "--output-dir", folder / "figures")
        assert sum(line.rstrip().endswith(" smoke") for line in out.splitlines()) == 2  # Smoke has no verdict.

    def test_runs_are_listed_with_their_status(self, made):
        store = made[0] / "runs"
        _, out, _ = run("list", "--runs", "--store", store, "--json")
        rows = json.loads(out)
        kinds = ["neighbours", "votes", "votes", "votes"]  # codespell:ignore neighbours
        assert sorted(row["kind"] for row in rows) == kinds
        assert {row["status"] for row in rows} == {"finished"}
        _, out, _ = run("list", "--runs", "--store", store)
        assert out.endswith("4 finished\n")
        assert all(row["id"][:8] in out for row in rows)
        assert "votes on digits (400 training images), flip 0.5, 3 repeats" in out

    def test_errors_are_shown_in_full_and_not_as_markup(self, tmp_path):
        """Words in brackets are not markup, and a long path is not cut."""
        store, absent = RunStore(tmp_path / "store"), recipe_named("fig3a", "smoke")[1].neighbors
        store.save_failure(absent, ImportError(f"see [/foo], pip install 'labelnoise[cnn]', {'x' * 150}"))
        status, out, _ = run("list", "--runs", "--store", store.folder)
        assert status == 0
        assert "see [/foo], pip install 'labelnoise[cnn]'," in " ".join(out.split())
        assert out.count("x") >= 150

    def test_a_damaged_result_is_named(self, tmp_path):
        (tmp_path / "out" / "fig1").mkdir(parents=True)
        (tmp_path / "out" / "fig1" / "fig1.json").write_text("{")
        status, out, err = run("list", "--output-dir", "out")
        assert (status, out) == (2, "")
        assert "fig1.json must be what `labelnoise run fig1` wrote" in err

    def test_without_a_store_there_are_no_runs_yet(self):
        assert run("list", "--runs", "--store", "nowhere") == (0, "none yet\n", "")
        assert run("list", "--runs", "--store", "nowhere", "--json") == (0, "[]\n", "")


class TestRun:
    def test_json_holds_what_the_files_hold(self, made):
        folder, results = made
        assert [result["name"] for result in results] == ["fig3a", "concentration_surface"]
        for result in results:
            assert result["scale"] == "smoke"
            assert result["failures"] == []
            assert result["statement"] == CATALOG[result["name"]].statement
            kinds = {Path(path).suffix for path in result["files"]}
            assert kinds == {".png", ".svg", ".pdf", ".csv", ".parquet", ".json"}
            beside = json.loads((folder / "figures" / result["name"] / f"{result['name']}.json").read_text())
            assert (beside["finding"], beside["values"]) == (result["finding"], result["values"])
            assert (beside["specification"]["data"]["n_train"], beside["specification"]["data"]["n_test"]) == (400, 100)
        ledger = (folder / "figures" / "LEDGER.md").read_text()
        assert all(result["finding"] in ledger for result in results)

    def test_the_same_command_performs_nothing_and_keeps_the_ledger(self, made, tmp_path):
        """A panel that an earlier call made in the same folder stays in the ledger."""
        folder = shutil.copytree(made[0], tmp_path / "copy")
        (folder / "figures" / "fig2c").mkdir()
        surface = folder / "figures" / "concentration_surface" / "concentration_surface.json"
        shutil.copy(surface, folder / "figures" / "fig2c" / "fig2c.json")
        before = {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("run.json")}
        status, out, err = run("run", *TWO, "--output-dir", folder / "figures", "--store", folder / "runs")
        assert (status, err) == (0, "")
        assert {path: path.stat().st_mtime_ns for path in (folder / "runs").rglob("run.json")} == before
        finding = made[1][0]["finding"]
        assert f"  found:    {finding}" in out
        assert out.count("  expected: ") == 2
        assert f"Figure: {folder}/figures/fig3a/fig3a.png" in out
        assert f"Ledger: {folder}/figures/LEDGER.md" in out
        rows = (folder / "figures" / "LEDGER.md").read_text().splitlines()[4:]
        assert [row.split("]")[0] for row in rows] == ["| [fig3a", "| [concentration_surface", "| [fig2c"]

    def test_two_worker_processes_give_the_result_of_a_direct_call(self, tmp_path):
        status, _, err = run(
            *("run", "fig3a", "--scale", "smoke", "--set", "noise_rates=0.2,0.45", "--set", "k=3,7"),
            *("--set", "repeats=2", "--random-state", 5, "--workers", 2, "--json"),
        )
        assert (status, err) == (0, "")
        table = pd.read_csv(tmp_path / "labelnoise-output/figures/fig3a/fig3a.csv")
        train, test = load_digits()
        expected = ln.simulate_knn(
            *(ln.neighbors(train.features, test.features, k=7), train.labels, test.labels, ln.FlipNoise()),
            *([0.2, 0.45], [3, 7]),
            repeats=2,
            random_state=5,
        )
        np.testing.assert_allclose(table["measured"], expected.accuracy.ravel(), atol=1e-12)

    def test_a_tilde_is_the_users_home_and_brackets_in_its_name_are_not_markup(self, made, tmp_path, monkeypatch):
        """A shell leaves the tilde in --store=~/runs as it is."""
        home = tmp_path / "[bold]" / "[/foo]"
        monkeypatch.setenv("HOME", str(home))
        shutil.copytree(made[0] / "runs", home / "runs")
        status, out, err = run("run", *TWO, "--output-dir=~/out", "--store=~/runs")
        assert (status, err) == (0, "")
        assert f"Figure: {home}/out/fig3a/fig3a.png" in out
        assert f"Ledger: {home}/out/LEDGER.md" in out
        assert "[fig3a]" in (home / "out" / "LEDGER.md").read_text()
        assert run("list", "--runs", "--store=~/runs")[0] == 0
        assert "smoke" in run("list", "--output-dir=~/out")[1]

    def test_other_files_may_lie_beside_the_results_but_no_damaged_one(self, made, tmp_path):
        """For example, those of `labelnoise curve` may."""
        folder = shutil.copytree(made[0], tmp_path / "copy")
        (folder / "figures" / "curve").mkdir()
        (folder / "figures" / "curve" / "curve.json").write_text('{"title": "Flip noise"}')
        (folder / "figures" / "fig1").mkdir()
        (folder / "figures" / "fig1" / "fig1.json").write_text("{")
        status, out, err = run("run", *TWO, "--output-dir", folder / "figures", "--store", folder / "runs")
        assert (status, out.count("  found:  ")) == (2, 2)
        assert "fig1.json must be what `labelnoise run fig1` wrote" in err
        assert "curve.json" not in err

    def test_knn_on_pixels_runs_without_torch(self, monkeypatch):
        """No network is trained, and nothing checks for a GPU."""
        found = importlib.util.find_spec
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else found(name))
        monkeypatch.setattr("labelnoise.studies.run_recipes.PACKAGES", ("numpy", "no-such-package"))
        monkeypatch.setattr("torch.cuda.is_available", lambda: pytest.fail("it is not there"))
        status, out, err = run("run", "concentration_surface", "--scale", "smoke", "--set", "k=5", "--json")
        assert (status, err) == (0, "")
        (path,) = (path for path in json.loads(out)[0]["files"] if path.endswith(".json"))
        assert json.loads(Path(path).read_text())["versions"] == {"numpy": np.__version__, "no-such-package": None}

    @pytest.mark.parametrize("option", [("--workers", 2), ("--executor", "dask://host:1")])
    def test_torchrun_takes_no_executor(self, monkeypatch, option):
        monkeypatch.setenv("WORLD_SIZE", "2")
        status, _, err = run("run", "fig4c", *option)
        assert status == 2
        assert "torchrun's processes share each run; start them without --workers and --executor." in err

    def test_an_interrupt_is_reported_and_the_command_can_be_resumed(self, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(VotingRun, "perform", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            status, out, err = run("run", "fig3a", "--scale", "smoke", "--set", "k=5")
        assert (status, out) == (130, "")
        assert err == "labelnoise: interrupted; files already written are complete.\n"
        rows = RunStore(tmp_path / "labelnoise-output" / "runs").list()
        done = [(row.kind, row.status) for row in rows]
        assert done == [("neighbours", "finished"), ("votes", "interrupted")]  # codespell:ignore neighbours
        assert run("run", "fig3a", "--scale", "smoke", "--set", "k=5")[0] == 0

    def test_show_prints_specifications_and_does_nothing_else(self, tmp_path):
        status, out, err = run("run", "fig4a", "fig2c", "--show", "--scale", "paper", "--random-state", 7)
        assert (status, err) == (0, "")
        shown = json.loads(out)
        assert list(shown) == ["fig2c", "fig4a"]  # Keys are sorted, as in all JSON.
        assert shown["fig4a"]["training"]["seed"] == shown["fig2c"]["settings"]["c"]["training"]["seed"] == 7
        empty = dict.fromkeys(("n_train", "n_test", "n_classes", "streamed"))
        assert shown["fig4a"]["data"] == {"name": "mnist", "seed": 0, **empty}  # All fields are shown.
        assert shown["fig4a"]["training"]["device"] == "auto"
        _, out, _ = run("run", "fig4a", "--show", "--set", "training.epochs=5", "--set", "noise=uniform")
        shown = json.loads(out)["fig4a"]
        assert (shown["training"]["epochs"], shown["noise"]) == (5, {"name": "uniform"})
        assert list(tmp_path.iterdir()) == []

    def test_a_failing_run_is_reported_and_the_others_are_written(self, tmp_path):
        """The neighbors that fig3a requires are damaged; fig10 needs none."""
        store = tmp_path / "store"
        neighbors = store / "finished" / run_id(recipe_named("fig3a", "smoke")[1].neighbors)
        neighbors.mkdir(parents=True)
        (neighbors / "run.json").write_text("{")
        status, out, err = run("run", "fig3a", "fig10", "--scale", "smoke", "--store", store, "--output-dir", "out")
        assert status == 1
        assert out.count("  failed: votes on digits") == 3
        assert f"Delete the folder {neighbors}, and the run is done again." in out
        assert "fig3a failed, see above; finished runs are kept." in err
        assert "Traceback" not in err
        assert (tmp_path / "out" / "fig10" / "fig10.png").stat().st_size > 0
        assert not list((tmp_path / "out" / "fig3a").iterdir())
        ledger = (tmp_path / "out" / "LEDGER.md").read_text()
        assert "[fig10]" in ledger
        assert "[fig3a]" not in ledger
        status, out, err = run("run", "fig3a", "--scale", "smoke", "--store", store, "--json")
        assert status == 1
        (result,) = json.loads(out)  # Standard output holds nothing else.
        assert (result["finding"], len(result["failures"])) == (None, 3)

    def test_missing_data_is_reported(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        status, out, err = run("run", "fig3a", "--scale", "smoke", "--set", f"data.name={tmp_path}/nowhere")
        assert status == 1
        assert f"failed: 30 neighbors on {tmp_path}/nowhere, pixels" in out
        assert "Traceback" not in out + err

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ([], "Missing argument"),
            (["fig99"], "`name` must be one of 'fig1', 'fig2', 'fig3a'"),
            (["fig3a", "fig99"], "got 'fig99'"),
            (["fig3a", "--scale", "huge"], "'huge' is not one of 'smoke', 'laptop', 'paper'"),
            (["fig3a", "--set", "repeat=3"], "`repeat` must name a field; there is no 'repeat', but data, training"),
            (["fig3a", "--set", "repeats"], "must be FIELD=VALUE"),
            (["fig3a", "--set", "repeats=x"], "`repeats` must be of type int; got 'x'"),
            (["fig3a", "fig1", "--set", "repeats=3"], "there is no 'repeats'"),
            (["fig3a", "--set", "noise_rates="], "`noise_rates` must be one number or a non-empty sequence"),
            (["concentration_network", "--set", "k=1"], "`k` must be at least 2"),
            (["fig3a", "--set", "data.n_train=0"], "`n_train` must be at least 1; got 0"),
            (["fig3a", "--executor", "gopher://host"], "gopher"),
            (["fig3a", "--workers", "0"], "at least 1; got 0"),
            (["fig3a", "--workers", "2", "--executor", "dask://host:1"], "executor"),
            (["fig3a", "--random-state", "-1"], "must not be negative; got -1"),
            (["fig3a", "--random-state", "x"], "Invalid value for '--random-state'"),
        ],
    )
    def test_bad_input_is_refused_before_anything_is_done(self, tmp_path, arguments, says):
        status, out, err = run("run", *arguments)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert err.startswith("labelnoise: ")
        assert says in err
        assert list(tmp_path.iterdir()) == []

    def test_an_output_folder_that_is_a_file_is_refused(self, tmp_path):
        (tmp_path / "out").write_text("a file")
        status, _, err = run("run", "fig3a", "--scale", "smoke", "--output-dir", "out")
        assert status == 2
        assert "out is a file. Choose another path." in err
        assert not (tmp_path / "labelnoise-output").exists()
