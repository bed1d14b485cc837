"""The nearest training samples of each query, and the files that hold them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Integers
from labelnoise.artifacts import read_arrays, write_arrays
from labelnoise.neighborhoods.knn_graph import nearest_in_graph
from labelnoise.neighborhoods.search import index_type
from labelnoise.validation import (
    check_count,
    check_ks,
    check_numeric,
    to_array,
)


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
