"""Many improbable competitors at once, through power sums of their probabilities.

With a votes for y, competitor j contributes E(m_j w), where m_j = theta q_j and, with a tie's weight z (see `ties`),

    E(x) = sum over i < a of x^i / i!  +  z x^a / a! = exp(x) (1 - u(x)),
    u'(x) = exp(-x) ((1 - z) x^(a-1) / (a-1)! + z x^a / a!).

So log E(x) = x + c_a x^a + c_(a+1) x^(a+1) + ..., and the product over all j of E(m_j w) is

    exp(w sum of m_j) exp(sum over n >= a of c_n w^n S_n),     S_n = sum over j of m_j^n,

at a cost that does not depend on the number of classes. How small m_j must be: let R be the smallest absolute value of
a zero of E. As E has at most a zeros, |c_n| <= (a / n) R^-n <= R^-n. Two lower bounds of R serve, and `radii` returns
the larger one, rho_a:

- 1, since every coefficient of E is at least as large as the next one (Enestroem and Kakeya);
- the solution of rho^a exp(rho) / a! = 1/2, since there |u| <= 1/2.

Where all m_j are below `LARGEST_RATIO` rho_a, at most `HIGHEST_POWER` terms matter.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import lambertw

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.vectors import WIDTH, add_up, fill, load, store

HIGHEST_POWER = 64
LARGEST_RATIO = 0.45
LARGEST_RULE = 65
"""Most nodes of a tie rule for which the coefficients are kept."""

_LOG_NEGLIGIBLE = math.log(1e-17)

_jit = compiled(inner=True, error_model="numpy")


@lru_cache(maxsize=1)
def radii() -> Floats:
    """Return rho_a for a = 0 (not used), 1, ..., HIGHEST_POWER + 1."""
    a = np.arange(1, HIGHEST_POWER + 2)
    factorial = np.cumprod(a.astype(float))
    # rho^a exp(rho) = a!/2 is (rho/a) exp(rho/a) = (a!/2)^(1/a) / a.
    solved = [m * lambertw(x).real for m, x in zip(a, (factorial / 2) ** (1 / a) / a, strict=True)]
    return np.array([1.0, *np.maximum(1.0, solved)])


@compiled(error_model="numpy")
def log_coefficients(z, slope, coefficients):
    """Write c_n for a tie of weight z to coefficients[a, n], for 1 <= a <= n. `slope` is room for n u_n.

    From (log(1 - u))' (1 - u) = -u' follows n c_n = -n u_n + sum over m of u_(n-m) m c_m. Both u_m and
    c_m begin at m = a.
    """
    highest = len(slope) - 1
    for a in range(1, highest + 1):
        term = 1.0  # (-1)^(n - a) / ((a - 1)! (n - a)!)
        for i in range(2, a):
            term /= i
        for n in range(a, highest + 1):
            slope[n] = (1.0 - z) * term - z * term * (n - a) / a
            term /= -(n - a + 1)
        for n in range(a, highest + 1):
            total = -slope[n]
            for m in range(a, n - a + 1):
                total += slope[n - m] / (n - m) * m * coefficients[a, m]
            coefficients[a, n] = total / n


@lru_cache(maxsize=8)
def coefficient_tables(nodes: tuple[float, ...]) -> Floats:
    """Return the coefficients c_n of every node z, at [node, a, n]."""
    tables = np.zeros((len(nodes), HIGHEST_POWER + 1, HIGHEST_POWER + 1))
    slope = np.zeros(HIGHEST_POWER + 1)
    for z, table in zip(nodes, tables, strict=True):
        log_coefficients(z, slope, table)
    return tables


@compiled(error_model="numpy")
def power_sums(values, n, first, last, parts, sums):
    """Write the sum of the n-th powers of the first `n` values to sums[n], for first <= n <= last.

    The values are followed by zeros up to a multiple of 32. `parts` is room for 8 (last + 1) numbers.
    """
    for power in range(first, last + 1):
        store(parts, WIDTH * power, fill(0.0))
    for j in range(0, n, 4 * WIDTH):
        x0, x1, x2, x3 = load(values, j), load(values, j + 8), load(values, j + 16), load(values, j + 24)
        p0, p1, p2, p3 = x0, x1, x2, x3
        for _ in range(1, first):
            p0, p1, p2, p3 = p0 * x0, p1 * x1, p2 * x2, p3 * x3
        for power in range(first, last + 1):
            store(parts, WIDTH * power, load(parts, WIDTH * power) + ((p0 + p1) + (p2 + p3)))
            p0, p1, p2, p3 = p0 * x0, p1 * x1, p2 * x2, p3 * x3
    for power in range(first, last + 1):
        sums[power] = add_up(load(parts, WIDTH * power))


class PowerSums(NamedTuple):
    """Room for the weak classes of one row and one range of k."""

    radius: Floats
    values: Floats
    """q_j over the largest one, of classes before y, and of classes after it; shape (2, room)."""
    n: Integers
    """How many classes are before y, and how many after it."""
    parts: Floats
    moments: Floats
    """S_n of classes before y, and of classes after it; shape (2, powers)."""
    expected: Floats
    """For each a the sum of m_j^a / a!, which is at least the sum of Pr(X_j = a)."""
    coefficients: Floats
    coefficients_at: Integers
    n_terms: Integers
    """For each a the number of terms of the series at each node."""


def room_for_power_sums(n_classes: int, n_votes: int, most_nodes: int) -> PowerSums:
    """Return arrays for the weak classes of a row."""
    n_powers = HIGHEST_POWER + 1
    return PowerSums(
        radius=radii(),
        values=np.empty((2, n_classes + 4 * WIDTH)),
        n=np.zeros(2, np.int64),
        parts=np.empty(WIDTH * n_powers),
        moments=np.empty((2, n_powers)),
        expected=np.zeros(HIGHEST_POWER + 1),
        coefficients=np.empty(n_powers * n_powers * most_nodes),
        coefficients_at=np.zeros(n_votes, np.int64),
        n_terms=np.zeros(n_votes, np.int64),
    )


@_jit
def _highest_power(weight, ratio):
    """Return the highest power n with a term, weight ratio^n / (1 - ratio), that matters."""
    return math.ceil((math.log(weight / (1.0 - ratio)) - _LOG_NEGLIGIBLE) / -math.log(ratio))


@_jit
def group_power_sums(competitors, n_direct, n_strong, n_weak, start, theta, group):
    """Compute the power sums of the strong competitors from `n_direct` on and of the weak ones.

    Returns a bound on the absolute value of the series, sum of c_n w^n S_n, that holds for every a, the largest mean of
    a class, and the highest power that matters; zeros if none does.
    """
    largest = competitors.q[n_direct] if n_direct < n_strong else 0.0
    for m in range(n_weak):
        largest = max(largest, competitors.weak_q[m])
    mean, ratio = theta * largest, theta * largest / group.radius[start]
    n_classes = n_strong - n_direct + n_weak
    highest = min(_highest_power(n_classes, ratio), HIGHEST_POWER)
    if highest < start:
        return 0.0, 0.0, 0
    relevant = largest * math.exp((_LOG_NEGLIGIBLE - math.log(n_classes)) / start)
    group.n[0] = group.n[1] = 0
    for m in range(n_direct, n_strong + n_weak):
        strong = m < n_strong
        x = competitors.q[m] if strong else competitors.weak_q[m - n_strong]
        if x >= relevant:
            side = int(competitors.after[m] if strong else competitors.weak_after[m - n_strong])
            group.values[side, group.n[side]] = x / largest
            group.n[side] += 1
    for side in range(2):
        for m in range(group.n[side], group.n[side] + 4 * WIDTH):
            group.values[side, m] = 0.0
        power_sums(group.values[side], group.n[side], start, highest, group.parts, group.moments[side])
    scale, excess, inverse_factorial = 1.0, 0.0, 1.0
    for n in range(1, start):
        scale *= mean
        inverse_factorial /= n
    for n in range(start, highest + 1):
        scale *= mean
        inverse_factorial /= n
        total = (group.moments[0, n] + group.moments[1, n]) * scale
        group.expected[n] = total * inverse_factorial
        if n == start:
            excess = total * group.radius[start] ** -start / (1.0 - ratio)
        group.moments[0, n] *= scale
        group.moments[1, n] *= scale
    return excess, mean, highest


@_jit
def series_coefficients(start, stop, mean, highest, by_side, node_at, n_nodes, tables, group):
    """Write c_n S_n for every a and node, and how many terms matter.

    With `by_side`, table 0 is that of classes before y, and table 1 that of classes after it. Else both have that of
    the node.
    """
    at = 0
    for a in range(start, min(stop, highest + 1)):
        ratio, weight = mean / group.radius[a], (group.moments[0, a] + group.moments[1, a]) / mean**a
        last = min(_highest_power(weight, ratio), highest) if weight > 0.0 else 0
        group.n_terms[a], group.coefficients_at[a] = max(0, last - a + 1), at
        for node in range(node_at[a], node_at[a] + n_nodes[a]):
            before, after = (tables[0, a], tables[1, a]) if by_side else (tables[node, a], tables[node, a])
            for n in range(a, last + 1):
                group.coefficients[at] = before[n] * group.moments[0, n] + after[n] * group.moments[1, n]
                at += 1
