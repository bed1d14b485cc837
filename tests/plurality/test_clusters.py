"""Clusters of nearly equal competitors: what they keep of the competitors, and how much the product changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import factorial

from labelnoise.compiled import compiled
from labelnoise.plurality.clusters import cluster, room_for_clusters


@compiled()
def _clustered(q, after, by_side, theta, limit, into):
    return cluster(q, after, len(q), by_side, theta, limit, into)


def clusters_of(q, after, by_side, theta, limit):
    """Return means, powers, sides and positions of the largest members."""
    into = room_for_clusters(len(q))
    n = _clustered(q, after, by_side, theta, limit, into)
    return into.mean[:n], into.power[:n], into.after[:n], into.largest[:n]


def truncated_product(means, powers, a, z):
    """Return the product of the competitors' factors, times exp(-mean), at points of the circle."""
    w = np.exp(1j * np.linspace(0, np.pi, 9))
    i = np.arange(a + 1)
    weight = np.where(i < a, 1.0, z) / factorial(i)
    factors = np.exp(-means)[:, None] * ((means[:, None, None] * w[:, None]) ** i * weight).sum(axis=2)
    return (factors ** powers[:, None]).prod(axis=0)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.integers(2, 30),
    st.floats(0, 3),
    st.floats(0.1, 9),
    st.sampled_from([1e-12, 1e-9, 1e-6, 1e-4]),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_the_product_changes_by_no_more_than_promised(n, background, fall, limit, by_side, seed):
    """Backgrounds of all kinds: equal but for outliers that fall off fast or slowly."""
    rng = np.random.default_rng(seed)
    theta = 20.0
    q = np.sort(background + 10.0 ** -rng.uniform(0, fall, n))[::-1] / theta
    after = rng.random(n) < 0.5
    means, powers, sides, largest = clusters_of(q, after, by_side, theta, limit)
    assert powers.sum() == n
    assert (np.diff(largest) <= 0).all()
    assert (means > 0).all()
    for side in (False, True) if by_side else (None,):
        old = theta * (q if side is None else q[after == side])
        chosen = np.ones(len(means), bool) if side is None else sides == side
        new, power = means[chosen], powers[chosen]
        assert power @ new == pytest.approx(old.sum(), rel=1e-14)
        for a in (1, 2, 3, 8):
            for z in (0.0, 0.4, 1.0):
                change = truncated_product(old, np.ones(len(old)), a, z) - truncated_product(new, power, a, z)
                # Each cluster is one replacement, and the other factors are at most 1.
                assert np.abs(change).max() <= limit * max(1, len(new)) + 1e-14


def test_equal_competitors_are_one_and_a_single_outlier_stays_exact():
    after = np.zeros(9, bool)
    means, powers, _, largest = clusters_of(np.full(9, 0.05), after, False, 60.0, 1e-16)
    assert powers.tolist() == [9]
    assert means == pytest.approx([3.0], rel=1e-15)
    assert largest.tolist() == [0]
    q = np.array([0.05 + 1e-7, *np.full(8, 0.05)])
    means, powers, _, _ = clusters_of(q, after, False, 60.0, 1e-16)
    assert powers.tolist() == [8, 1]
    assert means == pytest.approx([3.0, 3.0 + 6e-6], rel=1e-12)


def test_distinct_competitors_stay_as_they_are():
    q = np.array([0.3, 0.2, 0.1, 0.05])
    means, powers, _, largest = clusters_of(q, np.zeros(4, bool), False, 10.0, 1e-15)
    np.testing.assert_allclose(means, 10 * q[::-1], rtol=1e-15)
    assert powers.tolist() == [1, 1, 1, 1]
    assert largest.tolist() == [3, 2, 1, 0]


def test_sides_are_clustered_apart():
    q, after = np.full(6, 0.1), np.array([False, True, False, True, True, False])
    means, powers, sides, largest = clusters_of(q, after, True, 10.0, 1e-15)
    np.testing.assert_allclose(means, 1, rtol=1e-15)
    assert sorted(zip(sides.tolist(), powers.tolist(), largest.tolist(), strict=True)) == [(False, 3, 0), (True, 3, 1)]
