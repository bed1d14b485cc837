"""The server answers whoever has its address, on this machine, and nobody else."""

from __future__ import annotations

import http.client
import json
import threading

import pytest
from helpers.noisy_population import population

from labelnoise.audit_page import AuditServer, AuditSession
from labelnoise.diagnosis.auditing.audit import Audit

PEOPLE = population(200, k=4)


@pytest.fixture
def server(tmp_path):
    path = Audit.draw(PEOPLE.diagnosis(), 5, random_state=0).to_csv(tmp_path / "audit.csv")
    with AuditServer(AuditSession(path)) as running:
        thread = threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """Send a request below the token; return status, headers and content."""

    def send(method, what="", body=None, *, token=server.token, path=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if content is None else {"Content-Type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path or f"/{token}/{what}", content, {**kind, **named})
        response = connection.getresponse()
        found = response.status, dict(response.getheaders()), response.read()
        connection.close()
        return found

    return send


def answers(server):
    return Audit.read_csv(server.session.path).n_checked


def first_answer(server):
    return {"index": server.session.state()["samples"][0]["index"], "answer": "dog", "seen": None}


def test_it_listens_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.server_port}/{server.token}/"
    assert len(server.token) >= 43  # 256 random bits


def test_page_state_and_answer(server, ask):
    status, headers, content = ask("GET")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert b"default-src" in content
    status, headers, content = ask("GET", "state")
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    assert json.loads(content) == server.session.state()
    status, _, content = ask("POST", "answer", first_answer(server))
    assert status == 200
    assert json.loads(content)["samples"][0]["answer"] == "dog"
    assert answers(server) == 1


@pytest.mark.parametrize("what", ["", "state", "image/1", "../state", "%2e%2e/state"])
@pytest.mark.parametrize("token", ["wrong", "", "%C3%A9", "9" * 43])
def test_nothing_is_read_without_the_token(ask, what, token):
    status, _, content = ask("GET", what, path=f"/{token}/{what}")
    assert status == 403
    assert b"samples" not in content


@pytest.mark.parametrize("path", ["/", "/state", "/favicon.ico", "//", "*"])
def test_other_addresses_are_refused(ask, path):
    assert ask("GET", path=path)[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "", "127.0.0.1:1"])
def test_another_host_is_refused_even_with_the_token(server, ask, host):
    assert ask("GET", "state", Host=host)[0] == 403
    assert ask("POST", "answer", first_answer(server), Host=host)[0] == 403
    assert answers(server) == 0


def test_the_name_localhost_is_this_machine(server, ask):
    assert ask("GET", "state", Host=f"localhost:{server.server_port}")[0] == 200


def test_an_answer_needs_the_token_and_the_page_as_origin(server, ask):
    answer = first_answer(server)
    assert ask("POST", "answer", answer, token="wrong")[0] == 403
    assert ask("POST", "answer", answer, Origin="http://evil.example")[0] == 403
    assert ask("POST", "answer", answer, Origin="null")[0] == 403
    assert answers(server) == 0
    assert ask("POST", "answer", answer, Origin=f"http://127.0.0.1:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'{"index": 1}', b"x" * 20_000, b"\xff", b"[" * 9_000),
        {"index": "1", "answer": "dog", "seen": None},
        {"index": True, "answer": "dog", "seen": None},
        {"index": 1, "answer": ["dog"], "seen": None},
        {"index": 1, "answer": "dog", "seen": 3},
        {"index": 1, "answer": "dog", "seen": None, "path": "/etc/passwd"},
    ],
)
def test_a_request_that_is_no_answer_is_refused(server, ask, body):
    assert ask("POST", "answer", body)[0] == 400
    assert answers(server) == 0


def test_a_form_of_another_site_is_refused(server, ask):
    status, _, _ = ask("POST", "answer", first_answer(server), Content_Type="text/plain")
    assert (status, answers(server)) == (400, 0)


def test_errors_are_one_line_and_conflicts_are_told_apart(server, ask):
    answer = first_answer(server)
    status, _, content = ask("POST", "answer", {**answer, "answer": "dgo"})
    assert status == 422
    assert json.loads(content)["error"].startswith("an answer must be one of the 3 classes")
    status, _, content = ask("POST", "answer", {**answer, "seen": "cat"})
    assert status == 409
    assert "was answered elsewhere" in json.loads(content)["error"]


NOWHERE = ["image/0", f"image/{'9' * 5000}", "image/../state", "image/audit.csv", "audit.csv", "image/-1", "image/"]


@pytest.mark.parametrize("what", NOWHERE, ids=range(len(NOWHERE)))
def test_nothing_else_is_served(ask, what):
    status, _, content = ask("GET", what)
    assert status == 404
    assert b"design" not in content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "HEAD"])
def test_other_methods_are_refused(ask, method):
    status, headers, _ = ask(method, "state")
    assert status == 501
    assert "Access-Control-Allow-Origin" not in headers


def test_many_answers_at_once_are_all_kept(server, ask):
    indices = [sample["index"] for sample in server.session.state()["samples"]]
    threads = [
        threading.Thread(target=ask, args=("POST", "answer", {"index": index, "answer": "dog", "seen": None}))
        for index in indices
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers(server) == len(indices)


def test_the_stop_button_ends_the_server(tmp_path):
    path = Audit.draw(PEOPLE.diagnosis(), 5, random_state=0).to_csv(tmp_path / "audit.csv")
    with AuditServer(AuditSession(path)) as running:
        thread = threading.Thread(target=lambda: running.serve_forever(poll_interval=0.02))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", running.server_port, timeout=10)
        connection.request("POST", f"/{running.token}/stop", b"{}", {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["checked"] == 0
        thread.join(timeout=10)
        connection.close()
        assert not thread.is_alive()


def test_a_browser_that_goes_away_leaves_the_terminal_alone(ask, monkeypatch, capfd):
    def goes_away(*_):
        raise BrokenPipeError

    monkeypatch.setattr("labelnoise.audit_page.server._Handler._send", goes_away)
    with pytest.raises(http.client.RemoteDisconnected):
        ask("GET", "state")
    assert capfd.readouterr().err == ""
