"""Tables: the columns of .csv and .parquet files, read with pyarrow.

A CSV file has no types. Classes are therefore read as text and become integers only where nothing is lost ("007" stays
text, and "NA" or "None" are classes like any other); numbers are read as float64 in every row, whatever the first rows
look like.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.data.damage import reading


class ParquetTable:
    """A Parquet file; only the requested columns are read."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path = path
        with reading(path, pa.ArrowException, OSError), pq.ParquetFile(path) as file:
            self._schema, n_rows = file.schema_arrow, file.metadata.num_rows
        _check_rows(path, n_rows)
        self.names = tuple(name for name in self._schema.names if not name.startswith("__index_level_"))
        self.lists = tuple(n for n in self.names if _is_list(t := self._schema.field(n).type) and _is_number(_leaf(t)))

    def numeric(self) -> tuple[str, ...]:
        """Return the names of the columns that hold one number per row."""
        return tuple(name for name in self.names if _is_number(self._schema.field(name).type))

    def classes(self, name: str) -> NDArray[Any]:
        """Read one column as integers, floats, booleans or text."""
        import pyarrow as pa

        column = self._read([name]).column(0)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
            return np.array(column.to_pylist()) if column.null_count else _to_numpy(column)
        if pa.types.is_floating(kind):
            return _to_numpy(column)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
            return np.array(column.to_pylist(), dtype=object if column.null_count else str)
        raise ValueError(
            f"column {name!r} of {self.path} must hold classes, integers or text; it is of type {kind}. "
            f"Name another column."
        )

    def numbers(self, names: Sequence[str]) -> Features:
        """Read columns of numbers side by side, or one column of lists."""
        for name in names:
            kind = self._schema.field(name).type
            if not (_is_number(kind) or (name in self.lists and len(names) == 1)):
                raise ValueError(
                    f"column {name!r} of {self.path} must hold numbers; it is of type {kind}. "
                    f"Columns of numbers: {', '.join(map(repr, self.numeric() + self.lists)) or 'none'}."
                )
        table = self._read(names)
        if names[0] in self.lists:
            return _as_float(_stack_lists(table.column(0), f"column {names[0]!r} of {self.path}"))
        return _side_by_side(table.columns)

    def _read(self, names: Sequence[str]) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with reading(self.path, pa.ArrowException, OSError), pq.ParquetFile(self.path) as file:
            return file.read(columns=list(names)).select(list(names))


class CsvTable:
    """A comma-separated file in UTF-8 whose first row names the columns."""

    lists: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import csv

        self.path = path
        with reading(path, pa.ArrowException, OSError), csv.open_csv(path, **self._options()) as reader:
            self._columns = tuple(reader.schema.names)
            try:
                first = reader.read_next_batch()
            except StopIteration:  # The file has a header and nothing else.
                first = reader.schema.empty_table()
        self._check_header()
        _check_rows(path, first.num_rows)
        # A name in the file may have spaces around it; an unnamed column is the row numbers that pandas writes.
        self._named = {name.strip(): name for name in self._columns if name.strip()}
        self.names = tuple(self._named)
        self._first = first

    def numeric(self) -> tuple[str, ...]:
        """Return the names of the columns of numbers; a column with fewer other entries than numbers is an error."""
        found = []
        for name in self.names:
            column = self._first.column(self._columns.index(self._named[name]))
            if _is_number(column.type):
                found.append(name)
                continue
            bad, n_numbers = _not_numbers(column)
            if 0 < len(bad) < n_numbers:
                raise self._not_a_number(name, bad)
        return tuple(found)

    def classes(self, name: str) -> NDArray[Any]:
        """Read one column as integers or floats if that loses nothing, else as text."""
        import pyarrow as pa

        column = self._read([name], pa.string(), null_values=[], strings_can_be_null=False).column(0)
        text = np.char.strip(np.array(column.to_pylist(), dtype=str))
        if (text == "").any():
            return text  # The caller reports the missing label.
        try:
            integers = text.astype(np.int64)
            if (integers.astype(str) == text).all():
                return integers
        except (ValueError, OverflowError):
            pass
        try:
            return text.astype(np.float64) if (np.char.count(text, ".") == 1).all() else text
        except ValueError:
            return text

    def numbers(self, names: Sequence[str]) -> Features:
        """Read columns of numbers side by side."""
        import pyarrow as pa

        try:
            return _side_by_side(self._read(names, pa.float64()).columns)
        except ValueError:
            for name, column in zip(names, self._read(names, pa.string()).columns, strict=True):
                bad, _ = _not_numbers(column)
                if bad:
                    raise self._not_a_number(name, bad) from None
            raise

    def _not_a_number(self, name: str, bad: dict[int, str]) -> ValueError:
        row, value = next(iter(bad.items()))
        return ValueError(
            f"column {name!r} of {self.path} must hold numbers; row {row} (counted from 0) holds {value!r}. "
            f"Correct it, or name the columns to read."
        )

    def _check_header(self) -> None:
        columns = self._columns
        if len(columns) == 1 and (";" in columns[0] or "\t" in columns[0]):
            raise ValueError(
                f"{self.path} must be separated by commas; its first line is {columns[0][:60]!r}. "
                f"Save it again with commas."
            )
        named = [name.strip() for name in columns if name.strip()]
        if len(set(named)) != len(named):
            twice = next(name for name in named if named.count(name) > 1)
            raise ValueError(f"{self.path} must name each column once; {twice!r} comes twice. Rename one of them.")
        if named and all(_reads_as_number(name) for name in named) and named != [str(i) for i in range(len(named))]:
            raise ValueError(
                f"{self.path} must name its columns in its first line; that line holds numbers: "
                f"{', '.join(columns)[:60]}. Add a first line such as 'label' or 'x0,x1,...'."
            )

    def _options(self, **convert: Any) -> dict[str, Any]:
        from pyarrow import csv

        return {
            "read_options": csv.ReadOptions(block_size=1 << 24),  # No row of numbers is longer than this.
            "parse_options": csv.ParseOptions(newlines_in_values=True),
            "convert_options": csv.ConvertOptions(**convert),
        }

    def _read(self, names: Sequence[str], kind: Any, **convert: Any) -> Any:
        import pyarrow as pa
        from pyarrow import csv

        columns = [self._named[name] for name in names]
        types = dict.fromkeys(columns, kind)
        options = self._options(include_columns=columns, column_types=types, **convert)
        with reading(self.path, pa.ArrowException, OSError):
            return csv.read_csv(self.path, **options)


def _check_rows(path: Path, n_rows: int) -> None:
    if n_rows == 0:
        raise ValueError(f"{path} must hold at least one row; it holds column names only.")


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


def _to_numpy(column: Any) -> NDArray[Any]:
    return column.to_numpy()


def _values(column: Any) -> NDArray[Any]:
    """Return a column of numbers as a NumPy array, with NaN for missing ones."""
    import pyarrow as pa

    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        column = column.cast(pa.uint8() if pa.types.is_boolean(column.type) else pa.float64())
    return _to_numpy(column)


def _as_float(array: NDArray[Any]) -> Features:
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def _side_by_side(columns: Iterable[Any]) -> Features:
    return _as_float(np.stack([_values(column) for column in columns], axis=1))


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


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _not_numbers(column: Any) -> tuple[dict[int, str], int]:
    """Return the entries that are neither missing nor numbers, by row, and how many are numbers."""
    missing = ("", "#N/A", "N/A", "NA", "NULL", "null", "n/a")
    present = {row: v for row, v in enumerate(column.to_pylist()) if isinstance(v, str) and v not in missing}
    bad = {row: value for row, value in present.items() if not _reads_as_number(value)}
    return bad, len(present) - len(bad)
