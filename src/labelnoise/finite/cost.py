"""How long an exact profile will take, to within a small factor. If it is too long, the profile is sampled instead.

The operation counts follow the loops of the engines; the seconds per operation were measured on one core. The estimate,
and with it the choice of engine, depends on the pattern alone.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.finite.flip import cycles_of
from labelnoise.finite.patterns import EVERY_LABEL
from labelnoise.plurality.ties import tie_nodes

REDRAW_SECONDS = 5e-10
UNIFORM_SECONDS = 8e-8
MIXED_SECONDS = 1.4e-9
FLIP_SECONDS = 3e-9


def redraw_cost(counts: Integers, labels: Integers, n_series: int) -> Floats:
    """Return the seconds per profile of the `redraw` engine; for `EVERY_LABEL`, those of the costliest label.

    `n_series` is the number of classes without clean votes that cannot be treated as one.
    """
    k = float(counts[0].sum())
    own = np.where(labels == EVERY_LABEL, 0, np.take_along_axis(counts, np.maximum(labels, 0)[:, None], axis=1)[:, 0])
    others = k - own
    squares = (counts**2).sum(axis=1) - own**2
    pairs = np.maximum(others**2 / 2 - squares, 0) / 2  # pairs of kept votes within either product
    operations = pairs * k**3 / 24 + others**2 / 4 * k**2 / 8 + n_series * k**3 / 24
    return REDRAW_SECONDS * operations


def uniform_cost(k: int) -> float:
    """Return the seconds per profile of the `uniform` engine: those of neighborhoods of many classes, ties at random.

    They are about 5e-4 at K = 30, 8e-3 at K = 100, 0.1 at K = 300 and 0.5 at K = 512. The lowest of tied classes takes
    a fifth of that. A hundred classes in the neighborhood take twice as long as ten.
    """
    return UNIFORM_SECONDS * k**2.5


def mixed_cost(counts: Integers) -> Floats:
    """Return the seconds per profile of the `mixed` engine, with ties at random."""
    k, n_classes = int(counts[0].sum()), counts.shape[1]
    clean = np.sort(counts, axis=1).astype(np.float64)
    pairs = ((clean + 1) * (clean + 2) / 2).prod(axis=1)
    begun = ((clean + 1).cumprod(axis=1) * (clean > 0))[:, :-1].sum(axis=1)  # products of the first few clean classes
    votes = np.arange(1, k + 1)
    n_nodes = tie_nodes("random", min(n_classes, k) - 1).n_nodes[np.minimum(n_classes, k // votes) - 1].sum()
    return MIXED_SECONDS * n_nodes * pairs * (n_classes - (counts > 0).sum(axis=1) + begun + 1)


def flip_cost(counts: Integers, labels: Integers, mapping: Integers, change: Floats) -> Floats:
    """Return the seconds per profile of the `flip` engine; for `EVERY_LABEL`, those of the costliest label."""
    order, starts = cycles_of(mapping)
    movable = np.where(change > 0, counts, 0)
    gained = np.empty_like(movable)
    gained[:, mapping] = movable
    levels = movable + gained + 1  # possible final counts of each label
    rows = np.arange(len(counts))
    n_levels = np.where(labels == EVERY_LABEL, levels.max(axis=1), levels[rows, np.maximum(labels, 0)])
    # A class that may stay has one more inner loop, which is long and fast.
    steps = np.where(counts + gained > 0, (movable + 1) * (1 + np.where(change < 1, counts, 0) / 20), 0.0)
    first = np.where(counts + gained > 0, movable, counts.sum(axis=1, keepdims=True))
    by_cycle = [reduce.reduceat(part[:, order], starts[:-1], axis=1)
                for reduce, part in ((np.minimum, first), (np.add, steps), (np.add, counts))]  # fmt: skip
    return FLIP_SECONDS * n_levels * ((by_cycle[0] + 1) * by_cycle[1] * (by_cycle[2] + 1) / 2).sum(axis=1)
