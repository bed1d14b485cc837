"""Many runs over an executor: each once, required ones first, a failed one reported while the others go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from labelnoise.progress import bar
from labelnoise.sweeps.run import Run, RunIds
from labelnoise.sweeps.schedule import Failure, Schedule
from labelnoise.sweeps.store import RunStore
from labelnoise.torchrun import agree_on

OpenExecutor = Callable[[], AbstractContextManager[Executor]]


@dataclass(frozen=True)
class SweepReport:
    """What became of the runs of a sweep; printed, it names every failed run.

    Attributes
    ----------
    performed : int
        Runs done now.
    found : int
        Runs that were finished before, or by another process meanwhile.
    failures : tuple of Failure
        With those that could not start because a required run failed.
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
    """All runs and what they require, by hash, required ones first."""
    return {key: run for key, (run, _) in _resolve(runs).items()}


def sweep(runs: Iterable[Run], store: RunStore, open_executor: OpenExecutor, *, title: str = "runs") -> SweepReport:
    """Finish all `runs` and what they require.

    Runs that the store has are not done again. A run that fails is noted in the store and reported, and those that
    require it are not started; all others go on. On an interrupt, runs that have not begun are dropped, and finished
    ones stay.

    If worker processes die, the executor is opened anew. A pool does not say which run killed its worker, so those
    that had begun are tried again at the end, one by one; a run that its executor loses twice while it is alone, or
    by its own fault, is given up.

    Parameters
    ----------
    runs : iterable of Run
    store : RunStore
    open_executor : callable
        Gives a context manager around a `concurrent.futures.Executor`; see `labelnoise.sweeps.executors`.
    title : str
        Of the progress bar.

    Raises
    ------
    OSError
        The store cannot be written. A full disk ends the whole sweep: further runs would compute for nothing.
    RuntimeError
        Workers die before they begin a run.
    """
    start = time.monotonic()
    store.prepare()
    runs_to_do = _resolve(runs)
    found = agree_on(store.finished() & runs_to_do.keys())
    with bar(title, len(runs_to_do), initial=len(found), unit="run") as progress:
        work = Schedule(runs_to_do, found, store, progress)
        while work.is_left():
            try:
                with open_executor() as executor:
                    work.go_on(executor)
            except BrokenExecutor as error:
                work.recover(error)
    return SweepReport(work.performed, len(work.finished) - work.performed, work.failures(), time.monotonic() - start)


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
