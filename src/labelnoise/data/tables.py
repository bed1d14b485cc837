"""Tables: the columns of .parquet and .jsonl files, which have types, read with pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.data.damage import reading
from labelnoise.data.text import CsvOptions, read_bytes


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
        return side_by_side(map(_values, table.columns))

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


def to_floats(column: Any) -> NDArray[np.float64]:
    """Return an Arrow column of floats as a NumPy array, with NaN for missing ones."""
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


def _values(column: Any) -> NDArray[Any]:
    """Return a column of numbers as a NumPy array, with NaN for missing ones."""
    import pyarrow as pa

    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        column = column.cast(pa.uint8() if pa.types.is_boolean(column.type) else pa.float64())
    return column.to_numpy()


def _as_float(array: NDArray[Any]) -> Features:
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def side_by_side(columns: Iterable[NDArray[Any]]) -> Features:
    """Return columns of numbers as floats of shape (N, columns)."""
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
