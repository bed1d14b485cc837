"""Rows of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import bdtr

from labelnoise.arrays import Codes, Floats
from labelnoise.validation.numbers import as_floats

SUM_TOLERANCE = 1e-4
"""Largest deviation of a probability row's sum from 1 that is normalized away, unless the entries are rounded."""

BEYOND_DOUBT = 1e-6
"""A probability so small that what has it is not put down to chance."""


def check_distributions(values: Any, name: str, *, n_columns: int | None = None) -> Floats:
    """Return rows of probabilities of shape (..., L), each normalized to sum to 1 up to rounding.

    A sum may deviate from 1 by `SUM_TOLERANCE`, or by what rounding explains: two machine epsilons if all entries are
    numbers of float16 or of bfloat16, whatever type holds them now; half a unit of the last decimal per entry, at most
    0.05, if all have the same 2 to 5 decimals. A larger deviation is an error that names the row, as are an entry that
    is negative or NaN.
    """
    rows = as_floats(values, name, "an array of probabilities")
    if rows.ndim == 0 or rows.shape[-1] == 0:
        raise ValueError(f"`{name}` must have shape (..., n_classes) with at least one class; got {rows.shape}.")
    if n_columns is not None and rows.shape[-1] != n_columns:
        raise ValueError(f"`{name}` must have {n_columns} columns, one per class; got {rows.shape[-1]}.")
    flat = rows.reshape(-1, rows.shape[-1])
    sums = flat.sum(axis=1)
    if not np.isfinite(sums).all():
        row = int(np.flatnonzero(~np.isfinite(sums))[0])
        raise ValueError(f"`{name}` must hold finite probabilities; row {row} holds NaN or infinity.")
    lowest = flat.min(axis=1, initial=0.0)
    if (lowest < 0).any():
        row = int(np.flatnonzero(lowest < 0)[0])
        logarithms = (flat <= 0).all() and (np.abs(np.exp(flat).sum(axis=1) - 1) < 0.05).all()
        cure = "Logarithms? Pass np.exp of them." if logarithms else "Logits? Apply a softmax to each row first."
        raise ValueError(f"`{name}` must not be negative; row {row} holds {lowest[row]:g}. {cure}")
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        too_low, too_high = _rounding(flat)
        off &= (sums < 1 - too_low) | (sums > 1 + too_high)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise ValueError(
            f"`{name}` rows must sum to 1 (within {SUM_TOLERANCE:g}, or what rounding explains); row {row} sums to "
            f"{sums[row]:.6g}. {_cure_of_sums(flat, sums)}"
        )
    return rows / sums.reshape((*rows.shape[:-1], 1))


def _rounding(flat: Floats) -> tuple[Any, Any]:
    """Return how much less, and more, than 1 rows may sum to because their entries were rounded."""
    with np.errstate(over="ignore"):
        single = flat.astype(np.float32)
        if (single.astype(np.float16) == flat).all():
            return (2 * float(np.finfo(np.float16).eps),) * 2
    if (single == flat).all() and not (single.view(np.uint32) & 0xFFFF).any():  # bfloat16 is the upper half of float32
        return 2 * 2.0**-7, 2 * 2.0**-7
    for decimals in (2, 3, 4, 5):
        whole = flat * 10**decimals
        if (np.abs(whole - np.round(whole)) <= 1e-7 * 10**decimals).all():
            unit = 0.5 * 10**-decimals + 1e-7
            return min(unit * flat.shape[1], 0.05), np.minimum(unit * (flat > 0).sum(axis=1), 0.05)
    return 0.0, 0.0


def _cure_of_sums(flat: Floats, sums: Floats) -> str:
    """Return what to do with rows that do not sum to 1."""
    if np.allclose(sums, 100, atol=2):
        return "Percentages? Divide them by 100."
    if (flat == np.round(flat)).all() or np.allclose(sums, sums[0], rtol=0.01):
        return "If these are counts or scores, divide each row by its sum."
    return "Logits? Apply a softmax to each row first. Scores or counts? Divide each row by its sum."


def argmax_agreement(pred_probs: Floats, codes: Codes) -> float:
    """Return the share of samples whose label is the most probable class of their row.

    Parameters
    ----------
    pred_probs : (n_samples, n_classes) array
        Probabilities, columns in code order.
    codes : (n_samples,) int array
        Labels 0..n_classes-1.
    """
    return float((pred_probs.argmax(axis=1) == codes).mean())


def check_agreement(pred_probs: Floats, codes: Codes, name: str, labels_name: str = "labels") -> None:
    """Raise a ValueError if labels agree with the rows' most probable classes less often than by chance, beyond doubt.

    By chance, labels would agree as often as if the rows were shuffled. A weak model is at chance, not below.
    """
    n, n_classes = pred_probs.shape
    agreement = argmax_agreement(pred_probs, codes)
    predicted = np.bincount(pred_probs.argmax(axis=1), minlength=n_classes) / n
    chance = float(predicted @ np.bincount(codes, minlength=n_classes)) / n
    if bdtr(round(agreement * n), n, chance) < BEYOND_DOUBT:
        raise ValueError(
            f"`{name}` must have the columns of the classes in order, and rows of the same samples as `{labels_name}`; "
            f"the labels are the most probable class of their row for {agreement:.1%} of {n} samples, and would be for "
            f"{chance:.1%} by chance. Check the order of the columns (pass classes=[...], the classes in this order, "
            f"on the command line --classes, or a data frame whose columns are named) and of the samples."
        )


def check_row_stochastic(matrix: Any, name: str) -> Floats:
    """Return a square matrix with distributions as rows: entry [i, j] is Pr(noisy = j | clean = i)."""
    array = as_floats(matrix, name, "a square matrix of probabilities")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] == 0:
        raise ValueError(
            f"`{name}` must be a square matrix, one row and one column per class; got shape {array.shape}."
        )
    rows, columns = array.sum(axis=1), array.sum(axis=0)
    if (np.abs(rows - 1) > SUM_TOLERANCE).any() and (np.abs(columns - 1) <= SUM_TOLERANCE).all():
        row = int(np.argmax(np.abs(rows - 1)))
        raise ValueError(
            f"`{name}` rows must sum to 1; row {row} sums to {rows[row]:.6g}, and it is the columns that sum to 1 "
            f"(cleanlab's noise_matrix does). Pass its transpose."
        )
    return check_distributions(array, name)
