"""Exact vote profiles where each class becomes one other or stays, and no two become the same, as under flip noise.

With r_j of the c_j neighbors of class j selected, of which x_j change, class j ends with n_j = c_j - x_j + x_i votes,
where i is the class that becomes j. With e_j the probability of a change (1 for a plain flip),

    W[m] = sum over x, and r with sum m, of prod_j C(c_j, r_j) C(r_j, x_j) e_j^x_j (1 - e_j)^(r_j - x_j) [y wins],

divided by C(K, m).

Given the number a of votes for y, "y wins" is a condition on each n_j alone, and n_j involves only two classes that
follow each other on a cycle of the permutation. So the sum is a chain around each cycle. The state of a chain is (x_j
of the class last visited, sum of r so far), and a chain is started once for every x of its first class. The polynomials
of the cycles in the sum of r are then multiplied. A class that cannot change has x = 0 only: there the chain breaks.
Each cycle is cut open where the fewest chains have to be started. All terms are positive, so nothing cancels.

A tied competitor has the weight z of the tie rule, and the sum is integrated over its nodes
(`labelnoise.plurality.ties`).
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import LabelPairs
from labelnoise.finite.products import halved_binomials
from labelnoise.plurality.ties import tie_nodes

_jit = compiled(fastmath={"contract", "nsz"}, error_model="numpy")


def cycles_of(mapping: Integers) -> tuple[Integers, Integers]:
    """Return the classes cycle by cycle, each before the one it becomes, and the start of each cycle (and the end)."""
    order: list[int] = []
    starts = [0]
    seen = np.zeros(len(mapping), dtype=bool)
    for first in range(len(mapping)):
        code = first
        while not seen[code]:
            seen[code] = True
            order.append(code)
            code = int(mapping[code])
        if len(order) > starts[-1]:
            starts.append(len(order))
    return np.array(order, dtype=np.int64), np.array(starts, dtype=np.int64)


@_jit
def _fill_weights(count, change, binomials, weights):
    """Fill weights[x, i]: of `count` labels x change and i more are selected; returns the largest x and i."""
    power = 1.0
    for x in range(count + 1):
        term = binomials[count, x] * power
        for i in range(count - x + 1):
            weights[x, i] = term * binomials[count - x, i] * 2.0 ** (count - x)
            term *= 1 - change
        power *= change
    return (count if change > 0 else 0), (count if change < 1 else 0)


@_jit
def _start(x, count, most_more, weights, state):
    """Write the state for x changed labels in the first class; returns the largest sum."""
    more = min(most_more, count - x)
    for i in range(more + 1):
        state[x, x + i] = weights[x, i]
    return x + more


@_jit
def _advance(state, low, high, sum_low, sum_high, count, most, most_more, weights, a, z, exactly, reached, new):
    """Advance the state from x of one class, in low..high, to x of the next, which has `count` clean labels.

    The next class must end with fewer than `a` votes, or with `a` at weight `z`. With `exactly` it must end with `a`.
    """
    reached[sum_low : sum_high + 1] = 0.0  # sums over the previous class's x that keep this one below a
    row = low
    for x in range(most + 1):
        level = a - count + x  # the previous class's x at which this one gets a votes
        if not exactly:
            while row <= min(level - 1, high):
                for s in range(sum_low, sum_high + 1):
                    reached[s] += state[row, s]
                row += 1
        tied = (1.0 if exactly else z) if low <= level <= high else 0.0
        new[x, sum_low : sum_high + count + 1] = 0.0
        for i in range(min(most_more, count - x) + 1):
            weight = weights[x, i]
            if tied > 0.0:
                for s in range(sum_low, sum_high + 1):
                    new[x, s + x + i] += weight * (reached[s] + tied * state[level, s])
            else:
                for s in range(sum_low, sum_high + 1):
                    new[x, s + x + i] += weight * reached[s]


@_jit
def _cycle(begin, end, counts, y, a, z, most, most_more, weights, first_row, state, new, reached, total):
    """Add to total[s] the weight of all ways around the cycle of places begin..end-1 that select s labels."""
    n = counts[begin]
    for start in range(most[begin] + 1):
        low, high, sum_low = start, start, start
        sum_high = _start(start, n, most_more[begin], weights[first_row[begin] :], state)
        for i in range(begin + 1, end):
            of_class = weights[first_row[i] :]
            _advance(
                state, low, high, sum_low, sum_high, counts[i], most[i], most_more[i], of_class, a, z[i], i == y,
                reached, new,
            )  # fmt: skip
            state, new = new, state
            low, high, sum_high = 0, most[i], sum_high + counts[i]
        level = a - n + start
        if begin != y:
            for x in range(low, min(level - 1, high) + 1):
                for s in range(sum_low, sum_high + 1):
                    total[s] += state[x, s]
        tied = 1.0 if begin == y else z[begin]
        if low <= level <= high and tied > 0.0:
            for s in range(sum_low, sum_high + 1):
                total[s] += tied * state[level, s]


@_jit
def _occupied_cycles(counts, change, order, starts, members, bounds):
    """List the classes that can have a vote, cycle by cycle; returns the number of cycles.

    Cycle i holds members[bounds[i] : bounds[i + 1]], cut open where the fewest labels can change.
    """
    n_cycles, filled = 0, 0
    bounds[0] = 0
    for cycle in range(len(starts) - 1):
        begin, length = starts[cycle], starts[cycle + 1] - starts[cycle]
        cut, fewest = 0, -1
        for i in range(length):
            j, before = order[begin + i], order[begin + (i - 1) % length]
            if counts[j] > 0 or counts[before] > 0:
                movable = counts[j] if change[j] > 0 else 0
                if fewest < 0 or movable < fewest:
                    cut, fewest = i, movable
        if fewest < 0:
            continue
        for i in range(length):
            place = begin + (cut + i) % length
            j, before = order[place], order[begin + (cut + i - 1) % length]
            if counts[j] > 0 or counts[before] > 0:
                members[filled] = j
                filled += 1
        n_cycles += 1
        bounds[n_cycles] = filled
    return n_cycles


@_jit
def _flip_profiles(counts, rows, labels, order, starts, before, change, binomials, nodes, out):
    node_start, node_count, lower, higher, node_weight = nodes
    n_classes, k = counts.shape[1], out.shape[1] - 1
    members, bounds = np.empty(n_classes, np.int64), np.empty(n_classes + 1, np.int64)
    room = min(n_classes, 2 * k)  # classes that can have a vote
    most, most_more = np.empty(room, np.int64), np.empty(room, np.int64)
    first_row, here, z = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    weights = np.empty((k + room, k + 1))
    state, new = np.empty((k + 1, k + 1)), np.empty((k + 1, k + 1))
    whole, product, of_cycle, reached = np.empty(k + 1), np.empty(k + 1), np.empty(k + 1), np.empty(k + 1)
    for pair in range(len(rows)):
        c, label, result = counts[rows[pair]], labels[pair], out[pair]
        result[:] = 0.0
        n_cycles = _occupied_cycles(c, change, order, starts, members, bounds)
        y, row = -1, 0
        for i in range(bounds[n_cycles]):
            j = members[i]
            here[i], first_row[i] = c[j], row
            most[i], most_more[i] = _fill_weights(c[j], change[j], binomials, weights[row:])
            row += c[j] + 1
            if j == label:
                y = i
        if y < 0:  # the label cannot have a vote
            continue
        lost = c[label] if change[label] > 0 else 0
        gained = c[before[label]] if change[before[label]] > 0 else 0
        for a in range(max(1, c[label] - lost), c[label] + gained + 1):
            depth = min(n_classes - 1, k // a - 1)
            for node in range(node_start[depth], node_start[depth] + node_count[depth]):
                for i in range(bounds[n_cycles]):
                    z[i] = lower[node] if members[i] < label else higher[node]
                whole[0], degree = node_weight[node], 0
                for cycle in range(n_cycles):
                    begin, end = bounds[cycle], bounds[cycle + 1]
                    top = np.sum(here[begin:end])
                    of_cycle[: top + 1] = 0.0
                    _cycle(
                        begin, end, here, y, a, z, most, most_more, weights, first_row, state, new, reached, of_cycle
                    )
                    product[: degree + top + 1] = 0.0
                    for s in range(degree + 1):
                        for t in range(top + 1):
                            product[s + t] += whole[s] * of_cycle[t]
                    whole, product, degree = product, whole, degree + top
                for m in range(k + 1):
                    result[m] += whole[m]
        for m in range(k + 1):
            result[m] = min(result[m] / binomials[k, m], 1.0)


def flip_profiles(pairs: LabelPairs, mapping: Integers, change: Floats, ties: str, out: Floats) -> None:
    """Write the profile of pair i into ``out[i]``, (K + 1,).

    A selected label of class i becomes ``mapping[i]``, a permutation, with probability ``change[i]``; K <= `MAX_K`.
    """
    k = out.shape[1] - 1
    order, starts = cycles_of(mapping)
    before = np.empty_like(mapping)
    before[mapping] = np.arange(len(mapping))
    change = np.where(before == np.arange(len(mapping)), 0.0, change)
    nodes = tuple(tie_nodes(ties, min(pairs.counts.shape[1], k) - 1))
    _flip_profiles(*pairs, order, starts, before, change, halved_binomials(k), nodes, out)
