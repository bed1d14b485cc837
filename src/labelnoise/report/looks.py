"""The colors and texts of plots: each color in a light and a dark look, and text that Plotly shows as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Pair = list[str]
"""The color in the light look, and in the dark one."""

INK: Pair = ["#22262b", "#eceff3"]
SOFT: Pair = ["#c9ced6", "#525a66"]
GRAY: Pair = ["#6a717b", "#a3abb7"]
# Colors of Okabe and Ito, which can be told apart with every color vision; blue is their lighter one on dark ground.
BLUE: Pair = ["#0072b2", "#56b4e9"]
ORANGE: Pair = ["#e69f00", "#e69f00"]
VERMILION: Pair = ["#d55e00", "#ff8a3d"]


def literal(text: object, longest: int | None = None) -> str:
    """Return a text that Plotly shows as it is, cut to `longest` characters.

    Examples
    --------
    >>> literal("<b>a & b</b>")
    '&lt;b&gt;a &amp; b&lt;/b&gt;'
    """
    plain = "".join(character if character.isprintable() else " " for character in str(text))
    if longest is not None and len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def k_colors(ks: Sequence[int]) -> dict[int, Pair]:
    """Return the colors of each K, the same in all plots of a page: those of the static figures, lighter on dark."""
    from matplotlib.colors import to_hex

    from labelnoise.figures.style import COLORS, ordered_colors

    distinct = sorted(set(ks))
    if not distinct:
        return {}
    light = ordered_colors(distinct)
    dark = np.linspace(0.4, 0.95, len(distinct)) if len(distinct) > 1 else [0.7]
    return {k: [to_hex(light[k]), to_hex(COLORS(place))] for k, place in zip(distinct, dark, strict=True)}
