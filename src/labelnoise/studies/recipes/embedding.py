"""The same share of wrong labels, spread and concentrated, on a map of deep features (figure 1)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from labelnoise.figures import EmbeddingPanel, embedding_figure
from labelnoise.noise import UniformNoise
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run, noisy_run, region_run
from labelnoise.studies.runs import DataSpecification, EmbeddingRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run


@dataclass(frozen=True, kw_only=True)
class NoiseMap:
    """A map of the clean network's features, colored by the given labels under either kind of noise.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
    noise_rate : float
        Of both panels: uniform and spread, and one cluster of every class.
    n_points : int
        Images on the map.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise_rate: float = 0.2
    n_points: int = 2000

    def _panels(self) -> dict[str, Run]:
        spread = noisy_run(self.data, self.training, UniformNoise(), self.noise_rate)
        region = region_run(self.data, self.training, self.noise_rate)
        return {"randomly spread (uniform)": spread, "locally concentrated": region}

    @property
    def _map(self) -> EmbeddingRun:
        return EmbeddingRun(
            features_of=clean_run(self.data, self.training), n_points=self.n_points, seed=self.training.seed
        )

    def runs(self) -> list[Run]:
        """The map and both trainings."""
        return [self._map, *self._panels().values()]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Two maps, and the accuracy of each network."""
        mapped = results.result(self._map).arrays
        indices, truth = mapped["indices"], self.data.load()[0].labels
        clean = results.result(clean_run(self.data, self.training)).record["test_accuracy"]
        panels, table, accuracies = [], {"x": mapped["points"][:, 0], "y": mapped["points"][:, 1]}, []
        table["label"] = truth[indices]
        for letter, (name, run) in zip("ab", self._panels().items(), strict=True):
            found = results.result(run)
            given = found.arrays["noisy_labels"][indices]
            accuracies.append(found.record["test_accuracy"])
            rate = found.record["noise_rate"]
            panels.append(
                EmbeddingPanel(
                    mapped["points"], given, given != truth[indices], accuracies[-1], f"({letter}) {rate:.0%} {name}"
                )
            )
            table[f"given_label_{letter}"] = given
        spread, concentrated = accuracies
        finding = (
            f"Test accuracy {100 * spread:.1f} % under spread noise, {100 * concentrated:.1f} % under concentrated "
            f"noise (clean labels: {100 * clean:.1f} %)."
        )
        caption = (
            f"{self.data.caption()}, {scale} scale; t-SNE of {len(indices):,} training images' features in the "
            f"{self.training.network} trained on clean labels; color: given label; one training each, base seed "
            f"{self.training.seed}."
        )
        figure = embedding_figure(panels, title=title, caption=caption)
        agrees = bool(clean - spread <= 0.03 and abs(concentrated - (1 - self.noise_rate)) <= 0.05)
        values = {"clean": clean, "spread": spread, "concentrated": concentrated}
        return Outcome(finding, agrees, {"": pd.DataFrame(table)}, {"": figure}, values)
