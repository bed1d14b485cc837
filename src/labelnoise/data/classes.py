"""Which classes there are, in which order, and which columns of probabilities are theirs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.files import chosen, listed, raw_labels, split_column
from labelnoise.data.formats import SUFFIXES, open_file
from labelnoise.data.text import CsvOptions


def given_classes(classes: str | Sequence[Any] | None, options: CsvOptions) -> list[Any] | None:
    """Return the classes of a sequence, of a text ``a,b,c`` or of a file that holds them."""
    if classes is None:
        return None
    if not isinstance(classes, str):
        return list(classes)
    path, column = split_column(classes)
    if path.suffix.lower() in SUFFIXES or os.path.isfile(path):  # noqa: PTH113  names may be too long
        file = open_file(path, options)
        return list(raw_labels(file, chosen(file, column, "labels")).tolist())
    return [part.strip() for part in classes.split(",")]


def resolve_classes(
    labels: NDArray[Any], classes: list[Any] | None, source: str
) -> tuple[NDArray[Any] | None, NDArray[Any]]:
    """Return the given classes in the type of the labels, and the labels; integers may be codes of classes."""
    if classes is None:
        return None, labels
    by_text = {str(value): value for value in labels.tolist()}
    texts = [str(value) for value in classes]
    if len(set(texts)) < len(texts):
        raise ValueError(f"`classes` must be distinct; got {listed(texts)}. List each once.")
    unknown = [text for text in by_text if text not in set(texts)]
    codes = labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < len(texts)
    if unknown and codes and not any(text.lstrip("-").isdigit() for text in texts):
        named = np.array(texts)
        return named, named[labels]
    if unknown:
        raise ValueError(
            f"`classes` must list every class of {source}; it lacks {listed(unknown)}. List all of them, in order."
        )
    kind = labels.dtype.type
    try:
        typed_classes = texts if labels.dtype.kind in "UO" else [by_text.get(t, kind(t)) for t in texts]
    except (TypeError, ValueError):
        raise ValueError(
            f"`classes` must be of the type of {source}, {labels.dtype}; got {listed(texts)}. Write them as there."
        ) from None
    return np.array(typed_classes), labels


def match_columns(
    probs: Any, names: tuple[str, ...], classes: NDArray[Any] | None, labels: NDArray[Any], source: str
) -> tuple[Any, tuple[str, ...], NDArray[Any] | None, NDArray[Any]]:
    """Match columns of probabilities with the classes by their names; return probabilities, names, classes, labels."""
    present = sorted({str(value) for value in labels.tolist()})
    columns = list(names) if hasattr(probs, "columns") else []
    prefix = _common_prefix(columns)
    unnamed = not columns or columns == [str(i) for i in range(len(columns))]
    for bare in ([name[length:] for name in columns] for length in range(len(prefix) + 1)):
        if classes is not None and set(bare) == set(map(str, classes.tolist())):
            order = [bare.index(str(value)) for value in classes.tolist()]
            if unnamed and order != sorted(order):
                raise ValueError(
                    f"columns of {source} must be in a known order of classes; their names {listed(columns)} may be "
                    f"classes, or the numbers that a table without names gets. Rename them after the classes."
                )
            return probs.iloc[:, order], tuple(columns[i] for i in order), classes, labels
        if classes is None and columns and (not unnamed or labels.dtype.kind in "UO") and set(present) <= set(bare):
            texts, _ = resolve_classes(labels, bare, source)
            return probs, names, texts, labels
    if classes is not None:
        if not unnamed:
            raise ValueError(
                f"columns of {source} must bear the names of the classes; they are called {listed(columns)}, and the "
                f"classes are {listed([str(value) for value in classes.tolist()])}. Rename the columns or the classes."
            )
        return probs, names, classes, labels
    codes = labels.dtype.kind in "iu" and (unnamed or not any(_digits(name, prefix) for name in columns))
    if labels.dtype.kind == "b" or codes:
        return probs, names, None, labels
    raise ValueError(
        f"columns of {source} must be in a known order of classes; "
        + ("they have no names" if unnamed else f"they are called {listed(columns)}")
        + f", and the labels are {listed(present)}. Give all classes in the order of the columns: "
        f"--classes {','.join(present[:3])},... (read_data: classes=)."
    )


def _common_prefix(names: Sequence[str]) -> str:
    """Return the beginning that several names share, such as ``prob_``."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = [a == b for a, b in zip(first, last, strict=False)]
    return first[: [*same, False].index(False)]


def _digits(name: str, prefix: str) -> bool:
    return name.removeprefix(prefix).isdigit()


def agreement_of(probs: NDArray[Any], labels: NDArray[Any], classes: NDArray[Any] | None) -> float | None:
    """Return the share of labels that equal the most probable class, or None if the labels are not codes."""
    best = probs.reshape(len(probs), -1).argmax(axis=1)
    if classes is not None and len(classes) == probs.shape[1]:
        return float(np.mean(classes[best] == labels))
    if labels.dtype.kind in "iub" and labels.min() == 0 and labels.max() < probs.shape[1]:
        return float(np.mean(best == labels))
    return None
