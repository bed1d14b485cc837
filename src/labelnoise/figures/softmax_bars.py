"""Figures of the outputs of networks trained on noisy labels, over many test samples (figures 2, 7 and 8 to 13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats
from labelnoise.figures.layout import finish, panel_grid, set_heading, text_width
from labelnoise.figures.style import FAINT, INK, SMALL_SIZE, SOFT_INK, STYLE, VERMILION, halo

if TYPE_CHECKING:
    from labelnoise.softmax.aggregate import AggregatedSoftmax

BAR, BAR_EDGE = "#a9c8e3", "#5b86ad"
_PANEL_HEIGHT = 1.62


@dataclass(frozen=True, eq=False)
class SoftmaxPanel:
    """One bar chart of aggregated outputs.

    Attributes
    ----------
    title : str
    median, lower, upper : array of shape (n_classes,)
        Median and the ends of the central 50 % of each output; NaN where there are no samples.
    true_class : int or None
        Index of the output to outline, that of the true class.
    expected : array of shape (n_classes,), optional
        Value of each output that the theory expects.
    n : int, optional
        Number of test samples.
    labels : sequence of str, optional
        Names of the outputs. Default: their numbers.
    calibrated : array of shape (n_classes,), optional
        Medians of the softmax after temperature scaling.
    """

    title: str
    median: Floats
    lower: Floats
    upper: Floats
    true_class: int | None
    expected: Floats | None = None
    n: int | None = None
    labels: Sequence[str] | None = None
    calibrated: Floats | None = None


def panels_by_class(
    aggregated: AggregatedSoftmax,
    expected: ArrayLike | None = None,
    class_names: Sequence[object] | None = None,
    calibrated: AggregatedSoftmax | None = None,
) -> tuple[SoftmaxPanel, ...]:
    """Return one panel per true class (Fig. 8-13).

    Parameters
    ----------
    aggregated : AggregatedSoftmax
    expected : array-like of shape (n_classes, n_classes), optional
        One row per true class, as from `expected_peak`.
    class_names : sequence, optional
        Names in the order of `aggregated.classes`, which are the default.
    calibrated : AggregatedSoftmax, optional
        The same samples after temperature scaling.
    """
    names = [str(name) for name in (aggregated.classes if class_names is None else class_names)]
    rows = None if expected is None else np.asarray(expected, dtype=np.float64)
    numbers = all(name.isdigit() for name in names)
    return tuple(
        SoftmaxPanel(
            f"true class {name}" if numbers else name,
            aggregated.median[code],
            aggregated.lower[code],
            aggregated.upper[code],
            code,
            None if rows is None else rows[code],
            int(aggregated.counts[code]),
            names,
            None if calibrated is None else calibrated.median[code],
        )
        for code, name in enumerate(names)
    )


def draw_bars(ax: Axes, panel: SoftmaxPanel, panel_width: float = 1.75) -> None:
    """Draw one panel's bars, intervals, outline and expected values, with names below for this width in inches."""
    places = np.arange(len(panel.median))
    name_outputs(ax, panel.labels, len(places), panel_width)
    ax.grid(False, axis="x")
    if np.isnan(panel.median).all():
        ax.text(0.5, 0.5, "no samples", ha="center", va="center", transform=ax.transAxes, color=SOFT_INK)
        return
    own = places == (-1 if panel.true_class is None else panel.true_class)
    ax.bar(
        places,
        panel.median,
        width=0.78,
        color=BAR,
        edgecolor=[INK if outlined else BAR_EDGE for outlined in own],
        linewidth=np.where(own, 2.0, 0.6),
        zorder=2,
    )
    ax.vlines(places, panel.lower, panel.upper, color=INK, linewidth=1.1, zorder=3)
    if panel.calibrated is not None:
        ax.plot(places, panel.calibrated, "o", markersize=3.6, color="white", markeredgecolor=INK, zorder=3.5)
    if panel.expected is not None:
        ax.hlines(panel.expected, places - 0.39, places + 0.39, color=VERMILION, linewidth=1.5, zorder=4)


def name_outputs(ax: Axes, labels: Sequence[str] | None, n_classes: int, panel_width: float) -> None:
    """Label the bars; with more than 12 classes only every n-th, rotated if too wide for a panel of this width."""
    names = [str(code) for code in range(n_classes)] if labels is None else [str(name) for name in labels]
    step = max(1, -(-n_classes // 12))
    shown = names[::step]
    size = SMALL_SIZE - 0.5
    room = 0.78 * panel_width / len(shown)
    upright = all(text_width(name, size) < room for name in shown)
    ax.set_xticks(range(0, n_classes, step), shown, fontsize=size, rotation=0 if upright else 90, parse_math=False)
    ax.tick_params(axis="x", length=0, pad=2)
    ax.set_xlim(-0.7, n_classes - 0.3)


def _name_expected(ax: Axes, panel: SoftmaxPanel) -> None:
    """Write "expected" beside the highest tick, on the side with more bars and therefore more room."""
    assert panel.expected is not None
    highest = int(np.argmax(panel.expected))
    right = highest < len(panel.expected) / 2
    ax.annotate(
        "expected",
        (highest + (0.45 if right else -0.45), panel.expected[highest]),
        (2 if right else -2, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        color=VERMILION,
        fontsize=SMALL_SIZE,
        fontweight="bold",
        path_effects=halo(2.5),
        zorder=6,
    )


def scale_shares(ax: Axes) -> None:
    """Scale the axis of outputs from 0 to 1, the same in all panels."""
    ax.set_ylim(0, 1.06)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "", "0.5", "", "1"])
    ax.yaxis.grid(True, color=FAINT)


def softmax_bars_figure(
    panels: Sequence[SoftmaxPanel], *, title: str = "", caption: str = "", columns: int | None = None
) -> Figure:
    """Draw aggregated softmax outputs: median, central 50 %, an outline for the true class, ticks for expected values.

    Parameters
    ----------
    panels : sequence of SoftmaxPanel
    title : str
    caption : str
        Data set, scale and seeds; the meaning of the marks is added.
    columns : int, optional
        Panels per row. Default: 4, or 5 if that leaves fewer places empty.
    """
    if columns is None:
        columns = min(len(panels), 5 if -len(panels) % 5 < -len(panels) % 4 else 4)
    width = 1.75 if columns >= 5 else 2.1
    with matplotlib.rc_context(STYLE):
        figure, grid = panel_grid(len(panels), columns, width, _PANEL_HEIGHT)
        for ax, panel in zip(grid, panels, strict=True):
            draw_bars(ax, panel, width)
            scale_shares(ax)
            set_heading(ax, panel.title, "" if panel.n is None else f"n = {panel.n:,}", width - 0.15)
        for ax in grid[::columns]:
            ax.set_ylabel("softmax output")
        named = next((place for place, panel in enumerate(panels) if panel.expected is not None), None)
        words = "Bars: median over test samples; vertical lines: central 50 %; black outline: the true class"
        if any(panel.calibrated is not None for panel in panels):
            words += "; circles: median after temperature scaling on noisy validation labels"
        if named is not None:
            _name_expected(grid[named], panels[named])
            words += "; orange ticks: values that the theory expects"
        return finish(figure, title, (caption, f"{words}."))
