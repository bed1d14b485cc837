"""What the exact engines need of a corruption matrix: which classes share a row, and whether the noise is a flip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.noise import NoiseModel, UniformNoise


@dataclass(frozen=True, eq=False)
class CorruptionRows:
    """The corruption matrix's rows of those classes that occur in the neighborhoods."""

    rows: Floats
    """Distinct rows, (n_rows, L)."""
    row_of: Integers
    """Row of each class that occurs, and 0 for the others, (L,)."""
    mapping: Integers | None
    """Permutation, (L,), if the noise is a flip: each class becomes one other or stays, and no two become the same."""
    change: Floats
    """Probability that a selected label of class i becomes ``mapping[i]`` and does not stay, (L,)."""

    @classmethod
    def of(cls, noise: NoiseModel, counts: Integers) -> CorruptionRows:
        """Take the rows from any noise model; only the rows that are needed are ever held in memory."""
        n_classes = counts.shape[1]
        row_of = np.zeros(n_classes, dtype=np.int64)
        if isinstance(noise, UniformNoise):
            return cls(np.full((1, n_classes), 1 / n_classes), row_of, None, np.zeros(n_classes))
        present = np.flatnonzero(counts.any(axis=0))
        one_hot = np.zeros((len(present), n_classes))
        one_hot[np.arange(len(present)), present] = 1.0
        all_rows = noise.mix(one_hot)
        rows, which = np.unique(all_rows, axis=0, return_inverse=True)
        row_of[present] = which.reshape(-1)
        mapping, change = _as_flip(all_rows, present)
        return cls(rows, row_of, mapping, change)

    @property
    def uniform(self) -> bool:
        """Whether every selected label becomes each class with the same probability."""
        return self.mapping is None and len(self.rows) == 1 and bool((self.rows == self.rows[0, 0]).all())

    def share_a_row(self, counts: Integers) -> Mask:
        """Return True for each neighborhood in which all selected labels are redrawn from one distribution, (U,)."""
        n_rows = len(self.rows)
        least = np.where(counts > 0, self.row_of, n_rows).min(axis=1)
        return least == np.where(counts > 0, self.row_of, -1).max(axis=1)

    def reachable(self, counts: Integers) -> Mask:
        """Return True for each label that can have a vote with some number of neighbors selected, (U, L)."""
        can_become = (self.rows > 0)[self.row_of].astype(np.float64)
        return (counts > 0) | ((counts > 0).astype(np.float64) @ can_become > 0)


def _as_flip(rows: Floats, classes: Integers) -> tuple[Integers | None, Floats]:
    """Return the permutation that the rows of `classes` stand for (None if none), and the probabilities of change."""
    n_classes = rows.shape[1]
    change = np.zeros(n_classes)
    elsewhere = rows > 0
    elsewhere[np.arange(len(classes)), classes] = False
    moving = elsewhere.any(axis=1)
    sources, targets = classes[moving], elsewhere[moving].argmax(axis=1)
    if (elsewhere.sum(axis=1) > 1).any() or len(np.unique(targets)) < len(targets):
        return None, change
    change[sources] = rows[moving, targets]
    # The other classes never change. Any permutation that completes the mapping will do; classes stay where possible.
    mapping = np.full(n_classes, -1, dtype=np.int64)
    mapping[sources] = targets
    free = np.ones(n_classes, dtype=bool)
    free[targets] = False
    stay = np.flatnonzero((mapping < 0) & free)
    mapping[stay] = stay
    free[stay] = False
    mapping[mapping < 0] = np.flatnonzero(free)
    return mapping, change
