"""The command line, as a process: what it writes, what it prints, how it fails."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import labelnoise as ln


def run(*arguments, cwd=None, env=None, preexec_fn=None):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "labelnoise", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        preexec_fn=preexec_fn,
    )


def fails(status, *arguments, says, **kwargs):
    done = run(*arguments, **kwargs)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert says in " ".join(done.stderr.split()), done.stderr
    return done


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


@pytest.mark.parametrize("command", [[], ["demo"], ["curve"], ["corrupt"]])
def test_help_has_an_example(command):
    done = run(*command, "--help")
    assert done.returncode == 0
    if command:
        assert "Example" in done.stdout
        for option in ("--output-dir", "--random-state", "--json"):
            assert option in done.stdout


def test_demo_leaves_tables_pictures_and_a_page(tmp_path):
    done = run("demo", "--repeats", 2, "--output-dir", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    page = Path(result["page"]).read_text()
    for record in result["curves"]:
        for kind in ("parquet", "csv", "json", "png", "svg", "pdf"):
            assert Path(record["files"][kind]).stat().st_size > 0
        name = record["specification"]["name"]
        assert f'href="{name}.csv"' in page
        # spread noise, and clusters at their measured concentration, are predicted within sampling error
        assert np.mean([abs(row["difference_points"]) for row in record["table"]]) < 2
    assert page.count("<svg") == 3
    uniform = pd.read_parquet(result["curves"][0]["files"]["parquet"])
    assert set(uniform["k"]) == {5, 10, 30}
    again = run("demo", "--repeats", 2, "--output-dir", tmp_path / "again", "--json")
    assert [c["table"] for c in json.loads(again.stdout)["curves"]] == [c["table"] for c in result["curves"]]


def test_curve_from_feature_files_with_measurement(files):
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
    assert record["table"][0]["accuracy"] == pytest.approx(expected)
    assert "leave one out" in record["specification"]["data"]


def test_curve_from_predicted_probabilities(files):
    done = run(
        *("curve", "--pred-probs", files / "probs.csv", "--labels", f"{files}/probs.csv:label"),
        *("--noise-rates", "0,0.5", "-k", "20", "--output-dir", files / "out", "--json"),
    )
    assert done.returncode == 0, done.stderr
    probs = pd.read_csv(files / "probs.csv")
    expected = ln.accuracy_curve(
        probs.drop(columns="label").to_numpy(), probs["label"], ln.UniformNoise(), [0, 0.5], 20
    )
    got = [row["accuracy"] for row in json.loads(done.stdout)["table"]]
    np.testing.assert_allclose(got, expected.accuracy.ravel(), rtol=1e-12)


def test_curve_with_a_matrix_file(files):
    np.save(files / "matrix.npy", ln.MatrixNoise.random(10, random_state=0).corruption_matrix)
    done = run(
        *("curve", "--features", files / "x.npy", "--labels", files / "y.npy", "--noise", files / "matrix.npy"),
        *("-k", "5", "--output-dir", files / "out", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["table"]) == 9  # the paper's levels for a general matrix
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
    concentrated = run(
        *("corrupt", "--labels", files / "y.npy", "--noise-rate", 0.3, "--noise", "flip", "--placement", "kmeans"),
        *("--features", files / "x.npy", "--output-dir", out),
    )
    assert concentrated.returncode == 0, concentrated.stderr
    assert "k-means cluster placement" in concentrated.stdout


class TestBadInput:
    def test_sources(self, files):
        fails(2, "curve", says="give one source")
        fails(2, "curve", "--features", files / "x.npy", says="needs --labels")
        fails(2, "curve", "--features", files / "x.npy", "--pred-probs", files / "probs.csv", says="give one source")
        x, y, probs = files / "x.npy", files / "y.npy", files / "probs.csv"
        fails(2, "curve", "--pred-probs", probs, "--labels", y, "--simulate", says="needs training samples")
        fails(2, "curve", "--features", x, "--labels", y, "--test-features", x, says="go together")

    def test_files(self, files):
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
            (["--noise", "gaussian"], "`--noise` must be uniform, flip or a file"),
            (["--noise", "flip", "--mapping", "1,1,0"], "must be a permutation"),
            (["--noise", "uniform", "--mapping", "1,0"], "goes with --noise flip"),
            (["--noise-rates", "0,1.5"], "must lie in [0, 1]; got 1.5"),
            (["--noise-rates", "nan"], "must lie in [0, 1]; got nan"),
            (["-k", "0"], "`k` must be at least 1"),
            (["-k", "ten"], "must be numbers separated by commas"),
            (["-k", "400"], "400"),
            (["--repeats", "0"], "0"),
            (["--concentration", "2"], "2"),
            (["--ties", "first"], "first"),
        ],
    )
    def test_options(self, files, options, says):
        fails(2, "curve", "--features", files / "x.npy", "--labels", files / "y.npy", *options, says=says)

    def test_lengths(self, files):
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
        """A real limit of 20 kB a file: the table fits, the figure does not."""
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
        env = {"NUMBA_CACHE_DIR": str(files / "numba"), "PYTHONDONTWRITEBYTECODE": "1"}
        run("curve", *arguments, env=env)  # fills the compilation cache, which the limit would hit as well
        before = (files / "out" / "curve.png").read_bytes()
        (files / "out" / "curve.csv").unlink()
        fails(1, "curve", *arguments, env=env, preexec_fn=limit, says="curve.png")
        assert len(pd.read_csv(files / "out" / "curve.csv")) == 19
        assert (files / "out" / "curve.png").read_bytes() == before
        assert not [p for p in (files / "out").iterdir() if "curve" not in p.name or p.name.startswith(".")]
