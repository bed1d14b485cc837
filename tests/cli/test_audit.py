"""The command `labelnoise audit`."""

from __future__ import annotations

import json
import urllib.request

import pytest
from helpers.noisy_population import population
from helpers.schema import documented

from labelnoise.audit_page import AuditServer
from labelnoise.cli.main import main
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.jobs import explore

PEOPLE = population(200, k=4)


@pytest.fixture
def path(tmp_path):
    return Audit.draw(PEOPLE.diagnosis(), 5, pairs=False, random_state=0).to_csv(tmp_path / "audit.csv")


@pytest.fixture
def command(monkeypatch, capsys):
    """Run the command; the person is what answers, once the server listens. Return status, output and errors."""
    monkeypatch.setattr(explore, "has_display", lambda: False)

    def run(*options, person=lambda server: None):
        def serve(server, poll_interval=0.5):
            person(server)
            raise KeyboardInterrupt

        monkeypatch.setattr(AuditServer, "serve_forever", serve)
        monkeypatch.setattr("sys.argv", ["labelnoise", "audit", *map(str, options)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return run


def answers_one(server):
    server.session.answer(server.session.state()["samples"][0]["index"], "dog", None)


def test_the_address_and_the_progress_are_said(command, path):
    addresses = []
    status, out, _ = command(path, person=lambda server: addresses.append(server.address))
    assert status == 0
    assert f"Audit: {addresses[0]}" in out
    assert "5 samples to check\n" in out
    assert "0 of 5 samples checked, 0 unsure, 5 open; run the same command again to go on" in out
    _, out, _ = command(path, person=answers_one)
    assert "1 of 5 samples checked" in out


def test_json_goes_to_standard_output_alone(command, path):
    status, out, error = command(path, "--json", person=answers_one)
    record = json.loads(out)
    assert status == 0
    assert set(record) == set(documented("JSON of labelnoise audit"))
    assert record["progress"] == {"samples": 5, "checked": 1, "unsure": 0, "open": 4}
    assert record["files"] == {"audit": str(path)}
    assert "Audit: http://127.0.0.1:" in error


def test_a_browser_is_opened_where_there_is_a_display(command, path, monkeypatch):
    opened = []
    monkeypatch.setattr(explore, "has_display", lambda: True)
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    command(path, person=lambda server: opened.append(server.address))
    assert opened[0] == opened[1]
    command(path, "--no-open")
    assert len(opened) == 2


def test_a_file_that_is_no_audit_is_an_error(command, tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    status, _, error = command(tmp_path / "x.csv")
    assert status == 2
    assert "must be an audit that labelnoise wrote" in error
    assert command(tmp_path / "missing.csv")[0] == 2


def test_a_port_that_is_taken_is_an_error(command, path):
    other = []

    def person(server):
        other.append(command(path, "--port", server.server_port))

    command(path, person=person)
    assert other[0][0] in (1, 2)
    assert "use" in other[0][2]


def test_the_server_is_gone_afterwards(command, path):
    addresses = []
    command(path, person=lambda server: addresses.append(server.address))
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(addresses[0], timeout=5)
