"""A network under spread noise over the family of analytic curves (figure 4a-g)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.predicted import accuracy_curve
from labelnoise.curves.tolerance import first_crossing
from labelnoise.figures import family_figure
from labelnoise.noise import MatrixNoise, NoiseModel
from labelnoise.softmax.effective import effective_neighborhood
from labelnoise.studies.recipes.recipe import Drawing, Measured, points, std_or_nan
from labelnoise.studies.recipes.settings import clean_run, noisy_runs
from labelnoise.studies.runs import DataSpecification, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_count, check_ks, check_noise_rates, check_ties

CANDIDATES = tuple(np.unique(np.round(np.geomspace(1, 300, 45)).astype(int)).tolist())
"""The K that are tried besides those drawn, to find the nearest curve; trainings cannot tell closer ones apart."""
APART = 1.2
"""Ratio of two K whose curves can be told apart in the figure; of two that are closer, only the nearest is drawn."""


@dataclass(frozen=True, kw_only=True)
class NetworkCurves:
    """Measured accuracy of a network over the noise rate, and the analytic curves from its clean softmax.

    The seed of `training` decides all others; `repeats` is the number of trainings per noise rate. `k` and `ties` are
    those of the analytic curves. `breaks_near` is the noise rate at which the paper's network breaks, to compare with.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise: NoiseModel
    noise_rates: tuple[float, ...]
    repeats: int = 3
    k: tuple[int, ...] = (3, 10, 30, 100)
    ties: str = "random"
    breaks_near: float | None = None

    def __post_init__(self) -> None:
        check_noise_rates(self.noise_rates)
        check_count(self.repeats, "repeats")
        check_ks(self.k)
        check_ties(self.ties)

    @property
    def _noisy(self) -> list[TrainingRun]:
        return noisy_runs(self.data, self.training, self.noise, self.noise_rates, self.repeats)

    def runs(self) -> list[TrainingRun]:
        """Return every noise rate and repeat, and the clean training: the analytic curves start from its softmax."""
        clean = [] if 0 in self.noise_rates else [clean_run(self.data, self.training)]
        return [*clean, *self._noisy]

    def measure(self, results: Results) -> Measured[AccuracyCurve]:
        """Return the measured curve, the analytic ones, and the K that fits best."""
        clean, labels = results.result(clean_run(self.data, self.training)), self.data.load()[1].labels
        softmax = clean.arrays["pred_probs"].astype(np.float64)
        trainings = pd.DataFrame(
            [{"noise_rate": run.noise_rate, **_plain(results.result(run).record)} for run in self._noisy]
        )
        scores = trainings["test_accuracy"].to_numpy().reshape(len(self.noise_rates), self.repeats)
        rates, mean = np.array(self.noise_rates), scores.mean(axis=1)
        candidates = sorted({*CANDIDATES, *self.k})
        found = effective_neighborhood((rates, mean), softmax, labels, self.noise, ks=candidates, ties=self.ties)
        ks = sorted({*self.k, found.k})
        predicted = dict(zip(ks, found.predicted[:, np.searchsorted(found.ks, ks)].T, strict=True))
        table = pd.DataFrame(
            {
                **{"noise_rate": rates, "measured": mean, "std": std_or_nan(scores), "n": self.repeats},
                **{f"predicted_k{k}": curve for k, curve in predicted.items()},
                "difference_points": 100 * (mean - predicted[found.k]),
            }
        )
        without_noise = float(mean[rates == 0][0] if 0 in rates else clean.record["test_accuracy"])
        halved = mean.min() < without_noise / 2
        breaking = first_crossing(rates, mean, without_noise / 2) if halved else float("nan")
        values = {
            "effective_k": found.k,
            "mean_difference": found.mean_error,
            "worst_difference": found.worst_error,
            "clean_accuracy": without_noise,
            "breaks_at": breaking,
        }
        agrees = None if self.breaks_near is None else abs(breaking - self.breaks_near) <= 0.05
        shown = [k for k in ks if k == found.k or max(k, found.k) > APART * min(k, found.k)]
        lines = accuracy_curve(softmax, labels, self.noise, np.linspace(0, rates.max(), 61), shown, ties=self.ties)
        return Measured({"": table, "trainings": trainings}, values, agrees, lines)

    def finding(self, measured: Measured[AccuracyCurve]) -> str:
        """Say where the network breaks, and which analytic curve is nearest."""
        found, lowest = measured.values, measured.tables[""]["measured"].min()
        if not np.isnan(found["breaks_at"]):
            where = f"halved at a noise rate of {found['breaks_at']:.2f}"
        elif lowest < found["clean_accuracy"] / 2:
            where = "less than half of that already at the lowest noise rate"
        else:
            where = "never halved"
        return (
            f"Accuracy {points(found['clean_accuracy'])} % without noise, {where}; nearest analytic curve "
            f"K = {found['effective_k']}: mean difference {points(found['mean_difference'])}, largest "
            f"{points(found['worst_difference'])} points."
        )

    def figure(self, measured: Measured[AccuracyCurve]) -> Drawing:
        """Draw the measured curve over the family of analytic ones."""
        table, found, lines = measured.tables[""], measured.values, measured.shown
        matrix = self.noise.corruption_matrix if isinstance(self.noise, MatrixNoise) else None
        columns = (table["noise_rate"], table["measured"], table["std"])
        return Drawing(
            partial(family_figure, lines, *columns, repeats=self.repeats, matrix=matrix),
            self.data.caption(),
            f"{self.training.network}, {lines.n_test:,} test images, base seed {self.training.seed}; lines: Eq. 1-3 "
            f"from the softmax of the network trained on clean labels; K = {found['effective_k']} is nearest (mean "
            f"difference {points(found['mean_difference'])} points).",
        )


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a table of trainings holds of a record."""
    return {key: value for key, value in record.items() if not isinstance(value, list | dict) and key != "noise_rate"}
