"""Neighbors that another library has found, in whatever form they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Floats
from labelnoise.neighborhoods.knn_graph import MOST
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.validation import (
    check_ks,
    to_array,
)


def as_neighbors(value: Any, *, k: Any = None, n_train: int | None = None) -> Neighbors:
    """Return `Neighbors` from whatever form they are given in: `Neighbors`, indices, indices and distances, or a graph.

    Parameters
    ----------
    value : Neighbors, (M, K) int array, pair of (M, K) arrays, or sparse graph of shape (M, n_train)
        An array holds positions in the training set, nearest first; their distances are not known. A pair is one array
        of integers, the indices, and one of floats, the distances, in either order. A graph is read by
        `Neighbors.from_graph`, which leaves out the diagonal of a square graph.
    k : int or sequence of int, optional
        Neighborhood sizes for which the neighbors must suffice.
    n_train : int, optional
        Number of training samples; for an array, the default is the largest index plus 1.

    Returns
    -------
    Neighbors
        A `Neighbors` is returned unchanged, whatever its k.

    Raises
    ------
    TypeError, ValueError
        `value` is something else or of another training set, an index is out of range, there are too few neighbors, or
        the samples are among their own neighbors.

    Examples
    --------
    >>> as_neighbors([[2, 0], [1, 2]], n_train=3)
    Neighbors(2 queries, k=2, n_train=3, metric='unknown', is_self=False)
    """
    if isinstance(value, Neighbors):
        found = value
    elif sparse.issparse(value):
        found = Neighbors.from_graph(value, k=None if k is None else int(check_ks(k).max()))
    else:
        indices, distances = _split_pair(value)
        if indices.ndim != 2 or not np.issubdtype(indices.dtype, np.integer):
            raise TypeError(
                f"`neighbors` must be what neighbors(...) returns, an integer array of indices (n_queries, k), "
                f"a pair (indices, distances), or a sparse graph; got {type(value).__name__} of {indices.dtype}, shape "
                f"{indices.shape}."
            )
        largest = int(indices.max(initial=0))
        found = Neighbors(indices, distances, largest + 1 if n_train is None else n_train, "unknown", False)
        _check_self_left_out(found)
    if n_train is not None and found.n_train != n_train:
        raise ValueError(
            f"`neighbors` must be of the same training set as the labels, {n_train} samples; they are of "
            f"{found.n_train}. Pass the labels of the samples that were searched, in the same order."
        )
    if k is not None:
        found.check_ks(k)
    return found


def _split_pair(value: Any) -> tuple[NDArray[Any], Floats | None]:
    """Return indices and distances of a pair, whichever comes first, or one array of indices and None."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        return to_array(value), None
    pair = [to_array(part) for part in value]
    if [part.ndim for part in pair] != [2, 2]:
        return to_array(value), None
    indices = [part for part in pair if np.issubdtype(part.dtype, np.integer)]
    distances = [part for part in pair if np.issubdtype(part.dtype, np.floating)]
    if len(indices) != 1 or len(distances) != 1 or pair[0].shape != pair[1].shape:
        raise TypeError(
            f"`neighbors` given as a pair must be indices (integers) and distances (floats) of one shape "
            f"(n_queries, k); got {pair[0].dtype} of shape {pair[0].shape} and {pair[1].dtype} of shape "
            f"{pair[1].shape}. Pass the indices alone."
        )
    rounded = distances[0].astype(np.float64)
    rounded[(rounded < 0) & (rounded > -1e-5)] = 0  # cosine distances of equal samples, after rounding in float32
    return indices[0], rounded


def _check_self_left_out(found: Neighbors) -> None:
    """Raise a ValueError if nearly every row names its own position: the samples are their own neighbors.

    Where rows hold more than half of the training set, many name their own position by chance, and only the first
    column tells.
    """
    if found.n_queries != found.n_train or found.n_train < 3:
        return
    own = found.indices == np.arange(found.n_train)[:, None]
    own_first = int(own[:, 0].sum())
    n_own = own_first if 2 * found.k > found.n_train else int(own.any(axis=1).sum())
    if n_own < MOST * found.n_train:
        return
    if own_first == n_own:
        cure = "Pass indices[:, 1:]"
    else:
        cure = "Search for one neighbor more and leave the sample itself out of each row"
    raise ValueError(
        f"`neighbors` must not count a sample among its own neighbors; {n_own} of {found.n_train} rows hold their own "
        f"position. {cure}. If the queries are other samples, pass Neighbors(indices, None, "
        f"n_train={found.n_train}, metric='unknown', is_self=False)."
    )
