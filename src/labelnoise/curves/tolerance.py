"""How much noise is tolerated: the noise rate at which an accuracy, or the vote on one test sample, falls too low."""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.curves.source import CurveSource

PRECISION = 1e-6
"""Largest error of the tolerance of a predicted curve."""
GRID = np.linspace(0, 1, 201)
"""Noise rates between which the tipping rates are interpolated."""


def first_crossing(noise_rates: Floats, accuracy: Floats, target: float) -> float:
    """Return the noise rate at which the accuracy first falls below the target, by linear interpolation.

    The result is the largest noise rate if the accuracy never falls below, and NaN if it starts below.
    """
    order = np.argsort(noise_rates)
    rates, values = noise_rates[order], accuracy[order]
    below = np.flatnonzero(values < target)
    if not len(below):
        return float(rates[-1])
    if below[0] == 0:
        return float("nan")
    low, high = below[0] - 1, below[0]
    return float(rates[low] + (rates[high] - rates[low]) * (values[low] - target) / (values[low] - values[high]))


def tolerance(
    noise_rates: Floats, accuracy: Floats, target: float, source: CurveSource | None = None, k: int = 1
) -> float:
    """Return `first_crossing` of one column of a curve, refined where `source` answers at any noise rate."""
    coarse = first_crossing(noise_rates, accuracy, target)
    if source is None or np.isnan(coarse) or coarse in noise_rates:
        return coarse
    from scipy.optimize import brentq

    low, high = noise_rates[noise_rates < coarse].max(), noise_rates[noise_rates > coarse].min()
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
