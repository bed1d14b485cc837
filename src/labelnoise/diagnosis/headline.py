"""The main figures of a diagnosis in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labelnoise.diagnosis.relabeling.plan import where_noise_lies

if TYPE_CHECKING:
    from labelnoise.diagnosis.diagnosis import Diagnosis
    from labelnoise.diagnosis.estimate import Estimate

_COARSE = 0.02
"""Brackets narrower than this are written with a decimal."""


def headline(found: Diagnosis) -> str:
    """Return one sentence that says how many labels are wrong, or that this is not known."""
    rate, n = found.wrong_rate, len(found.data.codes)
    if rate.kind == "interval":
        return f"{100 * rate.value:.1f} % of {n:,} labels are wrong ({percent_range(rate)})"
    if found.too_weak:
        return f"It is not known how many of {n:,} labels are wrong"
    decimals = 1 if rate.width < _COARSE else 0
    low, high = (f"{100 * end:.{decimals}f}" for end in (rate.low, rate.high))
    if float(low) == 0:
        return f"At most {high} % of {n:,} labels are wrong"
    ends = f"About {low}" if low == high else f"Between {low} and {high}"
    return f"{ends} % of {n:,} labels are wrong"


def percent_range(estimate: Estimate) -> str:
    """Return the range of a share in percent.

    Examples
    --------
    >>> from labelnoise.diagnosis.estimate import Estimate
    >>> percent_range(Estimate(0.174, 0.15, 0.198, "interval", 200, ""))
    '15.0 to 19.8 %'
    """
    return f"{100 * estimate.low:.1f} to {100 * estimate.high:.1f} %"


def percent(estimate: Estimate) -> str:
    """Return an estimate in percent with its range, and what that is.

    Examples
    --------
    >>> from labelnoise.diagnosis.estimate import Estimate
    >>> percent(Estimate(0.2, 0.171, 0.223, "bracket", 0, ""))
    '20.0 % (between 17.1 and 22.3 %; no label was checked)'
    >>> percent(Estimate(0.2, 0.171, 0.223, "interval", 200, ""))
    '20.0 % (95 % interval 17.1 to 22.3 %; 200 labels checked)'
    """
    value, low, high = (f"{100 * number:.1f}" for number in (estimate.value, estimate.low, estimate.high))
    if estimate.kind == "interval":
        return f"{value} % (95 % interval {low} to {high} %; {estimate.n_checked:,} labels checked)"
    return f"{value} % (between {low} and {high} %; no label was checked)"


def rho_interval(rho: Estimate) -> str:
    """Return a concentration with its interval."""
    return f"rho is {rho.value:.2f} (95 % interval {rho.low:.2f} to {rho.high:.2f})"


def basis(found: Diagnosis) -> str:
    """Return what the headline rests on, and what it assumes."""
    rate = found.wrong_rate
    if rate.kind == "interval":
        return f"This is a 95 % interval from {rate.n_checked:,} checked labels. It assumes that {rate.assumption}."
    if found.too_weak:
        judge = "probabilities" if found.data.own_pred_probs else "features"
        return (
            f"No label was checked, and the {judge} hardly tell the classes apart: classes that cannot be told apart "
            "hide wrong labels, and look like them. A few checked labels tell whatever the features are."
        )
    return f"No label was checked. This bracket assumes that {rate.assumption}."


def accuracy_now(found: Diagnosis) -> str:
    """Return a sentence on the accuracy of K-NN with the given labels; empty without neighbors."""
    accuracy = found.knn_accuracy
    if accuracy is None:
        return ""
    if accuracy.kind == "bracket" and found.too_weak:
        return "What they cost is not known either."
    return f"With these labels, a vote of the {found.data.k} nearest neighbors is right for {percent(accuracy)}."


def concentration_text(found: Diagnosis) -> str:
    """Return what is known of the concentration of the wrong labels; without pairs, why it is not, and what tells."""
    case, rho = where_noise_lies(found.concentration, found.concentration_by_class), found.concentration
    if rho is None or case == "unknown":
        why = (
            "no pairs of neighbors were checked" if found.audit is None else "too few checked pairs hold a wrong label"
        )
        text = (
            f"It is not known whether the wrong labels lie together, since {why}. Noisy labels alone cannot tell: a "
            "classifier learns noise that is concentrated, its agreement with the labels rises, and its suspicions "
            "fall. "
        )
        if found.data.neighbors is None:
            return (
                text + "Features are needed for it, beside the probabilities: pairs of neighbors are drawn from them."
            )
        return text + "Pairs of neighbors that a person checks tell: the file of samples to check holds such pairs."
    seen = f"The concentration {rho_interval(rho)}. "
    if case == "by class":
        return seen + (
            f"Wrong rates that differ by class give {found.concentration_by_class:.2f} of it; within each class wrong "
            "labels are spread, and many right neighbors outvote them."
        )
    if case == "spread":
        return seen + "At 0, wrong labels are spread, and many right neighbors outvote them; at 1, they fill regions."
    return seen + "Wrong labels lie together and win votes where they do, so a larger k does not help."
