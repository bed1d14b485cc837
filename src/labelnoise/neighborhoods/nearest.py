"""The exact nearest neighbors of each query, found in this process or in blocks by others."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import StrPath
from labelnoise.columns import matching_columns
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.parts import check_values, search_rows
from labelnoise.neighborhoods.scales import STANDARDIZED, standardized
from labelnoise.validation import (
    as_features,
    check_choice,
    check_count,
    check_feature_rows,
    needs_large_copy,
)

METRICS = ("euclidean", "cosine", STANDARDIZED, "precomputed")


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
