"""Curves to figures. Nothing is computed here but positions on paper.

Lines are predictions, points with bars are measurements (mean and standard deviation over repeats); colour is k. Every
figure carries its sample counts, repeats, tie rule and seed in the caption. Figures are made without pyplot: no global
state, no window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

if TYPE_CHECKING:
    from labelnoise.curves import AccuracyCurve
    from labelnoise.surface import AccuracySurface

INK, FAINT = "#22262b", "#c9ced6"
# viridis stays ordered with every colour vision and in grey; its lightest part is left out, which paper does not carry
COLOURS = matplotlib.colormaps["viridis"]
STYLE: Any = {
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def _colours(ks: Sequence[int]) -> dict[int, Any]:
    """A colour for each k, dark for small."""
    distinct = sorted(set(ks))
    places = np.linspace(0.05, 0.72, len(distinct)) if len(distinct) > 1 else [0.3]
    return {k: COLOURS(place) for k, place in zip(distinct, places, strict=True)}


def _sorted(curve: AccuracyCurve) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    order = np.argsort(curve.realised_noise_rates)
    return order, curve.realised_noise_rates[order]


def _label_lines(ax: Axes, x: NDArray[np.float64], lines: NDArray[np.float64], ks: Sequence[int], colours: Any) -> None:
    """Write each k on its line, between two levels, where the other lines and labels are far (layout only)."""
    width = x[-1] - x[0]
    middles, room = (x[1:] + x[:-1]) / 2, np.diff(x)
    drawn = np.array([np.interp(middles, x, line) for line in lines.T])
    taken: list[float] = []
    for row, k in enumerate(ks):
        narrow = room < min((0.09 if row == 0 else 0.05) * width, room.max())  # the first label says "K = "
        others = np.delete(drawn, row, axis=0)
        gap = np.abs(others - drawn[row]).min(axis=0) if len(others) else np.ones_like(middles)
        crowded = (
            np.array([min((abs(place - other) for other in taken), default=1.0) for place in middles]) < 0.09 * width
        )
        place = int(np.argmax(np.minimum(gap, 0.12) - 0.06 * crowded - narrow))
        taken.append(float(middles[place]))
        ax.annotate(
            f"K = {k}" if row == 0 else f"{k}",
            (middles[place], drawn[row, place]),
            color=colours[k],
            fontsize=9,
            fontweight="bold",
            ha="center",
            va="center",
            path_effects=[withStroke(linewidth=3.5, foreground="white")],
            zorder=5,
        )


def draw_curves(ax: Axes, predicted: AccuracyCurve | None, measured: AccuracyCurve | None) -> None:
    """Predicted lines and measured points on one pair of axes."""
    shown = predicted or measured
    assert shown is not None
    ks = shown.k.tolist()
    colours = _colours(ks)
    if predicted is not None:
        order, x = _sorted(predicted)
        for column, k in enumerate(ks):
            ax.plot(x, predicted.accuracy[order, column], color=colours[k], linewidth=1.6, zorder=2)
    if measured is not None:
        order, x_measured = _sorted(measured)
        assert measured.std is not None
        for column, k in enumerate(measured.k.tolist()):
            ax.errorbar(
                x_measured,
                measured.accuracy[order, column],
                yerr=np.nan_to_num(measured.std[order, column]),
                color=colours[k],
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
    order, x = _sorted(shown)
    if len(x) > 1 and x[0] < x[-1]:
        _label_lines(ax, x, shown.accuracy[order], ks, colours)
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_ylabel("test accuracy")
    ax.set_xlabel(f"noise rate ({shown.noise['name']} noise)")


def draw_difference(ax: Axes, predicted: AccuracyCurve, measured: AccuracyCurve) -> None:
    """Measured minus predicted in percentage points, with two standard errors of the measured mean."""
    colours = _colours(predicted.k.tolist())
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
            yerr=200 * np.nan_to_num(measured.standard_error[order, column]),
            color=colours[k],
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
    """What the figure shows, with the counts, the spread, the tie rule and the seed."""
    shown = measured or predicted
    assert shown is not None
    parts = [data] if data else []
    counts = f"{shown.n_test:,} test samples"
    if shown.n_train:
        counts = f"{shown.n_train:,} training and {counts}"
    parts.append(counts)
    parts.append(f"{shown.placement['name']} placement, ties: {shown.ties}")
    if predicted is not None:
        parts.append(f"lines: predicted ({predicted.model}, {predicted.placement['name']})")
    if measured is not None:
        parts.append(f"points: mean ± standard deviation of {measured.repeats} noise draws, seed {measured.seed}")
    return "; ".join(parts) + "."


def curve_figure(
    predicted: AccuracyCurve | None, measured: AccuracyCurve | None = None, *, title: str = "", data: str = ""
) -> Figure:
    """One figure: the curves, below them the difference where both are there, and a caption.

    Predicted and measured curves must have the same noise rates and k, in the same order, for the difference.
    """
    with matplotlib.rc_context(STYLE):
        both = predicted is not None and measured is not None
        figure = Figure(figsize=(6.6, 5.6 if both else 4.6), layout="constrained", dpi=160)
        if both:
            upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
        else:
            upper = figure.subplots()
        draw_curves(upper, predicted, measured)
        if predicted is not None and measured is not None:
            draw_difference(lower, predicted, measured)
            lower.set_xlabel(upper.get_xlabel())
            upper.set_xlabel("")
        if title:
            upper.set_title(title, loc="left", fontweight="bold", fontsize=11.5)
        figure.supxlabel(caption(predicted, measured, data), fontsize=7.5, wrap=True, x=0.02, ha="left")
        figure.canvas.draw()
    return figure


def plot_curve(curve: AccuracyCurve, ax: Axes | None = None) -> Axes:
    """One curve, predicted or measured, on `ax` or a figure of its own."""
    if ax is None:
        ax = Figure(figsize=(6.0, 4.2), layout="constrained").subplots()
    draw_curves(ax, None if curve.measured else curve, curve if curve.measured else None)
    return ax


def plot_surface(surface: AccuracySurface, ax: Axes | None = None) -> Axes:
    """Lines of equal accuracy over noise rate and concentration, on `ax` or a figure of its own."""
    if ax is None:
        ax = Figure(figsize=(6.0, 4.4), layout="constrained", dpi=160).subplots()
    order = np.argsort(surface.noise_rates)
    accuracy = surface.accuracy[order].T
    levels = np.linspace(0, 1, 11)
    arguments = (surface.noise_rates[order], surface.concentrations, accuracy)
    filled = ax.contourf(*arguments, levels=levels, cmap="viridis")
    lines = ax.contour(*arguments, levels=levels, colors="white", linewidths=0.8)
    ax.clabel(lines, fmt=lambda level: f"{level:.0%}", fontsize=8)
    colour_bar = ax.get_figure(root=True).colorbar(filled, ax=ax, label="predicted test accuracy")  # type: ignore[union-attr]
    colour_bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel(f"noise rate ({surface.curve.noise['name']} noise)")
    ax.set_ylabel("concentration ρ (0 spread, 1 concentrated)")
    ax.set_title(f"K = {surface.k}, {surface.curve.n_test:,} test samples, ties {surface.curve.ties}", fontsize=9)
    return ax
