"""Figures of predicted and measured accuracy over the noise rate (figure 3), and of their difference.

Lines are predictions, evaluated at many noise rates whatever rates were asked for, and points with bars are
measurements (mean and standard deviation over repeats). Each k has its color. The caption of every figure states sample
counts, repeats, tie rule and seed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from labelnoise.arrays import Floats
from labelnoise.curves.prediction import Prediction
from labelnoise.curves.vote_models import FiniteVotes
from labelnoise.figures.direct_labels import KEY, Line, label_lines
from labelnoise.figures.layout import axes_to_draw_on, finish, new_figure
from labelnoise.figures.style import INK, STYLE, error_bars, ordered_colors, show_percent

if TYPE_CHECKING:
    from labelnoise.curves.curve import AccuracyCurve


_DENSE = 101
"""A predicted line is drawn through at least this many noise rates."""
_FEW = 12
"""Up to this many asked noise rates are marked on a predicted line."""
_EVALUATED = 20_000
"""Up to this many numbers (samples x classes x k) are evaluated at every noise rate of a line drawn from a softmax."""
_UNSEEN = 0.001
"""Above that, the line is interpolated, with an error of about 0.1 points, which is less than its width."""


def densely(curve: AccuracyCurve) -> AccuracyCurve:
    """Return a predicted curve at many noise rates from its smallest to its largest one, its own among them.

    Of a single noise rate, the line begins at 0. Only its accuracy is meant to be drawn. A curve that cannot be
    evaluated between its noise rates, such as one from a table, is returned as it is.
    """
    source, rates = curve.source, curve.noise_rates
    least, most = float(rates.min()), float(rates.max())
    if not isinstance(source, Prediction) or not source.any_rate or most == 0:
        return curve
    if least == most:
        least = 0.0
        curve = source.curve(np.array([least, most]), curve.k, curve.setting)
        rates = curve.noise_rates
    dense = np.union1d(rates, np.linspace(least, most, _DENSE))
    size = sum(len(model.codes) * len(model.ks) for model in source.models) * source.n_classes
    if size <= _EVALUATED or all(isinstance(model, FiniteVotes) for model in source.models):
        return source.curve(dense, curve.k, curve.setting)
    x, first = np.unique(rates, return_index=True)
    y, low, high = curve.accuracy[first], x[:-1], x[1:]
    while len(low):
        middle = (low + high) / 2
        guess, new = PchipInterpolator(x, y)(middle), source.curve(middle, curve.k, curve.setting).accuracy
        x, order = np.unique(np.concatenate([x, middle]), return_index=True)
        y = np.concatenate([y, new])[order]
        coarse = (np.abs(guess - new).max(axis=1) > _UNSEEN) | (high - low > np.ptp(x) / 4)
        coarse &= high - low > np.ptp(x) / _DENSE
        low, high = np.concatenate([low[coarse], middle[coarse]]), np.concatenate([middle[coarse], high[coarse]])
    dense = np.union1d(x, dense)
    return replace(curve, noise_rates=dense, realized_noise_rates=dense, accuracy=PchipInterpolator(x, y)(dense))


def _sorted(curve: AccuracyCurve) -> tuple[NDArray[np.intp], Floats]:
    order = np.argsort(curve.realized_noise_rates)
    return order, curve.realized_noise_rates[order]


def lines_of(curve: AccuracyCurve) -> list[Line]:
    """Return one line per k, by increasing noise rate."""
    order, x = _sorted(curve)
    return [(x, line) for line in curve.accuracy[order].T]


def draw_lines(ax: Axes, curve: AccuracyCurve) -> None:
    """Draw the curve's lines, colored by k."""
    colors = ordered_colors(curve.k.tolist())
    for k, (x, line) in zip(curve.k.tolist(), lines_of(curve), strict=True):
        # A line of a single point is visible only with a marker.
        ax.plot(x, line, color=colors[k], linewidth=1.6, marker="_" if len(x) == 1 else "", zorder=2)


def _mark_asked(ax: Axes, curve: AccuracyCurve) -> list[Line]:
    """Draw a dot at each noise rate that was asked for, on each line; return the dots."""
    colors, dots = ordered_colors(curve.k.tolist()), lines_of(curve)
    for k, (x, y) in zip(curve.k.tolist(), dots, strict=True):
        ax.plot(x, y, color=colors[k], linestyle="none", marker=".", markersize=6, zorder=3)
    return dots


def k_labels(curve: AccuracyCurve) -> tuple[list[str], list[Any]]:
    """Return the names of the lines, and their colors."""
    if curve.setting.classifier is not None:
        return [curve.setting.classifier], [INK]
    ks = curve.k.tolist()
    colors = ordered_colors(ks)
    return [f"K = {k}" if row == 0 else f"{k}" for row, k in enumerate(ks)], [colors[k] for k in ks]


def bar_ends(x: Floats, y: Floats, std: Floats) -> list[Line]:
    """Return the markers and the ends of their error bars, which labels should not cover."""
    bars = np.nan_to_num(std)
    return [(x, y + step * bars) for step in (-1.0, 0.0, 1.0)]


def scale_accuracy(ax: Axes, noise: str = "") -> None:
    """Scale and name the axes for accuracy over the noise rate, in percent."""
    ax.set_ylim(-0.03, 1.03)
    show_percent(ax.xaxis, ax.yaxis)
    ax.set_ylabel("test accuracy")
    ax.set_xlabel(f"noise rate ({noise} noise)" if noise else "noise rate")


def draw_curves(ax: Axes, predicted: AccuracyCurve | None, measured: AccuracyCurve | None) -> None:
    """Draw predicted lines and measured points on one pair of axes."""
    shown = predicted or measured
    assert shown is not None
    scale_accuracy(ax, shown.setting.noise["name"])
    marks: list[Line] = []
    if predicted is not None:
        shown = densely(predicted)
        draw_lines(ax, shown)
        if measured is None and shown is not predicted and len(predicted.noise_rates) <= _FEW:
            marks += _mark_asked(ax, predicted)
    if measured is not None:
        order, _ = _sorted(measured)
        assert measured.std is not None
        for column, ((x, y), color) in enumerate(zip(lines_of(measured), k_labels(shown)[1], strict=True)):
            std = measured.std[order, column]
            marks += bar_ends(x, y, std)
            ax.errorbar(
                x,
                y,
                yerr=error_bars(std),
                color=color,
                linestyle="none" if predicted is not None else ":",
                linewidth=1.0,
                marker="o",
                markersize=4.2,
                markerfacecolor="white",
                markeredgewidth=1.2,
                elinewidth=1.0,
                capsize=2.0,
                zorder=3,
            )
    _label_once(ax, shown, marks)


def _label_once(ax: Axes, shown: AccuracyCurve, marks: list[Line]) -> None:
    """Label the lines of each K, unless a curve that was drawn on these axes before has a label of that K."""
    lines, names, colors = lines_of(shown), *k_labels(shown)
    there = {text.get_text().removeprefix(KEY).removeprefix("K = ") for text in ax.texts}
    new = [row for row, name in enumerate(names) if name.removeprefix("K = ") not in there]
    if new:
        labels = [names[row] for row in new], [colors[row] for row in new]
        beside = [line for row, line in enumerate(lines) if row not in new]
        label_lines(ax, [lines[row] for row in new], *labels, points=marks, beside=beside)


def draw_difference(ax: Axes, predicted: AccuracyCurve, measured: AccuracyCurve) -> None:
    """Draw measured minus predicted accuracy in percentage points, with two standard errors of the measured mean."""
    colors = ordered_colors(predicted.k.tolist())
    order, x = _sorted(measured)
    assert measured.standard_error is not None
    ax.axhline(0, color=INK, linewidth=0.8)
    n = len(measured.k)
    width = (x[-1] - x[0]) * 0.006 if len(x) > 1 else 0.0
    for column, k in enumerate(measured.k.tolist()):
        difference = 100 * (measured.accuracy - predicted.accuracy)[order, column]
        ax.errorbar(
            x + (column - (n - 1) / 2) * width,
            difference,
            yerr=error_bars(200 * measured.standard_error[order, column]),
            color=colors[k],
            linestyle="none",
            marker="o",
            markersize=3.4,
            elinewidth=1.0,
        )
    ax.set_ylabel("measured −\npredicted (points)")
    low, high = ax.get_ylim()
    bound = max(0.6, abs(low), abs(high))
    ax.set_ylim(-bound, bound)


def caption(predicted: AccuracyCurve | None, measured: AccuracyCurve | None, data: str = "") -> str:
    """Return a caption with the data, the counts, the tie rule and the seed."""
    shown = measured or predicted
    assert shown is not None
    parts = [data] if data else []
    counts = f"{shown.setting.n_test:,} test samples"
    if shown.setting.n_train:
        counts = f"{shown.setting.n_train:,} training and {counts}"
    parts.append(counts)
    ties = "" if shown.setting.ties is None else f", ties: {shown.setting.ties}"
    parts.append(f"{shown.setting.placement['name']} placement{ties}")
    if predicted is not None:
        parts.append(f"lines: predicted ({predicted.setting.model}, {predicted.setting.placement['name']})")
    if measured is not None:
        points = f"points: mean ± standard deviation of {measured.repeats} noise draws, seed {measured.setting.seed}"
        parts.append(f"points: one noise draw, seed {measured.setting.seed}" if measured.repeats == 1 else points)
        if predicted is not None and measured.repeats != 1:
            parts.append("below: difference ± two standard errors")
    return "; ".join(parts) + "."


def curve_figure(
    predicted: AccuracyCurve | None, measured: AccuracyCurve | None = None, *, title: str = "", data: str = ""
) -> Figure:
    """Draw a predicted curve, a measured one, or both with their difference below, in a figure with a caption.

    Both curves must have the same noise rates and k, in the same order.
    """
    with matplotlib.rc_context(STYLE):
        both = predicted is not None and measured is not None
        figure = new_figure(6.6, 5.0 if both else 4.0)
        if both:
            upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
        else:
            upper = figure.subplots()
        draw_curves(upper, predicted, measured)
        if predicted is not None and measured is not None:
            draw_difference(lower, predicted, measured)
            lower.set_xlabel(upper.get_xlabel())
            upper.set_xlabel("")
            figure.align_ylabels([upper, lower])
        return finish(figure, title, caption(predicted, measured, data))


def plot_curve(curve: AccuracyCurve, ax: Axes | None = None) -> Axes:
    """Draw one curve, predicted or measured, on `ax` or on a new pyplot figure."""
    ax = axes_to_draw_on(ax, 6.0, 4.2)
    draw_curves(ax, None if curve.measured else curve, curve if curve.measured else None)
    return ax
