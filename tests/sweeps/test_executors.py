"""Executors by name: each carries out a sweep, and a wrong name is refused before any work."""

import os
import signal
import sys

import pytest
from helpers.sweep_runs import ENVIRONMENT, EnvironmentRun, FailingRun, ToyRun, dask_cluster, toy_runs
from joblib import cpu_count

from labelnoise.sweeps.executors import InProcessExecutor, SubmititExecutor, WorkerPool, executor_named
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import sweep

RUNS = [*toy_runs(4, 0.0), FailingRun(7), ToyRun(8, needs=(FailingRun(7),))]


@pytest.fixture(autouse=True)
def _importable_runs(monkeypatch):
    """Let other processes import the runs of this test from its folder."""
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])


def check_sweep(tmp_path, open_executor):
    store = RunStore(tmp_path / "store")
    report = sweep(RUNS, store, open_executor)
    assert (report.performed, len(report.failures)) == (4, 2)
    assert report.failures[0].error == "ValueError: no luck"
    assert sweep(RUNS[:4], store, open_executor).found == 4


def test_runs_are_carried_out_in_this_process(tmp_path):
    assert executor_named() is executor_named(workers=1) is InProcessExecutor
    check_sweep(tmp_path, executor_named())

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), InProcessExecutor() as executor:
        executor.submit(interrupt)


def test_worker_processes_share_the_cores(tmp_path, monkeypatch):
    """Thread limits are set before a worker imports anything; this process's own environment does not change."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    store = RunStore(tmp_path / "store")
    workers = cpu_count()
    assert sweep([EnvironmentRun(1)], store, executor_named(workers=workers)).failures == ()
    assert os.environ == before
    record = store.load(EnvironmentRun(1)).record
    assert set(record["libraries"]) == {1}
    assert (record["own"], record["OMP_NUM_THREADS"], record["TQDM_DISABLE"]) == (1, "1", "1")


def test_thread_limits_that_the_user_sets_stay(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with WorkerPool(2 * cpu_count()) as pool:
        assert pool.submit(os.getenv, "OMP_NUM_THREADS").result() == "3"
        assert pool.submit(os.getenv, "LOKY_MAX_CPU_COUNT").result() == "1"


def test_runs_are_carried_out_in_worker_processes(tmp_path):
    check_sweep(tmp_path, executor_named(workers=2))
    if hasattr(signal, "pthread_sigmask"):
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_runs_are_carried_out_on_dask(tmp_path, monkeypatch):
    with dask_cluster(tmp_path, 1) as (name, (scheduler, _)):
        check_sweep(tmp_path, executor_named(name))
        scheduler.kill()
        scheduler.wait()
        monkeypatch.setattr("labelnoise.sweeps.executors._CONNECT_SECONDS", 1)
        with pytest.raises(ConnectionError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:\d+ .*Start one"):
            sweep([ToyRun(99)], RunStore(tmp_path / "store"), executor_named(name))


def test_runs_are_carried_out_as_submitit_jobs(tmp_path):
    """The jobs are processes on this machine, without SLURM."""
    pytest.importorskip("submitit")
    logs = tmp_path / "logs"
    check_sweep(tmp_path, executor_named("slurm://?cluster=local&timeout_min=1&partition=any", log_folder=logs))
    assert list(logs.glob("*_result.pkl"))


def test_submitit_jobs_that_die_or_are_canceled_are_noticed(tmp_path):
    submitit = pytest.importorskip("submitit")
    executor = SubmititExecutor(submitit.LocalExecutor(tmp_path), poll_seconds=0.1)
    exiting = executor.submit(os._exit, 3)
    with pytest.raises(TypeError, match="pickle"):
        executor.submit(print, sys._getframe())
    assert exiting.exception(timeout=30) is not None
    waiting = executor.submit(pow, 2, 3)
    executor.shutdown(cancel_futures=True)
    assert waiting.cancelled()


def test_missing_slurm_is_reported(tmp_path, monkeypatch):
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", "")
    store = RunStore(tmp_path)
    with pytest.raises(ValueError, match=r"must name what submitit knows and finds here: .*srun"):
        sweep([ToyRun(1)], store, executor_named("slurm://?partition=x"))
    with pytest.raises(ValueError, match=r"must name what submitit knows and finds here: .*color"):
        sweep([ToyRun(1)], store, executor_named("slurm://?cluster=local&color=red", log_folder=tmp_path))


NO_EXECUTORS = ["", "ssh://host:22", "dask", "dask://", "dask://host", "dask://host:", "dask://HOST:PORT"]
NO_EXECUTORS += ["slurm", "slurm://host", "slurm:partition=x", "slurm:///partition"]


@pytest.mark.parametrize("name", NO_EXECUTORS)
def test_unknown_names_are_refused(name):
    with pytest.raises(ValueError, match=r"`executor` must be one of dask://HOST:PORT or slurm://.*; got '"):
        executor_named(name)


def test_bad_input_is_refused_at_once(monkeypatch):
    with pytest.raises(ValueError, match="give one of the two"):
        executor_named("dask://host:1", workers=2)
    with pytest.raises(ValueError, match="`workers` must be at least 1; got 0"):
        executor_named(workers=0)
    with pytest.raises(ValueError, match="`workers` must be at most 1000, processes on one host"):
        executor_named(workers=10**30)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for name, extra in (("dask://host:1", "dask"), ("slurm://", "slurm")):
        with pytest.raises(ImportError, match=rf"pip install 'labelnoise\[{extra}\]'"):
            executor_named(name)
