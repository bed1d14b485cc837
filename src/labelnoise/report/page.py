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


@dataclass(frozen=True, eq=False)
class Section:
    """A figure with a sentence, its table, and links to `files` in the page's folder or below it."""

    title: str
    text: str
    figure: Path
    table: pd.DataFrame
    files: tuple[Path, ...] = ()


def write_page(path: Path, title: str, lead: str, sections: Sequence[Section]) -> Path:
    """Write the sections to one HTML file with the SVG figures inside it.

    Text, class names and table cells are escaped. The SVG files come from this program and are inserted unchanged.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string(package_files(__package__).joinpath("page.html.j2").read_text(encoding="utf-8"))
    drawings = [_drawing(section.figure) for section in sections]
    links = [[file.relative_to(path.parent).as_posix() for file in section.files] for section in sections]
    return write_text(
        template.render(title=title, lead=lead, sections=list(zip(sections, drawings, links, strict=True))), path
    )


def _drawing(path: Path) -> str:
    """Return the <svg> element of an SVG file, without the XML prologue, which HTML does not take."""
    svg = path.read_text(encoding="utf-8")
    return svg[svg.index("<svg") :]
