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

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import EVERY_LABEL
from labelnoise.threads import for_each_block
from labelnoise.validation import TIES
from labelnoise.vectors import WIDTH, add_up, divide, fill, load, maximum, store

LANES = 16
"""Walks per block."""

BATCH = 128
"""Blocks whose random numbers are drawn at once: numpy draws many numbers ten times as fast as a kernel draws one."""

N_DEALS = 256
"""Random orders in which labels are dealt out; each is turned by a random number of walks, so that it is fair."""

FEW_CLASSES = 32
"""With so many classes, all systematic samples of a row are tabulated, and votes are compared for all walks at once."""

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


def systematic_samples(functions: Floats) -> tuple[Floats, Codes]:
    """Return all systematic samples of each distribution function F, and where in 0 <= u < 1 one follows the other.

    Element i of a sample is the first class j with i + u <= LANES F[j]. So it changes where u passes the fractional
    part of LANES F[j], for some j, and nowhere else.

    Returns
    -------
    changes : (n, L) array
        Sorted; 2 where a class makes no change. The sample of u is the one whose number is that of the changes below u.
    samples : (n, L + 1, LANES) array of classes
    """
    ends = LANES * functions
    changes = np.sort(np.where((ends >= 0) & (ends < LANES), ends - np.floor(ends), 2.0), axis=1)
    u = np.minimum(np.pad(changes, ((0, 0), (0, 1)), constant_values=1.0), 1.0)  # the largest one of each sample
    below = ends[:, None] - np.arange(LANES)[:, None]
    return changes, (u[:, :, None, None] > below[:, None]).sum(axis=-1)


@_jit
def _draw(members, row_of, functions, changes, samples, deals, uniform, drawn):
    """Shuffle `members`, the classes of the neighbors, and set drawn[i, lane], what the i-th becomes in a walk.

    `uniform` holds random numbers, (3, K). deals[d] is a random order of the elements of a sample, twice in a row.
    """
    k = len(members)
    for i in range(k - 1):
        other = i + int(uniform[0, i] * (k - i))
        members[i], members[other] = members[other], members[i]
    new = np.empty(LANES, np.int64)
    for i in range(k):
        row, u, deal_and_turn = row_of[members[i]], uniform[1, i], int(uniform[2, i] * len(deals) * LANES)
        deal, first = deals[deal_and_turn // LANES], LANES - deal_and_turn % LANES
        if len(samples) > 0:
            number = 0
            for j in range(changes.shape[1]):
                number += changes[row, j] < u
            for lane in range(LANES):
                drawn[i, lane] = samples[row, number, deal[first + lane]]
        else:
            code = 0
            for stratum in range(LANES):
                while stratum >= LANES * functions[row, code] - u:
                    code += 1
                new[stratum] = code
            for lane in range(LANES):
                drawn[i, lane] = new[deal[first + lane]]


@_jit
def _selected(m, lane, starts, k):
    """Return the place in `members` of the neighbor that a walk selects at step m."""
    i = m + starts[lane]
    return i if i < k else i - k


@_jit
def _count_wins(start_counts, group_of, ties_code, members, starts, drawn, counts, at_least, most, wins):
    """Set wins[m] to the credit of the label with m + 1 labels redrawn, summed over the walks of a block.

    Group 0 holds the competitors, or those before the label if the lowest class wins ties; group 1 holds those after
    it; group 2 holds the label itself. at_least[lane, group, v] is the number of classes with v votes or more, and
    most[lane, group] is the largest number of votes.
    """
    k, n_classes = len(members), len(start_counts)
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
            i = _selected(m, lane, starts, k)
            old, new = members[i], drawn[i, lane]
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
def _settled_steps(counts, label, n_classes, all_won, leads):
    """Return for how many steps the label surely stays ahead of all classes in every walk, or behind one of them.

    A step takes at most one vote from one class and gives it to another, so a lead shrinks by at most 2.
    """
    for lane in range(0, LANES, WIDTH):
        own, other = load(counts, LANES * label + lane), fill(0.0)
        for j in range(n_classes):
            if j != label:
                other = maximum(other, load(counts, LANES * j + lane))
        store(leads, lane, own - other if all_won else other - own)
    least = leads[0]
    for lead in leads:
        least = min(least, lead)
    return (int(least) - 1) // 2


@_jit
def _count_wins_of_few(start_counts, label, ties_code, members, starts, drawn, counts, leads, wins):
    """Set wins[m] as `_count_wins` does, by comparing all classes, with the walks of a block side by side.

    Where all walks are won or all are lost, the next comparison is made when that may have changed.
    """
    k, n_classes = len(members), len(start_counts)
    next_comparison, next_estimate = 0, 0
    zero, one, two = fill(0.0), fill(1.0), fill(2.0)
    for j in range(n_classes):
        for lane in range(LANES):
            counts[LANES * j + lane] = start_counts[j]
    for m in range(k):
        for lane in range(LANES):
            i = _selected(m, lane, starts, k)
            counts[LANES * members[i] + lane] -= 1.0
            counts[LANES * drawn[i, lane] + lane] += 1.0
        if m < next_comparison:
            wins[m] = wins[m - 1]
            continue
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
        if m >= next_estimate and (wins[m] == LANES or wins[m] == 0.0):
            next_comparison = m + 1 + _settled_steps(counts, label, n_classes, wins[m] == LANES, leads)
            next_estimate = m + 4  # It takes as long as a comparison, and near a tie it saves none.


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
def _count_every_win(start_counts, ties_code, members, starts, drawn, wins):
    """Set wins[j, m] to the credit of class j with m + 1 labels redrawn, summed over the walks of a block."""
    k, n_classes = len(members), len(start_counts)
    start_order, start_place = np.empty(n_classes, np.int32), np.empty(n_classes, np.int32)
    start_above = np.empty(k + 2, np.int32)
    _sort_by_votes(start_counts, start_order, start_place, start_above)
    counts, order, place, above = start_counts.copy(), start_order.copy(), start_place.copy(), start_above.copy()
    wins[:] = 0.0
    for lane in range(LANES):
        counts[:], order[:], place[:], above[:] = start_counts, start_order, start_place, start_above
        for m in range(k):
            i = _selected(m, lane, starts, k)
            old, new = members[i], drawn[i, lane]
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
def _sample(start_counts, label, ties_code, row_of, functions, changes, samples, deals, uniform, sums, squares):
    """Add the wins of each block at each m, and their squares, to (1, K) arrays, or (L, K) for `EVERY_LABEL`."""
    n_classes, k = len(start_counts), sums.shape[1]
    members = np.empty(k, np.int64)
    filled = 0
    for j in range(n_classes):
        for _ in range(start_counts[j]):
            members[filled] = j
            filled += 1
    starts = np.arange(LANES) * k // LANES
    group_of = np.zeros(n_classes, np.int64)
    if label != EVERY_LABEL:
        group_of[label] = 2
        if ties_code == _LOWEST:
            group_of[label + 1 :] = 1
    drawn = np.empty((k, LANES), np.int32)
    few = len(samples) > 0
    side_by_side, leads = np.empty(LANES * n_classes if few else 0), np.empty(LANES)
    counts = np.empty((LANES, n_classes), np.int32)
    most, at_least = np.empty((LANES, 3), np.int32), np.empty((LANES, 3, k + 2), np.int32)
    wins = np.empty(sums.shape)
    for block in range(len(uniform)):
        _draw(members, row_of, functions, changes, samples, deals, uniform[block], drawn)
        if label == EVERY_LABEL:
            _count_every_win(start_counts, ties_code, members, starts, drawn, wins)
        elif few:
            _count_wins_of_few(start_counts, label, ties_code, members, starts, drawn, side_by_side, leads, wins[0])
        else:
            _count_wins(start_counts, group_of, ties_code, members, starts, drawn, counts, at_least, most, wins[0])
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
    deals = np.tile(np.argsort(np.argsort(np.random.default_rng(0).random((N_DEALS, LANES)), axis=1), axis=1), 2)
    few = functions if counts.shape[1] <= FEW_CLASSES else functions[:0]
    tables = systematic_samples(few)

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            present = np.flatnonzero(counts[i])
            pattern = np.column_stack([present, counts[i, present]]).ravel().tolist()
            rng = np.random.default_rng([seed, int(labels[i]) + 1, *pattern])
            sums, squares = np.zeros((2, n_labels, k))
            for first in range(0, n_blocks, BATCH):
                uniform = rng.random((min(BATCH, n_blocks - first), 3, k))
                _sample(
                    narrow[i], labels[i], TIES.index(ties), row_of, functions, *tables, deals, uniform, sums, squares
                )
            win[i, :, 1:] = sums / (n_blocks * LANES)
            deviations = np.maximum(squares - sums**2 / n_blocks, 0.0) + 1.0
            standard_error[i, :, 1:] = np.sqrt(deviations / (n_blocks * (n_blocks - 1))) / LANES

    for_each_block(work, len(counts), 4, "sampling votes")
    return win, standard_error
