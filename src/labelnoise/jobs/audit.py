"""What `labelnoise audit` does: serve the page of an audit file until its reader stops."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labelnoise.audit_page import AuditServer, AuditSession


@dataclass(frozen=True)
class AuditProgress:
    """How far an audit is.

    Attributes
    ----------
    samples, checked, unsure, open : int
        Numbers of samples: all, those with a class as answer, "unsure", and without an answer.
    """

    samples: int
    checked: int
    unsure: int
    open: int


def run_audit(
    path: str | Path,
    tell: Callable[[str, AuditSession], None],
    *,
    images: Path | None = None,
    port: int = 0,
    second: bool = False,
) -> AuditProgress:
    """Serve the page of an audit file until its button or Ctrl-C stops it; return how far the audit is.

    Parameters
    ----------
    path : path
        The audit file.
    tell : callable
        Called with the address of the page and the session, when the server listens.
    images : Path, optional
        Folder that the paths in the file are relative to. Default: the working directory.
    port : int, default 0
        Port of the server; 0 takes a free one.
    second : bool, default False
        Whether a second person answers, about samples that have an answer, which is not shown.

    Raises
    ------
    ValueError, OSError
        The file is no audit, or cannot be read; or the port is taken.
    """
    session = AuditSession(Path(path).expanduser(), images, second=second)
    with AuditServer(session, port) as server:
        tell(server.address, session)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return AuditProgress(**session.progress())
