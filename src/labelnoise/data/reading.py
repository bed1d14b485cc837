"""Read features or predicted probabilities together with labels, and report what was read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Integers
from labelnoise.class_names import alike, said
from labelnoise.data.classes import agreement_of, given_classes, match_columns, resolve_classes
from labelnoise.data.columns import default_columns, other_labels
from labelnoise.data.files import (
    check_present,
    check_rows,
    chosen,
    existing,
    listed,
    missing,
    only,
    raw_labels,
    read_array,
    split_column,
    where,
)
from labelnoise.data.formats import Arrays, open_file
from labelnoise.data.tables import Table
from labelnoise.data.text import MISSING, CsvOptions
from labelnoise.data.text_tables import CsvTable, typed


@dataclass(frozen=True)
class Reading:
    """What was read from files, and what was decided on the way.

    Attributes
    ----------
    files : tuple of str
        The files, with the name of the array or of the label column.
    rows : int
        Number of samples that are used.
    dropped : int
        Number of rows left out because their label is missing.
    features : tuple of str
        Columns used as features or probabilities; for an array, a description.
    left_out : dict of str to str
        Columns of the features' table, or files of the image folder, that are not used, and why.
    labels : str
        The array or column of the labels.
    classes : tuple
        The classes, in order.
    test_samples : str
        Where the test samples come from.
    agreement : float or None
        With predicted probabilities, the share of labels that equal the most probable class.
    notes : tuple of str
        How text files were read.
    warnings : tuple of str
        What may be wrong with the data.
    test : Reading or None
        The same of the test samples' files.
    """

    files: tuple[str, ...]
    rows: int
    dropped: int
    features: tuple[str, ...]
    left_out: dict[str, str]
    labels: str
    classes: tuple[Any, ...]
    test_samples: str = ""
    agreement: float | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    test: Reading | None = None

    def summary(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return asdict(self)

    def lines(self) -> list[tuple[str, str]]:
        """Return a name and a text for each thing to show."""
        dropped = f", {self.dropped:,} left out (label missing)" if self.dropped else ""
        shown = [
            ("files", ", ".join((*self.files, *self.notes))),
            ("rows", f"{self.rows:,} used{dropped}"),
            ("columns used", f"{len(self.features)}: {_some(self.features)}" if self.features else ""),
            ("left out", _some([f"{name} ({why})" for name, why in self.left_out.items()])),
            ("labels", self.labels),
            ("classes", f"{len(self.classes)}: {_some(list(map(str, self.classes)))}"),
            ("test samples", self.test_samples),
            ("argmax is the label", "" if self.agreement is None else f"{100 * self.agreement:.1f} %"),
        ]
        return [(name, text) for name, text in shown if text]


@dataclass(frozen=True, eq=False)
class Data:
    """Samples with their labels.

    Attributes
    ----------
    values : array or DataFrame or None
        Features or predicted probabilities, a row per sample; columns of a table keep their names.
    labels : array
        One label per sample.
    classes : array or None
        All classes in order, where they are given or named by the columns of probabilities.
    reading : Reading
        What was read.
    rows : int array or None
        Positions of these samples in their files, where some rows are left out; None if they are all rows.
    """

    values: Any
    labels: NDArray[Any]
    classes: NDArray[Any] | None
    reading: Reading
    rows: Integers | None = None

    def ordered_labels(self) -> Any:
        """Return the labels, as a pandas categorical if the order of their classes is known."""
        if self.classes is None:
            return self.labels
        import pandas as pd

        return pd.Categorical(self.labels, categories=self.classes.tolist())


def read_data(
    labels: str | os.PathLike[str],
    *,
    features: str | os.PathLike[str] | None = None,
    pred_probs: str | os.PathLike[str] | None = None,
    classes: str | Sequence[Any] | None = None,
    id_columns: Collection[str] | None = None,
    missing_labels: Collection[Any] = (),
    csv: Mapping[str, Any] | None = None,
    like: Data | None = None,
) -> Data:
    """Read labels, and features or predicted probabilities of the same samples, and report what was read.

    Parameters
    ----------
    labels : path
        ``FILE`` or ``FILE:COLUMN``.
    features, pred_probs : path, optional
        ``FILE`` or ``FILE:COLUMN,COLUMN``; one of them at most.
    classes : sequence or str, optional
        All classes in order; as text, ``a,b,c`` or a file that holds them.
    id_columns : collection of str, optional
        Columns that identify rows, and are no features. If given, no other column is suspected to be one.
    missing_labels : collection, optional
        Labels that say that there is none; such rows are left out and counted.
    csv : mapping, optional
        How text tables are written, as in `read_labels`.
    like : Data, optional
        The training samples of these test samples: columns are matched by their names, labels are of the same classes.

    Returns
    -------
    Data

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        There is no such file.
    ValueError
        A file can be read in more than one way, a label is missing, or files do not fit together.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.csv"
    >>> _ = path.write_text("height,id,kind\\n1.5,7,cat\\n2.5,9,dog\\n1.5,8,cat\\n")
    >>> data = read_data(f"{path}:kind", features=path)
    >>> data.values.columns.tolist(), data.reading.left_out
    (['height'], {'id': 'an identifier by its name', 'kind': 'the label'})
    """
    import pandas as pd

    options = CsvOptions.of(csv)
    opened: dict[Path, Arrays | Table] = {}

    def opening(path: Path) -> Arrays | Table:
        key = path.expanduser().resolve()
        if key not in opened:
            opened[key] = open_file(path, options)
        return opened[key]

    path, column = split_column(labels)
    label_file = opening(path)
    known_column = like.reading.labels if like is not None and column is None else None
    name = known_column if known_column in label_file.names else chosen(label_file, column, "labels")
    found = raw_labels(label_file, name)
    n_read = len(found)
    all_classes = given_classes(classes, options)
    if all_classes is None and like is not None and like.classes is not None:
        all_classes = like.classes.tolist()
    keep = ~_equal_to(found, missing_labels)
    found_kept = _present_labels(label_file, name, found, keep, all_classes or ())
    spec, role = (features, "features") if pred_probs is None else (pred_probs, "pred_probs")
    values: Any = None
    used: tuple[str, ...] = ()
    left_out: dict[str, str] = {}
    warnings: list[str] = []
    files = [where(path, name)]
    if spec is not None:
        values, used, left_out, warnings, files_of = _read_values(
            spec, role, opening, (label_file, name, found, keep), id_columns, None if like is None else like.values
        )
        files = [*files_of, *files]
        if len(values) != n_read:
            raise ValueError(
                f"features and labels must be of the same samples; {files[0]} holds {len(values)} rows and {files[-1]} "
                f"{n_read} labels. Pass the files of one set of samples, in the same order."
            )
        values = values if keep.all() else values[keep]  # A file that is mapped into memory stays so.
        if isinstance(values, pd.DataFrame) and (gaps := values.isna().to_numpy()).any():
            row, place = np.argwhere(gaps)[0]
            raise ValueError(
                f"{role} must have a number in every row; column {values.columns[place]!r} of {files[0]} has none in "
                f"row {values.index[row]} (counted from 0). Fill it in, or leave out such rows or the column."
            )
    resolved, found_kept = resolve_classes(found_kept, all_classes, where(path, name))
    agreement = None
    if role == "pred_probs" and values is not None:
        values, used, resolved, found_kept = match_columns(values, used, resolved, found_kept, files[0])
        agreement = agreement_of(np.asarray(values), found_kept, resolved)
    shown = np.unique(found_kept) if resolved is None else resolved
    if like is None and (groups := alike(shown)):
        warnings = [*warnings, f"classes are written differently, and count as different: {said(groups)}."]
    notes = tuple(f"{p.name}: {note}" for p, file in opened.items() if isinstance(file, Table) for note in file.notes)
    reading = Reading(
        files=tuple(files),
        rows=int(keep.sum()),
        dropped=int((~keep).sum()),
        features=tuple(used),
        left_out=left_out,
        labels=name or path.name,
        classes=tuple(shown.tolist()),
        agreement=agreement,
        notes=notes,
        warnings=tuple(warnings),
    )
    return Data(values, found_kept, resolved, reading, None if keep.all() else np.flatnonzero(keep))


def with_test(train: Data, test: Data | None) -> Data:
    """Return the training samples with a reading that says where the test samples come from."""
    if test is None:
        return replace(train, reading=replace(train.reading, test_samples="each sample against all others"))
    reading = replace(train.reading, test_samples=test.reading.files[0], test=test.reading)
    return replace(train, reading=reading)


def _present_labels(
    file: Arrays | Table, name: str | None, found: NDArray[Any], keep: NDArray[np.bool_], classes: Sequence[Any]
) -> NDArray[Any]:
    """Return the labels that are kept, in the type that they have by themselves; none of them may be missing."""
    kept, source = found[keep], where(file.path, name)
    check_present(kept, missing(kept, classes), source)
    if not keep.any():
        raise ValueError(f"{source} must hold a label for some sample; all are left out as missing.")
    if keep.all():
        return found
    text = isinstance(file, CsvTable) and kept.dtype.kind == "U"
    return typed(kept, str(file.path)) if text else np.array(kept.tolist())


def _read_values(
    spec: str | os.PathLike[str],
    role: str,
    opening: Any,
    labeled: tuple[Arrays | Table, str | None, NDArray[Any], NDArray[np.bool_]],
    id_columns: Collection[str] | None,
    like: Any,
) -> tuple[Any, tuple[str, ...], dict[str, str], list[str], list[str]]:
    """Return an array or frame of numbers, the columns used, those left out, warnings, and the file."""
    path, text = split_column(spec)
    file = opening(path)
    named = [] if text is None else [text] if text in file.names else text.split(",")
    if isinstance(file, Arrays):
        array = read_array(file, named, role)
        what = f"{array[0].size} values per sample"
        return array, (what,), {}, [], [where(path, named[0] if named else None)]
    names = [existing(file, name) for name in named]
    label_file, label_name, labels, keep = labeled
    # A column of the same name in another table is the label as well.
    label_column = label_name if isinstance(label_file, Table) and label_name in file.names else None
    if len(set(names)) < len(names):
        raise ValueError(f"{role} must name each column once; got {listed(names)}. Name each once.")
    if label_column in names and label_file is file:
        raise ValueError(
            f"{role} must not hold the label; column {label_column!r} of {path} was named for both. "
            f"Name the other columns only."
        )
    for name in id_columns or ():
        if like is None and name not in file.index:
            existing(file, name)
    if (names and names[0] in file.lists) or (not names and file.lists):
        name = names[0] if names else only(file.lists, role, path)
        array = check_rows(file.numbers(names or [name]), path, role)
        rest = {other: "another column than the lists" for other in file.names if other != name}
        return array, (f"{name}, {array[0].size} values per sample",), rest, [], [str(path)]
    left_out: dict[str, str] = {}
    warnings: list[str] = []
    known = labels if len(labels) == file.n_rows else None
    if like is not None and hasattr(like, "columns"):
        names = _like_training(file, names, list(like.columns), path)
        left_out = {n: "not among the training columns" for n in file.names if n not in names and n != label_column}
    elif names:
        left_out = {name: "not named" for name in file.names if name not in names}
        if role == "features" and known is not None:
            warnings = [
                f"column {name!r} equals the label in {agreement:.1%} of the rows ({chance:.1%} by chance) and is used "
                f"as a feature, as named; leave it out if it is another label of the samples."
                for name, (agreement, chance) in other_labels(file, names, known, keep).items()
            ]
    else:
        names, left_out, warnings = default_columns(
            file, role, label_column=label_column, labels=known, keep=keep, id_columns=id_columns
        )
    import pandas as pd

    frame = pd.DataFrame(check_rows(file.numbers(names), path, role), columns=pd.Index(names))
    return frame, tuple(names), left_out, warnings, [str(path)]


def _like_training(file: Table, named: Sequence[str], columns: Sequence[str], path: Path) -> list[str]:
    """Return the columns of a test table by the names of the training columns."""
    absent = [name for name in columns if name not in (named or file.names)]
    if absent or (named and len(named) != len(columns)):
        others = [name for name in (named or file.names) if name not in columns]
        raise ValueError(
            f"{path} must have the columns of the training features; it lacks {listed(absent) if absent else 'none'}"
            + (f" and has others: {listed(others)}" if others else "")
            + ". Rename them, or name the same columns for both files (FILE:COLUMN,COLUMN)."
        )
    return list(columns)


def _equal_to(labels: NDArray[Any], values: Collection[Any]) -> NDArray[np.bool_]:
    """Return which labels are among the values that mean that there is none."""
    if not values:
        return np.zeros(len(labels), dtype=bool)
    given = {str(value) for value in values}
    nothing = any(value in MISSING for value in given)

    def said(label: Any) -> bool:
        if label is None or label != label or label == "":
            return nothing
        text = str(label).strip()
        return text in given or (isinstance(label, float) and label.is_integer() and str(int(label)) in given)

    return np.array([said(label) for label in labels.tolist()])


def _some(items: Sequence[str], most: int = 8) -> str:
    """Return the first items, and how many more there are."""
    return ", ".join(items[:most]) + (f", ... ({len(items) - most} more)" if len(items) > most else "")
