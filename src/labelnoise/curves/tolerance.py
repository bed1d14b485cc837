"""How much noise is tolerated: the noise rate at which an accuracy, or the vote on one test sample, falls too low."""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.curves.source import CurveSource

PRECISION = 1e-6
"""Largest error of the tolerance of a predicted curve."""
GRID = np.linspace(0, 1, 201)
"""Noise rates between which the tipping rates are interpolated."""
CLOSE = 0.055
"""Largest distance of noise rates between which a straight line is close enough to the curve: 0.05, as asked for, and a
little more, since whole samples are selected."""


def enclosing_rates(noise_rates: Floats, accuracy: Floats, target: float) -> tuple[float, float]:
    """Return the neighboring noise rates between which the accuracy first falls below the target.

    Both are the largest noise rate if the accuracy never falls below, and NaN if it starts below.
    """
    order = np.argsort(noise_rates, kind="stable")
    below = np.flatnonzero(accuracy[order] < target)
    if not len(below):
        return float(noise_rates[order[-1]]), float(noise_rates[order[-1]])
    if below[0] == 0:
        return float("nan"), float("nan")
    return float(noise_rates[order[below[0] - 1]]), float(noise_rates[order[below[0]]])


def first_crossing(noise_rates: Floats, accuracy: Floats, target: float) -> float:
    """Return the noise rate at which the accuracy first falls below the target, by linear interpolation.

    The result is the largest noise rate if the accuracy never falls below, and NaN if it starts below.
    """
    low, high = enclosing_rates(noise_rates, accuracy, target)
    if not low < high:
        return low
    at_low, at_high = accuracy[noise_rates == low][0], accuracy[noise_rates == high][0]
    return float(low + (high - low) * (at_low - target) / (at_low - at_high))


def tolerance(
    noise_rates: Floats, accuracy: Floats, target: float, source: CurveSource | None = None, k: int = 1
) -> float:
    """Return `first_crossing` of one column of a curve, refined where `source` answers at any noise rate."""
    coarse = first_crossing(noise_rates, accuracy, target)
    if source is None or np.isnan(coarse) or coarse in noise_rates:
        return coarse
    from scipy.optimize import brentq

    low, high = enclosing_rates(noise_rates, accuracy, target)
    return float(brentq(lambda rate: source.per_sample(rate, k).mean() - target, low, high, xtol=PRECISION))


def tipping_rates(source: CurveSource, k: int, target: float) -> Floats:
    """Return the noise rate at which each test sample's probability of a correct vote falls below `target`, (n_test,).

    The result is 1 for a sample that never falls below, and NaN for one that is below without noise.
    """
    probabilities = np.column_stack([source.per_sample(float(rate), k) for rate in GRID])
    below = probabilities < target
    first = np.where(below.any(axis=1), below.argmax(axis=1), len(GRID))
    high = np.clip(first, 1, len(GRID) - 1)
    rows = np.arange(len(probabilities))
    at_low, at_high = probabilities[rows, high - 1], probabilities[rows, high]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = GRID[high - 1] + (GRID[high] - GRID[high - 1]) * (at_low - target) / (at_low - at_high)
    return np.where(first == 0, np.nan, np.where(first == len(GRID), 1.0, crossing))
