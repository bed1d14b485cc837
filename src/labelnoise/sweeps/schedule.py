"""Keep track of every run of a sweep: ready, under way, busy elsewhere, suspected, failed or finished."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from labelnoise.sweeps.perform import RunOutcome, Status, perform
from labelnoise.sweeps.run import Run, describe
from labelnoise.sweeps.store import RunStore, StoreError

if TYPE_CHECKING:
    from tqdm import tqdm

_ATTEMPTS = 2  # Attempts per run whose worker dies, or cannot take it, when no other run can be the cause.
_FRUITLESS_EXECUTORS = 3  # The sweep ends after so many executors in a row whose workers die before they begin a run.
_POLL_SECONDS = 1.0  # Time between two checks of runs that another process has claimed.


@dataclass(frozen=True)
class Failure:
    """A run that failed, or could not start because a required one failed; `record` has the traceback, if any."""

    run: Run
    error: str
    record: Path | None = None

    @property
    def specification(self) -> dict[str, Any]:
        """The run's specification, as plain values."""
        return describe(self.run)

    def __str__(self) -> str:
        where = f" (specification and traceback: {self.record})" if self.record else ""
        return f"{self.run.label}: {self.error}{where}"


class Schedule:
    """The state of every run; it outlives the executors, which are replaced when their workers die."""

    def __init__(
        self,
        runs: dict[str, tuple[Run, tuple[str, ...]]],
        finished: set[str],
        store: RunStore,
        progress: tqdm[Any],
    ) -> None:
        self.finished, self.performed = finished, 0
        self._runs = {key: run for key, (run, _) in runs.items()}
        self._required = {key: required for key, (_, required) in runs.items()}
        self._store, self._progress = store, progress
        self._failed: dict[str, str] = {}
        self._graph = TopologicalSorter(self._required)
        self._graph.prepare()
        self._ready: deque[str] = deque()
        self._busy: set[str] = set()  # Another process has claimed these runs.
        self._suspects: deque[str] = deque()  # One of these runs killed its worker.
        self._alone: str | None = None  # This suspect is being tried, with nothing else under way.
        self._lost: Counter[str] = Counter()
        self._in_flight: dict[Future[RunOutcome], str] = {}
        self._returned: SimpleQueue[Future[RunOutcome]] = SimpleQueue()
        self._next_check = 0.0
        self._at_opening, self._fruitless = self._mark(), 0

    def is_left(self) -> bool:
        """Return whether a run can be started or waited for."""
        while free := self._graph.get_ready():
            self._ready.extend(key for key in free if key not in self.finished)
            self._graph.done(*(key for key in free if key in self.finished))
        return bool(self._ready or self._busy or self._suspects)

    def failures(self) -> tuple[Failure, ...]:
        """Return the runs that failed, and those that could not start for that reason."""
        records = {key: self._store.failure_record(self._runs[key]) for key in self._failed}
        for key, required in self._required.items():
            if key not in self.finished and key not in self._failed:
                cause = next(other for other in required if other in self._failed)
                self._failed[key] = f"not started, because {self._runs[cause].label!r} was not finished"
        return tuple(
            Failure(self._runs[key], error, record if (record := records.get(key)) and record.exists() else None)
            for key, error in self._failed.items()
        )

    def work_through(self, executor: Executor) -> None:
        """Start runs as they become ready, until nothing is left.

        Raises
        ------
        BrokenExecutor
            Workers died: call `recover`, and go on with another executor.
        """
        self._at_opening = self._mark()
        try:
            while self.is_left() or self._in_flight:
                key = self._next()
                if key is not None:
                    self._start(executor, key)
                for future in self._done(wait=key is None):
                    self._settle(future)
                self._check_busy()
        finally:
            for future in self._in_flight:
                future.cancel()

    def recover(self, error: BrokenExecutor) -> None:
        """Sort the runs that were under way when the executor broke: finished, to blame, suspected, or not begun."""
        for future, key in list(self._in_flight.items()):
            run = self._runs[key]
            if future.done() and not future.cancelled() and future.exception() is None:
                self._settle(future)
            elif self._store.has(run):
                self._finish(key, now=True)
            elif key == self._alone:
                self._lose(key, error, self._suspects)
            elif self._store.has_begun(run):
                self._suspects.append(key)
            else:
                self._ready.append(key)
        self._in_flight.clear()
        self._returned, self._alone = SimpleQueue(), None
        self._fruitless = self._fruitless + 1 if self._mark() == self._at_opening else 0
        if self._fruitless == _FRUITLESS_EXECUTORS:
            raise RuntimeError(
                f"workers die before they begin a run ({error}). They import the script that started the sweep: its "
                f"own work must stand under `if __name__ == '__main__':`. See also the workers' messages above."
            ) from error

    def _mark(self) -> tuple[int, ...]:
        """Return what changes whenever the sweep makes progress."""
        return len(self.finished), len(self._failed), self._lost.total(), len(self._suspects)

    def _next(self) -> str | None:
        if self._alone is not None:
            return None
        if self._ready:
            return self._ready.popleft()
        if self._suspects and not self._in_flight:
            self._alone = self._suspects.popleft()
        return self._alone

    def _start(self, executor: Executor, key: str) -> None:
        try:
            future = executor.submit(perform, self._store.folder, self._runs[key])
        except RuntimeError:  # The run is not the cause: workers died or cannot be started.
            self._ready.append(key)
            raise
        except Exception as error:  # For example, the run cannot be pickled.
            self._alone = None
            self._lose(key, error, self._ready)
        else:
            self._in_flight[future] = key
            future.add_done_callback(self._returned.put)

    def _done(self, *, wait: bool) -> Iterator[Future[RunOutcome]]:
        """Yield futures that are done. Waiting ends after a while, for busy runs and for interrupts on Windows."""
        try:
            if wait:
                yield self._returned.get(timeout=_POLL_SECONDS)
            while True:
                yield self._returned.get_nowait()
        except Empty:
            return

    def _settle(self, future: Future[RunOutcome]) -> None:
        try:
            error = future.exception()
        except CancelledError as canceled:  # Nothing here cancels a future, so the scheduler is gone.
            error = BrokenExecutor(f"the executor dropped its runs ({canceled!r})")
        if isinstance(error, StoreError | BrokenExecutor):
            raise error
        key, self._alone = self._in_flight.pop(future), None
        if error is not None:
            self._lose(key, error, self._ready)
            return
        status, message = future.result()
        if status == Status.BUSY:
            self._busy.add(key)
        elif status == Status.FAILED:
            self._fail(key, message)
        else:
            self._finish(key, now=status == Status.PERFORMED)

    def _check_busy(self) -> None:
        if not self._busy or time.monotonic() < self._next_check:
            return
        for key in list(self._busy):
            if self._store.has(self._runs[key]):
                self._busy.remove(key)
                self._finish(key, now=False)
            elif not self._store.is_claimed(self._runs[key]):  # The other process failed or was killed.
                self._busy.remove(key)
                self._ready.append(key)
        self._next_check = time.monotonic() + _POLL_SECONDS

    def _finish(self, key: str, *, now: bool) -> None:
        self.finished.add(key)
        self.performed += now
        self._graph.done(key)
        self._progress.update()

    def _fail(self, key: str, message: str) -> None:
        self._failed[key] = message
        self._progress.set_postfix(failed=len(self._failed), refresh=False)
        self._progress.update()

    def _lose(self, key: str, error: BaseException, again: deque[str]) -> None:
        """Count an error of the executor, not of the run: the worker died, or could not read the call."""
        if self._store.has(self._runs[key]):
            self._finish(key, now=True)
            return
        self._lost[key] += 1
        if self._lost[key] < _ATTEMPTS:
            again.append(key)
            return
        message = f"lost {_ATTEMPTS} times by its worker (killed, out of memory?): {type(error).__name__}: {error}"
        self._store.save_failure(self._runs[key], RuntimeError(message))
        self._fail(key, message)
