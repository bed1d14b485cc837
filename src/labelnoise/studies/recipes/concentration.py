"""K-NN from spread to concentrated noise: measured accuracy beside the prediction from one number, rho."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.figures import difference_figure
from labelnoise.noise import FlipNoise, NoiseModel, UniformNoise
from labelnoise.placement import Placement
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.graph import Patches
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import ConcentrationRun, DataSpecification, NeighborsRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_ks, check_noise_rates

MEAN_TARGET, WORST_TARGET = 0.007, 0.02
PREDICTIONS = ("predicted", "from_neighborhood_rate", "from_rates_found", "from_own_rate")


@dataclass(frozen=True, kw_only=True)
class ConcentrationTable:
    """Difference between measured and predicted accuracy over noise rate, concentration, K and noise model.

    Neighbors are searched in the features of a network with this `training`, or for None among pixels. The
    `concentrations` are those asked for; the comparison is at the measured ones. With `patch_sizes`, noise lies in
    patches of these sizes instead.
    """

    data: DataSpecification
    training: TrainingSpecification | None = None
    noise_rates: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
    concentrations: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
    patch_sizes: tuple[int, ...] = ()
    k: tuple[int, ...] = (10, 30, 100)
    draws: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        check_ks(self.k)
        check_noise_rates(self.noise_rates)
        check_noise_rates(self.concentrations, "concentrations")

    @property
    def noises(self) -> tuple[NoiseModel, ...]:
        """The paper's two noise models."""
        return (FlipNoise(), UniformNoise())

    def _placements(self, k: int) -> tuple[Placement, ...]:
        if self.patch_sizes:
            return tuple(Patches(size) for size in self.patch_sizes)
        return tuple(Concentrated(rho, k=k) for rho in self.concentrations)

    def runs(self) -> list[ConcentrationRun]:
        """Return one run per noise rate and K."""
        network = None if self.training is None else clean_run(self.data, self.training)
        neighbors = NeighborsRun(data=self.data, k=max(self.k), features_of=network)
        return [
            ConcentrationRun(
                neighbors=neighbors,
                noises=self.noises,
                noise_rate=rate,
                placements=self._placements(k),
                k=k,
                draws=self.draws,
                seed=self.seed,
            )
            for k in self.k
            for rate in self.noise_rates
        ]

    def measure(self, results: Results) -> Measured[None]:
        """Return all draws, their means, and the differences by K and noise model."""
        draws = pd.concat([results.result(run).tables["draws"] for run in self.runs()], ignore_index=True)
        means = _means(draws)
        summary = pd.DataFrame([*_differences("means over draws", means), *_differences("single draws", draws)])
        of_means = summary[summary["of"] == "means over draws"]
        by_k, seen = (_by_k(of_means, name) for name in ("predicted", "from_neighborhood_rate"))
        single = summary[(summary["prediction"] == "predicted") & (summary["of"] == "single draws")]
        values = {
            "mean_difference": by_k["mean"],
            "worst_difference": by_k["worst"],
            "mean_difference_from_neighborhood_rate": seen["mean"],
            "worst_difference_from_neighborhood_rate": seen["worst"],
            "worst_single_draw": float(single["worst_difference"].max()),
        }
        agrees = max(by_k["mean"].values()) <= MEAN_TARGET and max(by_k["worst"].values()) <= WORST_TARGET
        return Measured({"": means, "draws": draws, "summary": summary}, values, agrees, None)

    def finding(self, measured: Measured[None]) -> str:
        """Say how large the differences are for each K."""
        found = measured.values

        def by_k(suffix: str = "") -> str:
            mean, worst = found[f"mean_difference{suffix}"], found[f"worst_difference{suffix}"]
            return "; ".join(f"K = {k}: {points(mean[k], 2)} on average, {points(worst[k], 2)} at most" for k in mean)

        return (
            f"Measured mean against the prediction from the measured concentration, in points: {by_k()} "
            f"({self.draws} draws per cell; single draws: {points(found['worst_single_draw'], 2)} at most). With the "
            f"noise rate of the neighborhoods measured as well: {by_k('_from_neighborhood_rate')}."
        )

    def figure(self, measured: Measured[None]) -> Drawing:
        """Draw the differences over the concentration."""
        space = "pixels" if self.training is None else f"features of {self.training.network}"
        return Drawing(
            partial(difference_figure, measured.tables[""]),
            f"{self.data.caption()}, {space}",
            f"noise rates {', '.join(f'{rate:g}' for rate in self.noise_rates)}; each point is the mean of "
            f"{self.draws} draws, seed {self.seed}; finite neighborhoods, ties: random.",
        )


def _means(draws: pd.DataFrame) -> pd.DataFrame:
    """Return the means over draws of the same cell."""
    keys = ["noise", "placement", "k", "noise_rate", "asked"]
    means = draws.groupby(keys, sort=False, as_index=False).agg(
        concentration=("concentration", "mean"),
        neighborhood_rate=("neighborhood_rate", "mean"),
        measured=("measured", "mean"),
        std=("measured", "std"),
        n=("measured", "size"),
        **{name: (name, "mean") for name in PREDICTIONS},
    )
    return means.assign(difference_points=100 * (means["measured"] - means["predicted"]))


def _differences(of: str, table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the mean and the largest difference of each prediction, by K and noise model."""
    return [
        {
            "noise": noise,
            "k": k,
            "prediction": name,
            "of": of,
            "mean_difference": float(np.abs(part["measured"] - part[name]).mean()),
            "worst_difference": float(np.abs(part["measured"] - part[name]).max()),
            "n": len(part),
        }
        for (noise, k), part in table.groupby(["noise", "k"], sort=False)
        for name in PREDICTIONS
    ]


def _by_k(summary: pd.DataFrame, prediction: str) -> dict[str, dict[str, float]]:
    """Return the mean and the worst difference of a prediction, each by K."""
    of_k = summary[summary["prediction"] == prediction].groupby("k")
    found = of_k.agg(mean=("mean_difference", "mean"), worst=("worst_difference", "max"))
    return {column: {str(k): value for k, value in found[column].items()} for column in ("mean", "worst")}
