"""Columns of features in different units, of which the largest alone would decide who is near."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats

STANDARDIZED = "standardized"
"""The Euclidean distance of features whose columns have been divided by their standard deviations (seuclidean)."""

_ROWS = 10_000  # rows that are turned into float64 at once
_MOST_OF_ALL = 0.9
_FEW = 0.1


def column_moments(rows: NDArray[Any]) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each column, in float64, of rows of any type."""
    parts = [rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS)]
    mean = sum(part.sum(axis=0, dtype=np.float64) for part in parts) / len(rows)
    square = sum(((part - mean) ** 2).sum(axis=0) for part in parts) / len(rows)
    return np.asarray(mean), np.sqrt(np.asarray(square))


def standardized(
    train: NDArray[Any], queries: NDArray[Any] | None, dtype: np.dtype[Any]
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return training samples and queries, less the mean and over the standard deviation of the training columns.

    A column that is the same in all training samples is only shifted.
    """
    mean, deviation = column_moments(train)
    deviation = np.where(deviation > 0, deviation, 1.0)

    def scaled(rows: NDArray[Any]) -> NDArray[Any]:
        found = np.empty(rows.shape, dtype)
        for start in range(0, len(rows), _ROWS):
            found[start : start + _ROWS] = (rows[start : start + _ROWS] - mean) / deviation
        return found

    return scaled(train), None if queries is None else scaled(queries)


def dominant_columns(rows: NDArray[Any]) -> tuple[NDArray[np.intp], float] | None:
    """Return the few columns that hold nearly all of the variance, and their share of it; None if there are none such.

    They are at most a tenth of three or more columns, or one, and hold 90 % of the sum of all variances, which is half
    of the mean squared distance of two samples.

    Examples
    --------
    >>> columns, share = dominant_columns(np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 9.0]]))
    >>> columns, round(share, 3)
    (array([2]), 0.97)
    """
    if rows.ndim != 2 or rows.shape[1] < 3:
        return None
    variances = column_moments(rows)[1] ** 2
    order = np.argsort(-variances, kind="stable")
    total = variances.sum()
    shares = np.cumsum(variances[order]) / total if total > 0 else np.zeros(len(order))
    n = int(np.argmax(shares >= _MOST_OF_ALL)) + 1
    if shares[n - 1] < _MOST_OF_ALL or n > max(1, int(_FEW * rows.shape[1])):
        return None
    return order[:n], float(shares[n - 1])
