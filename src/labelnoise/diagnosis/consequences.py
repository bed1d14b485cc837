"""Tables behind the page of a diagnosis: what concentration would cost, and which classes are confused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.curves.predicted import accuracy_curve
from labelnoise.diagnosis.estimation.level import simplest
from labelnoise.noise import MatrixNoise

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.diagnosis.diagnosis import Diagnosis

_DEGREES = (0.0, 0.1, 0.3, 0.6, 1.0)
_CLOSE = 0.005
"""A measured rho as near as this to one of the degrees is taken for it."""
_MOST_CELLS = 40_000
"""Samples times classes for which votes are predicted; more do not change the accuracy by half a point."""


def accuracy_at_concentrations(found: Diagnosis) -> pd.DataFrame:
    """Return what K-NN reaches if the wrong labels are spread, concentrated, and as concentrated as they were found.

    Section 8 with the diagnosis' own figures: clean distributions are p(y | x), true classes are the suggested ones, a
    wrong label is drawn from T without its diagonal, and labels of every class are wrong at the same rate.

    Parameters
    ----------
    found : Diagnosis
        The diagnosis.

    Returns
    -------
    data frame
        Columns: concentration (rho), accuracy, lost (accuracy at rho 0 minus this one), and is_measured (whether this
        is the rho of the audit). Empty if the features are too weak to know the class of a sample.
    """
    import pandas as pd

    if found.too_weak:
        return pd.DataFrame(columns=["concentration", "accuracy", "lost", "is_measured"])
    n, n_classes = found.noise.class_probability.shape
    size = min(n, max(1, _MOST_CELLS // n_classes))
    chosen = np.sort(np.random.default_rng(found.seed).choice(n, size, replace=False))
    degrees, measured = list(_DEGREES), None
    if found.concentration is not None:
        rho = float(np.clip(found.concentration.value, 0, 1))
        measured = next((degree for degree in _DEGREES if abs(degree - rho) < _CLOSE), rho)
        degrees = sorted({*_DEGREES, measured})
    noise = MatrixNoise(wrong_label_matrix(found.transition_matrix))
    truth = found.posterior[chosen].argmax(axis=1)
    clean = found.noise.class_probability[chosen].astype(np.float64)
    clean /= clean.sum(axis=1, keepdims=True)
    accuracy = np.array(
        [
            accuracy_curve(
                clean,
                truth,
                noise,
                [found.wrong_rate.value],
                found.data.k,
                concentration=rho,
                classes=np.arange(n_classes),
            ).accuracy.item()
            for rho in degrees
        ]
    )
    return pd.DataFrame(
        {
            "concentration": degrees,
            "accuracy": accuracy,
            "lost": accuracy[0] - accuracy,
            "is_measured": [rho == measured for rho in degrees],
        }
    )


def wrong_label_matrix(transition: Floats) -> Floats:
    """Return Pr(given z | true y, the label is wrong): T without its diagonal, rows normalized.

    A row without wrong labels becomes even.
    """
    n_classes = len(transition)
    wrong = np.where(np.eye(n_classes, dtype=bool), 0.0, transition)
    total = wrong.sum(axis=1, keepdims=True)
    even = simplest(np.zeros((n_classes, n_classes)), np.ones(n_classes))
    return np.where(total > 0, wrong / np.where(total > 0, total, 1.0), even)


def confused_pairs(found: Diagnosis, n: int = 10) -> pd.DataFrame:
    """Return the n pairs of classes of which most labels are expected to be confused.

    Columns: true_label, given_label, probability (T[true, given]), and expected_labels (how many given labels are of
    this kind, by Pr(true class) of each sample). Pairs of less than one label are left out.
    """
    import pandas as pd

    counts = expected_counts(found)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:n]
    true, given = np.unravel_index(order[counts.ravel()[order] >= 1], counts.shape)
    return pd.DataFrame(
        {
            "true_label": found.data.classes[true],
            "given_label": found.data.classes[given],
            "probability": found.transition_matrix[true, given],
            "expected_labels": counts[true, given],
        }
    )


def expected_counts(found: Diagnosis) -> Floats:
    """Return the expected number of samples of each true class (rows) with each given label (columns), (L, L)."""
    n_classes = found.data.n_classes
    counts = np.zeros((n_classes, n_classes))
    order = np.argsort(found.data.codes, kind="stable")
    bounds = np.searchsorted(found.data.codes[order], np.arange(n_classes + 1))
    for code in range(n_classes):
        counts[:, code] = found.posterior[order[bounds[code] : bounds[code + 1]]].sum(axis=0, dtype=np.float64)
    return counts


def most_confused(found: Diagnosis, n: int) -> Integers:
    """Return the codes of the n classes with the most labels confused, as true or as given class, ascending."""
    counts = expected_counts(found)
    np.fill_diagonal(counts, 0)
    involved = counts.sum(axis=0) + counts.sum(axis=1)
    chosen: Codes = np.sort(np.argsort(-involved, kind="stable")[:n])
    return chosen
