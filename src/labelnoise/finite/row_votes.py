"""The vote of neighbors that each draw their label from a row of their own: counts that are Poisson-multinomial.

A row that is certain adds a fixed vote. What is left of a neighborhood decides how its winner is found:

- all other rows are the same row r: the fixed votes plus m independent draws from r, exactly, by Levin's representation
  (`labelnoise.plurality`) with each class's limit lowered by its fixed votes. A mask of uniform noise, and any mask in
  a neighborhood of one class, is of this kind; flip noise leaves no draws at all.
- rows differ: the exact sum has as many terms as there are label counts, so that the votes are drawn, many times, and
  the result has a standard error.

Draws depend on the neighborhood's place among the others alone, not on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.finite.patterns import distinct_patterns
from labelnoise.plurality.pmf import binomial_tail, poisson_pmf
from labelnoise.plurality.ties import tie_nodes
from labelnoise.threads import for_each_block
from labelnoise.validation import TIES

_jit = njit(nogil=True, cache=True, error_model="numpy")
EXACT_OPERATIONS = 2**22
"""Most multiplications spent on one neighborhood's exact answer, some milliseconds; beyond, votes are drawn."""


@dataclass(frozen=True, eq=False)
class RowTable:
    """The distinct rows, which of them each training sample has, and the class of those that are certain (else -1)."""

    rows: Floats
    of: Integers
    certain: Codes

    @classmethod
    def build(cls, rows: Floats) -> RowTable:
        """From one row a training sample; masks leave few distinct ones."""
        found: dict[bytes, int] = {}
        digests = (blake2b(row.tobytes(), digest_size=16).digest() for row in rows)  # sorting rows takes far longer
        of = np.array([found.setdefault(digest, len(found)) for digest in digests], dtype=np.int64)
        first = np.unique(of, return_index=True)[1]
        distinct = np.ascontiguousarray(rows[first])
        return cls(distinct, of, np.where(distinct.max(axis=1) == 1, distinct.argmax(axis=1), -1))

    @cached_property
    def cumulative(self) -> Floats:
        """Cumulative sums of the rows, by which labels are drawn."""
        return np.cumsum(self.rows, axis=1)


def win_probabilities(
    table: RowTable, indices: NDArray[Any], labels: Codes, ties: str, *, draws: int, first: int = 0
) -> tuple[Floats, Floats]:
    """Probability that each of `labels`, (M, n_labels), wins the vote of the M neighborhoods; and its standard error.

    `indices` are (M, K), and all K vote. The standard error is 0 where the answer is exact; elsewhere it is that of a
    share of draws, with two more draws, one won and one lost, so that what was never seen does not pass for impossible.
    The draws of neighborhood i are those of seed ``first + i``.
    """
    k, n_classes = indices.shape[1], table.rows.shape[1]
    members = table.of[indices]
    fixed = np.zeros((len(members), n_classes), np.int64)
    common, n_drawn = np.full(len(members), -1), np.zeros(len(members), np.int64)
    _sort_votes(members, table.certain, fixed, common, n_drawn)
    operations = np.count_nonzero(table.rows, axis=1)[common] * n_drawn**2 * (k / 8)
    exact = (common == -1) | ((common >= 0) & (operations <= EXACT_OPERATIONS))
    wins, errors = np.empty(labels.shape), np.zeros(labels.shape)

    here, rest = np.flatnonzero(exact), np.flatnonzero(~exact)
    if len(here):
        distinct, _, inverse = distinct_patterns(np.column_stack([fixed, common])[here], labels[here, 0])
        asked = labels[here][np.unique(inverse, return_index=True)[1]]
        found = np.empty(asked.shape)
        nodes = tie_nodes(ties, min(n_classes, k) - 1)

        def solve(start: int, stop: int) -> None:
            for i in range(start, stop):
                votes, row = distinct[i, :-1], table.rows[distinct[i, -1]]
                for column, label in enumerate(asked[i]):
                    found[i, column] = _exact_win(votes, row, k - votes.sum(), label, *nodes)

        for_each_block(solve, len(found), 16, "counting votes")
        wins[here] = found[inverse]

    def draw(start: int, stop: int) -> None:
        for s in rest[start:stop]:
            sums = np.zeros(n_classes)
            drawn_rows = members[s][table.certain[members[s]] < 0]
            rng = np.random.default_rng([k, first + int(s)])
            _drawn_wins(fixed[s], drawn_rows, table.cumulative, TIES.index(ties), draws, rng, sums)
            won: Floats = sums[labels[s]]
            smoothed = (won + 1) / (draws + 2)
            wins[s], errors[s] = won / draws, np.sqrt(smoothed * (1 - smoothed) / draws)

    if len(rest):
        assert table.cumulative.size  # computed once, before the threads ask for it
        for_each_block(draw, len(rest), 16, "drawing votes")
    return wins, errors


@_jit
def _sort_votes(members, certain, fixed, common, n_drawn):
    """Fixed votes; the row that all others share (-1: there are no others, -2: they differ); how many they are."""
    for s in range(len(members)):
        common[s] = -1
        for row in members[s]:
            if certain[row] >= 0:
                fixed[s, certain[row]] += 1
            else:
                n_drawn[s] += 1
                if common[s] == -1:
                    common[s] = row
                elif common[s] != row:
                    common[s] = -2


@_jit
def _exact_win(fixed, row, m, label, start, n_nodes, before, after, weight):
    """Pr(label wins the fixed votes and m draws from the row); the tie rule as nodes z of `plurality.ties`."""
    n_classes, k = len(fixed), fixed.sum() + m
    sure = max(k // 2 + 1 - fixed[label], 0)  # with more than k/2 votes it wins whatever the others have
    total = binomial_tail(sure, m, row[label])
    series = np.empty((n_classes, m + 1))
    for j in range(n_classes):
        for i in range(m + 1):
            series[j, i] = poisson_pmf(i, m * row[j])
    ways, fresh = np.empty(m + 1), np.empty(m + 1)
    for b in range(min(sure, m + 1)):
        a, left = fixed[label] + b, m - b
        if a == 0 or series[label, b] == 0.0:
            continue
        depth = min(n_classes - 1, k // a - 1)
        for node in range(start[depth], start[depth] + n_nodes[depth]):
            ways[: left + 1] = 0.0
            ways[0] = 1.0
            for j in range(n_classes):
                room = a - fixed[j]  # draws with which j ties
                z = before[node] if j < label else after[node]
                if j == label:
                    continue
                if room < 0 or (room == 0 and z == 0.0):
                    ways[0] = -1.0
                    break
                top = left if row[j] > 0.0 else 0
                for n in range(left + 1):
                    value = 0.0
                    for i in range(min(n, top, room - 1) + 1):
                        value += ways[n - i] * series[j, i]
                    if room <= min(n, top):
                        value += z * ways[n - room] * series[j, room]
                    fresh[n] = value
                ways, fresh = fresh, ways
            if ways[0] < 0.0:
                continue
            total += weight[node] * series[label, b] * ways[left] / poisson_pmf(m, float(m))
    return min(total, 1.0)


@_jit
def _drawn_wins(fixed, drawn_rows, cumulative, rule, draws, rng, sums):
    """Add each class's wins, in shares of a tie, over `draws` draws of the labels that are not fixed."""
    n_classes = len(fixed)
    counts = fixed.copy()
    leaders, first_leaders = np.empty(n_classes, np.int64), np.flatnonzero(fixed == fixed.max())
    chosen = np.empty(len(drawn_rows), np.int64)
    for _ in range(draws):
        top = fixed.max()
        n_leaders = len(first_leaders) if top > 0 else 0
        leaders[:n_leaders] = first_leaders[:n_leaders]
        for i in range(len(drawn_rows)):
            row = drawn_rows[i]
            u = rng.random() * cumulative[row, -1]
            code, last = 0, n_classes - 1
            while code < last:  # the first class whose cumulative sum exceeds u
                middle = (code + last) // 2
                if cumulative[row, middle] > u:
                    last = middle
                else:
                    code = middle + 1
            chosen[i] = code
            counts[code] += 1
            if counts[code] > top:
                top, n_leaders = counts[code], 0
            if counts[code] == top:
                leaders[n_leaders] = code
                n_leaders += 1
        if rule == 1:
            for i in range(n_leaders):
                sums[leaders[i]] += 1.0 / n_leaders
        elif rule == 2 or n_leaders == 1:
            sums[leaders[:n_leaders].min()] += 1.0
        for i in range(len(chosen)):
            counts[chosen[i]] -= 1
