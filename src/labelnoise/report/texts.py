"""Numbers as the text of a report, and the tables and facts that several parts of it share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.report.summary import Table

if TYPE_CHECKING:
    import pandas as pd


def percent(share: float, decimals: int = 1) -> str:
    """Return a share in percent.

    Examples
    --------
    >>> percent(0.1234), percent(0.5, 0)
    ('12.3 %', '50 %')
    """
    return f"{100 * share:.{decimals}f} %"


def share_range(estimate: Mapping[str, Any]) -> str:
    """Return the range of an estimate of the JSON, and what it is.

    Examples
    --------
    >>> share_range({"low": 0.1, "high": 0.2, "kind": "interval", "n_checked": 100})
    '95 % interval 10.0 to 20.0 %, 100 checked'
    """
    ends = f"{100 * estimate['low']:.1f} to {100 * estimate['high']:.1f} %"
    if estimate["kind"] == "interval":
        return f"95 % interval {ends}, {estimate['n_checked']:,} checked"
    return f"bracket {ends}, none checked"


def plain_table(
    frame: pd.DataFrame, decimals: Mapping[str, int] | None = None, *, is_open: bool = True, is_sortable: bool = False
) -> Table:
    """Return a data frame with its cells as text; numbers have four decimals unless `decimals` says otherwise."""
    digits = decimals or {}
    columns = [
        [_cell(value, digits.get(str(name), 4)) for value in frame.iloc[:, place].tolist()]
        for place, name in enumerate(frame.columns)
    ]
    heads = tuple(str(name).replace("_", " ") for name in frame.columns)
    words = tuple(
        any(isinstance(cell, str) and cell[:1] and not _is_figure(cell) for cell in cells) for cells in columns
    )
    return Table(heads, tuple(zip(*columns, strict=True)), words, is_open, is_sortable)


def _is_figure(cell: str) -> bool:
    return cell.lstrip("+-\N{PLUS-MINUS SIGN} ")[:1].isdigit()


def _cell(value: Any, decimals: int) -> str | int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    if isinstance(value, int):
        return value
    return "" if np.isnan(value) else f"{value:,.{decimals}f}"


def made_facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how a result was made, as far as its JSON says: time, versions, machine, seed, warnings."""
    facts = []
    if record.get("seconds") is not None:
        facts.append(("duration", f"{record['seconds']:,.1f} s"))
    versions = ", ".join(f"{name} {number}" for name, number in (record.get("versions") or {}).items() if number)
    if record.get("python"):
        versions = f"{versions}, Python {record['python']}" if versions else f"Python {record['python']}"
    if versions:
        facts.append(("versions", versions))
    if record.get("machine"):
        facts.append(("machine", str(record["machine"])))
    return facts


def reading_facts(reading: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return what was read, from the object `reading` of the JSON: files, rows, features, classes, warnings."""
    if not reading:
        return []
    facts = [("files", ", ".join(map(str, reading.get("files") or [])))]
    rows, dropped = reading.get("rows"), reading.get("dropped")
    if rows is not None:
        facts.append(("rows", f"{rows:,}" + (f"; {dropped:,} left out" if dropped else "")))
    classes = [str(name) for name in reading.get("classes") or []]
    if classes:
        named = ", ".join(classes[:12]) + (f", ... ({len(classes) - 12:,} more)" if len(classes) > 12 else "")
        facts.append(("classes", f"{len(classes):,}: {named}"))
    facts += [("warning", str(warning)) for warning in reading.get("warnings") or []]
    return [(name, text) for name, text in facts if text]


def option_facts(options: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return the options that were given or have a default, in one line each."""
    if not options:
        return []
    return [(name.replace("_", " "), _option(value)) for name, value in options.items() if _is_given(value)]


def _is_given(value: Any) -> bool:
    return value is not None and value != "" and value != [] and value != {} and value is not False


def _option(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_option(entry)}" for name, entry in value.items() if _is_given(entry))
    if isinstance(value, list):
        return ", ".join(map(_option, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
