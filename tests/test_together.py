"""Trainings done together leave what they leave alone."""

import dataclasses

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.experiments.executors import executor_named
from labelnoise.experiments.recipes.trainings import clean_run, noisy_run, region_run
from labelnoise.experiments.runs import DataSpecification
from labelnoise.experiments.store import RunStore
from labelnoise.experiments.sweep import sweep
from labelnoise.experiments.together import train_ahead
from labelnoise.training import preset

DATA = DataSpecification(name="digits", n_train=300, n_test=100)
# a small learning rate: Adam makes much of rounding, and the two ways would part
TRAINING = preset("digits", epochs=1, batch_size=32, learning_rate=1e-4, device="cpu", precision="float32")


def runs():
    noisy = [noisy_run(DATA, TRAINING, ln.FlipNoise(), 0.3, repeat) for repeat in range(2)]
    return [clean_run(DATA, TRAINING), *noisy, region_run(DATA, TRAINING, 0.25)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("alone"))
    assert sweep(runs(), store, executor_named()).performed == 4
    return store


def test_leaves_the_results_of_separate_training(tmp_path, alone):
    store = RunStore(tmp_path)
    assert train_ahead(runs(), store, together=8) == 4  # the region needs the clean features: a second round
    for run in runs():
        found, expected = store.load(run), alone.load(run)
        assert found.record.keys() == expected.record.keys()
        assert found.arrays.keys() == expected.arrays.keys()
        np.testing.assert_array_equal(found.arrays["noisy_labels"], expected.arrays["noisy_labels"])
        np.testing.assert_allclose(found.arrays["pred_probs"], expected.arrays["pred_probs"], atol=2e-3)
    report = sweep(runs(), store, executor_named())
    assert (report.performed, report.found) == (0, 4)


def test_does_not_do_finished_runs_again(tmp_path):
    store = RunStore(tmp_path)
    sweep(runs()[:1], store, executor_named())
    assert train_ahead(runs()[:2], store, together=8) == 1


def test_groups_differ_in_seed_and_labels_alone(tmp_path):
    store = RunStore(tmp_path)
    other = clean_run(DATA, dataclasses.replace(TRAINING, n_features=16))
    assert train_ahead([clean_run(DATA, TRAINING), other], store, together=8) == 2
    assert store.load(other).arrays["features"].shape[1] == 16


def test_leaves_what_another_process_is_at(tmp_path):
    store = RunStore(tmp_path)
    first, second = runs()[1:3]
    store.prepare()
    with store.claim(first) as scratch:
        assert scratch is not None
        assert train_ahead([first, second], store, together=8) == 1
    assert not store.has(first)


def test_a_group_is_of_at_least_one(tmp_path):
    with pytest.raises(ValueError, match="`together` must be at least 1"):
        train_ahead(runs(), RunStore(tmp_path), together=0)
