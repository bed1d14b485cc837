"""Exact vote profiles under uniform noise, fast where a neighborhood holds many labels of many classes.

With the notation of `redraw`, and v = x p with the same p = 1/L for all classes, class j contributes the polynomial

    P_j(x, v) = sum over s of C(c_j, s) x^s E_{a-s}(v),     E_b(v) = sum over i < b of v^i / i!  (+ z v^b / b!)

to the product over the competitors, given the number a of votes for y; z is the weight of a tie. The coefficient of
x^t v^U is wanted where t kept and U redrawn votes add up to K - a. `redraw` multiplies polynomials in two variables.
Here v runs over points of a few circles (`circles`). So all factors are polynomials in x alone, and eight points are
computed at once. The error is about 1e-13, not relative. This is what makes it fast:

- Classes with the same clean count have the same factor, which is raised to a power.
- Few a matter at any m, the number of selected labels, and a class with few clean votes hardly gets a votes (`bounds`).
  Its factor is then C(c_j, s) exp(v), and the product of such factors is a single binomial series.
- Points at which the product is negligible are left out. |E_b(v)| / E_b(|v|) is a bound of each factor's decay.

What is left out adds up to less than about 1e-13. As classes are interchangeable, all of this depends on the clean
counts alone.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.compiled import compiled
from labelnoise.finite.bounds import fill_tails, list_groups, relevant
from labelnoise.finite.circles import Circles, circles
from labelnoise.finite.patterns import LabelPairs
from labelnoise.finite.products import halved_binomials
from labelnoise.finite.redraw import add_majority
from labelnoise.plurality.ties import tie_nodes
from labelnoise.vectors import add_up, cos_sin, exp, fill, fill_from, load, store

FAR = math.log(1e-18)
"""Logarithm of the size, relative to that at v = r, of a product that may be left out."""

_jit = compiled(error_model="numpy")
_inner = compiled(inner=True, error_model="numpy")


@_inner
def _multiply(left, left_degree, right, right_degree, low, top, out):
    """Write the coefficients low..top of the product to `out`; returns its degree.

    Coefficient i of a polynomial begins at ``16 * (i + 1)``. The places -1 and degree + 1 of `right` must hold zeros;
    those of `out` will. Two coefficients are computed at once, so that each number loaded serves two of them.
    """
    degree = min(left_degree + right_degree, top)
    for t in range(low, degree + 1, 2):
        a = b = c = d = e = f = g = h = fill(0.0)
        start, stop = max(0, t - right_degree), min(t + 1, left_degree)
        at = 16 * (t + 2 - start)
        next_re, next_im = load(right, at), load(right, at + 8)
        for i in range(start, stop + 1):
            at = 16 * (i + 1)
            re, im = load(left, at), load(left, at + 8)
            e, f, g, h = e + re * next_re, f + im * next_im, g + re * next_im, h + im * next_re
            at = 16 * (t + 1 - i)
            next_re, next_im = load(right, at), load(right, at + 8)
            a, b, c, d = a + re * next_re, b + im * next_im, c + re * next_im, d + im * next_re
        at = 16 * (t + 1)
        store(out, at, a - b)
        store(out, at + 8, c + d)
        store(out, at + 16, e - f)
        store(out, at + 24, g + h)
    for at in (0, 16 * (degree + 2)):
        store(out, at, fill(0.0))
        store(out, at + 8, fill(0.0))
    return degree


@_inner
def _power(factor, degree, n, top, out, work):
    """Write factor^n, up to degree `top`, to `out`; returns its degree. `work` has the room of two polynomials."""
    room = len(work) // 2
    one, other = work[:room], work[room:]
    bit = 1
    while 2 * bit <= n:
        bit *= 2
    for at in range(0, 16 * (degree + 3), 8):
        store(one, at, load(factor, at))
    new_degree = degree
    while bit > 1:
        bit //= 2
        new_degree = _multiply(one, new_degree, one, new_degree, 0, top, other)
        one, other = other, one
        if n & bit:
            new_degree = _multiply(one, new_degree, factor, degree, 0, top, other)
            one, other = other, one
    for at in range(0, 16 * (new_degree + 3), 8):
        store(out, at, load(one, at))
    return new_degree


@_inner
def _fill_class(weights, most_kept, series, at, a, z, top, out):
    """Write the polynomial of a class to `out`; returns its degree.

    ``weights[s]`` is the share of s kept votes. `series` holds E_b for z = 0 at ``at + 16 * b``.
    """
    degree = min(most_kept, a if z > 0.0 else a - 1, top)
    store(out, 0, fill(0.0))
    store(out, 8, fill(0.0))
    behind, level = fill(1.0 - z), fill(z)
    for s in range(degree + 1):
        weight = fill(weights[s])
        b = at + 16 * (a - s)
        re, im = load(series, b), load(series, b + 8)
        if z > 0.0:
            re, im = behind * re + level * load(series, b + 16), behind * im + level * load(series, b + 24)
        store(out, 16 * (s + 1), weight * re)
        store(out, 16 * (s + 1) + 8, weight * im)
    store(out, 16 * (degree + 2), fill(0.0))
    store(out, 16 * (degree + 2) + 8, fill(0.0))
    return degree


@_inner
def _fill_merged(weights, most_kept, mean, turn, at, top, out):
    """Write the polynomial of classes that cannot reach a, with a `mean` of redrawn votes, to `out`."""
    size, (cosine, sine) = exp(fill(mean) * load(turn, at)), cos_sin(fill(mean) * load(turn, at + 8))
    degree = min(most_kept, top)
    store(out, 0, fill(0.0))
    store(out, 8, fill(0.0))
    for s in range(degree + 1):
        share = fill(weights[s]) * size
        store(out, 16 * (s + 1), share * cosine)
        store(out, 16 * (s + 1) + 8, share * sine)
    store(out, 16 * (degree + 2), fill(0.0))
    store(out, 16 * (degree + 2) + 8, fill(0.0))
    return degree


@_jit
def _add_wins(a, first, last, clean, side, size, n_groups, reaching, own, k, binomials, circle, nodes, room, sums):
    """Set sums[16 t..] to the probability of t kept votes of the competitors where y wins with `a` votes.

    Summing the eight lanes is left to the caller.
    """
    circle_first, circle_block, radius, turn, series, weights, decay = circle
    node_start, node_count, lower, higher, node_weight = nodes
    left, right, spare, factor, power, work = room
    length = decay.shape[1] - 1
    depth = min(np.sum(size[:n_groups]), k // a - 1)
    merged_size, merged_clean = np.sum(size[reaching:n_groups]), 0
    for i in range(reaching, n_groups):
        merged_clean += size[i] * clean[i]
    low_redrawn, high_redrawn = max(0, first - a), min(k - a, last - a + min(own, a))
    for circle_at in range(len(circle_first) - 1):
        low_u, high_u = max(low_redrawn, circle_first[circle_at]), min(high_redrawn, circle_first[circle_at + 1] - 1)
        if low_u > high_u:
            continue
        low, top = k - a - high_u, k - a - low_u
        for block in range(circle_block[circle_at], circle_block[circle_at + 1]):
            far = merged_size * radius[block] * np.max(turn[16 * block : 16 * block + 8])
            for i in range(reaching):
                far += size[i] * decay[block, max(a - 1 - clean[i], 0)]
            if far < FAR:
                continue
            at = 16 * block * (length + 1)
            for node in range(node_start[depth], node_start[depth] + node_count[depth]):
                left_degree = _fill_merged(
                    binomials[merged_clean], merged_clean, merged_size * radius[block], turn, 16 * block, top, left
                )
                right_degree = -1
                for i in range(reaching):
                    z = higher[node] if side[i] == 1 else lower[node]
                    degree = _fill_class(binomials[clean[i]], clean[i], series, at, a, z, top, factor)
                    degree = _power(factor, degree, size[i], top, power, work)
                    if right_degree < 0:
                        right_degree = degree
                        right, power = power, right
                    elif left_degree <= right_degree:
                        left_degree = _multiply(left, left_degree, power, degree, 0, top, spare)
                        left, spare = spare, left
                    else:
                        right_degree = _multiply(right, right_degree, power, degree, 0, top, spare)
                        right, spare = spare, right
                if right_degree < 0:
                    right_degree, right, left = left_degree, left, right
                    left_degree = _fill_merged(binomials[0], 0, 0.0, turn, 16 * block, top, left)
                degree = _multiply(left, left_degree, right, right_degree, low, top, spare)
                share = fill_from(node_weight, node)
                for t in range(low, degree + 1):
                    re, im = load(spare, 16 * (t + 1)), load(spare, 16 * (t + 1) + 8)
                    w = 16 * (block * (k + 1) + k - a - t)
                    value = share * (re * load(weights, w) + im * load(weights, w + 8))
                    store(sums, 8 * t, load(sums, 8 * t) + value)


@_jit
def _profiles(counts, rows, labels, split, binomials, redrawn, redrawn_tails, circle, nodes, out):
    n_classes, k = counts.shape[1], out.shape[1] - 1
    half, p = k // 2, 1.0 / counts.shape[1]
    room_for = 16 * (k + 6)
    room = (
        np.zeros(room_for), np.zeros(room_for), np.zeros(room_for), np.zeros(room_for), np.zeros(room_for),
        np.zeros(2 * room_for),
    )  # fmt: skip
    most = min(n_classes, 2 * k + 2)
    clean, side, size = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    tails, own_tails = np.empty((0, k + 1, half + 2)), np.empty((k + 1, half + 2))
    sums = np.zeros(8 * (k + 2))
    for pair in range(len(rows)):
        c, y, result = counts[rows[pair]], labels[pair], out[pair]
        own = c[y]
        result[:] = 0.0
        add_majority(own, p, binomials[own], binomials[k - own], binomials[k], result)
        n_groups = list_groups(c, y, split, clean, side, size)
        if len(tails) < n_groups:
            tails = np.empty((n_groups, k + 1, half + 2))
        for i in range(n_groups):
            fill_tails(clean[i], binomials, redrawn_tails, tails[i])
        fill_tails(own, binomials, redrawn_tails, own_tails)
        for a in range(1, half + 1):
            first, last, reaching = relevant(a, n_groups, size, tails, own_tails)
            if last < 0:
                continue
            sums[:] = 0.0
            _add_wins(
                a, first, last, clean, side, size, n_groups, reaching, own, k, binomials, circle, nodes, room, sums
            )
            for t in range(k - a + 1):
                share = add_up(load(sums, 8 * t))
                for s in range(min(own, a) + 1):
                    m = k - s - t
                    if first <= m <= last:
                        result[m] += binomials[own, s] * redrawn[m, a - s] * share / binomials[k, m]
        for m in range(k + 1):
            result[m] = min(max(result[m], 0.0), 1.0)


def uniform_profiles(pairs: LabelPairs, ties: str, out: Floats) -> None:
    """Write the profile of pair i under uniform noise into ``out[i]``, (K + 1,). K is at most `MAX_K`."""
    k, n_classes = out.shape[1] - 1, pairs.counts.shape[1]
    nodes = tuple(tie_nodes(ties, min(n_classes, k) - 1))
    circle: Circles = circles(k, n_classes - 1, k // 2 + 1)
    redrawn, tails = _redrawn(k, n_classes)
    _profiles(*pairs, ties == "lowest", halved_binomials(k), redrawn, tails, tuple(circle), nodes, out)


@lru_cache(maxsize=8)
def _redrawn(k: int, n_classes: int) -> tuple[Floats, Floats]:
    """Return the probabilities that exactly u, and at least u, of m redrawn votes are for one class, (K + 1, K + 1)."""
    exactly, p = np.zeros((k + 1, k + 1)), 1 / n_classes
    exactly[0, 0] = 1.0
    for m in range(k):
        exactly[m + 1] = (1 - p) * exactly[m]
        exactly[m + 1, 1:] += p * exactly[m, :-1]
    at_least = exactly[:, ::-1].cumsum(axis=1)[:, ::-1]
    return exactly, np.ascontiguousarray(at_least)
