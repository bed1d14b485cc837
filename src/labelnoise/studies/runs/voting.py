"""Neighbors, and their votes with labels that are really corrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.measured import simulate_knn
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.noise import NoiseModel, check_noise
from labelnoise.placement import Placement, Spread
from labelnoise.placement.base import check_placement
from labelnoise.studies.runs.data import DataSpecification
from labelnoise.studies.runs.training import TrainingRun, check_features_of
from labelnoise.sweeps.run import Results, Run, RunResult, Workspace
from labelnoise.validation import check_choice, check_count, check_ks, check_noise_rate, check_ties, seed_of


@dataclass(frozen=True, kw_only=True)
class NeighborsRun:
    """The nearest training images of every test image, by pixels or in a network's features.

    The result's array is `indices`, nearest first.
    """

    kind: ClassVar[str] = "neighbours"  # in finished runs' identity; codespell:ignore neighbours
    uses_all_processes: ClassVar[bool] = False

    data: DataSpecification
    k: int
    features_of: TrainingRun | None = None
    metric: str = "euclidean"

    def __post_init__(self) -> None:
        check_count(self.k, "k")
        check_choice(self.metric, ("euclidean", "cosine", "standardized"), "metric")
        check_features_of(self.features_of)

    @property
    def label(self) -> str:
        """The number of neighbors, the data and the space."""
        space = "pixels" if self.features_of is None else f"features of {self.features_of.training.network}"
        return f"{self.k} neighbors on {self.data.label}, {space}"

    @property
    def requires(self) -> tuple[Run, ...]:
        """The network in whose features neighbors are searched, if there is one."""
        return () if self.features_of is None else (self.features_of,)

    def features(self, results: Results) -> tuple[Features, Features]:
        """Return the features of the training images and of the test images."""
        if self.features_of is None:
            train, test = self.data.load_pixels()
            return train.features, test.features
        arrays = results.result(self.features_of).arrays
        return arrays["features"], arrays["test_features"]

    def neighbors(self, results: Results) -> Neighbors:
        """Return the neighbors that the finished run has found."""
        return as_neighbors(results.result(self).arrays["indices"], n_train=len(self.data.load()[0]))

    def perform(self, workspace: Workspace) -> RunResult:
        """Search for the neighbors."""
        found = neighbors(*self.features(workspace), k=self.k, metric=self.metric)
        return RunResult({"data": self.data.digest()}, {"indices": found.indices})


@dataclass(frozen=True, kw_only=True)
class NeighborVotes:
    """The base class of runs in which neighbors vote at one noise rate."""

    uses_all_processes: ClassVar[bool] = False

    neighbors: NeighborsRun
    noise_rate: float
    ties: str = "random"
    seed: int = 0

    def __post_init__(self) -> None:
        check_noise_rate(self.noise_rate)
        check_ties(self.ties)
        seed_of(self.seed)

    @property
    def data(self) -> DataSpecification:
        """The data of the neighbors."""
        return self.neighbors.data

    @property
    def requires(self) -> tuple[Run, ...]:
        """The neighbors, and the network in whose features the noise is placed, if there is one."""
        return (self.neighbors, *self.neighbors.requires)


@dataclass(frozen=True, kw_only=True)
class VotingRun(NeighborVotes):
    """Accuracy of the neighbors' votes at one noise rate, over repeats.

    The result's arrays are `runs` (repeats, n_k), `per_class` (n_k, n_classes), and for placements other than spread
    `neighborhood_noise_rates` and `concentrations` (n_k).
    """

    kind: ClassVar[str] = "votes"

    noise: NoiseModel
    k: tuple[int, ...]
    placement: Placement = Spread()  # noqa: RUF009  a frozen value
    repeats: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_noise(self.noise)
        check_placement(self.placement)
        check_ks(self.k, limit=self.neighbors.k, limit_is="the neighbors searched")
        check_count(self.repeats, "repeats")

    @property
    def label(self) -> str:
        """The data, noise and repeats."""
        where = "" if isinstance(self.placement, Spread) else f", {self.placement.name}"
        return f"votes on {self.data.label}, {self.noise.name} {self.noise_rate:g}{where}, {self.repeats} repeats"

    def perform(self, workspace: Workspace) -> RunResult:
        """Corrupt the labels and vote, once per repeat."""
        train, test = self.data.load()
        measured = simulate_knn(
            self.neighbors.neighbors(workspace),
            train.labels,
            test.labels,
            self.noise,
            [self.noise_rate],
            self.k,
            placement=self.placement,
            features=self.neighbors.features(workspace)[0] if self.placement.needs_features else None,
            ties=self.ties,
            repeats=self.repeats,
            random_state=self.seed,
        )
        assert measured.runs is not None
        arrays = {"runs": measured.runs[0], "per_class": measured.per_class[0]}
        if measured.neighborhood_noise_rates is not None:
            arrays["neighborhood_noise_rates"] = measured.neighborhood_noise_rates[0]
        if measured.realized_concentrations is not None:
            arrays["concentrations"] = measured.realized_concentrations[0]
        record = {"noise_rate": float(measured.realized_noise_rates[0]), "data": self.data.digest()}
        return RunResult(record, arrays)


def measured_curve(votes: Sequence[VotingRun], results: Results) -> AccuracyCurve:
    """Return one curve of runs that differ only in their noise rate."""
    first, found = votes[0], [results.result(run) for run in votes]
    train, test = first.data.load()
    runs = np.array([result.arrays["runs"] for result in found])

    def where_placed(name: str) -> NDArray[Any] | None:
        return np.array([result.arrays[name] for result in found]) if name in found[0].arrays else None

    return AccuracyCurve(
        noise_rates=np.array([run.noise_rate for run in votes]),
        realized_noise_rates=np.array([result.record["noise_rate"] for result in found]),
        k=np.array(first.k, dtype=np.int64),
        accuracy=runs.mean(axis=1),
        per_class=np.array([result.arrays["per_class"] for result in found]),
        setting=CurveSetting(
            ties=first.ties,
            model="measured",
            noise=first.noise.parameters(),
            placement=first.placement.parameters(),
            classes=np.arange(len(train.classes)),
            n_test=len(test),
            n_train=len(train),
            seed=first.seed,
        ),
        runs=runs,
        neighborhood_noise_rates=where_placed("neighborhood_noise_rates"),
        realized_concentrations=where_placed("concentrations"),
    )
