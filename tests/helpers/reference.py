"""Slow, obviously correct reference results: exact arithmetic on integers, and no code shared with the package."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, comb, factorial

import mpmath
import numpy as np


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield every way to write `total` as an ordered sum of `parts` non-negative integers."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def share_of_win(counts: tuple[int, ...], label: int, ties: str) -> Fraction:
    """Return the share of the win that class `label` has in the outcome `counts`."""
    winners = [j for j, n in enumerate(counts) if n == max(counts)]
    if label not in winners:
        return Fraction(0)
    if ties == "random":
        return Fraction(1, len(winners))
    if ties == "lowest":
        return Fraction(winners[0] == label)
    return Fraction(winners == [label])


def plurality_by_enumeration(q, k: int, label: int, ties: str) -> Fraction:
    """Sum Eq. 2 term by term, in exact rationals. The row is normalized exactly."""
    p = [Fraction(float(x)) for x in q]
    p = [x / sum(p) for x in p]
    total = Fraction(0)
    for counts in compositions(k, len(p)):
        share = share_of_win(counts, label, ties)
        if share:
            term = Fraction(factorial(k))
            for n, x in zip(counts, p, strict=True):
                term *= x**n / factorial(n)
            total += share * term
    return total


def plurality_exact(q, k: int, ties: str) -> np.ndarray:
    """Return Pr(win) of every class of every row, in exact integers, rounded once at the end; shape (rows, classes).

    Draws are assigned class by class: the number of sequences is multiplied by comb(n, i) when class j takes i of the n
    places left. ``ways[t, n]`` is the weight of all ways that leave n places and t competitors tied with the label's a
    votes. Object arrays hold Python integers, so that a whole column of rows is computed at once.
    """
    q = np.asarray(q, dtype=float)
    bits = [max(53 - int(np.frexp(row[row > 0].min())[1]), 0) for row in q]  # 2^bits makes every double a whole number
    whole = np.array(
        [[int(Fraction(float(x)) * 2**b) for x in row] for row, b in zip(q, bits, strict=True)], dtype=object
    )
    totals = whole.sum(axis=1) ** k
    out = np.zeros(q.shape)
    power = [whole**i for i in range(k + 1)]
    for label in range(q.shape[1]):
        wins = np.array([Fraction(0)] * len(q), dtype=object) if ties == "random" else np.zeros(len(q), dtype=object)
        others = [j for j in range(q.shape[1]) if j != label]
        for a in range(1, k + 1):
            most_tied = (k - a) // a if ties == "random" else 0
            ways = {(0, k - a): comb(k, a) * power[a][:, label]}
            for j in others:
                fresh: dict[tuple[int, int], np.ndarray] = {}
                for (tied, left), weight in ways.items():
                    allowed = a if ties == "random" or (ties == "lowest" and j > label) else a - 1
                    for i in range(min(allowed, left) + 1):
                        key = (tied + (i == a and ties == "random"), left - i)
                        if key[0] <= most_tied:
                            fresh[key] = fresh.get(key, 0) + weight * (comb(left, i) * power[i][:, j])
                ways = fresh
            for (tied, left), weight in ways.items():
                if left == 0:
                    wins = wins + (weight * Fraction(1, tied + 1) if ties == "random" else weight)
        out[:, label] = [
            (Fraction(w) / t).numerator / (Fraction(w) / t).denominator if w else 0.0
            for w, t in zip(wins, totals, strict=True)
        ]
    return out


def plurality_fixed_point(q, k: int, label: int, ties: str, bits: int = 300) -> mpmath.mpf:
    """Return Pr(win) of one class of one row in `bits`-bit fixed point; the absolute error is below 2^-200.

    It serves large k and many classes. The sum over Poisson counts is that of the package, but it is computed by plain
    products of integer polynomials, one after another.
    """
    with mpmath.workprec(bits + 100):
        p = [mpmath.mpf(float(x)) for x in q if x > 0]
        y = int(np.count_nonzero(np.asarray(q)[:label]))
        norm = mpmath.fsum(p)
        tables = [_poisson_table(k * x / norm, k, bits) for x in p]
        others = [j for j in range(len(p)) if j != y]
        total = 0
        for a in range(1, k + 1):
            if tables[y][a] == 0:
                continue
            places = k - a
            most_tied = min(places // a, len(others)) if ties == "random" else 0
            products = [[1 << bits] + [0] * places] + [[0] * (places + 1) for _ in range(most_tied)]
            for j in others[:-1]:
                products = _multiply_in(products, *_factor(tables[j], a, j > y, ties), a, bits)
            series, tie = _factor(tables[others[-1]], a, others[-1] > y, ties)  # one coefficient is enough
            for tied, product in enumerate(products):
                behind = sum(c * product[places - i] for i, c in enumerate(series[: places + 1]))
                level = tie * product[places - a] if tie and a <= places else 0
                total += tables[y][a] * (mpmath.mpf(behind) / (tied + 1) + mpmath.mpf(level) / (tied + 2))
        peak = mpmath.mpf(k) ** k * mpmath.exp(-k) / mpmath.factorial(k)
        return mpmath.ldexp(total, -3 * bits) / peak


def _poisson_table(mean: mpmath.mpf, k: int, bits: int) -> list[int]:
    term = mpmath.exp(-mean)
    table = []
    for i in range(k + 1):
        table.append(int(mpmath.ldexp(term, bits)))
        term = term * mean / (i + 1)
    return table


def _factor(table: list[int], a: int, is_after: bool, ties: str) -> tuple[list[int], int]:
    """Return the series of a competitor, and under "random" its tied term separately."""
    allowed = a + 1 if ties == "lowest" and is_after else a
    series = table[:allowed]
    while len(series) > 1 and series[-1] == 0:
        series = series[:-1]
    return series, table[a] if ties == "random" and a < len(table) else 0


def _multiply_in(products: list[list[int]], series: list[int], tie: int, a: int, bits: int) -> list[list[int]]:
    fresh = [[0] * len(product) for product in products]
    for tied, product in enumerate(products):
        for n, weight in enumerate(product):
            if weight:
                for i, c in enumerate(series[: len(product) - n]):
                    fresh[tied][n + i] += c * weight
                if tie and tied + 1 < len(products) and n + a < len(product):
                    fresh[tied + 1][n + a] += tie * weight
    return [[v >> bits for v in product] for product in fresh]


def plurality_by_nested_sums(q, k: int, label: int) -> float:
    """Compute Eq. 4 literally, as nested sums over n_1 (the label's votes), n_2, ...; a tie loses.

    The bounds are those of appendix B: m_1 = ceil((k + L - 1) / L), M_1 = k; for i > 1, M* = n_1 - 1, R_i = k - n_1 -
    ... - n_(i-1), M_i = min(R_i, M*) and m_i = max(0, R_i - (L - i) M*).
    """
    p = [float(q[label]), *(float(x) for j, x in enumerate(q) if j != label)]
    n_classes = len(p)

    def sums(i: int, rest: int, most: int) -> float:
        low, high = max(0, rest - (n_classes - i) * most), min(rest, most)
        if i == n_classes:
            return p[-1] ** rest if low <= rest <= high else 0.0
        return sum(comb(rest, n) * p[i - 1] ** n * sums(i + 1, rest - n, most) for n in range(low, high + 1))

    if n_classes == 1:
        return 1.0
    first = range(ceil((k + n_classes - 1) / n_classes), k + 1)
    return sum(comb(k, n) * p[0] ** n * sums(2, k - n, n - 1) for n in first)
