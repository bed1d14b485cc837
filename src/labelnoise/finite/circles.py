"""Circles on which a polynomial's coefficients of v^U, for 0 <= U <= n, are means over few points.

Cauchy's formula takes f[U] from values of F(v) = sum over U of f[U] v^U at N points w of the unit circle::

    f[U] r^U = 1/N sum over w of F(r w) w^-U, up to terms f[U + i N] r^(U + i N), i = 1, 2, ...     (U < N)

Let F be a product of M truncated exponential series. Then f[U] is M^U / U! times the probability q[U] that U balls
thrown into M boxes stay below the truncations, and exp(-M r) f[U] r^U = Pr(Poisson(M r) = U) q[U]. So the formula
yields q[U] with a rounding error of about 1e-16 / Pr(Poisson(M r) = U), and a circle serves the U near its mean M r. A
few circles serve all U. N is so large that the terms beyond, which are at most Poisson tails, do not matter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtrc

from labelnoise.arrays import Floats, Integers
from labelnoise.plurality.pmf import poisson_pmf
from labelnoise.vectors import WIDTH

LEAST_PMF = 2e-3
"""Least Pr(Poisson(M r) = U) of the U that a circle serves: rounding errors are divided by it."""

ALIASED = 1e-15
"""Most that the terms beyond N may add to q[U]."""


class Circles(NamedTuple):
    """Circles, and the values of the series at their points, in blocks of eight points.

    A complex number at eight points takes 16 doubles: eight real parts, then eight imaginary parts. The lower half of a
    circle is left out, since its points are conjugate to those of the upper half. Unused places have the weight 0.
    """

    first: Integers
    """Smallest U that each circle serves, and n + 1 at the end, (n_circles + 1,)."""
    block: Integers
    """First block of each circle, and the number of blocks at the end, (n_circles + 1,)."""
    radius: Floats
    """Radius r of the circle of each block, (n_blocks,)."""
    turn: Floats
    """Cosine - 1 and sine of each point's angle, 16 doubles per block."""
    series: Floats
    """exp(-r) sum over i < b of v^i / i!, for b = 0..length: 16 doubles per block and b."""
    weights: Floats
    """Weight of each point's value in q[U], for U = 0..n: 16 doubles per block and U, to be multiplied part by part."""
    decay: Floats
    """Logarithm of the largest |series / its value at v = r| in each block for b or more terms, (n_blocks, length + 1).

    For b = 0 it is 0, the bound of a constant.
    """


@lru_cache(maxsize=8)
def circles(n: int, n_boxes: int, length: int) -> Circles:
    """Return circles for U = 0..n in a product of `n_boxes` exponential series of at most `length` terms."""
    first, block = [0], [0]
    parts: list[tuple[Floats, ...]] = []
    while first[-1] <= n:
        mean, stop, size = _circle_from(first[-1], n)
        n_blocks = -(-size // (2 * WIDTH))
        parts += _blocks(mean, range(first[-1], stop), n, size, n_boxes, length)
        first.append(stop)
        block.append(block[-1] + n_blocks)
    radius, turn, series, weights, decay = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Circles(np.array(first), np.array(block), radius, turn, series, weights, decay.reshape(len(radius), -1))


def _circle_from(low: int, n: int) -> tuple[float, int, int]:
    """Return the mean M r of the circle that serves U = low..stop-1, with stop, and its even number of points."""
    mean, step = max(float(low), 1.0), 0.25
    while mean < n and poisson_pmf(low, mean + step) >= LEAST_PMF:
        mean += step
    stop = low + 1
    while stop <= n and poisson_pmf(stop, mean) >= LEAST_PMF:
        stop += 1
    size = stop + stop % 2
    while pdtrc(low + size - 1, mean) > ALIASED * LEAST_PMF:
        size += 2
    return mean, stop, size


def _blocks(mean: float, served: range, n: int, size: int, n_boxes: int, length: int) -> list[tuple[Floats, ...]]:
    """Return radius, turn, series, weights and decay of each block of a circle, flat."""
    n_points = -(-size // (2 * WIDTH)) * WIDTH
    used = np.arange(n_points) < size // 2
    angle = np.where(used, (2 * np.arange(n_points) + 1) * np.pi / size, 0.0)
    r, i = mean / n_boxes, np.arange(1, length)[:, None]
    # Point 0 of these arrays is v = r itself.
    v = r * np.exp(1j * np.concatenate([[0.0], angle]))
    terms = np.concatenate([np.full((1, len(v)), np.exp(-r)), v / i]).cumprod(axis=0)
    series = np.concatenate([np.zeros((1, len(v))), terms.cumsum(axis=0)])
    size_of = np.abs(series[1:, 1:]) / series[1:, :1].real
    decay = np.log(np.concatenate([np.ones((1, n_points)), np.maximum(size_of, 1e-300)]))
    pmf = np.array([poisson_pmf(total, mean) if total in served else np.inf for total in range(n + 1)])
    weights = used * np.exp(1j * np.arange(n + 1)[:, None] * angle) * (2 / size / pmf)[:, None]
    found: list[tuple[Floats, ...]] = []
    for start in range(0, n_points, WIDTH):
        lanes = slice(start, start + WIDTH)
        worst = np.where(used[lanes], decay[:, lanes], -np.inf).max(axis=1)
        worst = np.maximum.accumulate(worst[::-1])[::-1]
        turn = np.concatenate([np.cos(angle[lanes]) - 1, np.sin(angle[lanes])])
        found.append((np.array([r]), turn, _split(series[:, 1:][:, lanes]), _split(weights[:, lanes]), worst))
    return found


def _split(values: NDArray[np.complex128]) -> Floats:
    """Return real parts and imaginary parts of each row after one another, flat."""
    return np.concatenate([values.real, values.imag], axis=1).ravel()
