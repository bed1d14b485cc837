"""The share of each class among the clean labels of a neighborhood."""

from __future__ import annotations

from typing import Any

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.votes import label_histogram
from labelnoise.validation import (
    check_count,
)


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
