"""The paper's locally concentrated noise: one whole k-means cluster per class."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Features, Mask
from labelnoise.placement.base import Placement
from labelnoise.validation import check_count, check_features, check_not_negative, check_variable

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

FAR = 0.5
"""Relative deviation from the asked noise rate above which a selected cluster is warned of."""


@dataclass(frozen=True)
class KMeansCluster(Placement):
    """Locally concentrated: in every class one whole k-means cluster is selected (sections 3.4 and 4).

    Each class is clustered by itself into max(2, round(1/noise_rate)) clusters. The cluster whose share of the class is
    nearest to the noise rate is selected. While no cluster is within `tolerance` (relative), k-means is fitted again,
    up to `max_fits` times, and the best cluster of all fits is kept. This is the rule of the published code. The
    realized noise rate therefore deviates from the asked one; `NoisyLabels` reports both. At noise rate 0 nothing is
    selected, and at 1 everything. The paper sets all labels of a cluster to one wrong class: use it with `FlipNoise`
    (`FlipNoise.opposite` is the published code's mapping).

    Parameters
    ----------
    n_clusters : int, optional
        Clusters per class; by default the number above.
    tolerance : float, default 0.1
        Relative deviation of the cluster's share from the noise rate up to which no further fit is made.
    max_fits : int, default 10
        Largest number of k-means fits per class.
    n_init : int, default 1
        k-means++ starts per fit, of which the tightest clustering is kept (20 in the published code).

    Raises
    ------
    ValueError
        No features are given, or a class has fewer samples, or fewer different ones, than clusters.

    Warns
    -----
    UserWarning
        In a class the nearest cluster is nothing, everything, or more than half of the noise rate away from it.

    Examples
    --------
    Two classes of two groups each: one group of each class is selected.

    >>> import labelnoise as ln
    >>> import numpy as np
    >>> features = np.concatenate([np.linspace(start, start + 0.1, 25) for start in (0, 1, 5, 6)])[:, None]
    >>> labels, noise = np.repeat([0, 1], 50), ln.FlipNoise()
    >>> noisy = ln.corrupt(labels, noise, 0.5, placement=ln.KMeansCluster(), features=features, random_state=0)
    >>> sorted(noisy.selected.reshape(4, 25).sum(axis=1).tolist())
    [0, 0, 25, 25]
    """

    name: ClassVar[str] = "k-means cluster"

    n_clusters: int | None = None
    tolerance: float = 0.1
    max_fits: int = 10
    n_init: int = 1

    def __post_init__(self) -> None:
        if self.n_clusters is not None:
            check_count(self.n_clusters, "n_clusters", least=2)
        check_count(self.max_fits, "max_fits")
        check_count(self.n_init, "n_init")
        check_not_negative(self.tolerance, "tolerance")

    @property
    def needs_features(self) -> bool:
        """True, because the clusters are found in the features."""
        return True

    def select(
        self, codes: Codes, n_classes: int, noise_rate: float, features: Features | None, rng: np.random.Generator
    ) -> Mask:
        """Select one cluster of every class that occurs."""
        if features is None:
            raise ValueError("`features` must be given for KMeansCluster: the clusters are found in them.")
        selected = np.zeros(len(codes), dtype=bool)
        if noise_rate == 0:
            return selected
        if noise_rate == 1:
            return ~selected
        n_clusters = self.cluster_count(noise_rate)
        sizes = np.bincount(codes, minlength=n_classes)
        occurring = np.flatnonzero(sizes)
        _check_points(features, codes, occurring, n_clusters)
        for code in occurring:
            members = np.flatnonzero(codes == code)
            k_means, cluster = self.fit(check_features(features[members]), noise_rate, rng)
            selected[members[k_means.labels_ == cluster]] = True
        shares = np.bincount(codes[selected], minlength=n_classes)[occurring] / sizes[occurring]
        deviations = np.abs(shares / noise_rate - 1)
        far = (deviations > FAR) | (shares == 0) | (shares == 1)
        if far.any():
            worst = int(np.argmax(np.where(far, deviations, -1)))
            warnings.warn(
                f"KMeansCluster was asked for a noise rate of {noise_rate:g} and selects {selected.mean():.4g} of all "
                f"samples: in {far.sum()} of {len(occurring)} classes no cluster is near that share (in class "
                f"{occurring[worst]} it selects {shares[worst]:.4g}). Choose another `n_clusters` (here {n_clusters}), "
                f"or use Concentrated, which selects exactly what is asked.",
                UserWarning,
                stacklevel=2,
            )
        return selected

    def fit(self, features: Features, noise_rate: float, rng: np.random.Generator) -> tuple[KMeans, int]:
        """Return the clustering of one class, and the number of the cluster that is selected."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits

        check_variable("LOKY_MAX_CPU_COUNT", 1)  # joblib reads it for scikit-learn
        n_clusters, best = self.cluster_count(noise_rate), None
        least = np.inf
        for _ in range(self.max_fits):
            k_means = KMeans(n_clusters, n_init=self.n_init, random_state=int(rng.integers(2**31)))
            # Sums over several threads differ in their last bits from run to run, but one seed must give one result.
            with threadpool_limits(1), warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the share selected says whether clusters are lost
                assigned = k_means.fit(features).labels_
            deviations = np.abs(np.bincount(assigned, minlength=n_clusters) / len(features) / noise_rate - 1)
            nearest = int(np.argmin(deviations))
            if best is None or deviations[nearest] < least:
                best, least = (k_means, nearest), float(deviations[nearest])
            if least <= self.tolerance:
                break
        assert best is not None
        return best

    def cluster_count(self, noise_rate: float) -> int:
        """Return the number of clusters per class."""
        return self.n_clusters or max(2, round(1 / noise_rate))


@dataclass(frozen=True, eq=False)
class ClassClusters:
    """One k-means cluster per class, chosen by the rule of `KMeansCluster`; it can classify further samples.

    Attributes
    ----------
    fitted : tuple of KMeans
        One clustering per class.
    chosen : tuple of int
        The number of the chosen cluster per class; together these clusters are the region.
    """

    fitted: tuple[KMeans, ...]
    chosen: tuple[int, ...]

    @classmethod
    def fit(cls, features: NDArray[Any], codes: Codes, noise_rate: float, seed: int) -> ClassClusters:
        """Cluster each class by itself, and choose a cluster whose share of the class is near the noise rate."""
        rule, rng = KMeansCluster(), np.random.default_rng(seed)
        n_classes = int(codes.max()) + 1
        _check_points(features, codes, np.arange(n_classes), rule.cluster_count(noise_rate))
        chosen = [rule.fit(features[codes == code], noise_rate, rng) for code in range(n_classes)]
        return cls(*zip(*chosen, strict=True))

    def contain(self, features: NDArray[Any], codes: Codes) -> Mask:
        """Return True for each sample that falls into the chosen cluster of its own class."""
        from threadpoolctl import threadpool_limits

        inside = np.zeros(len(codes), dtype=bool)
        for code in np.unique(codes):
            members = codes == code
            with threadpool_limits(1):  # in a process made by fork, a loop of several OpenMP threads would never end
                assigned = self.fitted[code].predict(features[members])
            inside[members] = assigned == self.chosen[code]
        return inside


def _check_points(features: Features, codes: Codes, classes: Codes, n_clusters: int) -> None:
    """Raise a ValueError unless each of these classes has as many different points as clusters."""
    for code in classes:
        members, different = np.flatnonzero(codes == code), set()
        for member in members:
            different.add((features[member] + 0.0).tobytes())  # -0.0 becomes 0.0
            if len(different) == n_clusters:
                break
        else:
            if len(members) < n_clusters:
                have = f"{n_clusters} samples", str(len(members))
            else:
                have = f"{n_clusters} samples with different features", f"{len(different)} among {len(members)} samples"
            raise ValueError(
                f"every class must have at least {have[0]} to be cut into {n_clusters} k-means clusters; class {code} "
                f"has {have[1]}. Raise the noise rate, set `n_clusters`, drop the class, or use Concentrated."
            )
