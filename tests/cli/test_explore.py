"""The command `labelnoise explore`."""

from __future__ import annotations

import json
import webbrowser

import pytest
from helpers.schema import documented

from labelnoise.cli.main import main
from labelnoise.explorer import explorer_page
from labelnoise.jobs import explore


@pytest.fixture
def opened(monkeypatch):
    """The addresses that a browser was asked to open."""
    asked = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or True)
    monkeypatch.setattr(explore.sys, "platform", "linux")
    monkeypatch.setenv("DISPLAY", ":0")
    return asked


@pytest.fixture
def command(opened, tmp_path, monkeypatch, capsys):
    """Run the command; return the exit status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*options):
        monkeypatch.setattr("sys.argv", ["labelnoise", "explore", *map(str, options)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return run


def test_the_page_is_written_and_opened(command, opened, tmp_path):
    status, out, _ = command()
    path = tmp_path / "labelnoise-output" / "explorer.html"
    assert status == 0
    assert opened == [path.as_uri()]
    assert f"Explorer: {path}" in out
    assert path.read_text(encoding="utf-8") == explorer_page(explore.ExplorerSetting().state())


@pytest.mark.parametrize("how", ["--no-open", "--json", "no display"])
def test_no_browser_is_opened_without_a_display_or_a_reader(command, opened, monkeypatch, how):
    if how == "no display":
        monkeypatch.delenv("DISPLAY")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert command(*([how] if how.startswith("--") else []))[0] == 0
    assert opened == []


def test_json_names_the_file_and_the_address_of_the_setting(command, tmp_path):
    _, out, _ = command("--output", "e.html", "--classes", 5, "-k", "3,7", "--noise", "flip", "--json")
    record = json.loads(out)
    assert set(record) == set(documented("JSON of labelnoise explore"))
    state = "classes=5&k=3,7&noise=flip&ties=random&concentration=0.0"
    assert record["address"] == f"{(tmp_path / 'e.html').as_uri()}#{state}"
    assert record["files"] == {"page": str(tmp_path / "e.html")}
    assert state.replace("&", "&amp;") in (tmp_path / "e.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--classes", 21), "`--classes` must be 2 to 20, or 100; got 21."),
        (("-k", "1,2,3,4"), "`k` must be up to 3 numbers"),
        (("-k", "101"), "`k` must be at most 100"),
        (("--concentration", 2), "`concentration` must lie in"),
        (("--classes", 2, "--noise", "two_alternatives"), "`n_classes` must be at least 3"),
    ],
)
def test_what_the_page_cannot_show_is_an_error(command, tmp_path, options, message):
    status, _, error = command(*options)
    assert status == 2
    assert message in error
    assert not list(tmp_path.iterdir())


def test_another_file_is_kept_and_an_earlier_explorer_is_replaced(command, tmp_path):
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    status, _, error = command("--output", mine)
    assert (status, mine.read_text()) == (2, "mine")
    assert "--overwrite" in error
    assert command("--output", mine, "--overwrite")[0] == command("--output", mine, "--classes", 3)[0] == 0
    assert "classes=3" in mine.read_text(encoding="utf-8")
