"""A network under locally concentrated noise (figure 4h-i)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.figures import concentrated_figure
from labelnoise.studies.recipes.recipe import Drawing, Measured, points, std_or_nan
from labelnoise.studies.recipes.settings import clean_run, region_run
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_count, check_noise_rates

_SCORES = ("test_accuracy", "clean_region", "noisy_region", "noisy_share", "noise_rate")


@dataclass(frozen=True, kw_only=True)
class RegionCurves:
    """Accuracy over the noise rate where one cluster of every class is wrong, with clean and noisy regions apart.

    The seed of `training` decides all others. The `noise_rates` are those asked for: about one over the number of
    clusters per class. `repeats` is the number of trainings per noise rate.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise_rates: tuple[float, ...]
    repeats: int = 3

    def __post_init__(self) -> None:
        check_noise_rates(self.noise_rates)
        check_count(self.repeats, "repeats")

    def runs(self) -> list[RegionRun]:
        """Return a training per noise rate and repeat."""
        repeats = range(self.repeats)
        return [region_run(self.data, self.training, rate, repeat) for rate in self.noise_rates for repeat in repeats]

    def measure(self, results: Results) -> Measured[None]:
        """Compare accuracy with that of clean labels times 1 - noise rate, and return it by region."""
        records = pd.DataFrame([results.result(run).record for run in self.runs()])[list(_SCORES)].astype(float)
        scores = {name: records[name].to_numpy().reshape(-1, self.repeats) for name in _SCORES}
        mean = {name: np.nanmean(values, axis=1) for name, values in scores.items()}
        alone = [clean_run(self.data, self.training, repeat) for repeat in range(self.repeats)]
        clean = float(np.mean([results.result(run).record["test_accuracy"] for run in alone]))
        expected = clean * (1 - mean["noise_rate"])
        difference = mean["test_accuracy"] - expected
        from_rate = mean["test_accuracy"] - (1 - mean["noise_rate"])
        table = pd.DataFrame(
            {
                "asked_noise_rate": self.noise_rates,
                "noise_rate": mean["noise_rate"],
                "measured": mean["test_accuracy"],
                "std": std_or_nan(scores["test_accuracy"]),
                "n": self.repeats,
                "predicted": expected,
                "difference_points": 100 * difference,
                "difference_from_1_minus_rate": 100 * from_rate,
                **{name: mean[name] for name in ("clean_region", "noisy_region", "noisy_share")},
            }
        )
        values = {
            "clean_accuracy": clean,
            "mean_difference": float(np.abs(difference).mean()),
            "worst_difference": float(np.abs(difference).max()),
            "mean_difference_from_1_minus_rate": float(np.abs(from_rate).mean()),
            "clean_region": float(mean["clean_region"].mean()),
            "noisy_region": float(mean["noisy_region"].mean()),
        }
        return Measured({"": table}, values, values["mean_difference"] <= 0.05, None)

    def finding(self, measured: Measured[None]) -> str:
        """Say how far the accuracy lies from what is expected, and how it differs between regions."""
        found, from_rate = measured.values, np.abs(measured.tables[""]["difference_from_1_minus_rate"])
        return (
            f"Overall accuracy lies {points(found['mean_difference'])} points from {points(found['clean_accuracy'])} % "
            f"(clean labels) x (1 - noise rate) on average, at most {points(found['worst_difference'])}; from "
            f"1 - noise rate {points(found['mean_difference_from_1_minus_rate'])}, at most {from_rate.max():.1f}. In "
            f"clean regions {points(found['clean_region'])} %, in noisy regions {points(found['noisy_region'])} %."
        )

    def figure(self, measured: Measured[None]) -> Drawing:
        """Draw the accuracy, overall and by region."""
        table, training = measured.tables[""], self.training
        return Drawing(
            partial(
                concentrated_figure,
                *(table["noise_rate"], table["measured"], table["std"]),
                clean_region=table["clean_region"],
                noisy_region=table["noisy_region"],
                repeats=self.repeats,
                clean_accuracy=measured.values["clean_accuracy"],
            ),
            self.data.caption(),
            f"{training.network}, {len(self.data.load()[1]):,} test images; one k-means cluster of every class in the "
            f"clean network's own features has the opposite class's labels; base seed {training.seed}.",
        )
