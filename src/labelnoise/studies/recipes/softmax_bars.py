"""Aggregated softmax of networks trained on noisy labels (figures 2, 7 and 8-13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.figures import SoftmaxPanel, panels_by_class, softmax_bars_figure
from labelnoise.noise import FlipNoise, NoiseModel
from labelnoise.softmax.aggregate import aggregate_relative, aggregate_softmax, expected_peak
from labelnoise.softmax.temperature import scale_softmax
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.recipes.settings import clean_run, noisy_run, region_run
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_choice

NEAR = 0.1
"""How far medians may lie from what the theory expects if the figure agrees with it.

In figures of one panel per noise this holds for every output; in those of one panel per class, for the worst output of
each class, on average over classes.
"""
SEPARATED = 0.99
"""A clean network that gives the true class at least so much separates it from the others at this sample."""
_NEIGHBORS, _INSIDE = 100, 0.95
"""A sample lies inside a region if at least this share of so many neighbors bears the label that is expected there."""
_COUNTS = {2: "two", 4: "four", 8: "eight"}

ByClass = tuple[Sequence[SoftmaxPanel], Mask, float]
"""The panel of each true class, whether each present class peaks where it is expected, and the test accuracy."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A network and its noise: none, spread, or one cluster of every class.

    `noise` is None for clean labels, at noise rate 0. It is also None for a `region`, "clean" or "noisy": then noise is
    locally concentrated, and only test samples in that region are shown.
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
        """The network's training."""
        if self.region is not None:
            return region_run(self.data, self.training, self.noise_rate)
        if self.noise is None:
            return clean_run(self.data, self.training)
        return noisy_run(self.data, self.training, self.noise, self.noise_rate)

    @property
    def title(self) -> str:
        """The noise and the region."""
        if self.region is not None:
            return f"{self.noise_rate:.0%} concentrated, {self.region} region"
        return "clean" if self.noise is None else f"{self.noise_rate:.0%} {self.noise.name} noise"

    @property
    def heading(self) -> str:
        """The data, the noise and the region."""
        return f"{self.data.title}, {self.title.replace('%', ' %')}"

    def softmax(self, results: Results) -> tuple[Floats, Integers]:
        """Return softmax and true classes of the test samples that are shown."""
        arrays, labels = results.result(self.run).arrays, self.data.load()[1].labels
        rows = arrays["pred_probs"].astype(np.float64)
        if self.region is None:
            return rows, labels
        inside = arrays["in_noisy_region"] == (self.region == "noisy")
        return rows[inside], labels[inside]

    def expected_around(self, results: Results) -> Floats | None:
        """Return the share of each shown sample's neighbors that bears the expected label; None without a region.

        Neighbors are training samples, with the labels that were trained on, in the clean network's features.
        """
        run = self.run
        if not isinstance(run, RegionRun):
            return None
        found = results.result(run).arrays
        shown = found["in_noisy_region"] == (self.region == "noisy")
        voters = run.nearest(results, _NEIGHBORS).indices[shown]
        train, test = self.data.load()
        expected = self.expected(len(train.classes)).argmax(axis=1)[test.labels[shown]]
        return (found["noisy_labels"][voters] == expected[:, None]).mean(axis=1)

    def calibrated(self, rows: Floats, results: Results) -> Floats | None:
        """Return softmax rows after temperature scaling; None if no temperature was fitted in training."""
        temperature = self.temperature(results)
        return None if temperature is None else scale_softmax(rows, temperature)

    def temperature(self, results: Results) -> float | None:
        """Return the temperature fitted to noisy validation labels; older trainings and some others have none."""
        return results.result(self.run).record.get("temperature")

    def expected(self, n_classes: int) -> Floats:
        """Return what the theory expects for every true class: Eq. 3, but in a noisy region only the alternative."""
        if self.region == "noisy":
            return expected_peak(FlipNoise.opposite(n_classes), 1.0, n_classes)
        return np.eye(n_classes) if self.noise is None else expected_peak(self.noise, self.noise_rate, n_classes)


@dataclass(frozen=True, kw_only=True)
class SoftmaxPanels:
    """One diagram per setting, over all test samples, with outputs counted from the true class (figures 2 and 7).

    `settings` holds each panel's setting by the panel's letter.
    """

    settings: Mapping[str, Setting]

    @property
    def title(self) -> str:
        """What the figure shows."""
        n, settings = len(self.settings), list(self.settings.values())
        if n == 1:
            return f"Softmax: {settings[0].heading}"
        on = " and ".join(dict.fromkeys(setting.data.title for setting in settings))
        return f"Softmax on {on} under {_COUNTS.get(n, n)} kinds of noise"

    def runs(self) -> list[TrainingRun | RegionRun]:
        """Return one training per panel."""
        return [setting.run for setting in self.settings.values()]

    def measure(self, results: Results) -> Measured[list[SoftmaxPanel]]:
        """Return bars and what is expected of them."""
        panels, tables, values = [], [], {}
        for letter, setting in self.settings.items():
            rows, labels = setting.softmax(results)
            bars, expected = aggregate_relative(rows, labels), setting.expected(rows.shape[1])
            scaled = setting.calibrated(rows, results)
            calibrated = None if scaled is None else aggregate_relative(scaled, labels).median[0]
            by_offset = np.array([np.roll(expected[y], -y) for y in range(len(expected))]).mean(axis=0)
            offsets = ["true", *(f"+{d}" for d in range(1, len(expected)))]
            title = f"({letter}) {setting.data.name}: {setting.title}"
            median, lower, upper = bars.median[0], bars.lower[0], bars.upper[0]
            panels.append(SoftmaxPanel(title, median, lower, upper, 0, by_offset, len(rows), offsets, calibrated))
            table = bars.to_frame().assign(panel=letter, setting=setting.title, expected=by_offset)
            tables.append(table if calibrated is None else table.assign(calibrated_median=calibrated))
            peak = int(np.argmax(median))
            separated, around = self._separated(setting, results), setting.expected_around(results)
            values[letter] = {
                "setting": setting.title,
                "peak_output": offsets[peak],
                "peak": float(median[peak]),
                "expected_there": float(by_offset[peak]),
                "worst_difference": float(np.abs(median - by_offset).max()),
                **_scaled_values(setting.temperature(results), calibrated, by_offset),
                **({} if separated is None else _separated_values(rows, labels, separated)),
                **({} if around is None else _inside_values(rows, expected[labels].argmax(axis=1), around)),
                "test_accuracy": results.result(setting.run).record["test_accuracy"],
            }
        near = all(found["worst_difference"] <= NEAR for found in values.values())
        return Measured({"": pd.concat(tables, ignore_index=True)}, values, near, panels)

    def _separated(self, setting: Setting, results: Results) -> Mask | None:
        """Return which test samples the clean network of another panel separates; None for regions and without one."""
        alike = (other for other in self.settings.values() if other == replace(setting, noise=None, noise_rate=0.0))
        if setting.noise is None or (clean := next(alike, None)) is None:
            return None
        rows, labels = clean.softmax(results)
        at_truth = np.take_along_axis(rows, labels[:, None], axis=1)[:, 0]
        return at_truth >= SEPARATED if (at_truth >= SEPARATED).any() else None

    def finding(self, measured: Measured[list[SoftmaxPanel]]) -> str:
        """Say where each panel peaks, how many panels are as expected, and what separated samples have."""
        found = measured.values
        peaks = (
            f"({letter}) {panel['peak']:.2f} at {panel['peak_output']} ({panel['expected_there']:.2f})"
            for letter, panel in found.items()
        )
        near = sum(panel["worst_difference"] <= NEAR for panel in found.values())
        scaled = [panel["calibrated_worst_difference"] for panel in found.values() if "temperature" in panel]
        sure = {letter: panel for letter, panel in found.items() if "separated_share" in panel}
        medians = "; ".join(f"({letter}) {panel['separated_median']:.2f}" for letter, panel in sure.items())
        where = (
            f" At the true class, over the {100 * next(iter(sure.values()))['separated_share']:.0f} % of the samples "
            f"that the clean network separates (at least {SEPARATED:g}): {medians}."
            if sure
            else ""
        )
        regions = [_region_finding(letter, panel) for letter, panel in found.items() if "around_median" in panel]
        if regions:
            where += f" Of the {_NEIGHBORS} nearest training samples, by median {'; '.join(regions)}."
        after = f" After temperature scaling: in {sum(value <= NEAR for value in scaled)} of {len(scaled)}."
        return (
            f"Highest median output, expected value in brackets: {'; '.join(peaks)}. In {near} of {len(found)} panels "
            f"all medians lie within {NEAR:g} of the expectation.{after if scaled else ''}{where}"
        )

    def figure(self, measured: Measured[list[SoftmaxPanel]]) -> Drawing:
        """Draw all panels."""
        accuracies = [panel["test_accuracy"] for panel in measured.values.values()]
        draw = partial(softmax_bars_figure, measured.shown)
        return Drawing(draw, *_caption([*self.settings.values()], accuracies))


@dataclass(frozen=True, kw_only=True)
class SoftmaxByClass:
    """One diagram per true class (figures 8-13)."""

    setting: Setting

    @property
    def title(self) -> str:
        """What the figure shows."""
        return f"Softmax by class: {self.setting.heading}"

    def runs(self) -> list[TrainingRun | RegionRun]:
        """Return the training."""
        return [self.setting.run]

    def measure(self, results: Results) -> Measured[ByClass]:
        """Return bars and what is expected of them, for every true class."""
        rows, labels = self.setting.softmax(results)
        bars, expected = aggregate_softmax(rows, labels), self.setting.expected(rows.shape[1])
        scaled = self.setting.calibrated(rows, results)
        calibrated = None if scaled is None else aggregate_softmax(scaled, labels)
        present = bars.counts > 0
        worst = np.abs(bars.median - expected)[present].max(axis=1)
        peaks = (bars.median.argmax(axis=1) == expected.argmax(axis=1))[present]
        table = bars.to_frame().assign(expected=expected.ravel())
        values = {"mean_worst_difference": float(worst.mean()), "worst_difference": float(worst.max())}
        if (temperature := self.setting.temperature(results)) is not None and calibrated is not None:
            apart = np.abs(calibrated.median - expected)[present].max(axis=1)
            table = table.assign(calibrated_median=calibrated.median.ravel())
            values["temperature"] = temperature
            values["calibrated_mean_worst_difference"] = float(apart.mean())
            values["calibrated_worst_difference"] = float(apart.max())
        panels = panels_by_class(bars, expected, self.setting.data.load()[0].classes, calibrated)
        accuracy = results.result(self.setting.run).record["test_accuracy"]
        return Measured({"": table}, values, values["mean_worst_difference"] <= NEAR, (panels, peaks, accuracy))

    def finding(self, measured: Measured[ByClass]) -> str:
        """Say for how many classes the highest output is the expected one, and how near all outputs are."""
        found, (_, peaks, _) = measured.values, measured.shown
        scaled = ""
        if "temperature" in found:
            mean, most = found["calibrated_mean_worst_difference"], found["calibrated_worst_difference"]
            scaled = f" After temperature scaling ({found['temperature']:.2f}): {mean:.2f}, at most {most:.2f}."
        return (
            f"The highest median output is the expected one for {peaks.sum()} of {len(peaks)} true classes; medians "
            f"lie {found['mean_worst_difference']:.2f} from the expectation on average over classes (the worst output "
            f"of each), at most {found['worst_difference']:.2f}.{scaled}"
        )

    def figure(self, measured: Measured[ByClass]) -> Drawing:
        """Draw one panel per true class."""
        panels, _, accuracy = measured.shown
        return Drawing(partial(softmax_bars_figure, panels, columns=5), *_caption([self.setting], [accuracy]))


def _separated_values(rows: Floats, labels: Integers, separated: Mask) -> dict[str, float]:
    at_truth = np.take_along_axis(rows, labels[:, None], axis=1)[separated, 0]
    return {"separated_share": float(separated.mean()), "separated_median": float(np.median(at_truth))}


def _inside_values(rows: Floats, expected: Integers, around: Floats) -> dict[str, float]:
    inside = around >= _INSIDE
    values = {"around_median": float(np.median(around)), "inside_share": float(inside.mean())}
    if not inside.any():
        return values
    outputs = np.take_along_axis(rows, expected[:, None], axis=1)[inside, 0]
    return {**values, "inside_median": float(np.median(outputs))}


def _region_finding(letter: str, panel: Mapping[str, float]) -> str:
    """Say how far the labels around a region's samples are the expected ones, and what is put out where they are."""
    text = f"({letter}) {100 * panel['around_median']:.0f} % bear the expected label"
    if "inside_median" not in panel:
        return text
    return (
        f"{text}; where {100 * _INSIDE:.0f} % or more do, as for {100 * panel['inside_share']:.0f} % of the test "
        f"samples, its median output is {panel['inside_median']:.2f}"
    )


def _scaled_values(temperature: float | None, calibrated: Floats | None, expected: Floats) -> dict[str, float]:
    if temperature is None or calibrated is None:
        return {}
    apart = float(np.abs(calibrated - expected).max())
    return {"temperature": temperature, "calibrated_worst_difference": apart}


def _caption(settings: Sequence[Setting], accuracies: Sequence[float]) -> tuple[str, str]:
    """Return data and details for a `Drawing`."""
    data = ", ".join(dict.fromkeys(setting.data.caption() for setting in settings))
    networks = ", ".join(dict.fromkeys(setting.training.network for setting in settings))
    accuracy = ", ".join(map(points, accuracies))
    seed = settings[0].training.seed
    return data, f"{networks}, one training each (test accuracy {accuracy} %), base seed {seed}."
