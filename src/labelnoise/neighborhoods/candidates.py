"""Candidates for the nearest neighbors, from a library's search, and how much its rounding may have hidden.

faiss searches in float32, and is the faster one where it is installed and the features are float32. scikit-learn
computes squared distances in float64, then rounds them to the features' type. Both compute
|x|^2 + |y|^2 - 2 x.y by matrix products. With n features and u the unit roundoff, a sum of products x.y has an error of
at most n u |x||y|, whatever the order of summation. So the squared distance has an error of at most
(n + 4) u (|x| + |y|)^2. `roundoff` is more than twice the factor (n + 4) u.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from labelnoise.arrays import Features, Floats, Integers
from labelnoise.threads import core_count

_FAISS_MOST = 1e36
"""Largest squared length for faiss; no square leaves the range of float32."""


class Candidates(NamedTuple):
    """What a library proposes for some queries.

    Attributes
    ----------
    indices : (m, c) int array
        Training samples.
    beyond : (m,) array
        No other training sample has a squared library distance below this; the library's rounding is still in it.
    """

    indices: Integers
    beyond: Floats


class Library(NamedTuple):
    """A search among training samples that were handed to it.

    Attributes
    ----------
    search : callable
        Takes queries and the number of candidates, and returns `Candidates`.
    roundoff : float
        A squared library distance is off by less than this times (|x| + |y|)^2.
    """

    search: Callable[[Features, int], Candidates]
    roundoff: float


def roundoff(n_features: int, kind: type[np.floating[Any]]) -> float:
    """Return the factor of the module's rounding bound, for sums in some type."""
    return (n_features + 16) * float(np.finfo(kind).eps)


def libraries(train: Features, squares: Floats) -> Iterator[Library]:
    """Yield the libraries that can search these training samples, the fastest first and the most precise last.

    Parameters
    ----------
    train : (n, d) array
        The training samples.
    squares : array
        Squared lengths of all samples and queries.
    """
    if train.dtype == np.float32 and squares.max() < _FAISS_MOST and find_spec("faiss"):
        yield _faiss(train)
    yield _scikit_learn(train)


def _faiss(train: Features) -> Library:
    import faiss

    # Products that are too small for float32 are lost: in x.x, y.y, and twice in x.y.
    lost = 4 * (train.shape[1] + 16) * float(np.finfo(np.float32).tiny)

    def search(queries: Features, n_candidates: int) -> Candidates:
        faiss.omp_set_num_threads(core_count())
        squares, indices = faiss.knn(queries, train, n_candidates)
        return Candidates(indices, squares[:, -1].astype(np.float64) - lost)

    return Library(search, roundoff(train.shape[1], np.float32))


def _scikit_learn(train: Features) -> Library:
    from sklearn import config_context
    from sklearn.neighbors import NearestNeighbors

    with config_context(assume_finite=True):
        library = NearestNeighbors(algorithm="brute", metric="euclidean").fit(train)
    kind = np.finfo(train.dtype)

    def search(queries: Features, n_candidates: int) -> Candidates:
        with config_context(assume_finite=True, enable_cython_pairwise_dist=True):
            distances, indices = library.kneighbors(queries, n_candidates)
        last = np.minimum(distances[:, -1].astype(np.float64), math.sqrt(kind.max))
        return Candidates(indices, last**2 * (1 - 2 * float(kind.eps)) - float(kind.tiny))

    return Library(search, roundoff(train.shape[1], np.float64))
