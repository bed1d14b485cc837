"""Perform one run wherever it is carried out: claim it, do its work, and keep the result."""

from __future__ import annotations

import contextlib
import enum
import errno
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from labelnoise.sweeps.run import Run, RunResult
from labelnoise.sweeps.store import RunStore, StoreError
from labelnoise.torchrun import is_first_process, started_by_torchrun

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_POLL_SECONDS = 1.0  # Time between two attempts to claim a run that another program has claimed.

T = TypeVar("T")


class Status(enum.StrEnum):
    """What became of a run."""

    PERFORMED = "performed"
    FOUND = "found"
    BUSY = "busy"
    FAILED = "failed"


class RunOutcome(NamedTuple):
    """What became of a run, and the error as text if it failed; a process can hand this to another."""

    status: Status
    error: str = ""


@dataclass(frozen=True)
class StoredResults:
    """Results of finished runs, checked against the data as they are now."""

    store: RunStore

    def result(self, run: Run) -> RunResult:
        """Return the result of a finished run.

        Raises
        ------
        FileNotFoundError
            The run is not finished.
        ValueError
            The result is damaged, or was made when the data set had other images.
        """
        result = self.store.load(run)
        if "data" in result.record and result.record["data"] != run.data.digest():
            raise ValueError(
                f"the stored result of {run.label!r} must be of the data as they are; the images of "
                f"{run.data.name!r} have changed since. Name another store, or delete the folder "
                f"{self.store.result_folder(run)}, and the run is done again."
            )
        return result


@dataclass(frozen=True)
class StoreWorkspace(StoredResults):
    """What a run may use while it is performed: the results of the runs that it requires, and a scratch folder."""

    scratch: Path


def perform(folder: Path, run: Run) -> RunOutcome:
    """Perform a run unless it is finished or another process has claimed it.

    A failure is returned as text. Interrupts are not caught.

    Raises
    ------
    StoreError
        The result cannot be kept.
    """
    store = RunStore(folder)
    if started_by_torchrun():
        # All of torchrun's processes must do the same runs in the same order, so none may return to a busy run later.
        while (outcome := _perform_shared(store, run)).status == Status.BUSY:
            time.sleep(_POLL_SECONDS)
        return outcome
    with store.claim(run) as scratch:
        if store.has(run):
            return RunOutcome(Status.FOUND)
        if scratch is None:
            return RunOutcome(Status.BUSY)
        return _perform_and_keep(store, run, scratch)


def raise_if_disk_full(error: BaseException, run: Run) -> None:
    """Raise a StoreError if the store cannot be written or the run found the disk full, which ends the whole sweep."""
    if isinstance(error, StoreError):
        raise error
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        raise StoreError(error.errno, f"the run {run.label!r} found the disk full: {error}") from error


def _perform_and_keep(store: RunStore, run: Run, scratch: Path) -> RunOutcome:
    try:
        store.save(run, run.perform(StoreWorkspace(store, scratch)))
    except (Exception, SystemExit) as error:  # SystemExit is caught too, because it would end the worker process.
        raise_if_disk_full(error, run)
        store.save_failure(run, error)
        return RunOutcome(Status.FAILED, f"{type(error).__name__}: {error}")
    return RunOutcome(Status.PERFORMED)


def _perform_shared(store: RunStore, run: Run) -> RunOutcome:
    """Let torchrun's first process claim the run and keep its result; the others only help where the run asks for it.

    The first process tells the others twice: the scratch folder once the run is claimed, and what became of the run.
    """
    if is_first_process():
        with store.claim(run) as scratch:
            finished = store.has(run)
            begun = agree_on(None if finished else scratch)
            if begun is None:
                outcome = RunOutcome(Status.FOUND if finished else Status.BUSY)
            else:
                outcome = _perform_and_keep(store, run, begun)
        return agree_on(outcome)
    begun = agree_on(None)
    if begun is not None and run.uses_all_processes:
        with contextlib.suppress(Exception):  # The first process meets the same error and reports it.
            run.perform(StoreWorkspace(store, begun))
    outcome = agree_on(RunOutcome(Status.BUSY))  # The first process's outcome takes the place of this one.
    # Only the first process counts the run as performed; for the others, it is one that was found.
    return RunOutcome(Status.FOUND) if outcome.status == Status.PERFORMED else outcome


def agree_on(value: T) -> T:
    """Return what the first of torchrun's processes passes, in all of them; without torchrun, return `value`."""
    if not started_by_torchrun():
        return value
    from labelnoise.processes import find_device, join_processes

    return join_processes(find_device("auto")).agree(value)
