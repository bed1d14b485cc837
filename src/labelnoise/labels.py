"""Class labels as integer codes 0..L-1, and back.

Labels are integers 0..L-1, or classes of any hashable type. Everything inside the package works on codes. Results are
mapped back through `classes`, an array with the class of code c as entry c.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes
from labelnoise.validation import to_array


def _one_dimensional(labels: Any, name: str) -> NDArray[Any]:
    try:
        array = to_array(labels)
    except ValueError:  # a sequence of tuples of different lengths is no array
        array = np.empty(0)
    if isinstance(labels, list | tuple) and len(labels) and all(isinstance(item, tuple) for item in labels):
        array = np.empty(len(labels), dtype=object)  # the classes are tuples
        array[:] = labels
    return one_per_sample(array, f"`{name}`")


def one_per_sample(labels: NDArray[Any], what: str) -> NDArray[Any]:
    """Return labels of shape (N,) or (N, 1), at least one, as shape (N,); errors begin with `what`."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(
            f"{what} must be one-dimensional, one label per sample; got shape {labels.shape}. "
            f"If this is one-hot, take its argmax(axis=1)."
        )
    if labels.size == 0:
        raise ValueError(f"{what} must hold at least one label; got none.")
    return labels


def _as_integers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Return whole floats as int64, and other arrays unchanged; raise a ValueError for missing values or fractions."""
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array))[0])
            raise ValueError(f"`{name}` must not hold missing values; entry {row} is {array[row]}.")
        if (array != np.round(array)).any():
            value = array[array != np.round(array)][0]
            raise ValueError(f"`{name}` must be classes, not measurements; got the number {value:g}.")
        return array.astype(np.int64)
    if array.dtype == object:
        missing = [i for i, item in enumerate(array) if item is None or item != item]
        if missing:
            raise ValueError(f"`{name}` must not hold missing values; entry {missing[0]} is {array[missing[0]]}.")
    return array


def _is_code_like(array: NDArray[Any]) -> bool:
    return bool(np.issubdtype(array.dtype, np.integer) and array.min() == 0)


def _distinct(array: NDArray[Any]) -> NDArray[Any]:
    try:
        return np.unique(array)
    except TypeError:  # these types do not compare, so the order is that of first appearance
        classes = list(dict.fromkeys(array.tolist()))
        distinct = np.empty(len(classes), dtype=object)
        distinct[:] = classes
        return distinct


def class_array(classes: Any) -> NDArray[Any]:
    """Return the classes in code order as an array; raise a ValueError unless they are distinct."""
    array = _one_dimensional(classes, "classes")
    if len(set(array.tolist())) != len(array):
        raise ValueError("`classes` must be distinct; at least one is listed twice.")
    return array


def encode_labels(
    labels: Any,
    *,
    classes: Any = None,
    n_classes: int | None = None,
    n_classes_is: str = "as given",
    name: str = "labels",
) -> tuple[Codes, NDArray[Any]]:
    """Return codes 0..L-1 of `labels`, and the classes that they stand for.

    The classes are determined by the first of these rules that applies:

    1. If `classes` is given, these are all classes in code order. A label that is not among them is an error.
    2. If `n_classes` is given (`n_classes_is` says in errors what it is), integer labels in 0..n_classes-1 are codes.
    3. Integer labels among which 0 occurs are codes, with L = max + 1. A class that never occurs stays, empty.
    4. Otherwise the classes are the distinct labels, sorted if they compare.

    Raises
    ------
    ValueError
        Values are missing, the shape is wrong, a class is unknown, or the number of classes is not `n_classes`.
    """
    array = _as_integers(_one_dimensional(labels, name), name)
    if classes is not None:
        known = class_array(classes)
        if n_classes is not None and len(known) != n_classes:
            raise ValueError(f"`classes` must list {n_classes} classes, {n_classes_is}; got {len(known)}.")
        return _lookup(array, known, name), known
    if (
        np.issubdtype(array.dtype, np.integer)
        and n_classes is not None
        and array.min() >= 0
        and array.max() < n_classes
    ):
        return array.astype(np.int64), np.arange(n_classes)
    if _is_code_like(array):
        found = int(array.max()) + 1
        if found > 100 + 10 * len(np.unique(array)):
            raise ValueError(
                f"`{name}` are integers from 0 to {found - 1}, most of which never occur. "
                f"Pass classes=np.unique({name}) if they are identifiers, or classes=range({found}) if all are classes."
            )
        known = np.arange(found)
    else:
        known = _distinct(array)
    if n_classes is not None and len(known) != n_classes:
        raise ValueError(
            f"`{name}` must be of {n_classes} classes, {n_classes_is}; found {len(known)}: {_listed(known)}. "
            f"Pass classes=[...], all classes in column order."
        )
    return (array.astype(np.int64) if _is_code_like(array) else _lookup(array, known, name)), known


def _lookup(array: NDArray[Any], classes: NDArray[Any], name: str) -> Codes:
    index = {c: i for i, c in enumerate(classes.tolist())}
    values = array.tolist()
    unknown = [v for v in values if v not in index]
    if unknown:
        raise ValueError(
            f"`{name}` must be among the known classes ({_listed(classes)}); got {unknown[0]!r}, "
            f"{len(unknown)} such label{'s' if len(unknown) > 1 else ''}."
        )
    return np.array([index[v] for v in values], dtype=np.int64)


def _listed(classes: NDArray[Any], most: int = 10) -> str:
    shown = ", ".join(repr(c) for c in classes[:most].tolist())
    return shown + (f", ... ({len(classes)} in all)" if len(classes) > most else "")
