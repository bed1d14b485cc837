"""Text tables: the columns of .csv and .tsv files, which have no types.

Classes are read as text and become integers only where nothing is lost ("007" stays text). A column holds numbers only
if every entry that is not missing is one; a column that was meant to hold numbers and does not is an error that names
the entry and the option.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.data.tables import Table, side_by_side, to_floats
from labelnoise.data.text import MISSING, CsvOptions, read_text, word_for

_DECORATED = re.compile(
    r"""[+-]?[$€£¥]?[+-]?\s*(?: \d{1,3}(?:[ ,.'’_\u00a0\u202f]\d{3})+(?:[.,]\d+)? | \d+[.,]?\d* )\s*[%$€£¥]?""",
    re.VERBOSE,
)
"""A number with a thousands separator, a decimal comma, a currency or a per cent sign."""


class CsvTable(Table):
    """A text table, every column of which is read as text first."""

    lists = ()

    def __init__(self, path: Path, options: CsvOptions) -> None:
        self.path, self._options = path, options
        self._table, self.notes = read_text(path, options)
        self.n_rows = self._table.num_rows
        # A column without a name holds the row numbers that pandas writes, or follows a separator at the end.
        self.names = tuple(name for name in self._table.column_names if name)
        self.unnamed = self._table.column_names.count("")
        self._numbers: dict[str, NDArray[np.float64] | str] = {}

    def no_number(self, name: str) -> str:
        """Return why a column does not hold one number per row; empty if it does."""
        return "text" if isinstance(self._column(name), str) else ""

    def classes(self, name: str) -> NDArray[Any]:
        """Read one column as integers or floats if that loses nothing, else as text."""
        return typed(
            np.char.strip(np.array(self._table.column(name).to_pylist(), dtype=str), " "), f"{self.path}:{name}"
        )

    def numbers(self, names: Sequence[str]) -> Features:
        """Read columns of numbers as (N, columns); a missing number is NaN."""
        columns = []
        for name in names:
            found = self._column(name)
            if isinstance(found, str):
                raise self._not_a_number(name, found)
            columns.append(found)
        return side_by_side(columns)

    def row_names(self) -> NDArray[Any] | None:
        """Return the entries of the first column if it has no name."""
        return self.classes("") if self.unnamed == 1 and not self._table.column_names[0] else None

    def _column(self, name: str) -> NDArray[np.float64] | str:
        """Return a column's numbers, or an entry that is none; raise a ValueError if it was probably meant to be."""
        if name not in self._numbers:
            self._numbers[name] = self._parse(name)
        return self._numbers[name]

    def _parse(self, name: str) -> NDArray[np.float64] | str:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = pc.utf8_trim_whitespace(self._table.column(name))
        missing = pc.is_in(column, value_set=pa.array(MISSING, column.type))
        column = pc.if_else(missing, pa.scalar(None, column.type), column)
        decimal, thousands = self._options.decimal, self._options.thousands
        if decimal == "." and not thousands:
            with contextlib.suppress(pa.ArrowInvalid):
                return to_floats(pc.cast(column, pa.float64()))
        codes = column.combine_chunks().dictionary_encode()
        entries = codes.dictionary.to_pylist()
        flags = {"true": 1.0, "false": 0.0}
        if all(entry.lower() in flags for entry in entries):
            values: list[float | None] = [flags[entry.lower()] for entry in entries]
        else:
            values = [_number(entry, decimal, thousands) for entry in entries]
        bad = [entry for entry, value in zip(entries, values, strict=True) if value is None]
        if not bad:
            return to_floats(pa.array(values, pa.float64()).take(codes.indices))
        odd = [entry for entry in bad if entry.startswith("[") or _DECORATED.fullmatch(entry)]
        if odd or len(bad) < len(values) - len(bad):
            raise self._not_a_number(name, (odd or bad)[0])
        return bad[0]

    def _not_a_number(self, name: str, entry: str) -> ValueError:
        stripped = [text.strip() for text in self._table.column(name).to_pylist()]
        where = f"row {stripped.index(entry)} (counted from 0) holds {entry[:60]!r}"
        options = self._options
        cure = "Correct it, or name the columns to read, for example " + f"{self.path.name}:NAME,NAME."
        if entry.startswith("["):
            cure = (
                "A vector per row is kept by .parquet (a column of lists) or .npy: save frame[column].tolist() with "
                "numpy.save, or the frame with to_parquet."
            )
        elif re.search(r"[%$€£¥]", entry):
            cure = "Write plain numbers, without signs. " + cure
        elif re.search(r"\d[ ,.'’_\u00a0\u202f]\d", entry):
            marks = [c for c in re.findall(r"[ ,.'’_\u00a0\u202f]", entry) if c != options.decimal] or [options.decimal]
            mark = word_for(marks[0])
            decimal = f"decimal={mark} if it begins the fraction, " if marks[0] in ",." else ""
            cure = (
                f"Give {decimal}thousands={mark} if it groups digits (--csv {'decimal' if decimal else 'thousands'}"
                f"={mark}). " + cure
            )
        return ValueError(f"column {name!r} of {self.path} must hold numbers; {where}. {cure}")

    def _read(self, names: Sequence[str]) -> Any:
        return self._table.select(list(names))


def typed(text: NDArray[np.str_], where: str) -> NDArray[Any]:
    """Return classes written as text as integers or floats if that loses nothing and none is missing, else as text."""
    entries, code = np.unique(text, return_inverse=True)
    present = entries[[entry not in MISSING for entry in entries.tolist()]]
    complete = len(present) == len(entries)
    try:
        if complete and (entries.astype(np.int64).astype(str) == entries).all():
            return entries.astype(np.int64)[code]
    except (ValueError, OverflowError):
        pass
    try:
        values = present.astype(np.float64)
    except ValueError:
        return text
    fraction = np.char.count(present, ".") == 1
    if fraction.any() and not fraction.all() and len(np.unique(values)) < len(values):
        same = next(value for value in values.tolist() if (values == value).sum() > 1)
        one, other = present[values == same][:2].tolist()
        raise ValueError(
            f"{where} must write each class in one way; it holds {one!r} and {other!r}. "
            f"Write all classes as whole numbers, or all as text."
        )
    return values[code] if complete and fraction.all() else text


def _number(text: str, decimal: str, thousands: str) -> float | None:
    """Return the number that a text writes; None if it is none, or if digits are grouped other than by three."""
    if thousands and thousands in text:
        group, point = re.escape(thousands), re.escape(decimal)
        if not re.fullmatch(rf"[+-]?\d{{1,3}}(?:{group}\d{{3}})+(?:{point}\d*)?", text):
            return None
        text = text.replace(thousands, "")
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    if "_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None
