"""Noise at any concentration between spread and one region: a placement with a dial, set by measuring.

The samples selected are the highest round(gamma N) of a rough landscape,

    height = sqrt(a) field + sqrt(1 - a) white noise,

with a smooth random field over the data (`labelnoise.placement.noise_fields`). The share a is the dial: at 0 the noise
is spread, at 1 it fills whole hills of the field. In a neighborhood smaller than the hills the local noise rate is
Phi((sqrt(a) field + c)/sqrt(1 - a)), which is close to the Beta distribution of the predictions
(`labelnoise.curves.local_rates`). The dial is set by bisection until the correlation rho really found in
neighborhoods of the data is the one asked for.

The field is smoother than rho asks for, and white noise takes the rest away. A rougher field without white noise would
have the same rho, but all that is mixed would lie at its hills' borders, and those run where samples are sparse, along
classes: the votes of one class would be lost before another's. White noise takes them alike, as predictions assume.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Features, Floats, Mask
from labelnoise.neighborhoods.neighbors import as_neighbors, neighbors
from labelnoise.placement.base import Placement
from labelnoise.placement.concentration import correlations_of, neighborhood_rates
from labelnoise.placement.noise_fields import Landmarks
from labelnoise.validation import check_concentration, check_count, check_features

REACHED = 0.02
"""Largest deviation of the realized from the asked concentration that counts as reached."""
CLOSE = 0.001
"""Deviation of the realized from the asked concentration that ends the bisection."""
TURNS = 30
SMOOTHER = 3
"""How many times nearer to 1 than asked the concentration of the field itself is to be."""
ATTEMPTS = 12
"""Fields drawn, at most, until one reaches the asked concentration."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """What depends on the features alone: landmarks, and the neighborhoods in which concentration is measured."""

    landmarks: Landmarks
    indices: NDArray[Any]

    def concentration(self, mask: Mask) -> float:
        """Its concentration."""
        k = self.indices.shape[1]
        rates = neighborhood_rates(mask, self.indices, k)
        return float(correlations_of(rates, float(mask.mean()), k).mean())


@dataclass(frozen=True)
class Concentrated(Placement):
    """Locally concentrated noise whose neighborhood correlation rho is chosen (0 spread, 1 fully concentrated).

    Exactly round(noise_rate N) samples are selected. rho is calibrated to what is realized on the features given, in
    the neighborhoods of some of the samples; `realized` returns it for any mask. Where data has no regions that are
    large and well separated enough, the nearest concentration that can be reached is realized, and a `UserWarning` says
    which.

    Parameters
    ----------
    concentration : float in [0, 1]
        rho.
    k : int, default 30
        Size of the neighborhoods in which rho is defined, at least 2.
    neighbors : Neighbors, optional
        Neighborhoods to measure rho in, instead of searching: those of the test samples, or of the training samples.
    n_queries : int, default 2000
        Samples whose neighborhoods are searched if `neighbors` is not given.
    n_landmarks : int, default 1000
        Samples that carry the random field: the finest hills hold about N / n_landmarks samples.

    Raises
    ------
    ValueError, TypeError
        rho outside [0, 1], k out of range, neighbors of another training set.

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
        """True: the regions are found in the features."""
        return True

    def prepare(self, features: Features | None) -> Concentrated:
        """The same placement with all that depends on the features alone done: for many draws on one data set.

        It selects the same masks. The landmarks and the queries are the same whenever the features are.
        """
        if features is None:
            raise ValueError("`features` must be given for Concentrated: the regions are found in them.")
        if self._geometry is not None and len(self._geometry.landmarks.nearest) == len(features):
            return self
        features = check_features(features)
        rng = np.random.default_rng([0, 1])  # a stream that no other choice of samples is likely to share
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
        """The mask's concentration in the neighborhoods that `select` calibrates on; NaN if it holds all or nothing.

        `features` are needed unless the placement is prepared.
        """
        if mask.all() or not mask.any():
            return float("nan")
        return self._known_geometry(features).concentration(mask)

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """The highest of the landscape whose concentration is nearest the one asked for."""
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
        """The highest of one landscape, its dial turned to the asked concentration."""
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
        """Return the fields, the neighborhoods only by their size."""
        return {**super().parameters(), "neighbors": None if self.neighbors is None else repr(self.neighbors)}


def _highest(heights: Floats, count: int) -> Mask:
    selected = np.zeros(len(heights), dtype=bool)
    selected[np.argpartition(heights, len(heights) - count)[len(heights) - count :]] = True
    return selected


def _sampled_neighborhoods(features: Features, k: int, n_queries: int, rng: np.random.Generator) -> NDArray[Any]:
    """The k nearest of some samples, each left out of its own: (n, k)."""
    if n_queries >= len(features):
        return neighbors(features, k=k).indices
    check_count(k, "k", most=len(features) - 1, most_is="the number of training samples besides the sample itself")
    queries = np.sort(rng.choice(len(features), size=n_queries, replace=False))
    found = neighbors(features, features[queries], k=k + 1).indices
    own = found == queries[:, None]
    own[~own.any(axis=1), -1] = True  # among duplicates it may not be its own nearest: drop the farthest instead
    return found[~own].reshape(n_queries, k)
