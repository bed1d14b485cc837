"""In which order labels are checked, and the accuracy that each order is expected to reach.

By *gain*: the labels first whose correction turns the most votes (`labelnoise.diagnosis.relabeling.gain`). By
*suspicion*: the most probably wrong first. By *region*: whole regions of suspicion one after the other, by gain within
each. At *random*: what the others must beat.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Integers, Mask
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.diagnosis.relabeling.cost import CleaningCurve, cleaning_curve, default_grid
from labelnoise.diagnosis.relabeling.gain import relabeling_gains
from labelnoise.diagnosis.relabeling.regions import Regions, suspicious_regions
from labelnoise.validation import check_choice, seed_of

ORDERS = ("gain", "suspicion", "region", "random")


def cleaning_order(
    data: LabeledSamples,
    posterior: NDArray[np.floating],
    by: str,
    *,
    regions: Regions | None = None,
    queries: Mask | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Integers:
    """Return all samples, those first that are to be checked first.

    Parameters
    ----------
    data : LabeledSamples
        With neighbors.
    posterior : (n, L) array
        Pr(true = y), rows sum to 1.
    by : {"gain", "suspicion", "region", "random"}
        The order; see the module.
    regions : Regions, optional
        For "region"; by default `suspicious_regions` of the same posterior.
    queries : (n,) bool array, optional
        Samples whose votes count for the gain; by default all.
    random_state : int, numpy.random.Generator or None
        Seed of the random order.

    Returns
    -------
    (n,) int array
        Positions among the labeled samples. Samples of equal rank stay in the order of the data.
    """
    check_choice(by, ORDERS, "by")
    if by == "random":
        return np.random.default_rng(seed_of(random_state)).permutation(len(data.codes))
    if by == "suspicion":
        return np.argsort(-wrong_probability_of(posterior, data.codes), kind="stable")
    gains = relabeling_gains(data, posterior, queries=queries)
    if by == "gain":
        return np.argsort(-gains, kind="stable")
    found = suspicious_regions(data, posterior) if regions is None else regions
    last = len(found.table)
    return np.lexsort((-gains, np.where(found.of_sample < 0, last, found.of_sample)))


def predicted_curve(
    data: LabeledSamples,
    posterior: NDArray[np.floating],
    by: str,
    *,
    n_cleaned: Integers | None = None,
    regions: Regions | None = None,
    draws: int = 4,
    random_state: int | np.random.Generator | None = None,
) -> CleaningCurve:
    """Return the expected K-NN accuracy, for new samples, after cleaning n labels in an order.

    An order by gain is chosen for the votes of these very samples, and gains more among them than among new ones. So
    votes are counted in one random half of the samples after an order by the gains in the other half, and so are those
    of the other half. This is also done within regions.

    Parameters
    ----------
    data, posterior, by
        As in `cleaning_order`.
    n_cleaned : int array, optional
        Numbers of cleaned samples, ascending from 0; by default `default_grid`.
    regions : Regions, optional
        As in `cleaning_order`.
    draws : int, default 4
        Draws of the true labels, at least 2.
    random_state : int, numpy.random.Generator or None
        Seed of the halves, of a random order and of the draws.

    Returns
    -------
    CleaningCurve
    """
    rng, n = np.random.default_rng(seed_of(random_state)), len(data.codes)
    grid = default_grid(n) if n_cleaned is None else n_cleaned
    if by not in ("gain", "region"):
        order = cleaning_order(data, posterior, by, random_state=rng)
        return cleaning_curve(data, posterior, order, name=by, n_cleaned=grid, draws=draws, random_state=rng)
    half = np.zeros(n, dtype=bool)
    half[rng.permutation(n)[: n // 2]] = True
    if by == "region" and regions is None:
        regions = suspicious_regions(data, posterior)
    parts = [
        (cleaning_order(data, posterior, by, regions=regions, queries=~counted), counted) for counted in (half, ~half)
    ]
    return cleaning_curve(data, posterior, parts, name=by, n_cleaned=grid, draws=draws, random_state=rng)
