"""Where concentrated noise hurts a network: clusters in its own features, clean and noisy regions scored apart."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import StrPath, output_folder
from labelnoise.data import ImageSet
from labelnoise.experiments.networks import Codes, Mask, share, train_once
from labelnoise.noise import FlipNoise
from labelnoise.placement import KMeansCluster
from labelnoise.progress import track
from labelnoise.training import TrainingSpecification
from labelnoise.validation import check_k, check_noise_rate

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.cluster import KMeans


@dataclass(frozen=True, eq=False)
class ClassClusters:
    """One k-means cluster of every class, chosen by `KMeansCluster`'s rule, and the clustering for further samples.

    Attributes
    ----------
    fitted : tuple of KMeans
        One clustering a class.
    chosen : tuple of int
        The cluster of each that makes up the region.
    """

    fitted: tuple[KMeans, ...]
    chosen: tuple[int, ...]

    @classmethod
    def fit(cls, features: NDArray[Any], codes: Codes, noise_rate: float, seed: int) -> ClassClusters:
        """Cluster each class by itself; the share of the chosen cluster is near the noise rate."""
        rule, rng = KMeansCluster(), np.random.default_rng(seed)
        chosen = [rule.fit(features[codes == code], noise_rate, rng) for code in range(codes.max() + 1)]
        return cls(*zip(*chosen, strict=True))

    def contain(self, features: NDArray[Any], codes: Codes) -> Mask:
        """Whether each sample falls into the chosen cluster of its own class."""
        inside = np.zeros(len(codes), dtype=bool)
        for code in np.unique(codes):
            members = codes == code
            inside[members] = self.fitted[code].predict(features[members]) == self.chosen[code]
        return inside


@dataclass(frozen=True, eq=False)
class RegionStudy:
    """A network under locally concentrated noise, scored apart for test samples in clean and in noisy regions.

    Attributes
    ----------
    records : tuple of dict
        One a repeat, see `to_frame`.
    pred_probs : tuple of arrays of shape (n_test, n_classes)
        Softmax of the test images after training on the noisy labels, one a repeat.
    in_noisy_region : tuple of bool arrays of shape (n_test,)
    """

    records: tuple[dict[str, Any], ...]
    pred_probs: tuple[NDArray[np.float32], ...]
    in_noisy_region: tuple[Mask, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a repeat.

        `noise_rate` is the share of training labels changed, `noisy_share` the share of test samples in noisy regions;
        accuracies are of the true label, `noisy_region_follows` is the share classified as the noisy one there.
        """
        import pandas as pd

        return pd.DataFrame(self.records)


def region_study(
    train_set: ImageSet,
    test_set: ImageSet,
    training: TrainingSpecification,
    folder: StrPath,
    *,
    noise_rate: float = 0.25,
    repeats: int = 1,
) -> RegionStudy:
    """Concentrate noise where the network itself sees a cluster, and score both regions apart (section 3.4, Fig. 2g-h).

    Trained on clean labels, the network gives features; each class is clustered in them, and the labels of one cluster
    a class become the opposite class's (`FlipNoise.opposite`). Trained again on those labels, it is scored on the test
    samples whose own cluster is the corrupted one, and on the others. The theory expects 1 - noise_rate over both.

    Parameters
    ----------
    train_set, test_set : ImageSet
        Clean images and labels; every class occurs.
    training : TrainingSpecification
        Its seed, and the repeat, decide everything random.
    folder : path
        Keeps a file a training; those that are there already are not trained again.
    noise_rate : float in (0, 1)
        Asked; clusters have the sizes they have, and the realised rate is in the result.
    repeats : int

    Raises
    ------
    ValueError
        A rate of 0 or 1, a class with too few samples, or a `folder` with other trainings or damaged ones.
    """
    if not 0 < check_noise_rate(noise_rate) < 1:
        raise ValueError(f"`noise_rate` must lie between 0 and 1, both excluded; got {noise_rate:g}.")
    check_k(repeats, name="repeats")
    target = output_folder(folder)
    noise, n_classes = FlipNoise.opposite(len(train_set.classes)), len(train_set.classes)
    n_clusters, sizes = KMeansCluster().cluster_count(noise_rate), np.bincount(train_set.labels, minlength=n_classes)
    if sizes.min() < n_clusters:
        raise ValueError(
            f"every class must have at least {n_clusters} training samples to be cut into {n_clusters} clusters; "
            f"class {sizes.argmin()} has {sizes.min()}. Raise the noise rate or pass more images."
        )
    rng, truth = np.random.default_rng(0), test_set.labels
    records, softmax, regions = [], [], []
    for repeat in track(range(repeats), "repeats"):
        words = np.random.SeedSequence([training.seed, round(noise_rate * 1e9), repeat])
        seeded = dataclasses.replace(training, seed=int(words.generate_state(1)[0]))
        path = target / f"clean-{noise_rate:g}-{repeat}.npz"
        clean, found = train_once(path, train_set, test_set, train_set.labels, seeded, with_features=True)
        clusters = ClassClusters.fit(found["features"], train_set.labels, noise_rate, seeded.seed)
        selected = clusters.contain(found["features"], train_set.labels)
        labels = train_set.labels.copy()
        labels[selected] = noise.draw(labels[selected], n_classes, rng)  # a flip draws nothing
        path = target / f"concentrated-{noise_rate:g}-{repeat}.npz"
        noisy, arrays = train_once(path, train_set, test_set, labels, seeded)
        inside = clusters.contain(found["test_features"], truth)
        predicted = arrays["pred_probs"].argmax(axis=1)
        correct, follows = predicted == truth, predicted == noise.draw(truth, n_classes, rng)
        records.append(
            {
                "repeat": repeat,
                "asked_noise_rate": noise_rate,
                "noise_rate": share(selected),
                "noisy_share": share(inside),
                "clean_region": share(correct[~inside]),
                "noisy_region": share(correct[inside]),
                "noisy_region_follows": share(follows[inside]),
                "overall": noisy["test_accuracy"],
                "expected": 1 - share(selected),
                "clean_training": clean["test_accuracy"],
                "n_clean_region": int((~inside).sum()),
                "n_noisy_region": int(inside.sum()),
                "seed": seeded.seed,
                "seconds": clean["seconds"] + noisy["seconds"],
            }
        )
        softmax.append(arrays["pred_probs"])
        regions.append(inside)
    return RegionStudy(tuple(records), tuple(softmax), tuple(regions))
