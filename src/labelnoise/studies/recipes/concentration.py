"""K-NN from spread to concentrated noise: measured accuracy on the prediction from one number, rho."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelnoise.figures import difference_figure
from labelnoise.noise import FlipNoise, NoiseModel, UniformNoise
from labelnoise.placement import Placement
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.graph import Patches
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import ConcentrationRun, DataSpecification, NeighborsRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_ks, check_noise_rates

MEAN_TARGET, WORST_TARGET = 0.007, 0.02
PREDICTIONS = ("predicted", "from_neighborhood_rate", "from_rates_found", "from_own_rate")


@dataclass(frozen=True, kw_only=True)
class ConcentrationTable:
    """Difference between measured and predicted accuracy over noise rate, concentration, K and noise model.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification, optional
        Of the network whose features are searched; None for pixels.
    noise_rates, concentrations : tuple of float
        Concentrations are asked; the comparison is at the measured ones.
    patch_sizes : tuple of int
        In place of chosen concentrations: noise in patches of these sizes.
    k : tuple of int
    draws : int
    seed : int
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
        """Both of the paper's."""
        return (FlipNoise(), UniformNoise())

    @property
    def _neighbors(self) -> NeighborsRun:
        network = None if self.training is None else clean_run(self.data, self.training)
        return NeighborsRun(data=self.data, k=max(self.k), features_of=network)

    def _placements(self, k: int) -> tuple[Placement, ...]:
        if self.patch_sizes:
            return tuple(Patches(size) for size in self.patch_sizes)
        return tuple(Concentrated(rho, k=k) for rho in self.concentrations)

    def runs(self) -> list[Run]:
        """One for every noise rate and K."""
        return [
            ConcentrationRun(
                neighbors=self._neighbors,
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

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """All draws, their means, and the differences by K and noise model."""
        draws = pd.concat([results.result(run).tables["draws"] for run in self.runs()], ignore_index=True)
        keys = ["noise", "placement", "k", "noise_rate", "asked"]
        means = draws.groupby(keys, sort=False, as_index=False).agg(
            concentration=("concentration", "mean"),
            neighborhood_rate=("neighborhood_rate", "mean"),
            measured=("measured", "mean"),
            std=("measured", "std"),
            n=("measured", "size"),
            **{name: (name, "mean") for name in PREDICTIONS},
        )
        means["difference_points"] = 100 * (means["measured"] - means["predicted"])
        summary = pd.DataFrame(
            [
                {
                    "noise": noise,
                    "k": k,
                    "prediction": name,
                    "of": of,
                    "mean_difference": float(np.abs(part["measured"] - part[name]).mean()),
                    "worst_difference": float(np.abs(part["measured"] - part[name]).max()),
                    "n": len(part),
                }
                for of, table in (("means over draws", means), ("single draws", draws))
                for (noise, k), part in table.groupby(["noise", "k"], sort=False)
                for name in PREDICTIONS
            ]
        )
        of_means = summary[summary["of"] == "means over draws"]
        by_k, seen = (_by_k(of_means, name) for name in ("predicted", "from_neighborhood_rate"))
        single = summary[(summary["prediction"] == "predicted") & (summary["of"] == "single draws")]
        finding = (
            f"Measured mean against the prediction from the measured concentration, in points: {_differences(by_k)} "
            f"({self.draws} draws a cell; single draws: {100 * single['worst_difference'].max():.2f} at most). With "
            f"the noise rate of the neighborhoods measured as well: {_differences(seen)}."
        )
        space = "pixels" if self.training is None else f"features of {self.training.network}"
        caption = (
            f"{self.data.caption()}, {space}, {scale} scale; noise rates "
            f"{', '.join(f'{rate:g}' for rate in self.noise_rates)}; "
            f"each point the mean of {self.draws} draws, seed {self.seed}; finite neighborhoods, ties: random."
        )
        values = {
            "mean_difference": {str(k): row["mean"] for k, row in by_k.iterrows()},
            "worst_difference": {str(k): row["worst"] for k, row in by_k.iterrows()},
            "mean_difference_from_neighborhood_rate": {str(k): row["mean"] for k, row in seen.iterrows()},
            "worst_difference_from_neighborhood_rate": {str(k): row["worst"] for k, row in seen.iterrows()},
            "worst_single_draw": float(single["worst_difference"].max()),
        }
        agrees = bool((by_k["mean"] <= MEAN_TARGET).all() and (by_k["worst"] <= WORST_TARGET).all())
        figure = difference_figure(means, title=title, caption=caption)
        return Outcome(finding, agrees, {"": means, "draws": draws, "summary": summary}, {"": figure}, values)


def _by_k(summary: pd.DataFrame, prediction: str) -> pd.DataFrame:
    """Mean and worst difference of a prediction for each K."""
    ours = summary[summary["prediction"] == prediction]
    return ours.groupby("k").agg(mean=("mean_difference", "mean"), worst=("worst_difference", "max"))


def _differences(by_k: pd.DataFrame) -> str:
    return "; ".join(
        f"K = {k}: {100 * row['mean']:.2f} on average, {100 * row['worst']:.2f} at most" for k, row in by_k.iterrows()
    )
