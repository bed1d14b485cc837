"""A run has one result, whatever carries it out: this process with any number of threads, worker processes, or Dask."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from helpers.sweep_runs import dask_cluster

import labelnoise as ln
from labelnoise.studies.runs import DataSpecification, TrainingRun
from labelnoise.studies.together import train_ahead
from labelnoise.sweeps.executors import executor_named
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import sweep
from labelnoise.training import preset

DATA = DataSpecification(name="digits", n_train=300, n_test=100)
# With this learning rate, a difference in the last bit grows until predictions differ.
TRAINING = preset("digits", epochs=2, batch_size=32, device="cpu", precision="float32")
CLEAN = TrainingRun(data=DATA, training=TRAINING, keep_features=True)
RUNS = [
    CLEAN,
    TrainingRun(data=DATA, training=TRAINING, noise=ln.FlipNoise(), noise_rate=0.5),
]


@contextlib.contextmanager
def threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def in_process(tmp_path_factory):
    """The runs' store, carried out here with several threads."""
    store = RunStore(tmp_path_factory.mktemp("in-process"))
    with threads(3):
        assert sweep(RUNS, store, executor_named()).failures == ()
        assert torch.get_num_threads() == 3
    return store


def without_times(record):
    history = [{name: value for name, value in row.items() if name != "seconds"} for row in record.get("history", [])]
    return {name: value for name, value in record.items() if name not in ("history", "seconds")}, history


def assert_same(store, expected):
    for run in RUNS:
        found, reference = store.load(run), expected.load(run)
        assert without_times(found.record) == without_times(reference.record)
        assert found.arrays.keys() == reference.arrays.keys()
        for name, array in reference.arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array, err_msg=f"{name} of {run.label}")


def test_workers_and_dask_give_the_results_of_this_process(tmp_path, in_process):
    workers = RunStore(tmp_path / "workers")
    assert sweep(RUNS, workers, executor_named(workers=2)).failures == ()
    assert_same(workers, in_process)
    with dask_cluster(tmp_path, 1) as (name, _):
        on_dask = RunStore(tmp_path / "dask")
        assert sweep(RUNS, on_dask, executor_named(name)).failures == ()
    assert_same(on_dask, in_process)


def test_results_say_how_many_networks_were_trained_together(tmp_path, in_process):
    assert in_process.load(CLEAN).record["together"] == 1
    store = RunStore(tmp_path)
    assert train_ahead(RUNS, store, together=2) == 2
    assert [store.load(run).record["together"] for run in RUNS] == [2, 2]
