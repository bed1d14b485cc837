"""Exact vote profiles under any corruption matrix, where a neighborhood holds few labels.

Let r_i of the c_i labels of clean class i be redrawn, from the row P_i. Then label j has f_j = c_j - r_j votes kept,
and u_ij more from class i. Given r, the probability that y wins is a sum over the number a of its votes::

    prod_i r_i!  times the coefficient of v^r in  prod_j E_j(v),     v^r = prod_i v_i^r_i
    E_j(v) = sum over u of prod_i (P_ij v_i)^u_i / u_i!,     |u| + f_j < a for j != y (= a with weight z),  = a for y

and W[m] is its mean over the r of sum m, with weights prod_i C(c_i, r_i). A polynomial is a list of coefficients for
every exponent r <= c, and a product is a loop over all pairs of exponents that add up to one of these. The factors of
labels without clean votes do not depend on r. Those of the clean classes depend on one r_i each, and are multiplied one
after the other; the product of the first few serves all r that begin alike. All terms are positive, so nothing cancels.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.finite.patterns import LabelPairs
from labelnoise.finite.products import halved_binomials
from labelnoise.plurality.ties import tie_nodes

_jit = compiled(error_model="numpy")


@_jit
def _exponents(clean):
    """Return every exponent r <= c, the last one counting up fastest, (S, n)."""
    size = 1
    for c in clean:
        size *= c + 1
    exponents = np.zeros((size, len(clean)), np.int64)
    for i in range(1, size):
        exponents[i] = exponents[i - 1]
        place = len(clean) - 1
        while exponents[i, place] == clean[place]:
            exponents[i, place] = 0
            place -= 1
        exponents[i, place] += 1
    return exponents


@_jit
def _summands(exponents, n_pairs):
    """Return where the pairs of exponents that add up to exponent i begin, and the first and second of each pair."""
    size = len(exponents)
    start = np.zeros(size + 1, np.int64)
    first, second = np.empty(n_pairs, np.int64), np.empty(n_pairs, np.int64)
    filled = 0
    for i in range(size):
        start[i] = filled
        for k in range(i + 1):
            if (exponents[k] <= exponents[i]).all():
                # Positions are mixed-radix numbers, whose digits are subtracted without a borrow.
                first[filled], second[filled] = k, i - k
                filled += 1
    start[size] = filled
    return start, first, second


@_jit
def _multiply(polynomial, factor, start, first, second, out):
    for i in range(len(out)):
        total = 0.0
        for pair in range(start[i], start[i + 1]):
            total += factor[first[pair]] * polynomial[second[pair]]
        out[i] = total


@_jit
def _fill_factor(terms, totals, room, exactly, z, factor):
    """Set `factor` to the terms of a label that may gain fewer than `room` votes, or `room` of them at weight z."""
    for i in range(len(factor)):
        below = not exactly and totals[i] < room
        factor[i] = terms[i] if below else (terms[i] * z if totals[i] == room else 0.0)


@_jit
def _profile(clean, classes, rows, label, n_pairs, nodes, binomials, result):
    """Write the profile of one neighborhood: `clean` labels of `classes`, redrawn from `rows`, (n, L)."""
    node_start, node_count, lower, higher, node_weight = nodes
    n, n_classes = rows.shape
    k = np.sum(clean)
    exponents = _exponents(clean)
    start, first, second = _summands(exponents, n_pairs)
    size = len(exponents)
    totals, ways = np.zeros(size, np.int64), np.ones(size)
    terms = np.ones((n_classes, size))
    for i in range(size):
        for c in range(n):
            totals[i] += exponents[i, c]
            ways[i] *= binomials[clean[c], exponents[i, c]]
            for u in range(1, exponents[i, c] + 1):
                ways[i] *= u
                for j in range(n_classes):
                    terms[j, i] *= rows[c, j] / u
    is_clean = np.zeros(n_classes, np.bool_)
    is_clean[classes] = True
    products, spare, factor = np.empty((n, size)), np.empty(size), np.empty(size)
    result[:] = 0.0
    for a in range(1, k + 1):
        depth = min(n_classes - 1, k // a - 1)
        for node in range(node_start[depth], node_start[depth] + node_count[depth]):
            products[0] = 0.0
            products[0, 0] = node_weight[node]
            for j in range(n_classes):
                if not is_clean[j] and (j == label or rows[:, j].any()):
                    z = 1.0 if j == label else (lower[node] if j < label else higher[node])
                    _fill_factor(terms[j], totals, a, j == label, z, factor)
                    _multiply(products[0], factor, start, first, second, spare)
                    products[0] = spare
            for i in range(size):
                # The levels from the first exponent that differs from the one before are computed anew.
                level = 0
                while i > 0 and exponents[i, level] == exponents[i - 1, level]:
                    level += 1
                for c in range(level, n):
                    j, room = classes[c], a - clean[c] + exponents[i, c]
                    z = 1.0 if j == label else (lower[node] if j < label else higher[node])
                    _fill_factor(terms[j], totals, room, j == label, z, factor)
                    if c < n - 1:
                        _multiply(products[c], factor, start, first, second, products[c + 1])
                total = 0.0
                for pair in range(start[i], start[i + 1]):
                    total += factor[first[pair]] * products[n - 1, second[pair]]
                result[totals[i]] += ways[i] * total
    for m in range(k + 1):
        result[m] = min(result[m] / binomials[k, m], 1.0)


def mixed_profiles(pairs: LabelPairs, redraw: Floats, row_of: Integers, ties: str, out: Floats) -> None:
    """Write the profile of pair i into ``out[i]``, (K + 1,).

    A selected label of class j is redrawn from ``redraw[row_of[j]]``.
    """
    k, n_classes = out.shape[1] - 1, pairs.counts.shape[1]
    nodes = tuple(tie_nodes(ties, min(n_classes, k) - 1))
    for i, (row, label) in enumerate(zip(pairs.rows, pairs.labels, strict=True)):
        classes = np.flatnonzero(pairs.counts[row])
        classes = classes[np.argsort(pairs.counts[row, classes], kind="stable")]
        clean = pairs.counts[row, classes]
        n_pairs = int(((clean + 1) * (clean + 2) // 2).prod())
        rows = np.ascontiguousarray(redraw[row_of[classes]])
        _profile(clean, classes, rows, label, n_pairs, nodes, halved_binomials(k), out[i])
