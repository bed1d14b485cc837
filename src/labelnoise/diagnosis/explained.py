"""A diagnosis in sentences and small tables, ready for JSON, from which a report is made without the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.diagnosis.auditing.audit_size import audit_sizes
from labelnoise.diagnosis.consequences import accuracy_at_concentrations, confused_pairs
from labelnoise.diagnosis.headline import accuracy_now, basis, concentration_text, headline, percent_range

if TYPE_CHECKING:
    from labelnoise.diagnosis.diagnosis import Diagnosis
    from labelnoise.diagnosis.relabeling.plan import RelabelingPlan

COMES_FIRST = {
    "gain": "what turns most votes of neighbors",
    "region": "whole regions of wrong labels, one after the other",
    "suspicion": "the most probably wrong",
}
"""What comes first in each order of a plan."""


def explain(found: Diagnosis, plan: RelabelingPlan | None) -> dict[str, Any]:
    """Return what a diagnosis says beyond its figures.

    Parameters
    ----------
    found : Diagnosis
        The diagnosis.
    plan : RelabelingPlan or None
        What to check first; None without neighbors.

    Returns
    -------
    dict
        Sentences: ``headline``, ``basis``, ``accuracy``, ``concentration``, ``gain`` and ``plan`` (both empty without
        a plan). Tables, as lists of rows: ``confused_pairs``, ``accuracy_at_concentrations`` and ``audit_sizes``. Also
        ``too_weak`` (whether the features are too weak to tell), and ``read`` (what was read, by name).
    """
    return {
        "headline": headline(found),
        "basis": basis(found),
        "accuracy": accuracy_now(found),
        "concentration": _concentration(found),
        "gain": "" if plan is None else _gain(found, plan),
        "plan": "" if plan is None else f"What comes first: {COMES_FIRST[plan.order]}. {plan.caveat}".strip(),
        "confused_pairs": confused_pairs(found).astype({"true_label": str, "given_label": str}).to_dict("records"),
        "accuracy_at_concentrations": accuracy_at_concentrations(found).to_dict("records"),
        "audit_sizes": audit_sizes(found.noise).to_dict("records"),
        "too_weak": found.too_weak,
        "read": _read(found, plan),
    }


def _gain(found: Diagnosis, plan: RelabelingPlan) -> str:
    n, curve = len(plan.samples), plan.curves[plan.order]
    now, then, end = float(curve.accuracy[0]), float(curve.at(n)), float(curve.accuracy[-1])
    text = (
        f"Checking {n:,} labels in the order of the plan is expected to take a vote of {found.data.k} neighbors from "
        f"{100 * now:.1f} to {100 * then:.1f} %"
    )
    text += f"; with all labels checked it would be right for {100 * end:.1f} %." if end > then else "."
    if found.too_weak:
        text += " This rests on probabilities that the features are too weak to support."
    known = found.knn_accuracy
    if known is not None and known.kind == "interval" and not known.low <= now <= known.high:
        text += (
            f" The checked labels say {percent_range(known)} now: the probabilities do not show all of the noise, so "
            "take the curves for the gain, not for the level."
        )
    return text


def _concentration(found: Diagnosis) -> str:
    text, table = concentration_text(found), accuracy_at_concentrations(found)
    if not len(table):
        return text
    measured = table[table["is_measured"]]
    rate = f"With {100 * found.wrong_rate.value:.1f} % of the labels wrong, "
    if len(measured):
        row = measured.iloc[0]
        return (
            f"{text} {rate}a vote of {found.data.k} neighbors is expected to be right for {100 * row['accuracy']:.1f} "
            f"% at this rho, {100 * row['lost']:.1f} points less than if the same labels were spread."
        )
    return (
        f"{text} The table shows what it decides: {rate[0].lower()}{rate[1:]}it is the accuracy that a vote would have."
    )


def _read(found: Diagnosis, plan: RelabelingPlan | None) -> dict[str, str]:
    """Return what was read, by name."""
    data, audit = found.data, found.audit
    left_out = data.n_given - len(data.codes)
    used = [] if data.features is None else [f"{data.features.shape[1]:,} features"]
    used += ["predicted probabilities"] if data.own_pred_probs else []
    n_copies = len(data.codes) - len(np.unique(data.copies))
    facts = {
        "labels": f"{len(data.codes):,}" + (f"; {left_out:,} samples without label are left out" if left_out else ""),
        "classes": f"{data.n_classes:,}",
        "judged by": " and ".join(used),
        "neighbors": "none" if data.neighbors is None else f"{data.k} of each sample",
        "copies": f"{n_copies:,} samples are copies of others; each group counted once" if n_copies else "none",
        "estimated in": found.view,
        "seed": str(found.seed),
        "hash of labels": data.fingerprint,
    }
    if audit is not None:
        counts = f"{audit.n_checked:,} checked, {audit.n_unsure:,} unsure, {audit.n_open:,} open"
        facts["audit"] = f"{len(audit):,} samples: {counts}"
    if plan is None:
        facts["not shown"] = "plan, regions and what checking gains: they need features or neighbors"
    return facts
