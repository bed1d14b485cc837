"""What a fit to held-out scores says: T, inverse temperature and offsets; and the simpler T it is drawn towards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from labelnoise.arrays import Floats

BLOCK_CELLS = 100_000
"""Samples times classes at a time in a fit, so that they stay in the processor's cache."""

MANY_CLASSES = 30
"""Number of classes from which on few labels, or none, show most entries of T."""


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


def drawn_towards(before: Floats, counts: Floats, pseudo_counts: Sequence[float]) -> Floats:
    r"""Return the shares of counts, drawn towards what was thought before as far as the counts agree with it.

    .. math:: T_{yz} = \frac{C_{yz} + m S_{yz}}{C_y + m}

    The pseudo-count m is the one under which the counts are the most probable (Dirichlet-multinomial): large where they
    scatter around S as chance has it, and small where they do not.

    Parameters
    ----------
    before : (L, L) array
        S, positive; rows sum to 1.
    counts : (L, L) array
        C, which need not be whole numbers.
    pseudo_counts : sequence of float
        Candidates for m.

    Returns
    -------
    (L, L) array
        Rows sum to 1.
    """
    totals = counts.sum(axis=1)

    def evidence(m: float) -> float:
        entries = gammaln(m * before + counts) - gammaln(m * before)
        return float((gammaln(m) - gammaln(m + totals)).sum() + entries.sum())

    m = max(pseudo_counts, key=evidence)
    found: Floats = (counts + m * before) / (totals + m)[:, None]
    return found


def even_matrix(rate: float, n_classes: int) -> Floats:
    """Return the matrix in which labels of every class are wrong at one rate, and evenly."""
    return np.where(np.eye(n_classes, dtype=bool), 1 - rate, rate / (n_classes - 1))
