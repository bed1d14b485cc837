"""MNIST pixels, where LABELNOISE_DATA has them: measured lies on predicted (all levels: benchmarks/mnist.py)."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.data import load_images


@pytest.fixture(scope="module")
def mnist(data_folder):
    train, test = load_images("mnist", "train"), load_images("mnist", "test")
    query, truth = test.features[::5], test.labels[::5]
    return ln.neighbors(train.features, query, k=100), train.labels, truth


@pytest.mark.parametrize("ties", ["random", "lowest"])
@pytest.mark.parametrize(
    ("noise", "rates"),
    [(ln.FlipNoise(), [0.0, 0.3, 0.45, 0.5]), (ln.UniformNoise(), [0.0, 0.6, 0.85, 0.95])],
    ids=["flip", "uniform"],
)
def test_measured_lies_on_predicted(mnist, noise, rates, ties):
    hoods, labels, truth = mnist
    predicted, finite = (
        ln.predict_knn(hoods, labels, truth, noise, rates, [10, 30, 100], ties=ties, model=model)
        for model in ("iid", "finite")
    )
    measured = ln.simulate_knn(hoods, labels, truth, noise, rates, [10, 30, 100], ties=ties, repeats=10, random_state=1)
    # 0.5 points and two standard errors on all 10,000 test images; a fifth of them here
    allowed = 0.005 + 3 * measured.standard_error
    np.testing.assert_array_less(np.abs(measured.accuracy - predicted.accuracy), allowed + 0.002)
    np.testing.assert_array_less(np.abs(measured.accuracy - finite.accuracy), 4.5 * measured.standard_error + 1e-9)


def test_the_tie_rule_is_worth_points(mnist):
    """Flip noise at K = 10, rate 0.45: 68.0 % with the lowest class winning, 59.7 % at random, 49.0 % without ties."""
    hoods, labels, truth = mnist
    strict, random, lowest = (
        ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), 0.45, 10, ties=ties, model="iid").accuracy[0, 0]
        for ties in ("strict", "random", "lowest")
    )
    np.testing.assert_allclose([strict, random, lowest], [0.490, 0.598, 0.683], atol=0.01)
