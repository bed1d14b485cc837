"""What a report answers on an accuracy curve: how much noise is tolerated, in one sentence and up to three numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.curves.tolerance import CLOSE, enclosing_rates, first_crossing
from labelnoise.report.summary import Number
from labelnoise.report.texts import percent

if TYPE_CHECKING:
    import pandas as pd

KEPT = 0.9
"""Share of the accuracy without noise that is to be kept, where no target was named."""


@dataclass(frozen=True)
class Tolerated:
    """How much noise one curve tolerates.

    Attributes
    ----------
    target : float
        The accuracy that is to be kept.
    low, high : float
        Neighboring noise rates between which the accuracy falls below it; NaN if that is not known or it is below from
        the start.
    rate : float or None
        The noise rate at which it does; None where that is not known, because the two are far apart.
    never : bool
        Whether the accuracy never falls below, up to the largest noise rate, which is then `rate`.
    """

    target: float
    low: float
    high: float
    rate: float | None
    never: bool


def finest(rows: pd.DataFrame, dense: pd.DataFrame | None) -> pd.DataFrame:
    """Return the predictions at many noise rates of the K and the tie rule of some rows; the rows if there are none."""
    if dense is None:
        return rows
    own = dense[(dense["k"] == rows["k"].iloc[0]) & (dense["ties"] == rows["ties"].iloc[0])]
    return own.sort_values("realized_noise_rate") if len(own) else rows


def tolerated(rows: pd.DataFrame, target: float | None = None) -> Tolerated:
    """Return how much noise one curve tolerates before it falls below the target.

    If no target is named and the smallest noise rate is above 0, the accuracy without noise is not known, and neither
    is the noise that is tolerated.
    """
    rates, accuracy = rows["realized_noise_rate"].to_numpy(float), rows["accuracy"].to_numpy(float)
    start = int(rates.argmin())
    least = KEPT * float(accuracy[start]) if target is None else float(target)
    if target is None and rates[start] > 0:
        return Tolerated(least, np.nan, np.nan, None, False)
    low, high = enclosing_rates(rates, accuracy, least)
    rate = first_crossing(rates, accuracy, least) if high - low <= CLOSE else None
    return Tolerated(least, low, high, rate, bool((accuracy >= least).all()))


def curve_answer(
    table: pd.DataFrame, dense: pd.DataFrame | None, target: float | None
) -> tuple[str, tuple[Number, ...]]:
    """Return one sentence and three numbers, of the K that tolerates most or, if none does, that of the best start."""
    if table["realized_noise_rate"].nunique() == 1:
        return _answer_at_one_rate(table, dense, target)
    noise, placement = setting(table)
    curves = {key: rows.sort_values("realized_noise_rate") for key, rows in table.groupby(["k", "ties"], sort=True)}
    found = {key: tolerated(finest(rows, dense), target) for key, rows in curves.items()}
    chosen: Any = max(curves, key=lambda key: (_at_least(found[key]), curves[key]["accuracy"].iloc[0]))
    rows, kept = curves[chosen], found[chosen]
    ends = rows.iloc[[0, -1]]
    first, last = (float(value) for value in ends["accuracy"])
    low, high = (float(value) for value in ends["realized_noise_rate"])
    start = "without noise" if low == 0 else f"at {percent(low)} noise"
    numbers = [Number(f"accuracy {start}", percent(first), f"K = {chosen[0]}")]
    goal = f"nine tenths of their accuracy without noise ({percent(first)})"
    if target is not None:
        goal = f"an accuracy of {percent(kept.target)}"
    if np.isnan(kept.low):
        answer = (
            f"With K = {chosen[0]}, {noise} noise{placement} takes the accuracy from {percent(first)} {start} to "
            f"{percent(last)} at {percent(high)}"
        )
        if target is not None:
            answer += f"; the {percent(kept.target)} that is to be kept is not reached {start}"
        numbers.append(Number(f"accuracy at {percent(high)} noise", percent(last), f"K = {chosen[0]}"))
    else:
        amount, value = f"somewhere between {percent(kept.low)} and {percent(kept.high)}", _range(kept.low, kept.high)
        note = f"keeps {percent(kept.target)} accuracy"
        if kept.rate is None:
            note += "; noise rates between were not asked for"
        else:
            amount = f"{'at least ' if kept.never else ''}{percent(kept.rate)}"
            value = f"{'≥ ' if kept.never else ''}{percent(kept.rate)}"
            note += "; the largest rate asked for" if kept.never else ""
        answer = f"With K = {chosen[0]}, nearest neighbors keep {goal} up to {amount} {noise} noise{placement}"
        numbers.append(Number("tolerated noise rate", value, note))
    numbers.append(_third_number(table))
    return answer, tuple(numbers)


def _answer_at_one_rate(
    table: pd.DataFrame, dense: pd.DataFrame | None, target: float | None
) -> tuple[str, tuple[Number, ...]]:
    """Return one sentence and the numbers of a single noise rate, of the K with the largest accuracy there."""
    noise, placement = setting(table)
    best = table.iloc[[int(table["accuracy"].to_numpy().argmax())]]
    k, rate, accuracy = (
        int(best["k"].iloc[0]),
        float(best["realized_noise_rate"].iloc[0]),
        float(best["accuracy"].iloc[0]),
    )
    there = f"at {percent(rate)} {noise} noise{placement}" if rate > 0 else "without noise"
    answer = f"With K = {k}, nearest neighbors reach an accuracy of {percent(accuracy)} {there}"
    numbers = []
    line = finest(best, dense).sort_values("realized_noise_rate").iloc[0]
    if line["realized_noise_rate"] == 0 < rate:
        without = percent(float(line["accuracy"]))
        answer += f", and of {without} without noise"
        numbers.append(Number("accuracy without noise", without, f"K = {k}, predicted"))
    if target is not None:
        answer += f"; the {percent(target)} that is to be kept is {'' if accuracy >= target else 'not '}reached"
    numbers.append(Number(f"accuracy {there}", percent(accuracy), f"K = {k}"))
    if len(table) > 1 or not table["measured"].isna().all():
        numbers.append(_third_number(table))
    return answer, tuple(numbers)


def _at_least(kept: Tolerated) -> float:
    """Return a noise rate that is surely tolerated; -1 if none is."""
    return -1.0 if np.isnan(kept.low) else kept.low if kept.rate is None else kept.rate


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {percent(high)}"


def _third_number(table: pd.DataFrame) -> Number:
    """Return the largest difference of measured mean and prediction, or of all predictions the worst accuracy."""
    if "difference_points" in table and not table["difference_points"].isna().all():
        worst = float(table["difference_points"].abs().max())
        n = int(table["repeats"].max()) if "repeats" in table else 0
        draws = "one noise draw" if n == 1 else f"mean of {n:,} noise draws"
        note = f"{draws} against prediction, all K" if n else "measured against predicted, all K"
        return Number("largest difference", f"{worst:.1f} points", note)
    place = int(table["accuracy"].to_numpy().argmin())
    rate, k = float(table["realized_noise_rate"].iloc[place]), int(table["k"].iloc[place])
    return Number("lowest accuracy", percent(float(table["accuracy"].iloc[place])), f"K = {k} at {percent(rate)} noise")


def setting(table: pd.DataFrame) -> tuple[str, str]:
    """Return the noise, and where it lies unless it is spread."""
    noise, placement = str(table["noise"].iloc[0]), str(table["placement"].iloc[0])
    return noise, "" if placement == "spread" else f" ({placement} placement)"
