"""Figures of a network's accuracy over the analytic curves (figure 4), and under concentrated noise (figure 4h, i)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats
from labelnoise.figures.curves import bar_ends, densely, draw_lines, k_labels, lines_of, scale_accuracy
from labelnoise.figures.direct_labels import label_ends, label_lines, label_points
from labelnoise.figures.layout import axes_to_draw_on, finish, new_figure
from labelnoise.figures.matrices import draw_matrix
from labelnoise.figures.style import BLUE, INK, SOFT_INK, STYLE, VERMILION, error_bars, ordered_colors

if TYPE_CHECKING:
    from labelnoise.curves.curve import AccuracyCurve
    from labelnoise.softmax.fitted import CurveBand, EffectiveK


def _by_rate(noise_rates: ArrayLike, *columns: ArrayLike) -> tuple[Floats, ...]:
    rates = np.asarray(noise_rates, dtype=np.float64)
    order = np.argsort(rates)
    return (rates[order], *(np.asarray(column, dtype=np.float64)[order] for column in columns))


def _draw_measured(ax: Axes, x: Floats, mean: Floats, std: Floats) -> None:
    ax.errorbar(
        x,
        mean,
        yerr=error_bars(std),
        color=INK,
        linewidth=0.8,
        marker="o",
        markersize=4.0,
        elinewidth=1.0,
        capsize=2.5,
        zorder=6,
    )


def _each_point(repeats: int) -> str:
    return f"mean ± standard deviation of {repeats} trainings" if repeats > 1 else "one training"


def _draw_over_family(ax: Axes, family: AccuracyCurve, x: Floats, y: Floats, bars: Floats, name: str) -> None:
    """Draw one measured curve, with its name, over the lines of predicted ones."""
    predicted = densely(family)
    draw_lines(ax, predicted)
    _draw_measured(ax, x, y, bars)
    scale_accuracy(ax, predicted.setting.noise["name"])
    marks = bar_ends(x, y, bars)
    label_lines(ax, lines_of(predicted), *k_labels(predicted), points=marks, beside=[(x, y)])
    label_points(ax, (x, y), name, INK, lines=lines_of(predicted), points=marks)


def plot_over_family(curve: AccuracyCurve, family: AccuracyCurve, ax: Axes | None = None) -> Axes:
    """Draw a measured curve with one column over predicted ones, on `ax` or on a new pyplot figure."""
    if curve.std is None or len(curve.k) != 1:
        raise ValueError(
            f"a curve must be measured, with one column, to be drawn over a family; got {curve!r}. "
            f"Swap it with `family`, or draw it without one."
        )
    if family.measured:
        raise ValueError(f"`family` must be a predicted curve (accuracy_curve, predict_knn); got {family!r}.")
    ax = axes_to_draw_on(ax, 6.0, 4.2)
    x, y, bars = _by_rate(curve.realized_noise_rates, curve.accuracy[:, 0], curve.std[:, 0])
    _draw_over_family(ax, family, x, y, bars, curve.setting.classifier or f"measured, K = {curve.k[0]}")
    return ax


def family_figure(
    predicted: AccuracyCurve,
    noise_rates: ArrayLike,
    mean: ArrayLike,
    std: ArrayLike,
    *,
    repeats: int,
    title: str = "",
    caption: str = "",
    matrix: ArrayLike | None = None,
) -> Figure:
    """Draw the measured accuracy of a network over the family of analytic curves, one per K (Fig. 4).

    Parameters
    ----------
    predicted : AccuracyCurve
        The analytic curves, drawn from their smallest to their largest noise rate, which need not be measured ones.
    noise_rates, mean, std : array-like of shape (n_rates,)
        Accuracy of the network by noise rate; `std` is NaN for one repeat.
    repeats : int
        Trainings per noise rate.
    title : str
    caption : str
        Data set, scale and seeds; the meaning of the marks, the repeats and the test samples are added.
    matrix : array-like of shape (n_classes, n_classes), optional
        The corruption matrix to draw beside the curves (Fig. 4g): rows clean, columns noisy.
    """
    x, y, bars = _by_rate(noise_rates, mean, std)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(6.6 if matrix is None else 9.8, 4.0)
        if matrix is None:
            ax = figure.subplots()
        else:
            ax, beside = figure.subplots(1, 2, width_ratios=[1.55, 1])
            draw_matrix(beside, matrix, predicted.setting.classes.tolist())
            beside.set_anchor("N")
        _draw_over_family(ax, predicted, x, y, bars, "network")
        setting = predicted.setting
        words = (
            f"Colored lines: predicted accuracy of K-NN for each K ({setting.model}, ties: {setting.ties}, "
            f"{setting.n_test:,} test samples). Black: the network, {_each_point(repeats)} per noise rate."
        )
        image = "Right: the corruption matrix; brightness: probability." if matrix is not None else ""
        return finish(figure, title, (caption, words, image))


def network_figure(
    predicted: AccuracyCurve, found: EffectiveK, band: CurveBand, *, title: str = "", caption: str = ""
) -> Figure:
    """Draw a network's predicted curve with its band over the family, and the accuracies from which it was found.

    Parameters
    ----------
    predicted : AccuracyCurve
        Analytic curves, that of the effective K among them.
    found : EffectiveK
        The effective K and the measured accuracies.
    band : CurveBand
        The predicted curve and its band.
    title : str
    caption : str
        Data; the meaning of the marks, the interval and the test samples are added.
    """
    x, y = _by_rate(found.family.noise_rates, found.measured)
    predicted = densely(predicted)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(6.6, 4.0)
        ax = figure.subplots()
        colors = ordered_colors(predicted.k.tolist())
        ax.fill_between(band.noise_rates, band.lower, band.upper, color=colors[found.value], alpha=0.15, linewidth=0)
        draw_lines(ax, predicted)
        ax.plot(x, y, linestyle="none", color=INK, marker="o", markersize=5.0, zorder=6)
        scale_accuracy(ax, predicted.setting.noise["name"])
        label_lines(ax, lines_of(predicted), *k_labels(predicted), points=[(x, y)])
        label_points(ax, (x, y), "network", INK, lines=lines_of(predicted), points=[(x, y)])
        setting = predicted.setting
        interval = f"{100 * found.level:g} % interval {found.low} to {found.high}"
        words = (
            f"Lines: predicted accuracy of K-NN for each K ({setting.model}, ties: {setting.ties}, {setting.n_test:,} "
            f"test samples). Black: the network's accuracy; its effective K is {found.value} ({interval}). Band: where "
            f"its accuracy lies in {100 * band.level:g} % of trainings."
        )
        return finish(figure, title, (caption, words))


def concentrated_figure(
    noise_rates: ArrayLike,
    mean: ArrayLike,
    std: ArrayLike,
    *,
    clean_region: ArrayLike,
    noisy_region: ArrayLike,
    repeats: int,
    clean_accuracy: float = 1.0,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Draw accuracy under locally concentrated noise: overall, in clean regions and in noisy regions (Fig. 4h, i).

    Parameters
    ----------
    noise_rates, mean, std : array-like of shape (n_rates,)
        Overall accuracy of the network; `std` is NaN for one repeat.
    clean_region, noisy_region : array-like of shape (n_rates,)
        Mean accuracy of the test samples in each kind of region; NaN without such samples.
    repeats : int
        Trainings per noise rate.
    clean_accuracy : float
        Accuracy without noise, which the theory expects to fall in proportion to 1 - noise rate.
    title : str
    caption : str
        Data set, scale and seeds; the meaning of the marks and the repeats are added.
    """
    x, y, bars, clean, noisy = _by_rate(noise_rates, mean, std, clean_region, noisy_region)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(6.6, 4.0)
        ax = figure.subplots()
        scale_accuracy(ax, "locally concentrated")
        ends = np.array([0.0, x[-1]])
        ax.plot(ends, clean_accuracy * (1 - ends), color=SOFT_INK, linestyle=(0, (5, 3)), linewidth=1.4, zorder=2)
        ax.plot(x, clean, color=BLUE, linewidth=1.2, marker="^", markersize=5, zorder=4)
        ax.plot(x, noisy, color=VERMILION, linewidth=1.2, marker="v", markersize=5, zorder=4)
        _draw_measured(ax, x, y, bars)
        named = [
            (clean, "clean regions", BLUE),
            (y, "overall", INK),
            (clean_accuracy * (1 - x), "expected", SOFT_INK),
            (noisy, "noisy regions", VERMILION),
        ]
        seen = [(line[~np.isnan(line)][-1], text, color) for line, text, color in named if not np.isnan(line).all()]
        label_ends(ax, float(x[-1]), *zip(*seen, strict=True))
        words = (
            f"Black: the network on all test samples, {_each_point(repeats)} per noise rate; triangles: mean on test "
            "samples in regions of clean and of corrupted training labels; dashed, expected: (1 − noise rate) times "
            f"the accuracy without noise, {100 * clean_accuracy:.1f} %."
        )
        return finish(figure, title, (caption, words))
