"""Numbered checks of labels: what was seen, what it means, what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.arrays import Integers
from labelnoise.class_names import alike, said
from labelnoise.diagnosis.consequences import confused_pairs
from labelnoise.diagnosis.copies import conflicting
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.relabeling.plan import where_noise_lies
from labelnoise.neighborhoods.scales import STANDARDIZED, dominant_columns

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.diagnosis.diagnosis import Diagnosis

OK, NOTE, PROBLEM, UNKNOWN = "ok", "note", "problem", "unknown"
SMALL_CLASS = 20
"""A class of fewer labels is too small for a row of T, or for a rate of its own."""
_FEW_WRONG, _MANY_WRONG = 0.02, 0.1
_CONFUSED = 0.05
_BETTER = "use features of a pretrained network (labelnoise features), or draw an audit"
_MISALIGNED = 0.5


@dataclass(frozen=True)
class Check:
    """What one check saw, what that means, and what to do."""

    status: str
    seen: str
    means: str
    do: str


def _names(found: Diagnosis, codes: Integers, most: int = 5) -> str:
    """List classes by name, the first few of many."""
    texts = [str(label) for label in found.data.classes[codes[:most]].tolist()]
    return ", ".join(texts) + (f" and {len(codes) - most} more" if len(codes) > most else "")


def _have(n: int) -> str:
    return "1 class has" if n == 1 else f"{n} classes have"


def wrong_rate(found: Diagnosis) -> Check:
    """How many labels are wrong."""
    rate = found.wrong_rate
    seen = f"{100 * rate.low:.1f} to {100 * rate.high:.1f} % of the labels are wrong ({rate.kind})"
    if found.too_weak and rate.kind == "bracket":
        return Check(
            UNKNOWN,
            "the features hardly tell the classes apart",
            "the wrong rate cannot be estimated from them",
            f"{_BETTER}: its interval needs no features",
        )
    if rate.low > _MANY_WRONG:
        means = "wrong labels cost accuracy wherever they are many in one neighborhood"
        return Check(PROBLEM, seen, means, "follow the plan: it lists what to relabel first")
    if rate.high <= _FEW_WRONG:
        return Check(OK, seen, "few labels are wrong", "nothing")
    do = "check the suspected ones first" if rate.kind == "interval" else "draw an audit: 200 checked labels narrow it"
    return Check(NOTE, seen, "some labels are wrong", do)


def confused_classes(found: Diagnosis) -> Check:
    """Which class is given instead of which."""
    if found.too_weak:
        return Check(UNKNOWN, "the features hardly tell the classes apart", "confusions cannot be seen", _BETTER)
    table = confused_pairs(found)
    table = table[table["probability"] >= _CONFUSED].head(5)
    if table.empty:
        seen = f"no class is given for another in more than {100 * _CONFUSED:g} %"
        return Check(OK, seen, "no pair stands out", "nothing")
    rows = zip(*(table[name].tolist() for name in ("true_label", "given_label", "probability")), strict=True)
    seen = "; ".join(f"{true} labeled {given}: {100 * probability:.0f} %" for true, given, probability in rows)
    do = "write down how they differ, and recheck their labels"
    return Check(NOTE, seen, "these classes are confused most", do)


def concentration(found: Diagnosis) -> Check:
    """Whether wrong labels lie together."""
    case = where_noise_lies(found.concentration, found.concentration_by_class)
    if case == "unknown" or found.concentration is None:
        seen = "no pairs of neighbors were checked, or too few of them were wrong"
        means = "noisy labels alone cannot tell: a classifier learns noise that is concentrated"
        return Check(UNKNOWN, seen, means, "draw an audit with pairs (labelnoise diagnose writes audit.csv)")
    rho = found.concentration
    seen = f"rho is {rho.value:.2f} ({rho.low:.2f} to {rho.high:.2f})"
    if case == "by class":
        seen += f", of which {found.concentration_by_class:.2f} come from wrong rates that differ by class"
        means = "within each class wrong labels are spread: many neighbors outvote them where most labels are right"
        return Check(NOTE, seen, means, "recheck how the classes with most wrong labels are labeled")
    if case == "spread":
        return Check(OK, seen, "wrong labels are spread: a vote of many neighbors outvotes them", "a larger k helps")
    means = "wrong labels lie together: they win votes, and a larger k does not help"
    return Check(PROBLEM, seen, means, "relabel whole regions (table of regions)")


def mostly_wrong(found: Diagnosis) -> Check:
    """Classes whose labels are wrong more often than not; of small ones nothing can be said."""
    if found.too_weak:
        return Check(UNKNOWN, "the features hardly tell the classes apart", "wrong labels cannot be seen", _BETTER)
    codes, n_classes = found.data.codes, found.data.n_classes
    given = np.bincount(codes, minlength=n_classes)
    wrong = np.bincount(codes, weights=wrong_probability_of(found.posterior, codes), minlength=n_classes)
    bad = np.flatnonzero((given >= SMALL_CLASS) & (wrong > 0.5 * given))
    if not len(bad):
        seen = f"in every class of {SMALL_CLASS} labels and more, most are right"
        return Check(OK, seen, "the estimates assume this", "nothing")
    means = "these labels mean another class more often than their own, or the class cannot be told by these features"
    return Check(
        PROBLEM, f"more than half are wrong in {_names(found, bad)}", means, "recheck how this class is labeled"
    )


def copies(found: Diagnosis) -> Check:
    """Copies of one sample with different labels."""
    data = found.data
    groups = np.bincount(data.copies)
    n_copies = int(groups[groups > 1].sum())
    clash = conflicting(data.copies, data.codes)
    if len(clash):
        rows = ", ".join(map(str, data.rows[clash[:6]].tolist()))
        seen = f"{len(clash)} of {n_copies} samples with copies are labeled differently, first rows {rows}"
        return Check(PROBLEM, seen, "at least one label of each group is wrong", "decide on one label for each group")
    if n_copies:
        means = "they counted once in the estimates; in a test set they would flatter accuracy"
        return Check(
            NOTE, f"{n_copies} samples are copies of others, with equal labels", means, "keep one of each group"
        )
    return Check(OK, "no copies", "every sample counts once", "nothing")


def small_classes(found: Diagnosis) -> Check:
    """Classes with too few labels to say anything of."""
    sizes = np.bincount(found.data.codes, minlength=found.data.n_classes)
    small = np.flatnonzero((sizes > 0) & (sizes < SMALL_CLASS))
    empty = int((sizes == 0).sum())
    without = f"; {_have(empty)} no label" if empty else ""
    if not len(small):
        seen = f"the smallest class has {sizes[sizes > 0].min()} labels{without}"
        return Check(OK, seen, "each class can be estimated", "nothing")
    seen = f"{_have(len(small))} fewer than {SMALL_CLASS} labels: {_names(found, small)}{without}"
    return Check(
        NOTE, seen, "their rows of T and their suggested labels are not to be trusted", "collect more, or merge"
    )


def weak_features(found: Diagnosis) -> Check:
    """Whether the features tell the classes apart."""
    seen = f"the class of {100 * found.certain_share:.0f} % of the samples is certain by the features (above 0.9)"
    hidden = found.uncertain_classes
    if len(hidden):
        seen += f", but hardly ever if it is {_names(found, hidden)}"
    if found.too_weak:
        means = "labels that contradict such features are no evidence: the wrong rate is not known"
        return Check(PROBLEM, seen, means, _BETTER)
    return Check(OK, seen, "the features tell enough classes apart to see wrong labels", "nothing")


def misaligned_columns(found: Diagnosis) -> Check:
    """Whether columns of pred_probs seem to be those of another class."""
    if not found.data.own_pred_probs:
        return Check(OK, "the probabilities were fitted here", "their columns are those of the classes", "nothing")
    n_classes = found.data.n_classes
    counts = np.zeros((n_classes, n_classes))
    np.add.at(counts, (found.data.codes, found.data.pred_probs.argmax(axis=1)), 1)
    sizes = counts.sum(axis=1)
    share = counts / np.maximum(sizes, 1)[:, None]
    best = share.argmax(axis=1)
    moved = np.flatnonzero((sizes >= SMALL_CLASS) & (best != np.arange(n_classes)) & (share.max(axis=1) > _MISALIGNED))
    if not len(moved):
        agreement = float((found.data.pred_probs.argmax(axis=1) == found.data.codes).mean())
        return Check(OK, f"{100 * agreement:.0f} % of the labels are the most probable class", "columns fit", "nothing")
    seen = f"samples labeled {_names(found, moved)} are mostly predicted as {_names(found, best[moved])}"
    return Check(
        PROBLEM, seen, "columns of pred_probs are perhaps in another order", "pass classes, or name the columns"
    )


def checkers(found: Diagnosis) -> Check:
    """Whether people who check labels agree."""
    differ = None if found.audit is None else found.audit.disagreement
    if differ is None:
        seen = "no label was checked" if found.audit is None else "no checked label was checked by another person"
        do = "nothing" if found.audit is None else "have a second person fill in second_opinion for 30 of them"
        return Check(UNKNOWN, seen, "intervals take the checked labels for true", do)
    seen = f"of {differ.n_checked} labels that two people checked, they see {100 * differ.value:.0f} % differently"
    seen += f" ({100 * differ.low:.0f} to {100 * differ.high:.0f} %)"
    if differ.value <= _FEW_WRONG:
        return Check(OK, seen, "the checked labels can be taken for true", "nothing")
    means = f"each errs in about {50 * differ.value:.0f} %: the wrong rate may be off by as much, beyond its interval"
    status = PROBLEM if differ.value > _MANY_WRONG else NOTE
    return Check(
        status, seen, means, "settle the labels that differ, and say in writing how the classes are told apart"
    )


def class_names(found: Diagnosis) -> Check:
    """Whether classes may be one class, written differently."""
    groups = alike(found.data.classes)
    if not groups:
        return Check(OK, "no two names differ only in case, spaces or hyphens", "each is a class of its own", "nothing")
    means = "if they are one class, most of its labels count as wrong, and the classes as confused"
    return Check(PROBLEM, f"written differently: {said(groups)}", means, "write one class one way in the labels")


def feature_scales(found: Diagnosis) -> Check:
    """Whether a few columns decide who is near."""
    data = found.data
    if data.features is None or data.neighbors is None:
        return Check(UNKNOWN, "no features to measure", "the neighbors are as they were passed", "nothing")
    if data.neighbors.metric == STANDARDIZED:
        return Check(OK, "distances are of standardized columns", "all columns count alike", "nothing")
    few = dominant_columns(data.features)
    if few is None:
        return Check(OK, "no few columns hold most of the variance", "distances are of all columns", "nothing")
    columns, share = few
    which = ", ".join(map(str, columns[:5].tolist())) + (", ..." if len(columns) > 5 else "")
    seen = (
        f"{len(columns)} of {data.features.shape[1]} columns ({which}, from 0) hold {100 * share:.1f} % of the variance"
    )
    means = "they alone decide which samples are neighbors"
    return Check(NOTE, seen, means, "if columns are in different units: metric standardized")


CHECKS: dict[str, Callable[[Diagnosis], Check]] = {
    "wrong rate": wrong_rate,
    "confused classes": confused_classes,
    "concentration": concentration,
    "classes mostly wrong": mostly_wrong,
    "copies": copies,
    "classes too small": small_classes,
    "features too weak": weak_features,
    "columns of pred_probs": misaligned_columns,
    "checkers": checkers,
    "class names": class_names,
    "feature scales": feature_scales,
}


def run_checks(found: Diagnosis) -> pd.DataFrame:
    """Return one row per check.

    Columns: number, check, status ("ok", "note", "problem" or "unknown"), seen, means, do.
    """
    import pandas as pd

    results = [(name, check(found)) for name, check in CHECKS.items()]
    return pd.DataFrame(
        [
            {
                "number": number,
                "check": name,
                "status": result.status,
                "seen": result.seen,
                "means": result.means,
                "do": result.do,
            }
            for number, (name, result) in enumerate(results, start=1)
        ]
    )
