"""Open a file as named arrays (.npy, .npz, .safetensors) or as a table of columns (.csv, .tsv, .jsonl, .parquet).

`Arrays` are whole NumPy arrays with names. A `Table` has columns that are read either as classes or as numbers. The
module `labelnoise.data.files` decides which array or column is wanted.

Files are untrusted. Nothing is ever unpickled, and an error of a library over a damaged file becomes a ValueError that
names the file. Only what is requested is read; the names come from a header, a schema or the first block.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import check_regular
from labelnoise.data.damage import reading
from labelnoise.data.tables import JsonTable, Table
from labelnoise.data.text import COMPRESSED, CsvOptions, path_suffix
from labelnoise.data.text_tables import CsvTable

TEXT = (".csv", ".tsv", ".jsonl")
"""Formats that may be compressed, as in .csv.gz."""
SUFFIXES = (".npy", ".npz", *TEXT, ".parquet", ".safetensors")
_NUMPY_ERRORS = (ValueError, EOFError, OSError, MemoryError, tokenize.TokenError)
"""The errors that NumPy raises over a damaged array; TokenError is about its header."""
_LARGE = 2**26
"""Bytes of an .npy file from which on it is mapped into memory, so that values are read only where they are used."""
_FIRST_BYTES = {".npy": b"\x93NUMPY", ".npz": b"PK", ".parquet": b"PAR1"}


@dataclass(frozen=True)
class Arrays:
    """Named arrays of one file; `names` is empty if the format has no names (.npy)."""

    path: Path
    names: tuple[str, ...]
    read: Callable[[str | None], NDArray[Any]]


def open_file(path: str | os.PathLike[str], csv: Mapping[str, Any] | CsvOptions | None = None) -> Arrays | Table:
    """Open the file at `path` in the format that its suffix names; `csv` says how a text table is written.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ValueError
        The format is not one of `SUFFIXES`, or the file is empty, damaged, or not of the format its name says.
    """
    path = _existing_file(path)
    arrays = {".npy": _open_npy, ".npz": _open_npz, ".safetensors": _open_safetensors}
    tables = {".csv": CsvTable, ".tsv": CsvTable, ".jsonl": JsonTable, ".parquet": Table}
    suffix, options = path_suffix(path), CsvOptions.of(csv)
    return arrays[suffix](path) if suffix in arrays else tables[suffix](path, options)


def _existing_file(path: str | os.PathLike[str]) -> Path:
    path = Path(path).expanduser()
    if os.path.isdir(path):  # noqa: PTH112  pathlib raises an error over names that are too long
        raise IsADirectoryError(f"`path` must name a file; {path} is a folder. Name a file inside it.")
    if not os.path.exists(path):  # noqa: PTH110
        beside: list[str] = []
        with contextlib.suppress(OSError):
            beside = [entry.name for entry in path.parent.iterdir()]
        close = difflib.get_close_matches(path.name, beside, n=1)
        hint = f" Did you mean {path.parent / close[0]}?" if close else ""
        if max(len(os.fsencode(part)) for part in path.parts) > 255:  # The limit of nearly all file systems.
            hint = " Its name is too long for a file."
        raise FileNotFoundError(f"`path` must name a file that exists; there is no {path}.{hint}")
    suffix = path_suffix(path)
    if suffix not in SUFFIXES or (suffix not in TEXT and path.suffix.lower() in COMPRESSED):
        raise ValueError(
            f"`path` must end in one of {', '.join(SUFFIXES)}; got {path.name!r}. "
            f"Save the data in one of these formats (text may be compressed, as in .csv.gz)."
        )
    check_regular(path)
    with path.open("rb") as stream:
        first = stream.read(8)
    if not first:
        raise ValueError(f"{path} must hold data; it is empty (0 bytes). Write it again.")
    expected = _FIRST_BYTES.get(suffix, b"")
    if not first.startswith(expected):
        what = "a pickle, which is never read" if first[:1] == b"\x80" else "another format, or of a damaged file"
        raise ValueError(
            f"{path} must be a {suffix} file, as its name says; its first bytes are those of {what}. "
            f"Save it again in that format."
        )
    return path


def _open_npy(path: Path) -> Arrays:
    def read(_: str | None) -> NDArray[Any]:
        with reading(path, *_NUMPY_ERRORS), path.open("rb") as stream:
            if path.stat().st_size >= _LARGE:
                mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
                return mapped
            return np.lib.format.read_array(stream, allow_pickle=False)

    return Arrays(path, (), read)


def _open_npz(path: Path) -> Arrays:
    import zipfile
    import zlib

    # RuntimeError, or NotImplementedError below it, means that a member is encrypted or, after damage, seems to be.
    errors = (*_NUMPY_ERRORS, zipfile.BadZipFile, zlib.error, RuntimeError, KeyError)

    # np.load is given an open file, because it leaves a damaged archive open that it has opened itself.
    def read(name: str | None) -> NDArray[Any]:
        with reading(path, *errors), path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            array: NDArray[Any] | bytes = file[name]
            if isinstance(array, bytes):  # NumPy returns members that are not arrays as bytes.
                raise ValueError(f"its member {name!r} is not an array")
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
