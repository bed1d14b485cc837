"""The scripts and the notebook in examples/ run, at small scale, and find what is true of their data."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def _no_window():
    import matplotlib.pyplot as plt

    with plt.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def run(name, *arguments, **keywords):
    """Run the function `main` of a script."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](*arguments, **keywords)


def test_clean_labels_bear_less_noise_where_it_is_concentrated(tmp_path, capsys):
    table = run("clean_labels", tmp_path, n=400)
    at = table.query("noise == 'flip' and k == 30 and 0.15 < noise_rate < 0.25").set_index("concentration")["accuracy"]
    assert at[0.5] < at[0] - 0.05
    assert (tmp_path / "clean_labels.csv").is_file()
    assert (tmp_path / "clean_labels.png").stat().st_size > 10_000
    assert capsys.readouterr().out.count("90% accuracy up to a noise rate of") == 8


def test_doubtful_labels_are_found_and_audited(tmp_path, capsys):
    found = run("doubtful_labels", tmp_path, n=300, checked=60)
    assert found.wrong_rate.low <= 0.2 <= found.wrong_rate.high
    assert len((tmp_path / "to_check.csv").read_text(encoding="utf-8-sig").splitlines()) == len(found.audit) + 1
    assert "wrong, with the audit" in capsys.readouterr().out


def test_ones_own_classifier_is_measured_beside_k_nn(tmp_path, capsys):
    display = run("my_classifier", tmp_path, n=400, repeats=1)
    accuracy = display.curve.accuracy[:, 0]
    assert accuracy[0] > 0.85
    assert accuracy[-1] < accuracy[0] - 0.2
    assert f"a vote of {display.effective_k.value} neighbors" in capsys.readouterr().out
    assert (tmp_path / "my_classifier.png").stat().st_size > 10_000


def test_the_picture_of_spread_and_concentrated_noise_is_drawn_for_light_and_dark_pages(tmp_path, monkeypatch, capsys):
    import sklearn.manifold

    class FirstTwo:  # t-SNE takes seconds, and only places the points.
        def __init__(self, **_):
            pass

        def fit_transform(self, features):
            return np.asarray(features)[:, 10:12]

    monkeypatch.setattr(sklearn.manifold, "TSNE", FirstTwo)
    run("spread_and_concentrated", tmp_path, repeats=2)
    assert {path.name for path in tmp_path.iterdir()} == {
        "spread-and-concentrated.png",
        "spread-and-concentrated-dark.png",
    }
    assert "concentrated  rho 0.8" in capsys.readouterr().out


class TestNotebook:
    @pytest.fixture
    def cells(self):
        """The code cells, as they are kept."""
        notebook = json.loads((EXAMPLES / "doubtful_digits.ipynb").read_text(encoding="utf-8"))
        return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]

    def test_it_runs_and_prints_what_it_shows(self, cells, capsys):
        namespace = {}
        same_output = runpy.run_path(str(EXAMPLES.parent / "docs" / "site" / "code_blocks.py"))["same_output"]
        for cell in cells:
            exec("".join(cell["source"]), namespace)
            shown = "".join("".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")
            assert same_output(shown, capsys.readouterr().out)
        assert namespace["checked"].wrong_rate.low <= 0.2 <= namespace["checked"].wrong_rate.high

    def test_it_was_run_from_top_to_bottom_without_errors(self, cells):
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
        assert not [
            o for cell in cells for o in cell["outputs"] if o["output_type"] == "error" or o.get("name") == "stderr"
        ]
