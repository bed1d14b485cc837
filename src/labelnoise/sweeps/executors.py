"""Carry out runs in this process, in worker processes, on a Dask cluster or on SLURM.

All are a `concurrent.futures.Executor`; `labelnoise.sweeps.sweep.sweep` takes any other one too.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from labelnoise.progress import QUIET
from labelnoise.threads import core_count
from labelnoise.validation import check_count

T = TypeVar("T")
SCHEMES = ("dask://HOST:PORT", "slurm://?partition=NAME&timeout_min=600&gpus_per_node=1")

_THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_MOST_WORKERS = 1000  # No host has cores for more, and all of them are started at once.
_ARRAY_SIZE = 1000  # This is SLURM's default limit for one job array.
_CONNECT_SECONDS = 10  # Time limit for the connection to a Dask scheduler.
_SHARED_PARAMETERS = ("name", "timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node")


class InProcessExecutor(Executor):
    """An executor that carries out each call in this thread as soon as it is submitted."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Return a future that is done. Interrupts are raised here, not kept in the future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class WorkerPool(ProcessPoolExecutor):
    """Worker processes that share this machine's cores, and end with this process however it ends."""

    def __init__(self, workers: int) -> None:
        threads = str(max(1, core_count() // workers))
        # This library's own threads ask joblib, through `core_count`. A user may set the others.
        limits = {name: os.environ.get(name, threads) for name in _THREAD_LIMITS}
        self._worker_environment = {**limits, "LOKY_MAX_CPU_COUNT": threads, QUIET: "1"}
        # Only this process holds the other end of the pipe, so it closes when this process closes it or dies.
        context = multiprocessing.get_context("spawn")
        worker_end, self._lifeline = context.Pipe(duplex=False)
        super().__init__(workers, mp_context=context, initializer=_die_with, initargs=(worker_end,))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Submit a call, and start workers with thread limits set and SIGINT blocked."""
        with _environment(self._worker_environment), _interrupts_blocked():
            return super().submit(fn, *args, **kwargs)

    def terminate(self) -> None:
        """Stop the workers, whatever they are doing."""
        self._lifeline.close()
        self.shutdown(wait=True, cancel_futures=True)


def _die_with(parent: Connection) -> None:
    """Make this worker end as soon as the other end of the pipe is closed."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            parent.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT: processes started meanwhile never receive it, and this one receives it at the end."""
    if not hasattr(signal, "pthread_sigmask"):  # On Windows, workers are interrupted too, and return the interrupt.
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class SubmititExecutor(Executor):
    """Submit pending calls as one job array of a submitit executor, and poll for their results."""

    def __init__(self, executor: Any, poll_seconds: float = 5.0) -> None:
        self._executor, self._poll_seconds = executor, poll_seconds
        self._calls: dict[Future[Any], tuple[Any, ...]] = {}
        self._jobs: dict[Future[Any], Any] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._thread: threading.Thread | None = None

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Return a future that follows the job."""
        import cloudpickle

        cloudpickle.dumps((fn, args, kwargs))  # An error here concerns only this call; later, the whole array.
        future: Future[T] = Future()
        with self._lock:
            self._calls[future] = (fn, args, kwargs)
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, daemon=True)
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the jobs or cancel them."""
        if cancel_futures:
            with self._lock:
                for future in self._calls:
                    future.cancel()
                for job in self._jobs.values():
                    job.cancel(check=False)
                self._calls.clear()
                self._jobs.clear()
        while wait and (self._calls or self._jobs):
            time.sleep(self._poll_seconds)
        self._closing = True

    def _follow(self) -> None:
        while self._calls or self._jobs or not self._closing:
            time.sleep(self._poll_seconds)  # The wait comes first, so that more calls can join the same array.
            with self._lock:
                self._submit_calls()
                for future in [future for future, job in self._jobs.items() if _is_done(job)]:
                    _copy(self._jobs.pop(future), future)

    def _submit_calls(self) -> None:
        waiting = list(self._calls.items())[:_ARRAY_SIZE]
        for future, _ in waiting:
            del self._calls[future]
        waiting = [(future, call) for future, call in waiting if future.set_running_or_notify_cancel()]
        if not waiting:
            return
        try:
            with self._executor.batch():
                jobs = [self._executor.submit(fn, *args, **kwargs) for _, (fn, args, kwargs) in waiting]
        except Exception as error:
            for future, _ in waiting:
                future.set_exception(error)
        else:
            self._jobs.update(zip((future for future, _ in waiting), jobs, strict=True))


def _is_done(job: Any) -> bool:
    try:
        return bool(job.done())
    except Exception:  # The job's result then raises an error that says what is wrong.
        return True


def _copy(job: Any, future: Future[Any]) -> None:
    try:
        future.set_result(job.result())
    except Exception as error:
        future.set_exception(error)


def executor_named(
    name: str | None = None, workers: int | None = None, *, log_folder: Path = Path("slurm-logs")
) -> Callable[[], contextlib.AbstractContextManager[Executor]]:
    """Return a function that opens the executor that a command line names.

    Parameters
    ----------
    name : str, optional
        ``dask://HOST:PORT``, the scheduler of a running Dask cluster, or ``slurm://`` with submitit's parameters after
        a question mark. By default, runs are carried out on this machine.
    workers : int, optional
        Number of worker processes on this machine, which share its cores. By default, runs are carried out in this
        process.
    log_folder : Path
        Folder for the output of SLURM jobs.

    Raises
    ------
    ValueError, ImportError
        The name is unknown, both `name` and `workers` are given, or the client that the name needs is not installed.

    Examples
    --------
    >>> with executor_named(workers=1)() as executor:
    ...     executor.submit(pow, 2, 3).result()
    8
    """
    if workers is not None:
        check_count(workers, "workers", most=_MOST_WORKERS, most_is="processes on one host")
    if name is None:
        return InProcessExecutor if workers in (None, 1) else lambda: _processes(workers or 1)
    if workers is not None:
        raise ValueError(f"`workers` are processes on this machine, `executor` is {name!r}; give one of the two.")
    parts = urlsplit(name)
    if parts.scheme == "dask" and re.fullmatch(r".+:\d+", parts.netloc):
        _require("distributed", "dask")
        return lambda: _dask(f"tcp://{parts.netloc}")
    if parts.scheme == "slurm" and not parts.netloc + parts.path:
        _require("submitit", "slurm")
        return lambda: _slurm(dict(parse_qsl(parts.query)), log_folder)
    raise ValueError(f"`executor` must be one of {' or '.join(SCHEMES)}; got {name!r}.")


def executor_of(
    executor: Executor | str | int | None, *, log_folder: Path = Path("slurm-logs")
) -> Callable[[], contextlib.AbstractContextManager[Executor]]:
    """Return a function that opens what an argument `executor` says.

    Parameters
    ----------
    executor : Executor, str, int or None
        An executor, which stays open; a name that `executor_named` takes; a number of worker processes on this machine;
        or None, this process.
    log_folder : Path
        Folder for the output of SLURM jobs.

    Raises
    ------
    TypeError, ValueError, ImportError
        It is none of these; see also `executor_named`.
    """
    if executor is None or isinstance(executor, str):
        return executor_named(executor, log_folder=log_folder)
    if isinstance(executor, Executor):
        return lambda: contextlib.nullcontext(executor)
    if isinstance(executor, int) and not isinstance(executor, bool):
        return executor_named(workers=executor)
    raise TypeError(
        f"`executor` must be a concurrent.futures.Executor, its name ({' or '.join(SCHEMES)}), or a number of worker "
        f"processes; got {type(executor).__name__}. With Dask, pass client.get_executor(pure=False)."
    )


def _require(module: str, extra: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ImportError(f"this executor needs {module}, which is not installed: pip install 'labelnoise[{extra}]'")


@contextlib.contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    pool = WorkerPool(workers)
    try:
        yield pool
        pool.shutdown()
    finally:
        pool.terminate()


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Executor]:
    from distributed import Client

    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {address} ({error}). Start one with `dask scheduler`, and workers with "
            f"`dask worker {address}`, where labelnoise and the store's folder are within reach."
        ) from error
    with client:
        executor: Executor = client.get_executor(pure=False)
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False)  # This is how Dask cancels calls that have not begun.
            raise
        executor.shutdown()


@contextlib.contextmanager
def _slurm(parameters: dict[str, str], log_folder: Path) -> Iterator[Executor]:
    import submitit

    # By default, submitit starts all jobs at once on this machine where it finds no SLURM.
    cluster = parameters.pop("cluster", "slurm")
    named = {name if name in _SHARED_PARAMETERS else f"slurm_{name}": text for name, text in parameters.items()}
    try:
        executor = submitit.AutoExecutor(folder=log_folder, cluster=cluster)
        executor.update_parameters(**{name: int(t) if t.isdecimal() else t for name, t in named.items()})
    except (NameError, AssertionError, RuntimeError) as error:
        raise ValueError(f"`executor` must name what submitit knows and finds here: {error}") from error
    running = SubmititExecutor(executor, poll_seconds=5.0 if cluster == "slurm" else 0.1)
    try:
        yield running
    except BaseException:
        running.shutdown(wait=False, cancel_futures=True)
        raise
    running.shutdown()
