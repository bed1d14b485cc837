"""Exact and near copies: samples that are one sample, which must count once."""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Codes, Features, Integers
from labelnoise.neighborhoods.neighbors import Neighbors

NEAR = 1e-3
"""Copies are nearer to each other than this share of the median distance to the nearest neighbor."""


def find_copies(features: Features | None, neighbors: Neighbors | None, n: int) -> Integers:
    """Return for each sample the number of its group of copies, (n,); a sample without copies is alone in its group.

    Two samples are copies if all their features are equal, or if one is among the neighbors of the other at less than
    `NEAR` times the median distance to the nearest neighbor. Copies of copies are in one group.

    Parameters
    ----------
    features : (n, d) array or None
        Features.
    neighbors : Neighbors or None
        The nearest other samples. Without distances, or without neighbors, only equal features count.
    n : int
        Number of samples.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first, second = [np.arange(0)], [np.arange(0)]
    if features is not None:
        rows = np.ascontiguousarray(features)
        keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        _, leader, group = np.unique(keys, return_index=True, return_inverse=True)
        first.append(np.arange(n))
        second.append(leader[group])
    if neighbors is not None and neighbors.distances is not None:
        nearest = neighbors.distances[:, 0]
        limit = NEAR * float(np.median(nearest[nearest > 0])) if (nearest > 0).any() else 0.0
        row, rank = np.nonzero(neighbors.distances <= limit)
        first.append(row)
        second.append(neighbors.indices[row, rank])
    i, j = np.concatenate(first), np.concatenate(second)
    links = coo_array((np.ones(len(i), np.int8), (i, j)), shape=(n, n))
    groups: Integers = connected_components(links, directed=False)[1].astype(np.int64)
    return groups


def conflicting(copies: Integers, codes: Codes) -> Integers:
    """Return the positions of the samples whose copies have other labels."""
    pairs = np.unique(np.stack([copies, codes], axis=1), axis=0)
    groups, counts = np.unique(pairs[:, 0], return_counts=True)
    return np.flatnonzero(np.isin(copies, groups[counts > 1]))
