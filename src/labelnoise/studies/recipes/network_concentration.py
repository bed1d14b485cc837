"""A network from spread to concentrated noise at one noise rate, beside K-NN in its features."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelnoise.curves.predicted import accuracy_curve, predict_knn
from labelnoise.figures import accuracy_over_concentration_figure
from labelnoise.neighborhoods.votes import vote_accuracy
from labelnoise.noise import FlipNoise, NoiseModel
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.concentration import concentration
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run, run_seed
from labelnoise.studies.runs import DataSpecification, NeighborsRun, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_count, check_noise_rates


@dataclass(frozen=True, kw_only=True)
class NetworkConcentration:
    """Accuracy against rho of a network, and of K-NN in the clean network's features, on the same noisy labels.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
        Its seed decides all others.
    noise : NoiseModel
    noise_rate : float
    concentrations : tuple of float
        Asked; calibrated in the features of the network trained on clean labels.
    repeats : int
        Noise draws and trainings a concentration.
    k : int
        Neighborhoods in which rho is set and measured, and of the predictions.
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
    def _clean(self) -> TrainingRun:
        return clean_run(self.data, self.training)

    @property
    def _neighbors(self) -> NeighborsRun:
        return NeighborsRun(data=self.data, k=self.k, features_of=self._clean)

    def _training(self, rho: float, repeat: int) -> TrainingRun:
        seed = run_seed(self.training.seed, self.noise_rate, repeat)
        return TrainingRun(
            data=self.data,
            training=dataclasses.replace(self.training, seed=seed),
            noise=self.noise,
            noise_rate=self.noise_rate,
            placement=Concentrated(rho, k=self.k),
            placed_by=self._clean,
            noise_seed=seed,
        )

    def runs(self) -> list[Run]:
        """Every concentration and repeat."""
        trainings = [self._training(rho, i) for rho in self.concentrations for i in range(self.repeats)]
        return [self._neighbors, *trainings]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Measured network and K-NN, and predictions from the concentration measured for each."""
        train, test = self.data.load()
        clean, hoods = results.result(self._clean), self._neighbors.neighbors(results)
        softmax = clean.arrays["pred_probs"].astype(np.float64)
        rows = []
        for asked in self.concentrations:
            for repeat in range(self.repeats):
                found = results.result(self._training(asked, repeat))
                labels = found.arrays["noisy_labels"]
                rho = concentration(found.arrays["selected"], hoods, self.k)
                rate, used = found.record["noise_rate"], min(max(rho, 0.0), 1.0)
                rng = np.random.default_rng([self.training.seed, repeat])
                n_classes = len(train.classes)
                voted = vote_accuracy(labels, hoods.indices, test.labels, self.k, n_classes, ties="random", rng=rng)
                by_softmax = accuracy_curve(softmax, test.labels, self.noise, rate, self.k, concentration=used)
                of_knn = predict_knn(hoods, train.labels, test.labels, self.noise, rate, self.k, concentration=used)
                common = {"asked": asked, "repeat": repeat, "noise_rate": rate, "concentration": rho}
                measured = {
                    "network": (found.record["test_accuracy"], by_softmax.accuracy[0, 0]),
                    f"K-NN, K = {self.k}": (voted[0], of_knn.accuracy[0, 0]),
                }
                rows += [
                    {"method": method, **common, "measured": float(m), "predicted": float(p)}
                    for method, (m, p) in measured.items()
                ]
        draws = pd.DataFrame(rows)
        table = draws.groupby(["method", "asked"], sort=False, as_index=False).agg(
            concentration=("concentration", "mean"),
            measured=("measured", "mean"),
            std=("measured", "std"),
            n=("measured", "size"),
            predicted=("predicted", "mean"),
        )
        table["difference_points"] = 100 * (table["measured"] - table["predicted"])
        values, parts = {"clean_accuracy": clean.record["test_accuracy"]}, []
        for method, part in table.groupby("method", sort=False):
            apart = np.abs(part["difference_points"])
            values[str(method)] = {"mean_difference_points": apart.mean(), "worst_difference_points": apart.max()}
            first, last = part.iloc[0], part.iloc[-1]
            parts.append(
                f"{method}: {100 * first['measured']:.1f} % at rho = {round(first['concentration'], 2) + 0.0:.2f}, "
                f"{100 * last['measured']:.1f} % at {last['concentration']:.2f} (predicted "
                f"{100 * first['predicted']:.1f} and {100 * last['predicted']:.1f}; mean difference "
                f"{apart.mean():.1f}, largest {apart.max():.1f} points)"
            )
        caption = (
            f"{self.data.caption()}, {scale} scale; {self.noise.name} noise at rate {self.noise_rate:g}, placed in the "
            f"features of the {self.training.network} trained on clean labels; {self.repeats} draws and trainings a "
            f"concentration, base seed {self.training.seed}; rho measured in test samples' neighborhoods of "
            f"K = {self.k}."
        )
        figure = accuracy_over_concentration_figure(table, title=title, caption=caption)
        of_network = table[table["method"] == "network"]
        falls = bool(of_network["concentration"].corr(of_network["measured"], method="spearman") < -0.8)
        return Outcome("; ".join(parts) + ".", falls, {"": table, "draws": draws}, {"": figure}, values)
