"""Probabilities with one column per class: columns that have names are matched with the labels by name."""

from __future__ import annotations

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
