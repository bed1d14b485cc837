"""The nearest neighbors of each query, read off a sparse graph such as scikit-learn's k-NN graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from labelnoise.arrays import Floats, Integers

MOST = 0.9
"""Share of the rows that must name the sample itself before the queries are taken to be the training samples."""


def nearest_in_graph(graph: Any, k: int | None, exclude_self: bool | None) -> tuple[Integers, Floats | None, bool]:
    """Return indices, distances (None for a graph of connectivity), and True if the diagonal was left out.

    The arguments and errors are those of `Neighbors.from_graph`.
    """
    if not sparse.issparse(graph):
        raise TypeError(
            f"`graph` must be a scipy sparse graph of neighbors; got {type(graph).__name__}. From a full matrix D "
            f"of distances: NearestNeighbors(metric='precomputed').fit(D).kneighbors_graph(D, k, mode='distance')."
        )
    entries: Any = graph.tocoo()  # type: ignore[attr-defined]  # keeps stored zeros
    n_queries, n_train = (int(size) for size in entries.shape)
    rows, columns, values = entries.row.astype(np.int64), entries.col.astype(np.int64), entries.data
    if exclude_self is None:
        exclude_self = n_queries == n_train and _diagonal_is_self(rows, columns, values, n_train)
    if exclude_self:
        if n_queries != n_train:
            raise ValueError(f"`graph` must be square to exclude self; got shape {(n_queries, n_train)}.")
        others = rows != columns
        rows, columns, values = rows[others], columns[others], values[others]
    if not (values >= 0).all():
        at = int(np.flatnonzero(~(values >= 0))[0])
        raise ValueError(
            f"`graph` must hold distances of at least 0; row {rows[at]} holds {values[at]}. "
            f"If these are similarities, turn them into distances first, for example 1 - similarity."
        )
    counts = np.bincount(rows, minlength=n_queries)
    fewest = int(np.argmin(counts))
    wanted = max(int(counts[fewest]), 1) if k is None else k
    if counts[fewest] < wanted:
        raise ValueError(
            f"`graph` must store at least k={wanted} neighbors in each row; row {fewest} stores {counts[fewest]}"
            f"{' besides itself' if exclude_self else ''}. Build it with more neighbors or ask for a smaller k."
        )
    connectivity = bool((values == 1).all())
    if connectivity and (counts != wanted).any():
        raise ValueError(
            f"`graph` must hold distances to tell which k={wanted} neighbors are nearest; all its entries are 1, "
            f"and row {np.argmax(counts)} stores {counts.max()}. Build it with mode='distance'."
        )
    pairs = np.sort(rows * n_train + columns)
    if (pairs[1:] == pairs[:-1]).any():
        row, column = divmod(int(pairs[1:][pairs[1:] == pairs[:-1]][0]), n_train)
        raise ValueError(f"`graph` must store each neighbor once; row {row} stores {column} more than once.")
    order = np.lexsort((columns, values, rows))
    nearest = order[(np.cumsum(counts) - counts)[:, None] + np.arange(wanted)]
    if connectivity:
        return columns[nearest], None, exclude_self
    return columns[nearest], values[nearest], exclude_self


def stores_diagonal(graph: Any) -> bool:
    """Return True if a sparse graph stores an entry on its diagonal, zeros included."""
    entries = graph.tocoo()
    return bool((entries.row == entries.col).any())


def _diagonal_is_self(rows: Integers, columns: Integers, values: Floats, n_train: int) -> bool:
    """Return True if a square graph stores the sample itself as the nearest in nearly every row, or no diagonal at all.

    Otherwise raise a ValueError: the queries may as well be other samples, by chance as many as training samples.
    """
    own = rows == columns
    if not own.any():
        return True
    nearest = np.full(n_train, np.inf)
    np.fmin.at(nearest, rows, values)
    distances = values[own]  # infinity and NaN mark what is to be left out
    n_self = int((~np.isfinite(distances) | (distances <= nearest[rows[own]])).sum())
    if n_self < MOST * n_train:
        raise ValueError(
            f"`graph` is square, and it must be clear whether its diagonal is each sample itself; {own.sum()} of "
            f"{n_train} rows store it, {n_self} as their nearest neighbor. Pass Neighbors.from_graph(graph, "
            f"exclude_self=True) if the queries are the training samples, or exclude_self=False if they are others."
        )
    return True
