"""The common look of all figures: ink, colors, and matplotlib settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axis import Axis
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats

INK, SOFT_INK, FAINT = "#22262b", "#6a717b", "#c9ced6"
# These colors of Okabe and Ito can be told apart with every color vision, and in gray by lightness.
BLUE, ORANGE, VERMILION = "#0072b2", "#e69f00", "#d55e00"
# In these ten colors of Petroff (2021, arXiv:2107.02270), even the nearest two differ in each color-vision deficiency.
CLASS_COLORS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
# viridis stays ordered with every color vision and in gray. Its lightest part, too faint on paper, is left out.
COLORS = matplotlib.colormaps["viridis"]

TITLE_SIZE, PANEL_SIZE, LABEL_SIZE, SMALL_SIZE, CAPTION_SIZE = 11.5, 9.5, 9.0, 8.0, 8.0
DPI = 160
STYLE: Any = {
    "font.size": 10,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


def ordered_colors(values: Sequence[int]) -> dict[int, Any]:
    """Return a color for each value, darker for smaller ones."""
    distinct = sorted(set(values))
    places = np.linspace(0.05, 0.72, len(distinct)) if len(distinct) > 1 else [0.3]
    return {value: COLORS(place) for value, place in zip(distinct, places, strict=True)}


def class_color(code: int) -> str:
    """Return the color of a class; from the eleventh on, colors repeat, and only labels tell the classes apart."""
    return CLASS_COLORS[code % len(CLASS_COLORS)]


def halo(width: float = 3.5) -> list[AbstractPathEffect]:
    """Return a white outline for letters on lines or points."""
    return [withStroke(linewidth=width, foreground="white")]


def show_percent(*axes: Axis) -> None:
    """Show the ticks of shares as percentages, with the digits that they need."""
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{round(100 * share, 6) + 0:.4g}%"))


def error_bars(std: ArrayLike) -> Floats | None:
    """Return the lengths of error bars; None if all are NaN, as a bar of length 0 would claim exactness."""
    bars = np.asarray(std, dtype=np.float64)
    return None if np.isnan(bars).all() else bars
