"""The server of the page: of this machine alone, for whoever has its address.

It listens on 127.0.0.1. Its address holds a random token, without which every request is refused; so other users of the
machine and pages of other sites cannot read or answer. The ``Host`` header must be that of the server, so that a site
whose name is made to point here (DNS rebinding) gets nothing. Images are served by the sample's index, never by a path.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from labelnoise.audit_page.session import AuditSession, ChangedMeanwhileError
from labelnoise.pages import one_file_page

_MOST_BYTES = 10_000  # of a request's body
_POLICY = "img-src 'self' data:; connect-src 'self'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class AuditServer(ThreadingHTTPServer):
    """Serves the page of a session until `stop` is called, or its button is pressed.

    Parameters
    ----------
    session : AuditSession
        The work.
    port : int, default 0
        Port to listen on; 0 takes a free one.

    Attributes
    ----------
    address : str
        Address of the page, with the token.
    """

    daemon_threads = True

    def __init__(self, session: AuditSession, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.session = session
        self.token = secrets.token_urlsafe(32)
        self.hosts = [f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")]
        self.address = f"http://{self.hosts[0]}/{self.token}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that went away before it had its answer; print other errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """End `serve_forever`, from any thread."""
        threading.Thread(target=self.shutdown, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: AuditServer
    server_version = "labelnoise"
    sys_version = ""
    timeout = 30  # seconds, after which a connection that says nothing is closed

    def do_GET(self) -> None:
        """Answer a request to read: the page, the state, or an image."""
        wanted = self._permitted()
        if wanted is None:
            return
        if wanted == "":
            page = one_file_page("labelnoise.audit_page", ("page.js",), policy=_POLICY)
            self._send(HTTPStatus.OK, page.encode(), "text/html; charset=utf-8")
        elif wanted == "state":
            self._send_json(self.server.session.state)
        elif image := re.fullmatch(r"image/([0-9]{1,18})", wanted):
            self._send_image(int(image[1]))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """Answer a request to write: an answer, or to stop."""
        content = self._content()
        wanted = self._permitted()
        if wanted is None:
            return
        origin = self.headers.get("Origin")
        if origin is not None and origin not in [f"http://{host}" for host in self.server.hosts]:
            self._refuse(HTTPStatus.FORBIDDEN, "requests come from the page alone")
        elif self.headers.get_content_type() != "application/json" or (body := _object(content)) is None:
            self._refuse(HTTPStatus.BAD_REQUEST, f"a request must be a JSON object of at most {_MOST_BYTES} bytes")
        elif wanted == "stop":
            self._send_json(self.server.session.progress)
            self.server.stop()
        elif wanted == "answer" and _is_answer(body):
            self._send_json(lambda: self.server.session.answer(body["index"], body["answer"], body["seen"]))
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, "a request must be an answer: index, answer, seen")

    def _content(self) -> bytes:
        """Return the body of the request, nothing if it is too long; a refused one must be read to be answered."""
        length = self.headers.get("Content-Length", "")
        short = re.fullmatch(r"[0-9]{1,6}", length) and int(length) <= _MOST_BYTES
        return self.rfile.read(int(length)) if short else b""

    def log_message(self, *_: Any) -> None:
        """Write nothing: the terminal is for the person."""

    def _permitted(self) -> str | None:
        """Return what is asked for, after the token; refuse the request and return None without host and token."""
        if self.headers.get_all("Host") not in [[host] for host in self.server.hosts]:
            self._refuse(HTTPStatus.FORBIDDEN, "the host must be this machine")
            return None
        token, slash, wanted = self.path.removeprefix("/").partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "the address must be the one that labelnoise audit printed")
            return None
        return wanted

    def _send_json(self, work: Callable[[], object]) -> None:
        """Send what `work` returns, or its error as one line."""
        try:
            status, value = HTTPStatus.OK, work()
        except ChangedMeanwhileError as error:
            status, value = HTTPStatus.CONFLICT, {"error": str(error)}
        except (ValueError, OSError) as error:
            status, value = HTTPStatus.UNPROCESSABLE_ENTITY, {"error": " ".join(str(error).split())}
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send_image(self, index: int) -> None:
        try:
            content, kind = self.server.session.image(index)
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such image")
            return
        self._send(HTTPStatus.OK, content, kind)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(status, json.dumps({"error": f"{why}."}).encode(), "application/json")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _object(content: bytes) -> dict[str, Any] | None:
    """Return the object that JSON writes; None if it is something else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_answer(body: dict[str, Any]) -> bool:
    """Return whether an object is an answer: an index, a text, and the text that was seen, or null."""
    if set(body) != {"index", "answer", "seen"}:
        return False
    index, seen = body["index"], body["seen"]
    return type(index) is int and isinstance(body["answer"], str) and (seen is None or isinstance(seen, str))
