"""K-NN from spread to concentrated noise, predicted from one number, rho.

One recipe compares the prediction with measured accuracy, one does so where a single number is not enough (small K,
tiny patches, few classes), and one shows predicted accuracy over noise rate and concentration: the paper's title.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.curves.predicted import predict_knn
from labelnoise.curves.surface import AccuracySurface, accuracy_surface
from labelnoise.figures import difference_figure, limits_figure, surface_figure
from labelnoise.noise import FlipNoise, NoiseModel, UniformNoise
from labelnoise.placement import Placement
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.graph import Patches
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import ConcentrationRun, DataSpecification, NeighborsRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_count, check_ks, check_noise_rates

MEAN_TARGET, WORST_TARGET = 0.007, 0.02
PREDICTIONS = ("predicted", "from_neighborhood_rate", "from_rates_found", "from_own_rate")


@dataclass(frozen=True, kw_only=True)
class ConcentrationTable:
    """Difference between measured and predicted accuracy over noise rate, concentration, K and noise model.

    Neighbors are searched in the features of a network trained as `training` says; without it, among pixels. The
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
    def title(self) -> str:
        """What the figure shows."""
        space = "pixels" if self.training is None else "features"
        placed = "in patches" if self.patch_sizes else "at any concentration"
        return f"K-NN on {self.data.title} {space}, noise {placed}"

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
                noises=(FlipNoise(), UniformNoise()),
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


@dataclass(frozen=True, kw_only=True)
class BetaLimits:
    """Noise in patches of one size, on data of few and of many classes, beside the prediction from rho.

    `tables` holds one table per data set, by its name.
    """

    tables: Mapping[str, ConcentrationTable]

    @property
    def title(self) -> str:
        """What the figure shows."""
        return "Where one number is not enough"

    def runs(self) -> list[ConcentrationRun]:
        """Return the runs of all tables."""
        return [run for table in self.tables.values() for run in table.runs()]

    def measure(self, results: Results) -> Measured[None]:
        """Return the mean absolute difference by patch size, K, noise model and number of classes."""
        parts = [table.measure(results).tables[""].assign(data=name) for name, table in self.tables.items()]
        means = pd.concat(parts, ignore_index=True)
        for name in PREDICTIONS:
            means[f"difference_{name}"] = np.abs(means["measured"] - means[name])
        table = means.groupby(["data", "noise", "k", "asked"], sort=False, as_index=False).agg(
            concentration=("concentration", "mean"),
            **{f"mean_difference_{name}": (f"difference_{name}", "mean") for name in PREDICTIONS},
            n=("n", "sum"),
        )
        return Measured({"": table.rename(columns={"asked": "patch_size"}), "means": means}, {}, None, None)

    def finding(self, measured: Measured[None]) -> str:
        """Say what the error of the prediction is made of, and where it is largest."""
        table, means = measured.tables[""], measured.tables["means"]
        mean = {name: points(table[f"mean_difference_{name}"].mean(), 2) for name in PREDICTIONS}
        of_shape = table["mean_difference_from_neighborhood_rate"]
        worst = table.iloc[int(of_shape.argmax())]
        higher = (means["neighborhood_rate"] - means["noise_rate"]).max()
        return (
            f"Mean difference over all cells: {mean['predicted']} points from the training set's noise rate and rho, "
            f"{mean['from_neighborhood_rate']} from those of the neighborhoods (patches hold hubs: noise rates there "
            f"are up to {points(higher)} points higher), {mean['from_rates_found']} from the local noise rates found. "
            f"The Beta distribution is worst for {worst['noise']} noise on {worst['data']}, K = {worst['k']}, patches "
            f"of {worst['patch_size']}: {points(of_shape.max())} points."
        )

    def figure(self, measured: Measured[None]) -> Drawing:
        """Draw the differences over the size of the patches."""
        first = next(iter(self.tables.values()))
        return Drawing(
            partial(limits_figure, measured.tables[""]),
            f"{', '.join(table.data.caption() for table in self.tables.values())}, pixels",
            f"noise rates {', '.join(f'{rate:g}' for rate in first.noise_rates)}; mean over rates of the absolute "
            f"difference of measured mean ({first.draws} draws) and prediction from the neighborhoods' mean noise rate "
            f"and rho, seed {first.seed}.",
        )


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Accuracy of K-NN over noise rate and concentration.

    Both go from 0 to 1, in `n_rates` and `n_concentrations` points, at least 2 each.
    """

    data: DataSpecification
    noise: NoiseModel = UniformNoise()  # noqa: RUF009  a frozen value
    k: int = 30
    n_rates: int = 51
    n_concentrations: int = 41

    def __post_init__(self) -> None:
        for name in ("n_rates", "n_concentrations"):
            check_count(getattr(self, name), name)
            if getattr(self, name) < 2:
                raise ValueError(f"`{name}` must be at least 2, both ends of the grid; got 1.")

    @property
    def title(self) -> str:
        """What the figure shows."""
        return "Accuracy over noise rate and concentration"

    def runs(self) -> list[NeighborsRun]:
        """Return the search for neighbors."""
        return [NeighborsRun(data=self.data, k=self.k)]

    def measure(self, results: Results) -> Measured[AccuracySurface]:
        """Predict the surface, and the noise rate that it tolerates at each concentration."""
        (neighbors,), (train, test) = self.runs(), self.data.load()
        rates, rhos = np.linspace(0, 1, self.n_rates), np.linspace(0, 1, self.n_concentrations)
        curve = predict_knn(neighbors.neighbors(results), train.labels, test.labels, self.noise, rates, self.k)
        surface = accuracy_surface(curve, rhos)
        target = 0.9 * surface.accuracy[0, 0]
        tolerated = surface.tolerance(target)
        by_rho = dict(zip(surface.concentrations.tolist(), tolerated.tolist(), strict=True))
        values, falls = (
            {"target": float(target), "tolerance": by_rho},
            bool(np.all(np.diff(tolerated) <= 1e-9) and tolerated[-1] < tolerated[0]),
        )
        return Measured({"": surface.to_frame()}, values, falls, surface)

    def finding(self, measured: Measured[AccuracySurface]) -> str:
        """Say how much noise is tolerated at either end and half way."""
        tolerated = list(measured.values["tolerance"].values())
        return (
            f"The noise rate that keeps nine tenths of the accuracy without noise falls from {tolerated[0]:.2f} where "
            f"noise is spread to {tolerated[self.n_concentrations // 2]:.2f} half way and {tolerated[-1]:.2f} where it "
            f"is concentrated."
        )

    def figure(self, measured: Measured[AccuracySurface]) -> Drawing:
        """Draw the surface."""
        draw = partial(surface_figure, measured.shown)
        return Drawing(draw, f"{self.data.caption()}, pixels", "finite neighborhoods.")


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
