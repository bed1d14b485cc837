"""Write names on lines, beside points or at the ends of lines, instead of a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from labelnoise.arrays import Floats
from labelnoise.figures.layout import text_width
from labelnoise.figures.style import LABEL_SIZE

Line = tuple[Floats, Floats]

KEY = "\N{BOX DRAWINGS HEAVY HORIZONTAL} "
"""The piece of line before each text of a key."""

_ENOUGH = 0.12  # A larger gap, as a share of the axes' height, does not make a label clearer.
_STEPS = 121  # So many places are tried on a line.
_PATCH = {"facecolor": "white", "edgecolor": "none", "boxstyle": "round,pad=0.08"}
_FONT: dict[str, Any] = {"fontsize": LABEL_SIZE, "fontweight": "bold"}


class _Frame:
    """The axes in shares of their width and height; their limits must be final, and their size nearly so."""

    def __init__(self, ax: Axes) -> None:
        (self.left, right), (self.low, high) = ax.get_xlim(), ax.get_ylim()
        self.x_range, self.y_range = right - self.left, high - self.low
        extent = ax.get_window_extent()
        dpi = ax.get_figure(root=True).dpi  # type: ignore[union-attr]
        self.width, self.height = extent.width / dpi, extent.height / dpi

    def shares(self, line: Line) -> Line:
        return (np.asarray(line[0]) - self.left) / self.x_range, (np.asarray(line[1]) - self.low) / self.y_range

    def data(self, x: float, y: float) -> tuple[float, float]:
        return self.left + x * self.x_range, self.low + y * self.y_range

    def half_size(self, text: str) -> tuple[float, float]:
        """Return half the width and half the height of a label with a little room around it."""
        return 0.55 * text_width(text, LABEL_SIZE, "bold") / self.width + 0.006, 0.75 * LABEL_SIZE / 72 / self.height


def label_lines(
    ax: Axes,
    lines: Sequence[Line],
    texts: Sequence[str],
    colors: Sequence[Any],
    *,
    points: Sequence[Line] = (),
    beside: Sequence[Line] = (),
) -> None:
    """Write each text on its line, far from the other lines, the labels before it and the points.

    If one line has no such place, its text stands beside it; if several have none, a key in a corner names all lines.

    Parameters
    ----------
    ax : Axes
        Axes with everything drawn and the limits set.
    lines : sequence of (x, y)
        Lines of increasing x.
    texts, colors : sequence
        One per line.
    points : sequence of (x, y)
        Markers and ends of error bars, which no text may cover.
    beside : sequence of (x, y)
        Lines that get no text here, but keep the others' texts away.
    """
    frame = _Frame(ax)
    shares, marks = [frame.shares(line) for line in lines], [frame.shares(line) for line in points]
    low, high = min(x[0] for x, _ in shares), max(x[-1] for x, _ in shares)
    if not low < high:
        return
    places = np.linspace(low + 0.05, high - 0.05, _STEPS)
    drawn = _heights(shares, places)
    others = _heights([frame.shares(line) for line in beside], places)
    taken: list[tuple[float, float, float]] = []
    placed: list[tuple[int, float, float]] = []
    crowded: list[int] = []
    for row, text in enumerate(texts):
        half, half_height = frame.half_size(text)
        own, score = drawn[row], np.full(_STEPS, np.nan)
        for at in np.flatnonzero(np.isfinite(own)).tolist():
            window = np.abs(places - places[at]) <= half
            gap = _nearest(np.delete(drawn, row, axis=0)[:, window], own[at], _ENOUGH)
            to_beside = _nearest(others[:, window], own[at], 2 * half_height)
            near = [y[np.abs(x - places[at]) < half + 0.012] for x, y in marks]
            to_marks = min((_nearest(y, own[at], 2 * half_height) for y in near), default=2 * half_height)
            covers = min(2 * gap, 1.5 * to_beside, to_marks) < half_height  # A label may hide a line by half a letter.
            score[at] = gap + 0.3 * to_beside + 0.6 * to_marks - covers
        for x, y, other in taken:
            score[(np.abs(places - x) < half + other) & (np.abs(own - y) < 2.2 * half_height)] -= 1.0
        score -= 0.01 * np.abs(places - (low + high) / 2)  # Of equal places, the middle one is taken.
        if not np.nanmax(score, initial=-1.0) > 0:
            crowded.append(row)
            continue
        place = int(np.nanargmax(score))
        x, y = float(places[place]), float(own[place])
        taken.append((x, y, half))
        placed.append((row, x, y))
    if len(crowded) > 1:
        _write_key(ax, frame, [*shares, *marks], texts, colors)
        return
    for row, x, y in placed:
        style: dict[str, Any] = {"ha": "center", "va": "center", "bbox": _PATCH, "zorder": 5, **_FONT}
        ax.annotate(texts[row], frame.data(x, y), color=colors[row], **style)
    for row in crowded:
        rest = [line for place, line in enumerate(lines) if place != row]
        label_points(ax, lines[row], texts[row], colors[row], lines=[*rest, *beside], points=points)


def _write_key(ax: Axes, frame: _Frame, drawn: Sequence[Line], texts: Sequence[str], colors: Sequence[Any]) -> None:
    """Write the texts below each other, each after a piece of its line, in the emptiest corner."""
    entries = [f"{KEY}{text}" for text in texts]
    width = 2 * max(frame.half_size(entry)[0] for entry in entries)
    step = 2.1 * frame.half_size("1")[1]
    xs, ys = (np.concatenate(axis) for axis in zip(*map(_finely, drawn), strict=True))
    corners = [(x, y) for x in (0.02, 0.98 - width) for y in (0.03, 0.97 - step * len(texts))]
    inside = [
        np.sum((xs > x - 0.02) & (xs < x + width + 0.02) & (ys > y) & (ys < y + step * len(texts))) for x, y in corners
    ]
    x, y = corners[int(np.argmin(inside))]
    for row, entry in enumerate(entries):
        place = frame.data(x, y + step * (row + 0.5))
        ax.annotate(entry, place, color=colors[row], ha="left", va="center", zorder=5, **_FONT)


def _heights(lines: Sequence[Line], places: Floats) -> Floats:
    """Return the lines' heights at the same places, one line per row; NaN beyond their ends."""
    rows = [np.interp(places, x, y, left=np.nan, right=np.nan) for x, y in lines]
    return np.array(rows).reshape(len(rows), len(places))


def _nearest(heights: Floats, height: float, farthest: float) -> float:
    away = np.abs(heights - height)
    return float(np.min(away[~np.isnan(away)], initial=farthest))


def label_points(
    ax: Axes, named: Line, text: str, color: Any, *, lines: Sequence[Line] = (), points: Sequence[Line] = ()
) -> None:
    """Write a text into a free place near one of the named points, and join the two by a thin line.

    Parameters
    ----------
    ax : Axes
        Axes with everything drawn, including labels on lines, and the limits set.
    named : (x, y)
        The points that the text names; one that is far from the other lines is preferred.
    text, color
    lines, points : sequence of (x, y)
        Other lines and points, which the text may not cover.
    """
    frame = _Frame(ax)
    half, half_height = frame.half_size(text)
    own_x, own_y = frame.shares(named)
    known = np.isfinite(own_x) & np.isfinite(own_y)
    own_x, own_y = own_x[known], own_y[known]
    others = [frame.shares(line) for line in lines]
    above = np.array([own_y - np.interp(own_x, x, y, left=np.nan, right=np.nan) for x, y in others])
    alone = np.min(np.nan_to_num(np.abs(above), nan=_ENOUGH), axis=0, initial=_ENOUGH)
    blocked = [frame.shares(line) for line in points] + [_finely(line) for line in [(own_x, own_y), *others]]
    blocked += [_finely(frame.shares(box)) for box in _labels_so_far(ax, frame)]
    taken_x, taken_y = (np.concatenate(axis) for axis in zip(*blocked, strict=True))
    best, chosen = np.inf, None
    for x in np.linspace(half + 0.01, 0.99 - half, 61):
        near = np.abs(taken_x - x) < half + 0.01
        heights = np.array([[np.interp(x, *other)] for other in others])
        for y in np.linspace(2 * half_height, 1 - 2 * half_height, 41):
            if (np.abs(taken_y[near] - y) < 1.3 * half_height).any():
                continue
            across = np.maximum(np.abs(own_x - x) - half, 0) * frame.width
            up = np.maximum(np.abs(own_y - y) - half_height, 0) * frame.height
            crossed = np.sum((y - heights) * above < 0, axis=0)  # These lines are between label and point.
            cost = np.hypot(across, up) - 2 * alone * frame.height + 1.5 * crossed
            if cost.min() < best:
                best, chosen = float(cost.min()), (float(x), float(y), int(cost.argmin()))
    if chosen is None:
        return
    x, y, point = chosen
    ax.annotate(
        text,
        frame.data(own_x[point], own_y[point]),
        frame.data(x, y),
        color=color,
        ha="center",
        va="center",
        arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3},
        zorder=8,
        **_FONT,
    )


def _labels_so_far(ax: Axes, frame: _Frame) -> list[Line]:
    """Return the middle lines of the labels that are already on the axes."""
    labels = [label for label in ax.texts if isinstance(label, Annotation)]
    boxes = []
    for label in labels:
        x, y = label.xyann
        half = frame.half_size(label.get_text())[0] * frame.x_range
        middle = x + half if label.get_horizontalalignment() == "left" else x
        boxes.append((np.array([middle - half, middle + half]), np.array([y, y])))
    return boxes


def _finely(line: Line) -> Line:
    dense = np.linspace(line[0].min(), line[0].max(), 801)
    return dense, np.interp(dense, *line)


def label_ends(ax: Axes, x: float, heights: Sequence[float], texts: Sequence[str], colors: Sequence[Any]) -> None:
    """Write each text to the right of its last point; texts that would overlap are moved apart, within the axes.

    The axes' limits along y must be set before.
    """
    from scipy.optimize import isotonic_regression

    frame = _Frame(ax)
    step = 2.3 * frame.half_size("1")[1] * frame.y_range
    order = np.argsort(heights, kind="stable")
    ranks = np.arange(len(order)) * step
    # These are the heights nearest to the wanted ones that are a step apart: without the steps, they do not decrease.
    wanted = isotonic_regression(np.asarray(heights, dtype=np.float64)[order] - ranks).x
    lowest, highest = frame.low + step / 2, frame.low + frame.y_range - step / 2 - ranks[-1]
    placed = np.maximum(np.minimum(wanted, highest), lowest) + ranks
    for row, height in zip(order, placed, strict=True):
        ax.annotate(
            texts[row],
            (x, height),
            (9, 0),
            textcoords="offset points",
            color=colors[row],
            va="center",
            annotation_clip=False,
            zorder=8,
            **_FONT,
        )
