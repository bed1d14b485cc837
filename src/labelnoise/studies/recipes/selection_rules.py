"""How the rule by which a state of the network is chosen changes its curve over the noise rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from labelnoise.figures import selection_figure
from labelnoise.figures.selection import RULE_NAMES
from labelnoise.studies.recipes.network_curves import NetworkCurves
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.runs import TrainingRun
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_choice

BEYOND = 0.5
"""The noise rate from which, under flip noise, most labels of a class are wrong."""


@dataclass(frozen=True, kw_only=True)
class SelectionRules:
    """One curve of a network per rule of choosing its state, from the same trainings, and how far each is from K-NN's.

    The trainings measure the accuracy on the test images after every epoch. The rules differ in the epoch whose
    accuracy counts. The analytic curves of all of them start from the softmax that the clean training of `of` keeps.
    """

    of: NetworkCurves
    rules: tuple[str, ...] = tuple(RULE_NAMES)

    def __post_init__(self) -> None:
        for rule in self.rules:
            check_choice(rule, tuple(RULE_NAMES), "rules")
        training = self.of.training
        if not training.test_every_epoch or training.validation_share == 0 or training.patience is not None:
            raise ValueError(
                "`of.training` must have `test_every_epoch`, a positive `validation_share` and no `patience`, so that "
                f"every rule can choose among all epochs; got {training.test_every_epoch}, "
                f"{training.validation_share:g} and {training.patience}."
            )

    @property
    def title(self) -> str:
        """What the figure shows."""
        return f"{self.of.title}, by rule of selection"

    def runs(self) -> list[TrainingRun]:
        """Return the trainings, which serve all rules."""
        return self.of.runs()

    def measure(self, results: Results) -> Measured[pd.DataFrame]:
        """Return each rule's curve beside the nearest analytic one, its epochs, and the analytic curves."""
        tables, trainings, values = [], [], {}
        histories = [results.result(run).record["history"] for run in self.of.noisy_runs]
        for rule in self.rules:
            found = self.of.compare([_kept(history, rule) for history in histories], results)
            of_rule = found.tables["trainings"].assign(rule=rule)
            kept = of_rule.groupby("noise_rate", sort=False)["best_epoch"].mean().to_numpy()
            nearest = found.values["effective_k"]
            table = found.tables[""].rename(columns={f"predicted_k{nearest}": "predicted"})
            columns = ["noise_rate", "measured", "std", "n", "predicted", "difference_points"]
            table = table[columns].assign(rule=rule, kept_epoch=kept)
            apart, beyond = table["difference_points"].abs() / 100, table["noise_rate"] > BEYOND
            values[rule] = {
                "effective_k": nearest,
                "mean_difference": float(apart.mean()),
                "worst_difference": float(apart.max()),
                "mean_difference_beyond": float(apart[beyond].mean()) if beyond.any() else float("nan"),
                "kept_epoch_up_to": float(table["kept_epoch"][~beyond].mean()),
                "kept_epoch_beyond": float(table["kept_epoch"][beyond].mean()) if beyond.any() else float("nan"),
            }
            tables.append(table)
            trainings.append(of_rule)
        whole, single = (pd.concat(parts, ignore_index=True) for parts in (tables, trainings))
        return Measured({"": whole, "trainings": single, "family": found.tables["family"]}, values, None, whole)

    def finding(self, measured: Measured[pd.DataFrame]) -> str:
        """Say for each rule how far its curve lies from the nearest analytic one, and which epochs it kept."""
        parts = []
        for rule, found in measured.values.items():
            beyond = ""
            if not np.isnan(found["mean_difference_beyond"]):
                beyond = (
                    f"; beyond {100 * BEYOND:g} % noise {points(found['mean_difference_beyond'])} on average, where "
                    f"epoch {found['kept_epoch_beyond']:.1f} of {self.of.training.epochs} is kept"
                )
            parts.append(
                f"{RULE_NAMES[rule].capitalize()}: {points(found['mean_difference'])} points from the nearest analytic "
                f"curve (K = {found['effective_k']}) on average, {points(found['worst_difference'])} at most{beyond}."
            )
        return " ".join(parts)

    def figure(self, measured: Measured[pd.DataFrame]) -> Drawing:
        """Draw the curves of all rules, and the epochs kept."""
        nearest = {rule: found["effective_k"] for rule, found in measured.values.items()}
        of = self.of
        return Drawing(
            partial(
                selection_figure,
                measured.shown,
                nearest,
                noise=of.noise.name,
                epochs=of.training.epochs,
                repeats=of.repeats,
            ),
            of.data.caption(),
            f"{of.training.network}, {of.training.epochs} epochs, the same trainings for every rule; base seed "
            f"{of.training.seed}.",
        )


def _kept(history: list[dict[str, Any]], rule: str) -> dict[str, Any]:
    """Return the epoch that a rule keeps, with its accuracies."""
    from labelnoise.training.result import Epoch, kept_epoch

    best = kept_epoch([Epoch(**epoch) for epoch in history], rule)
    names = ("test_accuracy", "noisy_accuracy", "clean_accuracy")
    return {"best_epoch": best, **{name: history[best - 1][name] for name in names}}
