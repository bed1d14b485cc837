"""Figures of accuracy over noise rate and concentration, from spread to concentrated noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labelnoise.figures.layout import axes_to_draw_on, finish, new_figure
from labelnoise.figures.style import INK, LABEL_SIZE, STYLE, show_percent

if TYPE_CHECKING:
    from labelnoise.curves.surface import AccuracySurface

# The plateau of spread noise is above 90 %; two lines there show where it ends.
_LEVELS = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0])


def _draw(ax: Axes, surface: AccuracySurface) -> None:
    order, columns = np.argsort(surface.noise_rates), np.argsort(surface.concentrations)
    accuracy = surface.accuracy[np.ix_(order, columns)].T
    x, y = surface.noise_rates[order], surface.concentrations[columns]
    ax.set_xlabel(f"noise rate ({surface.curve.setting.noise['name']} noise)")
    ax.set_ylabel("concentration ρ")
    show_percent(ax.xaxis)
    ax.grid(False)
    if min(accuracy.shape) < 2:
        words = "one noise rate or concentration: no surface"
        ax.text(0.5, 0.5, words, ha="center", va="center", transform=ax.transAxes)
        return
    ax.contourf(x, y, accuracy, levels=_LEVELS, cmap="viridis", vmin=0, vmax=1)
    inner = [level for level in _LEVELS.tolist() if accuracy.min() < level < accuracy.max()]
    for level in inner:
        # White is not readable on the light end of viridis, and ink is not on the dark end.
        line = ax.contour(x, y, accuracy, levels=[level], colors=INK if level >= 0.6 else "white", linewidths=0.8)
        place = _label_place(line.allsegs[0], (x[0], x[-1]), (y[0], y[-1]))
        if place is not None:
            line.clabel(fmt={level: f"{100 * level:.0f} %"}, fontsize=LABEL_SIZE, manual=[place])


def _label_place(
    segments: Sequence[ArrayLike], x_range: tuple[float, float], y_range: tuple[float, float]
) -> tuple[float, float] | None:
    """Return where a line, which falls, crosses a rising path through the middle; None if only near the edges."""
    low = np.array([x_range[0], y_range[0]])
    size = np.array([x_range[1], y_range[1]]) - low
    shares = (np.concatenate([np.asarray(segment) for segment in segments]) - low) / size
    inside = shares[((shares > 0.06) & (shares < 0.96)).all(axis=1)]
    if not len(inside):
        return None
    nearest = inside[np.argmin(np.abs(inside[:, 1] - 0.2 - 0.5 * inside[:, 0]))]
    x, y = low + nearest * size
    return float(x), float(y)


def plot_surface(surface: AccuracySurface, ax: Axes | None = None) -> Axes:
    """Draw lines of equal accuracy over noise rate and concentration, on `ax` or on a new pyplot figure."""
    ax = axes_to_draw_on(ax, 6.0, 4.4)
    _draw(ax, surface)
    ax.set_ylabel("concentration ρ (0 spread, 1 concentrated)")
    setting = surface.curve.setting
    ax.set_title(f"K = {surface.k}, {setting.n_test:,} test samples, ties {setting.ties}", fontsize=9)
    return ax


def surface_figure(surface: AccuracySurface, *, title: str = "", caption: str = "") -> Figure:
    """Draw accuracy at each noise rate and concentration for one K, as filled contours with labeled lines.

    Parameters
    ----------
    surface : AccuracySurface
    title : str
    caption : str
        Data set and scale; K, noise model, tie rule and test samples are added.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(6.6, 4.6)
        ax = figure.subplots()
        _draw(ax, surface)
        ends: dict[str, Any] = {
            "transform": ax.transAxes,
            "rotation": 90,
            "ha": "left",
            "fontsize": LABEL_SIZE,
            "color": INK,
        }
        ax.text(1.015, 0.0, "← spread", va="bottom", **ends)
        ax.text(1.015, 1.0, "concentrated →", va="top", **ends)
        setting = surface.curve.setting
        words = (
            f"Lines of equal predicted accuracy of K-NN, K = {surface.k}, {setting.noise['name']} noise "
            f"({setting.model}, ties: {setting.ties}, {setting.n_test:,} test samples). ρ = 0: wrong labels spread at "
            "random; ρ = 1: in every neighborhood, all labels or none are selected."
        )
        return finish(figure, title, (caption, words))
