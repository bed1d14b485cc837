"""Runner and run store: overhead of a run, time to list many runs, and kill -9 at random moments.

    python benchmarks/sweeps.py [--runs 300] [--listed 10000] [--kills 50] [--output FILE.json]

Overhead is what a run costs that itself does next to nothing: claim, safetensors and Parquet files, checksums, flushes
to the disk, rename, and the way through the executor; beside it the processor time in it, and one flush of a small
file, which the disk sets. With --kills, a sweep of short runs is killed that often, in this process, in two workers and
on a local Dask cluster (there every other time a worker, and the sweep goes on), and resumed each time; at the end
every run must be there exactly once, with the tables of an undisturbed sweep.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
os.environ["PYTHONPATH"] = sys.path[0]

from helpers.sweep_runs import (
    ToyRun,
    WorkerProcesses,
    check_store,
    dask_cluster,
    finished_tables,
    kill_and_resume,
    toy_runs,
)

from labelnoise.artifacts import write_json
from labelnoise.sweeps.executors import InProcessExecutor, executor_named
from labelnoise.sweeps.perform import perform
from labelnoise.sweeps.run import RunResult
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import sweep

SECONDS, RUNS_A_KILL = 0.02, 20


def flush_milliseconds(folder: Path, repeats: int = 50) -> float:
    times = []
    for number in range(repeats):
        start = time.perf_counter()
        with (folder / f"flushed-{number}").open("wb") as stream:
            stream.write(bytes(4096))
            stream.flush()
            os.fsync(stream.fileno())
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def overhead(folder: Path, n: int) -> dict[str, float]:
    """Milliseconds a run, in this process; the work of a run, some 0.3 ms, is taken off."""
    sweep([ToyRun(-1)], RunStore(folder / "warm"), InProcessExecutor)
    start = time.perf_counter()
    for seed in range(n):
        ToyRun(seed).perform(None)
    own = time.perf_counter() - start
    times = []
    for seed in range(n):
        start = time.perf_counter()
        perform(folder / "single", ToyRun(seed))
        times.append(time.perf_counter() - start - own / n)
    start, processor = time.perf_counter(), time.process_time()
    report = sweep([ToyRun(seed) for seed in range(n)], RunStore(folder / "sweep"), InProcessExecutor)
    swept = (time.perf_counter() - start - own) / n
    processor = time.process_time() - processor - own
    assert report.performed == n
    start = time.perf_counter()
    found = sweep([ToyRun(seed) for seed in range(n)], RunStore(folder / "sweep"), InProcessExecutor).found
    assert found == n
    return {
        "overhead_ms": 1e3 * swept,
        "processor_ms": 1e3 * processor / n,
        "perform_median_ms": 1e3 * float(np.median(times)),
        "perform_95_percent_ms": 1e3 * float(np.quantile(times, 0.95)),
        "found_ms": 1e3 * (time.perf_counter() - start) / n,
        "flush_ms": flush_milliseconds(folder),
    }


def listing(folder: Path, n: int) -> float:
    """Seconds to list `n` finished runs; they are written without flushes, which do not change what is listed."""
    fsync, os.fsync = os.fsync, lambda _: None
    try:
        store = RunStore(folder)
        for seed in range(n):
            store.save(ToyRun(seed, needs=(ToyRun(seed + 1),)), RunResult({"accuracy": 0.5, "seed": seed}))
    finally:
        os.fsync = fsync
    start = time.perf_counter()
    rows = RunStore(folder).list()
    seconds = time.perf_counter() - start
    assert [row.status for row in rows] == ["finished"] * n
    return seconds


def arrays(folder: Path, megabytes: int = 400) -> dict[str, float]:
    """Seconds to save and load one large array, checksums included."""
    store, run = RunStore(folder), ToyRun(0)
    values = np.random.default_rng(0).random(megabytes * 125_000)
    start = time.perf_counter()
    store.save(run, RunResult({}, {"values": values}))
    saved = time.perf_counter()
    np.testing.assert_array_equal(store.load(run).arrays["values"], values)
    return {"megabytes": megabytes, "save_s": saved - start, "load_s": time.perf_counter() - saved}


def kill(folder: Path, kills: int) -> dict[str, int]:
    n = RUNS_A_KILL * kills
    runs = toy_runs(n, SECONDS)
    sweep(runs, RunStore(folder / "undisturbed"), executor_named(workers=2))
    undisturbed = finished_tables(folder / "undisturbed")
    done = {}
    for name, options in {"in process": (), "workers": ("--workers", "2")}.items():
        store = folder / name
        done[name] = kill_and_resume(store, n, SECONDS, kills, *options, seed=kills)
        check_store(store, n, SECONDS, undisturbed)
        print(f"{name}: killed {done[name]} times, {n} runs present exactly once, tables equal", flush=True)
    with dask_cluster(folder, 2) as (address, (_, *nannies)):
        workers, store = WorkerProcesses(tuple(process.pid for process in nannies)), folder / "dask"
        done["dask"] = kill_and_resume(store, n, SECONDS, kills, "--executor", address, seed=kills, workers=workers)
        check_store(store, n, SECONDS, undisturbed)
        print(f"dask: killed {done['dask']} times, {n} runs present exactly once, tables equal", flush=True)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--listed", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured; default: a temporary one")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        record: dict[str, object] = overhead(folder, options.runs)
        print("  ".join(f"{name} {value:.2f}" for name, value in record.items()))
        record["list_s"] = listing(folder / "listed", options.listed)
        print(f"{options.listed:,} runs listed in {record['list_s']:.2f} s")
        record["arrays"] = arrays(folder / "arrays")
        print("  ".join(f"{name} {value:.2f}" for name, value in record["arrays"].items()))
        if options.kills:
            record["kills"] = kill(folder, options.kills)
    if options.output:
        write_json({**record, "runs": options.runs, "listed": options.listed}, options.output)


if __name__ == "__main__":
    main()
