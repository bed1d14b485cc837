"""Neighborhoods that give the same vote, so that each distinct one is computed once; and checks of their counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats, Integers
from labelnoise.validation import to_array

EVERY_LABEL = -1
"""In place of a pattern's label: the profiles of all labels are computed at once."""


class DistinctPatterns(NamedTuple):
    """Distinct pairs of clean label counts and a label."""

    counts: Integers
    """Clean label counts, (n_distinct, n_classes)."""
    labels: Integers
    """Labels, (n_distinct,)."""
    inverse: Integers
    """Positions, (n_samples,), such that ``counts[inverse]`` and ``labels[inverse]`` are the input."""


class LabelPairs(NamedTuple):
    """Pairs of a neighborhood ``counts[rows[i]]`` and a label ``labels[i]``, each of which has one profile."""

    counts: Integers
    rows: Integers
    labels: Integers

    def part(self, start: int, stop: int) -> LabelPairs:
        """Return the pairs start..stop-1, in the same neighborhoods."""
        return LabelPairs(self.counts, self.rows[start:stop], self.labels[start:stop])


def distinct_patterns(counts: Integers, labels: Integers) -> DistinctPatterns:
    """Return the distinct pairs of a row of `counts` and a label, in order of appearance, and the pair of each sample.

    Most neighborhoods of an easy data set are pure, and many of the others repeat.

    Examples
    --------
    >>> distinct_patterns(np.array([[3, 0], [2, 1], [3, 0]]), np.array([0, 0, 0])).inverse
    array([0, 1, 0])
    """
    rows = np.column_stack([counts, labels])
    # Hashing is a hundred times faster than sorting the rows at 1,000 classes.
    found: dict[bytes, int] = {}
    narrow = np.ascontiguousarray(rows, dtype=np.int32)
    inverse = np.array([found.setdefault(row.tobytes(), len(found)) for row in narrow], dtype=np.int64)
    distinct = np.frombuffer(b"".join(found), dtype=np.int32).reshape(len(found), -1).astype(np.int64)
    return DistinctPatterns(np.ascontiguousarray(distinct[:, :-1]), distinct[:, -1].copy(), inverse)


def equivalent_patterns(counts: Integers, labels: Integers, ties: str) -> DistinctPatterns:
    """Return the distinct pairs where classes are interchangeable, as under uniform noise.

    The counts of competitors may then be permuted; with ties="lowest" only among the classes before the label, and
    among those after it. A pair is represented by the label's count at the new label, and descending counts per group.
    """
    n_classes, k = counts.shape[1], int(counts.max(initial=0))
    codes = np.arange(n_classes)
    group = (codes > labels[:, None]).astype(np.int64) + (codes >= labels[:, None])  # 0 before, 1 the label, 2 after
    if ties != "lowest":
        group = np.where(group == 1, 0, 1)
    keys = np.sort(group * (k + 1) + (k - counts), axis=1)
    canonical = k - keys % (k + 1)
    return distinct_patterns(canonical, labels if ties == "lowest" else np.zeros_like(labels))


def clean_vote(counts: Integers, ties: str) -> Floats:
    """Return each label's share of the win without noise, (U, L): 0, 1, or 1/t if t labels tie."""
    tied = counts == counts.max(axis=1, keepdims=True)
    if ties == "lowest":
        tied &= tied.cumsum(axis=1) == 1
    many = tied.sum(axis=1, keepdims=True)
    if ties == "strict":
        tied &= many == 1
    return tied / many


def check_counts(counts: ArrayLike) -> tuple[Integers, int]:
    """Return checked clean label counts (U, L), and their common sum K."""
    array = to_array(counts)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"`counts` must have shape (n_neighborhoods, n_classes), both at least 1; got {array.shape}.")
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(
            f"`counts` must be integers, the clean labels of each class; got dtype {array.dtype}. "
            f"For shares, multiply by k and round."
        )
    integers = np.ascontiguousarray(array, dtype=np.int64)
    if integers.min() < 0:
        row = int(np.flatnonzero((integers < 0).any(axis=1))[0])
        raise ValueError(f"`counts` must not be negative; row {row} holds {integers[row].min()}.")
    sums = integers.sum(axis=1)
    k = int(sums[0])
    if k < 1 or (sums != k).any():
        row = int(np.flatnonzero((sums != k) | (sums < 1))[0])
        raise ValueError(
            f"`counts` rows must all sum to the same neighborhood size, at least 1; "
            f"row 0 sums to {k} and row {row} to {sums[row]}. Call once per size."
        )
    return integers, k


def check_labels(labels: ArrayLike, n_rows: int, n_classes: int) -> Integers:
    """Return checked labels (U,) in 0..L-1."""
    array = to_array(labels)
    if array.shape != (n_rows,):
        raise ValueError(f"`labels` must have one label per row of `counts`, shape ({n_rows},); got {array.shape}.")
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"`labels` must be integers 0..{n_classes - 1}; got dtype {array.dtype}.")
    codes = np.asarray(array, dtype=np.int64)
    if codes.min() < 0 or codes.max() >= n_classes:
        value = codes[(codes < 0) | (codes >= n_classes)][0]
        raise ValueError(f"`labels` must lie in 0..{n_classes - 1}, one class per column of `counts`; got {value}.")
    return codes
