"""Which columns of a table are features when none are named: numbers that are no labels, row numbers or identifiers.

A row number or an identifier among the features spoils every distance, and a copy of the label makes every prediction
right. Both are left out, and said. Where a column may be an identifier or a feature, or another label of the samples or
a feature, an error asks which.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.tables import Table

_LABELS = ("labels", "label", "y", "target", "targets")
_IDENTIFIER = re.compile(
    r"(?i:(?:.*[_\-. ])?(?:id|ids|uid|uuid|guid)"
    r"|(?:(?:row|sample|image|img|file|data|original|record|line)[_\-. ]?)?(?:idx|index|number|nr|no|num)|row)"
    r"|.*[a-z](?:Id|ID)"
)
_INDEX = "the index of the data frame"
_IN_ORDER, _PERMUTED, _DISTINCT = 5, 10, 20
"""The least numbers of rows in which running numbers, in order or not, and distinct whole numbers are no accident."""
_GROUPED = 20
"""The least number of rows beyond two per class in which one value per class is no accident."""
_HEAD = 1000  # Many columns are settled by so many rows.
_EXCESS, _ERRORS = 0.25, 4
"""What another label must agree with the label above chance: so much, or half of what is possible; and standard errors.
"""


def row_numbers(name: str) -> bool:
    """Return whether a name is one of row numbers."""
    return name.lower() in ("id", "index")


def identifier_like(name: str) -> bool:
    """Return whether a name is usual for an identifier, such as ``image_id`` or ``rowIndex``."""
    return _IDENTIFIER.fullmatch(name) is not None


def label_like(names: Sequence[str]) -> list[str]:
    """Return the names ending in ``label`` or ``labels``, else the usual ones, since ``y`` may also be a coordinate."""
    labels = [name for name in names if name.lower().endswith(("label", "labels"))]
    return labels or [name for name in names if name.lower() in _LABELS]


def default_columns(
    table: Table,
    role: str,
    *,
    label_column: str | None = None,
    labels: NDArray[Any] | None = None,
    keep: NDArray[np.bool_] | slice = slice(None),
    id_columns: Collection[str] | None = None,
) -> tuple[list[str], dict[str, str], list[str]]:
    """Choose the columns of a table for features, or for predicted probabilities.

    Parameters
    ----------
    table : Table
        The table.
    role : str
        ``"features"`` or ``"pred_probs"``.
    label_column : str, optional
        The column of this table that holds the labels.
    labels : (n_rows,) array, optional
        The labels, to find columns that give them away.
    keep : (n_rows,) mask
        Rows that have a label.
    id_columns : collection of str, optional
        Columns that are identifiers. If given, no other column is suspected to be one by its entries.

    Returns
    -------
    columns : list of str
        The columns to read.
    left_out : dict of str to str
        Why each other column is left out.
    warnings : list of str
        What to know about the columns that are read, in sentences.

    Raises
    ------
    ValueError
        There is no such column, or one may be an identifier or a feature, or another label or a feature.
    """
    left_out: dict[str, str] = {}
    warnings: list[str] = []
    columns: list[str] = []
    decided = id_columns is not None
    codes = None
    if role == "features" and labels is not None:
        codes = np.unique(labels[keep].astype(str), return_inverse=True)[1]
    others = [name for name in table.names if name != label_column]
    labeled = [n for n in label_like(others) if label_column is None or n.lower() not in ("y", "target", "targets")]
    left_out.update(dict.fromkeys([name for name in table.index if name not in table.names], _INDEX))
    if table.unnamed:
        left_out["(no name)"] = "row numbers, or nothing"
    for name in table.names:
        if name == label_column:
            left_out[name] = "the label"
        elif name in labeled:
            left_out[name] = "a label by its name"
        elif name in table.index:
            left_out[name] = _INDEX
        elif name in (id_columns or ()):
            left_out[name] = "an identifier (--id-columns)"
        elif role == "features" and row_numbers(name):
            left_out[name] = "an identifier by its name"
        elif why := table.no_number(name) or (_identifier(table, name, decided) if role == "features" else ""):
            left_out[name] = why
        else:
            follows, made = (False, "") if codes is None else _follows(table.numbers([name])[keep, 0], codes)
            if made:
                left_out[name] = f"{made} of the label"
                warnings.append(f"column {name!r} is {made} of the label and was left out.")
                continue
            columns.append(name)
            if follows:
                warnings.append(f"column {name!r} is a feature that alone determines the label; was it made from it?")
    if role == "features" and labels is not None:
        _check_no_labels(table, columns, labels, keep)
    if role == "features" and not decided:
        warnings += _check_distinct(table, columns)
    if not columns:
        reasons = "; ".join(f"{name!r} is {why}" for name, why in left_out.items())
        raise ValueError(
            f"{table.path} must have a column of numbers for {role}; it has {', '.join(map(repr, table.names[:12]))}"
            f" ({reasons[:400]}). Name one, for example {table.path.name}:{table.names[0]} (`columns`)."
        )
    return columns, left_out, warnings


def other_labels(
    table: Table, columns: Sequence[str], labels: NDArray[Any], keep: NDArray[np.bool_] | slice
) -> dict[str, tuple[float, float]]:
    """Return the columns that look like other labels of the same samples, such as votes of annotators or the truth.

    Such a column holds classes of the label only: all of them, or at least three. It equals the label in half of the
    rows (in 90 % if there are two classes, since a feature of two values may agree with them), and far more often than
    by chance.

    Parameters
    ----------
    table : Table
        The table.
    columns : sequence of str
        Columns of numbers.
    labels : (n_rows,) array
        The labels.
    keep : (n_rows,) mask
        Rows that have a label.

    Returns
    -------
    dict of str to (float, float)
        The share of rows in which each such column equals the label, and the share expected by chance,
        sum_c p_label(c) p_column(c).
    """
    try:
        codes = labels[keep].astype(np.float64)
    except ValueError:  # Labels are words, which no column of numbers holds.
        return {}
    found = {name: _agreement(table.numbers([name])[keep, 0].astype(np.float64), codes) for name in columns}
    return {name: agreement for name, agreement in found.items() if agreement is not None}


def _agreement(values: NDArray[np.float64], codes: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return how often values equal the label, and how often by chance; None if they are no other label."""
    classes = np.unique(codes)
    given = np.isfinite(values)  # Not every annotator sees every sample.
    values, codes = values[given], codes[given]
    if not len(values) or not np.isin(values[:_HEAD], classes).all() or not np.isin(values, classes).all():
        return None
    if len(np.unique(values)) < min(3, len(classes)):
        return None
    agreement = float(np.mean(values == codes))
    chance = float(sum(np.mean(values == c) * np.mean(codes == c) for c in classes))
    least = 0.9 if len(classes) == 2 else 0.5
    excess, error = agreement - chance, np.sqrt(chance * (1 - chance) / len(values))
    other = agreement >= least and excess >= min(_EXCESS, (1 - chance) / 2) and excess > _ERRORS * error
    return (agreement, chance) if other else None


def _check_no_labels(table: Table, columns: Sequence[str], labels: NDArray[Any], keep: Any) -> None:
    """Raise a ValueError if columns that nobody named look like other labels of the same samples."""
    found = other_labels(table, columns, labels, keep)
    if not found:
        return
    name, (agreement, chance) = max(found.items(), key=lambda item: item[1][0])
    others = "".join(f", {other!r}" for other in found if other != name)
    rest = [other for other in columns if other not in found]
    named = ",".join(rest[:12]) + ",..." * (len(rest) > 12) or "NAME,..."
    raise ValueError(
        f"column {name!r} of {table.path} must be a feature or another label of the samples, and may be either: its "
        f"numbers are classes, and it equals the label in {agreement:.1%} of the rows ({chance:.1%} by chance)"
        f"{f'; so may be {others[2:]}' if others else ''}. Name the features: {table.path.name}:{named} leaves "
        f"{'them' if others else 'it'} out; add {'their names' if others else 'its name'} to use "
        f"{'them as features' if others else 'it as a feature'} (`columns`)."
    )


def _whole(table: Table, name: str) -> NDArray[np.float64] | None:
    """Return a column whose entries are all whole numbers, else None."""
    values = table.numbers([name])[:, 0].astype(np.float64)
    return values if np.isfinite(values).all() and bool((values == np.round(values)).all()) else None


def _identifier(table: Table, name: str, decided: bool) -> str:
    """Return why a column of numbers is certainly an identifier; empty if it is not."""
    values = _whole(table, name)
    if values is None:
        return ""
    if identifier_like(name):
        return "an identifier by its name"
    n = len(values)
    if decided or n < _IN_ORDER or values.min() not in (0, 1) or values.max() - values.min() != n - 1:
        return ""
    if bool((np.diff(values) == 1).all()):
        return "a running number"
    return "a running number in another order" if n >= _PERMUTED and _all_differ(values) else ""


def _check_distinct(table: Table, columns: Sequence[str]) -> list[str]:
    """Raise a ValueError if a column of distinct whole numbers looks like an identifier; return warnings of others."""
    if table.n_rows < _DISTINCT:
        return []
    whole = {name: values for name in columns if (values := _whole(table, name)) is not None}
    distinct = {name: values for name, values in whole.items() if _all_differ(values)}
    warnings = []
    for name, values in distinct.items():
        steps = np.diff(values)
        # Numbers drawn at random from so few would hardly all be different.
        crowded = len(values) ** 2 / 2 > 10 * (values.max() - values.min() + 1)
        if crowded or (steps > 0).all() or (steps < 0).all() or len(whole) == 1:
            raise ValueError(
                f"column {name!r} of {table.path} must be a feature or an identifier, and may be either: it holds "
                f"{len(values)} different whole numbers. Give --id-columns {name} (read_data: id_columns=) to leave "
                f"it out, or name the features, for example {table.path.name}:{','.join(columns[:3])},... (`columns`)."
            )
        warnings.append(
            f"column {name!r} holds only different whole numbers and is read as a feature; if it is an identifier, "
            f"give --id-columns {name}."
        )
    return warnings


def _all_differ(values: NDArray[np.float64]) -> bool:
    return all(len(np.unique(part)) == len(part) for part in (values[:_HEAD], values))


def _follows(values: NDArray[Any], codes: NDArray[Any]) -> tuple[bool, str]:
    """Return whether the class follows from the value, and what the column is if its value follows from the class.

    A value or class must recur, on average, for this to be no accident.
    """
    import pandas as pd

    def counts(n: int) -> tuple[int, int, int]:
        value_codes, _ = pd.factorize(values[:n], use_na_sentinel=False)
        pairs = value_codes.astype(np.int64) * (int(codes.max()) + 1) + codes[:n]
        return int(value_codes.max()) + 1, len(pd.unique(codes[:n])), len(pd.unique(pairs))

    n_values, n_classes, n_pairs = counts(_HEAD)  # What does not hold in the first rows does not hold.
    if n_pairs > max(n_values, n_classes):
        return False, ""
    n_values, n_classes, n_pairs = counts(len(codes))
    follows = n_pairs == n_values and n_classes > 1 and len(codes) >= max(6, 2 * n_values)
    if follows and n_values == n_classes:
        return True, "a copy"
    grouped = n_pairs == n_classes and n_values > 1 and len(codes) >= _GROUPED + 2 * n_classes
    return follows, "an indicator or grouping" if grouped else ""
