"""Results with classes in one file: arrays, and a record in JSON, in an ``.npz`` that is read without unpickling."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import parse_json, read_arrays, write_arrays

_RECORD = "record"


def write_record(
    path: str | os.PathLike[str], written: str, classes: NDArray[Any], record: dict[str, Any], **arrays: Any
) -> Path:
    """Write arrays, classes and a record to one ``.npz`` file, whole or not at all, and return its path.

    Parameters
    ----------
    path : path
        The suffix ``.npz`` is added where it is missing.
    written : str
        Format and version, which `read_record` asks for.
    classes : array of shape (n_classes,)
        Strings, integers or booleans, possibly of several types.
    record : dict
        What can be written as JSON.
    **arrays
        Arrays of numbers or text.

    Raises
    ------
    TypeError
        Classes of another type.
    """
    target = Path(path)
    if target.suffix != ".npz":
        target = target.with_name(target.name + ".npz")
    # Dates of nanoseconds would become plain numbers, which is why the dtype is looked at too.
    if classes.dtype.kind not in "biuUO" or not all(isinstance(c, str | int) for c in classes.tolist()):
        kinds = sorted({type(c).__name__ for c in classes})
        raise TypeError(
            f"`classes` must be strings, integers or booleans to be saved; got {', '.join(kinds)}. "
            f"Convert the labels first, for example by labels.astype(str), and start from these."
        )
    text = json.dumps({"format": written, "classes": classes.tolist(), **record})
    return write_arrays(target, **arrays, **{_RECORD: np.frombuffer(text.encode(), dtype=np.uint8)})


def read_record(
    path: str | os.PathLike[str], written: str, saved_by: str, needed: set[str]
) -> tuple[dict[str, Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the record, the classes and the arrays of a file that `write_record` wrote.

    Parameters
    ----------
    path : path
        The file.
    written : str
        The format that it must have.
    saved_by : str
        The method that writes such files, for errors.
    needed : set of str
        Names of arrays that it must hold.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is truncated, damaged, of another format or something else.
    """
    arrays = read_arrays(path, saved_by)
    if not {_RECORD, *needed} <= set(arrays):
        raise ValueError(f"{path} must be a file that {saved_by} wrote; it holds {', '.join(arrays)}.")
    record = parse_json(arrays.pop(_RECORD).tobytes())
    found = record.get("format") if isinstance(record, dict) else None
    if found != written:
        raise ValueError(f"{path} must hold {written}; got {found!r}. Was it saved by another version?")
    return record, _class_values(record["classes"]), arrays


def _class_values(classes: list[Any]) -> NDArray[Any]:
    if len({type(c) for c in classes}) == 1:
        return np.array(classes)
    values = np.empty(len(classes), dtype=object)  # mixed types: np.array would turn them all into strings
    values[:] = classes
    return values
