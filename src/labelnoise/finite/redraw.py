"""Exact vote profiles where every selected label is redrawn from one distribution p, as under uniform noise.

Pure neighborhoods under any corruption matrix are of this kind too: all their labels share one row.

Class j keeps s of its c_j clean votes and gains u. With m of the K labels selected,

    W[m] = m! / C(K, m)  sum over s, u with sum s = K - m, sum u = m of  prod_j C(c_j, s_j) p_j^u_j / u_j!  [y wins].

Given the number a of votes for y, "y wins" is the condition n_j = s_j + u_j < a on each competitor alone (n_j = a has
the weight z of the tie rule, see `labelnoise.plurality.ties`). So the sum is a coefficient of a product of polynomials,
one per class, in two variables: the votes n (K - a for all competitors together) and the kept votes s, whose degrees
K - m give every m at once. All terms are positive, so nothing cancels.

Four things keep the cost low:

- The polynomial of y is multiplied last, and only where its votes are a.
- The polynomials of classes without clean votes do not depend on s, and equal ones are a power.
- The other competitors form two products, of which only the coefficients at K - a are combined.
- More than K/2 votes always win, so the terms with a > K/2 are a binomial tail.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import LabelPairs
from labelnoise.finite.products import (
    FRONT,
    SPARE,
    add_coefficient_products,
    fill_class,
    halved_binomials,
    multiply_by_class,
    multiply_rows,
    multiply_series,
)
from labelnoise.plurality.ties import tie_nodes

NEGLIGIBLE = 1e-30
"""Outcomes of a class with a smaller probability than this are left out."""

_jit = compiled(fastmath={"contract", "nsz"}, error_model="numpy")


@_jit
def _redraw_terms(mean, most, half, terms):
    """Fill terms[u] with mean^u / u! for u <= half; returns how many matter if `most` is the largest possible mean."""
    term, bound = 1.0, 1.0  # Pr(u or more of K draws) <= (K p)^u / u!
    length = half + 1
    for u in range(half + 1):
        terms[u] = term
        term *= mean / (u + 1)
        bound *= most / (u + 1)
        if bound < NEGLIGIBLE and most < u + 1:
            length = min(length, u + 1)
    return length


@_jit
def _multiply_by_power(series, degree, factor, factor_degree, power, top, work):
    """Multiply `series` by factor^power up to degree `top`, by repeated squaring; returns the new degree."""
    square, other = work[0], work[1]
    square[: factor_degree + 1] = factor[: factor_degree + 1]
    while power > 0:
        if power & 1:
            degree = multiply_series(series, degree, square, factor_degree, top, other)
            series[: degree + 1] = other[: degree + 1]
        power >>= 1
        if power > 0:
            factor_degree = multiply_series(square, factor_degree, square, factor_degree, top, other)
            square, other = other, square
    return degree


@_jit
def add_majority(count, p, kept, rest, scale, result):
    """Add the probability that y has more than K/2 votes: s of its `count` votes kept, and enough of the m redrawn."""
    k = len(result) - 1
    need = k // 2 + 1
    redrawn, tail = np.zeros(k + 2), np.zeros(k + 2)
    redrawn[0] = 1.0
    for m in range(k + 1):
        tail[m + 1] = 0.0
        for u in range(m, -1, -1):
            tail[u] = tail[u + 1] + redrawn[u]
        for s in range(max(0, count - m, need - m), min(count, k - m) + 1):
            result[m] += kept[s] * rest[k - m - s] / scale[m] * tail[max(need - s, 0)]
        for u in range(m + 1, 0, -1):  # add one more draw to the distribution
            redrawn[u] = (1 - p) * redrawn[u] + p * redrawn[u - 1]
        redrawn[0] *= 1 - p


@_jit
def _competitors(counts, y, p, groups, grouped):
    """List the competitors with clean votes, most votes first, and then those without, in groups of equal ones.

    Writes the former into groups[:n_occupied], one class of each group into the places that follow, and the sizes of
    the groups into `grouped`. Returns `n_occupied` and the number of places in use.
    """
    n_occupied = 0
    for j in range(len(counts)):
        if j != y and counts[j] > 0:
            place = n_occupied
            while place > 0 and counts[groups[place - 1]] < counts[j]:
                groups[place] = groups[place - 1]
                place -= 1
            groups[place] = j
            n_occupied += 1
    n = n_occupied
    for j in range(len(counts)):
        if j == y or counts[j] > 0 or p[j] == 0.0:
            continue
        previous = groups[n - 1]
        # Only classes that follow one another are grouped: uniform noise has at most two groups, before y and after it.
        if n > n_occupied and p[previous] == p[j] and (previous < y) == (j < y):
            grouped[n - 1] += 1
        else:
            groups[n], grouped[n] = j, 1
            n += 1
    return n_occupied, n


@_jit
def _profiles(counts, rows, labels, redraw, row_of, theta, factorials, binomials, nodes, out):
    node_start, node_count, lower, higher, node_weight = nodes
    n_classes, k = counts.shape[1], out.shape[1] - 1
    half = k // 2
    scale = binomials[k]
    groups, grouped = np.empty(n_classes, np.int64), np.empty(n_classes, np.int64)
    terms = np.zeros((n_classes, half + 2))
    lengths = np.empty(n_classes, np.int64)
    series, work = np.empty(k + 5), np.empty((2, k + 1))
    factor = np.empty(half + 2)
    by_class = np.zeros((half + 1, half + 5))
    products = np.zeros((2, 2, k + 1, k + 1 + FRONT + SPARE))
    others = np.empty(k + 1)
    for pair in range(len(rows)):
        c, y, p, result = counts[rows[pair]], labels[pair], redraw[row_of[pair]], out[pair]
        result[:] = 0.0
        add_majority(c[y], p[y], binomials[c[y]], binomials[k - c[y]], scale, result)
        n_occupied, n_groups = _competitors(c, y, p, groups, grouped)
        for i in range(n_groups):
            lengths[i] = _redraw_terms(theta * p[groups[i]], k * p[groups[i]], half, terms[i])
        _redraw_terms(theta * p[y], k * p[y], half, terms[n_groups])
        of_y = terms[n_groups]
        for a in range(1, half + 1):
            top = k - a
            depth = min(n_classes - 1, k // a - 1)
            others[:] = 0.0
            for node in range(node_start[depth], node_start[depth] + node_count[depth]):
                series[0], degree = 1.0, 0
                for i in range(n_occupied, n_groups):
                    z = lower[node] if groups[i] < y else higher[node]
                    length = min(a, lengths[i])
                    factor[:length] = terms[i, :length]
                    if z > 0.0 and a < lengths[i]:
                        factor[a] = z * terms[i, a]
                        length = a + 1
                    degree = _multiply_by_power(series, degree, factor, min(length - 1, top), grouped[i], top, work)
                # The competitors with clean votes form two products; each goes into the one with fewer votes so far.
                left, right = products[0, 0], products[1, 0]
                left_spare, right_spare = products[0, 1], products[1, 1]
                left_votes = right_votes = left_degree = right_degree = left_kept = right_kept = 0
                for one in (left, right):
                    one[0, : FRONT + 1 + SPARE] = 0.0
                    one[0, FRONT] = 1.0
                for i in range(n_occupied):
                    j = groups[i]
                    z = lower[node] if j < y else higher[node]
                    fill_class(binomials[c[j]], min(c[j], a), terms[i], lengths[i], a, z, by_class)
                    if left_votes <= right_votes:
                        left_kept, left_degree = multiply_by_class(
                            left, left_kept, left_degree, by_class, min(c[j], a), lengths[i], a, top, left_spare
                        )
                        left, left_spare = left_spare, left
                        left_votes += c[j]
                    else:
                        right_kept, right_degree = multiply_by_class(
                            right, right_kept, right_degree, by_class, min(c[j], a), lengths[i], a, top, right_spare
                        )
                        right, right_spare = right_spare, right
                        right_votes += c[j]
                series[degree + 1 : degree + 5] = 0.0
                right_degree = multiply_rows(right, right_kept, right_degree, series, degree, top, right_spare)
                add_coefficient_products(
                    left, left_kept, left_degree, right_spare, right_kept, right_degree, top, node_weight[node], others
                )
            for s in range(min(c[y], a) + 1):
                own = binomials[c[y], s] * of_y[a - s]
                for m in range(k - s + 1):
                    result[m] += own * others[k - m - s] * factorials[m] / scale[m]
        for m in range(k + 1):
            result[m] = min(result[m], 1.0)


def redraw_profiles(pairs: LabelPairs, redraw: Floats, row_of: Integers, ties: str, out: Floats) -> None:
    """Write the profile of pair i into ``out[i]``, (K + 1,).

    Selected labels of its neighborhood are redrawn from ``redraw[row_of[i]]``. K is at most `MAX_K`.
    """
    k = out.shape[1] - 1
    theta = 2.0 ** round(np.log2(max(k / 4, 1)))  # a power of 2 scales without rounding
    factorials = np.cumprod(np.concatenate([[1.0], np.arange(1, k + 1) / theta]))
    nodes = tuple(tie_nodes(ties, min(pairs.counts.shape[1], k) - 1))
    _profiles(*pairs, redraw, row_of, theta, factorials, halved_binomials(k), nodes, out)
