"""Place panels in a grid, with headings and captions that are never cut off."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from labelnoise.figures.style import CAPTION_SIZE, DPI, PANEL_SIZE, SMALL_SIZE, SOFT_INK, TITLE_SIZE

_EDGE = 0.07  # So many inches are left free on either side.
_LINE_HEIGHT = 1.25  # This is a multiple of the font size.


def wrap(text: str, width: float, size: float, weight: str = "normal") -> str:
    """Break text into lines no wider than `width` inches.

    matplotlib's own wrapping depends on the renderer: PNG, SVG and PDF would break lines at different places.
    """

    def fits(line: str) -> bool:
        return text_width(line, size, weight) <= 0.97 * width  # Hinting makes letters a little wider.

    lines = [""]
    bound = re.sub(r" ([=±]) ", "\N{NO-BREAK SPACE}\\1\N{NO-BREAK SPACE}", text)
    for word in re.split(r"[ \t\n]+", bound):
        rest = word
        if lines[-1] and fits(f"{lines[-1]} {rest}"):
            lines[-1] = f"{lines[-1]} {rest}"
            continue
        while not fits(rest) and len(rest) > 1:  # Paths and digests are broken anywhere.
            head = next(end for end in range(len(rest) - 1, 0, -1) if end == 1 or fits(rest[:end]))
            lines.append(rest[:head])
            rest = rest[head:]
        lines.append(rest)
    return "\n".join(line for line in lines if line).replace("\N{NO-BREAK SPACE}", " ")


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of a line of text in inches, which no renderer changes."""
    font = FontProperties(size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]) / 72


def new_figure(width: float, height: float) -> Figure:
    """Make a figure without pyplot, and so without global state or a window."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=DPI)
    figure.get_layout_engine().set(w_pad=_EDGE, h_pad=0.06, wspace=0.03, hspace=0.03)  # type: ignore[union-attr, call-arg]
    return figure


def axes_to_draw_on(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new pyplot figure, which ``plt.show``, ``plt.savefig`` and notebooks know.

    Raises
    ------
    TypeError
        `ax` is something else, such as a second curve.
    """
    if ax is None:
        import matplotlib.pyplot as plt  # Importing it chooses a window system, which no command needs.

        return plt.subplots(figsize=(width, height), layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(
            f"`ax` must be matplotlib axes, or None for a new figure; got {type(ax).__name__}. To draw two results "
            f"together, pass the axes that the first one returns: second.plot(first.plot())."
        )
    return ax


def finish(figure: Figure, title: str = "", caption: str | Iterable[str] = "") -> Figure:
    """Add the title above and the caption below; the figure grows by their heights, and the panels keep theirs.

    Parameters
    ----------
    figure : Figure
    title : str
    caption : str or iterable of str
        Sentences; empty ones are left out.
    """
    width, height = figure.get_size_inches()
    room = width - 2 * _EDGE
    sentences = [caption] if isinstance(caption, str) else caption
    stripped = [part.strip() for part in sentences if part.strip()]
    below = wrap(" ".join(part if part[-1] in ".!?" else f"{part}." for part in stripped), room, CAPTION_SIZE)
    above = wrap(title, room, TITLE_SIZE, "bold")
    for text, size in ((above, TITLE_SIZE), (below, CAPTION_SIZE)):
        if text:
            height += ((text.count("\n") + 1) * size * _LINE_HEIGHT + 4) / 72
    figure.set_size_inches(width, height)
    place = {"x": _EDGE / width, "ha": "left", "parse_math": False}
    if above:
        figure.suptitle(above, fontsize=TITLE_SIZE, fontweight="bold", **place)
    if below:
        figure.supxlabel(below, fontsize=CAPTION_SIZE, linespacing=_LINE_HEIGHT, **place)
    # matplotlib makes the ticks when it first draws, in the style of that time, which must be this one.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # Another layout would move panels by fractions of a pixel.
    return figure


def panel_grid(
    n_panels: int, columns: int, panel_width: float, panel_height: float, *, share: bool = True
) -> tuple[Figure, list[Axes]]:
    """Make a figure of panels row by row; shared axes have tick labels at the left, and below each column."""
    rows = math.ceil(n_panels / columns)
    figure = new_figure(columns * panel_width + 0.6, rows * panel_height + 0.4)
    grid = figure.subplots(rows, columns, sharex=share, sharey=share, squeeze=False).ravel()
    for empty in grid[n_panels:]:
        empty.remove()
    panels = list(grid[:n_panels])
    for place, ax in enumerate(panels):
        first = not share or place % columns == 0
        ax.tick_params(labelbottom=not share or place + columns >= n_panels, left=first, labelleft=first)
    return figure, panels


def set_heading(ax: Axes, title: str, note: str, width: float) -> None:
    """Write a panel's bold title, wrapped to `width` inches, and a line in small type below it."""
    pad = SMALL_SIZE * _LINE_HEIGHT + 5 if note else 4.0
    wrapped = wrap(title, width, PANEL_SIZE, "bold")
    ax.set_title(wrapped, loc="left", fontsize=PANEL_SIZE, fontweight="bold", pad=pad, parse_math=False)
    if note:
        ax.annotate(
            note,
            (0, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=SMALL_SIZE,
            color=SOFT_INK,
            annotation_clip=False,
            parse_math=False,
        )
