"""Sweeps: every run is done once and in order, whatever happens to it, to its process, or to the disk."""

import contextlib
import copy
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from helpers.sweep_runs import (
    ENVIRONMENT,
    CountedRun,
    DeadlyRun,
    ExitingRun,
    FailingRun,
    ToyRun,
    WorkerProcesses,
    check_store,
    dask_cluster,
    finished_tables,
    kill_and_resume,
    start_sweep,
    toy_runs,
    wait_for_progress,
)

from labelnoise.sweeps.executors import InProcessExecutor, executor_named
from labelnoise.sweeps.perform import perform
from labelnoise.sweeps.run import run_id
from labelnoise.sweeps.store import RunStore, StoreError
from labelnoise.sweeps.sweep import sweep, with_requirements

N, SECONDS = 30, 0.02
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


def sweep_here(runs, store):
    return sweep(runs, store, InProcessExecutor)


def counted(tmp_path, n, **needs):
    return [CountedRun(seed, log=str(tmp_path / "log"), **needs) for seed in range(n)]


def performed(tmp_path):
    log = tmp_path / "log"
    return [int(line) for line in log.read_text().split()] if log.exists() else []


def test_every_run_is_performed_once_after_what_it_requires(tmp_path):
    first = counted(tmp_path, 2)
    last = CountedRun(9, needs=tuple(first), log=first[0].log)
    store = RunStore(tmp_path / "store")
    report = sweep_here([last, first[0], last], store)
    assert (report.performed, report.found, report.failures) == (3, 0, ())
    assert performed(tmp_path) == [0, 1, 9]
    more = [last, *counted(tmp_path, 3)]
    report = sweep_here(more, store)
    assert (report.performed, report.found) == (1, 3)
    assert performed(tmp_path) == [0, 1, 9, 2]
    assert sweep(more, store, lambda: pytest.fail("nothing is left to do")).found == 4
    assert str(report).startswith("1 runs done, 3 found, 0 not done, in ")


def test_required_runs_come_first():
    runs = toy_runs(6, 0.0)
    found = with_requirements([runs[4], runs[5], ToyRun(3)])
    assert list(found.values()) == [runs[3], runs[4], runs[5]]
    assert list(found) == [run_id(run) for run in (runs[3], runs[4], runs[5])]


def test_sweeps_know_nothing_of_label_noise_or_torch():
    code = "import sys, labelnoise.sweeps.sweep, labelnoise.sweeps.executors; print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("labelnoise.")}
    below = {"artifacts", "arrays", "progress", "sweeps", "threads", "torchrun", "validation"}
    assert {name.split(".")[1] for name in loaded} <= below
    assert "torch" not in done.stdout.split()


def test_a_failed_run_is_reported_and_the_others_go_on(tmp_path):
    store, failing, exiting = RunStore(tmp_path), FailingRun(1), ExitingRun(2)
    runs = [failing, exiting, ToyRun(3, needs=(failing,)), ToyRun(4, needs=(ToyRun(3, needs=(failing,)),)), ToyRun(5)]
    report = sweep_here(runs, store)
    assert (report.performed, report.found) == (1, 0)
    assert [failure.run.seed for failure in report.failures] == [1, 2, 3, 4]
    first, second, third, fourth = map(str, report.failures)
    record = store.failure_record(failing)
    assert first == f"FailingRun 1: ValueError: no luck (specification and traceback: {record})"
    assert second.startswith("ExitingRun 2: SystemExit: enough")
    assert third == "ToyRun 3: not started, because 'FailingRun 1' was not finished"
    assert fourth == "ToyRun 4: not started, because 'ToyRun 3' was not finished"
    assert report.failures[0].specification == {"kind": "failing", "seed": 1, "seconds": 0.0, "needs": []}
    assert "in perform" in json.loads(record.read_bytes())["traceback"]
    assert str(report).count("\n") == 4
    assert sweep_here(runs, store).failures[0].error == "ValueError: no luck"  # It was tried again.


def test_an_old_failure_is_not_taken_for_a_new_one(tmp_path):
    """A run that failed once, and is not started the next time, has no traceback from that time."""
    store, failing = RunStore(tmp_path), FailingRun(1)
    last = ToyRun(2, needs=(failing,))
    store.save_failure(last, ValueError("of yesterday"))
    _, second = sweep_here([last], store).failures
    assert second.record is None
    assert str(second) == "ToyRun 2: not started, because 'FailingRun 1' was not finished"


class TestTorchrun:
    """All processes go by what the first one finds; these tests need only that first one."""

    @pytest.fixture
    def said(self, monkeypatch):
        """Return the list of what the first process tells the others."""
        said = []

        class Processes:
            rank = 0

            def agree(self, value):
                said.append(copy.copy(value))
                return value

        monkeypatch.setenv("WORLD_SIZE", "2")
        monkeypatch.setattr("labelnoise.processes.join_processes", lambda device: Processes())
        monkeypatch.setattr("labelnoise.sweeps.perform._POLL_SECONDS", 0.01)
        return said

    def test_all_processes_agree_on_finished_runs(self, tmp_path, said):
        store = RunStore(tmp_path)
        for found in (set(), {run_id(ToyRun(1))}):
            said.clear()
            assert sweep_here([ToyRun(1)], store).failures == ()
            assert said[0] == found

    def test_a_busy_run_is_waited_for(self, tmp_path, said):
        store, run = RunStore(tmp_path), ToyRun(1)
        claim = store.claim(run)
        claim.__enter__()
        release = threading.Timer(0.1, claim.__exit__, (None, None, None))
        release.start()
        assert perform(tmp_path, run) == ("performed", "")
        release.join()
        assert ("busy", "") in said
        assert store.has(run)


def test_a_damaged_result_of_a_required_run_is_named(tmp_path):
    store, required = RunStore(tmp_path), ToyRun(1)
    sweep_here([required], store)
    path = tmp_path / "finished" / run_id(required) / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    report = sweep_here([ToyRun(2, needs=(required,)), ToyRun(3)], store)
    assert report.performed == 1
    (failure,) = report.failures
    assert f"DamagedRunError: {path} is not what was written. Delete the folder {path.parent}" in str(failure)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes, which Windows lacks")
@pytest.mark.parametrize("workers", [None, 2])
def test_a_full_disk_ends_the_sweep(tmp_path, workers):
    """A limit on file sizes stands for the full disk; workers inherit it, and this process lifts it at the end."""
    import resource

    store = RunStore(tmp_path / "store")
    sweep_here([ToyRun(100)], store)
    runs = [ToyRun(100), *counted(tmp_path, 50)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(StoreError, match=r"'CountedRun \d+' could not be written to .*: File too large\. Finished"):
            sweep(runs, store, _under_a_limit(executor_named(workers=workers), before))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(performed(tmp_path)) < 10  # The other results would have been lost.
    assert store.finished() == {run_id(ToyRun(100))}
    assert sweep_here(runs, store).performed == 50


def _under_a_limit(open_executor, before):
    import resource

    @contextlib.contextmanager
    def opened():
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, before[1]))
        with open_executor() as executor:
            yield executor

    return opened


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system that refuses even root")
def test_an_unwritable_folder_is_found_before_any_work():
    with pytest.raises(OSError, match="must be writable"):
        sweep([FailingRun(1)], RunStore("/proc/self/runs"), lambda: pytest.fail("too late"))


def test_a_run_in_another_process_is_waited_for(tmp_path):
    """A run that is under way elsewhere is not done twice; if it is left there, it is done here."""
    process = start_sweep(tmp_path, 3, 0.8)
    assert wait_for_progress(tmp_path, process)
    report = sweep_here(toy_runs(3, 0.8), RunStore(tmp_path))
    output, _ = process.communicate(timeout=60)
    assert "0 not done" in output
    assert report.failures == ()
    assert report.performed + int(output.split()[0]) == 3
    assert report.found >= 1


def test_a_run_that_another_process_leaves_is_taken_over(tmp_path):
    store, run = RunStore(tmp_path), ToyRun(0)
    with store.claim(run):
        assert perform(tmp_path, run) == ("busy", "")
    claim = store.claim(run)
    claim.__enter__()

    class Releasing(InProcessExecutor):
        def submit(self, fn, /, *args, **kwargs):
            future = super().submit(fn, *args, **kwargs)
            if future.result()[0] == "busy":
                claim.__exit__(None, None, None)
            return future

    assert sweep([run], store, Releasing).performed == 1


@posix
def test_only_runs_that_kill_their_workers_are_given_up(tmp_path):
    """A pool does not say which run killed a worker, so those under way are tried again alone, one after the other."""
    store = RunStore(tmp_path / "store")
    deadly, once = DeadlyRun(0, 0.1), DeadlyRun(1, 0.1, times=1)
    innocent = [ToyRun(seed, 0.2) for seed in range(2, 8)]
    after = ToyRun(99, needs=(once,))
    report = sweep([deadly, once, *innocent, after], store, executor_named(workers=2))
    assert report.performed == 8
    (failure,) = report.failures
    assert failure.run == deadly
    assert "lost 2 times by its worker (killed, out of memory?): BrokenProcessPool" in str(failure)
    assert {row.status for row in store.list()} == {"finished", "failed"}


@posix
def test_workers_that_cannot_start_end_the_sweep(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from helpers.sweep_runs import *\n"
        f"sweep([ToyRun(1)], RunStore({str(tmp_path / 'store')!r}), executor_named(workers=2))\n"
    )
    done = subprocess.run([sys.executable, script], env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "RuntimeError: workers die before they begin a run" in done.stderr
    assert "must stand under `if __name__ == '__main__':`" in done.stderr


def outlived(group, seconds=10):
    """Return the processes of a group that do not end within some seconds."""
    deadline = time.monotonic() + seconds
    while True:
        living = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                # A zombie has ended, even if no process has read its exit status.
                if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                    living.append(process.cmdline())
        if not living or time.monotonic() > deadline:
            return living
        time.sleep(0.05)


@posix
@pytest.mark.parametrize("where", [(), ("--workers", "2")], ids=["in process", "workers"])
def test_an_interrupt_keeps_finished_runs_and_leaves_no_process(tmp_path, where):
    process = start_sweep(tmp_path, 60, 0.3, *where)
    while not list(tmp_path.glob("finished/*")):
        assert wait_for_progress(tmp_path, process)
    os.killpg(process.pid, signal.SIGINT)  # A terminal signals the whole group, too.
    start = time.monotonic()
    output, _ = process.communicate(timeout=30)  # This ends when every process has closed its output.
    assert time.monotonic() - start < 10
    assert (process.returncode, output) == (1, "interrupted\n")
    assert not outlived(process.pid)
    statuses = Counter(row.status for row in RunStore(tmp_path).list())
    assert statuses["finished"] >= 1
    assert set(statuses) <= {"finished", "interrupted"}
    assert statuses.total() < 60


@posix
def test_workers_end_with_the_process_that_started_them(tmp_path):
    process = start_sweep(tmp_path, 6, 60.0, "--workers", "2")
    assert wait_for_progress(tmp_path, process)
    process.kill()  # Only this process is killed.
    process.communicate(timeout=30)
    assert not outlived(process.pid)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    assert sweep_here(toy_runs(N, SECONDS), RunStore(folder)).performed == N
    return finished_tables(folder)


@posix
@pytest.mark.parametrize(("kills", "where"), [(2, ()), (2, ("--workers", "2"))], ids=["in process", "workers"])
def test_a_killed_sweep_resumes(tmp_path, undisturbed, kills, where):
    """The seed fixes when it is killed; `benchmarks/sweeps.py --kills 50` does it more often."""
    assert kill_and_resume(tmp_path, N, SECONDS, kills, *where) == kills
    check_store(tmp_path, N, SECONDS, undisturbed)


@posix
def test_a_killed_sweep_resumes_on_dask(tmp_path, undisturbed):
    store = tmp_path / "store"
    with dask_cluster(tmp_path, 2) as (address, processes):
        workers = WorkerProcesses(tuple(process.pid for process in processes[1:]))
        assert kill_and_resume(store, N, SECONDS, 2, "--executor", address, workers=workers) == 2
    check_store(store, N, SECONDS, undisturbed)


@posix
def test_another_dask_worker_does_the_runs_of_a_killed_one(tmp_path):
    """The workers have no nannies, which would start a killed one again."""
    n, seconds, folder = 12, 0.3, tmp_path / "store"
    with dask_cluster(tmp_path, 2, "--no-nanny") as (address, (_, first, second)):
        process = start_sweep(folder, n, seconds, "--executor", address)
        while not any(f"process {first.pid}" in row.detail for row in RunStore(folder).list()):
            assert process.poll() is None
        first.kill()
        output, _ = process.communicate(timeout=60)
        assert second.poll() is None
    assert (process.returncode, output.split(", in ")[0]) == (0, f"{n} runs done, 0 found, 0 not done")
    assert RunStore(folder).finished() == set(with_requirements(toy_runs(n, seconds)))
    assert not list((folder / "unfinished").iterdir())
