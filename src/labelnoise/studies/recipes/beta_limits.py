"""Where one number is not enough: small K, tiny patches, few classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.figures import limits_figure
from labelnoise.studies.recipes.concentration import PREDICTIONS, ConcentrationTable
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.runs import ConcentrationRun
from labelnoise.sweeps.run import Results


@dataclass(frozen=True, kw_only=True)
class BetaLimits:
    """Noise in patches of one size, on data of few and of many classes, beside the prediction from rho.

    `tables` holds one table per data set, by its name.
    """

    tables: Mapping[str, ConcentrationTable]

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
