"""The engine for uniform noise with many classes, against enumeration and against the engine with a relative error."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from helpers.vote_patterns import PATTERNS, enumerated_profiles, patterns
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import pdtr
from scipy.stats import multinomial

import labelnoise as ln
from labelnoise.finite import vote_profiles
from labelnoise.finite.circles import circles
from labelnoise.finite.patterns import LabelPairs
from labelnoise.finite.redraw import redraw_profiles
from labelnoise.finite.uniform import uniform_profiles
from labelnoise.validation import TIES


def of_engine(engine, counts, labels, ties):
    pairs = LabelPairs(np.array(counts), np.arange(len(counts)), np.array(labels))
    win = np.empty((len(counts), pairs.counts[0].sum() + 1))
    n_classes = pairs.counts.shape[1]
    if engine is redraw_profiles:
        engine(pairs, np.full((1, n_classes), 1 / n_classes), np.zeros(len(counts), np.int64), ties, win)
    else:
        engine(pairs, ties, win)
    return win


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("counts", PATTERNS)
def test_profiles_agree_with_enumeration(counts, ties):
    n_classes = len(counts)
    expected = enumerated_profiles(counts, [[Fraction(1, n_classes)] * n_classes] * n_classes, ties)
    found = of_engine(uniform_profiles, [counts] * n_classes, np.arange(n_classes), ties)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize(
    ("k", "n_classes", "n", "spread"),
    [(10, 100, 6, 0.3), (30, 12, 6, 0.4), (61, 10, 4, 1.0), (100, 2, 6, 1.0), (100, 40, 1, 0.2), (300, 3, 3, 0.4)],
)
def test_both_engines_agree_to_twelve_digits(k, n_classes, n, spread, ties):
    counts = patterns(2, k, n_classes, n, spread)
    labels = np.array([np.random.default_rng(i).choice(n_classes, p=counts[i] / k) for i in range(n)])
    found = of_engine(uniform_profiles, counts, labels, ties)
    expected = of_engine(redraw_profiles, counts, labels, ties)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-13)


@given(st.lists(st.integers(0, 25), min_size=2, max_size=5).filter(any), st.data())
@settings(max_examples=30, deadline=None)
def test_both_engines_agree_whatever_the_counts(counts, data):
    label = data.draw(st.integers(0, len(counts) - 1))
    for ties in TIES:
        found, expected = (of_engine(engine, [counts], [label], ties) for engine in (uniform_profiles, redraw_profiles))
        np.testing.assert_allclose(found, expected, rtol=0, atol=5e-13)


@pytest.mark.parametrize("ties", ["random", "lowest"])
@pytest.mark.parametrize(("k", "n_classes"), [(512, 3), (200, 30), (100, 1000)])
def test_labels_share_the_win_in_large_neighborhoods(k, n_classes, ties):
    counts = patterns(4, k, n_classes, 1, spread=5 / n_classes)
    profiles = vote_profiles(counts, None, ln.UniformNoise(), ties=ties, method="exact")
    np.testing.assert_allclose(profiles.win.sum(axis=1), 1, rtol=0, atol=1e-11)


def test_a_hundred_mixed_classes_are_exact():
    counts = patterns(5, 100, 100, 2, spread=0.3)
    assert vote_profiles(counts, counts.argmax(axis=1), ln.UniformNoise()).exact


@pytest.mark.parametrize(("n", "n_boxes"), [(6, 1), (40, 3), (130, 40)])
def test_circles_give_the_probability_that_no_box_overflows(n, n_boxes):
    """The product of M whole series has q[U] = 1; that of M series of one term has q[0] = 1 and q[U] = 0."""
    found = circles(n, n_boxes, 3 * n)
    assert found.first[0] == 0
    assert found.first[-1] == n + 1
    series = found.series.reshape(len(found.radius), -1, 2, 8)
    weights = found.weights.reshape(len(found.radius), n + 1, 2, 8)
    for terms, expected in ((3 * n, np.ones(n + 1)), (1, np.eye(n + 1)[0])):
        product = (series[:, terms, 0] + 1j * series[:, terms, 1]) ** n_boxes
        q = np.einsum("bup,bp->u", weights[:, :, 0], product.real)
        q += np.einsum("bup,bp->u", weights[:, :, 1], product.imag)
        np.testing.assert_allclose(q, expected, rtol=0, atol=2e-13)


def test_two_boxes_overflow_as_often_as_a_multinomial():
    found = circles(8, 2, 12)
    series = found.series.reshape(len(found.radius), -1, 2, 8)
    weights = found.weights.reshape(len(found.radius), 9, 2, 8)
    product = (series[:, 3, 0] + 1j * series[:, 3, 1]) * (series[:, 5, 0] + 1j * series[:, 5, 1])
    q = [float((weights[:, u, 0] * product.real + weights[:, u, 1] * product.imag).sum()) for u in range(9)]
    expected = [
        sum(multinomial.pmf([i, u - i], u, [0.5, 0.5]) for i in range(u + 1) if i <= 2 and u - i <= 4) for u in range(9)
    ]
    np.testing.assert_allclose(q, expected, rtol=0, atol=1e-13)


def test_the_decay_bounds_every_longer_series():
    found = circles(60, 5, 30)
    series = found.series.reshape(len(found.radius), 31, 2, 8)
    for block, r in enumerate(found.radius):
        size = np.hypot(series[block, 1:, 0], series[block, 1:, 1]).max(axis=1)
        # Unused places hold the value at v = r, where the series is largest.
        if not (series[block, 1:, 1] == 0).any():
            assert (size / pdtr(np.arange(30), r) <= np.exp(found.decay[block, 1:]) * (1 + 1e-12)).all()
    assert (np.diff(found.decay, axis=1) <= 0).all()
