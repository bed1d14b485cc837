"""What to check first: n labels with the reason for each, and what the plan does not know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Mask
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.diagnosis.relabeling.cost import CleaningCurve, default_grid
from labelnoise.diagnosis.relabeling.gain import relabeling_gains
from labelnoise.diagnosis.relabeling.orders import ORDERS, cleaning_order, predicted_curve
from labelnoise.diagnosis.relabeling.regions import Regions, suspicious_regions
from labelnoise.validation import check_choice, check_count, seed_of

if TYPE_CHECKING:
    import pandas as pd

CONCENTRATED = 0.1
"""Concentration rho from which on, if its interval excludes 0, noise is called concentrated."""
_CLOSE = 0.005
"""Predicted accuracies within half a point do not decide between two orders."""
_CASES = {
    "unknown": (
        "It is not known whether wrong labels are spread or concentrated: labels alone cannot tell. If they are "
        "concentrated, these probabilities are too low where it matters, and this order may be no better than a random "
        "one. Check the samples that Audit.draw chooses first."
    ),
    "spread": (
        "The checked labels do not say that wrong labels are concentrated. Small regions of wrong labels, without a "
        "checked sample in them, remain unknown."
    ),
    "by class": (
        "The checked labels say that wrong rates differ by class, but not that wrong labels lie together within one. "
        "Small regions of wrong labels, without a checked sample in them, remain unknown."
    ),
    "concentrated": (
        "The checked labels say that wrong labels are concentrated. Where no sample was checked, the probabilities "
        "rest on labels that may be wrong together; the regions known are those near checked samples."
    ),
}


@dataclass(frozen=True, eq=False)
class RelabelingPlan:
    """Which labels to check first, in which order and why.

    Attributes
    ----------
    samples : data frame
        One row per sample, the first to be checked first: `index` (row in the user's arrays), `given_label`,
        `suggested_label` (the most probable true class), `wrong_probability`, `gain` (expected number of further votes
        that are right if this label alone is corrected), `expected_accuracy` (of K-NN once all labels of the order down
        to this one are correct, interpolated; answered samples, which are not in the plan, have their place in the
        order), `region` (its number in the table of regions; -1 for none).
    order : str
        The order taken: "gain", "suspicion", "region" or "random".
    case : {"unknown", "spread", "by class", "concentrated"}
        Where the wrong labels lie, as far as an audit says (`where_noise_lies`); "unknown" without one.
    caveat : str
        What the plan does not know.
    curves : dict
        The expected `CleaningCurve` of each order that was compared.
    """

    samples: pd.DataFrame
    order: str
    case: str
    caveat: str
    curves: dict[str, CleaningCurve]


def where_noise_lies(concentration: Estimate | None, by_class: float = 0.0) -> str:
    """Return where wrong labels lie, as an audit says: "unknown" if no label was checked or rho is not known.

    Parameters
    ----------
    concentration : Estimate or None
        The concentration rho.
    by_class : float, default 0
        The rho that comes about if wrong labels are spread within each class, since wrong rates differ by class.

    Returns
    -------
    {"unknown", "concentrated", "spread", "by class"}
        "by class" if there is concentration, and the classes explain it.

    Examples
    --------
    >>> where_noise_lies(None)
    'unknown'
    >>> where_noise_lies(Estimate(0.3, 0.15, 0.45, "interval", 200, "pairs were drawn at random"))
    'concentrated'
    """
    if concentration is None or concentration.n_checked == 0 or not np.isfinite(concentration.value):
        return "unknown"
    if concentration.value < CONCENTRATED or concentration.low <= 0:
        return "spread"
    beyond = concentration.value - by_class >= CONCENTRATED and concentration.low > by_class
    return "concentrated" if beyond else "by class"


def default_plan_size(n_samples: int) -> int:
    """Return the number of labels in a plan of which no number is said: 5 %, and at least 100 if there are so many."""
    return min(n_samples, max(100, n_samples // 20))


def relabeling_plan(
    data: LabeledSamples,
    posterior: NDArray[np.floating],
    n: int,
    *,
    order: str = "auto",
    concentration: Estimate | None = None,
    concentration_by_class: float = 0.0,
    regions: Regions | None = None,
    answered: Mask | None = None,
    random_state: int | np.random.Generator | None = None,
) -> RelabelingPlan:
    """Return which n labels to check first.

    Parameters
    ----------
    data : LabeledSamples
        With neighbors.
    posterior : (n_samples, L) array
        Pr(true = y), rows sum to 1: of `combine_views`, updated by an audit where there is one
        (`with_wrong_probability`).
    n : int
        Number of labels, at most the number of samples.
    order : {"auto", "gain", "suspicion", "region", "random"}, default "auto"
        "auto" takes the order with the highest expected accuracy after n labels. Within half a point of it, regions go
        first where an audit says that noise is concentrated, and gain goes first elsewhere.
    concentration : Estimate, optional
        The concentration rho, from an audit.
    concentration_by_class : float, default 0
        The part of it that wrong rates give which differ by class.
    regions : Regions, optional
        By default `suspicious_regions` of the same posterior.
    answered : (n_samples,) bool array, optional
        Samples that a person has checked already. They are left out of the plan, so it can be shorter than n.
    random_state : int, numpy.random.Generator or None
        Seed of the draws of true labels.

    Returns
    -------
    RelabelingPlan

    Raises
    ------
    ValueError
        n is out of range, the order is unknown, or `data` has no neighbors.
    """
    import pandas as pd

    size = len(data.codes)
    check_choice(order, ("auto", *ORDERS), "order")
    check_count(n, "n", most=size, most_is="the number of labeled samples")
    case = where_noise_lies(concentration, concentration_by_class)
    found = suspicious_regions(data, posterior) if regions is None else regions
    rng = np.random.default_rng(seed_of(random_state))
    first = "region" if case == "concentrated" else "gain"
    compared = [first, *(by for by in ("gain", "region", "suspicion") if by != first)] if order == "auto" else [order]
    if not len(found.table) and order == "auto":
        compared.remove("region")
    grid = np.union1d(default_grid(size), [n])
    curves = {
        by: predicted_curve(data, posterior, by, n_cleaned=grid, regions=found, random_state=rng) for by in compared
    }
    reached = {by: float(curve.at(n)) for by, curve in curves.items()}
    taken = next(by for by in compared if reached[by] >= max(reached.values()) - _CLOSE)
    ranking = cleaning_order(data, posterior, taken, regions=found, random_state=rng)
    places = np.arange(size) if answered is None else np.flatnonzero(~answered[ranking])
    places = places[:n]
    chosen = ranking[places]
    samples = pd.DataFrame(
        {
            "index": data.rows[chosen],
            "given_label": data.classes[data.codes[chosen]],
            "suggested_label": data.classes[posterior[chosen].argmax(axis=1)],
            "wrong_probability": wrong_probability_of(posterior[chosen], data.codes[chosen]),
            "gain": relabeling_gains(data, posterior)[chosen],
            "expected_accuracy": curves[taken].at(places + 1),
            "region": found.of_sample[chosen],
        }
    )
    return RelabelingPlan(samples, taken, case, _CASES[case], curves)
