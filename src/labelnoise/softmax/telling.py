"""The noise rate at which one training says most about a network's effective K.

Where noise is weak, curves of all K agree, and so they do at the breaking point. `most_telling_noise_rate` finds where
they part most, compared with how far a training's accuracy varies there.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats
from labelnoise.curves.inputs import check_clean_distribution
from labelnoise.curves.vote_models import IidVotes
from labelnoise.noise import NoiseModel, check_noise
from labelnoise.softmax.misfit import MISFIT, accuracy_variance
from labelnoise.validation import check_count, check_ks, check_noise_rates, check_not_negative, check_ties

TELLING_KS = tuple(np.unique(np.round(np.geomspace(3, 300, 20)).astype(int)).tolist())
"""The K that are told apart by default: 3 to 300, equally likely in their logarithm."""
_SAMPLES = 1000
"""Test samples that are used at most; the family's curves then lie within a point of those of all of them."""
_RATES = np.arange(1, 40) / 40


def most_telling_noise_rate(
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    *,
    trainings: int = 1,
    noise_rates: Iterable[float] | None = None,
    ks: Iterable[int] | None = None,
    ties: str = "random",
    classes: ArrayLike | None = None,
    misfit: float = MISFIT,
) -> float | Floats:
    r"""Return the noise rate at which to train once, or the pair at which to train twice, to learn the effective K.

    Two candidates K and K' are hard to tell apart if accuracies that scatter around their curves overlap. The overlap
    (Bhattacharyya's coefficient of two normal distributions), averaged over all pairs of candidates, is lowest at

    .. math:: \gamma^* = \arg\min_\gamma \sum_{K < K'} \exp \frac{-(A_K(\gamma) - A_{K'}(\gamma))^2}{8 v},
        \qquad v = a (1 - a) (1 / n_{test} + m^2)

    with the mean a of the two accuracies. For two trainings, the exponents of both noise rates are added.

    Parameters
    ----------
    clean_distribution, labels, noise
        As in `fit_effective_k`. At most 1,000 of the test samples are used.
    trainings : {1, 2}, default 1
        Number of trainings that are planned, each at a noise rate of its own.
    noise_rates : sequence of float in [0, 1], optional
        The noise rates to choose from. By default multiples of 1/40 at which the largest K is the best: beyond the
        breaking point more neighbors do harm, and networks depart from the family.
    ks : sequence of int, optional
        The candidates for K, equally likely; by default 20 from 3 to 300, evenly spaced in their logarithm.
    ties, classes
        As in `fit_effective_k`.
    misfit : float, default 0.13
        m, as in `fit_effective_k`.

    Returns
    -------
    float, or array of shape (2,) for two trainings
        Increasing.

    Raises
    ------
    ValueError, TypeError
        Fewer noise rates than trainings, fewer than two K, or `accuracy_curve` rejects an argument. Also if the curves
        are the same at all noise rates to choose from.

    Examples
    --------
    >>> import labelnoise as ln
    >>> clean, labels = [[0.9, 0.1], [0.2, 0.8]] * 500, [0, 1] * 500
    >>> most_telling_noise_rate(clean, labels, ln.FlipNoise())
    0.35
    """
    check_noise(noise)
    check_ties(ties)
    check_count(trainings, "trainings", most=2, most_is="the largest number of trainings that is planned here")
    departure = check_not_negative(misfit, "misfit")
    candidates = np.unique(check_ks(TELLING_KS if ks is None else ks, name="ks"))
    if len(candidates) < 2:
        raise ValueError(f"`ks` must name at least two neighborhood sizes to tell apart; got {candidates.tolist()}.")
    rates = np.unique(_RATES if noise_rates is None else check_noise_rates(noise_rates))
    clean, codes, known = check_clean_distribution(clean_distribution, labels, classes)
    some = np.sort(np.random.default_rng(0).permutation(len(codes))[:_SAMPLES])
    votes = IidVotes.of(clean[some], codes[some], tuple(candidates.tolist()), noise.for_classes(known), ties)
    family = np.array([votes.weights @ votes.correct(float(rate)) for rate in rates]) / len(votes.inverse)
    if noise_rates is None:
        before = family[:, -1] >= family.max(axis=1) - 1e-3
        rates, family = (rates[before], family[before]) if before.any() else (rates, family)
    if len(rates) < trainings:
        raise ValueError(f"`noise_rates` must name at least {trainings} noise rates to choose from; got {len(rates)}.")
    apart = separations(family, len(codes), departure)
    if apart.max() == 0:
        raise ValueError(
            "the curves of all `ks` are the same at all noise rates to choose from, so no training can tell them "
            "apart. Give other noise rates, or ks that differ more."
        )
    chosen = np.array(most_separating(apart, trainings))
    return float(rates[chosen[0]]) if trainings == 1 else rates[chosen]


def separations(family: Floats, n_test: int, misfit: float) -> Floats:
    """Return the exponents that tell each pair of curves apart, (n_rates, n_pairs), from accuracies (n_rates, n_k)."""
    first, second = np.triu_indices(family.shape[1], 1)
    one, other = family[:, first], family[:, second]
    return (one - other) ** 2 / (8 * accuracy_variance((one + other) / 2, n_test, misfit))


def most_separating(apart: Floats, trainings: int) -> tuple[int, ...]:
    """Return the positions of the noise rates whose pairs of curves overlap least on average; of several, the first."""
    choices = combinations(range(len(apart)), trainings)
    return min(choices, key=lambda chosen: float(np.exp(-apart[list(chosen)].sum(axis=0)).mean()))
