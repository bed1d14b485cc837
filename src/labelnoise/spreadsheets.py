"""Text in CSV tables that a spreadsheet would carry out as a formula, which names in other people's data may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame


def for_spreadsheets(frame: DataFrame) -> DataFrame:
    """Return a table with an apostrophe before text that a spreadsheet may take for a formula.

    Such text begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return. Text that begins with an apostrophe
    gets another one, so that `from_spreadsheets` undoes this exactly.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"label": ["=1+1", "cat", "'s"], "rate": [-0.5, 0.0, 0.5]})
    >>> for_spreadsheets(table)["label"].tolist()
    ["'=1+1", 'cat', "''s"]
    """
    return _with_text(frame, lambda text: re.sub(r"^(?=[=+\-@\t\r'])", "'", text))


def from_spreadsheets(frame: DataFrame) -> DataFrame:
    """Return the table of which `for_spreadsheets` returned the given one."""
    return _with_text(frame, lambda text: text.removeprefix("'"))


def _with_text(frame: DataFrame, change: Callable[[str], str]) -> DataFrame:
    """Return a table in which every text is changed; other entries stay."""
    changed = {
        name: frame[name].map(lambda entry: change(entry) if isinstance(entry, str) else entry)
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
