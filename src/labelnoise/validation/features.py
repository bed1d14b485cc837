"""Features, one row per sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.validation.numbers import check_numeric

LARGE = 2**30
"""Bytes above which no copy of all features is made; they are turned into floats in parts."""

_ROWS = 8192  # checked at once


def check_features(features: Any, name: str = "features") -> Features:
    """Return finite features of shape (n_samples, n_features), as C-contiguous float32 or float64.

    Samples with several axes (images) are flattened. float16, float32, 8-bit integers and booleans become float32,
    others float64.
    """
    return as_features(*check_feature_rows(features, name), name)


def check_feature_rows(features: Any, name: str = "features") -> tuple[NDArray[Any], np.dtype[np.floating[Any]]]:
    """Return features of shape (n_samples, n_features) in their own type, and the type of floats they are to have.

    `check_features` says which types these are. Values are not looked at, and those of a file that is mapped into
    memory are not read.
    """
    if hasattr(features, "toarray"):
        raise TypeError(f"`{name}` must be a dense array; got a sparse one. Pass {name}.toarray().")
    array = check_numeric(features, name)
    if array.ndim < 2 or array.shape[0] == 0 or 0 in array.shape[1:]:
        raise ValueError(
            f"`{name}` must have shape (n_samples, n_features), both at least 1; got {array.shape}."
            + (" A single feature? Pass features.reshape(-1, 1)." if array.ndim == 1 else "")
        )
    single = array.dtype in (np.float32, np.float16, np.uint8, np.int8, bool)
    return array.reshape(len(array), -1), np.dtype(np.float32 if single else np.float64)


def needs_large_copy(rows: NDArray[Any], dtype: np.dtype[np.floating[Any]]) -> bool:
    """Return whether rows become C-contiguous and of a type only by a copy of more than `LARGE` bytes."""
    return rows.size * dtype.itemsize > LARGE and not (rows.dtype == dtype and rows.flags.c_contiguous)


def check_features_or_keep(features: Any, name: str = "features") -> NDArray[Any]:
    """Return what `check_features` does, but features whose copy would exceed `LARGE` bytes in their own type.

    Whoever uses them turns the rows that it needs into floats.
    """
    rows, dtype = check_feature_rows(features, name)
    if not needs_large_copy(rows, dtype):
        return as_features(rows, dtype, name)
    for start in range(0, len(rows), _ROWS):
        check_finite(rows[start : start + _ROWS].astype(dtype), name, start)
    return rows


def as_features(rows: NDArray[Any], dtype: np.dtype[np.floating[Any]], name: str) -> Features:
    """Return rows that `check_feature_rows` returned in a type of floats; raise a ValueError over NaN or infinity."""
    flat: Features = np.ascontiguousarray(rows, dtype=dtype)
    for start in range(0, len(flat), _ROWS):  # A mask of all features would take a quarter of their memory.
        check_finite(flat[start : start + _ROWS], name, start)
    return flat


def check_finite(features: Features, name: str, first: int = 0) -> None:
    """Raise a ValueError if features hold NaN or infinity; `first` is the number of their first row."""
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        row = first + int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"`{name}` must be finite; row {row} holds NaN or infinity. Drop or impute such samples first."
        )
