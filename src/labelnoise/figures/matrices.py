"""Draw a corruption matrix as an image: rows are clean labels, columns noisy ones, brightness is the probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats
from labelnoise.figures.style import SMALL_SIZE

_MOST_NAMED = 20  # Of more classes, only some are named.


_LONGEST = 18  # Longer names are cut.


def draw_matrix(
    ax: Axes,
    matrix: ArrayLike,
    class_names: Sequence[object] | None = None,
    *,
    labels: tuple[str, str] = ("noisy label", "clean label"),
    percent: bool = False,
) -> None:
    """Draw the matrix on `ax` with a color bar; black is probability 0, white the largest.

    Parameters
    ----------
    ax : Axes
    matrix : array-like of shape (n_classes, n_classes)
        P(noisy | clean): rows clean, columns noisy.
    class_names : sequence, optional
        Names in the order of the matrix. Default: 0..n_classes-1.
    labels : (str, str)
        What the columns and the rows are.
    percent : bool, default False
        Whether each probability is written into its cell, in percent, instead of the color bar; those below half a
        percent are left out.
    """
    values = np.asarray(matrix, dtype=np.float64)
    names = [_shortened(str(name)) for name in (range(len(values)) if class_names is None else class_names)]
    image = ax.imshow(values, cmap="gray", vmin=0, interpolation="nearest")
    places = np.arange(0, len(values), max(1, -(-len(values) // _MOST_NAMED)))
    shown = [names[place] for place in places]
    ax.set_xticks(places, shown, fontsize=SMALL_SIZE, rotation=90 if max(map(len, shown)) > 2 else 0, parse_math=False)
    ax.set_yticks(places, shown, fontsize=SMALL_SIZE, parse_math=False)
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    ax.grid(False)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(True)
    if percent:
        _write_percent(ax, values)
        return
    beside = ax.inset_axes((1.03, 0.0, 0.05, 1.0))  # The bar is as high as the image, which may not fill the axes.
    bar = ax.get_figure(root=True).colorbar(image, cax=beside)  # type: ignore[union-attr]
    bar.set_label("probability", fontsize=SMALL_SIZE + 0.5)
    bar.ax.tick_params(labelsize=SMALL_SIZE)
    bar.ax.grid(False)


def _write_percent(ax: Axes, values: Floats) -> None:
    """Write the probabilities of at least half a percent into their cells, in black on light and white on dark ones."""
    for row, column in np.argwhere(values >= 0.005):
        light = values[row, column] > 0.5 * values.max()
        ax.text(
            column,
            row,
            f"{100 * values[row, column]:.0f}",
            color="black" if light else "white",
            fontsize=SMALL_SIZE - 0.5,
            ha="center",
            va="center",
        )


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
