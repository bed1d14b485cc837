"""Signs that a curve is not what it seems: labels taken as clean that are noisy, and columns in different units.

Noisy labels contradict their neighbors where these agree most.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from labelnoise.arrays import Codes
from labelnoise.data.reading import Data
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.scales import STANDARDIZED, dominant_columns


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
