"""Randomly spread noise, which does not depend on where samples lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labelnoise.arrays import Codes, Features, Mask
from labelnoise.placement.base import Placement


@dataclass(frozen=True)
class Spread(Placement):
    """Randomly spread: every sample is equally likely to be selected, wherever it lies (section 3.1).

    Parameters
    ----------
    exact : bool, default True
        True: exactly ``round(noise_rate * n_samples)`` samples are selected, without replacement. False: each sample is
        selected independently with probability `noise_rate`, so that the count is binomial.

    Examples
    --------
    >>> import labelnoise as ln
    >>> labels = [0, 1] * 50
    >>> int(ln.corrupt(labels, ln.FlipNoise(), 0.3, placement=ln.Spread(), random_state=0).selected.sum())
    30
    """

    name: ClassVar[str] = "spread"

    exact: bool = True

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Select exactly round(noise_rate N) samples, or each with probability `noise_rate`."""
        if not self.exact:
            return rng.random(len(codes)) < noise_rate
        selected = np.zeros(len(codes), dtype=bool)
        count = round(noise_rate * len(codes))
        selected[rng.choice(len(codes), size=count, replace=False, shuffle=False)] = True
        return selected
