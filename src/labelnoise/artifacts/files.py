"""Tables, JSON, text, figures and arrays in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from csv import QUOTE_MINIMAL, QUOTE_NONNUMERIC
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from labelnoise.artifacts.json_text import to_json
from labelnoise.artifacts.replacement import StrPath, replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


def write_table(frame: DataFrame, path: StrPath, *, spreadsheets: bool = False) -> tuple[Path, Path]:
    """Write a table as Parquet and CSV; an index other than row numbers becomes columns.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table.
    path : path
        Path without suffix; ``.parquet`` and ``.csv`` are added.
    spreadsheets : bool
        Whether text in the CSV is written as `for_spreadsheets` returns it. By default it is written as it is.

    Returns
    -------
    parquet, csv : Path

    Examples
    --------
    >>> import tempfile, pandas as pd
    >>> [p.name for p in write_table(pd.DataFrame({"k": [1, 5]}), Path(tempfile.mkdtemp()) / "curve")]
    ['curve.parquet', 'curve.csv']
    """
    import pandas as pd

    from labelnoise.spreadsheets import any_text, for_spreadsheets

    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    parquet, csv = _with_suffix(path, "parquet"), _with_suffix(path, "csv")
    text = for_spreadsheets(frame) if spreadsheets else frame
    # Otherwise a carriage return in a text would be written bare, and end the line.
    quoting: Any = QUOTE_NONNUMERIC if any_text(frame, lambda entry: "\r" in entry) else QUOTE_MINIMAL
    with replacing(parquet, csv) as (parquet_stream, csv_stream):
        frame.to_parquet(parquet_stream, index=False)
        text.to_csv(csv_stream, index=False, lineterminator="\n", quoting=quoting)
    return parquet, csv


def write_json(value: Any, path: StrPath) -> Path:
    """Write `value` as indented JSON with sorted keys.

    Dataclasses and mappings become objects, arrays and (sorted) sets become lists, and paths and dates become text. NaN
    and the infinities, which JSON lacks, become null.

    Raises
    ------
    TypeError
        `value` holds something that has no such form; the message says where it is.

    Examples
    --------
    >>> import tempfile
    >>> from labelnoise.artifacts import parse_json
    >>> path = write_json({"rates": np.array([0.5, np.nan])}, Path(tempfile.mkdtemp()) / "result.json")
    >>> parse_json(path.read_text())
    {'rates': [0.5, None]}
    """
    return write_text(to_json(value), path)


def write_text(text: str, path: StrPath) -> Path:
    """Write text in UTF-8, with line ends unchanged."""
    path = Path(path)
    encoded = text.encode("utf-8")
    with replacing(path) as (stream,):
        stream.write(encoded)
    return path


def write_figure(figure: Figure, path: StrPath, formats: Sequence[str] = ("png", "svg", "pdf")) -> tuple[Path, ...]:
    """Write a matplotlib figure, one file per format; the same figure gives the same bytes at any time.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure; ``pyplot`` is not needed.
    path : path
        Path without suffix; that of each format is added.
    formats : sequence of str
        Formats that matplotlib can save, such as "png".

    Examples
    --------
    >>> import tempfile
    >>> from matplotlib.figure import Figure
    >>> [p.name for p in write_figure(Figure(), Path(tempfile.mkdtemp()) / "curve", ["svg"])]
    ['curve.svg']
    """
    from matplotlib import rc_context

    undated: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    supported = figure.canvas.get_supported_filetypes()
    for kind in formats:
        if kind not in supported:
            raise ValueError(f"`formats` must be among {', '.join(sorted(supported))}; got {kind!r}.")
    paths = tuple(_with_suffix(path, kind) for kind in formats)
    with replacing(*paths) as streams, rc_context({"svg.hashsalt": "labelnoise"}):
        for stream, kind in zip(streams, formats, strict=True):
            figure.savefig(stream, format=kind, metadata=undated.get(kind))
    return paths


def write_arrays(path: StrPath, /, **arrays: Any) -> Path:
    """Write named arrays as a compressed ``.npz`` that is read without unpickling.

    Raises
    ------
    TypeError
        An array holds Python objects, which could be read only by unpickling.

    Examples
    --------
    >>> import tempfile
    >>> path = write_arrays(Path(tempfile.mkdtemp()) / "labels.npz", labels=[0, 1])
    >>> with np.load(path) as file:
    ...     file["labels"]
    array([0, 1])
    """
    path = Path(path)
    converted = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in converted.items():
        if array.dtype.hasobject:
            raise TypeError(f"array {name!r} must hold numbers or text; it holds Python objects. Convert it first.")
    with replacing(path) as (stream,):
        _savez(stream, converted)
    return path


def read_arrays(path: StrPath, saved_by: str) -> dict[str, np.ndarray[Any, Any]]:
    """Read all arrays of a file that `write_arrays` wrote; nothing is unpickled.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is truncated, damaged or something else. The message says what should have written it, `saved_by`.
    """
    import zipfile
    import zlib

    check_regular(Path(path))
    with Path(path).open("rb") as stream:
        try:
            with np.load(stream, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{path} must be a file that {saved_by} wrote; it is truncated, damaged or something else "
                f"({type(error).__name__}: {error}). Save it again."
            ) from error


def check_regular(path: Path) -> None:
    """Raise a ValueError if a path is a pipe, a device or a socket: to open one may wait forever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise ValueError(f"{path} must be a regular file; it is a device, pipe or socket. Write its data to a file.")


def _savez(stream: BinaryIO, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
    # numpy.savez_compressed does not accept an array called "file", and stores the date. This function does neither.
    import zipfile

    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, array in arrays.items():
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as target:
                np.lib.format.write_array(target, array, allow_pickle=False)


def _with_suffix(path: StrPath, suffix: str) -> Path:
    path = Path(path)
    return path.with_name(f"{path.name}.{suffix}")  # with_suffix would cut "noise_rate=0.5" short
