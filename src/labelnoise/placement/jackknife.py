r"""Standard error of a concentration, by a jackknife over regions of the neighborhood graph.

Neighborhoods that share samples are not independent, and concentrated noise is not independent from sample to sample.
Both kinds of dependence are local, so the jackknife leaves out a whole region of training samples at a time. With
:math:`d_i = m_i - \gamma` for mask m, the concentration is in essence a sum over pairs of neighbors of one query,

.. math:: \rho \approx \frac{\sum_s \sum_{i \ne j \in N(s)} d_i d_j}{\gamma (1-\gamma) \sum_s \sum_{i \ne j \in N(s)} 1}

from which a region is left out by dropping every pair that has a sample in it. Leaving out queries instead would miss
hubs, samples that are neighbors of queries in many regions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Floats, Integers, Mask

N_REGIONS = 32
"""Number of regions, a power of 2: enough for a variance, and few enough that each region holds the dependence."""
STEPS = 50
"""Averaging steps of the slowly varying functions by which regions are cut."""


def jackknife_standard_error(mask: Mask, indices: NDArray[Any], regions: Integers | None = None) -> float:
    """Return the standard error of rho, or NaN if there are too few neighbors to form regions (`graph_regions`)."""
    n_queries, k = indices.shape
    if len(np.unique(indices)) < 4 * N_REGIONS:
        return float("nan")
    regions = graph_regions(indices, len(mask)) if regions is None else regions
    rate = mask.mean()
    deviations = (mask - rate)[indices]
    # For each query and region: the number of neighbors, and their sum and sum of squares.
    cells = (np.arange(n_queries)[:, None] * N_REGIONS + regions[indices]).ravel()
    counts, sums, squares = (
        np.bincount(cells, weights, n_queries * N_REGIONS).reshape(n_queries, N_REGIONS)
        for weights in (None, deviations.ravel(), deviations.ravel() ** 2)
    )
    rest = k - counts
    pairs = (rest * (rest - 1)).sum(axis=0)
    products = ((sums.sum(axis=1, keepdims=True) - sums) ** 2 - (squares.sum(axis=1, keepdims=True) - squares)).sum(0)
    if pairs.min() == 0:
        return float("nan")
    left = products / (pairs * rate * (1 - rate))
    return float(np.sqrt((N_REGIONS - 1) / N_REGIONS * np.sum((left - left.mean()) ** 2)))


def graph_regions(indices: NDArray[Any], n_train: int) -> Integers:
    """Divide the training samples into regions 0..N_REGIONS-1 that are neighbors about equally often.

    A region is cut in two at the median of a function that varies slowly over the graph, until there are enough.
    """
    n_queries, k = indices.shape
    occurrences = np.bincount(indices.ravel(), minlength=n_train).astype(np.float64)
    edges = (np.ones(indices.size), indices.ravel(), np.arange(0, indices.size + 1, k))
    graph = sparse.csr_array(edges, shape=(n_queries, n_train)).tocsc()
    regions = np.zeros(n_train, dtype=np.int64)
    rng = np.random.default_rng(0)  # the cuts must not depend on a caller's seed
    while (n_regions := int(regions.max()) + 1) < N_REGIONS:
        upper = np.zeros(n_train, dtype=bool)
        for region in range(n_regions):
            members = np.flatnonzero((regions == region) & (occurrences > 0))
            weights = occurrences[members]
            order = members[np.argsort(_slow_function(graph[:, members], weights, rng), kind="stable")]
            below = np.cumsum(occurrences[order])
            upper[order[below > below[-1] / 2]] = True
        regions = 2 * regions + upper
    return regions


def _slow_function(graph: Any, occurrences: Floats, rng: np.random.Generator) -> Floats:
    """Average white noise over the graph many times (sample, queries, sample), nearly to its second eigenvector."""
    degrees = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    rows, transposed = graph.tocsr(), graph.T.tocsr()
    shares = occurrences / occurrences.sum()
    values: Floats = rng.standard_normal(graph.shape[1])
    for _ in range(STEPS):
        smooth = transposed @ ((rows @ values) / degrees) / occurrences
        smooth -= shares @ smooth
        scale = np.sqrt(shares @ smooth**2)
        if scale < 1e-12:  # all samples have the same queries, so any cut is as good
            break
        values = smooth / scale
    return values
