"""Results on disk, written in a way that loses nothing.

Every file is written in full beside its destination, flushed to the disk, and only then renamed. Whatever fails, for
instance on a full disk, the earlier file stays complete, and no half-written file is left. Files that belong together
(a table as Parquet and CSV, a figure in three formats) are all written before the first is renamed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from csv import QUOTE_MINIMAL, QUOTE_NONNUMERIC
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

StrPath = str | os.PathLike[str]

SCHEMA = 1
"""Version of the schema of JSON and tables, which docs/schema.md describes; it changes when a name or a unit does."""

_SUFFIXES = ("json", "parquet", "csv", "npz", "png", "svg", "pdf")
"""The suffixes of the files that a result consists of."""


def output_folder(path: StrPath) -> Path:
    """Make the folder `path` with its parents, and check by writing to it that results can be saved there.

    Raises
    ------
    OSError
        A part of the path is a file, or the folder cannot be made or written to.

    Examples
    --------
    >>> import tempfile
    >>> output_folder(Path(tempfile.mkdtemp()) / "runs" / "first").name
    'first'
    """
    folder = Path(path).expanduser()
    for part in folder.parts:
        _check_length(part, "the name of an output folder")
    occupied = next((part for part in [folder, *folder.parents] if part.exists() and not part.is_dir()), None)
    if occupied is not None:
        raise NotADirectoryError(f"output folder {folder} must be a folder; {occupied} is a file. Choose another path.")
    probe = folder / _temporary_name()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _removed_on_error(probe), probe.open("xb") as stream:
            stream.write(bytes(4096))
            os.fsync(stream.fileno())
        probe.unlink()
    except OSError as error:
        raise _described(error, f"output folder {folder} must be writable", "Choose another or make room.") from error
    return folder


def check_overwrite(
    folder: Path, name: str, specification: Mapping[str, Any], overwrite: bool, *, also: Sequence[str] = ()
) -> None:
    """Raise an error if the result `name` in `folder` is not of this specification, unless `overwrite`.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that is written to.
    name : str
        The result's name: of its files, without the suffixes.
    specification : mapping
        Entries of ``NAME.json`` that determine the result. A result with the same entries may be written again.
    overwrite : bool
        Whether any earlier files may be replaced.
    also : sequence of str
        Names of further files that are part of the result.

    Raises
    ------
    ValueError
        `name` is no name of a file in `folder`, or too long.
    FileExistsError
        The folder holds another result of this name.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> path = write_json({"options": {"k": 5}}, folder / "curve.json")
    >>> check_overwrite(folder, "curve", {"options": {"k": 5}}, overwrite=False)
    """
    check_name(name)
    if overwrite:
        return
    files = [folder / f"{name}.{suffix}" for suffix in _SUFFIXES] + [folder / other for other in also]
    found = [path for path in files if os.path.lexists(path)]
    if not found:
        return
    try:
        earlier = parse_json((folder / f"{name}.json").read_bytes())
        same = all(earlier[key] == json.loads(to_json(value)) for key, value in specification.items())
    except (OSError, ValueError, KeyError, TypeError):  # There is no specification, or the file is something else.
        same = False
    if not same:
        raise FileExistsError(
            f"output folder {folder} must hold no other result named {name!r}; it holds {found[0].name}, which is not "
            "of this specification. Name another folder with --output-dir, or replace it with --overwrite."
        )


def check_name(name: str) -> str:
    """Return the name of a result; raise a ValueError unless files in one folder can have it."""
    if not name or name != name.strip() or name in (".", "..") or any(c in "/\\" or ord(c) < 32 for c in name):
        raise ValueError(
            f"`name` must be the name of a file, without folders; got {name!r}. Name the folder with --output-dir."
        )
    _check_length(f"{name}.{max(_SUFFIXES, key=len)}", "`name` with its suffix")
    return name


def _check_length(part: str, what: str) -> None:
    length, longest = len(os.fsencode(part)), 255  # The limit of nearly all file systems.
    if length > longest:
        raise ValueError(f"{what} must be at most {longest} bytes long; {part[:30]}... has {length}. Shorten it.")


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
    >>> path = write_json({"rates": np.array([0.5, np.nan])}, Path(tempfile.mkdtemp()) / "result.json")
    >>> json.loads(path.read_text())
    {'rates': [0.5, None]}
    """
    return write_text(to_json(value), path)


def to_json(value: Any, *, ascii_only: bool = False) -> str:
    """Return the text that `write_json` writes; with `ascii_only`, other characters are escaped."""
    plain = _plain(value, "value")
    text = json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=ascii_only, allow_nan=False) + "\n"
    # A file name that is not valid UTF-8 can be written only with the escapes that JSON has.
    return text if text.isascii() or _is_unicode(text) else to_json(value, ascii_only=True)


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text holds; raise a ValueError over one that is damaged or too deeply nested to be read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


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


@contextlib.contextmanager
def replacing(*paths: Path) -> Iterator[tuple[BinaryIO, ...]]:
    """Open one new file beside each of `paths`; rename each to its path at the end, or remove them all on failure."""
    targets = [_resolved(path.expanduser()) for path in paths]
    for target in targets:
        if target.is_dir():
            raise IsADirectoryError(f"{target} must be a file; it is a folder. Choose another name.")
        if target.exists() and not target.is_file():
            raise OSError(f"{target} must be a regular file, which can be replaced; it is a device or pipe.")
    temporary = [target.with_name(_temporary_name()) for target in targets]
    replaced: list[Path] = []
    try:
        with _removed_on_error(*temporary):
            with contextlib.ExitStack() as stack:
                streams = tuple(stack.enter_context(name.open("xb")) for name in temporary)
                yield streams
                for stream in streams:
                    stream.flush()
                    os.fsync(stream.fileno())
            for name, target in zip(temporary, targets, strict=True):
                name.replace(target)
                replaced.append(target)
    except OSError as error:
        written = " and ".join(str(target) for target in targets)
        kept = f"Only {', '.join(map(str, replaced))} is new" if replaced else "What was there before is unchanged"
        cure = f"{kept}. Check the folder and its space."
        raise _described(error, f"{written} could not be written", cure) from error


def _resolved(path: Path) -> Path:
    """Return what a link points to, which is replaced while the link stays; a link to nothing is itself replaced."""
    if path.is_symlink() and not path.exists():
        return Path(os.path.realpath(path.parent)) / path.name
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def _removed_on_error(*paths: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def _temporary_name() -> str:
    return f".labelnoise-{secrets.token_hex(8)}.tmp"


def _described(error: OSError, what: str, cure: str) -> OSError:
    """Return an error of the same type and number that says what was being written and what to do."""
    described = type(error)(f"{what}: {error.strerror or error}. {cure}")
    described.errno = error.errno
    return described


def _with_suffix(path: StrPath, suffix: str) -> Path:
    path = Path(path)
    return path.with_name(f"{path.name}.{suffix}")  # with_suffix would cut "noise_rate=0.5" short


def _plain(value: Any, where: str) -> Any:
    """Return `value` in the types that JSON has; in an error, `where` says which part of the whole it is."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        items = {str(_plain(key, where)): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
        if len(items) != len(value):
            raise TypeError(f"{where} must have keys that differ as text; some do not: {list(value)}. Rename them.")
        return items
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise TypeError(
        f"{where} must be numbers, text, lists, mappings or dataclasses to become JSON; it is a {type(value).__name__}."
    )
