"""What every placement offers."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from labelnoise.arrays import Codes, Features, Mask


@runtime_checkable
class Placement(Protocol):
    """What every placement offers."""

    @property
    def name(self) -> str:
        """Short name for captions and specifications."""
        ...

    @property
    def needs_features(self) -> bool:
        """Whether `select` must be given features."""
        ...

    def prepare(self, features: Features | None) -> Placement:
        """The same placement with all that depends on the features alone done, once for many draws."""
        ...

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """The samples whose labels are redrawn, as a boolean mask of shape (n_samples,)."""
        ...

    def realised(self, mask: Mask) -> float | None:
        """The concentration of a mask where the placement sets one; None where it does not."""
        ...

    def parameters(self) -> dict[str, Any]:
        """What determines the placement, ready for JSON."""
        ...
