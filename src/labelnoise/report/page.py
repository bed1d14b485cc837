"""Write results to one self-contained HTML page with all text escaped; nothing is computed here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

from labelnoise.artifacts import write_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Card:
    """A numbered finding: its name, a word on its status, and lines of a name and a text.

    Attributes
    ----------
    number : int
        Its number.
    name : str
        What it is about.
    status : {"ok", "note", "problem", "unknown"}
        How it stands; it is also a color.
    lines : tuple of (str, str)
        Names and texts.
    """

    number: int
    name: str
    status: str
    lines: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a page: text, a figure, cards, a table and links, of which only the title is needed.

    Attributes
    ----------
    title, text : str
        Heading, and a paragraph.
    figure : Path or None
        An SVG file of this program.
    table : data frame or None
        Its rows are hidden until they are asked for, unless `open_table`.
    files : tuple of Path
        Files in the page's folder or below it, to link to.
    alt : str
        What the figure shows, for readers who do not see it.
    cards : tuple of Card
        Numbered findings.
    facts : tuple of (str, str)
        Names and texts, listed.
    open_table : bool
        Whether the table is shown at once.
    """

    title: str
    text: str
    figure: Path | None = None
    table: pd.DataFrame | None = None
    files: tuple[Path, ...] = ()
    alt: str = "predicted lines and measured points"
    cards: tuple[Card, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    open_table: bool = False


def write_page(path: Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Write the sections to one HTML file with the SVG figures inside it.

    Text, class names and table cells are escaped. The SVG files come from this program and are inserted unchanged.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(package_files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8"))
    drawings = ["" if section.figure is None else _drawing(section.figure) for section in sections]
    links = [[file.relative_to(path.parent).as_posix() for file in section.files] for section in sections]
    return write_text(
        template.render(title=title, lead=lead, sections=list(zip(sections, drawings, links, strict=True))), path
    )


def _drawing(path: Path) -> str:
    """Return the <svg> element of an SVG file, without the XML prologue, which HTML does not take."""
    svg = path.read_text(encoding="utf-8")
    return svg[svg.index("<svg") :]
