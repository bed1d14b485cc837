"""A network under spread noise over the family of analytic curves (figure 4a-g)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelnoise.curves.predicted import accuracy_curve
from labelnoise.curves.tolerance import first_crossing
from labelnoise.figures import family_figure
from labelnoise.noise import MatrixNoise, NoiseModel
from labelnoise.softmax.effective import effective_neighborhood
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run, noisy_runs
from labelnoise.studies.runs import DataSpecification, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_count, check_ks, check_noise_rates, check_ties

CANDIDATES = tuple(np.unique(np.round(np.geomspace(1, 300, 45)).astype(int)).tolist())
"""Besides those drawn, the K among which the nearest curve is looked for: closer than trainings can tell apart."""
APART = 1.2
"""Ratio of the K whose curves can be told apart in the figure; of two that are nearer, the nearest curve's is drawn."""


@dataclass(frozen=True, kw_only=True)
class NetworkCurves:
    """Measured accuracy of a network over the noise rate, and the analytic curves from its clean softmax.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
        Its seed decides all others.
    noise : NoiseModel
    noise_rates : tuple of float
    repeats : int
        Trainings a level.
    k : tuple of int
        Of the analytic curves.
    ties : str
        Of the analytic curves.
    breaks_near : float, optional
        The noise rate at which the paper's network breaks, to compare with.
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

    def runs(self) -> list[Run]:
        """Every noise rate and repeat, and the clean training, from whose softmax the analytic curves start."""
        clean = [] if 0 in self.noise_rates else [clean_run(self.data, self.training)]
        return [*clean, *noisy_runs(self.data, self.training, self.noise, self.noise_rates, self.repeats)]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """The measured curve, the family, and the K that fits best."""
        _, test = self.data.load()
        runs = noisy_runs(self.data, self.training, self.noise, self.noise_rates, self.repeats)
        records = [results.result(run).record for run in runs]
        shape = (len(self.noise_rates), self.repeats)
        accuracies = np.array([record["test_accuracy"] for record in records]).reshape(shape)
        rates, mean = np.array(self.noise_rates), accuracies.mean(axis=1)
        std = accuracies.std(axis=1, ddof=1) if self.repeats > 1 else np.full(len(rates), np.nan)
        trained_clean = results.result(clean_run(self.data, self.training))
        softmax = trained_clean.arrays["pred_probs"].astype(np.float64)
        without_noise = float(mean[rates == 0][0] if 0 in rates else trained_clean.record["test_accuracy"])
        candidates = sorted({*CANDIDATES, *self.k})
        found = effective_neighborhood((rates, mean), softmax, test.labels, self.noise, ks=candidates, ties=self.ties)
        ks = sorted({*self.k, found.k})
        predicted = found.predicted[:, np.searchsorted(found.ks, ks)]
        table = pd.DataFrame({"noise_rate": rates, "measured": mean, "std": std, "n": self.repeats})
        for column, k in enumerate(ks):
            table[f"predicted_k{k}"] = predicted[:, column]
        table["difference_points"] = 100 * (mean - predicted[:, ks.index(found.k)])
        halved = mean.min() < without_noise / 2
        breaking = first_crossing(rates, mean, without_noise / 2) if halved else float("nan")
        values: dict[str, Any] = {
            "effective_k": found.k,
            "mean_difference": found.mean_error,
            "worst_difference": found.worst_error,
            "clean_accuracy": without_noise,
            "breaks_at": breaking,
        }
        if np.isnan(breaking):
            where = "less than half of that already at the lowest noise rate" if halved else "never halved"
        else:
            where = f"halved at a noise rate of {breaking:.2f}"
        finding = (
            f"Accuracy {100 * without_noise:.1f} % without noise, {where}; nearest analytic "
            f"curve K = {found.k}: mean difference {100 * found.mean_error:.1f}, largest "
            f"{100 * found.worst_error:.1f} points."
        )
        agrees = None if self.breaks_near is None else abs(breaking - self.breaks_near) <= 0.05
        shown = [k for k in ks if k == found.k or max(k, found.k) > APART * min(k, found.k)]
        lines = accuracy_curve(softmax, test.labels, self.noise, np.linspace(0, rates.max(), 61), shown, ties=self.ties)
        caption = (
            f"{self.data.caption()}, {scale} scale; {self.training.network}, {len(test):,} test images, base seed "
            f"{self.training.seed}; lines: Eq. 1-3 from the softmax of the network trained on clean labels; "
            f"K = {found.k} is nearest (mean difference {100 * found.mean_error:.1f} points)."
        )
        matrix = self.noise.corruption_matrix if isinstance(self.noise, MatrixNoise) else None
        figure = family_figure(
            lines, rates, mean, std, repeats=self.repeats, title=title, caption=caption, matrix=matrix
        )
        trainings = pd.DataFrame(
            [{"noise_rate": run.noise_rate, **_plain(record)} for run, record in zip(runs, records, strict=True)]
        )
        return Outcome(finding, agrees, {"": table, "trainings": trainings}, {"": figure}, values)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """The columns of a table of trainings."""
    return {key: value for key, value in record.items() if not isinstance(value, list | dict) and key != "noise_rate"}
