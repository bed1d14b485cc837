"""Keep finished runs on disk, and find them again by the hash of their specification.

Any number of processes and hosts may share the folder::

    finished/HASH/run.json              specification, record, and the checksum of every file
    finished/HASH/arrays.safetensors    and one NAME.parquet per table
    unfinished/HASH/                    lock and checkpoint of a run that is under way or was interrupted
    failed/HASH.json                    specification and error of a run that failed

A result is written beside its checkpoint, flushed to the disk, and renamed into place, so that it is there completely
or not at all. Nothing depends on clocks. Locks keep two processes from doing the same work. On file systems without
working locks (some network file systems), work may be done twice, and the first result stays. A folder in
``unfinished`` is removed, with its lock, only after the result is in place; a process that waits for the lock looks for
the result first.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import secrets
import shutil
import socket
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelnoise.artifacts import StrPath, output_folder, parse_json, to_json, write_json
from labelnoise.sweeps.result_folder import (
    DamagedRunError,
    check_texts,
    flush,
    read_record,
    read_result,
    write_result,
)
from labelnoise.sweeps.run import Run, RunIds, RunResult, describe

if TYPE_CHECKING:
    from filelock import BaseFileLock

FINISHED, RUNNING, INTERRUPTED, FAILED, DAMAGED = "finished", "running", "interrupted", "failed", "damaged"
_LOCK, _CLAIM = "lock", "claim.json"


class StoreError(OSError):
    """Raised when the store cannot be written (a full disk, for example), so that no other run can be kept either."""

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True)
class StoredRun:
    """One run in the store's list.

    Attributes
    ----------
    id : str
        Hash of the specification.
    status : str
        "finished", "running", "interrupted" (begun, but not claimed by any process), "failed" or "damaged".
    kind, label : str
        Description of the run; empty where the file that holds it is damaged.
    detail : str
        When it was finished, which process has claimed it, or what went wrong.
    """

    id: str
    status: str
    kind: str
    label: str
    detail: str


class RunStore:
    """The finished runs in a folder, and what is left of the others; nothing is written before there is a need to.

    Parameters
    ----------
    folder : path
        It need not exist; `prepare` makes it.
    """

    def __init__(self, folder: StrPath) -> None:
        self.folder = Path(folder).expanduser().absolute()  # Workers may have another working directory.
        self._finished, self._unfinished, self._failed = (
            self.folder / name for name in ("finished", "unfinished", "failed")
        )
        self._ids = RunIds()

    def prepare(self) -> None:
        """Make the folder, check that it can be written, and remove what killed processes left of finished runs.

        Raises
        ------
        OSError
            The folder cannot be made or written to.
        """
        output_folder(self.folder)
        for part in (self._finished, self._unfinished, self._failed):
            part.mkdir(exist_ok=True)
        for identity in self.finished() & set(_names(self._unfinished)):
            self._discard(identity)

    def has(self, run: Run) -> bool:
        """Return whether the run is finished."""
        return self.result_folder(run).is_dir()

    def result_folder(self, run: Run) -> Path:
        """Return the folder that holds the run's result once it is finished."""
        return self._finished / self._ids[run]

    def finished(self) -> set[str]:
        """Return the hashes of all finished runs."""
        return set(_names(self._finished))

    def load(self, run: Run) -> RunResult:
        """Return the result of a finished run, every file compared with its checksum.

        Raises
        ------
        FileNotFoundError
            The run is not finished.
        DamagedRunError
            A file is missing, truncated or changed; the message names it and says what to delete.
        """
        folder = self.result_folder(run)
        if not folder.is_dir():
            raise FileNotFoundError(f"{self.folder} must hold the run {run.label!r} ({folder.name}); it does not.")
        return read_result(folder)

    @contextlib.contextmanager
    def claim(self, run: Run) -> Iterator[Path | None]:
        """Claim a run and give its scratch folder; give None if another process has claimed it.

        The run may be finished by then: ask `has` again. The folder stays if the run does not finish.

        Raises
        ------
        StoreError
            The folder could not be made.
        """
        from filelock import Timeout

        identity = self._ids[run]
        scratch, target = self._unfinished / identity, self._finished / identity
        lock = _lock(scratch / _LOCK)
        claimed = False
        try:
            with self._writing(run), contextlib.suppress(Timeout):
                try:
                    scratch.mkdir(parents=True, exist_ok=True)
                    _acquire(lock)
                    claimed = True
                    who = {"kind": run.kind, "label": run.label, "host": socket.gethostname(), "process": os.getpid()}
                    (scratch / _CLAIM).write_text(to_json(who), encoding="utf-8")
                except (FileNotFoundError, FileExistsError):
                    if not target.is_dir():  # Otherwise another process has just finished and removed the folder.
                        raise
            yield scratch if claimed else None
        finally:
            if claimed:
                lock.release()
            if target.is_dir():
                self._discard(identity)

    def is_claimed(self, run: Run) -> bool:
        """Return whether a process has claimed the run."""
        return _is_locked(self._unfinished / self._ids[run] / _LOCK)

    def has_begun(self, run: Run) -> bool:
        """Return whether the run was begun and did not finish."""
        return (self._unfinished / self._ids[run]).is_dir()

    def save(self, run: Run, result: RunResult) -> None:
        """Write a result, all of it or nothing; a result that is there already stays as it is.

        Raises
        ------
        StoreError
            The result could not be written (a full disk, for example). Runs finished before are untouched.
        """
        identity = self._ids[run]
        target, written = self._finished / identity, self._unfinished / identity / f"result-{secrets.token_hex(4)}"
        with self._writing(run):
            try:
                self._finished.mkdir(parents=True, exist_ok=True)
                written.mkdir(parents=True)
                write_result(written, identity, run, result)
                written.rename(target)
            except OSError:
                if not target.is_dir():  # Otherwise another process was first.
                    raise
            finally:
                shutil.rmtree(written, ignore_errors=True)
            flush([self._finished])
        self._discard(identity)

    def save_failure(self, run: Run, error: BaseException) -> Path | None:
        """Write down why and where a run failed, until it is tried again; return the file, or None if that fails."""
        content = {
            "kind": run.kind,
            "label": run.label,
            "specification": describe(run),
            "error": f"{type(error).__name__}: {error}",
            "traceback": "".join(traceback.format_exception(error)),
            "host": socket.gethostname(),
        }
        try:
            self._failed.mkdir(parents=True, exist_ok=True)
            return write_json(content, self.failure_record(run))
        except OSError:  # This error must not hide the one that is to be written down.
            return None

    def failure_record(self, run: Run) -> Path:
        """Return the file that says why a run failed, if it did."""
        return self._failed / f"{self._ids[run]}.json"

    def list(self) -> list[StoredRun]:
        """Return every run in the store, finished ones first; files are not compared with their checksums."""
        failed = [_failed_row(self._failed / name) for name in _names(self._failed)]
        unfinished = [_unfinished_row(self._unfinished / name) for name in _names(self._unfinished)]
        finished = [_finished_row(self._finished / name) for name in _names(self._finished)]
        running = [row for row in unfinished if row.status == RUNNING]
        # A run may have several rows: a failed one leaves its checkpoint and may be tried again. The last row counts.
        rows = {row.id: row for row in [*unfinished, *failed, *running, *finished]}
        return [*finished, *(row for row in rows.values() if row.status not in (FINISHED, DAMAGED))]

    def _discard(self, identity: str) -> None:
        """Remove what a finished run no longer needs."""
        shutil.rmtree(self._unfinished / identity, ignore_errors=True)
        (self._failed / f"{identity}.json").unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self, run: Run) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = (
                f"the run {run.label!r} could not be written to {self.folder}: {error.strerror or error}. "
                f"Finished runs are untouched. Make room or check the folder, and start the same command again."
            )
            raise StoreError(error.errno, message) from error


def _names(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name[0] != ".") if folder.is_dir() else []  # noqa: PTH208


def _finished_row(folder: Path) -> StoredRun:
    try:
        content = read_record(folder)
    except DamagedRunError as error:
        return StoredRun(folder.name, DAMAGED, "", "", str(error))
    return StoredRun(folder.name, FINISHED, content["kind"], content["label"], content["finished"])


def _failed_row(path: Path) -> StoredRun:
    try:
        content = parse_json(path.read_bytes())
        check_texts(content, "kind", "label", "error")
        return StoredRun(path.stem, FAILED, content["kind"], content["label"], content["error"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return StoredRun(path.stem, FAILED, "", "", f"{path} is damaged ({type(error).__name__})")


def _unfinished_row(folder: Path) -> StoredRun:
    try:
        claim = parse_json((folder / _CLAIM).read_bytes())
        check_texts(claim, "kind", "label", "host")
        who = f"host {claim['host']}, process {claim['process']}"
    except (OSError, ValueError, KeyError, TypeError):  # Damaged, or the process was killed before it wrote it.
        claim, who = {}, ""
    status = RUNNING if _is_locked(folder / _LOCK) else INTERRUPTED
    return StoredRun(folder.name, status, claim.get("kind", ""), claim.get("label", ""), who)


def _is_locked(path: Path) -> bool:
    from filelock import Timeout

    try:
        if path.exists():
            lock = _lock(path)
            _acquire(lock)
            lock.release()
    except Timeout:
        return True
    except OSError:  # The run has just finished and the folder is gone, or the store is read-only.
        pass
    return False


def _lock(path: Path) -> BaseFileLock:
    """Return a lock that ends with its process; where there are no locks, filelock's own fallback leaves a file."""
    from filelock import FileLock

    options: dict[str, Any] = {"fallback_to_soft": False}
    return FileLock(path, **options if "fallback_to_soft" in inspect.signature(FileLock).parameters else {})


def _acquire(lock: BaseFileLock) -> None:
    """Take a lock at once, or raise `filelock.Timeout`; on a file system without locks, go on without one."""
    try:
        lock.acquire(blocking=False)
    except NotImplementedError:  # Earlier versions of filelock raise this where there are no locks.
        pass
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
