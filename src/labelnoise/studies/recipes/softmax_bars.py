"""Aggregated softmax of networks trained on noisy labels (figures 2, 7 and 8-13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelnoise.arrays import Floats, Integers
from labelnoise.figures import SoftmaxPanel, panels_by_class, softmax_bars_figure
from labelnoise.noise import FlipNoise, NoiseModel
from labelnoise.softmax.aggregate import aggregate_relative, aggregate_softmax, expected_peak
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run, noisy_run, region_run
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_choice

NEAR = 0.1
"""How far the median of every output may lie from what the theory expects."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A network and its noise: clean, spread, or one cluster of every class, asked about one region.

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
    noise : NoiseModel, optional
        None for clean labels, at noise rate 0, and for a region.
    noise_rate : float
    region : {"clean", "noisy"}, optional
        Locally concentrated noise, and where the test samples lie.
    """

    data: DataSpecification
    training: TrainingSpecification
    noise: NoiseModel | None = None
    noise_rate: float = 0.0
    region: str | None = None

    def __post_init__(self) -> None:
        if self.region is not None:
            check_choice(self.region, ("clean", "noisy"), "region")
            if self.noise is not None:
                raise ValueError(
                    f"`noise` must be None for a region, whose labels become the opposite class's; "
                    f"got {self.noise.name}. Change `region` to none, too."
                )
        elif self.noise is None and self.noise_rate != 0:
            raise ValueError(f"`noise_rate` must be 0 where `noise` is None; got {self.noise_rate:g}.")

    @property
    def run(self) -> TrainingRun | RegionRun:
        """The training."""
        if self.region is not None:
            return region_run(self.data, self.training, self.noise_rate)
        if self.noise is None:
            return clean_run(self.data, self.training)
        return noisy_run(self.data, self.training, self.noise, self.noise_rate)

    @property
    def title(self) -> str:
        """Noise, and region."""
        if self.region is not None:
            return f"{self.noise_rate:.0%} concentrated, {self.region} region"
        return "clean" if self.noise is None else f"{self.noise_rate:.0%} {self.noise.name} noise"

    def softmax(self, results: Results) -> tuple[Floats, Integers]:
        """Softmax and true classes of the test samples in question."""
        arrays, labels = results.result(self.run).arrays, self.data.load()[1].labels
        rows = arrays["pred_probs"].astype(np.float64)
        if self.region is None:
            return rows, labels
        inside = arrays["in_noisy_region"] == (self.region == "noisy")
        return rows[inside], labels[inside]

    def expected(self, n_classes: int) -> Floats:
        """What the theory expects for every true class: Eq. 3, and in a noisy region the alternative alone."""
        if self.region == "noisy":
            return expected_peak(FlipNoise.opposite(n_classes), 1.0, n_classes)
        return np.eye(n_classes) if self.noise is None else expected_peak(self.noise, self.noise_rate, n_classes)


@dataclass(frozen=True, kw_only=True)
class SoftmaxPanels:
    """One diagram a setting, over all test samples, the outputs counted from the true class (figures 2 and 7).

    Parameters
    ----------
    settings : mapping of str to Setting
        By the panel's letter.
    """

    settings: Mapping[str, Setting]

    def runs(self) -> list[Run]:
        """A training for each panel."""
        return [setting.run for setting in self.settings.values()]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Bars and what is expected of them."""
        panels, tables, values, notes, near = [], [], {}, [], []
        for letter, setting in self.settings.items():
            rows, labels = setting.softmax(results)
            aggregated, expected = aggregate_relative(rows, labels), setting.expected(rows.shape[1])
            of_offset = np.array([np.roll(expected[y], -y) for y in range(len(expected))]).mean(axis=0)
            offsets = ["true", *(f"+{d}" for d in range(1, len(expected)))]
            panels.append(
                SoftmaxPanel(
                    f"({letter}) {setting.data.name}: {setting.title}",
                    aggregated.median[0],
                    aggregated.lower[0],
                    aggregated.upper[0],
                    0,
                    of_offset,
                    len(rows),
                    offsets,
                )
            )
            tables.append(aggregated.to_frame().assign(panel=letter, setting=setting.title, expected=of_offset))
            worst = float(np.abs(aggregated.median[0] - of_offset).max())
            near.append(worst <= NEAR)
            peak = int(np.argmax(aggregated.median[0]))
            values[letter] = {
                "setting": setting.title,
                "peak_output": offsets[peak],
                "peak": float(aggregated.median[0, peak]),
                "expected_there": float(of_offset[peak]),
                "worst_difference": worst,
                "test_accuracy": results.result(setting.run).record["test_accuracy"],
            }
            notes.append(f"({letter}) {aggregated.median[0, peak]:.2f} at {offsets[peak]} ({of_offset[peak]:.2f})")
        finding = (
            f"Highest median output, expected value in brackets: {'; '.join(notes)}. In {sum(near)} of {len(near)} "
            f"panels all medians lie within {NEAR:g} of the expectation."
        )
        caption = _caption([*self.settings.values()], results, scale)
        figure = softmax_bars_figure(panels, title=title, caption=caption)
        return Outcome(finding, all(near), {"": pd.concat(tables, ignore_index=True)}, {"": figure}, values)


@dataclass(frozen=True, kw_only=True)
class SoftmaxByClass:
    """One diagram a true class (figures 8-13).

    Parameters
    ----------
    setting : Setting
    """

    setting: Setting

    def runs(self) -> list[Run]:
        """One training."""
        return [self.setting.run]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Bars and what is expected of them, for every true class."""
        rows, labels = self.setting.softmax(results)
        n_classes = rows.shape[1]
        aggregated, expected = aggregate_softmax(rows, labels), self.setting.expected(n_classes)
        present = aggregated.counts > 0
        worst = np.abs(aggregated.median - expected)[present].max(axis=1)
        peaks = aggregated.median.argmax(axis=1) == expected.argmax(axis=1)
        finding = (
            f"The highest median output is the expected one for {int(peaks[present].sum())} of {int(present.sum())} "
            f"true classes; medians lie {worst.mean():.2f} from the expectation on average over classes (the worst "
            f"output of each), at most {worst.max():.2f}."
        )
        table = aggregated.to_frame().assign(expected=expected.ravel())
        panels = panels_by_class(aggregated, expected, self.setting.data.load()[0].classes)
        caption = _caption([self.setting], results, scale)
        figure = softmax_bars_figure(panels, title=title, caption=caption, columns=5)
        values = {"mean_worst_difference": float(worst.mean()), "worst_difference": float(worst.max())}
        return Outcome(finding, bool(peaks[present].all()), {"": table}, {"": figure}, values)


def _caption(settings: list[Setting], results: Results, scale: str) -> str:
    data = ", ".join(dict.fromkeys(setting.data.caption() for setting in settings))
    networks = ", ".join(dict.fromkeys(setting.training.network for setting in settings))
    accuracies: list[Any] = [results.result(setting.run).record["test_accuracy"] for setting in settings]
    shown = ", ".join(f"{100 * accuracy:.1f}" for accuracy in accuracies)
    return (
        f"{data}, {scale} scale; {networks}, one training each (test accuracy {shown} %), base seed "
        f"{settings[0].training.seed}."
    )
