"""The same share of wrong labels, spread and concentrated, on a map of deep features (figure 1)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pandas as pd

from labelnoise.figures import EmbeddingPanel, embedding_figure
from labelnoise.noise import UniformNoise
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.recipes.settings import clean_run, noisy_run, region_run
from labelnoise.studies.runs import DataSpecification, EmbeddingRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run


@dataclass(frozen=True, kw_only=True)
class NoiseMap:
    """A map of the clean network's features, colored by the given labels under either kind of noise.

    Noise of the same `noise_rate` is uniform and spread in one panel, and one cluster of every class in the other. The
    map shows `n_points` images.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise_rate: float = 0.2
    n_points: int = 2000

    @property
    def title(self) -> str:
        """What the figure shows."""
        return f"{self.data.title} deep features under {100 * self.noise_rate:g} % noise, spread and concentrated"

    def _trainings(self) -> dict[str, Run]:
        spread = noisy_run(self.data, self.training, UniformNoise(), self.noise_rate)
        region = region_run(self.data, self.training, self.noise_rate)
        return {"randomly spread (uniform)": spread, "locally concentrated": region}

    @property
    def _map(self) -> EmbeddingRun:
        clean = clean_run(self.data, self.training)
        return EmbeddingRun(features_of=clean, n_points=self.n_points, seed=self.training.seed)

    def runs(self) -> list[Run]:
        """Return the map and both trainings."""
        return [self._map, *self._trainings().values()]

    def measure(self, results: Results) -> Measured[list[EmbeddingPanel]]:
        """Return two maps, and the accuracy of each network."""
        mapped, train = results.result(self._map).arrays, self.data.load()[0]
        place, truth = mapped["points"], train.labels[mapped["indices"]]
        panels, table = [], pd.DataFrame({"x": place[:, 0], "y": place[:, 1], "label": truth})
        for letter, (name, run) in zip("ab", self._trainings().items(), strict=True):
            found = results.result(run)
            given, accuracy = found.arrays["noisy_labels"][mapped["indices"]], found.record["test_accuracy"]
            title = f"({letter}) {found.record['noise_rate']:.0%} {name}"
            panels.append(EmbeddingPanel(place, given, given != truth, accuracy, title))
            table[f"given_label_{letter}"] = given
        clean = results.result(clean_run(self.data, self.training)).record["test_accuracy"]
        spread, concentrated = (panel.accuracy for panel in panels)
        agrees = bool(spread >= 0.95 and abs(concentrated - (1 - self.noise_rate)) <= 0.05)
        return Measured({"": table}, {"clean": clean, "spread": spread, "concentrated": concentrated}, agrees, panels)

    def finding(self, measured: Measured[list[EmbeddingPanel]]) -> str:
        """Say how accurate each network is."""
        spread, concentrated, clean = (points(measured.values[name]) for name in ("spread", "concentrated", "clean"))
        return (
            f"Test accuracy {spread} % under spread noise, {concentrated} % under concentrated noise (clean labels: "
            f"{clean} %)."
        )

    def figure(self, measured: Measured[list[EmbeddingPanel]]) -> Drawing:
        """Draw both maps."""
        return Drawing(
            partial(embedding_figure, measured.shown),
            self.data.caption(),
            f"t-SNE of {len(measured.tables['']):,} training images' features in the {self.training.network} trained "
            f"on clean labels; color: given label; one training each, base seed {self.training.seed}.",
        )
