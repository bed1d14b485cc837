"""What a report says, as plain values: parts with sections of text, numbers, tables and the data of plots.

A `Summary` is made from finished results by `labelnoise.report.parts`, is written as JSON by `to_json`, and is turned
into a page by `labelnoise.report.page`. The page computes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labelnoise.artifacts import SCHEMA, to_json
from labelnoise.report.plots import Plot


@dataclass(frozen=True)
class Number:
    """A figure in large type.

    Attributes
    ----------
    name : str
        What it is.
    value : str
        The figure with its unit.
    note : str
        Its range, or what it rests on.
    """

    name: str
    value: str
    note: str = ""


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


@dataclass(frozen=True)
class Table:
    """A table of texts and numbers.

    Attributes
    ----------
    columns : tuple of str
        Heads.
    rows : tuple of tuple
        Cells, ready to be shown: texts or whole numbers.
    words : tuple of bool
        Whether each column holds words, which begin at its left, and not numbers.
    is_open : bool
        Whether it is shown at once, or only when it is asked for.
    is_sortable : bool
        Whether it can be sorted, filtered and saved as CSV.
    images : dict of int to str
        Thumbnails (JPEG, base64) by the number of their row.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | int, ...], ...]
    words: tuple[bool, ...]
    is_open: bool = True
    is_sortable: bool = False
    images: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """A part of a page: text, a plot or a figure, cards, a table and links, of which only the title is needed.

    Attributes
    ----------
    title, text : str
        Heading, and a paragraph.
    plot : Plot or None
        Data of an interactive plot.
    figure : Path or None
        An SVG or PNG file.
    alt : str
        What the plot or the figure shows, for readers who do not see it.
    cards : tuple of Card
        Numbered findings.
    facts : tuple of (str, str)
        Names and texts, listed.
    progress : tuple of (int, int) or None
        How many of how many are done.
    table : Table or None
        A table.
    files : tuple of Path
        Files to link to.
    """

    title: str
    text: str = ""
    plot: Plot | None = None
    figure: Path | None = None
    alt: str = ""
    cards: tuple[Card, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    progress: tuple[int, int] | None = None
    table: Table | None = None
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Part:
    """One result: its answer in a sentence, up to three numbers, and sections.

    Attributes
    ----------
    kind : {"curve", "corruption", "diagnosis", "demo", "recipe"}
        What it is a result of.
    title : str
        Heading.
    answer : str
        One sentence with the main figure.
    lead : str
        What the answer rests on; may be empty.
    numbers : tuple of Number
        The main one first.
    sections : tuple of Section
        The rest.
    """

    kind: str
    title: str
    answer: str
    lead: str
    numbers: tuple[Number, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Summary:
    """What a report says.

    Attributes
    ----------
    title : str
        Heading: the answer of the first result.
    lead : str
        A paragraph below it.
    numbers : tuple of Number
        The three main figures.
    parts : tuple of Part
        The results.
    """

    title: str
    lead: str
    numbers: tuple[Number, ...]
    parts: tuple[Part, ...]

    def to_json(self) -> str:
        """Return everything as JSON, with the version of the schema."""
        return to_json({"schema": SCHEMA, **vars(self)})
