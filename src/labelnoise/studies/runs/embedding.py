"""A two-dimensional map of a network's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from labelnoise.studies.runs.data import DataSpecification
from labelnoise.studies.runs.training import TrainingRun, check_features_of
from labelnoise.sweeps.run import Run, RunResult, Workspace
from labelnoise.validation import check_count, seed_of


@dataclass(frozen=True, kw_only=True)
class EmbeddingRun:
    """A map, by t-SNE, of the features that a network has of some training images.

    It shows `n_points` images drawn at random, or all where there are fewer. The `perplexity`, about how many neighbors
    count, is below `n_points`. The result's arrays are `points` (n_points, 2), and the `indices` of the images among
    the training images.
    """

    kind: ClassVar[str] = "embedding"
    uses_all_processes: ClassVar[bool] = False

    features_of: TrainingRun
    n_points: int = 2000
    perplexity: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_features_of(self.features_of)
        check_count(self.n_points, "n_points")
        if not 0 < self.perplexity < self.n_points:
            raise ValueError(
                f"`perplexity` must be positive and less than `n_points`, {self.n_points}; got {self.perplexity:g}."
            )
        seed_of(self.seed)

    @property
    def data(self) -> DataSpecification:
        """The network's data."""
        return self.features_of.data

    @property
    def label(self) -> str:
        """The number of points and the network."""
        return f"map of {self.n_points:,} images, features of {self.features_of.label}"

    @property
    def requires(self) -> tuple[Run, ...]:
        """The network."""
        return (self.features_of,)

    def perform(self, workspace: Workspace) -> RunResult:
        """Draw images at random and map them."""
        from sklearn.manifold import TSNE

        features = workspace.result(self.features_of).arrays["features"]
        rng = np.random.default_rng(self.seed)
        indices = np.sort(rng.choice(len(features), min(self.n_points, len(features)), replace=False))
        points = TSNE(perplexity=self.perplexity, random_state=self.seed).fit_transform(features[indices])
        return RunResult({"data": self.data.digest()}, {"points": points, "indices": indices})
