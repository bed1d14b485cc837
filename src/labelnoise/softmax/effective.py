"""The effective K of a network: the K whose analytic curve is nearest to its measured accuracy, and its interval.

The paper compares a network's accuracy over the noise rate with the family of K-NN curves that start from the same
clean distribution, the softmax of the network trained on clean labels (Fig. 4). The K of the best curve, and how well
it fits, say how much averaging over neighbors the training amounts to. One or two noisy trainings are enough to choose
the curve, which then predicts the accuracy at all other noise rates. How sure this is depends on how far networks
depart from the family (`MISFIT`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats
from labelnoise.curves.predicted import accuracy_curve
from labelnoise.noise import NoiseModel
from labelnoise.softmax.fitted import EffectiveK
from labelnoise.softmax.misfit import MISFIT, accuracy_variance
from labelnoise.validation import check_fraction, check_ks, check_noise_rates, check_not_negative, to_array

K_MAX = 300
"""The largest K that is tried by default, as in the paper's appendix A."""


def fit_effective_k(
    measured_curve: Any,
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    *,
    ks: int | Iterable[int] | None = None,
    ties: str = "random",
    classes: ArrayLike | None = None,
    misfit: float = MISFIT,
    level: float = 0.95,
) -> EffectiveK:
    r"""Find the K whose analytic curve is nearest to measured accuracies, with an interval (section 10 of the theory).

    .. math:: K^* = \arg\min_K \frac{1}{n} \sum_{i=1}^{n} |A_K(\gamma_i) - a_i|

    where :math:`a_i` was measured at noise rate :math:`\gamma_i`, and :math:`A_K` is Eq. 1 for the clean distribution.
    A single noise rate is enough if the curves differ there (`most_telling_noise_rate`). The interval holds

    .. math:: \{K : \chi^2_K \le \chi^2_{min} + z^2 \max(1, \chi^2_{min} / (n - 1))\}, \qquad
        \chi^2_K = \sum_i \frac{(A_K(\gamma_i) - a_i)^2}{v_i}, \qquad
        v_i = a_i (1 - a_i) (1 / n_{test} + m^2) + s_i^2

    with the normal quantile z of `level`, the misfit m, and the standard error s of a curve with repeats. The factor
    after :math:`z^2`, 1 for a single noise rate, widens it where even the nearest curve is farther away than v allows.

    Parameters
    ----------
    measured_curve : AccuracyCurve or pair of array-likes of shape (n_rates,)
        A curve with one k, or noise rates and the accuracy in [0, 1] at each, measured on these test samples: of one
        noisy training, of two, or of a whole sweep. A noise rate may occur several times, once per training. Any object
        with attributes `noise_rates` and `accuracy` will do.
    clean_distribution : array-like of shape (n_test, n_classes)
        For a network, the softmax of the same network trained on clean labels.
    labels : array-like of shape (n_test,)
        True classes of the test samples.
    noise : NoiseModel
        What a selected label became.
    ks : int or sequence of int, optional
        The candidates for K; by default 1 to 300.
    ties : {"random", "lowest", "strict"}, default "random"
        As in `accuracy_curve`.
    classes : sequence, optional
        As in `accuracy_curve`.
    misfit : float, default 0.13
        m: the standard deviation of one training's accuracy around the nearest curve, in units of
        :math:`\sqrt{a (1 - a)}`, beside the error of a finite test set. The default was measured on networks
        (`labelnoise.softmax.misfit`); for nearest neighbors it is 0.
    level : float in (0, 1), default 0.95
        Share of cases in which the interval is meant to hold.

    Returns
    -------
    EffectiveK
        The value, its interval, the distance, and `predict`, the whole curve with a band. The interval is the whole
        range of candidates if all curves agree at the measured noise rates; `determined` is then False.

    Raises
    ------
    ValueError, TypeError
        The curve has several columns or values outside [0, 1], `level` or `misfit` is out of range, or
        `accuracy_curve` rejects an argument.

    Examples
    --------
    >>> import labelnoise as ln
    >>> clean, labels = [[0.9, 0.1], [0.2, 0.8]] * 500, [0, 1] * 500
    >>> found = ln.fit_effective_k(([0.3], [0.876]), clean, labels, ln.FlipNoise(), ks=range(1, 100, 2))
    >>> found
    EffectiveK(17, 95 % interval 9..41 of 1..99; absolute difference over 1 noise rate: mean 0.0047, worst 0.0047)
    >>> found.predict(0.1).accuracy.round(3).tolist()
    [0.991]
    """
    rates, accuracy = _check_curve(measured_curve)
    if check_fraction(level, "level") in (0, 1):
        raise ValueError(f"`level` must lie between 0 and 1, such as 0.95; got {level}.")
    departure = check_not_negative(misfit, "misfit")
    candidates = np.unique(check_ks(range(1, K_MAX + 1) if ks is None else ks, name="ks"))
    family = accuracy_curve(clean_distribution, labels, noise, rates, candidates, ties=ties, classes=classes)
    variance = accuracy_variance(accuracy, family.setting.n_test, departure)
    spread = getattr(measured_curve, "standard_error", None)
    if spread is not None:
        variance = variance + np.nan_to_num(spread.ravel()) ** 2
    return EffectiveK(family, accuracy, variance, departure, float(level))


def effective_k(
    measured_curve: Any,
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    *,
    ks: int | Iterable[int] | None = None,
    ties: str = "random",
    classes: ArrayLike | None = None,
) -> int:
    r"""Return the K whose analytic curve is nearest to a measured one (section 10 of the theory; Fig. 4).

    .. math:: K^* = \arg\min_K \frac{1}{n} \sum_{i=1}^{n} |A_K(\gamma_i) - a_i|

    `fit_effective_k` also returns an interval for it, how near it is, and the curve that it predicts.

    Parameters
    ----------
    measured_curve, clean_distribution, labels, noise, ks, ties, classes
        As in `fit_effective_k`.

    Returns
    -------
    int
        The effective neighborhood size; of equally near sizes, the most likely, and of these the smallest.

    Raises
    ------
    ValueError, TypeError
        As `fit_effective_k`.

    Examples
    --------
    >>> import labelnoise as ln
    >>> effective_k(([0.0, 0.25, 0.5], [1.0, 0.84, 0.5]), [[1.0, 0.0]], [0], ln.FlipNoise(), ks=[1, 3, 5])
    3
    """
    return fit_effective_k(measured_curve, clean_distribution, labels, noise, ks=ks, ties=ties, classes=classes).value


def _check_curve(curve: Any) -> tuple[Floats, Floats]:
    """Return checked noise rates and accuracies of equal length."""
    if isinstance(curve, tuple) and len(curve) == 2:
        asked, measured = curve
    elif hasattr(curve, "noise_rates") and hasattr(curve, "accuracy"):
        asked, measured = curve.noise_rates, curve.accuracy
    else:
        raise TypeError(
            f"`measured_curve` must have `noise_rates` and `accuracy`, or be a pair of both; "
            f"got {type(curve).__name__}."
        )
    rates = check_noise_rates(asked)
    accuracy = np.asarray(to_array(measured), dtype=np.float64)
    if accuracy.ndim == 2 and accuracy.shape[1] > 1:
        raise ValueError(
            f"`measured_curve` must have one accuracy per noise rate; got {accuracy.shape[1]} columns. "
            f"Pass a pair of noise rates and one column: (curve.noise_rates, curve.accuracy[:, 0])."
        )
    if accuracy.size != len(rates) or accuracy.ndim not in (1, 2):
        raise ValueError(
            f"`measured_curve` must have one accuracy per noise rate, {len(rates)}; got shape {accuracy.shape}."
        )
    accuracy = accuracy.ravel()
    bad = ~((accuracy >= 0) & (accuracy <= 1))  # NaN fails both comparisons
    if bad.any():
        hint = " Percentages? Divide them by 100." if accuracy[bad][0] > 1 else ""
        raise ValueError(f"`measured_curve` must have accuracies in [0, 1]; got {accuracy[bad][0]:g}.{hint}")
    return rates, accuracy
