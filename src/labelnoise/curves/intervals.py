"""Intervals for an accuracy: how much it varies with the test samples, and with the noise that happens to be drawn.

There are two sources of variation, and by the law of total variance they add up. Over test samples: the probability of
a correct vote differs from sample to sample, and a finite test set holds only some of the samples. Over noise draws: a
corrupted training label lies in the neighborhoods of many test samples, and their votes go wrong together. No formula
for single samples shows the latter; noisy training sets drawn over the stored neighbors do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.progress import track
from labelnoise.validation import check_choice, check_fraction

if TYPE_CHECKING:
    from labelnoise.curves.curve import AccuracyCurve

SOURCES = ("both", "test", "draws")
_Z = 1.96
DRAWS = 200
"""Noise draws from which the variance of a prediction is estimated; they give its standard deviation to 5 %."""


@dataclass(frozen=True, eq=False)
class Interval:
    """An interval at every noise rate and k of a curve.

    Attributes
    ----------
    lower, upper : array of shape (n_rates, n_k)
        Within [0, 1].
    standard_error : array of shape (n_rates, n_k)
        Square root of the variance the interval is made of.
    level : float
        Share of cases in which the interval is meant to hold.
    of : str
        "test", "draws" or "both".
    assumption : str or None
        What had to be assumed, if anything.
    """

    lower: Floats
    upper: Floats
    standard_error: Floats
    level: float
    of: str
    assumption: str | None = None


def accuracy_interval(curve: AccuracyCurve, level: float, of: str) -> Interval:
    """Compute what `AccuracyCurve.interval` describes."""
    if check_fraction(level, "level") in (0, 1):
        raise ValueError(f"`level` must lie between 0 and 1, such as 0.95; got {level}.")
    check_choice(of, SOURCES, "of")
    if curve.repeats == 1:
        raise ValueError("the curve must have at least 2 repeats for an interval; got 1. Measure it with more repeats.")
    if of != "draws" and curve.setting.n_test < 2:
        raise ValueError(f"the curve must be of at least 2 test samples for an interval; got {curve.setting.n_test}.")
    assumption = None
    parts: list[tuple[Floats, float]] = []  # variances, and their degrees of freedom
    if of != "draws":
        parts.append((_test_variance(curve), curve.setting.n_test - 1))
    if curve.runs is not None:
        n_runs = curve.runs.shape[1]
        of_mean = 1 / n_runs  # The variance of the mean of R repeats is v/R; one further draw adds v.
        parts.append((curve.runs.var(axis=1, ddof=1) * (of_mean if of == "test" else 1 + of_mean), n_runs - 1))
    elif of != "test":
        variance, degrees, assumption = _draw_variance(curve)
        parts.append((variance, degrees))
    if curve.sampling_error is not None:
        parts.append((curve.sampling_error**2, np.inf))
    half, error = _half_width(parts, level)
    return Interval(
        np.clip(curve.accuracy - half, 0, 1), np.clip(curve.accuracy + half, 0, 1), error, float(level), of, assumption
    )


def _half_width(parts: list[tuple[Floats, float]], level: float) -> tuple[Floats, Floats]:
    """Return t sqrt(v) and sqrt(v) for a sum v of estimated variances, with Welch and Satterthwaite's degrees."""
    from scipy.special import stdtrit

    total = np.sum([variance for variance, _ in parts], axis=0)
    uncertainty = np.sum([variance**2 / degrees for variance, degrees in parts], axis=0)
    degrees = np.divide(total**2, uncertainty, out=np.full_like(total, 1e9), where=uncertainty > 0)
    return stdtrit(np.minimum(degrees, 1e9), (1 + level) / 2) * np.sqrt(total), np.sqrt(total)


def _test_variance(curve: AccuracyCurve) -> Floats:
    """Return the variance of the mean over test samples of their probability of a correct vote.

    A share measured in R repeats also varies around that probability. An unbiased estimate of this part,
    share (1 - share) / (R - 1), is subtracted. Where all n samples are right (or wrong), the result is
    (z / (n + z^2))^2 with z = 1.96, which gives the length of Wilson's interval: that none differs is chance.
    """
    variance = np.empty_like(curve.accuracy)
    for row, rate in enumerate(curve.noise_rates):
        for column, k in enumerate(curve.k.tolist()):
            share = curve.per_sample(None if len(curve.noise_rates) == 1 else float(rate), k)
            variance[row, column] = share.var(ddof=1)
            if curve.repeats is not None:
                variance[row, column] -= np.mean(share * (1 - share)) / (curve.repeats - 1)
    n = curve.setting.n_test
    alike = (variance <= 0) & ((curve.accuracy == 0) | (curve.accuracy == 1))
    return np.where(alike, (_Z / (n + _Z**2)) ** 2, np.maximum(variance, 0) / n)


def _draw_variance(curve: AccuracyCurve) -> tuple[Floats, float, str | None]:
    """Return the variance of the accuracy over noise draws, its degrees of freedom, and what was assumed."""
    source, variance = curve.source, np.empty_like(curve.accuracy)
    for row, rate in enumerate(track(curve.noise_rates, "drawing noise", total=len(curve.noise_rates))):
        drawn = None if source is None else source.redraw(float(rate), curve.k, DRAWS)
        if drawn is not None:
            variance[row] = drawn.var(axis=0, ddof=1)
            continue
        if curve.setting.placement.get("concentration"):
            raise ValueError(
                "the curve must be of spread noise for an interval over noise draws; got a concentration of "
                f"{curve.setting.placement['concentration']:g}, which does not say which neighborhoods are noisy "
                "together. Measure with simulate_knn(..., placement=Concentrated(...)), or ask for of='test'."
            )
        for column, k in enumerate(curve.k.tolist()):
            probability = curve.per_sample(None if len(curve.noise_rates) == 1 else float(rate), k)
            variance[row, column] = np.sum(probability * (1 - probability)) / curve.setting.n_test**2
    if drawn is not None:
        return variance, DRAWS - 1, None
    return variance, np.inf, "test samples are independent of each other: which neighbors they share is not known"
