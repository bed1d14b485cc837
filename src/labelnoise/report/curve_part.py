"""The part of a report on an accuracy curve: what it says, its plot, and how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.curves.tolerance import first_crossing
from labelnoise.report.plots import CurveLine, CurvePlot
from labelnoise.report.results import FoundResult
from labelnoise.report.summary import Number, Part, Section
from labelnoise.report.texts import made_facts, option_facts, percent, plain_table, reading_facts

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("k", "ties", "noise", "placement", "realized_noise_rate", "accuracy", "predicted", "measured", "std")
LINE_COLUMNS = ("k", "ties", "realized_noise_rate", "accuracy")
KEPT = 0.9
"""Share of the accuracy without noise that is to be kept, where no target was named."""


def curve_part(result: FoundResult) -> Part:
    """Return the part on a result of labelnoise curve or demo."""
    table = result.table(result.name, COLUMNS)
    record, title = result.record, _title(result, table)
    lines = result.table(f"{result.name}_lines", LINE_COLUMNS) if result.has(f"{result.name}_lines.parquet") else None
    plot = curve_plot(table, record.get("target"), lines)
    answer, numbers = curve_answer(table, lines, record.get("target"))
    names = [f"{result.name}.{kind}" for kind in ("csv", "parquet", "json", "svg", "png", "pdf")]
    files = result.files(*names, f"{result.name}_lines.csv")
    text = "Lines are predicted."
    if not table["measured"].isna().all():
        text = (
            "Lines are predicted, points are measured as votes on corrupted labels; bars are one standard deviation "
            "over the noise draws."
        )
    if plot.tolerances:
        text += " Diamonds mark the noise rate at which the accuracy falls below what is to be kept."
    network = [] if record.get("network") is None else [_network(result)]
    sections = (
        Section(
            "Accuracy over noise rate",
            text,
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
        finest = _finest(ordered, dense)
        if not ordered["predicted"].isna().all():
            y = _values(ordered["predicted"] if finest is ordered else finest["accuracy"])
            lines.append(CurveLine(k, ties, False, _values(finest["realized_noise_rate"]), y))
        if not ordered["measured"].isna().all():
            spread = () if ordered["std"].isna().all() else _values(ordered["std"])
            known = "difference_points" in ordered and not ordered["difference_points"].isna().all()
            difference = _values(ordered["difference_points"]) if known else ()
            lines.append(CurveLine(k, ties, True, rates, _values(ordered["measured"]), spread, difference))
        best, least = tolerated(finest, target)
        if best is not None and best < max(rates):
            tolerances.append((k, ties, best, least))
    return CurvePlot(tuple(lines), tuple(tolerances))


def _finest(rows: pd.DataFrame, dense: pd.DataFrame | None) -> pd.DataFrame:
    """Return the predictions at many noise rates of the K and the tie rule of some rows; the rows if there are none."""
    if dense is None:
        return rows
    own = dense[(dense["k"] == rows["k"].iloc[0]) & (dense["ties"] == rows["ties"].iloc[0])]
    return own.sort_values("realized_noise_rate") if len(own) else rows


def tolerated(rows: pd.DataFrame, target: float | None = None) -> tuple[float | None, float]:
    """Return the largest noise rate of one curve that keeps the target, and the target.

    The rate is None if the accuracy is below the target at the smallest noise rate, or if no target is named and that
    rate is above 0, so that the accuracy without noise is not known. It is the largest noise rate of the table if the
    accuracy never falls below.
    """
    rates, accuracy = rows["realized_noise_rate"].to_numpy(float), rows["accuracy"].to_numpy(float)
    start = int(rates.argmin())
    least = KEPT * float(accuracy[start]) if target is None else float(target)
    if target is None and rates[start] > 0:
        return None, least
    found = first_crossing(rates, accuracy, least)
    return (None if np.isnan(found) else found), least


def curve_answer(
    table: pd.DataFrame, dense: pd.DataFrame | None, target: float | None
) -> tuple[str, tuple[Number, ...]]:
    """Return one sentence and three numbers, of the K that tolerates most or, if none does, that of the best start."""
    noise, placement = _setting(table)
    curves = {key: rows.sort_values("realized_noise_rate") for key, rows in table.groupby(["k", "ties"], sort=True)}
    kept = {key: tolerated(_finest(rows, dense), target) for key, rows in curves.items()}
    chosen: Any = max(curves, key=lambda key: (kept[key][0] or -1.0, curves[key]["accuracy"].iloc[0]))
    rows, (rate, least) = curves[chosen], kept[chosen]
    ends = rows.iloc[[0, -1]]
    first, last = (float(value) for value in ends["accuracy"])
    low, high = (float(value) for value in ends["realized_noise_rate"])
    start = "without noise" if low == 0 else f"at {percent(low)} noise"
    numbers = [Number(f"accuracy {start}", percent(first), f"K = {chosen[0]}")]
    goal = f"nine tenths of their accuracy without noise ({percent(first)})"
    if target is not None:
        goal = f"an accuracy of {percent(least)}"
    if rate is None:
        answer = (
            f"With K = {chosen[0]}, {noise} noise{placement} takes the accuracy from {percent(first)} {start} to "
            f"{percent(last)} at {percent(high)}"
        )
        if target is not None:
            answer += f"; the {percent(least)} that is to be kept is not reached {start}"
        numbers.append(Number(f"accuracy at {percent(high)} noise", percent(last), f"K = {chosen[0]}"))
    else:
        most = "at least " if rate >= high else ""
        answer = (
            f"With K = {chosen[0]}, nearest neighbors keep {goal} up to {most}{percent(rate)} {noise} noise{placement}"
        )
        note = f"keeps {percent(least)} accuracy" + ("; the largest rate asked for" if most else "")
        numbers.append(Number("tolerated noise rate", f"{'≥ ' if most else ''}{percent(rate)}", note))
    numbers.append(_third_number(table))
    return answer, tuple(numbers)


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


def _third_number(table: pd.DataFrame) -> Number:
    """Return the largest difference of measured mean and prediction, or of all predictions the worst accuracy."""
    if "difference_points" in table and not table["difference_points"].isna().all():
        worst = float(table["difference_points"].abs().max())
        n = int(table["repeats"].max()) if "repeats" in table else 0
        note = f"mean of {n:,} noise draws against prediction, all K" if n else "measured against predicted, all K"
        return Number("largest difference", f"{worst:.1f} points", note)
    place = int(table["accuracy"].to_numpy().argmin())
    rate, k = float(table["realized_noise_rate"].iloc[place]), int(table["k"].iloc[place])
    return Number("lowest accuracy", percent(float(table["accuracy"].iloc[place])), f"K = {k} at {percent(rate)} noise")


def _setting(table: pd.DataFrame) -> tuple[str, str]:
    """Return the noise, and where it lies unless it is spread."""
    noise, placement = str(table["noise"].iloc[0]), str(table["placement"].iloc[0])
    return noise, "" if placement == "spread" else f" ({placement} placement)"


def _title(result: FoundResult, table: pd.DataFrame) -> str:
    named = (result.record.get("options") or {}).get("title")
    noise, placement = _setting(table)
    return str(named) if named else f"{noise.capitalize()} noise{placement}"


def curve_alt(plot: CurvePlot) -> str:
    """Return the ends of each line as text."""
    shown = [line for line in plot.lines if not line.is_measured] or list(plot.lines)
    ends = [
        f"K = {line.k}{'' if len({other.ties for other in shown}) == 1 else f', ties {line.ties}'}: "
        f"{percent(line.accuracy[0])} at {percent(line.noise_rate[0], 0)} noise, {percent(line.accuracy[-1])} at "
        f"{percent(line.noise_rate[-1], 0)}"
        for line in shown
    ]
    return "Accuracy falls as the noise rate rises. " + "; ".join(ends)


def _constant(table: pd.DataFrame) -> list[str]:
    """Return columns that say the same in every row, or nothing."""
    return [str(name) for name in table.columns if name != "k" and table[name].nunique(dropna=False) <= 1]


def _values(column: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in column)
