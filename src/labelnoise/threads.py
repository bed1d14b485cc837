"""Work on blocks of rows, on all cores.

The numba kernels release the GIL, so plain threads use every core. Unlike numba's own parallel loops, this function can
be called from several threads at once, compiles in a fraction of the time, and can show a progress bar.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from labelnoise.progress import track
from labelnoise.validation import check_variable


def core_count() -> int:
    """Return the number of cores to use.

    joblib's `cpu_count` respects CPU affinity and container limits, and ``LOKY_MAX_CPU_COUNT`` lowers it.
    """
    from joblib import cpu_count

    check_variable("LOKY_MAX_CPU_COUNT", 1)
    return int(cpu_count())


def openmp_thread() -> ThreadPoolExecutor:
    """Return a new thread for libraries that run OpenMP loops, such as scikit-learn's search.

    GNU OpenMP keeps the threads of its loops for each thread that starts one. A process made by fork inherits that
    record without the threads, and a loop in its main thread would wait for them forever. A new thread has no record.
    """
    return ThreadPoolExecutor(max_workers=1)


_own = threading.local()
"""`busy` is True in a thread that works beside one on each other core."""


def for_each_block(work: Callable[[int, int], None], n_rows: int, block: int, description: str) -> None:
    """Call ``work(start, stop)`` for consecutive blocks of rows, in parallel; the first exception is raised.

    Where blocks keep all cores busy, and work on one of them calls this function in turn, that call stays in its
    thread.
    """
    starts = range(0, n_rows, block)
    if len(starts) <= 1 or getattr(_own, "busy", False):
        for start in starts:
            work(start, min(start + block, n_rows))
        return
    cores = core_count()

    def begin() -> None:
        _own.busy = len(starts) >= cores

    with ThreadPoolExecutor(max_workers=min(cores, len(starts)), initializer=begin) as pool:
        done = pool.map(lambda start: work(start, min(start + block, n_rows)), starts)
        for _ in track(done, description, total=len(starts)):
            pass
