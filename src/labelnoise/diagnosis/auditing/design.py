r"""Which samples to check: drawn with known probabilities, more often where the models doubt a label.

With :math:`e_i` = Pr(label i is wrong), kept in [.005, .995], :math:`s_i = \sqrt{e_i (1 - e_i)}`, and :math:`R_i` the
number of samples that have i among their K neighbors, sample i of N is among n drawn ones with probability

.. math:: \pi_i = n \left( u \frac{1}{N} + h \frac{R_i}{N K} + (1 - u - h) \frac{s_i}{\sum_j s_j} \right)

(at most 1, what is above goes to the others in proportion). The uniform part keeps every weight
:math:`1/(N \pi_i)` below 1/(u n), so that estimates stay sound where the models see nothing. The last part makes them
short where the models are right: :math:`s_i` is the standard deviation of what a check says beyond :math:`e_i`.
Without pairs u = .6 and h = 0 (section 12 has u = .5; with .6, intervals are at most a tenth wider than those of a
simple random sample, whatever the models say).

The concentration needs pairs. Its rho is the correlation of two different members of one neighborhood, so of the
samples that have a drawn sample i among their neighbors one is drawn, and of the K - 1 other members of that one's
neighborhood the partner of i. All choices are uniform, so partners have known probabilities too. A sample
counts for rho as often as it is a neighbor, hence u = .4 and h = .3 with pairs; the partners add to the uniform part.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.validation import check_count

SHARES, SHARES_OF_PAIRS = (0.6, 0.0), (0.4, 0.3)
"""Shares u and h of the draws that are uniform, and in proportion to R, without and with pairs."""

LEAST = 0.005
"""A probability nearer to 0 or 1 than this is not believed."""


def drawing_probabilities(
    error_probability: Floats, n: int, *, reverse: Integers | None = None, known: Mask | None = None
) -> Floats:
    """Return the probability that each sample is among the n drawn ones, pi_i.

    Parameters
    ----------
    error_probability : (N,) array in [0, 1]
        Pr(label i is wrong), e_i.
    n : int
        Number of samples to draw, at most N.
    reverse : (N,) int array, optional
        Number of neighborhoods that each sample is in, R_i, if pairs are drawn.
    known : (N,) bool array, optional
        Samples whose true label is known, which are not drawn again.

    Returns
    -------
    (N,) array in [0, 1]
        They sum to n.

    Raises
    ------
    ValueError, TypeError
        n is no number of samples that can be drawn.

    Examples
    --------
    >>> drawing_probabilities(np.array([0.5, 0.0, 0.0, 1.0]), 2).round(2).tolist()
    [0.86, 0.38, 0.38, 0.38]
    """
    size = len(error_probability)
    eligible = np.ones(size, dtype=bool) if known is None else ~known
    what = "the number of samples that have a label" + ("" if known is None else " and were not checked yet")
    check_count(n, "n", most=int(eligible.sum()), most_is=what)
    errors = np.clip(np.asarray(error_probability, dtype=np.float64), LEAST, 1 - LEAST)
    deviations = np.sqrt(errors * (1 - errors)) * eligible
    uniform, hubs = SHARES if reverse is None else SHARES_OF_PAIRS
    shares = uniform * eligible / eligible.sum() + (1 - uniform - hubs) * deviations / deviations.sum()
    if reverse is not None and (reverse * eligible).any():
        shares += hubs * reverse * eligible / (reverse * eligible).sum()
    certain = np.zeros(size, dtype=bool)
    while True:
        rest = n - np.count_nonzero(certain)
        total = shares[~certain].sum()
        probabilities = np.where(certain, 1.0, shares * (rest / total if rest else 0.0))
        above = (probabilities >= 1) & ~certain
        if not above.any():
            return probabilities
        certain |= above


def draw_positions(probabilities: Floats, rng: np.random.Generator) -> Integers:
    """Draw samples without replacement, each with its probability, in random order.

    The samples are put in random order, each as a stretch of length pi_i; the one at u is drawn, and every one at a
    whole number further (systematic sampling; Madow 1949). So the number drawn is always sum pi_i.

    Parameters
    ----------
    probabilities : (N,) array in [0, 1]
        Probabilities that sum to a whole number n.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    (n,) int array
        Positions in 0..N-1, each at most once.
    """
    n = round(float(probabilities.sum()))
    order = rng.permutation(len(probabilities))
    ends = np.cumsum(probabilities[order])
    ends *= n / ends[-1]
    points = np.minimum(rng.random() + np.arange(n), np.nextafter(n, 0))
    return rng.permutation(order[np.searchsorted(ends, points, side="right")])


def reverse_counts(indices: NDArray[Any], n: int) -> Integers:
    """Return how many samples have each one among their neighbors, R_i."""
    return np.bincount(indices.ravel(), minlength=n)


def draw_partners(drawn: Integers, indices: NDArray[Any], rng: np.random.Generator) -> Integers:
    """Draw a partner of each drawn sample: another member of a neighborhood that holds the sample.

    Parameters
    ----------
    drawn : (n,) int array
        Distinct positions.
    indices : (N, K) int array
        The K >= 2 neighbors of each sample.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    (n,) int array
        Positions; -1 for a sample that is nobody's neighbor.
    """
    size, k = indices.shape
    place = np.full(size, -1, dtype=np.int64)
    place[drawn] = np.arange(len(drawn))
    centers, ranks = np.nonzero(place[indices] >= 0)
    member = place[indices[centers, ranks]]
    order = np.argsort(member, kind="stable")
    counts = np.bincount(member, minlength=len(drawn))
    which = np.minimum(rng.random(len(drawn)) * counts, counts - 1).astype(np.int64)
    other = rng.integers(0, k - 1, len(drawn))
    found = counts > 0
    chosen = order[(np.cumsum(counts) - counts + which)[found]]
    center, rank = centers[chosen], ranks[chosen]
    partners = np.full(len(drawn), -1, dtype=np.int64)
    partners[found] = indices[center, other[found] + (other[found] >= rank)]
    return partners


def partner_probabilities(probabilities: Floats, indices: NDArray[Any]) -> Floats:
    r"""Return how often each sample is expected to be drawn as a partner.

    .. math:: \pi'_j = \frac{1}{K-1} \sum_{s \ni j} \sum_{i \in N(s), i \ne j} \frac{\pi_i}{R_i}

    Parameters
    ----------
    probabilities : (N,) array
        Probabilities of being drawn, pi_i.
    indices : (N, K) int array
        The K >= 2 neighbors of each sample, N(s).

    Returns
    -------
    (N,) array
        Expected numbers; 0 for a sample that is nobody's neighbor.
    """
    size, k = indices.shape
    reverse = reverse_counts(indices, size)
    share = np.divide(probabilities, reverse, out=np.zeros(size), where=reverse > 0)
    of_center = share[indices].sum(axis=1)
    sums = np.bincount(indices.ravel(), np.repeat(of_center, k), minlength=size)
    expected = (sums - np.where(reverse > 0, probabilities, 0.0)) / (k - 1)
    return np.maximum(expected, 0.0)
