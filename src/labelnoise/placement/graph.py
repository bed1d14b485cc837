"""Noise placed by the neighborhood graph: at class boundaries, at hubs, or in patches.

All of these select exactly round(gamma N) samples. The first two draw them without replacement, one after another, each
with a probability in proportion to its weight among those left (Efraimidis and Spirakis 2006: the smallest of E_i / w_i
with E_i exponential). Samples of weight 0 come last, in random order, so that every noise rate up to 1 is possible.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Features, Floats, Mask
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.placement.base import Placement
from labelnoise.validation import check_count, check_not_negative


def weighted_sample(weights: Floats, count: int, rng: np.random.Generator) -> Mask:
    """Draw a mask of `count` samples, without replacement and in proportion to non-negative weights."""
    waiting = rng.standard_exponential(len(weights))
    positive = weights > 0
    order = np.where(positive, waiting / np.where(positive, weights, 1), waiting)
    selected = np.zeros(len(weights), dtype=bool)
    selected[np.lexsort((order, ~positive))[:count]] = True
    return selected


@dataclass(frozen=True)
class _GraphPlacement(Placement):
    k: int = 10
    neighbors: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", check_count(self.k, "k"))
        if self.neighbors is not None:
            object.__setattr__(self, "neighbors", as_neighbors(self.neighbors, k=self.k))

    @property
    def needs_features(self) -> bool:
        """True, unless neighbors were given."""
        return self.neighbors is None

    def prepare(self, features: Features | None) -> Self:
        """Return the same placement after the search for neighbors, done once for many draws."""
        if self.neighbors is not None:
            return self
        if features is None:
            raise ValueError(f"`features` must be given for {type(self).__name__}: neighbors are searched in them.")
        return replace(self, neighbors=neighbors(features, k=self.k))

    def _indices(self, features: Features | None, n_samples: int) -> NDArray[Any]:
        found = self.prepare(features).neighbors
        if len(found.indices) != n_samples or found.n_train != n_samples:
            raise ValueError(
                f"`neighbors` must be those of the {n_samples} samples among themselves; they are of "
                f"{len(found.indices)} queries among {found.n_train}."
            )
        return found.indices[:, : self.k]


@dataclass(frozen=True)
class ClassBoundary(_GraphPlacement):
    r"""Noise near class boundaries: the weight of a sample rises with the share of other classes nearby.

    .. math:: w_i = \frac{1}{k} \, \#\{j \in N_k(i) : y_j \ne y_i\} + \text{floor}

    Parameters
    ----------
    k : int, default 10
        Number of neighbors of each sample that are compared with it.
    neighbors : Neighbors, optional
        Neighbors of the training samples among themselves; by default they are searched.
    floor : float, default 0.01
        Weight of a sample that has only neighbors of its own class, at least 0. At 0 such samples are selected last.

    Raises
    ------
    ValueError, TypeError
        k or `floor` is out of range, or `neighbors` are of other samples.

    Examples
    --------
    >>> import labelnoise as ln
    >>> import numpy as np
    >>> features, labels = np.arange(40.0)[:, None], np.repeat([0, 1], 20)
    >>> placement = ln.ClassBoundary(k=4, floor=0)
    >>> noisy = ln.corrupt(labels, ln.FlipNoise(), 0.1, placement=placement, features=features, random_state=0)
    >>> np.flatnonzero(noisy.selected).tolist()
    [18, 19, 20, 21]
    """

    name: ClassVar[str] = "class boundary"

    floor: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        floor = check_not_negative(self.floor, "floor")
        if floor == np.inf:
            raise ValueError("`floor` must be finite; got infinity.")
        object.__setattr__(self, "floor", floor)

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Draw exactly round(noise_rate N) samples by weight."""
        others = codes[self._indices(features, len(codes))] != codes[:, None]
        return weighted_sample(others.mean(axis=1) + self.floor, round(noise_rate * len(codes)), rng)


@dataclass(frozen=True)
class HubnessProportional(_GraphPlacement):
    r"""Noise at hubs: the weight of a sample is how often it is a neighbor of others.

    .. math:: w_i = N_k(i) = \#\{s : i \in N_k(s)\}

    Hubs vote in many neighborhoods, so that the noise rate in neighborhoods exceeds that of the samples. Antihubs,
    which are neighbors of no sample, are selected only if no others are left.

    Parameters
    ----------
    k : int, default 10
        Number of neighbors of each sample that are counted.
    neighbors : Neighbors, optional
        Neighbors of the training samples among themselves; by default they are searched.

    Raises
    ------
    ValueError, TypeError
        k is out of range, or `neighbors` are of other samples.

    References
    ----------
    Tomasev and Buza, "Hubness-aware kNN classification of high-dimensional data in presence of label noise",
    Neurocomputing 160 (2015).

    Examples
    --------
    The share of selected samples is larger in the neighborhoods than among all samples:

    >>> import labelnoise as ln
    >>> import numpy as np
    >>> features = np.random.default_rng(0).normal(size=(500, 50))
    >>> neighbors = ln.neighbors(features, k=10)
    >>> placement = ln.HubnessProportional(neighbors=neighbors)
    >>> noisy = ln.corrupt([0, 1] * 250, ln.FlipNoise(), 0.2, placement=placement, random_state=0)
    >>> float(noisy.selected.mean()), bool(noisy.selected[neighbors.indices].mean() > 0.35)
    (0.2, True)
    """

    name: ClassVar[str] = "hubness-proportional"

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Draw exactly round(noise_rate N) samples by weight."""
        indices = self._indices(features, len(codes))
        occurrences = np.bincount(indices.ravel(), minlength=len(codes)).astype(np.float64)
        return weighted_sample(occurrences, round(noise_rate * len(codes)), rng)


@dataclass(frozen=True)
class Patches(_GraphPlacement):
    """Noise in patches of one size: a random sample and its nearest neighbors are selected together.

    Patches much smaller than a neighborhood are nearly spread noise in it, and much larger patches are nearly
    concentrated noise. `labelnoise.concentration` measures how concentrated they are on the scale of a neighborhood.

    Parameters
    ----------
    k : int, default 10
        Number of samples of a patch, the center and its k - 1 nearest neighbors. The last patch may be cut short.
    neighbors : Neighbors, optional
        Neighbors of the training samples among themselves, at least k - 1 each; by default they are searched.

    Raises
    ------
    ValueError, TypeError
        k is out of range, or `neighbors` are of other samples.

    Examples
    --------
    >>> import labelnoise as ln
    >>> import numpy as np
    >>> features = np.arange(40.0)[:, None]
    >>> noisy = ln.corrupt(
    ...     [0, 1] * 20, ln.FlipNoise(), 0.125, placement=ln.Patches(k=5), features=features, random_state=0
    ... )
    >>> np.ptp(np.flatnonzero(noisy.selected)).item()
    4
    """

    name: ClassVar[str] = "patches"

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Select patches around random centers, until there are round(noise_rate N) samples."""
        n_samples, indices = len(codes), self._indices(features, len(codes))
        centers = rng.permutation(n_samples)
        patches = np.column_stack([centers, indices[centers, : self.k - 1]]).ravel()
        first = np.unique(patches, return_index=True)[1]  # where each sample occurs first
        selected = np.zeros(n_samples, dtype=bool)
        selected[patches[np.sort(first)[: round(noise_rate * n_samples)]]] = True
        return selected
