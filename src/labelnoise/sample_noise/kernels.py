"""Compiled loops behind `labelnoise.sample_noise.votes`: votes sorted into fixed and drawn ones, and who wins them."""

from __future__ import annotations

import numpy as np
from numba import njit

from labelnoise.plurality.pmf import binomial_tail, poisson_pmf

_jit = njit(nogil=True, cache=True, error_model="numpy")


@_jit
def sort_votes(members, certain, fixed, common, n_drawn):
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
def exact_win(fixed, row, m, label, start, n_nodes, before, after, weight):
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
def drawn_wins(fixed, drawn_rows, cumulative, rule, draws, rng, sums):
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
