"""The most telling noise rate: a naive loop over pairs of curves finds the same one, and it tells K apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.softmax.misfit import accuracy_variance
from labelnoise.softmax.telling import most_separating, most_telling_noise_rate, separations

RATES, KS = [0.05, 0.2, 0.35, 0.45, 0.5], [3, 9, 30, 90]


@pytest.fixture(scope="module")
def clean():
    return np.random.default_rng(3).dirichlet([12, 1, 0.5], 120)


@pytest.fixture(scope="module")
def labels():
    return np.zeros(120, int)


def overlap(family, chosen, n_test, misfit):
    """Bhattacharyya's coefficient of two normal distributions of equal variance, averaged over pairs by naive loops."""
    overlaps = []
    for first in range(family.shape[1]):
        for second in range(first):
            exponent = 0.0
            for row in chosen:
                one, other = family[row, first], family[row, second]
                share = ((one + other) / 2 * n_test + 2) / (n_test + 4)
                exponent += (one - other) ** 2 / (8 * share * (1 - share) * (1 / n_test + misfit**2))
            overlaps.append(np.exp(-exponent))
    return np.mean(overlaps)


def test_one_noise_rate_is_that_of_the_least_overlap(clean, labels):
    found = most_telling_noise_rate(clean, labels, ln.FlipNoise(), noise_rates=RATES[::-1], ks=KS, misfit=0.1)
    family = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, KS).accuracy
    assert isinstance(found, float)
    assert found == RATES[np.argmin([overlap(family, [row], 120, 0.1) for row in range(len(RATES))])]


def test_two_noise_rates_are_those_of_the_least_overlap(clean, labels):
    found = most_telling_noise_rate(clean, labels, ln.FlipNoise(), trainings=2, noise_rates=RATES, ks=KS, misfit=0.1)
    family = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, KS).accuracy
    pairs = [(first, second) for second in range(len(RATES)) for first in range(second)]
    best = min(pairs, key=lambda pair: overlap(family, pair, 120, 0.1))
    assert found.tolist() == [RATES[best[0]], RATES[best[1]]]


@given(st.integers(0, 2**32 - 1))
def test_a_further_training_never_makes_curves_harder_to_tell_apart(seed):
    family = np.random.default_rng(seed).random((4, 5))
    apart = separations(family, 100, 0.1)
    one, two = most_separating(apart, 1), most_separating(apart, 2)
    assert np.exp(-apart[list(two)].sum(axis=0)).mean() <= np.exp(-apart[list(one)].sum(axis=0)).mean()


def test_the_noise_rate_lies_before_the_breaking_point(clean, labels):
    for noise, breaking in ((ln.FlipNoise(), 0.5), (ln.UniformNoise(), 1.0)):
        found = most_telling_noise_rate(clean, labels, noise, ks=KS)
        assert 0.1 < found < breaking
        order = ln.accuracy_curve(clean, labels, noise, found, KS).accuracy[0]
        assert (np.diff(order) > 0).all()


def test_a_training_at_the_most_telling_rate_leaves_fewer_k_than_at_others(clean, labels):
    telling = most_telling_noise_rate(clean, labels, ln.FlipNoise(), ks=range(3, 60, 4))
    widths = {}
    for rate in (0.1, telling, 0.48):
        truth = ln.accuracy_curve(clean, labels, ln.FlipNoise(), rate, 15).accuracy[:, 0]
        found = ln.fit_effective_k(([rate], truth), clean, labels, ln.FlipNoise(), ks=range(3, 60, 2))
        widths[rate] = found.high - found.low
    assert min(widths, key=widths.__getitem__) == telling


def test_many_test_samples_give_the_same_rate_as_all_of_their_kinds(clean, labels):
    few = most_telling_noise_rate(clean, labels, ln.FlipNoise(), ks=KS)
    assert most_telling_noise_rate(np.repeat(clean, 20, axis=0), np.repeat(labels, 20), ln.FlipNoise(), ks=KS) == few


def test_variance_is_that_of_a_share_plus_the_misfit():
    assert accuracy_variance(np.array([0.5]), 100, 0.0) == pytest.approx([0.0025])
    assert accuracy_variance(np.array([0.5]), 100, 0.2) == pytest.approx([0.25 * 0.05])
    assert (accuracy_variance(np.array([0.0, 1.0]), 100, 0.0) > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trainings": 3}, "`trainings` must be at most 2"),
        ({"trainings": 2, "noise_rates": [0.3]}, "at least 2 noise rates to choose from; got 1"),
        ({"ks": [5, 5]}, r"at least two neighborhood sizes to tell apart; got \[5\]"),
        ({"noise_rates": [0.0], "ks": [7, 9]}, "no training can tell them apart"),
        ({"misfit": -1.0}, "must not be negative"),
        ({"noise_rates": [30]}, "A percentage"),
    ],
)
def test_errors_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        most_telling_noise_rate([[1.0, 0.0]] * 4, [0] * 4, ln.FlipNoise(), **options)


def test_the_order_of_the_test_samples_hardly_matters():
    """Classes that alternate in step with a part of the samples would leave out half of them."""
    labels = np.arange(2000) % 2
    clean = np.array([[0.9, 0.1], [0.55, 0.45]])[labels]
    clean[labels == 1] = [0.45, 0.55]
    mixed = np.random.default_rng(0).permutation(2000)
    found = most_telling_noise_rate(clean, labels, ln.FlipNoise())
    assert found == most_telling_noise_rate(clean[mixed], labels[mixed], ln.FlipNoise())
