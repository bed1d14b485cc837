"""Figures of a diagnosis: the wrong rate, the transition matrix, suspicion, and what cleaning gains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from labelnoise.arrays import Floats, Mask
from labelnoise.diagnosis.headline import percent_range
from labelnoise.figures.direct_labels import label_ends
from labelnoise.figures.layout import finish, new_figure, wrap
from labelnoise.figures.matrices import draw_matrix
from labelnoise.figures.style import (
    BLUE,
    FAINT,
    INK,
    LABEL_SIZE,
    ORANGE,
    SMALL_SIZE,
    SOFT_INK,
    STYLE,
    VERMILION,
    show_percent,
)

if TYPE_CHECKING:
    from labelnoise.diagnosis.estimate import Estimate
    from labelnoise.diagnosis.relabeling.cost import CleaningCurve

_WIDTH = 6.6
_BINS = 40
_LEAST_SPAN = 0.04  # An axis of accuracy spans at least this much, so that differences of no account look like it.
_ORDER_COLORS = {"gain": BLUE, "region": VERMILION, "suspicion": ORANGE, "random": SOFT_INK}
_ORDER_NAMES = {
    "gain": "by gain",
    "region": "by region",
    "suspicion": "by suspicion",
    "random": "at random",
}


def wrong_rate_figure(rates: Sequence[tuple[str, Estimate, str]], *, title: str = "", caption: str = "") -> Figure:
    """Draw ranges of the wrong rate below each other on one axis, each with what it assumes.

    Parameters
    ----------
    rates : sequence of (str, Estimate, str)
        What each range comes from, the range, and a sentence on what it assumes. Brackets are drawn as bars, intervals
        as lines with a dot.
    title, caption : str
        Above and below.
    """
    with matplotlib.rc_context(STYLE):
        notes = [wrap(note, 0.93 * _WIDTH, SMALL_SIZE) for _, _, note in rates]
        heights = [0.62 + 0.15 * (note.count("\n") + 1) for note in notes]  # inches
        figure = new_figure(_WIDTH, sum(heights) + 0.5)
        ax = figure.subplots()
        right = min(1.0, 1.15 * max(max(rate.high for _, rate, _ in rates), 0.04))
        ax.set_xlim(0, right)
        ax.set_ylim(sum(heights), 0)
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # No grid line may cross a text.
        top = 0.0
        for (name, rate, _), note, height in zip(rates, notes, heights, strict=True):
            style: dict[str, Any] = {"fontsize": LABEL_SIZE, "fontweight": "bold", "va": "center", "bbox": behind}
            ax.text(0, top + 0.16, f"{name}: {_figures_of(rate)}", parse_math=False, **style)
            _draw_range(ax, rate, top + 0.4)
            style = {"fontsize": SMALL_SIZE, "color": SOFT_INK, "va": "top", "linespacing": 1.3, "bbox": behind}
            ax.text(0, top + 0.53, note, parse_math=False, **style)
            top += height
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        show_percent(ax.xaxis)
        ax.set_xlabel("labels that are wrong")
        return finish(figure, title, caption)


def _figures_of(rate: Estimate) -> str:
    text = percent_range(rate)
    return f"{text} (bracket)" if rate.kind == "bracket" else f"{100 * rate.value:.1f} % (95 % interval {text})"


def _draw_range(ax: Axes, rate: Estimate, y: float) -> None:
    """Draw a range, and a mark at its value."""
    if rate.kind == "bracket":
        ax.plot([rate.low, rate.high], [y, y], color=BLUE, linewidth=8, alpha=0.35, solid_capstyle="butt")
        ax.plot([rate.value], [y], color=BLUE, marker="|", markersize=10, markeredgewidth=2)
    else:
        ax.plot([rate.low, rate.high], [y, y], color=VERMILION, linewidth=2, marker="|", markersize=8)
        ax.plot([rate.value], [y], color=VERMILION, marker="o", markersize=6)


def transition_figure(matrix: Floats, class_names: Sequence[object], *, title: str = "", caption: str = "") -> Figure:
    """Draw T of at most about 20 classes as an image with the probabilities, in percent, in its cells."""
    with matplotlib.rc_context(STYLE):
        side = float(np.clip(0.42 * len(matrix), 2.6, 5.2))
        figure = new_figure(side + 1.4, side)
        draw_matrix(
            figure.subplots(),
            matrix,
            class_names,
            labels=("given label", "true label"),
            percent=True,
        )
        return finish(figure, title, caption)


def suspicion_figure(wrong_probability: Floats, is_suspected: Mask, *, title: str = "", caption: str = "") -> Figure:
    """Draw the histogram of Pr(wrong) on a logarithmic scale; suspected labels are those with another suggested one.

    Parameters
    ----------
    wrong_probability : (n,) array
        Pr(label is wrong).
    is_suspected : (n,) bool array
        Whether another label is more probable than the given one.
    title, caption : str
        Above and below.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(_WIDTH, 3.0)
        ax = figure.subplots()
        edges = np.linspace(0, 1, _BINS + 1)
        everyone = np.histogram(wrong_probability, edges)[0]
        suspected = np.histogram(wrong_probability[is_suspected], edges)[0]
        ax.bar(edges[:-1], everyone, 1 / _BINS, align="edge", color=FAINT, edgecolor="white", linewidth=0.4)
        ax.bar(edges[:-1], suspected, 1 / _BINS, align="edge", color=VERMILION, edgecolor="white", linewidth=0.4)
        ax.set_yscale("log")
        ax.set_ylim(0.6, 6 * max(1, everyone.max()))
        ax.set_xlim(0, 1)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        ax.minorticks_off()
        show_percent(ax.xaxis)
        ax.set_xlabel("probability that the label is wrong")
        ax.set_ylabel("labels")
        n = int(is_suspected.sum())
        said = f"{n:,} of {len(wrong_probability):,} suspected" if n else "none is suspected"
        ax.text(0.98, 0.96, said, transform=ax.transAxes, ha="right", va="top", color=VERMILION, fontweight="bold")
        return finish(figure, title, caption)


def cleaning_figure(curves: Sequence[CleaningCurve], *, n_shown: int, title: str = "", caption: str = "") -> Figure:
    """Draw the expected accuracy of K-NN against the number of labels checked, in several orders.

    Parameters
    ----------
    curves : sequence of CleaningCurve
        Of the same labels. Bands are their 95 % intervals.
    n_shown : int
        The axis ends there. The accuracy with all labels checked is a dashed line.
    title, caption : str
        Above and below.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(_WIDTH, 3.6)
        ax = figure.subplots()
        end = float(np.mean([curve.accuracy[-1] for curve in curves]))
        colors = [_ORDER_COLORS[curve.order] for curve in curves]
        for curve, color in zip(curves, colors, strict=True):
            shown = np.union1d(curve.n_cleaned[curve.n_cleaned <= n_shown], [n_shown])
            low, middle, high = (
                np.interp(shown, curve.n_cleaned, values) for values in (curve.lower, curve.accuracy, curve.upper)
            )
            ax.fill_between(shown, low, high, color=color, alpha=0.15, linewidth=0)
            ax.plot(shown, middle, color=color, linewidth=1.8, marker=".", markersize=4)
        ax.set_xlim(0, n_shown)
        low, high = ax.get_ylim()
        low, high = min(low, end), max(high, end)
        room = max(0.05 * (high - low), (_LEAST_SPAN - (high - low)) / 2)
        ax.set_ylim(max(0.0, low - room), high + room)
        names, heights = [_ORDER_NAMES[curve.order] for curve in curves], [float(curve.at(n_shown)) for curve in curves]
        if n_shown < curves[0].n_samples:
            ax.axhline(end, color=INK, linewidth=0.9, linestyle="--")
            names, heights, colors = [*names, "all checked"], [*heights, end], [*colors, INK]
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        show_percent(ax.yaxis)
        ax.set_xlabel("labels checked")
        ax.set_ylabel(f"expected {curves[0].k}-NN accuracy")
        label_ends(ax, n_shown, heights, names, colors)
        return finish(figure, title, caption)
