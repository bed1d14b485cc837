"""Probabilities of true classes: how probable it is that labels are wrong, changed to what is known, and draws.

A posterior holds Pr(true = y) of each sample, in a row that sums to 1. The probability that a label is wrong is one
minus the entry of the given class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from labelnoise.arrays import Codes, Floats
from labelnoise.compiled import compiled

_TINY = 1e-9
_LEAST = 1e-6  # so that log odds are finite


def wrong_probability_of(posterior: NDArray[np.floating], codes: Codes) -> Floats:
    """Return 1 - Pr(true = given), (n,)."""
    return np.clip(1 - posterior[np.arange(len(codes)), codes].astype(np.float64), 0, 1)


def with_wrong_probability(
    posterior: NDArray[np.floating], codes: Codes, wrong_probability: Floats
) -> NDArray[np.float32]:
    """Return a posterior in which each label is wrong with the probability given, such as one that an audit updated.

    The given class gets 1 - e_i; the other classes share e_i in the proportions that they had.

    Parameters
    ----------
    posterior : (n, L) array
        Pr(true = y | ...), rows sum to 1.
    codes : (n,) int array
        Given labels.
    wrong_probability : (n,) array
        e_i in [0, 1].

    Examples
    --------
    >>> with_wrong_probability(np.array([[0.5, 0.3, 0.2]]), np.array([0]), np.array([0.8])).round(2).tolist()
    [[0.20000000298023224, 0.47999998927116394, 0.3199999928474426]]
    """
    rows = np.arange(len(codes))
    changed = np.array(posterior, dtype=np.float32)
    changed[rows, codes] = 0
    others = changed.sum(axis=1, dtype=np.float64)
    even = others <= _TINY  # Nothing is known of the other classes, so they share evenly.
    changed[even] = 1 / max(changed.shape[1] - 1, 1)
    changed *= (wrong_probability / np.where(even, 1.0, others)).astype(np.float32)[:, None]
    changed[rows, codes] = 1 - wrong_probability
    return changed


def with_wrong_rate(posterior: NDArray[np.floating], codes: Codes, wrong_rate: float) -> NDArray[np.float32]:
    r"""Return a posterior in which the share of wrong labels is another one, (n, L).

    .. math:: \operatorname{logit} e'_i = \operatorname{logit} e_i + c

    with e the probabilities that given labels are wrong, and c such that their mean is the wrong rate. The classes
    other than the given one keep their proportions.

    Parameters
    ----------
    posterior : (n, L) array
        Pr(true = y | ...), rows sum to 1.
    codes : (n,) int array
        Given labels.
    wrong_rate : float in [0, 1]
        Wanted mean of Pr(true != given).

    Examples
    --------
    >>> with_wrong_rate(np.array([[0.5, 0.3, 0.2]]), np.array([0]), 0.8).round(2).tolist()
    [[0.20000000298023224, 0.47999998927116394, 0.3199999928474426]]
    """
    errors = np.clip(wrong_probability_of(posterior, codes), _LEAST, 1 - _LEAST)
    return with_wrong_probability(posterior, codes, with_mean(errors, wrong_rate))


def with_mean(probability: Floats, mean: float) -> Floats:
    """Return probabilities whose mean is `mean`, by a shift of their log odds by one number.

    Parameters
    ----------
    probability : (n,) array
        Between 0 and 1, both excluded.
    mean : float
        Wanted mean; nearer to 0 or 1 than 1e-5, it becomes that.

    Examples
    --------
    >>> with_mean(np.array([0.1, 0.5, 0.9]), 0.7).round(2).tolist()
    [0.32, 0.81, 0.97]
    """
    from scipy.optimize import brentq

    wanted, odds = float(np.clip(mean, 1e-5, 1 - 1e-5)), logit(probability)
    return expit(odds + brentq(lambda shift: float(expit(odds + shift).mean()) - wanted, -40, 40, xtol=1e-6))


def draw_classes(posterior: NDArray[np.floating], rng: np.random.Generator) -> Codes:
    """Draw a class for every sample from its row of probabilities, (n,)."""
    drawn = np.empty(len(posterior), np.int64)
    _draw(posterior, rng.random(len(posterior)), drawn)
    return drawn


@compiled()
def _draw(posterior, uniform, drawn):
    for i in range(len(posterior)):
        total = 0.0
        for code in range(posterior.shape[1]):
            total += posterior[i, code]
        left, last = uniform[i] * total, 0
        for code in range(posterior.shape[1]):
            if posterior[i, code] > 0:
                last = code
                left -= posterior[i, code]
                if left < 0:
                    break
        drawn[i] = last
