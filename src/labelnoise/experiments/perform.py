"""One run, wherever it is carried out: claimed, performed, and kept."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

from labelnoise.experiments.runs.protocol import Run, RunResult
from labelnoise.experiments.store import RunStore, StoreError

PERFORMED, FOUND, BUSY, FAILED = "performed", "found", "busy", "failed"
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True)
class StoreWorkspace:
    """What a run may use while it is performed: its scratch folder, and the results it requires."""

    store: RunStore
    scratch: Path

    def result(self, run: Run) -> RunResult:
        """The result of a required run."""
        return self.store.load(run)


def perform(folder: Path, run: Run) -> tuple[str, str]:
    """Do one run unless it is finished or under way; what became of it, and the error if it failed.

    Only what a process can hand to another comes back: errors as text. Interrupts pass through.

    Raises
    ------
    StoreError
        The result cannot be kept.
    """
    store = RunStore(folder)
    with store.claim(run) as scratch:
        if store.has(run):
            return FOUND, ""
        if scratch is None:
            return BUSY, ""
        try:
            store.save(run, run.perform(StoreWorkspace(store, scratch)))
        except StoreError:
            raise
        except (Exception, SystemExit) as error:  # an exit would end the worker process
            if isinstance(error, OSError) and error.errno in _DISK_FULL:
                raise StoreError(error.errno, f"the run {run.label!r} found the disk full: {error}") from error
            store.save_failure(run, error)
            return FAILED, f"{type(error).__name__}: {error}"
    return PERFORMED, ""
