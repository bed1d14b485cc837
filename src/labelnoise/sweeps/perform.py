"""One run, wherever it is carried out: claimed, performed, and kept."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from labelnoise.studies.runs import RegionRun, TrainingRun
from labelnoise.sweeps.run import Run, RunResult
from labelnoise.sweeps.store import RunStore, StoreError

PERFORMED, FOUND, BUSY, FAILED = "performed", "found", "busy", "failed"
_BEGUN = "begun"
_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_LOOK_SECONDS = 1.0  # between two tries at a run that another program is at

T = TypeVar("T")


@dataclass(frozen=True)
class StoredResults:
    """Results of finished runs, on the data as they are now."""

    store: RunStore

    def result(self, run: Run) -> RunResult:
        """The result of a run.

        Raises
        ------
        FileNotFoundError
            It is not finished.
        ValueError
            It is damaged, or was made when the data set had other images.
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
    """What a run may use while it is performed: the results it requires, and a scratch folder."""

    scratch: Path


def perform(folder: Path, run: Run) -> tuple[str, str]:
    """Do one run unless it is finished or under way; what became of it, and the error if it failed.

    Only what a process can hand to another comes back: errors as text. Interrupts pass through.

    Raises
    ------
    StoreError
        The result cannot be kept.
    """
    store = RunStore(folder)
    if started_by_torchrun():
        # a schedule that looks at busy runs by itself would get out of step with those of the other processes
        while (outcome := _perform_shared(store, run))[0] == BUSY:
            time.sleep(_LOOK_SECONDS)
        return outcome
    with store.claim(run) as scratch:
        if store.has(run):
            return FOUND, ""
        if scratch is None:
            return BUSY, ""
        return _perform_and_keep(store, run, scratch)


def started_by_torchrun() -> bool:
    """Whether this is one of several processes that train each network together."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def agree_on(value: T) -> T:
    """What the first of torchrun's processes passes, in all of them; in a process that is alone, `value`."""
    if not started_by_torchrun():
        return value
    from labelnoise.processes import find_device, join_processes

    return join_processes(find_device("auto")).agree(value)


def is_first_process() -> bool:
    """Whether this process writes: the only one, or the first of torchrun's."""
    return int(os.environ.get("RANK", "0")) == 0


def raise_if_disk_full(error: BaseException, run: Run) -> None:
    """Raise what ends a whole sweep; any other error is the run's own.

    Raises
    ------
    StoreError
        The store cannot be written, or the run itself has met a full disk.
    """
    if isinstance(error, StoreError):
        raise error
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        raise StoreError(error.errno, f"the run {run.label!r} found the disk full: {error}") from error


def _perform_and_keep(store: RunStore, run: Run, scratch: Path) -> tuple[str, str]:
    try:
        store.save(run, run.perform(StoreWorkspace(store, scratch)))
    except (Exception, SystemExit) as error:  # an exit would end the worker process
        raise_if_disk_full(error, run)
        store.save_failure(run, error)
        return FAILED, f"{type(error).__name__}: {error}"
    return PERFORMED, ""


def _perform_shared(store: RunStore, run: Run) -> tuple[str, str]:
    """The first process does as if alone and says what it does; in trainings the others have their share."""
    from labelnoise.processes import find_device, join_processes

    trains = isinstance(run, TrainingRun | RegionRun)
    processes = join_processes(find_device("auto"))
    if processes.rank > 0:
        status, scratch = processes.agree(None)
        if status == _BEGUN and trains:
            with contextlib.suppress(Exception):  # the first process meets it as well, and reports it
                run.perform(StoreWorkspace(store, Path(scratch)))
        return _outcome(processes.agree(None))
    with store.claim(run) as claimed:
        if store.has(run) or claimed is None:
            outcome = (FOUND if store.has(run) else BUSY), ""
            processes.agree(outcome)
        else:
            processes.agree((_BEGUN, str(claimed)))
            outcome = _perform_and_keep(store, run, claimed)
    return _outcome(processes.agree(outcome))


def _outcome(agreed: tuple[str, str]) -> tuple[str, str]:
    """What the others take from the first: its own runs are to them runs that were found."""
    status, error = agreed
    return (FOUND if status == PERFORMED and not is_first_process() else status), error
