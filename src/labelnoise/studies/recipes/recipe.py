"""What a recipe is: a figure of the paper, or a further study, from its specification to tables and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from labelnoise.sweeps.run import Results, Run

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Heading:
    """What a recipe is called, and what is to come out of it.

    Attributes
    ----------
    name : str
    title : str
        What the figure shows.
    statement : str
        What the paper says comes out, or for a further study what was to be found out.
    """

    name: str
    title: str
    statement: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of a recipe.

    Attributes
    ----------
    finding : str
        In a sentence or two, with its numbers, to be read beside the paper's statement.
    agrees : bool or None
        Whether it agrees with the statement; None where there is nothing to agree with.
    tables : dict of DataFrame
        By the end of their file's name: "" for the main table.
    figures : dict of Figure
        Likewise.
    values : dict
        The numbers behind the finding.
    """

    finding: str
    agrees: bool | None
    tables: dict[str, pd.DataFrame]
    figures: dict[str, Figure]
    values: dict[str, Any] = field(default_factory=dict)


class Recipe(Protocol):
    """A frozen dataclass whose fields say everything about a figure."""

    def runs(self) -> Sequence[Run]:
        """The runs that the figure is made of."""
        ...

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Tables, pictures and finding, from finished runs."""
        ...
