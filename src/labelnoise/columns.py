"""Tables whose columns have names: features matched with other features, probabilities with the classes of labels."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats
from labelnoise.labels import class_array, encode_labels, positions, share_a_text
from labelnoise.validation import is_frame


def axis_names(index: Any, name: str) -> NDArray[Any] | None:
    """Return the names along one axis of a data frame; None where they only number rows or columns from 0."""
    return None if is_numbered(index) else class_array(index, name)


def is_numbered(index: Any) -> bool:
    """Return whether an index of a data frame is the one that a frame without names gets."""
    return type(index).__name__ == "RangeIndex" and list(index) == list(range(len(index)))


def column_names(table: Any, name: str) -> NDArray[Any] | None:
    """Return the names of a data frame's columns; None for an array, and where columns are only numbered from 0."""
    if hasattr(table, "column_names"):  # an Arrow table
        return class_array(table.column_names, f"{name}.column_names")
    return axis_names(table.columns, f"{name}.columns") if is_frame(table) else None


def check_same_order(table: Any, labels: Any, table_name: str, name: str = "labels") -> None:
    """Raise a ValueError if rows and labels have the same index in another order: rows go with labels by position.

    An index that only numbers the rows from 0 says nothing about them.
    """
    rows: Any = getattr(table, "index", None)
    others: Any = getattr(labels, "index", None)
    if not (hasattr(rows, "equals") and hasattr(others, "equals")) or len(rows) != len(others) or rows.equals(others):
        return
    if is_numbered(rows) or is_numbered(others) or not (rows.isin(others).all() and others.isin(rows).all()):
        return
    raise ValueError(
        f"`{table_name}` and `{name}` must have one row and one label per sample in the same order; their indexes hold "
        f"the same entries in other orders. Pass {table_name}.loc[{name}.index], or arrays if the order is right."
    )


def encode_for_columns(
    labels: Any,
    table: Any,
    rows: Floats,
    *,
    classes: Any,
    table_name: str,
    name: str = "labels",
    same_samples: bool = True,
) -> tuple[Floats, Codes, NDArray[Any]]:
    """Return rows of probabilities with their columns in code order, the codes of labels, and the classes.

    The named columns of a data frame are matched with the classes, and moved where they are in another order. Columns
    without names, or with names of which none is a class, are in the order of the classes. `encode_labels` determines
    the classes.

    Parameters
    ----------
    labels : array-like
        The labels.
    table : array-like of shape (n, n_classes)
        The probabilities as they were given, perhaps a data frame.
    rows : (n, n_classes) array
        The same, checked.
    classes : sequence or None
        All classes in code order.
    table_name, name : str
        Names of the arguments, for errors.
    same_samples : bool, default True
        Whether labels and rows are of the same samples, so that a row shows what its label may mean.

    Raises
    ------
    ValueError, TypeError
        The number of rows and labels differs, some names are classes and others are not, or as `encode_labels`.
    """
    if same_samples:
        check_same_order(table, labels, table_name, name)
    names = column_names(table, table_name)
    codes, known = encode_labels(
        labels,
        classes=classes,
        named=names,
        n_classes=rows.shape[1],
        n_classes_is=f"one per column of `{table_name}`",
        predicted=rows.argmax(axis=1) if same_samples else None,
        name=name,
    )
    if same_samples and len(codes) != len(rows):
        raise ValueError(
            f"`{table_name}` and `{name}` must have one row and one label per sample; got {len(rows)} and {len(codes)}."
        )
    order = None if names is None else positions(known.tolist(), names)
    if order is not None and (np.diff(order) != 1).any():
        rows = np.take(rows, order, axis=1)
    elif order is None and names is not None and share_a_text(names, known):
        raise ValueError(
            f"`{table_name}` must have columns named as the classes, {known.tolist()}, or without names; "
            f"got {names.tolist()}. Rename the columns."
        )
    return rows, codes, known


def matching_columns(features: Any, query: Any) -> list[int] | None:
    """Return the positions in `query` of the columns of `features`, or None where they need not be put in order.

    Columns without names, as pandas numbers them, are matched by position. 0 and "0" are one name.
    """
    names = _names_in_order(features, "features")
    others = None if query is None else _names_in_order(query, "query")
    if names is None or others is None or names == others:
        return None
    missing, added = [n for n in names if n not in set(others)], [n for n in others if n not in set(names)]
    if not missing and not added:
        return [others.index(name) for name in names]
    if _are_numbers(names) or _are_numbers(others):
        return None
    lists = {"missing": missing, "not in `features`": added}
    raise ValueError(
        f"`query` must have the columns of `features`, in any order; "
        f"{' and '.join(f'{what}: {_shown(which)}' for what, which in lists.items() if which)}. "
        f"Rename them, or pass arrays whose columns are in the same order."
    )


def _names_in_order(frame: Any, name: str) -> list[str] | None:
    """Return a data frame's column names as texts, None for an array; raise a ValueError if two are the same."""
    columns = getattr(frame, "column_names", getattr(frame, "columns", None))  # Arrow tables have the former
    if columns is None:
        return None
    names = [str(column) for column in columns]
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"`{name}` must have columns of different names; twice: {_shown(twice)}. Rename or drop one.")
    return names


def _are_numbers(names: list[str]) -> bool:
    return names == [str(at) for at in range(len(names))]


def _shown(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
