"""Steps of filters are orthogonal and of the right length, all others are those of torch, and training resumes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.training_results import assert_same, interrupted_at, one_thread  # noqa: F401
from torch import nn

from labelnoise.data import load_digits
from labelnoise.training import preset, train
from labelnoise.training.optimizers import SGDWithOrthogonalFilters, optimizer_of, orthogonalize

MUON = preset("digits", epochs=3, momentum=0.85, learning_rate=0.1, filter_rate=0.05, device="cpu", precision="float32")


@pytest.mark.parametrize("shape", [(8, 30), (30, 8), (5, 5), (1, 9)])
def test_orthogonalized_matrices_keep_singular_vectors_and_level_singular_values(shape):
    matrix = torch.from_numpy(np.random.default_rng(0).normal(size=shape))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = u.T @ orthogonalize(matrix) @ v.T
    singular = found.diagonal()
    assert float((found - torch.diag(singular)).abs().max()) < 1e-12
    assert 0.6 < float(singular.min()) <= float(singular.max()) < 1.3


def test_a_gradient_of_zeros_changes_no_direction():
    assert not orthogonalize(torch.zeros(3, 5)).any()


def test_filters_take_orthogonal_steps_from_a_fixed_norm():
    weight = nn.Parameter(torch.randn(6, 2, 3, 3, generator=torch.Generator().manual_seed(0)))
    optimizer = SGDWithOrthogonalFilters([weight], [], 0.5, lr=0.2, momentum=0.9, weight_decay=0.1)
    buffer = torch.zeros_like(weight)
    for seed in range(3):
        gradient = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed + 1))
        buffer = 0.9 * buffer + gradient
        step = orthogonalize((gradient + 0.9 * buffer).flatten(1)).view_as(weight)
        expected = weight.detach() / weight.detach().norm() * 6**0.5 - 0.5 * 0.2 * step
        weight.grad = gradient
        optimizer.step()
        torch.testing.assert_close(weight.detach(), expected)


def test_other_parameters_take_the_steps_of_torch():
    ours, torchs = (nn.Parameter(torch.ones(4)) for _ in range(2))
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    optimizers = (
        SGDWithOrthogonalFilters([], [ours], 1.0, **settings),
        torch.optim.SGD([torchs], nesterov=True, **settings),
    )
    for step in range(3):
        for parameter, optimizer in zip((ours, torchs), optimizers, strict=True):
            parameter.grad = torch.arange(4.0) - step
            optimizer.step()
    assert torch.equal(ours, torchs)


def test_only_convolutions_count_as_filters():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    filters, others = (group["params"] for group in optimizer_of(network, MUON).param_groups)
    assert [weight is network[0].weight for weight in filters] == [True]
    assert len(others) == len(list(network.parameters())) - 1


def test_the_temperature_needs_no_sample_of_every_class():
    images = load_digits()[0]
    rows = np.flatnonzero(images.labels > 4)[:200]
    result = train(images.images[rows], images.labels[rows], MUON, classes=np.arange(10))
    assert 0 < result.temperature < 20


def test_a_training_with_orthogonal_filters_learns_and_resumes(tmp_path):
    train_set, test_set = load_digits()
    data = {"test_images": test_set.images, "test_labels": test_set.labels}
    whole = train(train_set.images, train_set.labels, MUON, **data)
    assert whole.test_accuracy > 0.9
    with interrupted_at(2):
        train(train_set.images, train_set.labels, MUON, checkpoint=tmp_path / "checkpoint.pt", **data)
    resumed = train(train_set.images, train_set.labels, MUON, checkpoint=tmp_path / "checkpoint.pt", **data)
    assert_same(resumed, whole)
