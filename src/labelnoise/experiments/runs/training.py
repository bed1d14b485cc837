"""Networks trained on noisy labels: spread noise, noise placed in another network's features, one cluster a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.corruption import check_noise, corrupt
from labelnoise.data import ImageSet
from labelnoise.experiments.runs.data import DataSpecification
from labelnoise.experiments.runs.protocol import Run, RunResult, Workspace
from labelnoise.noise import FlipNoise, NoiseModel
from labelnoise.placement import ClassClusters, Placement, Spread
from labelnoise.validation import check_noise_rate

if TYPE_CHECKING:
    from labelnoise.training import TrainingSpecification

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One network, trained on labels corrupted by a noise model and a placement, and asked about the test images.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
    noise : NoiseModel, optional
        None for clean labels.
    noise_rate : float in [0, 1]
    placement : Placement
    placed_by : TrainingRun, optional
        The network in whose features the placement is made; it keeps its features.
    noise_seed : int
    keep_features : bool
        Whether the features of training and test images are kept.

    The result's arrays: `pred_probs` of the test images, `noisy_labels`, `selected`; with `keep_features` also
    `features` and `test_features`.
    """

    kind: ClassVar[str] = "training"

    data: DataSpecification
    training: TrainingSpecification
    noise: NoiseModel | None = None
    noise_rate: float = 0.0
    placement: Placement = Spread()  # noqa: RUF009  a frozen value
    placed_by: TrainingRun | None = None
    noise_seed: int = 0
    keep_features: bool = False

    def __post_init__(self) -> None:
        if self.noise is not None:
            check_noise(self.noise, self.placement)
        check_noise_rate(self.noise_rate)
        if (self.noise is None) != (self.noise_rate == 0):
            raise ValueError(f"`noise` must be None where, and only where, `noise_rate` is 0; got {self.noise_rate:g}.")
        _check_features_of(self.placed_by)
        if self.placement.needs_features != (self.placed_by is not None):
            raise ValueError(
                f"`placed_by` must name a network for, and only for, a placement in features; "
                f"got {self.placement.name} and {self.placed_by and self.placed_by.label}."
            )

    @property
    def label(self) -> str:
        """Network, data, noise and seed."""
        noise = "clean" if self.noise is None else f"{self.noise.name} {self.noise_rate:g}"
        where = "" if self.placed_by is None else f", {self.placement.name}"
        return f"{self.training.network} on {self.data.label}, {noise}{where}, seed {self.training.seed}"

    @property
    def requires(self) -> tuple[Run, ...]:
        """The network that places the noise."""
        return () if self.placed_by is None else (self.placed_by,)

    def noisy_labels(self, workspace: Workspace) -> tuple[Codes, NDArray[np.bool_], dict[str, Any]]:
        """The labels to train on, which of them were selected, and what came out."""
        train, _ = self.data.load()
        if self.noise is None:
            return train.labels, np.zeros(len(train), bool), {"noise_rate": 0.0, "changed_rate": 0.0}
        noisy = corrupt(
            train.labels,
            self.noise,
            self.noise_rate,
            placement=self.placement,
            features=None if self.placed_by is None else workspace.result(self.placed_by).arrays["features"],
            classes=np.arange(len(train.classes)),
            random_state=self.noise_seed,
        )
        kept = ("noise_rate", "changed_rate", "concentration")
        return noisy.labels, noisy.selected, {name: getattr(noisy, name) for name in kept}

    def perform(self, workspace: Workspace) -> RunResult:
        """Corrupt, train, predict."""
        labels, selected, outcome = self.noisy_labels(workspace)
        record, arrays = train_on(self.data, labels, self.training, workspace, keep_features=self.keep_features)
        return RunResult({**outcome, **record}, {**arrays, "noisy_labels": labels, "selected": selected})


@dataclass(frozen=True, kw_only=True)
class RegionRun:
    """A network under locally concentrated noise: one cluster of every class, found in a clean network's own features.

    The labels of the cluster become the opposite class's (`FlipNoise.opposite`). A test sample lies in the noisy region
    if the same clustering puts it into its class's corrupted cluster (section 3.4, Fig. 2c-d, 4h-i).

    Parameters
    ----------
    clean : TrainingRun
        Trained on clean labels; it keeps its features.
    training : TrainingSpecification
    noise_rate : float in (0, 1)
        Asked; clusters have the sizes they have.
    cluster_seed : int
    keep_features : bool

    The result's arrays: those of `TrainingRun`, and `in_noisy_region` of the test images.
    """

    kind: ClassVar[str] = "regions"

    clean: TrainingRun
    training: TrainingSpecification
    noise_rate: float = 0.25
    cluster_seed: int = 0
    keep_features: bool = False

    def __post_init__(self) -> None:
        if not 0 < check_noise_rate(self.noise_rate) < 1:
            raise ValueError(f"`noise_rate` must lie between 0 and 1, both excluded; got {self.noise_rate:g}.")
        _check_features_of(self.clean)

    @property
    def data(self) -> DataSpecification:
        """The images."""
        return self.clean.data

    @property
    def label(self) -> str:
        """Network, data, noise and seed."""
        data = self.clean.data.label
        return f"{self.training.network} on {data}, clusters {self.noise_rate:.3g}, seed {self.training.seed}"

    @property
    def requires(self) -> tuple[Run, ...]:
        """The network whose features are clustered."""
        return (self.clean,)

    def perform(self, workspace: Workspace) -> RunResult:
        """Cluster, corrupt, train, and score both regions apart."""
        train, test = self.clean.data.load()
        n_classes, found = len(train.classes), workspace.result(self.clean).arrays
        clusters = ClassClusters.fit(found["features"], train.labels, self.noise_rate, self.cluster_seed)
        selected = clusters.contain(found["features"], train.labels)
        rng, opposite = np.random.default_rng(0), FlipNoise.opposite(n_classes)  # a flip draws nothing
        labels = train.labels.copy()
        labels[selected] = opposite.draw(labels[selected], n_classes, rng)
        record, arrays = train_on(self.clean.data, labels, self.training, workspace, keep_features=self.keep_features)
        inside = clusters.contain(found["test_features"], test.labels)
        predicted = arrays["pred_probs"].argmax(axis=1)
        correct, follows = predicted == test.labels, predicted == opposite.draw(test.labels, n_classes, rng)
        outcome = {
            "noise_rate": share(selected),
            "noisy_share": share(inside),
            "clean_region": share(correct[~inside]),
            "noisy_region": share(correct[inside]),
            "noisy_region_follows": share(follows[inside]),
            "n_clean_region": int((~inside).sum()),
            "n_noisy_region": int(inside.sum()),
        }
        own = {"noisy_labels": labels, "selected": selected, "in_noisy_region": inside}
        return RunResult({**outcome, **record}, {**arrays, **own})


def train_on(
    data: DataSpecification,
    labels: Codes,
    training: TrainingSpecification,
    workspace: Workspace,
    *,
    keep_features: bool,
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Train, going on from the scratch folder's checkpoint, and give the record and the arrays."""
    import torch

    from labelnoise.training import predict, train

    train_set, test_set = data.load()
    # images in memory, or a stream that is read a batch at a time
    train_images, test_images = (
        images.images if isinstance(images, ImageSet) else images for images in (train_set, test_set)
    )
    result = train(
        train_images,
        labels,
        training,
        clean_labels=train_set.labels,
        test_images=test_images,
        test_labels=test_set.labels,
        classes=np.arange(len(train_set.classes)),
        checkpoint=workspace.scratch / "checkpoint.pt",
    )
    assert result.pred_probs is not None
    assert result.test_features is not None
    arrays = {"pred_probs": result.pred_probs}
    if keep_features:
        arrays["test_features"] = result.test_features
        found = predict(result.network, train_images, device=training.device, resize=training.resize)
        arrays["features"] = found.features
    record = {k: v for k, v in result.summary().items() if k != "specification"}
    return {**record, "threads": torch.get_num_threads(), "data": data.digest()}, arrays


def share(mask: NDArray[np.bool_]) -> float | None:
    """Mean of a mask; None for an empty one."""
    return float(mask.mean()) if len(mask) else None


def _check_features_of(run: TrainingRun | None) -> None:
    if run is not None and not run.keep_features:
        raise ValueError(f"the network that places noise must keep its features; {run.label} does not.")
