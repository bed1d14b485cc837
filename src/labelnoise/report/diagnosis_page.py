"""The page of a diagnosis: the headline, what was found, what to do, and what is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.diagnosis.audit_size import audit_sizes
from labelnoise.diagnosis.consequences import accuracy_at_concentrations, confused_pairs
from labelnoise.diagnosis.headline import accuracy_now, basis, concentration_text, headline, percent_range
from labelnoise.report.page import Card, Section, write_page

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.diagnosis.diagnosis import Diagnosis
    from labelnoise.diagnosis.plan import RelabelingPlan

_SHOWN = 20  # rows of the plan and of the regions
_ORDERS = {
    "gain": "those first whose correction is expected to turn the most votes of their neighbors",
    "region": "whole regions of wrong labels one after the other",
    "suspicion": "the most probably wrong first",
}


def diagnosis_page(found: Diagnosis, plan: RelabelingPlan | None, files: Mapping[str, Path], path: Path) -> Path:
    """Write the page.

    Parameters
    ----------
    found : Diagnosis
        What is shown.
    plan : RelabelingPlan or None
        What to check first; None without neighbors.
    files : mapping of str to Path
        Figures (SVG) and tables, by name, in the page's folder.
    path : Path
        The page.
    """
    sections = [
        _wrong_rate(files),
        Section("Checks", "", files=_written(files, "checks"), cards=_cards(found)),
        _confusion(found, files),
        _suspicion(found, files),
        *([] if plan is None else [_gain(found, plan, files), _plan(plan, files), _regions(found, files)]),
        _concentration(found),
        _audit(found, files),
        _read(found, plan, files),
    ]
    lead = f"{basis(found)} {accuracy_now(found)}"
    return write_page(path, headline(found), lead.strip(), sections)


def _wrong_rate(files: Mapping[str, Path]) -> Section:
    text = (
        "A bracket lies between two bounds, each right under its own assumption. An interval holds whatever the noise."
    )
    alt = "ranges of the wrong rate on one axis"
    return Section("How many labels are wrong", text, files["wrong_rate"], alt=alt)


def _cards(found: Diagnosis) -> tuple[Card, ...]:
    return tuple(
        Card(row["number"], row["check"], row["status"], tuple((name, row[name]) for name in ("seen", "means", "do")))
        for row in found.checks.to_dict("records")
    )


def _confusion(found: Diagnosis, files: Mapping[str, Path]) -> Section:
    pairs = confused_pairs(found)
    table = pairs.rename(columns=_words).rename(
        columns={"probability": "of the true class", "expected labels": "labels"}
    )
    for column, decimals in (("of the true class", 1), ("labels", 0)):
        scale = 100 if decimals else 1
        table[column] = [
            f"{scale * value:,.{decimals}f}{' %' if decimals else ''}" for value in pairs.iloc[:, 2 if decimals else 3]
        ]
    text = "The probability that a sample of the class in the row is labeled as the class in the column, in percent."
    if found.too_weak:
        text += " The features are too weak to tell: do not rely on it."
    text += (
        " The table lists the pairs with the most wrong labels." if len(pairs) else " No pair of classes is confused."
    )
    return Section(
        "Which label is given for which",
        text,
        files["confusion"],
        table if len(pairs) else None,
        _written(files, "transition_matrix"),
        alt="the transition matrix as an image",
        open_table=True,
    )


def _suspicion(found: Diagnosis, files: Mapping[str, Path]) -> Section:
    n = int((found.posterior.argmax(axis=1) != found.data.codes).sum())
    text = (
        f"Of {len(found.data.codes):,} labels, {n:,} are suspected: another class is more probable than the given one. "
        "Right labels of unusual samples are among them, and wrong labels that nothing contradicts are not."
    )
    alt = "histogram of the probabilities that a label is wrong"
    return Section("Which labels are suspected", text, files["suspicion"], files=_written(files, "samples"), alt=alt)


def _gain(found: Diagnosis, plan: RelabelingPlan, files: Mapping[str, Path]) -> Section:
    n, curve = len(plan.samples), plan.curves[plan.order]
    now, then, end = float(curve.accuracy[0]), float(curve.at(n)), float(curve.accuracy[-1])
    text = (
        f"Checking {n:,} labels in the order of the plan is expected to take a vote of {found.data.k} neighbors from "
        f"{100 * now:.1f} to {100 * then:.1f} %; with all labels checked it would be right for {100 * end:.1f} %."
    )
    if found.too_weak:
        text += " This rests on probabilities that the features are too weak to support."
    known = found.knn_accuracy
    if known is not None and known.kind == "interval" and not known.low <= now <= known.high:
        text += (
            f" The checked labels say {percent_range(known)} now: the probabilities do not show all of the noise, so "
            "take the curves for the gain, not for the level."
        )
    return Section(
        "What checking labels gains",
        text,
        files["accuracy_gained"],
        files=_written(files, "cleaning"),
        alt="expected accuracy against the number of labels checked, in several orders",
    )


def _plan(plan: RelabelingPlan, files: Mapping[str, Path]) -> Section:
    rows = plan.samples.head(_SHOWN)
    text = (
        f"The first {len(rows)} of {len(plan.samples):,}, {_ORDERS[plan.order]}. Gain is the expected number of "
        f"neighbors' votes that one correction sets right. {plan.caveat}"
    )
    table = rows.drop(columns=["expected_accuracy"] + ([] if (rows["region"] >= 0).any() else ["region"]))
    table = _rounded(table, {"wrong_probability": 3, "gain": 2}).rename(columns=_words)
    return Section("What to check first", text, None, table, _written(files, "plan"), open_table=True)


def _regions(found: Diagnosis, files: Mapping[str, Path]) -> Section:
    n = len(found.regions)
    if not n:
        text = "There is no region in which most labels are suspected. Regions that learned noise fills do not show"
        return Section("Regions of wrong labels", f"{text} until labels in them are checked.", files=())
    rows = found.regions.head(_SHOWN)
    table = _rounded(rows, {"wrong_probability": 3, "expected_wrong": 0, "gain": 4}).rename(columns=_words)
    text = (
        f"{n:,} connected neighborhoods in which most labels are probably wrong; those that gain most per label come "
        "first. Gain is the expected change of the accuracy once a region is relabeled; center is the row to look at."
    )
    return Section("Regions of wrong labels", text, None, table, _written(files, "regions"), open_table=True)


def _concentration(found: Diagnosis) -> Section:
    text, table = concentration_text(found), accuracy_at_concentrations(found)
    if not len(table):
        return Section("Whether wrong labels lie together", text)
    measured = table[table["is_measured"]]
    rate = f"With {100 * found.wrong_rate.value:.1f} % of the labels wrong, "
    if len(measured):
        row = measured.iloc[0]
        text += (
            f" {rate}a vote of {found.data.k} neighbors is expected to be right for {100 * row['accuracy']:.1f} % at "
            f"this rho, {100 * row['lost']:.1f} points less than if the same labels were spread."
        )
    else:
        text += (
            f" The table shows what it decides: {rate[0].lower()}{rate[1:]}it is the accuracy that a vote would have."
        )
    shown = _rounded(table.drop(columns="is_measured"), {"concentration": 2}, {"accuracy": 1, "lost": 1})
    shown = shown.rename(columns={"concentration": "rho", "lost": "lost to concentration (points)"})
    if len(measured):
        shown["rho"] = [
            f"{rho} (measured)" if here else rho for rho, here in zip(shown["rho"], table["is_measured"], strict=True)
        ]
    return Section("Whether wrong labels lie together", text, None, shown, open_table=True)


def _audit(found: Diagnosis, files: Mapping[str, Path]) -> Section:
    sizes = audit_sizes(found.noise)
    table = sizes.assign(width=[f"\N{PLUS-MINUS SIGN} {50 * width:.2g} points" for width in sizes["width"]])
    for column in ("predicted", "worst"):
        table[column] = [f"{count:,}" for count in sizes[column]]
    table.columns = ["interval of the wrong rate", "labels to check, if the estimates are right", "at worst"]
    text = (
        "A person says the true label of samples that were drawn; what is estimated from them holds whatever the noise."
    )
    if "audit" in files:
        text += (
            f" The samples to check next are in {files['audit'].name}: fill in its column true_label, from the top "
            "down, in any spreadsheet, and diagnose again with it."
        )
    audit = (files["audit"],) if "audit" in files else ()
    return Section("How many labels to check", text, None, table, audit, open_table=True)


def _read(found: Diagnosis, plan: RelabelingPlan | None, files: Mapping[str, Path]) -> Section:
    data, audit = found.data, found.audit
    left_out = data.n_given - len(data.codes)
    used = [] if data.features is None else [f"{data.features.shape[1]:,} features"]
    used += ["predicted probabilities"] if data.own_pred_probs else []
    n_copies = len(data.codes) - len(np.unique(data.copies))
    facts = [
        ("labels", f"{len(data.codes):,}" + (f"; {left_out:,} samples without label are left out" if left_out else "")),
        ("classes", f"{data.n_classes:,}"),
        ("judged by", " and ".join(used)),
        ("neighbors", "none" if data.neighbors is None else f"{data.k} of each sample"),
        ("copies", f"{n_copies:,} samples are copies of others; each group counted once" if n_copies else "none"),
        ("estimated in", found.view),
        ("seed", str(found.seed)),
        ("hash of labels", data.fingerprint),
    ]
    if audit is not None:
        counts = f"{audit.n_checked:,} checked, {audit.n_unsure:,} unsure, {audit.n_open:,} open"
        facts.append(("audit", f"{len(audit):,} samples: {counts}"))
    if plan is None:
        facts.append(("not shown", "plan, regions and what checking gains: they need features or neighbors"))
    return Section("What was read", "", files=(files["json"],), facts=tuple(facts))


def _rounded(
    table: pd.DataFrame, decimals: Mapping[str, int], percent: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Return a table with some columns as text with so many decimals, or in percent."""
    texts = {name: [f"{value:,.{digits}f}" for value in table[name]] for name, digits in decimals.items()}
    for name, digits in (percent or {}).items():
        texts[name] = [f"{100 * value:.{digits}f}" for value in table[name]]
    return table.assign(**texts)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _written(files: Mapping[str, Path], name: str) -> tuple[Path, ...]:
    """Return the CSV file of a table and the Parquet file beside it."""
    return (files[name], files[name].with_suffix(".parquet"))
