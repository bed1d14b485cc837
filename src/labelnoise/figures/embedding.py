"""Figures of two-dimensional embeddings that show where wrong labels lie (figure 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labelnoise.figures.layout import finish, panel_grid, set_heading
from labelnoise.figures.style import FAINT, INK, STYLE, class_color, halo

_PANEL = 3.9
_MOST_VECTORS = 3000  # More points are drawn as pixels, or an SVG would have megabytes.


class EmbeddingPanel(NamedTuple):
    """One embedding with its labels.

    Attributes
    ----------
    points : array-like of shape (n_samples, 2)
    labels : int array-like of shape (n_samples,)
        Given labels, as codes.
    changed : bool array-like of shape (n_samples,)
        Whether the given label is wrong.
    accuracy : float
        Test accuracy of the network trained on the given labels; NaN if there is none.
    title : str
    """

    points: ArrayLike
    labels: ArrayLike
    changed: ArrayLike
    accuracy: float
    title: str = ""


def embedding_figure(
    panels: Sequence[EmbeddingPanel],
    *,
    class_names: Sequence[object] | None = None,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Draw embeddings colored by the given label, with wrong labels on top and in a dark edge (Fig. 1).

    Parameters
    ----------
    panels : sequence of EmbeddingPanel
        Tuples with the same entries are taken as well.
    class_names : sequence, optional
        Names by code. Default: the codes.
    title : str
    caption : str
        Data set, scale and seeds; the meaning of the marks is added.
    """
    with matplotlib.rc_context(STYLE):
        columns = min(len(panels), 2)
        figure, grid = panel_grid(len(panels), columns, _PANEL, _PANEL + 0.5, share=False)
        for ax, panel in zip(grid, panels, strict=True):
            _draw(ax, EmbeddingPanel(*panel), class_names)
        words = (
            "Position: two-dimensional embedding of the training samples' features; color: the given label; larger "
            "points with a dark edge: given labels that are wrong; class names: the middle of the right ones."
        )
        return finish(figure, title, (caption, words))


def _draw(ax: Axes, panel: EmbeddingPanel, class_names: Sequence[object] | None) -> None:
    points = np.asarray(panel.points, dtype=np.float64)
    labels, changed = np.asarray(panel.labels), np.asarray(panel.changed, dtype=bool)
    colors = np.array([class_color(int(code)) for code in labels])
    area = float(np.clip(14000 / max(len(points), 1), 1.5, 16))
    pixels = len(points) > _MOST_VECTORS
    right: dict[str, Any] = {"s": area, "linewidths": 0, "alpha": 0.75, "zorder": 2}
    wrong: dict[str, Any] = {"s": 1.5 * area, "linewidths": 0.5, "edgecolors": INK, "zorder": 3}
    for mask, marks in ((~changed, right), (changed, wrong)):
        ax.scatter(points[mask, 0], points[mask, 1], c=colors[mask], rasterized=pixels, **marks)
    for code in np.unique(labels[~changed]):
        x, y = np.median(points[(labels == code) & ~changed], axis=0)
        name = str(code) if class_names is None else str(class_names[int(code)])
        ax.text(
            x,
            y,
            name,
            ha="center",
            va="center",
            fontsize=11 if len(name) <= 2 else 9.5,
            fontweight="bold",
            path_effects=halo(3),
            zorder=5,
            parse_math=False,
        )
    low, high = points.min(axis=0, initial=np.inf), points.max(axis=0, initial=-np.inf)
    (x, y), half = (low + high) / 2, 0.53 * float(np.max(high - low))
    ax.set(xticks=[], yticks=[], xlim=(x - half, x + half), ylim=(y - half, y + half), aspect="equal")
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set(visible=True, color=FAINT)
    parts = [f"{changed.mean():.0%} of {len(labels):,} labels wrong"]
    if not np.isnan(panel.accuracy):
        parts.append(f"test accuracy {panel.accuracy:.1%}")
    set_heading(ax, panel.title, "", _PANEL - 0.2)
    ax.set_xlabel("; ".join(parts))
