"""A network from spread to concentrated noise at one noise rate, beside K-NN in its features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.curves.predicted import accuracy_curve, predict_knn
from labelnoise.figures import accuracy_over_concentration_figure
from labelnoise.neighborhoods.votes import vote_accuracy
from labelnoise.noise import FlipNoise, NoiseModel
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.concentration import concentration
from labelnoise.studies.recipes.recipe import Drawing, Measured, noise_title, points
from labelnoise.studies.recipes.settings import clean_run, run_seed
from labelnoise.studies.runs import DataSpecification, NeighborsRun, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_count, check_noise_rates


@dataclass(frozen=True, kw_only=True)
class NetworkConcentration:
    """Accuracy against rho of a network, and of K-NN in the clean network's features, on the same noisy labels.

    The seed of `training` decides all others. The `concentrations` are those asked for, calibrated in the features of
    the network trained on clean labels; `repeats` is the number of noise draws, and so of trainings, at each. rho is
    set, measured and predicted from in neighborhoods of `k`.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise: NoiseModel = FlipNoise()  # noqa: RUF009  a frozen value
    noise_rate: float = 0.3
    concentrations: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
    repeats: int = 3
    k: int = 30

    def __post_init__(self) -> None:
        check_noise_rates(self.concentrations, "concentrations")
        check_count(self.repeats, "repeats")

    @property
    def title(self) -> str:
        """What the figure shows."""
        rate = f"{100 * self.noise_rate:g} %"
        return f"Network on {self.data.title}, {rate} {noise_title(self.noise)} at any concentration"

    @property
    def _clean(self) -> TrainingRun:
        return clean_run(self.data, self.training)

    @property
    def _neighbors(self) -> NeighborsRun:
        return NeighborsRun(data=self.data, k=self.k, features_of=self._clean)

    def _trainings(self) -> Iterator[tuple[float, int, TrainingRun]]:
        """Yield each concentration asked for, each repeat, and its training."""
        for rho in self.concentrations:
            for repeat in range(self.repeats):
                seed = run_seed(self.training.seed, self.noise_rate, repeat)
                run = TrainingRun(
                    data=self.data,
                    training=replace(self.training, seed=seed),
                    noise=self.noise,
                    noise_rate=self.noise_rate,
                    placement=Concentrated(rho, k=self.k),
                    placed_by=self._clean,
                    noise_seed=seed,
                )
                yield rho, repeat, run

    def runs(self) -> list[Run]:
        """Return the neighbors, and a training per concentration and repeat."""
        return [self._neighbors, *(run for _, _, run in self._trainings())]

    def measure(self, results: Results) -> Measured[None]:
        """Compare the network and K-NN with what is predicted from the concentration measured for each draw."""
        draws = pd.DataFrame(self._draws(results))
        table = draws.groupby(["method", "asked"], sort=False, as_index=False).agg(
            concentration=("concentration", "mean"),
            measured=("measured", "mean"),
            std=("measured", "std"),
            n=("measured", "size"),
            predicted=("predicted", "mean"),
        )
        table["difference_points"] = 100 * (table["measured"] - table["predicted"])
        values = {"clean_accuracy": results.result(self._clean).record["test_accuracy"]}
        for method, part in table.groupby("method", sort=False):
            apart = np.abs(part["difference_points"])
            values[str(method)] = {"mean_difference_points": apart.mean(), "worst_difference_points": apart.max()}
        network = table[table["method"] == "network"]
        falls = bool(network["concentration"].corr(network["measured"], method="spearman") < -0.8)
        return Measured({"": table, "draws": draws}, values, falls, None)

    def _draws(self, results: Results) -> Iterator[dict[str, object]]:
        """Yield one row per draw and method."""
        train, test = self.data.load()
        hoods, n_classes = self._neighbors.neighbors(results), len(train.classes)
        softmax = results.result(self._clean).arrays["pred_probs"].astype(np.float64)
        for asked, repeat, run in self._trainings():
            found = results.result(run)
            rho, rate = concentration(found.arrays["selected"], hoods, self.k), found.record["noise_rate"]
            used = min(max(rho, 0.0), 1.0)
            by_softmax = accuracy_curve(softmax, test.labels, self.noise, rate, self.k, concentration=used)
            of_knn = predict_knn(hoods, train.labels, test.labels, self.noise, rate, self.k, concentration=used)
            given, rng = found.arrays["noisy_labels"], np.random.default_rng([self.training.seed, repeat])
            (voted,) = vote_accuracy(given, hoods.indices, test.labels, self.k, n_classes, ties="random", rng=rng)
            for method, accuracy, curve in (
                ("network", found.record["test_accuracy"], by_softmax),
                (f"K-NN, K = {self.k}", voted, of_knn),
            ):
                yield {
                    **{"method": method, "asked": asked, "repeat": repeat, "noise_rate": rate, "concentration": rho},
                    **{"measured": float(accuracy), "predicted": float(curve.accuracy[0, 0])},
                }

    def finding(self, measured: Measured[None]) -> str:
        """Say how far each method's accuracy falls, and how far it lies from the prediction."""
        parts = []
        for method, part in measured.tables[""].groupby("method", sort=False):
            first, last, apart = part.iloc[0], part.iloc[-1], measured.values[str(method)]
            parts.append(
                f"{method}: {points(first['measured'])} % at rho = {round(first['concentration'], 2) + 0.0:.2f}, "
                f"{points(last['measured'])} % at {last['concentration']:.2f} (predicted "
                f"{points(first['predicted'])} and {points(last['predicted'])}; mean difference "
                f"{apart['mean_difference_points']:.1f}, largest {apart['worst_difference_points']:.1f} points)"
            )
        return "; ".join(parts) + "."

    def figure(self, measured: Measured[None]) -> Drawing:
        """Draw measured and predicted accuracy over the concentration."""
        return Drawing(
            partial(accuracy_over_concentration_figure, measured.tables[""]),
            self.data.caption(),
            f"{self.noise.name} noise at rate {self.noise_rate:g}, placed in the features of the "
            f"{self.training.network} trained on clean labels; {self.repeats} draws and trainings per concentration, "
            f"base seed {self.training.seed}; rho measured in test samples' neighborhoods of K = {self.k}.",
        )
