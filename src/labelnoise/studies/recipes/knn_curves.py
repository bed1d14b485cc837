"""K-NN under label noise, measured and predicted (figure 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelnoise.curves.comparison import comparison_table
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.predicted import predict_knn
from labelnoise.curves.vote_models import MODELS
from labelnoise.figures import curve_figure
from labelnoise.noise import NoiseModel
from labelnoise.studies.recipes.recipe import Drawing, Measured, noise_title, points
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import DataSpecification, NeighborsRun, TrainingSpecification, VotingRun, measured_curve
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_choice, check_ks, check_noise_rates

ALLOWANCE = 0.005
"""How far a measured mean may be from the prediction, beyond two standard errors, if the curves coincide."""

Compared = tuple[AccuracyCurve, AccuracyCurve, str]
"""The predicted and the measured curve, and the space in which neighbors are searched."""


@dataclass(frozen=True, kw_only=True)
class KnnCurves:
    """Measured accuracy of K-NN beside predicted accuracy.

    Neighbors are searched in the features of a network trained as `training` says; without it, among pixels. `repeats`
    is the number of noise draws per noise rate; `ties` and `model` are those of `labelnoise.predict_knn`.
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
    def title(self) -> str:
        """What the figure shows."""
        space = "pixels" if self.training is None else "features"
        return f"K-NN on {self.data.title} {space}, {noise_title(self.noise)}"

    @property
    def neighbors(self) -> NeighborsRun:
        """The search for neighbors, done once for all noise rates."""
        network = None if self.training is None else clean_run(self.data, self.training)
        return NeighborsRun(data=self.data, k=max(self.k), features_of=network)

    def runs(self) -> list[VotingRun]:
        """Return the votes at each noise rate, which require the rest."""
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

    def measure(self, results: Results) -> Measured[Compared]:
        """Compare measured means with the prediction."""
        measured, (train, test) = measured_curve(self.runs(), results), self.data.load()
        hoods, network = self.neighbors.neighbors(results), self.neighbors.features_of
        predicted = predict_knn(
            hoods, train.labels, test.labels, self.noise, self.noise_rates, self.k, ties=self.ties, model=self.model
        )
        assert measured.standard_error is not None
        difference = np.abs(measured.accuracy - predicted.accuracy)
        within = difference <= ALLOWANCE + 2 * np.nan_to_num(measured.standard_error)
        values = {
            **({} if network is None else {"network_accuracy": results.result(network).record["test_accuracy"]}),
            "mean_difference": float(difference.mean()),
            "worst_difference": float(difference.max()),
            "within_allowance": int(within.sum()),
            "compared": within.size,
        }
        width = self.neighbors.features(results)[0].shape[1]
        space = f"{width} pixels" if network is None else f"{width}-d features of {network.training.network}"
        table = comparison_table(predicted, measured)
        return Measured({"": table}, values, bool(within.all()), (predicted, measured, space))

    def finding(self, measured: Measured[Compared]) -> str:
        """Say how many means coincide with the prediction."""
        found = measured.values
        text = (
            f"{found['within_allowance']} of {found['compared']} measured means lie within 0.5 points + 2 standard "
            f"errors of the prediction; mean difference {points(found['mean_difference'], 2)}, largest "
            f"{points(found['worst_difference'], 2)} points."
        )
        if "network_accuracy" in found:
            text += f" The network's own accuracy is {points(found['network_accuracy'])} %."
        return text

    def figure(self, measured: Measured[Compared]) -> Drawing:
        """Draw the measured means over the predicted curves, and their difference below."""
        predicted, means, space = measured.shown
        return Drawing(
            lambda title, caption: curve_figure(predicted, means, title=title, data=caption),
            f"{self.data.caption()}, {space}",
            f"seed {self.seed}",
        )
