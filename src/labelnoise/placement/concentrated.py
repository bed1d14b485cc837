"""Noise at any concentration between spread and one region, calibrated by measurement.

The selected samples are the highest round(gamma N) of a rough landscape,

    height = sqrt(a) field + sqrt(1 - a) white noise,

with a smooth random field over the data (`labelnoise.placement.noise_fields`). The share a sets the concentration: at 0
the noise is spread, and at 1 it fills whole hills of the field. In a neighborhood smaller than the hills the local
noise rate is Phi((sqrt(a) field + c)/sqrt(1 - a)), which is close to the Beta distribution of the predictions
(`labelnoise.curves.local_rates`). The share a is found by bisection: the correlation rho that is measured in
neighborhoods of the data must be the one that is asked for.

The field alone is more concentrated than asked for, and white noise lowers rho. A rougher field without white noise
could have the same rho. But then all mixed neighborhoods would lie at the borders of its hills, and these run where
samples are sparse, along classes: the votes of one class would be lost before those of another. White noise affects all
classes alike, as the predictions assume.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Features, Floats, Mask
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.placement.base import Placement
from labelnoise.placement.concentration import mask_concentration
from labelnoise.placement.noise_fields import Landmarks
from labelnoise.validation import check_concentration, check_count, check_features_or_keep

REACHED = 0.02
"""Largest deviation of the realized from the asked concentration that counts as reached."""
CLOSE = 0.001
"""Deviation of the realized from the asked concentration that ends the bisection."""
TURNS = 30
"""Largest number of steps of the bisection."""
SMOOTHER = 3
"""Factor by which the concentration of the field itself must be nearer to 1 than the asked one."""
ATTEMPTS = 12
"""Largest number of fields that are drawn until one reaches the asked concentration."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """What depends on the features alone: landmarks, and the neighborhoods in which concentration is measured."""

    landmarks: Landmarks
    indices: NDArray[Any]

    def concentration(self, mask: Mask) -> float:
        """Return the concentration of a mask in these neighborhoods."""
        return mask_concentration(mask, self.indices, self.indices.shape[1])


@dataclass(frozen=True)
class Concentrated(Placement):
    """Locally concentrated noise with a chosen neighborhood correlation rho (0 spread, 1 fully concentrated).

    Exactly round(noise_rate N) samples are selected. rho is calibrated by measuring it in the neighborhoods of some of
    the samples; `realized` returns it for any mask. If the data has no regions that are large and well separated
    enough, the mask has the nearest concentration that can be reached, and a `UserWarning` says which.

    Parameters
    ----------
    concentration : float in [0, 1]
        The concentration rho.
    k : int, default 30
        Size of the neighborhoods in which rho is defined, at least 2.
    neighbors : Neighbors, optional
        Neighborhoods of the test or of the training samples in which rho is measured; by default they are searched.
    n_queries : int, default 2000
        Number of samples whose neighborhoods are searched if `neighbors` is not given.
    n_landmarks : int, default 1000
        Number of samples that carry the random field; the smallest hills hold about N / n_landmarks samples.

    Raises
    ------
    ValueError, TypeError
        rho is outside [0, 1], k is out of range, or `neighbors` are of another training set.

    Examples
    --------
    >>> import numpy as np
    >>> features = np.random.default_rng(0).random((2000, 2))
    >>> placement = Concentrated(0.5, k=10).prepare(features)
    >>> labels = np.zeros(2000, dtype=np.int64)
    >>> mask = placement.select(labels, 1, 0.3, features, np.random.default_rng(0))
    >>> int(mask.sum()), round(placement.realized(mask), 2)
    (600, 0.5)
    """

    name: ClassVar[str] = "concentrated"

    concentration: float
    k: int = 30
    neighbors: Any = field(default=None, repr=False, compare=False)
    n_queries: int = 2000
    n_landmarks: int = 1000
    _geometry: Geometry | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "concentration", check_concentration(self.concentration))
        for name in ("k", "n_queries", "n_landmarks"):
            object.__setattr__(self, name, check_count(getattr(self, name), name))
        if self.k < 2:
            raise ValueError(f"`k` must be at least 2: one neighbor correlates with no other; got {self.k}.")
        if self.neighbors is not None:
            object.__setattr__(self, "neighbors", as_neighbors(self.neighbors, k=self.k))

    @property
    def needs_features(self) -> bool:
        """True, because the regions are found in the features."""
        return True

    def prepare(self, features: Features | None) -> Concentrated:
        """Return the same placement after all work that depends on the features alone, done once for many draws.

        It selects the same masks. The landmarks and the queries depend on the features alone.
        """
        if features is None:
            raise ValueError("`features` must be given for Concentrated: the regions are found in them.")
        if self._geometry is not None and len(self._geometry.landmarks.nearest) == len(features):
            return self
        features = check_features_or_keep(features)
        rng = np.random.default_rng([0, 1])  # other choices of samples hardly ever use this seed
        if self.neighbors is None:
            indices = _sampled_neighborhoods(features, self.k, self.n_queries, rng)
        elif self.neighbors.n_train == len(features):
            indices = self.neighbors.indices[:, : self.k]
        else:
            raise ValueError(
                f"`neighbors` must be of the training set that `features` describes, {len(features)} samples; they are "
                f"of {self.neighbors.n_train}."
            )
        landmarks = Landmarks.of(features, self.n_landmarks, rng)
        return replace(self, _geometry=Geometry(landmarks, np.ascontiguousarray(indices)))

    def realized(self, mask: Mask, features: Features | None = None) -> float:
        """Return the mask's concentration in the neighborhoods that `select` measures; NaN if it marks all or nothing.

        `features` are required unless the placement is prepared.
        """
        if mask.all() or not mask.any():
            return float("nan")
        return self._known_geometry(features).concentration(mask)

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Select the highest samples of the landscape with the concentration nearest to the asked one."""
        count = round(noise_rate * len(codes))
        if count in (0, len(codes)):
            return np.full(len(codes), count > 0)
        if self.concentration == 0:
            return _highest(rng.standard_normal(len(codes)), count)
        geometry = self._known_geometry(features)
        best, rho = np.zeros(len(codes), dtype=bool), np.inf
        for _ in range(ATTEMPTS):
            selected = self._draw(count, geometry, rng)
            found = geometry.concentration(selected)
            if abs(found - self.concentration) < abs(rho - self.concentration):
                best, rho = selected, found
            if abs(rho - self.concentration) <= REACHED / 2:
                break
        if abs(rho - self.concentration) > REACHED:
            warnings.warn(
                f"`concentration` {self.concentration:g} cannot be reached at noise rate {noise_rate:g} in "
                f"neighborhoods of k={self.k} of these features; the nearest found, {rho:.3f}, is used. A smaller "
                f"k, or features in which classes lie further apart, allow more.",
                UserWarning,
                stacklevel=2,
            )
        return best

    def _draw(self, count: int, geometry: Geometry, rng: np.random.Generator) -> Mask:
        """Return the highest samples of one landscape, with the share a set to reach the asked concentration."""
        white = rng.standard_normal(len(geometry.landmarks.nearest))
        smooth, reach = white, -np.inf
        for heights in geometry.landmarks.fields(rng):
            rho = geometry.concentration(_highest(heights, count))
            if rho > reach:
                smooth, reach = heights, rho
            if 1 - reach <= (1 - self.concentration) / SMOOTHER:
                break
        low, high = 0.0, 1.0
        selected = _highest(smooth, count)
        if reach <= self.concentration + CLOSE:
            return selected
        for _ in range(TURNS):
            share = (low + high) / 2
            selected = _highest(np.sqrt(share) * smooth + np.sqrt(1 - share) * white, count)
            rho = geometry.concentration(selected)
            if abs(rho - self.concentration) < CLOSE:
                break
            low, high = (share, high) if rho < self.concentration else (low, share)
        return selected

    def _known_geometry(self, features: Features | None) -> Geometry:
        prepared = self if features is None and self._geometry is not None else self.prepare(features)
        assert prepared._geometry is not None
        return prepared._geometry

    def parameters(self) -> dict[str, Any]:
        """Return the name and the fields, with the neighbors described by their repr."""
        return {**super().parameters(), "neighbors": None if self.neighbors is None else repr(self.neighbors)}


def _highest(heights: Floats, count: int) -> Mask:
    selected = np.zeros(len(heights), dtype=bool)
    selected[np.argpartition(heights, len(heights) - count)[len(heights) - count :]] = True
    return selected


def _sampled_neighborhoods(features: Features, k: int, n_queries: int, rng: np.random.Generator) -> NDArray[Any]:
    """Return the k nearest neighbors of randomly chosen samples, each left out of its own, (n, k)."""
    if n_queries >= len(features):
        return neighbors(features, k=k).indices
    check_count(k, "k", most=len(features) - 1, most_is="the number of training samples besides the sample itself")
    queries = np.sort(rng.choice(len(features), size=n_queries, replace=False))
    found = neighbors(features, features[queries], k=k + 1).indices
    own = found == queries[:, None]
    own[~own.any(axis=1), -1] = True  # with duplicates it may be missing: drop the farthest instead
    return found[~own].reshape(n_queries, k)
