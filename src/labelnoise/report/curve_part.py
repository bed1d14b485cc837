"""The part of a report on an accuracy curve: what it says, its plot, and how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.curves.tolerance import CLOSE
from labelnoise.report.curve_answer import curve_answer, finest, setting, tolerated
from labelnoise.report.plots import CurveLine, CurvePlot
from labelnoise.report.results import FoundResult
from labelnoise.report.summary import Part, Section
from labelnoise.report.texts import made_facts, option_facts, percent, plain_table, reading_facts

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("k", "ties", "noise", "placement", "realized_noise_rate", "accuracy", "predicted", "measured", "std")
LINE_COLUMNS = ("k", "ties", "realized_noise_rate", "accuracy")
_FEW = 12
"""Up to this many noise rates that were asked for are marked on a line."""


def curve_part(result: FoundResult) -> Part:
    """Return the part on a result of labelnoise curve or demo."""
    table = result.table(result.name, COLUMNS)
    record, title = result.record, _title(result, table)
    lines = result.table(f"{result.name}_lines", LINE_COLUMNS) if result.has(f"{result.name}_lines.parquet") else None
    plot = curve_plot(table, record.get("target"), lines)
    answer, numbers = curve_answer(table, lines, record.get("target"))
    names = [f"{result.name}.{kind}" for kind in ("csv", "parquet", "json", "svg", "png", "pdf")]
    files = result.files(*names, f"{result.name}_lines.csv")
    network = [] if record.get("network") is None else [_network(result)]
    sections = (
        Section(
            "Accuracy over noise rate",
            _explained(plot, table),
            plot,
            alt=curve_alt(plot),
            table=plain_table(table.drop(columns=_constant(table)), is_open=False),
        ),
        *network,
        Section(
            "How it was made",
            facts=tuple(
                [
                    ("data", str(record.get("data", ""))),
                    *reading_facts(record.get("reading")),
                    *option_facts(record.get("options")),
                    *made_facts(record),
                ]
            ),
            files=files,
        ),
    )
    warned = (record.get("reading") or {}).get("warnings") or []
    lead = " ".join([f"The accuracies assume that {record['assumption']}.", *(f"Warning: {text}" for text in warned)])
    return Part("curve", title, answer, lead, numbers, sections)


def curve_plot(table: pd.DataFrame, target: float | None = None, dense: pd.DataFrame | None = None) -> CurvePlot:
    """Return the lines of a table of a curve, with the noise rates that are tolerated.

    Parameters
    ----------
    table : data frame
        With the columns of the schema.
    target : float, optional
        Accuracy that is to be kept; by default 90 % of that without noise, for each K.
    dense : data frame, optional
        Predictions at more noise rates, with `LINE_COLUMNS`; by default those of the table.
    """
    lines, tolerances = [], []
    for _, rows in table.groupby(["k", "ties"], sort=True):
        ordered = rows.sort_values("realized_noise_rate")
        k, ties = int(ordered["k"].iloc[0]), str(ordered["ties"].iloc[0])
        rates = _values(ordered["realized_noise_rate"])
        line = finest(ordered, dense)
        is_measured = not ordered["measured"].isna().all()
        if not ordered["predicted"].isna().all():
            x = _values(line["realized_noise_rate"])
            y = _values(ordered["predicted"] if line is ordered else line["accuracy"])
            is_marked = _is_coarse(x) or (not is_measured and len(rates) <= _FEW)
            lines.append(CurveLine(k, ties, False, x, y, marked=rates if is_marked else ()))
        if is_measured:
            spread = () if ordered["std"].isna().all() else _values(ordered["std"])
            known = "difference_points" in ordered and not ordered["difference_points"].isna().all()
            difference = _values(ordered["difference_points"]) if known else ()
            lines.append(CurveLine(k, ties, True, rates, _values(ordered["measured"]), spread, difference))
        kept = tolerated(line, target)
        if kept.rate is not None and not kept.never:
            tolerances.append((k, ties, kept.rate, kept.target))
    return CurvePlot(tuple(lines), tuple(tolerances))


def _is_coarse(rates: tuple[float, ...]) -> bool:
    """Return whether a straight line between the noise rates may be far from the curve, or there is no line at all."""
    return len(rates) == 1 or max(np.diff(rates)) > CLOSE


def _explained(plot: CurvePlot, table: pd.DataFrame) -> str:
    """Return what lines and marks of a plot mean."""
    predicted = [line for line in plot.lines if not line.is_measured]
    text = "Lines are predicted."
    if not table["measured"].isna().all():
        text = (
            "Lines are predicted, points are measured as votes on corrupted labels; bars are one standard deviation "
            "over the noise draws."
        )
    elif any(line.marked for line in predicted):
        text = "Lines are predicted; dots mark the noise rates that were asked for."
    if any(len(line.noise_rate) > 1 and _is_coarse(line.noise_rate) for line in predicted):
        text += " Between the noise rates that were asked for, lines are straight; the accuracy is not known there."
    if plot.tolerances:
        text += " Diamonds mark the noise rate at which the accuracy falls below what is to be kept."
    return text


def _network(result: FoundResult) -> Section:
    """Return the section on a network whose accuracies were given."""
    found = result.record["network"]
    rates = ", ".join(f"{rate:g}" for rate in found["noise_rates"])
    if found["determined"]:
        text = (
            f"The network is as robust as a vote of K = {found['value']} neighbors ({percent(found['level'], 0)} "
            f"interval {found['low']} to {found['high']}), by its accuracy at noise rate {rates}."
        )
    else:
        text = (
            f"The accuracy at noise rate {rates} fits every K from {found['low']} to {found['high']}; a training at "
            f"noise rate {found['most_telling_noise_rate']:g} tells more."
        )
    drawn = next(iter(result.files(f"{result.name}.svg")), None)
    return Section("What it says of the network", text, figure=drawn, alt=text)


def _title(result: FoundResult, table: pd.DataFrame) -> str:
    named = (result.record.get("options") or {}).get("title")
    noise, placement = setting(table)
    return str(named) if named else f"{noise.capitalize()} noise{placement}"


def curve_alt(plot: CurvePlot) -> str:
    """Return the ends of each line as text."""
    shown = [line for line in plot.lines if not line.is_measured] or list(plot.lines)
    ends = [
        f"K = {line.k}{'' if len({other.ties for other in shown}) == 1 else f', ties {line.ties}'}: "
        + _end(line, 0)
        + " noise"
        + (f", {_end(line, -1)}" if len(line.noise_rate) > 1 else "")
        for line in shown
    ]
    falls = all(line.accuracy[-1] < line.accuracy[0] for line in shown)
    return ("Accuracy falls as the noise rate rises. " if falls else "Accuracy over the noise rate. ") + "; ".join(ends)


def _end(line: CurveLine, place: int) -> str:
    return f"{percent(line.accuracy[place])} at {100 * line.noise_rate[place]:.3g} %"


def _constant(table: pd.DataFrame) -> list[str]:
    """Return columns that say the same in every row, or nothing."""
    return [str(name) for name in table.columns if name != "k" and table[name].nunique(dropna=False) <= 1]


def _values(column: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in column)
