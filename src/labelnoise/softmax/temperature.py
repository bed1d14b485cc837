"""Temperature scaling: a softmax made sharper or flatter, so that it fits labels that the network has not learned from.

Networks are often too sure, and a schedule that ends early may leave them too unsure. What a softmax then differs from
the label distribution of a neighborhood by is a matter of its scale, which one number can repair.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from labelnoise.arrays import Floats
from labelnoise.softmax.aggregate import check_softmax
from labelnoise.validation import check_distributions

RANGE = 0.05, 20.0
"""The temperatures among which one is found."""


def fit_temperature(pred_probs: ArrayLike, labels: ArrayLike, *, classes: ArrayLike | None = None) -> float:
    r"""Return the temperature with which the softmax gives labels their greatest likelihood (Guo et al. 2017, Eq. 9).

    .. math:: \hat\tau = \arg\max_\tau \sum_i \log q_{i y_i}(\tau), \qquad
        q_{ic}(\tau) = p_{ic}^{1/\tau} \Big/ \sum_d p_{id}^{1/\tau}

    Fitted to noisy labels, it makes the softmax that of noisy labels, which is what section 3.2 is about.

    Parameters
    ----------
    pred_probs : array-like of shape (n, n_classes)
        Softmax of samples that the network was not trained on.
    labels : array-like of shape (n,)
        Their labels, noisy or clean, as in `aggregate_softmax`.
    classes : sequence, optional
        All classes in code order.

    Returns
    -------
    float
        Above 1 for a network that is too sure; from 0.05 to 20.

    Raises
    ------
    ValueError, TypeError
        As `aggregate_softmax`.

    References
    ----------
    C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> round(fit_temperature([[0.99, 0.01]] * 4, [0, 0, 0, 1]), 1)
    4.2
    """
    rows, codes, _ = check_softmax(pred_probs, labels, classes)
    logs = _logarithms(rows)

    def mean_loss(log_temperature: float) -> float:
        scaled = log_softmax(logs * np.exp(-log_temperature), axis=1)
        return -float(np.take_along_axis(scaled, codes[:, None], axis=1).mean())

    low, high = map(math.log, RANGE)
    found = minimize_scalar(mean_loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def scale_softmax(pred_probs: ArrayLike, temperature: float) -> Floats:
    """Return softmax rows at another temperature: their probabilities to the power 1/temperature, summing to 1.

    Parameters
    ----------
    pred_probs : array-like of shape (n, n_classes)
    temperature : float
        Positive; 1 changes nothing, and more makes rows flatter.

    Raises
    ------
    ValueError, TypeError
        A row is no distribution, or the temperature is not positive.

    Examples
    --------
    >>> scale_softmax([[0.8, 0.2]], 2.0).round(3)
    array([[0.667, 0.333]])
    """
    if not 0 < temperature < np.inf:
        raise ValueError(f"`temperature` must be a positive number; got {temperature}.")
    scaled: Floats = softmax(_logarithms(check_distributions(pred_probs, "pred_probs")) / temperature, axis=-1)
    return scaled


def _logarithms(rows: Any) -> Floats:
    """Return logarithms; the smallest probability in float32 comes in place of 0."""
    logs: Floats = np.log(np.maximum(rows, np.finfo(np.float32).smallest_subnormal))
    return logs
