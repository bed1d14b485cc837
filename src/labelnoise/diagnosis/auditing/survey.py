r"""Means over all samples from a drawn few: estimates that hold whatever the noise, with intervals.

For a quantity w(i, y) that depends on the true label y, let :math:`f_i` be its mean under the models' posterior, known
for all N samples. A check of sample i shows :math:`w_i`. With :math:`E_i` the expected number of times that sample i is
checked,

.. math:: \hat w = \frac{1}{N} \sum_i f_i + \sum_{\text{checks } i} \frac{w_i - f_i}{N E_i}

is unbiased however wrong the models are (section 12; the difference estimator of survey sampling). They only decide its
width. A drawn sample and its partner form one unit; the variance v and the third moment :math:`\kappa` come from the
units' sums. An interval holds the values :math:`\theta` with distance :math:`d = \theta - \hat w` and

.. math:: d^2 \left( 1 + \frac{t^2}{m} \right) \le t^2 (v + b d), \qquad b = \kappa / v

for m units, since b d is what the variance gains where the mean is further out. Where all samples are drawn alike and f
is constant, a proportion has :math:`b = (1 - 2 \hat w) / m`, and this is Wilson's interval.

Three cautions. First, v rests on few surprises and is too low more often than too high, so a tenth is added to it, or a
tenth of what the models predict if that is less. Where the few surprises are of both signs, two more are added, one of
each sign: :math:`2 W^2 (1 - (\kappa / v W)^2)`, if that is positive, but no more than v, where W is the mean weight of
a sample, 1/n where all are drawn alike. It is 0 for a rare quantity of two values and a constant f, since its surprises
are of one sign and :math:`\kappa / v` is W. Second, a few large weights or surprises make v uncertain. With the
units' skewness :math:`g_1` and kurtosis :math:`g_2`, the part of its relative variance that the mean does not explain
is :math:`(g_2 - 1 - g_1^2) / m`, 0 for any quantity with two values and 2/m for a normal one. So t is Student's
quantile with :math:`2 m / (g_2 - 1 - g_1^2)` degrees of freedom, at most m - 1. Third, checks that agree with the
models nearly always have a small v, and cannot know how often the models are surprised. With
:math:`g = \min(1, W^2/v)^2`, b is at least :math:`(1 - g) \kappa / v + g W`
for values above the estimate, and at most :math:`(1 - g) \kappa / v - g W` below. So an interval reaches 3 W or more to
each side, as the rule of three says of an audit that finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.diagnosis.auditing.design import LEAST

Quantity = Callable[[Integers], Floats]
"""Return w(i, y) for some samples i and all classes y, (len(i), L)."""

MARGIN = 0.1
"""Share of the variance that is added to it, if the models predict as much."""

LEVEL = 0.95
"""Coverage of the intervals."""

_MOST_CELLS = 1_000_000
_HALVINGS = 24
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Checks:
    """Checks of samples, one entry each; a sample that was drawn twice has two.

    Attributes
    ----------
    positions : (m,) int array
        Sample of each check.
    truth : (m,) int array
        Code of the true label; -1 where the checker was unsure.
    weights : (m,) array
        1 / (N E_i), times the share of the check's round.
    posterior : (m, L) array
        Pr(true label) as the models saw it before the round was drawn.
    units, rounds : (m,) and (n_units,) int array
        Unit of each check; round of each unit.
    unseen : (n_units,) array
        1 - pi_i of the unit's drawn sample where samples are drawn without replacement, else 1.
    shares : (n_rounds,) array
        Share of each round in the estimate.
    posteriors : sequence of (N, L) arrays
        Posterior of all samples, per round.
    """

    positions: Integers
    truth: Codes
    weights: Floats
    posterior: Floats
    units: Integers
    rounds: Integers
    unseen: Floats
    shares: Floats
    posteriors: tuple[NDArray[np.float32], ...]

    @property
    def n_units(self) -> int:
        """Number of units, m."""
        return len(self.rounds)

    @cached_property
    def _n_of_round(self) -> Integers:
        return np.bincount(self.rounds)

    @cached_property
    def _factors(self) -> Floats:
        """Factors of the squared deviations: 1 - pi_i without replacement, and m / (m - 1) for the mean of a round."""
        factors: Floats = self.unseen * (self._n_of_round / np.maximum(self._n_of_round - 1, 1))[self.rounds]
        return factors

    @cached_property
    def _weight(self) -> float:
        """Mean weight of a sample, W: samples are checked in proportion to 1 / weight."""
        return float((self.weights**2 * self.unseen[self.units]).sum())

    def predicted_mean(self, quantity: Quantity) -> float:
        """Return the mean of f_i over all samples, the rounds by their shares."""
        size, total = len(self.posteriors[0]), 0.0
        block = max(1, _MOST_CELLS // self.posterior.shape[1])
        for start in range(0, size, block):
            rows = np.arange(start, min(start + block, size))
            values = quantity(rows)
            for share, posterior in zip(self.shares, self.posteriors, strict=True):
                total += share * float(np.einsum("iy,iy->", posterior[rows].astype(np.float64), values))
        return total / size

    def unit_sums(self, residuals: Floats) -> Floats:
        """Return the weighted sum of the checks' residuals in each unit."""
        return np.bincount(self.units, self.weights * residuals, minlength=self.n_units).astype(np.float64)

    def predicted_variance(self, values: Floats) -> float:
        """Return the variance of a total, if the models say how some values (m, L) vary."""
        chances = (1 - LEAST) * self.posterior + LEAST / values.shape[1]
        deviations = values - (chances * values).sum(axis=1, keepdims=True)
        variances = self.unseen[self.units] * self.weights**2 * (chances * deviations**2).sum(axis=1)
        return float(variances.sum())

    def contains(
        self, distance: float, sums: Floats, predicted: float = 0.0, *, least: float = 0.0, skewed: bool = True
    ) -> bool:
        """Return whether a value at this distance above an estimate with these unit sums is in the interval.

        Parameters
        ----------
        distance : float
            The value less the estimate.
        sums : (n_units,) array
            Unit sums, whose total is the estimate up to a constant.
        predicted : float, default 0
            Variance that the models predict, for `MARGIN`.
        least : float, default 0
            Least variance.
        skewed : bool, default True
            Whether the third moment counts; False for b = 0.
        """
        weight = self._weight
        if weight < _ROUNDING**2:
            return abs(distance) <= _ROUNDING  # All samples were checked.
        deviations = sums - (np.bincount(self.rounds, sums) / self._n_of_round)[self.rounds]
        squares = self._factors * deviations**2
        variance, third = float(squares.sum()), float((squares * deviations).sum())
        fourth = float((squares * deviations**2).sum())
        ratio, freedom = 0.0, float(self.n_units - 1)
        if variance > _ROUNDING * weight**2:
            ratio = third / variance
            unexplained = fourth / variance**2 - 1 / self.n_units - ratio**2 / variance
            freedom = min(freedom, 2 / max(unexplained, _ROUNDING))
        variance = max(variance, least) + MARGIN * min(variance, predicted)
        variance += min(variance, 2 * max(0.0, weight**2 - ratio**2))
        square = float(stdtrit(max(freedom, 1.0), (1 + LEVEL) / 2)) ** 2
        doubt = min(1.0, weight**2 / max(variance, _ROUNDING * weight**2)) ** 2
        blend = (1 - doubt) * ratio
        slope = max(ratio, blend + doubt * weight) if distance > 0 else min(ratio, blend - doubt * weight)
        slope *= skewed
        return distance**2 * (1 + square / self.n_units) <= square * (variance + slope * distance)


def invert(belongs: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return the last value from `inside` towards `outside` for which a test holds, by bisection."""
    if belongs(outside):
        return outside
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if belongs(middle):
            inside = middle
        else:
            outside = middle
    return inside


def ratio_interval(
    checks: Checks, top: Floats, bottom: Floats, mean_top: float, mean_bottom: float
) -> tuple[float, float, float]:
    """Return estimate, lower and upper end of the mean of one quantity over that of another, in [0, 1].

    The interval holds the values theta for which the mean of (top - theta bottom) may be 0. Where the checker was
    unsure, the estimate takes the models' mean; the lower end takes the true label that makes it lowest, the upper end
    the one that makes it highest.

    Parameters
    ----------
    checks : Checks
        What was checked.
    top, bottom : (m, L) array in [0, 1]
        Quantities w(i, y) of the checked samples, with top <= bottom.
    mean_top, mean_bottom : float
        Means of f_i over all samples (`Checks.predicted_mean`).
    """
    rows, unsure = np.arange(len(top)), checks.truth < 0

    def unit_sums(values: Floats) -> Floats:
        predicted = (checks.posterior * values).sum(axis=1)
        return checks.unit_sums(np.where(unsure, 0.0, values[rows, checks.truth] - predicted))

    sums_top, sums_bottom = unit_sums(top), unit_sums(bottom)
    total_top, total_bottom = mean_top + float(sums_top.sum()), mean_bottom + float(sums_bottom.sum())
    if total_bottom <= 0:  # The class is so rare that its few checks outweigh what the models expect.
        return float(np.clip(mean_top / max(mean_bottom, _ROUNDING), 0, 1)), 0.0, 1.0
    value = float(np.clip(total_top / total_bottom, 0, 1))
    predicted = checks.predicted_variance(top - value * bottom)

    def distance_and_test(theta: float, unknown: Callable[..., Floats]) -> tuple[float, bool]:
        sums = sums_top - theta * sums_bottom
        if unsure.any():
            values = top - theta * bottom
            residuals = unknown(values, axis=1) - (checks.posterior * values).sum(axis=1)
            sums = sums + checks.unit_sums(np.where(unsure, residuals, 0.0))
        distance = -(mean_top - theta * mean_bottom + float(sums.sum()))
        return distance, checks.contains(distance, sums, predicted)

    def not_below(theta: float) -> bool:
        distance, inside = distance_and_test(theta, np.min)
        return inside or distance > 0

    def not_above(theta: float) -> bool:
        distance, inside = distance_and_test(theta, np.max)
        return inside or distance < 0

    return value, invert(not_below, value, 0.0), invert(not_above, value, 1.0)


def mean_interval(checks: Checks, quantity: Quantity) -> tuple[float, float, float]:
    """Return estimate, lower and upper end of the mean of one quantity, in [0, 1] (`ratio_interval`)."""
    values = quantity(checks.positions)
    return ratio_interval(checks, values, np.ones_like(values), checks.predicted_mean(quantity), 1.0)
