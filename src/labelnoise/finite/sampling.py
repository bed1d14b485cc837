"""Sampled vote profiles under any corruption matrix: one random order of selection serves every m.

A walk selects the K neighbors one after another in random order, and redraws each label as it is selected. After m
steps the votes are a draw given that m of them are selected, so each walk is an unbiased draw of every W[m]. A step
costs a fixed number of operations: the classes are kept sorted by votes, so that adding or removing a vote is a swap. A
tie of t classes that is settled at random counts as 1/t, its expectation, which adds no variance.

The walks of a pattern depend on the seed and the pattern alone, so neither the number of threads nor the other patterns
change a result. Errors at neighboring m are positively correlated, as they share their walks.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import EVERY_LABEL
from labelnoise.threads import for_each_block

_jit = compiled(error_model="numpy")


@_jit
def alias_tables(rows):
    """Return Walker's tables: with u uniform on [0, L) and i = int(u), draw i if u - i < stay[i], else other[i]."""
    n_rows, n = rows.shape
    stay, other = np.ones((n_rows, n)), np.zeros((n_rows, n), np.int32)
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    for row in range(n_rows):
        n_small, n_large = 0, 0
        mass = rows[row] * n
        for j in range(n):
            other[row, j] = j
            if mass[j] < 1.0:
                small[n_small] = j
                n_small += 1
            else:
                large[n_large] = j
                n_large += 1
        while n_small > 0 and n_large > 0:
            n_small -= 1
            i, j = small[n_small], large[n_large - 1]
            stay[row, i], other[row, i] = mass[i], j
            mass[j] -= 1.0 - mass[i]
            if mass[j] < 1.0:
                n_large -= 1
                small[n_small] = j
                n_small += 1
        for i in small[:n_small]:  # their mass is 1 up to rounding, unless the class cannot occur
            if rows[row, i] == 0.0:
                stay[row, i], other[row, i] = 0.0, np.argmax(rows[row])
    return stay, other


@_jit
def _sort_by_votes(counts, order, place, above):
    """Sort the classes by votes, most first; above[v] is the number of classes with more than v votes."""
    above[:] = 0
    for count in counts:
        for v in range(count):
            above[v] += 1
    filled = np.zeros(len(above), np.int64)
    for j in range(len(counts)):
        v = counts[j]
        place[j] = above[v] + filled[v]
        filled[v] += 1
        order[place[j]] = j


@_jit
def _move(counts, order, place, above, j, change):
    """Add a vote to class j (`change` 1) or remove one (-1): swap it with the edge of its group of equal votes."""
    v = counts[j]
    to = above[v] if change > 0 else above[v - 1] - 1
    neighbor, position = order[to], place[j]
    order[to], order[position] = j, neighbor
    place[j], place[neighbor] = to, position
    if change > 0:
        above[v] += 1
    else:
        above[v - 1] -= 1
    counts[j] = v + change


@_jit
def _walk(start_counts, label, ties_code, draws, row_of, stay, other, rng, sums, squares):
    """Add the credit of `label`, or of all labels for `EVERY_LABEL`, and its square at every m, over `draws` walks."""
    every = label == EVERY_LABEL
    n_classes, k = len(start_counts), sums.shape[1] - 1
    members = np.empty(k, np.int64)
    filled = 0
    for j in range(n_classes):
        for _ in range(start_counts[j]):
            members[filled] = j
            filled += 1
    start_order, start_place = np.empty(n_classes, np.int32), np.empty(n_classes, np.int32)
    start_above = np.empty(k + 2, np.int32)
    _sort_by_votes(start_counts, start_order, start_place, start_above)
    counts, order, place, above = start_counts.copy(), start_order.copy(), start_place.copy(), start_above.copy()
    drawn = np.empty(k, np.int64)
    for _ in range(draws):
        for m in range(1, k + 1):
            chosen = m - 1 + int(rng.random() * (k - m + 1))  # each walk may start from any order of the members
            old = members[chosen]
            members[chosen] = members[m - 1]
            members[m - 1] = old
            u = rng.random() * n_classes
            new = int(u)
            if u - new >= stay[row_of[old], new]:
                new = other[row_of[old], new]
            drawn[m - 1] = new
            if new != old:
                _move(counts, order, place, above, old, -1)
                _move(counts, order, place, above, new, 1)
            most = counts[order[0]]
            n_tied = above[most - 1]
            if not every and counts[label] < most:
                continue
            if n_tied > 1 and ties_code == 0:
                continue
            credit = 1.0 / n_tied if ties_code == 1 else 1.0
            if n_tied > 1 and ties_code == 2:
                winner = order[0]
                for i in range(1, n_tied):
                    winner = min(winner, order[i])
                if every:
                    sums[winner, m] += 1.0
                    squares[winner, m] += 1.0
                elif label == winner:
                    sums[0, m] += 1.0
                    squares[0, m] += 1.0
                continue
            if every:
                for i in range(n_tied):
                    sums[order[i], m] += credit
                    squares[order[i], m] += credit * credit
            else:
                sums[0, m] += credit
                squares[0, m] += credit * credit
        # Restore the clean votes, in the way that is less work.
        if n_classes <= 4 * k:
            counts[:], order[:], place[:], above[:] = start_counts, start_order, start_place, start_above
        else:
            for i in range(k):
                if drawn[i] != members[i]:
                    _move(counts, order, place, above, drawn[i], -1)
                    _move(counts, order, place, above, members[i], 1)


def sampled_profiles(
    counts: Integers, labels: Integers, redraw: Floats, row_of: Integers, ties: str, draws: int, seed: int
) -> tuple[Floats, Floats]:
    """Return profiles and standard errors, (n, 1, K + 1), or (n, L, K + 1) if `labels` are `EVERY_LABEL`.

    A selected label of class i is redrawn from ``redraw[row_of[i]]``. The entries at m = 0 are not computed. The
    standard errors count two more draws, one 0 and one 1, so that an event never seen does not pass for impossible.
    """
    n_labels = counts.shape[1] if labels[0] == EVERY_LABEL else 1
    win = np.empty((len(counts), n_labels, int(counts[0].sum()) + 1))
    standard_error = np.empty_like(win)
    ties_code = ("strict", "random", "lowest").index(ties)
    stay, other = alias_tables(redraw)
    narrow = counts.astype(np.int32)

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            present = np.flatnonzero(counts[i])
            pattern = np.column_stack([present, counts[i, present]]).ravel().tolist()
            rng = np.random.default_rng([seed, int(labels[i]) + 1, *pattern])
            sums, squares = np.zeros(win.shape[1:]), np.zeros(win.shape[1:])
            _walk(narrow[i], labels[i], ties_code, draws, row_of, stay, other, rng, sums, squares)
            win[i] = sums / draws
            mean, mean_square = (sums + 1) / (draws + 2), (squares + 1) / (draws + 2)
            standard_error[i] = np.sqrt((mean_square - mean**2) / draws)

    for_each_block(work, len(counts), 4, "sampling votes")
    return win, standard_error
