"""Accuracy of a network over the noise rate: spread noise (figure 4a-g) and locally concentrated noise (4h-i)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from labelnoise.arrays import Floats, Integers
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.predicted import accuracy_curve
from labelnoise.curves.tolerance import first_crossing
from labelnoise.figures import concentrated_figure, family_figure
from labelnoise.neighborhoods.votes import vote_accuracy
from labelnoise.noise import MatrixNoise, NoiseModel
from labelnoise.softmax.effective import fit_effective_k
from labelnoise.studies.recipes.recipe import Drawing, Measured, follows, noise_title, points, std_or_nan
from labelnoise.studies.recipes.settings import clean_run, noisy_run, region_run
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_count, check_ks, check_noise_rates, check_ties

CANDIDATES = tuple(np.unique(np.round(np.geomspace(1, 300, 45)).astype(int)).tolist())
"""The K that are tried besides those drawn, to find the nearest curve; trainings cannot tell closer ones apart."""
APART = 1.2
"""Ratio of two K whose curves can be told apart in the figure; of two that are closer, only the nearest is drawn."""
_SCORES = ("test_accuracy", "clean_region", "noisy_region", "noisy_share", "noise_rate")
_VOTERS = 30


@dataclass(frozen=True, kw_only=True)
class NetworkCurves:
    """Measured accuracy of a network over the noise rate, and the analytic curves from its clean softmax.

    The seed of `training` decides all others; `repeats` is the number of trainings per noise rate. `k` and `ties` are
    those of the analytic curves. `breaks_near` is the noise rate at which the paper's network breaks, to compare with.
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

    @property
    def title(self) -> str:
        """What the figure shows."""
        chosen = ", its state chosen by noisy validation labels" if self.training.selection == "noisy" else ""
        return f"Network on {self.data.title}, {noise_title(self.noise)}{chosen}"

    @property
    def noisy_runs(self) -> list[TrainingRun]:
        """The trainings of each noise rate in turn."""
        levels = [(rate, repeat) for rate in self.noise_rates for repeat in range(self.repeats)]
        return [noisy_run(self.data, self.training, self.noise, rate, repeat) for rate, repeat in levels]

    def runs(self) -> list[TrainingRun]:
        """Return every noise rate and repeat, and the clean training: the analytic curves start from its softmax."""
        clean = [] if 0 in self.noise_rates else [clean_run(self.data, self.training)]
        return [*clean, *self.noisy_runs]

    def measure(self, results: Results) -> Measured[AccuracyCurve]:
        """Return the measured curve, the analytic ones, and the K that fits best."""
        return self.compare([_plain(results.result(run).record) for run in self.noisy_runs], results)

    def compare(self, records: Sequence[Mapping[str, Any]], results: Results) -> Measured[AccuracyCurve]:
        """Return the curve of the `test_accuracy` in a record of each of `noisy_runs`, and the analytic ones."""
        clean, labels = results.result(clean_run(self.data, self.training)), self.data.load()[1].labels
        softmax = clean.arrays["pred_probs"].astype(np.float64)
        trainings = pd.DataFrame(
            [{"noise_rate": run.noise_rate, **record} for run, record in zip(self.noisy_runs, records, strict=True)]
        )
        scores = trainings["test_accuracy"].to_numpy().reshape(len(self.noise_rates), self.repeats)
        rates, mean = np.array(self.noise_rates), scores.mean(axis=1)
        candidates = sorted({*CANDIDATES, *self.k})
        found = fit_effective_k((rates, mean), softmax, labels, self.noise, ks=candidates, ties=self.ties)
        nearest, family = found.value, found.family
        ks = sorted({*self.k, nearest})
        predicted = dict(zip(ks, family.accuracy[:, np.searchsorted(family.k, ks)].T, strict=True))
        table = pd.DataFrame(
            {
                **{"noise_rate": rates, "measured": mean, "std": std_or_nan(scores), "n": self.repeats},
                **{f"predicted_k{k}": curve for k, curve in predicted.items()},
                "difference_points": 100 * (mean - predicted[nearest]),
            }
        )
        without_noise = float(mean[rates == 0][0] if 0 in rates else clean.record["test_accuracy"])
        halved = mean.min() < without_noise / 2
        breaking = first_crossing(rates, mean, without_noise / 2) if halved else float("nan")
        values = {
            "effective_k": nearest,
            "mean_difference": found.mean_error,
            "worst_difference": found.worst_error,
            "clean_accuracy": without_noise,
            "breaks_at": breaking,
        }
        breaks_there = self.breaks_near is None or bool(abs(breaking - self.breaks_near) <= 0.05)
        agrees = breaks_there and follows(found.mean_error, found.worst_error)
        shown = [k for k in ks if k == nearest or max(k, nearest) > APART * min(k, nearest)]
        lines = accuracy_curve(softmax, labels, self.noise, np.array([0, rates.max()]), shown, ties=self.ties)
        tables = {"": table, "trainings": trainings, "family": _family_table(family)}
        return Measured(tables, values, agrees, lines)

    def finding(self, measured: Measured[AccuracyCurve]) -> str:
        """Say where the network breaks, and which analytic curve is nearest."""
        found, lowest = measured.values, measured.tables[""]["measured"].min()
        if not np.isnan(found["breaks_at"]):
            where = f"halved at a noise rate of {found['breaks_at']:.2f}"
        elif lowest < found["clean_accuracy"] / 2:
            where = "less than half of that already at the lowest noise rate"
        else:
            where = "never halved"
        return (
            f"Accuracy {points(found['clean_accuracy'])} % without noise, {where}; nearest analytic curve "
            f"K = {found['effective_k']}: mean difference {points(found['mean_difference'])}, largest "
            f"{points(found['worst_difference'])} points."
        )

    def figure(self, measured: Measured[AccuracyCurve]) -> Drawing:
        """Draw the measured curve over the family of analytic ones."""
        table, found, lines = measured.tables[""], measured.values, measured.shown
        matrix = self.noise.corruption_matrix if isinstance(self.noise, MatrixNoise) else None
        columns = (table["noise_rate"], table["measured"], table["std"])
        return Drawing(
            partial(family_figure, lines, *columns, repeats=self.repeats, matrix=matrix),
            self.data.caption(),
            f"{self.training.network}, {lines.setting.n_test:,} test images, base seed {self.training.seed}; "
            "lines: Eq. 1-3 from the softmax of the network trained on clean labels; "
            f"K = {found['effective_k']} is nearest (mean difference {points(found['mean_difference'])} points).",
        )


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

    @property
    def title(self) -> str:
        """What the figure shows."""
        return f"Network on {self.data.title}, locally concentrated noise"

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
        votes = self._votes(results).mean(axis=1)
        from_votes = np.abs(mean["test_accuracy"] - votes)
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
                "votes": votes,
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
            "mean_difference_from_votes": float(from_votes.mean()),
            "worst_difference_from_votes": float(from_votes.max()),
        }
        agrees = follows(values["mean_difference"], values["worst_difference"])
        return Measured({"": table}, values, agrees, None)

    def _votes(self, results: Results) -> Floats:
        """Return the accuracy of votes with the labels that were trained on, (n_rates, repeats).

        The voters are the `_VOTERS` nearest training samples in the features of the clean network.
        """
        _, test = self.data.load()
        accuracies: list[float] = []
        found: dict[TrainingRun, Integers] = {}
        for run in self.runs():
            if run.clean not in found:
                found[run.clean] = run.nearest(results, _VOTERS).indices
            noisy, indices = results.result(run).arrays["noisy_labels"], found[run.clean]
            n_classes, rng = len(test.classes), np.random.default_rng(run.cluster_seed)
            voted = vote_accuracy(noisy, indices, test.labels, indices.shape[1], n_classes, ties="random", rng=rng)
            accuracies.append(voted[0])
        return np.reshape(accuracies, (len(self.noise_rates), self.repeats))

    def finding(self, measured: Measured[None]) -> str:
        """Say how far the accuracy lies from what is expected, and how it differs between regions."""
        found, from_rate = measured.values, np.abs(measured.tables[""]["difference_from_1_minus_rate"])
        return (
            f"Overall accuracy lies {points(found['mean_difference'])} points from {points(found['clean_accuracy'])} % "
            f"(clean labels) x (1 - noise rate) on average, at most {points(found['worst_difference'])}; from "
            f"1 - noise rate {points(found['mean_difference_from_1_minus_rate'])}, at most {from_rate.max():.1f}. In "
            f"clean regions {points(found['clean_region'])} %, in noisy regions {points(found['noisy_region'])} %. "
            f"From votes of {_VOTERS} in the clean network's features, with the same labels, it lies "
            f"{points(found['mean_difference_from_votes'])} points on average, at most "
            f"{points(found['worst_difference_from_votes'])}."
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


def _family_table(family: AccuracyCurve) -> pd.DataFrame:
    """Return the analytic curves of all candidates, a column per K, from which other fits can be made."""
    curves = {f"predicted_k{k}": curve for k, curve in zip(family.k, family.accuracy.T, strict=True)}
    return pd.DataFrame({"noise_rate": family.noise_rates, **curves})


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if not isinstance(value, list | dict) and key != "noise_rate"}
