"""Products of polynomials with non-negative coefficients, in one variable and in two, for compiled kernels.

A polynomial in the kept votes s and all votes n is an array [s, `FRONT` + n], zero for n < s, with zeros around it.
Rows are multiplied by four coefficients at a time in blocks of `BLOCK`: loops of a fixed length compile to vector
instructions, and they may reach beyond both ends of a row.

The number of neighbors of each class among m selected ones has probabilities that are quotients of binomial
coefficients. Scaled by 2^-n (`halved_binomials`) these are at most 1, and the factors 2 cancel without rounding.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.compiled import compiled

FRONT = 3
"""Number of zeros before a row's first coefficient."""

BLOCK = 8
"""Number of coefficients computed at once."""

SPARE = 2 * BLOCK + FRONT
"""Number of places after a row's last coefficient; those that are read hold zeros."""

MAX_K = 512
"""Largest k for which the scaled weights of every engine stay inside the range of doubles."""

_jit = compiled(fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")


@_jit
def multiply_series(first, first_degree, second, second_degree, top, out):
    """Write the product, up to degree `top`, into out[0..degree]; returns its degree."""
    degree = min(first_degree + second_degree, top)
    out[: degree + 1] = 0.0
    for i in range(min(second_degree, top) + 1):
        factor = second[i]
        for n in range(min(first_degree, top - i) + 1):
            out[n + i] += factor * first[n]
    return degree


@_jit
def _add_four_terms(target, source, low, high, coefficients):
    """Add coefficients[i] source[n] to target[n + i] for n in low..high and i < 4."""
    c0, c1, c2, c3 = coefficients[0], coefficients[1], coefficients[2], coefficients[3]
    for n in range(low, high + 4, BLOCK):
        read = source[n : n + BLOCK + 3]
        write = target[n + FRONT : n + FRONT + BLOCK]
        for lane in range(BLOCK):
            write[lane] += (c0 * read[lane + 3] + c1 * read[lane + 2]) + (c2 * read[lane + 1] + c3 * read[lane])


@_jit
def fill_class(weights, most_kept, terms, n_terms, a, z, by_class):
    """Fill by_class[s, u], the weight of s kept and u redrawn votes of a competitor, s + u < `a`, or = `a` times z."""
    for s in range(most_kept + 1):
        by_class[s, : a - s + 4] = 0.0
        for u in range(min(a - s, n_terms)):
            by_class[s, u] = weights[s] * terms[u]
        if z > 0.0 and a - s < n_terms:
            by_class[s, a - s] = z * weights[s] * terms[a - s]


@_jit
def multiply_by_class(state, kept, degree, by_class, most_kept, n_terms, a, top, out):
    """Multiply a polynomial of degrees (`kept`, `degree`) by that of one class; returns the new degrees."""
    new_degree = min(degree + a, top)
    for s in range(kept + most_kept + 1):
        out[s, : new_degree + 1 + FRONT + SPARE] = 0.0
    for s in range(kept + 1):
        for more in range(most_kept + 1):
            for i in range(0, min(a - more + 1, n_terms), 4):
                high = min(degree, top - more - i)
                if high < s:
                    break
                _add_four_terms(out[s + more, more + i :], state[s], s, high, by_class[more, i : i + 4])
    for s in range(kept + most_kept + 1):
        out[s, FRONT + new_degree + 1 : FRONT + new_degree + 1 + SPARE] = 0.0
    return kept + most_kept, new_degree


@_jit
def multiply_rows(state, kept, degree, series, series_degree, top, out):
    """Multiply a polynomial of degrees (`kept`, `degree`) by one in n alone; returns the new degree."""
    new_degree = min(degree + series_degree, top)
    for s in range(kept + 1):
        out[s, : new_degree + 1 + FRONT + SPARE] = 0.0
        for i in range(0, series_degree + 1, 4):
            high = min(degree, top - i)
            if high < s:
                break
            _add_four_terms(out[s, i:], state[s], s, high, series[i : i + 4])
        out[s, FRONT + new_degree + 1 : FRONT + new_degree + 1 + SPARE] = 0.0
    return new_degree


@_jit
def add_coefficient_products(left, left_kept, left_degree, right, right_kept, right_degree, n, weight, out):
    """Add to out[s] `weight` times the coefficient of (s, n) in the product of both polynomials."""
    for s in range(left_kept + 1):
        for t in range(right_kept + 1):
            total = 0.0
            for i in range(max(s, n - right_degree), min(left_degree, n - t) + 1):
                total += left[s, FRONT + i] * right[t, FRONT + n - i]
            out[s + t] += weight * total


@lru_cache(maxsize=16)
def halved_binomials(k: int) -> Floats:
    """Return the table with entries [n, r] = C(n, r) / 2^n for 0 <= r <= n <= k, and 0 for r > n."""
    table = np.zeros((k + 1, k + 1))
    table[0, 0] = 1.0
    for n in range(k):
        table[n + 1] = table[n] / 2
        table[n + 1, 1:] += table[n, :-1] / 2
    table.flags.writeable = False
    return table
