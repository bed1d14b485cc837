"""The nearest neighbors of each query, read off a sparse graph such as scikit-learn's k-NN graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from labelnoise.arrays import Floats, Integers


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
    exclude_self = n_queries == n_train if exclude_self is None else exclude_self
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
