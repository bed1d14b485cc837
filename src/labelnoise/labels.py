"""Class labels as integer codes 0..L-1, and back.

Labels are integers 0..L-1, or classes of any hashable type. Everything inside the package works on codes. Results are
mapped back through `classes`, an array with the class of code c as entry c.

Reading labels is explicit: a missing label is never a class, names are matched by name, and what could be meant in two
ways is an error that names the argument which decides (`encode_labels` has the rules).
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from labelnoise.arrays import Codes, Mask
from labelnoise.validation import BEYOND_DOUBT, to_array

_NO_LABEL_CODES = (-1, -100)
"""What scikit-learn and Hugging Face, and PyTorch's losses, write for "no label"."""

NO_LABEL_WORDS = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "<NA>", "N/A", "NA", "NULL", "NaN", "NaT", "None", "n/a", "nan", "null"]
)
"""What pandas and spreadsheets write, as text, for a missing value."""


def missing_labels(labels: Any, name: str = "labels") -> Mask:
    """Return which labels are missing: None, NaN, NaT, pandas.NA or masked.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Labels of any kind. They are looked at as given, before NumPy turns a NaN among text into the text "nan".
    name : str
        Name of the argument, for errors.

    Returns
    -------
    (n_samples,) bool array
        Text and negative numbers are not missing; whether they stand for "no label" is not known here.

    Examples
    --------
    >>> missing_labels(["cat", None, float("nan")]).tolist()
    [False, True, True]
    """
    return _read(labels, name)[1]


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


def _read(labels: Any, name: str) -> tuple[NDArray[Any], Mask, NDArray[Any] | None]:
    """Return labels in the types they were given in, which of them are missing, and the categories of a categorical."""
    if hasattr(labels, "iloc") and getattr(labels, "ndim", 1) == 2 and labels.shape[1] == 1:
        labels = labels.iloc[:, 0]
    if hasattr(labels, "__array__") or hasattr(labels, "detach"):
        values = items = one_per_sample(to_array(labels), f"`{name}`")
    else:
        items = one_per_sample(_items(labels, name), f"`{name}`")
        values = _same_type(items)
    if items.dtype == object:
        missing = np.array([_is_missing(item) for item in items])
    elif items.dtype.kind in "mM":
        missing = np.isnat(items)
    else:
        missing = np.isnan(items) if items.dtype.kind == "f" else np.zeros(len(items), dtype=bool)
    if np.ma.isMaskedArray(labels):
        missing |= np.ma.getmaskarray(labels).reshape(missing.shape)
    dtype: Any = getattr(labels, "dtype", None)  # only pandas' categorical types have both of these attributes
    categories = np.asarray(dtype.categories) if hasattr(dtype, "categories") and hasattr(dtype, "ordered") else None
    return values, missing, categories


def _items(labels: Any, name: str) -> NDArray[Any]:
    """Return a sequence as an object array, in which every label keeps its type."""
    no_sequence = isinstance(labels, dict | str | bytes) or hasattr(labels, "toarray")  # a sparse matrix has the latter
    if no_sequence or not (hasattr(labels, "__len__") and hasattr(labels, "__getitem__")):
        kind = type(labels).__name__
        raise TypeError(
            f"`{name}` must be a sequence, one label per sample in the samples' order; got a value of type {kind}. "
            f"Pass a list or an array."
        )
    given = [None if item is np.ma.masked else item.item() if hasattr(item, "detach") else item for item in labels]
    if given and all(isinstance(item, tuple) for item in given):  # the classes are tuples
        items = np.empty(len(given), dtype=object)
        items[:] = given
        return items
    items = np.array(given, dtype=object)
    for row, item in enumerate(items if items.ndim == 1 else []):
        if isinstance(item, list | set | dict | np.ndarray):
            raise ValueError(
                f"`{name}` must hold one label per sample; entry {row} is a {type(item).__name__}. "
                f"For several labels per sample, choose one of them, or make each entry a tuple."
            )
    return items


def _same_type(items: NDArray[Any]) -> NDArray[Any]:
    """Return objects of one type as an array of this type; numbers among text stay what they are."""
    if items.size and isinstance(items[0], tuple):
        return items
    values = np.asarray(items.tolist())
    is_text = values.dtype.kind in "US"
    return items if is_text and len({isinstance(item, str) for item in items}) > 1 else values


def _is_missing(item: Any) -> bool:
    return item is None or type(item).__name__ == "NAType" or bool(item != item)


def _check(labels: Any, name: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return labels of which none is missing, whole numbers as int64, and the categories of a categorical."""
    values, missing, categories = _read(labels, name)
    if missing.any():
        rows = np.flatnonzero(missing)
        others = f", and so are {len(rows) - 1} more (entries {_listed(rows[1:], 5)})" if len(rows) > 1 else ""
        shown = "masked" if np.ma.isMaskedArray(labels) else values[rows[0]]
        raise ValueError(
            f"`{name}` must not hold missing values; entry {rows[0]} is {shown}{others}. "
            f"Leave these samples out, of everything that has one row per sample."
        )
    if values.dtype == object and all(isinstance(item, numbers.Real | np.bool_) for item in values):
        values = np.array(values.tolist())
    if values.dtype.kind == "f":
        broken = ~np.isfinite(values) | (values != np.round(values))
        if broken.any():
            raise ValueError(f"`{name}` must be classes, not measurements; got the number {values[broken][0]:g}.")
        values = values.astype(np.int64)
    if values.dtype == object:
        try:
            hash(tuple(values))
        except TypeError:
            raise TypeError(f"`{name}` must be hashable classes; got {values[0]!r}. Pass numbers or text.") from None
    return values, categories


def _is_integer(array: NDArray[Any]) -> bool:
    return bool(np.issubdtype(array.dtype, np.integer))


def _check_doubtful(array: NDArray[Any], found: NDArray[Any], name: str) -> None:
    """Raise a ValueError if a number or a word among the labels may stand for "no label"."""
    distinct, word = found.tolist(), None
    if _is_integer(array):
        # In -1 and 1, the labels of many data sets of two classes, -1 is a class.
        if distinct[0] in _NO_LABEL_CODES and distinct != [-1, 1] and all(item >= 0 for item in distinct[1:]):
            word = distinct[0]
    else:
        word = next((item for item in distinct if isinstance(item, str) and item.strip() in NO_LABEL_WORDS), None)
    if word is not None:
        rows = np.flatnonzero(array == word)
        raise ValueError(
            f"`{name}` must not leave open whether {word!r} is a class or says that there is no label; "
            f"{len(rows)} of {len(array)} are {word!r}, the first is entry {rows[0]}. Leave these samples out, "
            f"or, if it is a class, pass classes=[{_listed(found, 4)}] (--classes on the command line), all classes in "
            f"order."
        )


def _distinct(array: NDArray[Any], name: str) -> NDArray[Any]:
    try:
        return np.unique(array)
    except TypeError:  # these types do not compare, so the order is that of first appearance
        classes = list(dict.fromkeys(array.tolist()))
    by_text: dict[str, Any] = {}
    for item in classes:
        if by_text.setdefault(str(item), item) != item:
            raise ValueError(
                f"`{name}` must write each class in one way; got both {by_text[str(item)]!r} and {item!r}. "
                f"Convert all labels to one type."
            )
    distinct = np.empty(len(classes), dtype=object)
    distinct[:] = classes
    return distinct


def class_array(classes: Any, name: str = "classes") -> NDArray[Any]:
    """Return the classes in code order as an array; raise a ValueError unless they are distinct."""
    array, _ = _check(classes, name)
    if len(set(array.tolist())) != len(array):
        raise ValueError(f"`{name}` must be distinct; at least one is listed twice.")
    return array


def encode_labels(
    labels: Any,
    *,
    classes: Any = None,
    named: NDArray[Any] | None = None,
    n_classes: int | None = None,
    n_classes_is: str = "as given",
    predicted: Codes | None = None,
    name: str = "labels",
) -> tuple[Codes, NDArray[Any]]:
    """Return codes 0..L-1 of `labels`, and the classes that they stand for.

    Labels that are None, NaN, NaT, pandas.NA or masked are an error. So are, unless `classes` lists them, -1 or -100
    beside other integers from 0 on, and words such as "nan" or "": they may say that there is no label. In a list,
    numbers among text stay numbers. Whole floats are integers.

    The classes are determined by the first of these rules that applies:

    1. If `classes` is given, these are all classes in code order. A label that is not among them is an error. Labels
       and classes are compared by value, or as text if no two labels and no two classes are the same text.
    2. The categories of pandas' categorical data, ordered or not, are the classes in their order.
    3. If `named` is given, the names of the columns or rows that the codes are for, these are the classes, compared as
       in rule 1. For integer labels they are put in ascending order. A label that is not among them is an error, except
       that integer codes which match no name go by position, by the next rule, where `predicted` can confirm it.
    4. If `n_classes` is given (`n_classes_is` says in errors what it is), there are columns or rows in an order that
       labels alone do not show. Integers in 0..n_classes-1 are codes if 0 occurs. Without 0 they may count from 0 or
       from 1; `predicted`, a likely code for each label, may decide, and otherwise it is an error. Other integers, and
       booleans, are classes in ascending order if all of them occur. Anything else, such as text, is an error that asks
       for `classes`.
    5. Integer labels among which 0 occurs are codes, with L = max + 1. A class that never occurs stays, without
       samples.
    6. Otherwise the classes are the distinct labels, sorted if they compare.

    Raises
    ------
    ValueError, TypeError
        Labels are missing or may be, the shape is wrong, a class is unknown, the number of classes is not `n_classes`,
        or it is not clear which class is which.
    """
    array, categories = _check(labels, name)
    known = categories if classes is None else class_array(classes)
    if known is not None:
        if n_classes is not None and len(known) != n_classes:
            source = "`classes`" if classes is not None else f"the categories of `{name}`"
            raise ValueError(f"{source} must list {n_classes} classes, {n_classes_is}; got {len(known)}.")
        return _lookup(array, known, name), known
    found = _distinct(array, name)
    _check_doubtful(array, found, name)
    if named is not None and (predicted is None or not _is_integer(array) or share_a_text(found, named)):
        known = _ascending(named) if _is_integer(array) else named
        return _lookup(array, known, name, f"named classes, {n_classes_is}"), known
    if n_classes is not None:
        codes, known = _encode_by_position(array, found, n_classes, n_classes_is, predicted, name)
        return codes, known if named is None else named
    if _is_integer(found) and found[0] == 0:
        return array.astype(np.int64), _all_codes(found, name)
    return _lookup(array, found, name), found


def _encode_by_position(
    array: NDArray[Any], found: NDArray[Any], n_classes: int, n_classes_is: str, predicted: Codes | None, name: str
) -> tuple[Codes, NDArray[Any]]:
    """Return codes of columns or rows without names, and the classes, by rule 4 of `encode_labels`."""
    if _is_integer(found) and found[0] >= 0 and found[-1] < n_classes:
        start = 0 if found[0] == 0 else _first_code(array, n_classes, n_classes_is, predicted, name)
        return array.astype(np.int64) - start, np.arange(start, start + n_classes)
    if found.dtype == bool and n_classes == 2:
        found = np.array([False, True])
    ordered = _is_integer(found) or found.dtype == bool
    n_found = int(found[-1]) + 1 if _is_integer(found) and found[0] == 0 else len(found)
    if not ordered or n_found != n_classes:
        order = "" if ordered else " in a known order,"
        raise ValueError(
            f"`{name}` must be of {n_classes} classes,{order} {n_classes_is}; found {n_found}: {_listed(found)}. "
            f"Pass classes=[...] (--classes on the command line), all classes in that order."
        )
    return _lookup(array, found, name), found


def _first_code(array: NDArray[Any], n_classes: int, n_classes_is: str, predicted: Codes | None, name: str) -> int:
    """Return whether integers without 0 count from 0 or 1; raise a ValueError unless predictions clearly say so."""
    seen = ""
    if predicted is not None:
        if len(predicted) != len(array):
            return 0  # The caller reports the different lengths.
        from_zero, from_one = int((predicted == array).sum()), int((predicted == array - 1).sum())
        most, least = max(from_zero, from_one), min(from_zero, from_one)
        # The sign test: by chance, half of the labels that agree in one reading only would agree in either.
        if most >= 2 * least and (most == len(array) or bdtr(least, most + least, 0.5) < BEYOND_DOUBT):
            return int(from_one > from_zero)
        seen = (
            f" Counted from 0 they are the most probable class of their row for {from_zero / len(array):.1%} of the "
            f"samples, counted from 1 for {from_one / len(array):.1%}."
        )
    raise ValueError(
        f"`{name}` must be clear about where they count from: with {n_classes} classes, {n_classes_is}, integers in "
        f"{array.min()}..{array.max()} may count from 0 or from 1.{seen} "
        f"Pass classes=range({n_classes}) or classes=range(1, {n_classes + 1}) (--classes on the command line)."
    )


def _all_codes(found: NDArray[Any], name: str) -> NDArray[Any]:
    """Return 0..L-1 for the distinct integers that occur."""
    n_classes = int(found[-1]) + 1
    if n_classes > 100 + 10 * len(found):
        raise ValueError(
            f"`{name}` are integers from 0 to {n_classes - 1}, most of which never occur. Pass "
            f"classes=np.unique({name}) if they are identifiers, or classes=range({n_classes}) if all are classes (on "
            f"the command line --classes FILE, a file that lists them)."
        )
    return np.arange(n_classes)


def _lookup(array: NDArray[Any], classes: NDArray[Any], name: str, classes_are: str = "known classes") -> Codes:
    values = array.tolist()
    codes = positions(values, classes)
    if codes is None:
        known, texts = set(classes.tolist()), set(_texts(classes))
        unknown = [v for v in values if v not in known and str(v) not in texts] or [v for v in values if v not in known]
        hint = " If it says that there is no label, leave these samples out." if unknown[0] in _NO_LABEL_CODES else ""
        raise ValueError(
            f"`{name}` must be among the {classes_are} ({_listed(classes)}); got {unknown[0]!r}, "
            f"{len(unknown)} such label{'s' if len(unknown) > 1 else ''}.{hint}"
        )
    return codes


def positions(values: list[Any], classes: NDArray[Any]) -> Codes | None:
    """Return the position of each value among the classes, by value or else as text; None if one has none.

    Text decides only where it is one-to-one: no two values and no two classes may be the same text.
    """
    index = {item: i for i, item in enumerate(classes.tolist())}
    distinct = set(values)
    if not distinct <= index.keys():
        index = {text: i for i, text in enumerate(_texts(classes))}
        texts = {value: str(value) for value in distinct}
        used = set(texts.values())
        if len(index) < len(classes) or len(used) < len(texts) or not used <= index.keys():
            return None
        index = {value: index[text] for value, text in texts.items()}
    return np.array([index[value] for value in values], dtype=np.int64)


def share_a_text(some: NDArray[Any], others: NDArray[Any]) -> bool:
    """Return whether any of these classes, written as text, is one of the others."""
    return not set(_texts(some)).isdisjoint(_texts(others))


def _texts(classes: NDArray[Any]) -> list[str]:
    return [str(item) for item in classes.tolist()]


def _ascending(named: NDArray[Any]) -> NDArray[Any]:
    """Return names that are all integers, or their text, as integers in ascending order; others as they are."""
    try:
        whole = sorted(int(text) for text in _texts(named))
    except ValueError:
        return named
    return np.array(whole) if set(map(str, whole)) == set(_texts(named)) else named


def _listed(classes: NDArray[Any], most: int = 10) -> str:
    shown = ", ".join(repr(c) for c in classes[:most].tolist())
    return shown + (f", ... ({len(classes)} in all)" if len(classes) > most else "")
