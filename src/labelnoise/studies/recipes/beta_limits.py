"""Where one number is not enough: small K, tiny patches, few classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelnoise.figures import limits_figure
from labelnoise.studies.recipes.concentration import PREDICTIONS, ConcentrationTable
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.sweeps.run import Results, Run


@dataclass(frozen=True, kw_only=True)
class BetaLimits:
    """Noise in patches of one size, on data of few and of many classes, against the prediction from rho.

    Parameters
    ----------
    tables : mapping of str to ConcentrationTable
        By the name of the data.
    """

    tables: Mapping[str, ConcentrationTable]

    def runs(self) -> list[Run]:
        """Those of all tables."""
        return [run for table in self.tables.values() for run in table.runs()]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Mean absolute difference for each patch size, K, noise model and number of classes."""
        means = pd.concat(
            [table.outcome(results, title, scale).tables[""].assign(data=name) for name, table in self.tables.items()],
            ignore_index=True,
        )
        for name in PREDICTIONS:
            means[f"difference_{name}"] = np.abs(means["measured"] - means[name])
        keys = ["data", "noise", "k", "asked"]
        table = means.groupby(keys, sort=False, as_index=False).agg(
            concentration=("concentration", "mean"),
            **{f"mean_difference_{name}": (f"difference_{name}", "mean") for name in PREDICTIONS},
            n=("n", "sum"),
        )
        table = table.rename(columns={"asked": "patch_size"})
        parts = {name: 100 * table[f"mean_difference_{name}"].mean() for name in PREDICTIONS}
        of_shape = table["mean_difference_from_neighborhood_rate"]
        worst = table.iloc[int(of_shape.argmax())]
        seen = means["neighborhood_rate"] - means["noise_rate"]
        finding = (
            f"Mean difference over all cells: {parts['predicted']:.2f} points from the training set's noise rate and "
            f"rho, {parts['from_neighborhood_rate']:.2f} from those of the neighborhoods (patches hold hubs: noise "
            f"rates there are up to {100 * seen.max():.1f} points higher), {parts['from_rates_found']:.2f} from the "
            f"local noise rates found. The Beta distribution is worst for {worst['noise']} noise on {worst['data']}, "
            f"K = {worst['k']}, patches of {worst['patch_size']}: {100 * of_shape.max():.1f} points."
        )
        first = next(iter(self.tables.values()))
        caption = (
            f"{', '.join(table.data.caption() for table in self.tables.values())}, pixels, {scale} scale; noise rates "
            f"{', '.join(f'{r:g}' for r in first.noise_rates)}; mean over rates of the absolute difference of measured "
            f"mean ({first.draws} draws) and prediction from the neighborhoods' mean noise rate and rho, seed "
            f"{first.seed}."
        )
        return Outcome(
            finding, None, {"": table, "means": means}, {"": limits_figure(table, title=title, caption=caption)}
        )
