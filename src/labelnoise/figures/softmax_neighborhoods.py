"""Figures that compare the softmax with the labels of the nearest training samples (figures 5 and 6, appendix A)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labelnoise.figures.layout import finish, new_figure, panel_grid, set_heading
from labelnoise.figures.softmax_bars import BAR, BAR_EDGE, name_outputs, scale_shares
from labelnoise.figures.style import (
    BLUE,
    INK,
    LABEL_SIZE,
    ORANGE,
    SMALL_SIZE,
    STYLE,
    VERMILION,
    halo,
)

if TYPE_CHECKING:
    from labelnoise.softmax.histograms import SoftmaxNeighborhoods

_PANEL_WIDTH, _PANEL_HEIGHT = 2.2, 1.62


def preferred_k_figure(
    neighborhoods: SoftmaxNeighborhoods, *, paper_median: float | None = None, title: str = "", caption: str = ""
) -> Figure:
    """Draw the prevalence of each preferred K, and the histogram of the chi-square distances (Fig. 5).

    Parameters
    ----------
    neighborhoods : SoftmaxNeighborhoods
    paper_median : float, optional
        A second median distance to mark; the paper's is 0.143, on CIFAR-10.
    title : str
    caption : str
        Data set, scale and seeds; the test samples and the range of K are added.
    """
    distance, n_samples = neighborhoods.distance, len(neighborhoods.distance)
    share = np.full(n_samples, 100 / n_samples)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.6, 3.1)
        left, right = figure.subplots(1, 2)
        low, high = int(neighborhoods.ks[0]), int(neighborhoods.ks[-1])
        step = max(1, round((high - low) / 29))
        edges = np.append(np.arange(low, high - step // 2 + 1, step) - 0.5, high + 0.5)  # The last bin has the rest.
        bars = {"color": BAR, "edgecolor": BAR_EDGE, "linewidth": 0.6, "zorder": 2}
        left.hist(neighborhoods.preferred_k, bins=edges, weights=share, **bars)
        left.set_xlabel("preferred K" + (f" (bins of {step})" if step > 1 else ""))
        left.set_ylabel("share of test samples (%)")
        right.hist(distance, bins=np.linspace(0, max(distance.max(), 1e-6), 41), weights=share, **bars)
        right.set_xlabel("chi-square distance at the preferred K")
        set_heading(left, "(a) preferred neighborhood size", "", 4.0)
        set_heading(right, "(b) distance between softmax and histogram", "", 4.0)
        for ax in (left, right):
            ax.grid(False, axis="x")
        marks = [(neighborhoods.median_distance, "median", INK)]
        if paper_median is not None:
            marks.append((paper_median, "paper", VERMILION))
        _mark(right, marks)
        words = (
            f"{n_samples:,} test samples, K from {low} to {high}. The preferred K of a sample is the one at "
            "which the label histogram of its nearest training samples is closest to its softmax."
        )
        return finish(figure, title, (caption, words))


def _mark(ax: Axes, marks: list[tuple[float, str, str]]) -> None:
    """Draw vertical lines with names to the right of their tops, lower from left to right, so that none is crossed."""
    bottom, top = ax.get_ylim()
    ax.set_ylim(bottom, 1.12 * top)
    ax.set_xlim(0, max(ax.get_xlim()[1], max(x for x, _, _ in marks) / 0.68))
    for row, (x, name, color) in enumerate(sorted(marks)):
        height = (1.09 - 0.12 * row) * top
        ax.vlines(
            x, 0, height, color=color, linewidth=1.4, linestyle="-" if name == "median" else (0, (4, 2)), zorder=3
        )
        ax.annotate(
            f"{name} {x:.3f}",
            (x, height),
            (4, 0),
            textcoords="offset points",
            ha="left",
            va="top",
            color=color,
            fontsize=LABEL_SIZE,
            fontweight="bold",
            path_effects=halo(),
            zorder=6,
        )


def softmax_pairs_figure(
    pred_probs: ArrayLike,
    histograms: ArrayLike,
    distances: ArrayLike,
    preferred_k: ArrayLike,
    true_classes: ArrayLike,
    *,
    class_names: Sequence[object] | None = None,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Draw the softmax beside the label histogram of the preferred neighborhood, one panel per sample (Fig. 6).

    Parameters
    ----------
    pred_probs, histograms : array-like of shape (n_samples, n_classes)
    distances, preferred_k : array-like of shape (n_samples,)
    true_classes : int array-like of shape (n_samples,)
        Codes of the classes whose bars are outlined.
    class_names : sequence, optional
        Names of the columns. Default: their numbers.
    title : str
    caption : str
        Data set, scale and seeds; the meaning of the marks is added.
    """
    softmax, neighbors = np.asarray(pred_probs, dtype=np.float64), np.asarray(histograms, dtype=np.float64)
    away, sizes = np.asarray(distances, dtype=np.float64), np.asarray(preferred_k)
    codes = np.asarray(true_classes)
    n_samples, n_classes = softmax.shape
    names = [str(name) for name in (range(n_classes) if class_names is None else class_names)]
    columns = min(n_samples, 3 if -n_samples % 3 < -n_samples % 4 else 4)
    with matplotlib.rc_context(STYLE):
        figure, grid = panel_grid(n_samples, columns, _PANEL_WIDTH, _PANEL_HEIGHT)
        for row, ax in enumerate(grid):
            own = np.arange(n_classes) == codes[row]
            for values, side, color in ((softmax[row], -0.2, BLUE), (neighbors[row], 0.2, ORANGE)):
                ax.bar(
                    np.arange(n_classes) + side,
                    values,
                    width=0.4,
                    color=color,
                    edgecolor=[INK if outlined else color for outlined in own],
                    linewidth=np.where(own, 1.6, 0.0),
                    zorder=2,
                )
            name_outputs(ax, names, n_classes, _PANEL_WIDTH)
            ax.grid(False, axis="x")
            scale_shares(ax)
            set_heading(
                ax, f"true class {names[codes[row]]}", f"K = {sizes[row]}, distance {away[row]:.3f}", _PANEL_WIDTH - 0.2
            )
        for ax in grid[::columns]:
            ax.set_ylabel("share")
        _name_pair(grid[0], softmax[0] + neighbors[0])
        words = (
            "Blue: softmax of one test sample; orange: labels of its K nearest training samples, with the "
            "preferred K; black outline: the true class."
        )
        return finish(figure, title, (caption, words))


def _name_pair(ax: Axes, heights: np.ndarray) -> None:
    """Write what the two colors are, in the half of the panel with the lower bars."""
    half = len(heights) // 2
    left = heights[:half].max(initial=0.0) < heights[half:].max(initial=0.0)
    for row, (text, color) in enumerate((("softmax", BLUE), ("K-NN labels", "#a87400"))):
        ax.text(
            0.03 if left else 0.97,
            0.93 - 0.15 * row,
            text,
            transform=ax.transAxes,
            ha="left" if left else "right",
            va="center",
            color=color,
            fontsize=SMALL_SIZE,
            fontweight="bold",
            path_effects=halo(2.5),
            zorder=6,
        )
