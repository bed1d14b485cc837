"""What a fit to held-out scores says: T, inverse temperature and offsets. Also T of a single wrong rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelnoise.arrays import Floats

BLOCK_CELLS = 100_000
"""Samples times classes at a time in a fit, so that they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Level:
    """T, inverse temperature and offsets of one fit, and its mean log-likelihood."""

    transition: Floats
    inverse_temperature: float
    offsets: Floats
    log_likelihood: float


def simplest(transition: Floats, weights: Floats) -> Floats:
    """Return the matrix of the same wrong rate whose diagonal entries are equal, as are all others."""
    return even_matrix(float(1 - np.average(np.diag(transition), weights=weights)), len(transition))


def even_matrix(rate: float, n_classes: int) -> Floats:
    """Return the matrix in which labels of every class are wrong at one rate, and evenly."""
    return np.where(np.eye(n_classes, dtype=bool), 1 - rate, rate / (n_classes - 1))
