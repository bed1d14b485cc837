"""The base class of every placement, and the checks of a placement and its features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import fields
from typing import Any, ClassVar, Self

import numpy as np

from labelnoise.arrays import Codes, Features, Mask
from labelnoise.validation import check_features_or_keep


class Placement(ABC):
    """Where the selected samples lie: the base class of every placement, which is a frozen dataclass.

    A placement defines `name` and `select`. By default its fields describe it, and it needs no features and sets no
    rho.

    Attributes
    ----------
    name : str
        Short name for captions and specifications.
    """

    name: ClassVar[str]

    @property
    def needs_features(self) -> bool:
        """True if `select` must be given features."""
        return False

    def prepare(self, features: Features | None) -> Self:
        """Return the same placement after all work that depends on the features alone, done once for many draws."""
        return self

    @abstractmethod
    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Select the samples whose labels are redrawn; return a boolean mask of shape (n_samples,).

        The features are float32 or float64. Those whose copy would exceed a gigabyte keep the type in which they came,
        such as float16, and a placement turns the rows that it needs into floats (`validation.check_features`).
        Simulations call this in several threads at once, each with its own `rng`.
        """

    def realized(self, mask: Mask) -> float | None:
        """Return the concentration of a mask if the placement sets a concentration, else None."""
        return None

    def parameters(self) -> dict[str, Any]:
        """Return the name and the fields by which placements are compared, ready for JSON."""
        compared = [field.name for field in fields(self) if field.compare]  # type: ignore[arg-type]
        return {"name": self.name, **{name: getattr(self, name) for name in compared}}


def check_placement(placement: Any) -> None:
    """Raise a TypeError unless `placement` is a placement."""
    if not isinstance(placement, Placement):
        shown = f"the class {placement.__name__}; add parentheses" if isinstance(placement, type) else repr(placement)
        raise TypeError(f"`placement` must be Spread(), KMeansCluster(), Concentrated(rho) or the like; got {shown}.")


def check_placement_features(placement: Placement, features: Any, n_samples: int) -> Features | None:
    """Return checked features, one row per label, for a placement that needs them, and None for any other placement.

    `Placement.select` says of which type they are.
    """
    if not placement.needs_features:
        return None
    if features is None:
        raise ValueError(
            f"`features` must be given: {type(placement).__name__} selects samples by where they lie in them."
        )
    checked = check_features_or_keep(features)
    if len(checked) != n_samples:
        raise ValueError(f"`labels` and `features` must have one entry per sample; got {n_samples} and {len(checked)}.")
    return checked
