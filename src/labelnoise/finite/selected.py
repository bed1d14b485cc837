"""The probability Pr(m) that m of K neighbors are selected for corruption, for each kind of placement."""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.validation import check_concentration, check_count, check_noise_rate


def selected_count_distribution(
    k: int, noise_rate: float, *, n_train: int | None = None, concentration: float = 0.0
) -> Floats:
    """Return the probability that m of a neighborhood's K training samples are selected, for m = 0..K.

    With noise rate gamma and concentration rho (the intra-class correlation of the selected mask)::

        n_train given, rho = 0   Hypergeometric(n_train, round(gamma n_train), K)    Spread(exact=True)
        n_train None,  rho = 0   Binomial(K, gamma)                                  Spread(exact=False)
        0 < rho < 1              Beta-binomial(K, gamma (1-rho)/rho, (1-gamma) (1-rho)/rho)
        rho = 1                  m = K with probability gamma, else m = 0

    The hypergeometric law matters where K is not small compared with `n_train`: exactly round(gamma n_train) samples
    are selected, so a neighborhood of all training samples holds that many, without variance.

    Parameters
    ----------
    k : int
        Neighborhood size K.
    noise_rate : float in [0, 1]
        gamma, the fraction of the training samples selected.
    n_train : int, optional
        Number of training samples, if the count of selected ones is exact. It is ignored when `concentration` is not
        0: then the variation between neighborhoods outweighs that of the total.
    concentration : float in [0, 1], default 0
        rho: 0 for spread noise, 1 for neighborhoods that are selected wholly or not at all.

    Returns
    -------
    (K + 1,) float array
        Sums to 1. Each entry has a relative error of a few K units in the last place: it is a product of ratios of
        neighboring probabilities, where differences of log-gamma values lose digits.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range, or k is above `n_train`.

    Examples
    --------
    >>> selected_count_distribution(2, 0.5)
    array([0.25, 0.5 , 0.25])
    >>> selected_count_distribution(2, 0.5, n_train=2)
    array([0., 1., 0.])
    """
    size = check_count(k, "k")
    rate, rho = check_noise_rate(noise_rate), check_concentration(concentration)
    if n_train is not None:
        n_train = check_count(n_train, "n_train")
        if n_train < size:
            raise ValueError(f"`k` must be at most {n_train}, the number of training samples; got {size}.")
    if rho == 1 or rate in (0.0, 1.0):
        ends = np.zeros(size + 1)
        ends[0], ends[-1] = 1 - rate, rate
        return ends
    m = np.arange(size, dtype=np.float64)
    if n_train is None or rho > 0:
        # This is Polya's urn with both shapes multiplied by rho; at rho = 0 it is the binomial law.
        up = (size - m) * (m * rho + rate * (1 - rho))
        down = (m + 1) * ((size - m - 1) * rho + (1 - rate) * (1 - rho))
        return _from_ratios(up, down)
    selected = round(rate * n_train)  # as Spread selects them
    low, high = max(0, size - (n_train - selected)), min(size, selected)
    m = m[low:high]
    distribution = np.zeros(size + 1)
    distribution[low : high + 1] = _from_ratios(
        (size - m) * (selected - m), (m + 1) * (n_train - selected - size + m + 1)
    )
    return distribution


def _from_ratios(up: Floats, down: Floats) -> Floats:
    """Return the distribution with p[m+1]/p[m] = up[m]/down[m]. Products start at its mode, so that none overflows."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(up) - np.log(down))])
    mode = int(np.argmax(logs))
    above = np.cumprod(up[mode:] / down[mode:])
    below = np.cumprod((down[:mode] / up[:mode])[::-1])[::-1]
    weights = np.concatenate([below, [1.0], above])
    return weights / weights.sum()
