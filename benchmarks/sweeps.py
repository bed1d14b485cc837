"""What do runner and store cost per run, how fast are many runs listed, and does a sweep survive kill -9?

    python benchmarks/sweeps.py [--runs 300] [--listed 10000] [--kills 50] [--folder FOLDER] [--quick]
        [--output FILE.json]

The overhead is what a run costs that does next to nothing itself: claim, safetensors and Parquet files, checksums,
flushes to the disk, rename, and the way through the executor. It is given with the processor time in it, and with the
time of one flush of a small file, which depends on the disk. With --kills, a sweep of short runs is killed that often
at random moments and resumed each time: in this process, in two workers, and on a local Dask cluster (there every other
time a worker is killed, and the sweep goes on). At the end every run must be there exactly once, with the tables of an
undisturbed sweep.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
from harness import Options, Record, import_test_helper, run, timed

from labelnoise.sweeps.executors import InProcessExecutor, executor_named
from labelnoise.sweeps.perform import perform
from labelnoise.sweeps.run import RunResult
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import sweep

toys = import_test_helper("sweep_runs")

SECONDS, RUNS_PER_KILL = 0.02, 20  # These make the sweeps that are killed.


def flush(path: Path) -> None:
    with path.open("wb") as stream:
        stream.write(bytes(4096))
        stream.flush()
        os.fsync(stream.fileno())


def overhead(folder: Path, n: int) -> dict[str, float]:
    """Return milliseconds per run in this process, less the work of a run itself, some 0.3 ms."""
    sweep([toys.ToyRun(-1)], RunStore(folder / "warm"), InProcessExecutor)
    runs = [toys.ToyRun(seed) for seed in range(n)]
    own = timed(lambda: [toy.perform(None) for toy in runs]).median / n
    performed = (perform(folder / "single", toy) for toy in runs)
    single = timed(lambda: next(performed), repeats=n)
    processor = time.process_time()
    swept = timed(lambda: sweep(runs, RunStore(folder / "sweep"), InProcessExecutor))
    processor = time.process_time() - processor
    assert swept.result.performed == n
    again = timed(lambda: sweep(runs, RunStore(folder / "sweep"), InProcessExecutor))
    assert again.result.found == n
    flushed = (flush(folder / f"flushed-{number}") for number in range(50))
    return {
        "overhead_ms": 1e3 * (swept.median / n - own),
        "processor_ms": 1e3 * (processor / n - own),
        "perform_median_ms": 1e3 * (single.median - own),
        "perform_95_percent_ms": 1e3 * (float(np.quantile(single.seconds, 0.95)) - own),
        "found_ms": 1e3 * again.median / n,
        "flush_ms": 1e3 * timed(lambda: next(flushed), repeats=50).median,
    }


def listing(folder: Path, n: int) -> float:
    """Return the seconds to list `n` finished runs; they are written without flushes, which do not change the list."""
    with mock.patch("os.fsync"):
        store = RunStore(folder)
        for seed in range(n):
            toy = toys.ToyRun(seed, needs=(toys.ToyRun(seed + 1),))
            store.save(toy, RunResult({"accuracy": 0.5, "seed": seed}))
    listed = timed(lambda: RunStore(folder).list())
    assert [row.status for row in listed.result] == ["finished"] * n
    return listed.median


def arrays(folder: Path, megabytes: int) -> dict[str, float]:
    """Return the seconds to save and to load one large array, checksums included."""
    store, toy = RunStore(folder), toys.ToyRun(0)
    values = np.random.default_rng(0).random(megabytes * 125_000)
    saved = timed(lambda: store.save(toy, RunResult({}, {"values": values})))
    loaded = timed(lambda: np.testing.assert_array_equal(store.load(toy).arrays["values"], values))
    return {"megabytes": megabytes, "save_s": saved.median, "load_s": loaded.median}


def kill(folder: Path, kills: int) -> dict[str, int]:
    n = RUNS_PER_KILL * kills
    sweep(toys.toy_runs(n, SECONDS), RunStore(folder / "undisturbed"), executor_named(workers=2))
    undisturbed = toys.finished_tables(folder / "undisturbed")
    done = {}

    def kill_often(name: str, *where: str, workers: object = None) -> None:
        done[name] = toys.kill_and_resume(folder / name, n, SECONDS, kills, *where, seed=kills, workers=workers)
        toys.check_store(folder / name, n, SECONDS, undisturbed)
        print(f"{name}: killed {done[name]} times, {n} runs present exactly once, tables equal", flush=True)

    kill_often("in process")
    kill_often("workers", "--workers", "2")
    with toys.dask_cluster(folder, 2) as (address, (_, *nannies)):
        pids = tuple(process.pid for process in nannies)
        kill_often("dask", "--executor", address, workers=toys.WorkerProcesses(pids))
    return done


def main(options: Options) -> Record:
    with tempfile.TemporaryDirectory(dir=options.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        record: Record = overhead(folder, options.runs)
        print("  ".join(f"{name} {value:.2f}" for name, value in record.items()))
        record["list_s"] = listing(folder / "listed", options.listed)
        print(f"{options.listed:,} runs listed in {record['list_s']:.2f} s")
        record["arrays"] = arrays(folder / "arrays", 4 if options.quick else 400)
        print("  ".join(f"{name} {value:.2f}" for name, value in record["arrays"].items()))
        if options.kills:
            record["kills"] = kill(folder, options.kills)
    return {**record, "runs": options.runs, "listed": options.listed}


if __name__ == "__main__":
    folder = {"type": Path, "help": "on the disk that is to be measured; by default a temporary one"}
    run(main, __doc__, runs=(300, 10), listed=(10_000, 50), kills=(0, 0), folder=folder)
