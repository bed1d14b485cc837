"""Results as tables on the screen and as records in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelnoise.cli.options import printable, say

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from labelnoise.jobs.curve import CurveResult
    from labelnoise.jobs.network_curve import NetworkCurve


def result_record(result: CurveResult, files: dict[str, Path]) -> dict[str, Any]:
    """Return a curve's result ready for JSON."""
    from labelnoise.artifacts import SCHEMA

    return {
        "schema": SCHEMA,
        "reading": None if result.reading is None else result.reading.summary(),
        "specification": result.specification(),
        "largest_difference_points": result.largest_difference(),
        "table": records(result.table()),
        "files": {kind: str(path) for kind, path in files.items()},
    }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, with None in empty cells."""
    columns = [column.astype(object).where(column.notna(), None) for _, column in frame.items()]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def print_curve(result: CurveResult) -> None:
    """Print accuracies with a row per noise rate and columns per k, in as many tables as the width needs."""
    from rich.console import Console
    from rich.markup import escape

    shown = result.measured or result.predicted
    assert shown is not None
    console = Console()
    rho = shown.setting.placement.get("concentration")
    where = f", noise of concentration {rho:g}" if rho else ""
    say(f"{escape(result.title)}: accuracy in %, ties {shown.setting.ties}{where}")
    columns = list(range(len(shown.k)))
    while columns:
        n = len(columns)
        while n > 1 and _width(console, _accuracy_table(result, columns[:n])) > console.width:
            n -= 1
        console.print(_accuracy_table(result, columns[:n]))
        columns = columns[n:]
    if result.largest_difference() is not None:
        say(f"largest difference between measured mean and prediction: {result.largest_difference():.2f} points")


def _width(console: Any, table: Table) -> int:
    """Return the width of a table that is not limited by the console."""
    return int(console.measure(table, options=console.options.update(width=10_000)).maximum)


def _accuracy_table(result: CurveResult, columns: list[int]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    curves = [(c, w) for c, w in ((result.predicted, "pred."), (result.measured, "measured")) if c is not None]
    shown = curves[-1][0]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    table.add_column("noise\nrate", justify="right", no_wrap=True)
    for column in columns:
        for _, word in curves:
            table.add_column(f"K = {shown.k[column]}\n{word}", justify="right", no_wrap=True)
    for row, rate in enumerate(shown.realized_noise_rates):
        cells = [f"{rate:.3f}"]
        for column in columns:
            for curve, _ in curves:
                std = curve.std if curve.repeats != 1 else None
                deviation = "" if std is None else printable(f" ± {100 * std[row, column]:.2f}")
                cells.append(f"{100 * curve.accuracy[row, column]:.2f}{deviation}")
        table.add_row(*cells)
    return table


def tolerance_text(row: dict[str, Any], target: float | None) -> str:
    """Return a sentence about the noise rate at which an accuracy is lost."""
    accuracy = f"{100 * (target or 0):g} % accuracy"
    if row["between"] is not None:
        low, high = row["between"]
        return (
            f"{accuracy} up to a noise rate between {low:.3g} and {high:.3g}; measure noise rates between for a closer "
            "answer"
        )
    if row["noise_rate"] is None:
        return f"below {accuracy} at the smallest noise rate"
    if row["at_least"]:
        return f"{accuracy} up to a noise rate of at least {row['noise_rate']:.3f}, the largest asked for"
    return f"{accuracy} up to a noise rate of {row['noise_rate']:.3f}"


def network_text(network: NetworkCurve) -> str:
    """Return sentences about the effective K of a network and the curve that it predicts."""
    found, band = network.found, network.band
    rates = ", ".join(f"{rate:g}" for rate in found.family.noise_rates)
    plural = "s" if len(found.measured) > 1 else ""
    if not found.determined:
        return (
            f"network: the accuracy at noise rate{plural} {rates} fits every K from {found.low} to {found.high}, "
            f"because their curves hardly differ there. Train at noise rate {network.better_rate:g}, where they differ "
            f"most."
        )
    halved = band.accuracy < band.accuracy[0] / 2
    where = f"halved at a noise rate of about {band.noise_rates[halved][0]:.2f}" if halved.any() else "never halved"
    return (
        f"network: effective K = {found.value} ({100 * found.level:g} % interval {found.low} to {found.high}), from "
        f"the accuracy at noise rate{plural} {rates}; the curve of K = {found.value} lies "
        f"{100 * found.mean_error:.1f} points from it and is {where}."
    )
