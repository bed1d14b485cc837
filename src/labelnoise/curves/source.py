"""Where a curve comes from: the base class of predictions and measurements."""

from __future__ import annotations

from abc import ABC, abstractmethod

from labelnoise.arrays import Floats, Integers


class CurveSource(ABC):
    """Where a curve comes from: it answers what was not asked when the curve was computed."""

    @property
    def any_rate(self) -> bool:
        """Whether it answers at every noise rate in [0, 1], or only at the curve's own."""
        return False

    @abstractmethod
    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Return the share of each predicted class (columns) for each true class (rows)."""

    @abstractmethod
    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Return the probability of a correct vote, or its share of the repeats, for each test sample."""

    def redraw(self, noise_rate: float, ks: Integers, repeats: int) -> Floats | None:
        """Return measured accuracies of fresh noise draws, (repeats, n_k); None where the neighbors are not known."""
        return None
