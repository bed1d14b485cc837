"""Neighbors of each query, however they were found, and the share of each label among them."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Floats, Integers
from labelnoise.artifacts import StrPath, read_arrays, write_arrays
from labelnoise.columns import matching_columns
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.knn_graph import MOST, nearest_in_graph
from labelnoise.neighborhoods.parts import check_values, search_rows
from labelnoise.neighborhoods.scales import STANDARDIZED, standardized
from labelnoise.neighborhoods.search import index_type
from labelnoise.neighborhoods.votes import label_histogram
from labelnoise.validation import (
    as_features,
    check_choice,
    check_count,
    check_feature_rows,
    check_ks,
    check_numeric,
    needs_large_copy,
    to_array,
)

METRICS = ("euclidean", "cosine", STANDARDIZED, "precomputed")


@dataclass(frozen=True, eq=False, repr=False)
class Neighbors:
    """The k nearest training samples of each query, nearest first; equal distances by lower training index.

    Parameters
    ----------
    indices : (M, k) int array
        Positions in the training set, in 0..n_train-1.
    distances : (M, k) float array or None
        Distances, which never decrease along a row. None if they are not known (see `as_neighbors`).
    n_train : int
        Number of training samples.
    metric : str
        "euclidean", "cosine", "standardized", "precomputed" (from a graph of distances), "connectivity" (from a graph
        without distances, so that the neighbors have no order) or "unknown" (given as indices).
    is_self : bool
        True if the queries are the training samples, each left out of its own neighbors.

    Raises
    ------
    ValueError
        Shapes that do not fit, indices out of range, distances that are negative, NaN or decreasing.

    Examples
    --------
    >>> Neighbors([[1, 0]], [[0.5, 2.0]], n_train=2, metric="euclidean", is_self=False)
    Neighbors(1 query, k=2, n_train=2, metric='euclidean', is_self=False)
    """

    indices: NDArray[Any]
    distances: Floats | None
    n_train: int
    metric: str
    is_self: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_train", check_count(self.n_train, "n_train"))
        if not isinstance(self.is_self, bool | np.bool_):
            raise TypeError(f"`is_self` must be True or False; got {self.is_self!r}.")
        indices = to_array(self.indices)
        if indices.ndim != 2 or 0 in indices.shape or not np.issubdtype(indices.dtype, np.integer):
            raise ValueError(
                f"`indices` must be integers of shape (n_queries, k), both at least 1; got {indices.dtype} of shape "
                f"{indices.shape}."
            )
        outside = (indices < 0) | (indices >= self.n_train)
        if outside.any():
            row, column = np.argwhere(outside)[0]
            cure = "Pass the indices and the labels of the same training set."
            if indices[row, column] == -1:
                cure = (
                    "With -1, faiss and pynndescent say that they found no neighbor: search with a smaller k, or with "
                    "an exact index."
                )
            raise ValueError(
                f"`indices` must lie in 0..{self.n_train - 1}, positions in the training set; row {row} holds "
                f"{indices[row, column]}. {cure}"
            )
        if self.is_self and len(indices) != self.n_train:
            raise ValueError(
                f"`indices` must have one row per training sample ({self.n_train}) if is_self; got {len(indices)} rows."
            )
        object.__setattr__(self, "indices", np.ascontiguousarray(indices, dtype=index_type(self.n_train)))
        if self.distances is not None:
            distances = np.ascontiguousarray(check_numeric(self.distances, "distances"), dtype=np.float64)
            if distances.shape != indices.shape:
                raise ValueError(
                    f"`distances` must have the shape of `indices`, {indices.shape}; got {distances.shape}."
                )
            bad = ~(distances >= 0).all(axis=1) | ~(distances[:, 1:] >= distances[:, :-1]).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"`distances` must be at least 0 and sorted along each row; row {np.flatnonzero(bad)[0]} is not. "
                    f"If they are similarities (inner products), pass the indices alone, nearest first."
                )
            object.__setattr__(self, "distances", distances)

    @property
    def k(self) -> int:
        """Number of neighbors stored for each query."""
        return int(self.indices.shape[1])

    @property
    def n_queries(self) -> int:
        """Number of queries, M."""
        return len(self.indices)

    def __repr__(self) -> str:
        queries = "1 query" if self.n_queries == 1 else f"{self.n_queries} queries"
        return (
            f"{type(self).__name__}({queries}, k={self.k}, n_train={self.n_train}, metric={self.metric!r}, "
            f"is_self={self.is_self})"
        )

    def check_ks(self, k: Any) -> Integers:
        """Return neighborhood sizes as an array; raise a ValueError unless these neighbors suffice for all of them."""
        stored = "the number of neighbors stored (to go further, search again with a larger k)"
        sizes = check_ks(k, limit=self.k, limit_is=stored)
        if self.metric == "connectivity" and (sizes != self.k).any():
            raise ValueError(
                f"`k` must be {self.k}, as in the graph, which says who is a neighbor but not who is nearer; got "
                f"{sizes[sizes != self.k][0]}. Build the graph with mode='distance'."
            )
        return sizes

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write to `path` as npz; a file that exists there is replaced once the new one is complete."""
        arrays = {"indices": self.indices, "n_train": self.n_train, "metric": self.metric, "is_self": self.is_self}
        if self.distances is not None:
            arrays["distances"] = self.distances
        return write_arrays(path, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Neighbors:
        """Read what `save` wrote.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            The file is truncated or was not written by `save`.
        """
        arrays = read_arrays(path, "Neighbors.save")
        if not {"indices", "n_train", "metric", "is_self"} <= set(arrays):
            raise ValueError(f"{path} must be a file that Neighbors.save wrote; it holds {', '.join(arrays)}.")
        return cls(
            arrays["indices"],
            arrays.get("distances"),
            int(arrays["n_train"]),
            str(arrays["metric"]),
            bool(arrays["is_self"]),
        )

    @classmethod
    def from_graph(cls, graph: Any, *, k: int | None = None, exclude_self: bool | None = None) -> Neighbors:
        """Read the k nearest training samples of each query off a sparse graph of neighbors.

        Parameters
        ----------
        graph : scipy sparse matrix or array of shape (n_queries, n_train)
            Entry [s, i] is the distance from query s to training sample i, as in scikit-learn's
            ``kneighbors_graph(..., mode="distance")`` and ``radius_neighbors_graph(..., mode="distance")``. A stored
            zero is a neighbor at distance 0; an entry that is not stored is no neighbor. If all entries are 1, the
            graph is read as one of connectivity, which says who is a neighbor but not who is nearer.
        k : int, optional
            Number of neighbors to keep; by default as many as every row has.
        exclude_self : bool, optional
            True if the queries are the training samples, so that the diagonal is dropped; False if there are only by
            chance as many queries as training samples. By default True for a square graph whose diagonal is empty or,
            in at least 90 % of the rows, the nearest neighbor, and False for a graph that is not square.

        Raises
        ------
        TypeError
            `graph` is not a sparse graph.
        ValueError
            A row has fewer than k neighbors, a distance is negative or NaN, a neighbor is stored twice, a graph of
            connectivity has rows with more than k neighbors, or `exclude_self` must be given.

        Examples
        --------
        >>> from sklearn.neighbors import kneighbors_graph
        >>> graph = kneighbors_graph([[0.0], [1.0], [3.0]], 2, mode="distance")
        >>> Neighbors.from_graph(graph).indices
        array([[1, 2],
               [0, 2],
               [1, 0]], dtype=int32)
        """
        indices, distances, is_self = nearest_in_graph(graph, None if k is None else check_count(k, "k"), exclude_self)
        metric = "connectivity" if distances is None else "precomputed"
        return cls(indices, distances, int(graph.shape[1]), metric, is_self)


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


def neighbors(
    features: Any,
    query: Any = None,
    *,
    k: int,
    metric: str = "euclidean",
    executor: Executor | str | int | None = None,
    store: StrPath | None = None,
    block_size: int | None = None,
) -> Neighbors:
    """Find the exact k nearest training samples of each query, in an order that depends on the data alone.

    Neighbors are sorted by distance, and equal distances by training index, also where that decides which sample is the
    k-th. The distance is the root of the sum of squared differences, or for "cosine" 1 - x.y / (|x| |y|), in float64.
    For "standardized" each column is first divided by its standard deviation among the training samples, as is right
    for columns in different units.

    Parameters
    ----------
    features : (n_train, ...) array
        The training samples; samples with several axes (images) are flattened. With metric="precomputed" a sparse graph
        of distances, with queries in rows and training samples in columns; see `Neighbors.from_graph`.
    query : (M, ...) array, optional
        The queries; by default the training samples, each left out of its own neighbors (duplicates of it stay).
        Columns of data frames are matched by name.
    k : int
        Number of neighbors.
    metric : {"euclidean", "cosine", "standardized", "precomputed"}
        The distance, or "precomputed" for a graph.
    executor : concurrent.futures.Executor, str or int, optional
        What searches the queries, in blocks: an executor; ``dask://HOST:PORT`` or ``slurm://?partition=NAME``, see
        `labelnoise.sweeps.executors.executor_named`; or a number of worker processes on this machine. By default this
        process. The result is the same to the last bit.
    store : path, optional
        Folder that keeps finished blocks, so that the same call resumes a search that was stopped or killed. All
        workers must see it under this path. By default a temporary folder of this machine, if there is an executor.
    block_size : int, optional
        Number of queries per block. By default some minutes of work, and at least 16 blocks. A search is resumed only
        with the same size.

    Returns
    -------
    Neighbors
        Indices and distances of shape (M, k).

    Raises
    ------
    TypeError, ValueError
        The metric is unknown, k is out of range, features are not finite or have another width or other columns than
        the queries, a row is all zeros with "cosine", a graph does not hold k neighbors of each query, or `executor`
        is none.
    OSError
        The store cannot be written, or no Dask scheduler answers.
    RuntimeError
        Blocks failed; for example, workers do not see a file. The message says which, where and why.

    Notes
    -----
    Arrays that are mapped from a file (``np.load(path, mmap_mode="r")``) are never sent: workers open the file, which
    all must see under one path. Other arrays are written once to the store, and removed when the search is finished.
    A block is identified by the hash of what is searched, so searches of other features may share a store.

    Examples
    --------
    >>> found = neighbors([[0.0], [1.0], [3.0], [1.0]], [[0.9]], k=3)
    >>> found.indices
    array([[1, 3, 0]], dtype=int32)
    """
    check_choice(metric, METRICS, "metric")
    in_blocks = not (executor is None and store is None and block_size is None)
    if metric == "precomputed":
        if in_blocks:
            raise ValueError(
                "`executor`, `store` and `block_size` must be None with metric='precomputed', which needs no search; "
                "got one of them."
            )
        if query is not None:
            raise ValueError(
                "`query` must be None with metric='precomputed'; got one. The rows of the graph are the queries."
            )
        return Neighbors.from_graph(features, k=check_count(k, "k"))
    order = matching_columns(features, query)
    train, dtype = check_feature_rows(features)
    is_self = query is None
    besides = " besides the sample itself" if is_self else ""
    k = check_count(k, "k", most=len(train) - is_self, most_is=f"the number of training samples{besides}")
    queries, query_dtype = (train, dtype) if is_self else check_feature_rows(query, "query")
    if queries.shape[1] != train.shape[1]:
        raise ValueError(
            f"`query` must have the {train.shape[1]} features per sample that `features` has; got {queries.shape[1]}."
        )
    if order is not None:
        queries = np.ascontiguousarray(queries[:, order])
    common = np.result_type(dtype, query_dtype)
    distance = metric
    if metric == STANDARDIZED:
        distance = "euclidean"
        train = _checked(train, common, distance, "features")
        asked = None if is_self else _checked(queries, common, distance, "query")
        train, scaled = standardized(train, asked, common)
        queries = train if scaled is None else scaled
    if in_blocks:
        from labelnoise.neighborhoods.blocks import search_in_blocks

        indices, distances = search_in_blocks(
            train,
            None if is_self else queries,
            dtype=common,
            k=k,
            metric=distance,
            executor=executor,
            store=store,
            block_size=block_size,
        )
    else:
        train = _checked(train, common, distance, "features")
        asked = None if is_self else _checked(queries, common, distance, "query")
        first_own = 0 if is_self else None
        indices, distances = search_rows(train, asked, common, first_own=first_own, k=k, cosine=distance == "cosine")
    return Neighbors(indices, distances, len(train), metric, is_self)


def _checked(rows: NDArray[Any], dtype: np.dtype[np.floating[Any]], metric: str, name: str) -> NDArray[Any]:
    """Return rows whose values are checked: in this type, or as they are if a copy of all would be large."""
    if not needs_large_copy(rows, dtype):
        return as_features(rows, dtype, name)
    check_values(rows, dtype, metric, name)
    return rows


def clean_distribution(labels: Any, neighbors: Any, k: int, *, classes: Any = None) -> Floats:
    r"""Return the share of each class among the k nearest training labels, :math:`C_s` of Eq. 3.

    .. math:: C_s(j) = \frac{1}{k} \, \#\{i \in N_k(s) : y_i = j\}

    Parameters
    ----------
    labels : (n_train,) array
        Clean labels of the training samples.
    neighbors : Neighbors, (M, K) int array or sparse graph
        Neighbors of the queries, in any form that `as_neighbors` takes.
    k : int
        Neighborhood size, at most the number of neighbors stored.
    classes : sequence, optional
        All classes, in column order. Required for integer labels among which 0 never occurs.

    Returns
    -------
    (M, L) float64 array
        Rows sum to 1. Columns: `classes` if given, else 0..L-1 for integer labels, else the distinct labels, sorted.

    Raises
    ------
    TypeError, ValueError
        k exceeds the number of neighbors stored, labels are of another training set, or the columns are ambiguous.

    Examples
    --------
    >>> clean_distribution([0, 1, 1], [[0, 1], [2, 1]], k=2)
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    codes, known = encode_labels(labels, classes=classes)
    if classes is None and np.issubdtype(known.dtype, np.integer) and 0 not in known:
        raise ValueError(
            f"`labels` are integers among which 0 never occurs ({known[0]} is the lowest), so it is not clear which "
            f"class is in which column. Pass classes=[...], all classes in column order."
        )
    size = check_count(k, "k")
    found = as_neighbors(neighbors, k=size, n_train=len(codes))
    return label_histogram(codes, found.indices, size, len(known)) / size
