"""What the contour engine computes once for all rows: points of the circle, their powers, and groups of k.

Let theta > 0, and c_m be the coefficient of x^m in a generating function whose c_m is at most Pr(Poisson(theta) = m).
The mean of its values at N points w of the unit circle, each times w^-k, is c_k plus the c_m at m = k + N, k - N, k +
2N, ... with alternating signs. So relative to Pr(Poisson(theta) = k) the error is below a bound that does not depend on
the data: about sqrt(74 k) points make it 1e-16 where theta = k. The coefficients are real, so half of the points
suffice.

A range of k, say 33 to 80, shares its points: theta is chosen so that the first and the last are equally likely, and
the sums over points of the integrand serve every k, each with its own powers w^-k. One theta for all k would not do:
rounding errors are relative to the largest Pr(Poisson(theta) = m), so a range ends before these differ by more than a
factor of `_SPAN`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from labelnoise.arrays import Floats, Integers
from labelnoise.plurality.pmf import poisson_pmf
from labelnoise.vectors import WIDTH

NEGLIGIBLE = 1e-15
"""Absolute bound, up to a small factor, of everything that is left out."""

_SPAN = 0.03


class Plan(NamedTuple):
    """Tables for several ranges of k, one after another in flat arrays.

    Range r holds the k of index ``k_at[r]`` to ``k_at[r + 1] - 1``, and its tables start at ``power_at[r]`` and so on.
    """

    k: Integers
    k_at: Integers
    theta: Floats
    n_blocks: Integers
    """Number of blocks of eight points."""
    power_at: Integers
    powers: Floats
    """w^a at [block, a, real or imaginary, point]."""
    n_powers: Integers
    readout_at: Integers
    readout: Floats
    """What real and imaginary parts are multiplied by to give the probability, at [k, block, part, point]."""
    point_at: Integers
    cosine_minus_1: Floats
    sine: Floats
    """Of the points, (block, point)."""
    block_at: Integers
    block_cosine_minus_1: Floats
    """Of the first point of each block; the last one is repeated up to a multiple of eight."""
    entropy_at: Integers
    entropy: Floats
    """a log(a/k) + (k - a) log((k - a)/k) for a = 0..k, of the smallest k and then of the largest k."""
    amplification: Floats
    """1 / the smallest Pr(Poisson(theta) = k)."""


def k_ranges(ks: Integers) -> list[Integers]:
    """Split ascending k into ranges that share their points.

    Points for all k of a range cost about as much as those of its largest k twice over; a few k are cheaper alone.
    """
    ranges: list[Integers] = []
    start = 0
    while start < len(ks):
        stop = start + 1
        while stop < len(ks) and _spread(int(ks[start]), int(ks[stop])) >= _SPAN:
            stop += 1
        together = ks[start:stop]
        if np.sum(together.astype(float)) > 2.5 * together[-1]:
            ranges.append(together)
        else:
            stop = start + 1
            ranges.append(ks[start:stop])
        start = stop
    return ranges


def _theta(low: int, high: int) -> float:
    """Return the theta with Pr(Poisson(theta) = low) = Pr(Poisson(theta) = high)."""
    if low == high:
        return float(low)
    return math.exp((gammaln(high + 1) - gammaln(low + 1)) / (high - low))


def _spread(low: int, high: int) -> float:
    """Return Pr(Poisson(theta) = high) over its largest probability, for the theta of the range."""
    theta = _theta(low, high)
    return poisson_pmf(high, theta) / poisson_pmf(int(theta), theta)


def _n_points(theta: float, low: int, high: int) -> int:
    """Return a number of points, a multiple of two vectors, with a bound below 1e-16; see the module's derivation.

    Poisson probabilities are log-concave, so those at k + 2N, k + 3N, ... are each smaller by another factor of 1e-16.
    """
    n = 2 * WIDTH
    for k in (low, high):
        peak = poisson_pmf(k, theta)
        while poisson_pmf(k + n, theta) + (poisson_pmf(k - n, theta) if n <= k else 0.0) > 1e-16 * peak:
            n += 2 * WIDTH
    return n


def _roots_of_unity(n: int) -> tuple[Floats, Floats]:
    """Return cosine and sine of 2 pi m / n for m < n, each rounded correctly but for one unit in the last place.

    Angles are reduced to -pi/4..pi/4 in integers, where they are exact.
    """
    m = np.arange(n)
    quarter = (4 * m + n // 2) // n
    rest = (4 * m - quarter * n) * (np.pi / 2 / n)
    cos, sin = np.cos(rest), np.sin(rest)
    turn = quarter % 4
    return (
        np.choose(turn, [cos, -sin, -cos, sin]),
        np.choose(turn, [sin, cos, -sin, -cos]),
    )


def _entropy(k: int) -> Floats:
    a = np.arange(k + 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(a > 0, a * np.log(a / k), 0.0)
    return parts + parts[::-1]


@lru_cache(maxsize=16)
def plan(ks: tuple[int, ...], highest_power: int = 0) -> Plan:
    """Return the tables for ascending k, with w^a up to k/2 + 1 or `highest_power`, whichever is larger."""
    ranges = k_ranges(np.array(ks, dtype=np.int64))
    theta, blocks, n_powers, amplification = [], [], [], []
    powers, readout, cosines, sines, firsts, entropy = [], [], [], [], [], []
    for group in ranges:
        low, high = int(group[0]), int(group[-1])
        theta.append(_theta(low, high))
        n = _n_points(theta[-1], low, high)
        n_blocks = n // 2 // WIDTH
        blocks.append(n_blocks)
        cos, sin = _roots_of_unity(2 * n)
        odd = 2 * np.arange(n // 2) + 1  # The points are the odd powers of the first 2n-th root of unity.
        n_powers.append(max(high // 2 + 2, highest_power + 1))
        powers.append(_at_points(cos, sin, np.arange(n_powers[-1]), odd))
        weight = 2 / n / np.array([poisson_pmf(int(k), theta[-1]) for k in group])
        readout.append(_at_points(cos, sin, group, odd).swapaxes(0, 1) * weight[:, None, None, None])
        amplification.append(weight.max() * n / 2)
        cosine_minus_1 = -2 * np.sin(odd * (np.pi / 2 / n)) ** 2
        cosines.append(cosine_minus_1)
        sines.append(sin[odd])
        padding = np.full(-n_blocks % WIDTH, cosine_minus_1[-WIDTH])
        firsts.append(np.concatenate([cosine_minus_1[::WIDTH], padding]))
        entropy.append(np.concatenate([_entropy(low), _entropy(high)]))
    return Plan(
        k=np.concatenate(ranges),
        k_at=_starts(ranges),
        theta=np.array(theta),
        n_blocks=np.array(blocks),
        power_at=_starts(powers),
        powers=_flat(powers),
        n_powers=np.array(n_powers),
        readout_at=_starts(readout),
        readout=_flat(readout),
        point_at=_starts(cosines),
        cosine_minus_1=_flat(cosines),
        sine=_flat(sines),
        block_at=_starts(firsts),
        block_cosine_minus_1=_flat(firsts),
        entropy_at=_starts(entropy),
        entropy=_flat(entropy),
        amplification=np.array(amplification),
    )


def _at_points(cos: Floats, sin: Floats, powers: Integers, odd: Integers) -> Floats:
    """Return w^a at [block, a, part, point]."""
    root = powers[:, None] * odd % len(cos)
    values = np.stack([cos[root], sin[root]], axis=1).reshape(len(powers), 2, -1, WIDTH)
    return np.ascontiguousarray(values.transpose(2, 0, 1, 3))


def _starts(tables: Sequence[Integers | Floats]) -> Integers:
    return np.cumsum([0, *(table.size for table in tables)])


def _flat(tables: Sequence[Floats]) -> Floats:
    return np.concatenate([table.ravel() for table in tables])
