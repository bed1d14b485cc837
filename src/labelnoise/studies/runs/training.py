"""Networks trained on noisy labels: noise that is spread, placed in another network's features, or in clusters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Mask
from labelnoise.corruption import corrupt
from labelnoise.data import ImageSet, ImageStream
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.noise import FlipNoise, NoiseModel, check_noise
from labelnoise.placement import ClassClusters, Placement, Spread
from labelnoise.placement.base import check_placement
from labelnoise.studies.runs.data import DataSpecification, Images
from labelnoise.sweeps.run import Results, Run, RunResult, Workspace
from labelnoise.validation import check_noise_rate

if TYPE_CHECKING:
    from labelnoise.training import TrainingResult
    from labelnoise.training import TrainingSpecification as TrainingSpecification
else:
    # At run time the name stands for any type, so that the types of fields can be read where PyTorch is not installed.
    TrainingSpecification = Any


class GivenLabels(NamedTuple):
    """The noisy codes that a network is trained on, and what the result keeps of the corruption."""

    labels: Codes
    record: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One network, trained on labels that a noise model and a placement corrupt, and tested on the test images.

    Without `noise`, labels are clean and `noise_rate` is 0. `placed_by` is the network in whose features the placement
    is made; it keeps its features. With `keep_features`, this network keeps those of training and test images.

    The result's arrays are `pred_probs` of the test images, `noisy_labels` and `selected`; with `keep_features` also
    `features` and `test_features`.
    """

    kind: ClassVar[str] = "training"
    uses_all_processes: ClassVar[bool] = True

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
            check_noise(self.noise)
            check_placement(self.placement)
        check_noise_rate(self.noise_rate)
        if (self.noise is None) != (self.noise_rate == 0):
            raise ValueError(f"`noise` must be None where, and only where, `noise_rate` is 0; got {self.noise_rate:g}.")
        check_features_of(self.placed_by)
        if self.placement.needs_features != (self.placed_by is not None):
            raise ValueError(
                f"`placed_by` must name a network for, and only for, a placement in features; "
                f"got {self.placement.name} and {self.placed_by and self.placed_by.label}."
            )

    @property
    def label(self) -> str:
        """The network, data, noise and seed."""
        noise = "clean" if self.noise is None else f"{self.noise.name} {self.noise_rate:g}"
        where = "" if self.placed_by is None else f", {self.placement.name}"
        return f"{self.training.network} on {self.data.label}, {noise}{where}, seed {self.training.seed}"

    @property
    def requires(self) -> tuple[Run, ...]:
        """The network that places the noise."""
        return () if self.placed_by is None else (self.placed_by,)

    def given_labels(self, results: Results) -> GivenLabels:
        """Return the labels to train on."""
        train, _ = self.data.load()
        if self.noise is None:
            clean = {"noisy_labels": train.labels, "selected": np.zeros(len(train), bool)}
            return GivenLabels(train.labels, {"noise_rate": 0.0, "changed_rate": 0.0}, clean)
        noisy = corrupt(
            train.labels,
            self.noise,
            self.noise_rate,
            placement=self.placement,
            features=None if self.placed_by is None else results.result(self.placed_by).arrays["features"],
            classes=np.arange(len(train.classes)),
            random_state=self.noise_seed,
        )
        record = {name: getattr(noisy, name) for name in ("noise_rate", "changed_rate", "concentration")}
        return GivenLabels(noisy.labels, record, {"noisy_labels": noisy.labels, "selected": noisy.selected})

    def conclude(self, given: GivenLabels, trained: TrainingResult) -> RunResult:
        """Return the run's result, from the trained network."""
        return _result_of(trained, given, self.data, self.keep_features)

    def perform(self, workspace: Workspace) -> RunResult:
        """Corrupt the labels, train, and predict."""
        return _train_alone(self, workspace)


@dataclass(frozen=True, kw_only=True)
class RegionRun:
    """A network under locally concentrated noise: one cluster of every class, found in a clean network's features.

    The labels in the cluster become the opposite class's (`FlipNoise.opposite`). A test sample lies in the noisy region
    if the same clustering puts it into its class's corrupted cluster (section 3.4, Fig. 2c-d, 4h-i).

    The `clean` network is trained on clean labels and keeps its features. The `noise_rate`, between 0 and 1, is the one
    asked for: clusters have the sizes they have. The result's arrays are those of `TrainingRun`, and `in_noisy_region`
    of the test images.
    """

    kind: ClassVar[str] = "regions"
    uses_all_processes: ClassVar[bool] = True

    clean: TrainingRun
    training: TrainingSpecification
    noise_rate: float = 0.25
    cluster_seed: int = 0
    keep_features: bool = False

    def __post_init__(self) -> None:
        if not 0 < check_noise_rate(self.noise_rate) < 1:
            raise ValueError(f"`noise_rate` must lie between 0 and 1, both excluded; got {self.noise_rate:g}.")
        check_features_of(self.clean)
        if self.clean.noise is not None:
            raise ValueError(f"`clean` must be a training on clean labels; got {self.clean.label}.")

    @property
    def data(self) -> DataSpecification:
        """The clean network's data."""
        return self.clean.data

    @property
    def label(self) -> str:
        """The network, data, noise and seed."""
        data = self.clean.data.label
        return f"{self.training.network} on {data}, clusters {self.noise_rate:.3g}, seed {self.training.seed}"

    @property
    def requires(self) -> tuple[Run, ...]:
        """The network whose features are clustered."""
        return (self.clean,)

    def given_labels(self, results: Results) -> GivenLabels:
        """Return the labels to train on, and which test images lie in the noisy region."""
        train, test = self.data.load()
        n_classes, found = len(train.classes), results.result(self.clean).arrays
        clusters = ClassClusters.fit(found["features"], train.labels, self.noise_rate, self.cluster_seed)
        selected = clusters.contain(found["features"], train.labels)
        inside = clusters.contain(found["test_features"], test.labels)
        labels = train.labels.copy()
        labels[selected] = _opposite(labels[selected], n_classes)
        record = {
            "noise_rate": _share(selected),
            "noisy_share": _share(inside),
            "n_clean_region": int((~inside).sum()),
            "n_noisy_region": int(inside.sum()),
        }
        return GivenLabels(labels, record, {"noisy_labels": labels, "selected": selected, "in_noisy_region": inside})

    def nearest(self, results: Results, k: int) -> Neighbors:
        """Find the k training samples nearest to each test sample, or all, in the features of the clean network."""
        found = results.result(self.clean).arrays
        return neighbors(found["features"], found["test_features"], k=min(k, len(found["features"])))

    def conclude(self, given: GivenLabels, trained: TrainingResult) -> RunResult:
        """Return the run's result, from the trained network, with the scores of each region."""
        result, (train, test) = _result_of(trained, given, self.data, self.keep_features), self.data.load()
        inside, predicted = given.arrays["in_noisy_region"], result.arrays["pred_probs"].argmax(axis=1)
        correct, follows = predicted == test.labels, predicted == _opposite(test.labels, len(train.classes))
        scores = {
            "clean_region": _share(correct[~inside]),
            "noisy_region": _share(correct[inside]),
            "noisy_region_follows": _share(follows[inside]),
        }
        return RunResult({**result.record, **scores}, result.arrays)

    def perform(self, workspace: Workspace) -> RunResult:
        """Find the clusters, corrupt the labels, train, and score each region."""
        return _train_alone(self, workspace)


def _opposite(codes: Codes, n_classes: int) -> Codes:
    return FlipNoise.opposite(n_classes).draw(codes, n_classes, np.random.default_rng(0))  # A flip draws nothing.


def _train_alone(run: TrainingRun | RegionRun, workspace: Workspace) -> RunResult:
    """Train one network; resume from the checkpoint in the scratch folder if there is one."""
    from labelnoise.training import train

    given, (train_set, test_set) = run.given_labels(workspace), run.data.load()
    with _one_thread():
        trained = train(
            _pixels_of(train_set),
            given.labels,
            run.training,
            clean_labels=train_set.labels,
            test_images=_pixels_of(test_set),
            test_labels=test_set.labels,
            classes=np.arange(len(train_set.classes)),
            checkpoint=workspace.scratch / "checkpoint.pt",
        )
        result = run.conclude(given, trained)
    return replace(result, record={**result.record, "together": 1})


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch compute with one thread on the CPU, so that a run has one result whatever carries it out.

    Sums over several threads differ in their last bits from those over one, and training amplifies the difference.
    Several cores are used by several worker processes. On a GPU this changes nothing.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pixels_of(images: Images) -> NDArray[np.uint8] | ImageStream:
    """Return what a network takes: the pixels of images in memory, or the stream that reads them batch by batch."""
    return images.images if isinstance(images, ImageSet) else images


def _result_of(trained: TrainingResult, given: GivenLabels, data: DataSpecification, keep_features: bool) -> RunResult:
    """Return record and arrays of a trained network, together with those of its labels."""
    import torch

    from labelnoise.training import predict

    assert trained.pred_probs is not None
    assert trained.test_features is not None
    arrays: dict[str, NDArray[Any]] = {**given.arrays, "pred_probs": trained.pred_probs}
    if keep_features:
        arrays["test_features"] = trained.test_features
        images, used = _pixels_of(data.load()[0]), trained.specification
        arrays["features"] = predict(trained.network, images, device=used.device, resize=used.resize).features
    summary = {name: value for name, value in trained.summary().items() if name != "specification"}
    return RunResult({**given.record, **summary, "threads": torch.get_num_threads(), "data": data.digest()}, arrays)


def _share(mask: Mask) -> float | None:
    """Return the mean of a mask, or None if it is empty."""
    return float(mask.mean()) if len(mask) else None


def check_features_of(run: TrainingRun | None) -> None:
    """Raise a ValueError if a network whose features are used does not keep them."""
    if run is not None and not run.keep_features:
        raise ValueError(f"a network whose features are used must keep them; {run.label} does not.")
