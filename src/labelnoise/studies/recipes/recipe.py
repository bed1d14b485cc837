"""Recipes: a figure of the paper or a further study, from its specification to tables, a finding and a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.noise import MatrixNoise, NoiseModel
from labelnoise.sweeps.run import Results, Run

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

T = TypeVar("T")

JUDGED = ("laptop", "paper")
"""The scales at which a result is compared with the paper's statement."""


@dataclass(frozen=True)
class Heading:
    """The name of a recipe, what its figure shows, and what the paper says comes out or, for a study, the question.

    The title of a catalog's entry names the data of the paper; that of a result names the data that was used.
    """

    name: str
    title: str
    statement: str


@dataclass(frozen=True, eq=False)
class Measured(Generic[T]):
    """What the finished runs of a recipe say.

    `tables` are named by the end of their file's name, which is empty for the main table. `values` are the numbers
    behind the finding. `agrees` says whether they agree with the statement; it is None where there is nothing to agree
    with. `shown` is what the figure shows besides the tables.
    """

    tables: dict[str, pd.DataFrame]
    values: dict[str, Any]
    agrees: bool | None
    shown: T


class Drawing(NamedTuple):
    """A figure without title and scale: `draw` takes `title` and `caption`; a caption is data, scale and details."""

    draw: Callable[..., Figure]
    data: str
    details: str


class Recipe(Protocol):
    """A frozen dataclass; its fields determine the whole figure."""

    @property
    def title(self) -> str:
        """What the figure shows, with the data and the noise of the recipe's fields."""

    def runs(self) -> Sequence[Run]:
        """Return the runs that the figure is made of."""

    def measure(self, results: Results) -> Measured[Any]:
        """Return tables and values from the finished runs."""

    def finding(self, measured: Measured[Any]) -> str:
        """Say what came out, in a sentence or two that can be read beside the paper's statement."""

    def figure(self, measured: Measured[Any]) -> Drawing:
        """Return the figure of what was measured."""


class Outcome(NamedTuple):
    """What came out of a recipe, measured, said and drawn; `Measured` explains tables, values and `agrees`."""

    finding: str
    agrees: bool | None
    tables: dict[str, pd.DataFrame]
    values: dict[str, Any]
    figure: Figure


def conclude(recipe: Recipe, results: Results, heading: Heading, scale: str) -> Outcome:
    """Measure, say what came out, and draw the figure with its title and caption.

    There is no verdict at a scale that only shows that everything works, nor on data or noise other than those that the
    heading's title names, which its statement is about.
    """
    measured = recipe.measure(results)
    draw, data, details = recipe.figure(measured)
    figure = draw(title=recipe.title, caption=f"{data}, {scale} scale; {details}")
    agrees = measured.agrees if scale in JUDGED and recipe.title == heading.title else None
    return Outcome(recipe.finding(measured), agrees, measured.tables, measured.values, figure)


def follows(mean_difference: float, worst_difference: float) -> bool:
    """Return whether a measured curve follows a predicted one, from differences in accuracy.

    At laptop scale, trainings at one noise rate have a standard deviation of about 3 points (the median of figures 4a
    and 4g), so a mean difference of 3 points is within their spread. Where curves of K = 15 to 100 break, they fall by
    3 to 8 points per 0.01 of the noise rate, so that 10 points there are a shift of 0.01 to 0.03. A difference that is
    larger is another curve.
    """
    return bool(mean_difference <= 0.03 and worst_difference <= 0.10)


def noise_title(noise: NoiseModel) -> str:
    """Return the noise model as titles spell it."""
    return "a general corruption matrix" if isinstance(noise, MatrixNoise) else f"{noise.name} noise"


def points(share: float, digits: int = 1) -> str:
    """Return a share as text, in percentage points."""
    return f"{100 * share:.{digits}f}"


def std_or_nan(scores: Floats) -> Floats:
    """Return the standard deviation of each row, over repeats; NaN where there is a single repeat."""
    return scores.std(axis=1, ddof=1) if scores.shape[1] > 1 else np.full(len(scores), np.nan)
