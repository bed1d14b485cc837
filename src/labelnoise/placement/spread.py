"""Randomly spread noise: where samples lie plays no part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from labelnoise.arrays import Codes, Features, Mask


@dataclass(frozen=True)
class Spread:
    """Randomly spread: every sample is equally likely to be selected, wherever it lies (section 3.1).

    Parameters
    ----------
    exact : bool, default True
        True: exactly ``round(noise_rate * n_samples)`` samples, without replacement. False: each sample independently
        with probability `noise_rate`, so that the count is binomial.
    """

    exact: bool = True

    @property
    def name(self) -> str:
        """Short name."""
        return "spread"

    @property
    def needs_features(self) -> bool:
        """No: the placement ignores where samples lie."""
        return False

    def prepare(self, features: Features | None) -> Spread:
        """Nothing to prepare."""
        return self

    def realised(self, mask: Mask) -> None:
        """No concentration is set."""
        return

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Exactly round(noise_rate N) of them, or each with probability noise_rate."""
        if not self.exact:
            return rng.random(len(codes)) < noise_rate
        selected = np.zeros(len(codes), dtype=bool)
        count = round(noise_rate * len(codes))
        selected[rng.choice(len(codes), size=count, replace=False, shuffle=False)] = True
        return selected

    def parameters(self) -> dict[str, Any]:
        """The fields."""
        return {"name": self.name, **asdict(self)}
