"""What a file holds: named arrays (.npy, .npz, .safetensors) or a table's columns (.csv, .parquet).

Two shapes cover the five formats. `Arrays` are whole NumPy arrays under a name; a `Table` has columns, read either as
classes or as numbers. Which name or column is wanted is `labelnoise.data.files`' question, not this module's.

Files are untrusted: nothing is ever unpickled, and whatever a library raises over a damaged file becomes one
ValueError that names the file. Only what is asked for is read: the names come from a header, a schema or a first block.
"""

from __future__ import annotations

import difflib
import os
import tokenize
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Features
from labelnoise.data.damage import reading
from labelnoise.data.tables import CsvTable, ParquetTable

SUFFIXES = (".npy", ".npz", ".csv", ".parquet", ".safetensors")
_NUMPY_ERRORS = (ValueError, EOFError, OSError, MemoryError, tokenize.TokenError)
"""What NumPy raises over a damaged array; the last of them over its header."""
_FIRST_BYTES = {".npy": b"\x93NUMPY", ".npz": b"PK", ".parquet": b"PAR1"}


@dataclass(frozen=True)
class Arrays:
    """Named arrays of one file; `names` is empty where the format has no names (.npy)."""

    path: Path
    names: tuple[str, ...]
    read: Callable[[str | None], NDArray[Any]]


class Table(Protocol):
    """Columns of one file."""

    path: Path
    names: tuple[str, ...]
    lists: tuple[str, ...]
    """Columns that hold a list of numbers per row."""

    def numeric(self) -> tuple[str, ...]:
        """Columns that hold one number per row."""

    def classes(self, name: str) -> NDArray[Any]:
        """One column as integers, floats, booleans or text; a missing entry is None, NaN or the empty string."""

    def numbers(self, names: Sequence[str]) -> Features:
        """Columns of numbers side by side, (N, columns), or one column of lists, (N, ...); missing is NaN."""


def open_file(path: str | os.PathLike[str]) -> Arrays | Table:
    """What the file at `path` holds, by its suffix.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ValueError
        The format is not one of `SUFFIXES`, or the file is empty, damaged, or not of the format its name says.
    """
    path = _existing_file(path)
    openers: dict[str, Callable[[Path], Arrays | Table]] = {
        ".npy": _open_npy,
        ".npz": _open_npz,
        ".safetensors": _open_safetensors,
        ".csv": CsvTable,
        ".parquet": ParquetTable,
    }
    return openers[path.suffix.lower()](path)


def _existing_file(path: str | os.PathLike[str]) -> Path:
    path = Path(path).expanduser()
    if path.is_dir():
        raise IsADirectoryError(f"`path` must name a file; {path} is a folder. Name a file inside it.")
    if not path.exists():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, beside, n=1)
        hint = f" Did you mean {path.parent / close[0]}?" if close else ""
        raise FileNotFoundError(f"`path` must name a file that exists; there is no {path}.{hint}")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            f"`path` must end in one of {', '.join(SUFFIXES)}; got {path.name!r}. "
            f"Save the data in one of these formats."
        )
    with path.open("rb") as stream:
        first = stream.read(8)
    if not first:
        raise ValueError(f"{path} must hold data; it is empty (0 bytes). Write it again.")
    expected = _FIRST_BYTES.get(suffix, b"")
    if not first.startswith(expected):
        what = "a pickle, which is never read" if first[:1] == b"\x80" else "something else, or damaged"
        raise ValueError(
            f"{path} must be a {suffix} file, as its name says; its first bytes say it is {what}. "
            f"Save it again in that format."
        )
    return path


def _open_npy(path: Path) -> Arrays:
    def read(_: str | None) -> NDArray[Any]:
        with reading(path, *_NUMPY_ERRORS), path.open("rb") as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)

    return Arrays(path, (), read)


def _open_npz(path: Path) -> Arrays:
    import zipfile
    import zlib

    # RuntimeError: a member is encrypted, or damaged so that it says so; NotImplementedError is one
    errors = (*_NUMPY_ERRORS, zipfile.BadZipFile, zlib.error, RuntimeError, KeyError)

    # np.load is given an open file: it would leave one that it opened itself open over a damaged archive
    def read(name: str | None) -> NDArray[Any]:
        with reading(path, *errors), path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            array: NDArray[Any] | bytes = file[name]
            if isinstance(array, bytes):  # as NumPy gives what is no array
                raise ValueError(f"{name!r} in it is no array")
            return array

    with reading(path, *errors), path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        names = tuple(file.files)
    return Arrays(path, names, read)


def _open_safetensors(path: Path) -> Arrays:
    from safetensors import SafetensorError, safe_open

    def read(name: str | None) -> NDArray[Any]:
        with reading(path, SafetensorError, OSError), safe_open(path, framework="numpy") as file:
            kind = file.get_slice(name).get_dtype()
            if kind.startswith(("BF", "F8", "F4")):
                raise ValueError(
                    f"array {name!r} of {path} must be of a type that NumPy has; it is {kind}. Save it as float32."
                )
            return file.get_tensor(name)

    with reading(path, SafetensorError, OSError), safe_open(path, framework="numpy") as file:
        names = tuple(file.keys())
    return Arrays(path, names, read)
