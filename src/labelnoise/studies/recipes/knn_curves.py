"""K-NN under label noise, measured and predicted (figure 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelnoise.curves.curve import comparison_table
from labelnoise.curves.predicted import predict_knn
from labelnoise.curves.vote_models import MODELS
from labelnoise.figures import curve_figure
from labelnoise.noise import NoiseModel
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import DataSpecification, NeighborsRun, TrainingSpecification, VotingRun, measured_curve
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_choice, check_ks, check_noise_rates

ALLOWANCE = 0.005
"""How far measured mean and prediction may be apart, beyond two standard errors, for curves that coincide."""


@dataclass(frozen=True, kw_only=True)
class KnnCurves:
    """Measured accuracy of K-NN on predicted accuracy.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification, optional
        Of the network whose features are searched; None for pixels.
    noise : NoiseModel
    noise_rates : tuple of float
    k : tuple of int
    repeats : int
        Noise draws a level.
    ties, model : str
        As in `labelnoise.predict_knn`.
    seed : int
    """

    data: DataSpecification
    training: TrainingSpecification | None = None
    noise: NoiseModel
    noise_rates: tuple[float, ...]
    k: tuple[int, ...] = (10, 30, 100)
    repeats: int = 10
    ties: str = "random"
    model: str = "finite"
    seed: int = 0

    def __post_init__(self) -> None:
        check_ks(self.k)
        check_noise_rates(self.noise_rates)
        check_choice(self.model, MODELS, "model")

    @property
    def neighbors(self) -> NeighborsRun:
        """The neighbors, searched once."""
        network = None if self.training is None else clean_run(self.data, self.training)
        return NeighborsRun(data=self.data, k=max(self.k), features_of=network)

    def votes(self) -> list[VotingRun]:
        """The votes at each noise rate."""
        return [
            VotingRun(
                neighbors=self.neighbors,
                noise=self.noise,
                noise_rate=rate,
                k=self.k,
                ties=self.ties,
                repeats=self.repeats,
                seed=self.seed,
            )
            for rate in self.noise_rates
        ]

    def runs(self) -> list[Run]:
        """The votes, which require the rest."""
        return [*self.votes()]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Measured mean on prediction, and the difference."""
        measured = measured_curve(self.votes(), results)
        train, test = self.data.load()
        hoods = self.neighbors.neighbors(results)
        predicted = predict_knn(
            hoods, train.labels, test.labels, self.noise, self.noise_rates, self.k, ties=self.ties, model=self.model
        )
        assert measured.standard_error is not None
        difference = np.abs(measured.accuracy - predicted.accuracy)
        within = difference <= ALLOWANCE + 2 * np.nan_to_num(measured.standard_error)
        values = {}
        if self.neighbors.features_of is None:
            space = f"{self.data.load_pixels()[0].features.shape[1]} pixels"
        else:
            network = results.result(self.neighbors.features_of)
            width = network.arrays["features"].shape[1]
            values["network_accuracy"] = network.record["test_accuracy"]
            space = f"{width}-d features of {self.training and self.training.network}"
        values |= {
            "mean_difference": float(difference.mean()),
            "worst_difference": float(difference.max()),
            "within_allowance": int(within.sum()),
            "compared": within.size,
        }
        finding = (
            f"{within.sum()} of {within.size} measured means lie within 0.5 points + 2 standard errors of the "
            f"prediction; mean difference {100 * difference.mean():.2f}, largest {100 * difference.max():.2f} points."
        )
        if "network_accuracy" in values:
            finding += f" The network's own accuracy is {100 * values['network_accuracy']:.1f} %."
        figure = curve_figure(
            predicted, measured, title=title, data=f"{self.data.caption()}, {space}, {scale} scale, seed {self.seed}"
        )
        table = comparison_table(predicted, measured)
        return Outcome(finding, bool(within.all()), {"": table}, {"": figure}, values)
