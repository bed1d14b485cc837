"""Where one number is not enough: small K, tiny patches, few classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelnoise.experiments.recipes.concentration import ConcentrationTable
from labelnoise.experiments.recipes.protocol import Outcome
from labelnoise.experiments.runs import Results, Run
from labelnoise.figures import limits_figure


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
        for column, name in (("difference", "predicted"), ("difference_from_rates_found", "from_rates_found")):
            means[column] = np.abs(means["measured"] - means[name])
        keys = ["data", "noise", "k", "asked"]
        table = means.groupby(keys, sort=False, as_index=False).agg(
            concentration=("concentration", "mean"),
            mean_difference=("difference", "mean"),
            worst_difference=("difference", "max"),
            mean_from_rates_found=("difference_from_rates_found", "mean"),
            n=("n", "sum"),
        )
        table = table.rename(columns={"asked": "patch_size"})
        worst = table.iloc[int(table["mean_difference"].argmax())]
        finding = (
            f"Mean difference over all cells {100 * table['mean_difference'].mean():.2f} points; the worst cell is "
            f"{worst['noise']} noise on {worst['data']}, K = {worst['k']}, patches of {worst['patch_size']}: "
            f"{100 * worst['mean_difference']:.1f} points on average over noise rates, "
            f"{100 * worst['mean_from_rates_found']:.1f} if the local noise rates found take the place of the Beta "
            f"distribution."
        )
        first = next(iter(self.tables.values()))
        caption = (
            f"{', '.join(table.data.label for table in self.tables.values())}, pixels, {scale} scale; noise rates "
            f"{', '.join(f'{r:g}' for r in first.noise_rates)}; mean over rates of the absolute difference of measured "
            f"mean ({first.draws} draws) and prediction at the measured rho, seed {first.seed}."
        )
        return Outcome(
            finding, None, {"": table, "means": means}, {"": limits_figure(table, title=title, caption=caption)}
        )
