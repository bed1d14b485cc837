"""Read labels, features and predicted probabilities from files.

The array or column that is read is the one that the caller names; else the one with a usual name of its role; else the
only one that no other role claims. If none of this applies, an error lists what the file holds.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.formats import Arrays, Table, open_file
from labelnoise.labels import one_per_sample

_NAMES = {
    "labels": ("labels", "label", "y", "target", "targets"),
    "features": ("features", "embeddings", "embedding", "x"),
    "pred_probs": ("pred_probs", "probs", "softmax", "probabilities"),
}
_ROW_NUMBERS = ("id", "index")


def split_column(spec: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """Split ``"file.npz:labels"`` into the path and the name of an array or column; the name is None without a colon.

    If a file exists whose own name holds the colon, nothing is split.

    Examples
    --------
    >>> path, column = split_column("runs/train.csv:given_label")
    >>> path.name, column
    ('train.csv', 'given_label')
    """
    text = os.fspath(spec)
    found = re.fullmatch(r"(.+?\.\w+):(?![/\\])(.*)", text, flags=re.DOTALL)
    if found is None or Path(text).exists():
        return Path(text), None
    path, column = found.groups()
    if not column:
        raise ValueError(f"a column must be named after the colon; got {text!r}. Name one, or leave the colon out.")
    return Path(path), column


def read_labels(path: str | os.PathLike[str], *, column: str | None = None) -> NDArray[Any]:
    """Read one label per sample: integers, or text.

    Parameters
    ----------
    path : path
        A ``.npy``, ``.npz``, ``.csv``, ``.parquet`` or ``.safetensors`` file.
    column : str, optional
        Name of the array or column. Default: ``labels``, ``label``, ``y``, ``target`` or ``targets``, else the only
        one.

    Returns
    -------
    labels : (N,) array
        Classes as the file has them: integers, floats, booleans or text.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ValueError
        The file cannot be read, has no such column, or a label is missing; the message names the row, counted from 0.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "data.npz", labels=[2, 0, 1], features=np.eye(3))
    >>> read_labels(folder / "data.npz")
    array([2, 0, 1])
    """
    file = open_file(path)
    name = _chosen(file, column, "labels")
    array = file.read(name) if isinstance(file, Arrays) else file.classes(str(name))
    return _as_labels(array, _where(file.path, name))


def read_features(path: str | os.PathLike[str], *, columns: str | Sequence[str] | None = None) -> NDArray[Any]:
    """Read one row of features per sample.

    Parameters
    ----------
    path : path
        A ``.npy``, ``.npz``, ``.csv``, ``.parquet`` or ``.safetensors`` file.
    columns : str or sequence of str, optional
        Name of an array, of one column of lists, or of columns of numbers. Default: the array or list column
        ``features``, ``embeddings``, ``embedding`` or ``x``, else the only one; in a table without lists, every column
        of numbers except labels and row numbers (``id``, ``index``, or a column without a name).

    Returns
    -------
    features : (N, ...) array
        An array as the file has it, or a table's columns as float32 or float64 of shape (N, n_columns). Missing numbers
        are NaN; the caller decides whether they are allowed.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ValueError
        The file cannot be read, has no such columns, or its rows do not hold equally many numbers.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.csv"
    >>> _ = path.write_text("height,width,label\\n1,2.5,cat\\n3,4,dog\\n")
    >>> read_features(path)
    array([[1. , 2.5],
           [3. , 4. ]])
    """
    return _read_numbers(path, columns, "features")


def read_pred_probs(path: str | os.PathLike[str], *, columns: str | Sequence[str] | None = None) -> NDArray[Any]:
    """Read predicted probabilities: one row per sample, one column per class.

    This works as `read_features` does, with the usual names ``pred_probs``, ``probs``, ``softmax`` and
    ``probabilities``. It does not check that rows sum to 1.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "softmax.npy"
    >>> np.save(path, [[0.9, 0.1], [0.2, 0.8]])
    >>> read_pred_probs(path)
    array([[0.9, 0.1],
           [0.2, 0.8]])
    """
    return _read_numbers(path, columns, "pred_probs")


def _read_numbers(path: str | os.PathLike[str], columns: str | Sequence[str] | None, role: str) -> NDArray[Any]:
    named = [columns] if isinstance(columns, str) else list(columns or [])
    if columns is not None and not named:
        raise ValueError("`columns` must name at least one column; got none. Leave it out to read the usual ones.")
    file = open_file(path)
    if isinstance(file, Arrays):
        if len(named) > 1:
            raise ValueError(
                f"`columns` must name one array of {file.path}; got {len(named)}. Name the one that holds them all."
            )
        name = _chosen(file, named[0] if named else None, role)
        array = file.read(name)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{_where(file.path, name)} must hold real numbers; it is of dtype {array.dtype}.")
    else:
        array = file.numbers([_existing(file, name) for name in named] or _number_columns(file, role))
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"{file.path} must hold a row of {role} per sample, none empty; got shape {array.shape}.")
    return array


def _number_columns(table: Table, role: str) -> Sequence[str]:
    """Return the list column, or else all columns of numbers except labels and row numbers."""
    if table.lists:
        return [_only(table.lists, role, table.path)]
    excluded = {*_label_like(table.names), *(name for name in table.names if name.lower() in _ROW_NUMBERS)}
    names = [name for name in table.numeric() if name not in excluded]
    if not names:
        raise ValueError(
            f"{table.path} must have a column of numbers for {role}; it has {_listed(table.names)}. "
            f"Name one in `columns`."
        )
    return names


def _chosen(file: Arrays | Table, name: str | None, role: str) -> str | None:
    if not file.names:  # A .npy file holds one array, without a name.
        if name is not None:
            raise ValueError(f"{file.path} holds one array without a name; got the name {name!r}. Leave the name out.")
        return None
    return _only(file.names, role, file.path) if name is None else _existing(file, name)


def _existing(file: Arrays | Table, name: str) -> str:
    if name in file.names:
        return name
    close = difflib.get_close_matches(name, file.names, n=1)
    raise ValueError(
        f"{file.path} must have an array or column named {name!r}; it has {_listed(file.names)}."
        + (f" Did you mean {close[0]!r}?" if close else " Name one of these.")
    )


def _only(names: Sequence[str], role: str, path: Path) -> str:
    """Return the name of the array or column for `role`: a usual name, or the only one that is left."""
    by_lower = {name.lower(): name for name in reversed(names)}
    for usual in _NAMES[role]:
        if usual in by_lower:
            return by_lower[usual]
    taken = {by_lower[n] for other, usual in _NAMES.items() if other != role for n in usual if n in by_lower}
    if role != "labels":
        taken.update(_label_like(names))
    left = [name for name in names if name not in taken and name.lower() not in _ROW_NUMBERS]
    if len(left) == 1:
        return left[0]
    raise ValueError(
        f"{path} must have one array or column that is clearly the {role}; it has {_listed(names)}. "
        f"Name one, for example {path.name}:{(left or list(names))[0]}."
    )


def _label_like(names: Sequence[str]) -> list[str]:
    """Return the names ending in ``label`` or ``labels``, else the usual ones, since ``y`` may also be a coordinate."""
    labels = [name for name in names if name.lower().endswith(("label", "labels"))]
    return labels or [name for name in names if name.lower() in _NAMES["labels"]]


def _as_labels(array: NDArray[Any], where: str) -> NDArray[Any]:
    array = one_per_sample(array, where)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind not in "biufUO":
        raise ValueError(f"{where} must hold integers or text; it is of dtype {array.dtype}.")
    if array.dtype.kind == "O":
        missing = np.array([value is None for value in array])
    elif array.dtype.kind == "U":
        missing = array == ""
    else:
        missing = np.isnan(array)
    if missing.any():
        n, row = int(missing.sum()), int(np.argmax(missing))
        raise ValueError(
            f"{where} must hold a label for every sample; row {row} (counted from 0) has none"
            f"{f', the first of {n} such rows' if n > 1 else ''}. Drop such rows from both labels and features."
        )
    return array


def _where(path: Path, name: str | None) -> str:
    return str(path) if name is None else f"{path}:{name}"


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown + (f", ... ({len(names)} in all)" if len(names) > most else "")
