"""The vote of neighbors that each draw their label from a row of their own: counts that are Poisson-multinomial.

A row that is certain adds a fixed vote. The other rows of a neighborhood decide how its winner is found:

- If they are all the same row r, the votes are the fixed ones plus m independent draws from r. The probability is
  exact, by Levin's representation (`labelnoise.plurality`) with the limit of each class lowered by its fixed votes.
  This covers a mask of uniform noise, and any mask in a neighborhood of one class. Flip noise leaves no draws at all.
- If they differ, the exact sum has as many terms as there are label counts. Then the votes are drawn many times, and
  the result has a standard error.

The draws of a neighborhood depend on its position alone, not on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import distinct_patterns
from labelnoise.plurality.pmf import binomial_tail, poisson_pmf
from labelnoise.plurality.ties import tie_nodes
from labelnoise.threads import for_each_block
from labelnoise.validation import TIES

EXACT_OPERATIONS = 2**22
"""Most multiplications spent on the exact answer of one neighborhood, some milliseconds; beyond it, votes are drawn."""

_jit = compiled(error_model="numpy")


@dataclass(frozen=True, eq=False)
class RowTable:
    """The distinct rows, the row of each training sample, and the class of each row that is certain (else -1)."""

    rows: Floats
    of: Integers
    certain: Codes

    @classmethod
    def build(cls, rows: Floats) -> RowTable:
        """Build the table from one row per training sample; noise from a mask has few distinct rows."""
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
    """Return the probability that each of `labels`, (M, n_labels), wins in its neighborhood, and its standard error.

    All K neighbors in `indices`, (M, K), vote. The standard error is 0 where the answer is exact. Elsewhere it is that
    of a share of draws, with two more draws, one won and one lost, so that an event never seen does not pass for
    impossible. Neighborhood i draws with seed ``first + i``.
    """
    k, n_classes = indices.shape[1], table.rows.shape[1]
    members = table.of[indices]
    fixed = np.zeros((len(members), n_classes), np.int64)
    common, n_drawn = np.full(len(members), -1), np.zeros(len(members), np.int64)
    _sort_votes(members, table.certain, fixed, common, n_drawn)
    operations = np.count_nonzero(table.rows, axis=1)[common] * n_drawn**2 * (k / 8)
    exact = (common == -1) | ((common >= 0) & (operations <= EXACT_OPERATIONS))
    wins, errors = np.empty(labels.shape), np.zeros(labels.shape)
    if exact.any():
        wins[exact] = _exact_wins(table.rows, fixed[exact], common[exact], labels[exact], k, ties)
    if not exact.all():
        rest = np.flatnonzero(~exact)
        wins[rest], errors[rest] = _drawn_wins(
            table, members[rest], fixed[rest], labels[rest], ties, draws, seeds=first + rest
        )
    return wins, errors


def _exact_wins(rows: Floats, fixed: Integers, common: Integers, labels: Codes, k: int, ties: str) -> Floats:
    """Return the exact probabilities; neighborhoods with the same fixed votes, row and labels are computed once."""
    distinct, _, inverse = distinct_patterns(np.column_stack([fixed, common]), labels[:, 0])
    asked = labels[np.unique(inverse, return_index=True)[1]]
    wins = np.empty(asked.shape)
    nodes = tie_nodes(ties, min(rows.shape[1], k) - 1)

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            votes, row = distinct[i, :-1], rows[distinct[i, -1]]
            for column, label in enumerate(asked[i]):
                wins[i, column] = _exact_win(votes, row, k - votes.sum(), label, *nodes)

    for_each_block(work, len(wins), 16, "counting votes")
    return wins[inverse]


def _drawn_wins(
    table: RowTable, members: Integers, fixed: Integers, labels: Codes, ties: str, draws: int, seeds: Integers
) -> tuple[Floats, Floats]:
    """Return the shares of draws that each label wins, and their standard errors."""
    k, rule, cumulative = members.shape[1], TIES.index(ties), table.cumulative
    wins, errors = np.empty(labels.shape), np.empty(labels.shape)

    def work(start: int, stop: int) -> None:
        for i in range(start, stop):
            sums = np.zeros(fixed.shape[1])
            drawn_rows = members[i][table.certain[members[i]] < 0]
            rng = np.random.default_rng([k, int(seeds[i])])
            _add_drawn_wins(fixed[i], drawn_rows, cumulative, rule, draws, rng, sums)
            won: Floats = sums[labels[i]]
            smoothed = (won + 1) / (draws + 2)
            wins[i], errors[i] = won / draws, np.sqrt(smoothed * (1 - smoothed) / draws)

    for_each_block(work, len(wins), 16, "drawing votes")
    return wins, errors


@_jit
def _sort_votes(members, certain, fixed, common, n_drawn):
    """Count the fixed votes and the other rows; `common` is the row that those share (-1: none left, -2: several)."""
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
    """Return Pr(label wins) with the fixed votes and m draws from the row; nodes of `plurality.ties` settle ties."""
    n_classes, k = len(fixed), fixed.sum() + m
    sure = max(k // 2 + 1 - fixed[label], 0)  # draws that give the label more than k/2 votes, which always win
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
                room = a - fixed[j]  # draws of class j that make it tie with the label
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
def _add_drawn_wins(fixed, drawn_rows, cumulative, rule, draws, rng, sums):
    """Add the wins of each class, with 1/t for a tie of t, over `draws` draws of the labels that are not fixed."""
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
            while code < last:  # binary search for the first class whose cumulative sum exceeds u
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
