"""Do many runs over an executor, each once and required ones first; report failed ones while the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from labelnoise.progress import bar
from labelnoise.sweeps.perform import agree_on
from labelnoise.sweeps.run import Run, RunIds
from labelnoise.sweeps.schedule import Failure, Schedule
from labelnoise.sweeps.store import RunStore

OpenExecutor = Callable[[], AbstractContextManager[Executor]]


@dataclass(frozen=True)
class SweepReport:
    """What became of the runs of a sweep; its text names every failed run.

    Attributes
    ----------
    performed : int
        Number of runs done by this sweep.
    found : int
        Number of runs that were finished before, or by another process in the meantime.
    failures : tuple of Failure
        Runs that failed, or could not start because a required run failed.
    seconds : float
    """

    performed: int
    found: int
    failures: tuple[Failure, ...]
    seconds: float

    def __str__(self) -> str:
        head = f"{self.performed} runs done, {self.found} found, {len(self.failures)} not done, in {self.seconds:.1f} s"
        return "\n".join([head, *(f"  {failure}" for failure in self.failures)])


def with_requirements(runs: Iterable[Run]) -> dict[str, Run]:
    """Return all runs and those that they require by their hash, required ones first."""
    return {key: run for key, (run, _) in _resolve(runs).items()}


def sweep(runs: Iterable[Run], store: RunStore, open_executor: OpenExecutor, *, title: str = "runs") -> SweepReport:
    """Finish all `runs` and those that they require, and return what became of them.

    Runs that the store has are not done again. A run that fails is written down in the store and reported, and those
    that require it are not started; all others go on. On an interrupt, runs that have not begun are dropped, and
    finished ones stay.

    Parameters
    ----------
    runs : iterable of Run
    store : RunStore
        Keeps the results.
    open_executor : callable
        Returns a context manager that gives a `concurrent.futures.Executor`; see `labelnoise.sweeps.executors`.
    title : str
        Title of the progress bar.

    Raises
    ------
    OSError
        The store cannot be written. A full disk ends the whole sweep, because further results would be lost.
    RuntimeError
        Workers die before they begin a run.

    Notes
    -----
    If worker processes die, the executor is opened anew. A pool does not say which run killed its worker, so those
    that had begun are tried again at the end, one by one. A run is given up when its worker dies twice, or cannot take
    it twice, and no other run can be the cause.
    """
    start = time.monotonic()
    store.prepare()
    runs_to_do = _resolve(runs)
    found = agree_on(store.finished() & runs_to_do.keys())
    with bar(title, len(runs_to_do), initial=len(found), unit="run") as progress:
        schedule = Schedule(runs_to_do, found, store, progress)
        while schedule.is_left():
            try:
                with open_executor() as executor:
                    schedule.work_through(executor)
            except BrokenExecutor as error:
                schedule.recover(error)
    performed, found_by_now = schedule.performed, len(schedule.finished) - schedule.performed
    return SweepReport(performed, found_by_now, schedule.failures(), time.monotonic() - start)


def _resolve(runs: Iterable[Run]) -> dict[str, tuple[Run, tuple[str, ...]]]:
    """Return all runs by their hash, each with the hashes of the runs that it requires; required ones come first."""
    resolved: dict[str, tuple[Run, tuple[str, ...]]] = {}
    ids = RunIds()

    def add(run: Run) -> str:
        key = ids[run]
        if key not in resolved:
            required = tuple(add(other) for other in run.requires)
            resolved[key] = run, required
        return key

    for run in runs:
        add(run)
    return resolved
