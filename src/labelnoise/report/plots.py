"""The data of plots: what is drawn, without how it looks."""

from __future__ import annotations

from dataclasses import dataclass

Values = tuple[float, ...]


@dataclass(frozen=True)
class CurveLine:
    """Accuracy over the noise rate for one K and one tie rule.

    Attributes
    ----------
    k : int
        Number of neighbors.
    ties : str
        Tie rule.
    is_measured : bool
        Whether the values were measured, and not predicted.
    noise_rate, accuracy : tuple of float
        Fractions, of the same length.
    spread : tuple of float
        Standard deviation over noise draws; empty if it is not known.
    difference : tuple of float
        Measured minus predicted, in percentage points; empty if it is not known.
    marked : tuple of float
        Noise rates of the line that were asked for, if they are to be seen on it.
    """

    k: int
    ties: str
    is_measured: bool
    noise_rate: Values
    accuracy: Values
    spread: Values = ()
    difference: Values = ()
    marked: Values = ()


@dataclass(frozen=True)
class CurvePlot:
    """Accuracy curves, and where each falls below what is to be kept.

    Attributes
    ----------
    lines : tuple of CurveLine
        Predicted and measured ones.
    tolerances : tuple of (int, str, float, float)
        K, tie rule, noise rate, and the accuracy that is just kept there.
    """

    lines: tuple[CurveLine, ...]
    tolerances: tuple[tuple[int, str, float, float], ...] = ()


@dataclass(frozen=True)
class MatrixPlot:
    """A matrix of probabilities.

    Attributes
    ----------
    values : tuple of tuple of float
        Rows, fractions.
    names : tuple of str
        Names of its classes.
    row_title, column_title : str
        What rows and columns are.
    """

    values: tuple[Values, ...]
    names: tuple[str, ...]
    row_title: str
    column_title: str


@dataclass(frozen=True)
class HistogramPlot:
    """Numbers of labels by Pr(wrong).

    Attributes
    ----------
    edges : tuple of float
        Bounds of the bins, one more than there are bins.
    suspected, others : tuple of int
        Numbers of suspected and of other labels in each bin.
    """

    edges: Values
    suspected: tuple[int, ...]
    others: tuple[int, ...]


@dataclass(frozen=True)
class RangePlot:
    """Ranges of a share below each other.

    Attributes
    ----------
    names : tuple of str
        What each rests on.
    values, low, high : tuple of float
        Fractions.
    kinds : tuple of {"bracket", "interval", "truth"}
        What each range is.
    """

    names: tuple[str, ...]
    values: Values
    low: Values
    high: Values
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class GainLine:
    """Expected accuracy over the number of labels checked in one order, with a 95 % interval."""

    order: str
    n_checked: tuple[int, ...]
    accuracy: Values
    low: Values
    high: Values


@dataclass(frozen=True)
class GainPlot:
    """What checking labels gains, in several orders."""

    lines: tuple[GainLine, ...]


@dataclass(frozen=True)
class EmbeddingPlot:
    """Samples in two dimensions.

    Attributes
    ----------
    x, y : tuple of float
        Positions.
    rows : tuple of int
        Row of each sample.
    given, suggested : tuple of int
        Classes, as places in `classes`.
    classes : tuple of str
        Names.
    probability : tuple of float
        Pr(the given label is wrong).
    """

    x: Values
    y: Values
    rows: tuple[int, ...]
    given: tuple[int, ...]
    suggested: tuple[int, ...]
    classes: tuple[str, ...]
    probability: Values


Plot = CurvePlot | MatrixPlot | HistogramPlot | RangePlot | GainPlot | EmbeddingPlot
