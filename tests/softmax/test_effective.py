"""The effective neighborhood: a K-NN curve finds its own K, and the errors are those worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.softmax.effective import K_MAX, effective_k, effective_neighborhood

RATES = [0.0, 0.2, 0.35, 0.45, 0.55]


@pytest.fixture(scope="module")
def clean():
    return np.random.default_rng(2).dirichlet([6, 1, 0.5], 80)


@pytest.fixture(scope="module")
def labels():
    return np.zeros(80, int)


@pytest.mark.parametrize("ties", ["random", "lowest", "strict"])
@pytest.mark.parametrize("k", [1, 12, 57])
def test_a_curve_finds_its_own_k(clean, labels, k, ties):
    noise = ln.UniformNoise() if k == 12 else ln.FlipNoise()
    curve = ln.accuracy_curve(clean, labels, noise, RATES, k, ties=ties)
    found = effective_neighborhood(curve, clean, labels, noise, ks=range(1, 81), ties=ties)
    # With two classes and random ties, 2m - 1 and 2m may give the same curve; with three classes they differ.
    assert found.k == k
    assert found.mean_error == pytest.approx(0, abs=1e-12)
    assert found.worst_error == pytest.approx(0, abs=1e-12)


def test_errors_worked_out_by_hand():
    # One sample of two classes under flip noise: A_1 = 1 - g, A_3 = (1 - g)^2 (1 + 2 g)
    measured = ([0.0, 0.25, 0.5], [1.0, 0.80, 0.5])
    found = effective_neighborhood(measured, [[1.0, 0.0]], [0], ln.FlipNoise(), ks=[3, 1])
    assert found.ks.tolist() == [1, 3]
    assert found.mean_errors == pytest.approx([0.05 / 3, 0.04375 / 3])
    assert found.k == 3
    assert found.worst_error == pytest.approx(0.04375)
    frame = found.to_frame()
    assert frame["k"].tolist() == [1, 3]
    assert frame["worst_error"].tolist() == pytest.approx([0.05, 0.04375])
    assert frame["mean_error"].tolist() == pytest.approx(found.mean_errors)
    assert repr(found) == (
        "EffectiveNeighborhood(k=3 of 1..3; absolute difference over 3 noise rates: mean 0.0146, worst 0.0437)"
    )


def test_equal_errors_prefer_the_smaller_k():
    # With two classes and random ties, 2m - 1 and 2m votes win with the same probability.
    assert effective_k(([0.3], [0.784]), [[1.0, 0.0]], [0], ln.FlipNoise(), ks=[4, 3]) == 3


def test_every_form_of_a_curve_is_accepted(clean, labels):
    curve = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, 9)
    column = curve.accuracy[:, 0]
    forms = [curve, (RATES, column), (RATES, column[:, None]), SimpleNamespace(noise_rates=RATES, accuracy=column)]
    assert {effective_k(form, clean, labels, ln.FlipNoise(), ks=range(5, 15)) for form in forms} == {9}


def test_the_candidates_are_all_k_up_to_300_by_default(clean, labels):
    found = effective_neighborhood((RATES, [0.9, 0.9, 0.8, 0.7, 0.3]), clean, labels, ln.FlipNoise())
    assert found.ks.tolist() == list(range(1, K_MAX + 1))
    assert found.predicted.shape == (len(RATES), K_MAX)
    chosen = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, found.k).accuracy[:, 0]
    assert found.mean_error == pytest.approx(np.abs(chosen - found.measured).mean(), abs=1e-12)


def test_a_measured_curve_finds_nearly_its_own_k(digits):
    _, train_labels, _, test_labels, hoods = digits
    noise = ln.FlipNoise()
    measured = ln.simulate_knn(hoods, train_labels, test_labels, noise, RATES, 25, repeats=4, random_state=0)
    clean = ln.clean_distribution(train_labels, hoods, 25)
    found = effective_neighborhood(measured, clean, test_labels, noise, ks=range(1, 61))
    assert abs(found.k - 25) <= 6
    assert found.mean_error < 0.015


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (([0.1, 0.2], [0.5]), "one accuracy per noise rate, 2; got shape"),
        (([0.1], [[0.5, 0.6]]), r"got 2 columns. Pass a pair"),
        (([0.1], [95.0]), "Percentages"),
        (([0.1], [np.nan]), r"in \[0, 1\]; got nan"),
        (([10.0], [0.5]), "A percentage"),
    ],
)
def test_errors_in_a_curve_name_the_cause(curve, message):
    with pytest.raises(ValueError, match=message):
        effective_k(curve, [[1.0, 0.0]], [0], ln.FlipNoise(), ks=3)


def test_a_curve_of_another_type_is_an_error():
    with pytest.raises(TypeError, match="or be a pair of both; got list"):
        effective_k([0.1, 0.5], [[1.0, 0.0]], [0], ln.FlipNoise())
