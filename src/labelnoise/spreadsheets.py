"""Text in CSV tables that a spreadsheet would carry out as a formula, which names in other people's data may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def defused(text: str) -> str:
    """Return text that no spreadsheet runs as a formula: an apostrophe before = + - @ and tabs, except before numbers.

    Text that begins with an apostrophe gets another one, so that `restored` undoes this exactly.

    Examples
    --------
    >>> [defused(text) for text in ("=1+1", "-1", "cat", "'s")]
    ["'=1+1", '-1', 'cat', "''s"]
    """
    return f"'{text}" if text.startswith(_FORMULA) and as_number(text) is None else text


def restored(text: str) -> str:
    """Return what `defused` was given."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def as_number(text: str) -> float | None:
    """Return the number that a text writes, with a decimal point or comma; None if it is something else."""
    stripped = text.strip()
    return float(stripped.replace(",", ".")) if _NUMBER.fullmatch(stripped) else None


def for_spreadsheets(frame: DataFrame) -> DataFrame:
    """Return a table with every text defused."""
    changed = {
        name: frame[name].map(lambda entry: defused(entry) if isinstance(entry, str) else entry)
        for name in _text_columns(frame)
    }
    return frame.assign(**changed)


def any_text(frame: DataFrame, holds: Callable[[str], bool]) -> bool:
    """Return whether a condition holds for any text in a table."""
    return any(
        holds(entry) for name in _text_columns(frame) for entry in frame[name].unique() if isinstance(entry, str)
    )


def _text_columns(frame: DataFrame) -> list[Any]:
    return [name for name, kind in frame.dtypes.items() if kind.kind not in "biufcmM"]
