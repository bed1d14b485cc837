"""The command that makes a page of finished results, and --report of others."""

import json

import numpy as np
import pytest
from helpers.results import write_curve
from typer.testing import CliRunner

from labelnoise.cli.main import app


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_answer_and_the_place_of_the_page_are_printed(tmp_path):
    write_curve(tmp_path)
    done = run("report", tmp_path, "--output", tmp_path / "page.html")
    assert done.exit_code == 0
    assert done.stdout.startswith("With K = 10, nearest neighbors keep nine tenths")
    assert "page.html" in done.stdout


def test_json_is_the_summary_with_the_page(tmp_path):
    write_curve(tmp_path)
    found = json.loads(run("report", tmp_path, "--json").stdout)
    assert found["files"] == {"report": str(tmp_path / "index.html")}
    assert [number["name"] for number in found["numbers"]][1] == "tolerated noise rate"
    assert found["parts"][0]["kind"] == "curve"


def test_no_results_and_other_files_are_errors(tmp_path):
    assert isinstance(run("report", tmp_path).exception, ValueError)
    (tmp_path / "index.html").write_text("mine")
    write_curve(tmp_path)
    assert isinstance(run("report", tmp_path).exception, FileExistsError)
    assert run("report", tmp_path, "--overwrite").exit_code == 0


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    np.save(tmp_path / "x.npy", 6 * np.eye(3)[labels] + rng.standard_normal((90, 3)))
    np.save(tmp_path / "y.npy", labels)
    return ("--features", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--output-dir", tmp_path / "out")


@pytest.mark.parametrize(
    "command",
    [
        ("curve", "--noise-rates", "0,0.3,0.6", "-k", "5"),
        ("corrupt", "--noise-rate", "0.2"),
        ("diagnose", "--audit-samples", "20", "--plan", "5"),
    ],
    ids=lambda command: command[0],
)
def test_commands_write_the_report_if_it_is_asked_for(tmp_path, files, command):
    page = tmp_path / "out" / "index.html"
    assert run(*command, *files, "--no-report").exit_code == 0
    assert not page.exists()
    done = run(*command, *files, "--report", "--json")
    assert done.exit_code == 0
    paths = json.loads(done.stdout)["files"]
    assert paths["page" if command[0] == "diagnose" else "report"] == str(page)
    assert "<h1>" in page.read_text()


def test_a_page_of_somebody_else_stops_a_command_before_its_work(tmp_path, files):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("mine")
    done = run("curve", "-k", "5", *files, "--report")
    assert isinstance(done.exception, FileExistsError)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]
