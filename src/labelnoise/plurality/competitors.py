"""The competitors of one class in one row: the strong ones in order, and the weak ones in bulk.

A row may hold a thousand classes of which a few matter. For each row one pass sorts them into three kinds:

- negligible ones, below `floor`, which reach so many votes as y needs with negligible probability: they only add to the
  mean of the Poisson variable that all such classes have in common;
- weak ones, up to `cut`, which enter through power sums of their probabilities (`small_classes`);
- strong ones, each with a factor of its own, from the largest to the smallest.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from labelnoise.arrays import Floats, Mask
from labelnoise.compiled import compiled
from labelnoise.plurality.bounds import log_of_rest
from labelnoise.plurality.small_classes import HIGHEST_POWER, LARGEST_RATIO

FEW = 8
"""Up to so many weak classes are cheaper as strong ones."""

_jit = compiled(inner=True, error_model="numpy")


class Competitors(NamedTuple):
    """The strong competitors, then the weak ones; room for all classes."""

    q: Floats
    after: Mask
    """Whether the class has a higher index than y."""
    log_q: Floats
    log_rest: Floats
    """log(1 - q); both logarithms are known for strong competitors only."""
    weak_q: Floats
    weak_after: Mask


def room_for_competitors(n_classes: int) -> Competitors:
    """Return arrays for the competitors of one row."""
    numbers, masks = np.empty((4, n_classes)), np.empty((2, n_classes), np.bool_)
    return Competitors(numbers[0], masks[0], numbers[1], numbers[2], numbers[3], masks[1])


@_jit
def largest_competitor(row, y):
    """Return the largest probability of another class than y."""
    largest = 0.0
    for j in range(len(row)):
        if row[j] > largest and j != y:
            largest = row[j]
    return largest


@_jit
def floor_and_cut(start, theta, k_high, b, radius):
    """Return the largest negligible and the largest weak probability where y needs `start` votes.

    Pr(Binomial(k, q) >= a) is at most (e k q / a)^a, so it is below exp(-b) for q = a / (e k) exp(-b / a).
    """
    floor = start / (math.e * k_high) * math.exp(-b / start)
    cut = LARGEST_RATIO * radius[min(start, HIGHEST_POWER)] / theta
    return min(floor, cut), cut


@_jit
def list_competitors(row, y, floor, cut, into):
    """Write the competitors above `floor` to `into`; return the numbers of strong and weak ones."""
    q, after = into.q, into.after
    n: Any = np.int64(0)  # A literal 0 would make numba compile what it is passed to twice.
    n_weak = 0
    for j in range(len(row)):
        x = row[j]
        if x > floor and j != y:
            if x <= cut:
                into.weak_q[n_weak], into.weak_after[n_weak] = x, j > y
                n_weak += 1
            else:
                q[n], after[n] = x, j > y
                n += 1
    if n_weak <= FEW:
        for m in range(n_weak):
            q[n], after[n] = into.weak_q[m], into.weak_after[m]
            n += 1
        n_weak = 0
    _sort_down(q, after, n)
    for m in range(n):
        into.log_q[m], into.log_rest[m] = math.log(q[m]), log_of_rest(q[m])
    return n, n_weak


@_jit
def _sort_down(q, after, n):
    """Sort the first n from the largest to the smallest, in place.

    Shell's method, which for a few is an insertion sort, compiles in a tenth of the time that numba's argsort takes.
    """
    gap = 1
    while gap < n // 9:
        gap = 3 * gap + 1
    while gap > 0:
        for m in range(gap, n):
            x, flag, place = q[m], after[m], m
            while place >= gap and q[place - gap] < x:
                q[place], after[place] = q[place - gap], after[place - gap]
                place -= gap
            q[place], after[place] = x, flag
        gap //= 3
