"""Read labels, features and predicted probabilities from files.

The array or column that is read is the one that the caller names; else the one with a usual name of its role; else the
only one that no other role claims. If none of this applies, an error lists what the file holds.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.columns import default_columns, label_like, row_numbers
from labelnoise.data.formats import Arrays, open_file
from labelnoise.data.tables import Table
from labelnoise.data.text import MISSING
from labelnoise.labels import one_per_sample

_NAMES = {
    "labels": ("labels", "label", "y", "target", "targets"),
    "features": ("features", "embeddings", "embedding", "x"),
    "pred_probs": ("pred_probs", "probs", "softmax", "probabilities"),
}


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
    if found is None or os.path.exists(text):  # noqa: PTH110  names may be too long
        return Path(text), None
    path, column = found.groups()
    if not column:
        raise ValueError(f"a column must be named after the colon; got {text!r}. Name one, or leave the colon out.")
    return Path(path), column


def read_labels(
    path: str | os.PathLike[str],
    *,
    column: str | None = None,
    classes: Sequence[Any] = (),
    csv: Mapping[str, Any] | None = None,
) -> NDArray[Any]:
    """Read one label per sample: integers, or text.

    Parameters
    ----------
    path : path
        A ``.npy``, ``.npz``, ``.csv``, ``.tsv``, ``.jsonl``, ``.parquet`` or ``.safetensors`` file; text may be
        compressed (``.csv.gz``).
    column : str, optional
        Name of the array or column. Default: ``labels``, ``label``, ``y``, ``target`` or ``targets``, else the only
        one.
    classes : sequence, optional
        Classes that are no missing labels, although their names (``NA``, ``None``, -1 beside 0) usually mean that.
    csv : mapping, optional
        How a text table is written, where it can be read in more than one way: ``sep``, ``decimal``, ``thousands``,
        ``encoding``, ``header`` (True or False), ``comment``. For example ``{"sep": ";", "decimal": ","}``.

    Returns
    -------
    labels : (N,) array
        Classes as the file has them: integers, floats, booleans or text.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ValueError
        The file cannot be read or can be read in more than one way, has no such column, or a label is missing; the
        message names the row, counted from 0.

    See Also
    --------
    read_data : Leaves out samples without a label.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.savez(folder / "data.npz", labels=[2, 0, 1], features=np.eye(3))
    >>> read_labels(folder / "data.npz")
    array([2, 0, 1])
    """
    file = open_file(path, csv)
    name = chosen(file, column, "labels")
    labels = raw_labels(file, name)
    check_present(labels, missing(labels, classes), where(file.path, name))
    return labels


def read_features(
    path: str | os.PathLike[str],
    *,
    columns: str | Sequence[str] | None = None,
    csv: Mapping[str, Any] | None = None,
) -> NDArray[Any]:
    """Read one row of features per sample.

    Parameters
    ----------
    path : path
        A ``.npy``, ``.npz``, ``.csv``, ``.tsv``, ``.jsonl``, ``.parquet`` or ``.safetensors`` file; text may be
        compressed (``.csv.gz``).
    columns : str or sequence of str, optional
        Name of an array, of one column of lists, or of columns of numbers. Default: the array or list column
        ``features``, ``embeddings``, ``embedding`` or ``x``, else the only one; in a table without lists, every column
        of numbers except labels, row numbers and identifiers.
    csv : mapping, optional
        How a text table is written, as in `read_labels`.

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
        The file cannot be read or can be read in more than one way, has no such columns, or its rows do not hold
        equally many numbers; or a column may be an identifier or a feature, and `columns` must say so.

    See Also
    --------
    read_data : Reads features and labels together, and reports which columns it took.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.csv"
    >>> _ = path.write_text("height,width,label\\n1,2.5,cat\\n3,4,dog\\n")
    >>> read_features(path)
    array([[1. , 2.5],
           [3. , 4. ]])
    """
    return _read_numbers(path, columns, "features", csv)


def read_pred_probs(
    path: str | os.PathLike[str],
    *,
    columns: str | Sequence[str] | None = None,
    csv: Mapping[str, Any] | None = None,
) -> NDArray[Any]:
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
    return _read_numbers(path, columns, "pred_probs", csv)


def _read_numbers(
    path: str | os.PathLike[str],
    columns: str | Sequence[str] | None,
    role: str,
    csv: Mapping[str, Any] | None,
) -> NDArray[Any]:
    named = [columns] if isinstance(columns, str) else list(columns or [])
    if columns is not None and not named:
        raise ValueError("`columns` must name at least one column; got none. Leave it out to read the usual ones.")
    file = open_file(path, csv)
    if isinstance(file, Arrays):
        return read_array(file, named, role)
    names = [existing(file, name) for name in named]
    if not names and file.lists:
        names = [only(file.lists, role, file.path)]
    return check_rows(file.numbers(names or default_columns(file, role)[0]), file.path, role)


def read_array(file: Arrays, named: Sequence[str], role: str) -> NDArray[Any]:
    """Return the array of numbers for `role`: the named one, or the one that is clearly it."""
    if len(named) > 1:
        raise ValueError(
            f"`columns` must name one array of {file.path}; got {len(named)}. Name the one that holds them all."
        )
    name = chosen(file, named[0] if named else None, role)
    array = file.read(name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{where(file.path, name)} must hold real numbers; it is of dtype {array.dtype}.")
    return check_rows(array, file.path, role)


def check_rows(array: NDArray[Any], path: Path, role: str) -> NDArray[Any]:
    """Return `array`; raise a ValueError unless it has a row per sample that holds numbers."""
    if array.ndim < 2 or 0 in array.shape:
        raise ValueError(f"{path} must hold a row of {role} per sample, none empty; got shape {array.shape}.")
    return array


def chosen(file: Arrays | Table, name: str | None, role: str) -> str | None:
    """Return the name of the one array or column for `role`, or None for an array without a name."""
    if not file.names:  # A .npy file holds one array, without a name.
        if name is not None:
            raise ValueError(f"{file.path} holds one array without a name; got the name {name!r}. Leave the name out.")
        return None
    return only(file.names, role, file.path) if name is None else existing(file, name)


def existing(file: Arrays | Table, name: str) -> str:
    """Return `name`; raise a ValueError unless the file has an array or column of that name."""
    if name in file.names:
        return name
    close = difflib.get_close_matches(name, file.names, n=1)
    raise ValueError(
        f"{file.path} must have an array or column named {name!r}; it has {listed(file.names)}."
        + (f" Did you mean {close[0]!r}?" if close else " Name one of these.")
    )


def only(names: Sequence[str], role: str, path: Path) -> str:
    """Return the name of the array or column for `role`: a usual name, or the only one that is left."""
    by_lower = {name.lower(): name for name in reversed(names)}
    for usual in _NAMES[role]:
        if usual in by_lower:
            return by_lower[usual]
    taken = {by_lower[n] for other, usual in _NAMES.items() if other != role for n in usual if n in by_lower}
    if role != "labels":
        taken.update(label_like(names))
    left = [name for name in names if name not in taken and not row_numbers(name)]
    if len(left) == 1:
        return left[0]
    raise ValueError(
        f"{path} must have one array or column that is clearly the {role}; it has {listed(names)}. "
        f"Name one, for example {path.name}:{(left or list(names))[0]}."
    )


def raw_labels(file: Arrays | Table, name: str | None) -> NDArray[Any]:
    """Return one label per sample as the file has them, missing ones included."""
    source = where(file.path, name)
    array = one_per_sample(file.read(name) if isinstance(file, Arrays) else file.classes(str(name)), source)
    if array.dtype.kind == "S":
        try:
            array = np.char.decode(array, "utf-8")
        except UnicodeError as error:
            raise ValueError(
                f"{source} must hold text in UTF-8; reading it failed: {error}. "
                f"Save it again as text, for example numpy.char.decode(array, 'latin-1')."
            ) from None
    if array.dtype.kind not in "biufUO":
        raise ValueError(f"{source} must hold integers or text; it is of dtype {array.dtype}.")
    return array


def missing(labels: NDArray[Any], classes: Sequence[Any] = ()) -> NDArray[np.bool_]:
    """Return which labels say that there is none: None, NaN, the usual words, -1 beside 0; not if among `classes`."""
    known = set(map(str, classes))
    if labels.dtype.kind in "OU":
        words = set(MISSING) - known
        return np.array([v is None or v != v or (isinstance(v, str) and v.strip() in words) for v in labels])
    if labels.dtype.kind not in "fi":
        return np.zeros(len(labels), dtype=bool)
    no_class = (labels == -1) & bool((labels == 0).any() and (labels[labels != -1] >= 0).all() and "-1" not in known)
    return np.isnan(labels) | no_class


def check_present(labels: NDArray[Any], absent: NDArray[np.bool_], source: str) -> None:
    """Raise a ValueError that names the first label that is missing."""
    if not absent.any():
        return
    n, row = int(absent.sum()), int(np.argmax(absent))
    value = labels[row]
    empty = value is None or value == "" or value != value
    holds = "has none" if empty else f"holds {str(value)!r}, which usually means that there is none"
    given = "nan" if value is None or value != value else "''" if value == "" else str(value)
    raise ValueError(
        f"{source} must hold a label for every sample; row {row} (counted from 0) {holds}"
        f"{f', the first of {n} such rows' if n > 1 else ''}. Drop such rows from both labels and features, or leave "
        f"them out with --missing-label {given} (read_data: missing_labels=)"
        + ("." if empty else "; if it is a class, list all classes in --classes (read_data: classes=).")
    )


def where(path: Path, name: str | None) -> str:
    """Return a file and the array or column in it, as FILE:NAME."""
    return str(path) if name is None else f"{path}:{name}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return names in quotes, at most so many."""
    shown = ", ".join(map(repr, names[:most]))
    return shown + (f", ... ({len(names)} in all)" if len(names) > most else "")
