"""Cheap runs, and sweeps of them in processes that can be killed, for tests and the benchmark of sweeps.

Workers import this module: `start_sweep` puts its folder on their path.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import psutil

from labelnoise.sweeps.executors import executor_named
from labelnoise.sweeps.run import Run, RunResult, Workspace
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import sweep, with_requirements

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
}


@dataclass(frozen=True)
class ToyRun:
    """A run whose small array and table follow from its seed and from the runs that it requires."""

    kind: ClassVar[str] = "toy"
    uses_all_processes: ClassVar[bool] = False

    seed: int
    seconds: float = 0.0
    needs: tuple[Run, ...] = ()

    @property
    def label(self) -> str:
        return f"{type(self).__name__} {self.seed}"

    @property
    def requires(self) -> tuple[Run, ...]:
        return self.needs

    def perform(self, workspace: Workspace) -> RunResult:
        time.sleep(self.seconds)
        values = np.random.default_rng(self.seed).normal(size=100)
        for run in self.needs:
            values += workspace.result(run).arrays["values"]
        table = pd.DataFrame({"seed": self.seed, "mean": [values.mean()], "name": ["größe"]})
        return RunResult({"first": float(values[0])}, {"values": values}, {"summary": table})


@dataclass(frozen=True)
class FailingRun(ToyRun):
    kind: ClassVar[str] = "failing"

    def perform(self, workspace: Workspace) -> RunResult:
        raise ValueError("no luck")


@dataclass(frozen=True)
class ExitingRun(ToyRun):
    kind: ClassVar[str] = "exiting"

    def perform(self, workspace: Workspace) -> RunResult:
        sys.exit("enough")


@dataclass(frozen=True)
class DeadlyRun(ToyRun):
    """A run whose process is killed the first `times` times, as the system does when memory runs out."""

    kind: ClassVar[str] = "deadly"

    times: int = 1_000_000

    def perform(self, workspace: Workspace) -> RunResult:
        deaths = len(list(workspace.scratch.glob("death-*")))
        if deaths < self.times:
            (workspace.scratch / f"death-{deaths}").touch()
            time.sleep(self.seconds)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().perform(workspace)


@dataclass(frozen=True)
class CountedRun(ToyRun):
    """A run that writes a line to a file each time it is performed."""

    kind: ClassVar[str] = "counted"

    log: str = ""

    def perform(self, workspace: Workspace) -> RunResult:
        with Path(self.log).open("a") as stream:
            stream.write(f"{self.seed}\n")
        return super().perform(workspace)


@dataclass(frozen=True)
class EnvironmentRun(ToyRun):
    """A run that records the environment of its worker."""

    kind: ClassVar[str] = "environment"

    def perform(self, workspace: Workspace) -> RunResult:
        from threadpoolctl import threadpool_info

        import labelnoise.threads

        threads = [library["num_threads"] for library in threadpool_info()]
        names = ("OMP_NUM_THREADS", "TQDM_DISABLE")
        own = labelnoise.threads.core_count()
        return RunResult({"libraries": threads, "own": own, **{name: os.environ.get(name) for name in names}})


def toy_runs(n: int, seconds: float) -> list[Run]:
    """Return `n` runs; every third is required by the two after it."""
    runs: list[Run] = []
    for seed in range(n):
        needs = (runs[seed - seed % 3],) if seed % 3 else ()
        runs.append(ToyRun(seed, seconds, needs))
    return runs


def start_sweep(folder: Path, n: int, seconds: float, *where: str) -> subprocess.Popen[str]:
    """Start a sweep in its own process group; `where` holds options: ``--workers 2``, ``--executor dask://...``."""
    code = "import helpers.sweep_runs; helpers.sweep_runs.main()"
    arguments = [sys.executable, "-W", "error", "-c", code, str(folder), str(n), str(seconds), *where]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(arguments, env=ENVIRONMENT, start_new_session=True, text=True, **pipes)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("n", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--executor")
    options = parser.parse_args()
    open_executor = executor_named(options.executor, options.workers)
    try:
        print(sweep(toy_runs(options.n, options.seconds), RunStore(options.folder), open_executor))
    except KeyboardInterrupt:
        sys.exit("interrupted")


def finished_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return the summary of every run in a store."""
    return {path.parent.name: pd.read_parquet(path) for path in sorted(folder.glob("finished/*/summary.parquet"))}


def wait_for_progress(folder: Path, process: subprocess.Popen[str], timeout: float = 60) -> bool:
    """Wait until the sweep begins another run, and return whether it does so before it ends."""
    before, deadline = _seen(folder), time.monotonic() + timeout
    while process.poll() is None:
        if _seen(folder) - before:
            return True
        if time.monotonic() > deadline:
            raise TimeoutError("the sweep does not get on")
        time.sleep(0.005)
    return False


def _seen(folder: Path) -> set[str]:
    return {path.name for part in ("finished", "unfinished") for path in (folder / part).glob("*")}


def kill_and_resume(
    folder: Path, n: int, seconds: float, kills: int, *where: str, seed: int = 0, workers: WorkerProcesses | None = None
) -> int:
    """Kill a sweep with -9 at random moments, start it again each time, and return how often that was possible.

    With `workers` of a Dask cluster, one of those is killed every other time, and the sweep goes on.
    """
    rng, done, process = random.Random(seed), 0, None
    while done < kills:
        if process is None:
            process = start_sweep(folder, n, seconds, *where)
        if not wait_for_progress(folder, process):
            break
        time.sleep(rng.uniform(0, 0.3))
        if workers is not None and done % 2:
            workers.kill_one(rng)
        else:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            process = None
        done += 1
    process = process or start_sweep(folder, n, seconds, *where)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return done


def check_store(folder: Path, n: int, seconds: float, undisturbed: dict[str, pd.DataFrame]) -> None:
    """Check that every run is there exactly once and nothing else, with the tables of an undisturbed sweep."""
    expected = set(with_requirements(toy_runs(n, seconds)))
    store = RunStore(folder)
    assert store.finished() == expected
    assert [row.status for row in store.list()] == ["finished"] * len(expected)
    assert not list((folder / "unfinished").iterdir())
    assert not list((folder / "failed").iterdir())
    assert {path.name for path in folder.iterdir()} == {"finished", "unfinished", "failed"}
    for run in toy_runs(n, seconds):
        store.load(run)  # This checks every file.
    tables = finished_tables(folder)
    assert list(tables) == list(undisturbed)
    for key, table in tables.items():
        pd.testing.assert_frame_equal(table, undisturbed[key], check_exact=True)


@dataclass(frozen=True)
class WorkerProcesses:
    """Dask workers that their nannies start again."""

    nannies: tuple[int, ...]

    def processes(self) -> list[psutil.Process]:
        children = [child for pid in self.nannies for child in psutil.Process(pid).children()]
        return [child for child in children if any("spawn_main" in part for part in child.cmdline())]

    def kill_one(self, rng: random.Random) -> None:
        alive = self.processes()
        if alive:  # Otherwise all are being started again.
            rng.choice(alive).kill()


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int, *options: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler on a free port and workers, each in its own process; give its name and all processes."""
    file = folder / "scheduler.json"
    common = {"env": ENVIRONMENT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    dask, local = [sys.executable, "-m", "dask"], ["--scheduler-file", str(file), "--no-dashboard"]
    processes = [subprocess.Popen([*dask, "scheduler", *local, "--host", "127.0.0.1", "--port", "0"], **common)]
    try:
        deadline = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < deadline
            assert processes[0].poll() is None
            time.sleep(0.05)
        for number in range(workers):
            place = ["--local-directory", str(folder / f"worker-{number}"), "--nthreads", "1"]
            processes.append(subprocess.Popen([*dask, "worker", *local, *place, *options], **common))
        yield json.loads(file.read_text())["address"].replace("tcp", "dask"), processes
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
