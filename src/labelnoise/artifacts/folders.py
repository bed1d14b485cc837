"""The folder of a result, and what may be in it already."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labelnoise.artifacts.json_text import parse_json, to_json
from labelnoise.artifacts.replacement import StrPath, described, removed_on_error, temporary_name

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
    probe = folder / temporary_name()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with removed_on_error(probe), probe.open("xb") as stream:
            stream.write(bytes(4096))
            os.fsync(stream.fileno())
        probe.unlink()
    except OSError as error:
        raise described(error, f"output folder {folder} must be writable", "Choose another or make room.") from error
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
    >>> from labelnoise.artifacts import write_json
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
