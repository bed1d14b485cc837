"""Signs that a curve is not what it seems: noisy labels taken as clean, columns in different units, ignored classes.

Noisy labels contradict their neighbors where these agree most.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labelnoise.arrays import Codes, Integers, Mask
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.data.reading import Data
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.scales import STANDARDIZED, dominant_columns

_NAMED = 4
"""Up to this many neglected classes are named."""


def contradicted_share(hoods: Neighbors, train_codes: Codes, test_codes: Codes) -> tuple[float, int]:
    """Return how often a label contradicts its neighbors where these agree most, and of how many samples this is.

    Only the fifth of the test samples with the largest share of neighbors in one class counts. With clean labels and
    features of any use, nearly all of them are of that class, however hard the other samples are.
    """
    near = train_codes[hoods.indices[:, :10]]
    counts = np.stack([(near == code).sum(axis=1) for code in range(int(train_codes.max()) + 1)], axis=1)
    agree = counts.max(axis=1)
    most = agree >= np.quantile(agree, 0.8)
    return float((counts.argmax(axis=1) != test_codes)[most].mean()), int(most.sum())


def scale_doubts(train: Data, metric: str) -> tuple[str, ...]:
    """Return a warning if few columns of a table decide who is near."""
    columns = getattr(train.values, "columns", None)
    few = None if columns is None or metric == STANDARDIZED else dominant_columns(np.asarray(train.values))
    if columns is None or few is None:
        return ()
    names = ", ".join(str(columns[at]) for at in few[0][:3]) + (", ..." if len(few[0]) > 3 else "")
    return (
        f"{len(few[0])} of {len(columns)} columns ({names}) hold {100 * few[1]:.1f} % of the variance, and alone "
        f"decide which samples are neighbors. If columns are in different units, give --metric standardized.",
    )


def label_doubts(hoods: Neighbors, train: Data, test_labels: Any) -> tuple[str, ...]:
    """Return a warning if the given labels look noisy."""
    codes, classes = encode_labels(train.ordered_labels(), name="train_labels")
    truth, _ = encode_labels(test_labels, classes=classes, name="test_labels")
    share, n = contradicted_share(hoods, codes, truth)
    if hoods.k < 3 or share - 2 * np.sqrt(share * (1 - share) / n) < 0.05:
        return ()
    return (
        f"the labels look noisy, or the features say little about them: where the neighbors agree most, "
        f"{100 * share:.0f} % of {n:,} labels contradict them. The accuracies below take the given labels as clean.",
    )


def class_doubts(clean: AccuracyCurve, counts: Integers) -> tuple[str, ...]:
    """Return warnings if the accuracy without noise hides that some classes are hardly recognized.

    Parameters
    ----------
    clean : AccuracyCurve
        Accuracies without noise, at each k.
    counts : (n_classes,) array
        Number of test samples of each class.
    """
    shares, classes = counts / counts.sum(), clean.setting.classes
    doubts, most = [], int(shares.argmax())
    useless = clean.k[clean.accuracy[0] < shares[most] + 1e-9].tolist()
    if useless:
        doubts.append(
            f"even without noise, K = {', '.join(map(str, useless))} is not better than always answering the most "
            f"frequent class {classes[most]}, which {100 * shares[most]:.1f} % of the test samples have."
        )
    low = clean.per_class[0] < clean.accuracy[0][:, None] / 2  # NaN, of a class without test samples, is not low.
    lowest = np.where(low, clean.per_class[0], np.inf).min(axis=0)
    missed = [code for code in np.argsort(lowest, kind="stable").tolist() if low[:, code].any()]
    if missed:
        named = [_recognized(clean, code, shares[code], low[:, code]) for code in missed[:_NAMED]]
        more = f"; and {len(missed) - _NAMED} more classes" if len(missed) > _NAMED else ""
        doubts.append(
            "the accuracy hides classes that are right less than half as often, even without noise: "
            f"{'; '.join(named)}{more}. The JSON has the accuracy of each class as per_class."
        )
    return tuple(doubts)


def _recognized(clean: AccuracyCurve, code: int, share: float, low: Mask) -> str:
    """Return how often a class is recognized at each k where that is seldom."""
    at = [f"{100 * clean.per_class[0, i, code]:.1f} % at K = {clean.k[i]}" for i in np.flatnonzero(low)]
    return f"class {clean.setting.classes[code]}, {100 * share:.1f} % of the test samples ({', '.join(at)})"
