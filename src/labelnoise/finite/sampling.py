"""Sampled vote profiles under any corruption matrix: one random order of selection serves every m.

A walk selects the K neighbors one after another in random order, and redraws each label as it is selected. After m
steps the votes are a draw given that m of them are selected, so each walk is an unbiased draw of every W[m]. A step
costs a fixed number of operations: the number of classes with v votes or more is kept for each v. A tie of t classes
that is settled at random counts as 1/t, its expectation, which adds no variance.

Walks come in blocks of `LANES`, which share their draws as evenly as possible, so that a block varies less than as many
independent walks:

- The walks of a block go through the neighbors in one random cyclic order, from starts that are equally far apart. So
  every neighbor is selected early in some walks and late in others.
- The labels that one neighbor becomes in the walks of a block are a systematic sample of its row: the inverse of the
  distribution function at (i + u) / LANES, i = 0..LANES-1, with one random u, dealt out to the walks in random order.

Each walk for itself is as it would be alone. Blocks are independent of each other, and standard errors are those of the
blocks' means. The walks of a pattern depend on the seed and the pattern alone, so neither the number of threads nor the
other patterns change a result. Errors at neighboring m are positively correlated, as they share their walks.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import EVERY_LABEL
from labelnoise.threads import for_each_block
from labelnoise.validation import TIES
from labelnoise.vectors import WIDTH, add_up, divide, fill, load, maximum, minimum, store

LANES = 16
"""Walks per block."""

BATCH = 128
"""Blocks whose random numbers are drawn at once: numpy draws many numbers ten times as fast as a kernel draws one."""

N_DEALS = 256
"""Random orders in which labels are dealt out; each is turned by a random number of walks, so that it is fair."""

FEW_CLASSES = 32
"""Distribution functions of so many classes are compared with all strata at once, which compiles to vectors."""

_STRICT, _RANDOM, _LOWEST = range(3)

_jit = compiled(error_model="numpy")


def distribution_functions(rows: Floats) -> Floats:
    """Return the distribution function of each row: -1 before the first class that can occur, and 2 from the last.

    So rounding errors, and a random number that is 0, never draw a class that cannot occur.
    """
    functions = rows.cumsum(axis=1)
    functions[functions == 0.0] = -1.0
    last = rows.shape[1] - 1 - (rows[:, ::-1] > 0).argmax(axis=1)
    functions[np.arange(rows.shape[1]) >= last[:, None]] = 2.0
    return functions


@_jit
def _draw(members, strata, starts, row_of, functions, deals, uniform, selected, drawn):
    """Fill selected[m, lane] and drawn[m, lane], the class of the m-th neighbor selected and the label it becomes.

    `uniform` holds random numbers, (3, K). `members` holds the classes of the neighbors, and is shuffled.
    ``starts[lane]`` is where a walk through it begins.
    """
    k = len(members)
    for i in range(k - 1):
        other = i + int(uniform[0, i] * (k - i))
        members[i], members[other] = members[other], members[i]
    new = np.empty(LANES)
    for i in range(k):
        old, function = members[i], functions[row_of[members[i]]]
        u, deal_and_turn = uniform[1, i], int(uniform[2, i] * len(deals) * LANES)
        deal, turn = deals[deal_and_turn // LANES], deal_and_turn % LANES
        if len(function) <= FEW_CLASSES:
            zero, one, huge = fill(0.0), fill(1.0), fill(1e300)
            for lane in range(0, LANES, WIDTH):
                code, place = zero, load(strata, lane) + fill(u)
                for j in range(len(function)):
                    beyond = (place - fill(LANES * function[j])) * huge  # not between 0 and 1
                    code = code + minimum(maximum(beyond, zero), one)
                store(new, lane, code)
        else:
            code = 0
            for stratum in range(LANES):
                while stratum >= LANES * function[code] - u:
                    code += 1
                new[stratum] = code
        for stratum in range(LANES):
            lane = (deal[stratum] + turn) & (LANES - 1)  # the remainder, as `LANES` is a power of 2
            m = i - starts[lane]
            m += k if m < 0 else 0
            selected[m, lane], drawn[m, lane] = old, int(new[stratum])


@_jit
def _count_wins(start_counts, group_of, ties_code, selected, drawn, counts, at_least, most, wins):
    """Set wins[m] to the credit of the label with m + 1 labels redrawn, summed over the walks of a block.

    Group 0 holds the competitors, or those before the label if the lowest class wins ties; group 1 holds those after
    it; group 2 holds the label itself. at_least[lane, group, v] is the number of classes with v votes or more, and
    most[lane, group] is the largest number of votes.
    """
    k, n_classes = len(selected), len(start_counts)
    at_least[:], most[:] = 0, 0
    for lane in range(LANES):
        counts[lane] = start_counts
        for j in range(n_classes):
            group = group_of[j]
            for v in range(1, start_counts[j] + 1):
                at_least[lane, group, v] += 1
            most[lane, group] = max(most[lane, group], start_counts[j])
    for m in range(k):
        total = 0.0
        for lane in range(LANES):
            old, new = selected[m, lane], drawn[m, lane]
            group = group_of[old]
            v = counts[lane, old]
            counts[lane, old] = v - 1
            at_least[lane, group, v] -= 1
            most[lane, group] -= int(at_least[lane, group, v] == 0)
            group = group_of[new]
            v = counts[lane, new] + 1
            counts[lane, new] = v
            at_least[lane, group, v] += 1
            most[lane, group] += int(v > most[lane, group])
            own, other, after = most[lane, 2], most[lane, 0], most[lane, 1]
            if own > other and own >= after:
                total += 1.0
            elif own == other and ties_code == _RANDOM:
                total += 1.0 / (at_least[lane, 0, other] + 1)
        wins[m] = total


@_jit
def _count_wins_of_few(start_counts, label, ties_code, selected, drawn, counts, wins):
    """Set wins[m] as `_count_wins` does, by comparing all classes, with the walks of a block side by side."""
    n_classes = len(start_counts)
    zero, one, two = fill(0.0), fill(1.0), fill(2.0)
    for j in range(n_classes):
        for lane in range(LANES):
            counts[LANES * j + lane] = start_counts[j]
    for m in range(len(selected)):
        for lane in range(LANES):
            counts[LANES * selected[m, lane] + lane] -= 1.0
            counts[LANES * drawn[m, lane] + lane] += 1.0
        total = zero
        for lane in range(0, LANES, WIDTH):
            own, lead, level = load(counts, LANES * label + lane), zero, zero
            if ties_code == _LOWEST:
                for j in range(label):  # a tie with one of these is lost
                    lead = maximum(lead, load(counts, LANES * j + lane) - own + one)
                for j in range(label + 1, n_classes):
                    lead = maximum(lead, load(counts, LANES * j + lane) - own)
                total = total + maximum(one - lead, zero)
                continue
            for j in range(n_classes):
                # This is 0 for a class behind the label, 1 for one level with it, as it is itself, and 2 or more ahead.
                votes = maximum(load(counts, LANES * j + lane) - own + one, zero)
                lead, level = maximum(lead, votes), level + votes
            not_ahead = maximum(two - lead, zero)
            if ties_code == _RANDOM:
                total = total + divide(not_ahead, level)
            else:
                total = total + not_ahead * maximum(two - level, zero)
        wins[m] = add_up(total)


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
def _count_every_win(start_counts, ties_code, selected, drawn, wins):
    """Set wins[j, m] to the credit of class j with m + 1 labels redrawn, summed over the walks of a block."""
    k, n_classes = len(selected), len(start_counts)
    start_order, start_place = np.empty(n_classes, np.int32), np.empty(n_classes, np.int32)
    start_above = np.empty(k + 2, np.int32)
    _sort_by_votes(start_counts, start_order, start_place, start_above)
    counts, order, place, above = start_counts.copy(), start_order.copy(), start_place.copy(), start_above.copy()
    wins[:] = 0.0
    for lane in range(LANES):
        counts[:], order[:], place[:], above[:] = start_counts, start_order, start_place, start_above
        for m in range(k):
            old, new = selected[m, lane], drawn[m, lane]
            if new != old:
                _move(counts, order, place, above, old, -1)
                _move(counts, order, place, above, new, 1)
            n_tied = above[counts[order[0]] - 1]
            if ties_code == _LOWEST:
                winner = order[0]
                for i in range(1, n_tied):
                    winner = min(winner, order[i])
                wins[winner, m] += 1.0
            elif n_tied == 1 or ties_code == _RANDOM:
                for i in range(n_tied):
                    wins[order[i], m] += 1.0 / n_tied


@_jit
def _sample(start_counts, label, ties_code, row_of, functions, deals, uniform, sums, squares):
    """Add the wins of each block at each m, and their squares, to (1, K) arrays, or (L, K) for `EVERY_LABEL`."""
    n_classes, k = len(start_counts), sums.shape[1]
    members = np.empty(k, np.int64)
    filled = 0
    for j in range(n_classes):
        for _ in range(start_counts[j]):
            members[filled] = j
            filled += 1
    strata, starts = np.arange(LANES) * 1.0, np.arange(LANES) * k // LANES
    group_of = np.zeros(n_classes, np.int64)
    if label != EVERY_LABEL:
        group_of[label] = 2
        if ties_code == _LOWEST:
            group_of[label + 1 :] = 1
    selected, drawn = np.empty((k, LANES), np.int32), np.empty((k, LANES), np.int32)
    few = n_classes <= FEW_CLASSES
    side_by_side, counts = np.empty(LANES * n_classes if few else 0), np.empty((LANES, n_classes), np.int32)
    most, at_least = np.empty((LANES, 3), np.int32), np.empty((LANES, 3, k + 2), np.int32)
    wins = np.empty(sums.shape)
    for block in range(len(uniform)):
        _draw(members, strata, starts, row_of, functions, deals, uniform[block], selected, drawn)
        if label == EVERY_LABEL:
            _count_every_win(start_counts, ties_code, selected, drawn, wins)
        elif few:
            _count_wins_of_few(start_counts, label, ties_code, selected, drawn, side_by_side, wins[0])
        else:
            _count_wins(start_counts, group_of, ties_code, selected, drawn, counts, at_least, most, wins[0])
        sums += wins
        squares += wins * wins


def sampled_profiles(
    counts: Integers, labels: Integers, redraw: Floats, row_of: Integers, ties: str, draws: int, seed: int
) -> tuple[Floats, Floats]:
    """Return profiles and standard errors, (n, 1, K + 1), or (n, L, K + 1) if `labels` are `EVERY_LABEL`.

    A selected label of class i is redrawn from ``redraw[row_of[i]]``. The entries at m = 0 are not computed. There are
    `draws` walks, or as many more as fill the last block. The standard errors count one walk more, with the other
    outcome, so that an event never seen does not pass for impossible.
    """
    n_labels, k = counts.shape[1] if labels[0] == EVERY_LABEL else 1, int(counts[0].sum())
    win = np.empty((len(counts), n_labels, k + 1))
    standard_error = np.empty_like(win)
    n_blocks = max(2, -(-draws // LANES))
    functions, narrow = distribution_functions(redraw), counts.astype(np.int32)
    deals = np.argsort(np.random.default_rng(0).random((N_DEALS, LANES)), axis=1)

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            present = np.flatnonzero(counts[i])
            pattern = np.column_stack([present, counts[i, present]]).ravel().tolist()
            rng = np.random.default_rng([seed, int(labels[i]) + 1, *pattern])
            sums, squares = np.zeros((2, n_labels, k))
            for first in range(0, n_blocks, BATCH):
                uniform = rng.random((min(BATCH, n_blocks - first), 3, k))
                _sample(narrow[i], labels[i], TIES.index(ties), row_of, functions, deals, uniform, sums, squares)
            win[i, :, 1:] = sums / (n_blocks * LANES)
            deviations = np.maximum(squares - sums**2 / n_blocks, 0.0) + 1.0
            standard_error[i, :, 1:] = np.sqrt(deviations / (n_blocks * (n_blocks - 1))) / LANES

    for_each_block(work, len(counts), 4, "sampling votes")
    return win, standard_error
