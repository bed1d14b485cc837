"""A network under locally concentrated noise (figure 4h-i)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelnoise.figures import concentrated_figure
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run, region_run
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_count, check_noise_rates

_SCORES = ("test_accuracy", "clean_region", "noisy_region", "noisy_share", "noise_rate")


@dataclass(frozen=True, kw_only=True)
class RegionCurves:
    """Accuracy over the noise rate where one cluster of every class is wrong, clean and noisy regions apart.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
        Its seed decides all others.
    noise_rates : tuple of float
        Asked; about one over the number of clusters a class.
    repeats : int
        Trainings a level.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise_rates: tuple[float, ...]
    repeats: int = 3

    def __post_init__(self) -> None:
        check_noise_rates(self.noise_rates)
        check_count(self.repeats, "repeats")

    def _levels(self) -> list[list[RegionRun]]:
        repeats = range(self.repeats)
        return [[region_run(self.data, self.training, rate, i) for i in repeats] for rate in self.noise_rates]

    def runs(self) -> list[Run]:
        """Every noise rate and repeat."""
        return [run for level in self._levels() for run in level]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Accuracy against the accuracy without noise times 1 - noise rate, and by region."""
        _, test = self.data.load()
        records = [[results.result(run).record for run in level] for level in self._levels()]
        scores = {
            name: np.array([[np.nan if r[name] is None else r[name] for r in level] for level in records])
            for name in _SCORES
        }
        mean = {name: np.nanmean(values, axis=1) for name, values in scores.items()}
        std = {
            name: values.std(axis=1, ddof=1) if self.repeats > 1 else np.full(len(values), np.nan)
            for name, values in scores.items()
        }
        clean = float(
            np.mean(
                [
                    results.result(clean_run(self.data, self.training, i)).record["test_accuracy"]
                    for i in range(self.repeats)
                ]
            )
        )
        expected = clean * (1 - mean["noise_rate"])
        difference = mean["test_accuracy"] - expected
        from_rate = mean["test_accuracy"] - (1 - mean["noise_rate"])
        table = pd.DataFrame(
            {
                "asked_noise_rate": self.noise_rates,
                "noise_rate": mean["noise_rate"],
                "measured": mean["test_accuracy"],
                "std": std["test_accuracy"],
                "n": self.repeats,
                "predicted": expected,
                "difference_points": 100 * difference,
                "difference_from_1_minus_rate": 100 * from_rate,
                "clean_region": mean["clean_region"],
                "noisy_region": mean["noisy_region"],
                "noisy_share": mean["noisy_share"],
            }
        )
        finding = (
            f"Overall accuracy lies {100 * np.abs(difference).mean():.1f} points from {100 * clean:.1f} % (clean "
            f"labels) x (1 - noise rate) on average, at most {100 * np.abs(difference).max():.1f}; from 1 - noise rate "
            f"{100 * np.abs(from_rate).mean():.1f}, at most {100 * np.abs(from_rate).max():.1f}. In clean regions "
            f"{100 * mean['clean_region'].mean():.1f} %, in noisy regions {100 * mean['noisy_region'].mean():.1f} %."
        )
        caption = (
            f"{self.data.caption()}, {scale} scale; {self.training.network}, {len(test):,} test images; one k-means "
            f"cluster of every class in the clean network's own features has the opposite class's labels; base seed "
            f"{self.training.seed}."
        )
        figure = concentrated_figure(
            mean["noise_rate"],
            mean["test_accuracy"],
            std["test_accuracy"],
            clean_region=mean["clean_region"],
            noisy_region=mean["noisy_region"],
            repeats=self.repeats,
            clean_accuracy=clean,
            title=title,
            caption=caption,
        )
        values = {
            "clean_accuracy": clean,
            "mean_difference": float(np.abs(difference).mean()),
            "worst_difference": float(np.abs(difference).max()),
            "mean_difference_from_1_minus_rate": float(np.abs(from_rate).mean()),
            "clean_region": float(mean["clean_region"].mean()),
            "noisy_region": float(mean["noisy_region"].mean()),
        }
        return Outcome(finding, bool(np.abs(difference).mean() <= 0.05), {"": table}, {"": figure}, values)
