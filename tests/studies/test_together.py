"""Trainings done together leave the results of separate trainings."""

import dataclasses
import errno

import numpy as np
import pytest
import torch

import labelnoise as ln
import labelnoise.training
from labelnoise.studies.recipes.settings import clean_run, noisy_run, region_run
from labelnoise.studies.runs import DataSpecification
from labelnoise.studies.together import train_ahead
from labelnoise.sweeps.executors import executor_named
from labelnoise.sweeps.run import run_id
from labelnoise.sweeps.store import RunStore, StoreError
from labelnoise.sweeps.sweep import sweep
from labelnoise.training import preset

DATA = DataSpecification(name="digits", n_train=300, n_test=100)
# With a larger learning rate, Adam amplifies rounding errors until the two ways differ.
TRAINING = preset("digits", epochs=1, batch_size=32, learning_rate=1e-4, device="cpu", precision="float32")


def runs():
    noisy = [noisy_run(DATA, TRAINING, ln.FlipNoise(), 0.3, repeat) for repeat in range(2)]
    return [clean_run(DATA, TRAINING), *noisy, region_run(DATA, TRAINING, 0.25)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    store = RunStore(tmp_path_factory.mktemp("alone"))
    assert sweep(runs(), store, executor_named()).performed == 4
    return store


def test_results_are_those_of_separate_training(tmp_path, alone):
    store = RunStore(tmp_path)
    assert train_ahead(runs(), store, together=8) == 4  # The region needs the clean features, and so a second round.
    for run in runs():
        found, expected = store.load(run), alone.load(run)
        assert found.record.keys() == expected.record.keys()
        assert found.arrays.keys() == expected.arrays.keys()
        np.testing.assert_array_equal(found.arrays["noisy_labels"], expected.arrays["noisy_labels"])
        np.testing.assert_allclose(found.arrays["pred_probs"], expected.arrays["pred_probs"], atol=2e-3)
    report = sweep(runs(), store, executor_named())
    assert (report.performed, report.found) == (0, 4)


def test_finished_runs_are_not_done_again(tmp_path):
    store = RunStore(tmp_path)
    sweep(runs()[:1], store, executor_named())
    assert train_ahead(runs()[:2], store, together=8) == 1


def test_members_of_a_group_differ_only_in_seed_and_labels(tmp_path):
    store = RunStore(tmp_path)
    other = clean_run(DATA, dataclasses.replace(TRAINING, n_features=16))
    assert train_ahead([clean_run(DATA, TRAINING), other], store, together=8) == 2
    assert store.load(other).arrays["features"].shape[1] == 16


def test_runs_that_another_process_has_claimed_are_left_to_it(tmp_path):
    store = RunStore(tmp_path)
    first, second = runs()[1:3]
    store.prepare()
    with store.claim(first) as scratch:
        assert scratch is not None
        assert train_ahead([first, second], store, together=8) == 1
    assert not store.has(first)


def failing(monkeypatch, error, when):
    """Make training together raise `error` where `when(labels, specifications)` holds."""
    train_together = labelnoise.training.train_together

    def train(images, labels, specifications, **options):
        if when(labels, specifications):
            raise error
        return train_together(images, labels, specifications, **options)

    monkeypatch.setattr("labelnoise.training.train_together", train)


def test_a_group_that_fails_is_left_to_the_sweep(tmp_path, monkeypatch):
    """A run that requires one of its members is left too; other groups are trained."""
    store, other = RunStore(tmp_path), clean_run(DATA, dataclasses.replace(TRAINING, n_features=16))
    failing(monkeypatch, RuntimeError("no kernel"), lambda _, specifications: specifications[0].n_features is None)
    with pytest.warns(RuntimeWarning, match="3 trainings like .* are done one by one: RuntimeError: no kernel"):
        assert train_ahead([*runs(), other], store, together=8) == 1
    assert store.finished() == {run_id(other)}
    assert sweep(runs()[:1], store, executor_named()).performed == 1


@pytest.mark.parametrize("error", [MemoryError("too many"), torch.OutOfMemoryError("too many")])
def test_a_group_too_large_for_the_memory_is_halved(tmp_path, monkeypatch, alone, error):
    store = RunStore(tmp_path)
    failing(monkeypatch, error, lambda labels, _: len(labels) > 2)
    with pytest.warns(RuntimeWarning, match="are done in two halves: .*MemoryError: too many") as said:
        assert train_ahead(runs(), store, together=8) == 4
    assert len(said) == 1
    assert store.finished() == alone.finished()


def test_a_member_that_diverges_at_once_does_not_stop_the_others(tmp_path, monkeypatch):
    store, (clean, first, second, _) = RunStore(tmp_path), runs()
    bad = second.training.seed
    failing(monkeypatch, FloatingPointError("not finite"), lambda _, found: bad in [one.seed for one in found])
    with pytest.warns(RuntimeWarning, match="not finite") as said:
        assert train_ahead([clean, first, second], store, together=8) == 2
    assert [str(one.message).partition(":")[0].rpartition("done ")[2] for one in said] == ["in two halves"] * 2 + [
        "one by one"
    ]
    assert store.finished() == {run_id(clean), run_id(first)}


@pytest.mark.parametrize(("device", "gpu", "trained"), [("auto", True, 3), ("auto", False, 0), ("cpu", True, 0)])
def test_by_default_only_trainings_on_a_gpu_are_done(tmp_path, monkeypatch, device, gpu, trained):
    training = dataclasses.replace(TRAINING, device=device)
    asked = [noisy_run(DATA, training, ln.FlipNoise(), 0.3, repeat) for repeat in range(3)]
    groups = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: gpu)
    monkeypatch.setattr("labelnoise.studies.together.TOGETHER_ON_GPU", 2)
    monkeypatch.setattr("labelnoise.studies.together._train", lambda group, _: groups.append(group) or len(group))
    store = RunStore(tmp_path)
    monkeypatch.setattr(store, "finished", lambda: {run_id(run) for group in groups for run in group})
    assert train_ahead(asked, store) == trained
    assert [len(group) for group in groups] == ([2, 1] if trained else [])


def test_missing_data_are_left_for_the_sweep_to_report(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    absent = clean_run(DataSpecification(name=str(tmp_path / "nowhere")), TRAINING)
    with pytest.warns(RuntimeWarning, match="FileNotFoundError"):
        assert train_ahead([absent], RunStore(tmp_path / "store"), together=8) == 0
    (failure,) = sweep([absent], RunStore(tmp_path / "store"), executor_named()).failures
    assert "nowhere" in failure.error


@pytest.mark.parametrize("error", [StoreError(errno.EIO, "no store"), OSError(errno.ENOSPC, "No space left")])
def test_a_full_disk_ends_all_trainings(tmp_path, monkeypatch, error):
    monkeypatch.setattr("labelnoise.studies.together._train", lambda *_: (_ for _ in ()).throw(error))
    with pytest.raises(StoreError):
        train_ahead(runs(), RunStore(tmp_path), together=8)


def test_a_group_has_at_least_one_member(tmp_path):
    with pytest.raises(ValueError, match="`together` must be at least 1"):
        train_ahead(runs(), RunStore(tmp_path), together=0)
