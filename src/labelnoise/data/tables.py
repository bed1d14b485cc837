"""Tables: the columns of .csv, .tsv, .jsonl and .parquet files, read with pyarrow.

A text table has no types. Classes are therefore read as text and become integers only where nothing is lost ("007"
stays text). Its columns are numbers only if every entry that is not missing is one; a column that was meant to hold
numbers and does not is an error that names the entry and the option.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.data.damage import reading
from labelnoise.data.text import MISSING, CsvOptions, read_bytes, read_text, word_for

_DECORATED = re.compile(
    r"""[+-]?[$€£¥]?[+-]?\s*(?: \d{1,3}(?:[ ,.'’_\u00a0\u202f]\d{3})+(?:[.,]\d+)? | \d+[.,]?\d* )\s*[%$€£¥]?""",
    re.VERBOSE,
)
"""A number with a thousands separator, a decimal comma, a currency or a per cent sign."""


class Table:
    """Columns of a Parquet or JSON lines file, which have types.

    Attributes
    ----------
    path : Path
        The file.
    names : tuple of str
        Names of the columns.
    lists : tuple of str
        Names of the columns that hold a list of numbers per row.
    index : tuple of str
        Names of the columns that are the index of a data frame.
    unnamed : int
        Number of columns without a name, which are not read.
    n_rows : int
        Number of rows.
    notes : tuple of str
        What was decided by looking at the file.
    """

    notes: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    unnamed: int = 0

    def __init__(self, path: Path, options: CsvOptions) -> None:
        self.path = path
        self._schema, self.n_rows = self._open()
        names = list(self._schema.names)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{path} must name each column once; {twice!r} comes twice. Rename one of them.")
        if self.n_rows == 0:
            raise ValueError(f"{path} must hold at least one row; it holds column names only.")
        metadata = (self._schema.metadata or {}).get(b"pandas")
        index = json.loads(metadata).get("index_columns", ()) if metadata else ()
        self.index = tuple(n for n in names if n in index or n.startswith("__index_level_"))
        self.names = tuple(n for n in names if not n.startswith("__index_level_"))
        self.lists = tuple(n for n in self.names if _is_list(t := self._schema.field(n).type) and _is_number(_leaf(t)))

    def _open(self) -> tuple[Any, int]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with reading(self.path, pa.ArrowException, OSError), pq.ParquetFile(self.path) as file:
            return file.schema_arrow, file.metadata.num_rows

    def no_number(self, name: str) -> str:
        """Return why a column does not hold one number per row; empty if it does."""
        kind = self._schema.field(name).type
        return "" if _is_number(kind) else f"of type {kind}"

    def classes(self, name: str) -> NDArray[Any]:
        """Read one column as integers, floats, booleans or text; a missing entry is None, NaN or text."""
        import pyarrow as pa

        column = self._read([name]).column(0)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            return np.array(column.to_pylist(), dtype=object) if column.null_count else column.to_numpy()
        if pa.types.is_floating(kind):
            return column.to_numpy()
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            return np.array(column.to_pylist(), dtype=object if column.null_count else str)
        if pa.types.is_null(kind):
            return np.array(column.to_pylist(), dtype=object)
        raise ValueError(
            f"column {name!r} of {self.path} must hold classes, integers or text; it is of type {kind}. "
            f"Name another column."
        )

    def numbers(self, names: Sequence[str]) -> Features:
        """Read columns of numbers as (N, columns), or one column of lists as (N, ...); a missing number is NaN."""
        for name in names:
            if self.no_number(name) and not (name in self.lists and len(names) == 1):
                numeric = [n for n in self.names if not self.no_number(n)]
                raise ValueError(
                    f"column {name!r} of {self.path} must hold numbers; it is {self.no_number(name)}. "
                    f"Columns of numbers: {', '.join(map(repr, (*numeric, *self.lists))) or 'none'}."
                )
        table = self._read(names)
        if names[0] in self.lists:
            return _as_float(_stack_lists(table.column(0), f"column {names[0]!r} of {self.path}"))
        return _side_by_side(map(_values, table.columns))

    def row_names(self) -> NDArray[Any] | None:
        """Return the entries of the unnamed column or index that names the rows, if there is one."""
        return self.classes(self.index[0]) if len(self.index) == 1 else None

    def _read(self, names: Sequence[str]) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with reading(self.path, pa.ArrowException, OSError), pq.ParquetFile(self.path) as file:
            return file.read(columns=list(names)).select(list(names))


class JsonTable(Table):
    """A file with a JSON object per line."""

    def _open(self) -> tuple[Any, int]:
        import io

        import pyarrow as pa
        from pyarrow import json as arrow_json

        content = read_bytes(self.path)
        with reading(self.path, pa.ArrowException):
            self._table = arrow_json.read_json(io.BytesIO(content), arrow_json.ReadOptions(block_size=1 << 24))
        return self._table.schema, self._table.num_rows

    def _read(self, names: Sequence[str]) -> Any:
        return self._table.select(list(names))


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
        found = self._column(name)
        return found if isinstance(found, str) else ""

    def classes(self, name: str) -> NDArray[Any]:
        """Read one column as integers or floats if that loses nothing, else as text."""
        return typed(np.char.strip(np.array(self._table.column(name).to_pylist(), dtype=str)), f"{self.path}:{name}")

    def numbers(self, names: Sequence[str]) -> Features:
        """Read columns of numbers as (N, columns); a missing number is NaN."""
        columns = []
        for name in names:
            found = self._column(name)
            if isinstance(found, str):
                raise self._not_a_number(name, str(self._bad_entry(name)))
            columns.append(found)
        return _side_by_side(columns)

    def row_names(self) -> NDArray[Any] | None:
        """Return the entries of the first column if it has no name."""
        return self.classes("") if self.unnamed == 1 and not self._table.column_names[0] else None

    def _column(self, name: str) -> NDArray[np.float64] | str:
        """Return a column's numbers, or why it has none; raise a ValueError if it was probably meant to have some."""
        if name not in self._numbers:
            self._numbers[name] = self._parse(name)
        return self._numbers[name]

    def _parse(self, name: str) -> NDArray[np.float64] | str:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = pc.utf8_trim_whitespace(self._table.column(name))
        missing = pc.is_in(column, value_set=pa.array(MISSING, column.type))
        if pc.all(missing).as_py():
            return np.full(self.n_rows, np.nan)
        column = pc.if_else(missing, pa.scalar(None, column.type), column)
        decimal, thousands = self._options.decimal, self._options.thousands
        if decimal == "." and not thousands:
            try:
                return _to_floats(pc.cast(column, pa.float64()))
            except pa.ArrowInvalid:
                pass
        entries = [entry for entry in pc.unique(column).to_pylist() if entry is not None]
        flags = {"true": 1.0, "false": 0.0}
        if all(entry.lower() in flags for entry in entries):
            return np.array([np.nan if e is None else flags[e.lower()] for e in column.to_pylist()])
        values = {entry: _number(entry, decimal, thousands) for entry in entries}
        bad = [entry for entry, value in values.items() if value is None]
        if not bad:
            return np.array([np.nan if entry is None else values[entry] for entry in column.to_pylist()], np.float64)
        odd = next((entry for entry in bad if entry.startswith("[") or _DECORATED.fullmatch(entry)), None)
        if odd is not None:
            raise self._not_a_number(name, odd)
        if len(bad) < len(values) - len(bad):
            raise self._not_a_number(name, bad[0])
        return "text"

    def _bad_entry(self, name: str) -> str:
        for entry in self._table.column(name).to_pylist():
            text = entry.strip()
            if text not in MISSING and _number(text, self._options.decimal, self._options.thousands) is None:
                return text
        return ""

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


def _leaf(kind: Any) -> Any:
    while _is_list(kind):
        kind = kind.value_type
    return kind


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    t = pa.types
    return bool(
        t.is_integer(kind) or t.is_floating(kind) or t.is_boolean(kind) or t.is_decimal(kind) or t.is_null(kind)
    )


def _to_floats(column: Any) -> NDArray[np.float64]:
    return column.to_numpy()


def _values(column: Any) -> NDArray[Any]:
    """Return a column of numbers as a NumPy array, with NaN for missing ones."""
    import pyarrow as pa

    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        column = column.cast(pa.uint8() if pa.types.is_boolean(column.type) else pa.float64())
    return column.to_numpy()


def _as_float(array: NDArray[Any]) -> Features:
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def _side_by_side(columns: Iterable[NDArray[Any]]) -> Features:
    return _as_float(np.stack(list(columns), axis=1))


def _stack_lists(column: Any, where: str) -> NDArray[Any]:
    """Return a column of equally long lists, nested to any depth, as one array."""
    import pyarrow.compute as pc

    shape = [len(column)]
    while _is_list(column.type):
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), -1))
        odd = np.flatnonzero((lengths != lengths[0]) | (lengths < 0))
        if len(odd):
            row, length = int(odd[0]) * shape[0] // len(lengths), int(lengths[odd[0]])
            held = "no list" if length < 0 else f"{length} values"
            raise ValueError(
                f"{where} must hold equally long lists; row {row} (counted from 0) holds {held}, "
                f"row 0 holds {max(int(lengths[0]), 0)}. Drop or pad such rows."
            )
        shape.append(int(lengths[0]))
        column = pc.list_flatten(column)
    return _values(column).reshape(shape)
