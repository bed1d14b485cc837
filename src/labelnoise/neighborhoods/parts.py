"""A search among features of any type, which are turned into floats in parts where a copy of all would be large.

The nearest of all samples are the nearest among the nearest of each part, by distance and then by position. The search
in each part is exact, so the result is that of a search among all samples at once, to the last bit.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats
from labelnoise.neighborhoods.search import index_type, search_neighbors, squared_lengths
from labelnoise.validation import check_finite, needs_large_copy

_PART = 2**28  # Bytes of features that are turned into floats at once.

Found = tuple[NDArray[np.signedinteger[Any]], Floats]
"""Indices and distances of the nearest training samples, (n_queries, k)."""


def check_values(rows: NDArray[Any], dtype: np.dtype[Any], metric: str, name: str) -> None:
    """Raise a ValueError over values that cannot be searched, without a copy of all of them."""
    step = _rows_of_a_part(rows, dtype)
    for first in range(0, len(rows), step):
        part = np.ascontiguousarray(rows[first : first + step], dtype=dtype)
        check_finite(part, name, first)
        squared_lengths(part, metric == "cosine", name, first)


def search_rows(
    train: NDArray[Any],
    queries: NDArray[Any] | None,
    dtype: np.dtype[Any],
    *,
    first_own: int | None,
    k: int,
    cosine: bool,
) -> Found:
    """Return what `search_neighbors` finds for rows of any type, whose values are checked; None: every training row."""
    if not needs_large_copy(train, dtype):
        whole = np.ascontiguousarray(train, dtype=dtype)
        asked = whole if queries is None else np.ascontiguousarray(queries, dtype=dtype)
        return search_neighbors(whole, asked, first_own=first_own, k=k, cosine=cosine)
    asked = train if queries is None else queries
    shape = len(asked), k
    indices, distances = np.empty(shape, index_type(len(train))), np.empty(shape)
    step = _rows_of_a_part(asked, dtype)
    for first in range(0, len(asked), step):
        some = slice(first, first + step)
        own = None if first_own is None else first_own + first
        part = np.ascontiguousarray(asked[some], dtype=dtype)
        indices[some], distances[some] = _search_parts(train, part, own, k, cosine)
    return indices, distances


def _search_parts(train: NDArray[Any], queries: Floats, first_own: int | None, k: int, cosine: bool) -> Found:
    """Search in one part of the training samples after the other; each holds k samples besides a query itself."""
    n_parts = max(1, len(train) // max(_rows_of_a_part(train, queries.dtype), k + 1))
    ends = [len(train) * number // n_parts for number in range(n_parts + 1)]
    best: Found | None = None
    for start, stop in pairwise(ends):
        part = np.ascontiguousarray(train[start:stop], dtype=queries.dtype)
        own = None if first_own is None else first_own - start
        indices, distances = search_neighbors(part, queries, first_own=own, k=k, cosine=cosine)
        indices = indices.astype(index_type(len(train)), copy=False) + start
        best = (indices, distances) if best is None else _nearest(best, (indices, distances), k)
    assert best is not None
    return best


def _nearest(earlier: Found, later: Found, k: int) -> Found:
    """Return the k nearest of two sets; of equal distances, those of earlier parts, which have lower positions."""
    indices, distances = (np.hstack(pair) for pair in zip(earlier, later, strict=True))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(distances, order, axis=1)


def _rows_of_a_part(rows: NDArray[Any], dtype: np.dtype[Any]) -> int:
    return max(1, _PART // (rows.shape[1] * dtype.itemsize))
