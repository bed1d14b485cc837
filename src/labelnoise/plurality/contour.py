"""One k at a time, as a mean over points of a circle: for any k and number of classes, with a small absolute error.

Let X_j ~ Poisson(k q_j). The coefficient of x^k in the series

    sum over a of  Pr(X_y = a) x^a  prod over j != y of E_j(x),     E_j(x) = sum over i < a of Pr(X_j = i) x^i

is its mean over N points w of the unit circle, each value multiplied by w^-k (for unscaled series: the circle of radius
k). The error of this mean is the sum of the coefficients at k + N, k - N, ... Every coefficient c_m is a probability of
a total of m, so 0 <= c_m <= Pr(Poisson(k) = m), and the error has a bound that does not depend on the data: with N of
about sqrt(74 k) points it is 1e-16 of Pr(Poisson(k) = k). The series are real, so half of the points suffice. As a
grows by one, every E_j gains one term, which costs a few multiply-adds per class, a and point.

Some terms are left out. Every outcome counts positively, so their total is at most a few times `NEGLIGIBLE`:

- Small a are left out: the term is at most Pr(X_y = a) prod of Pr(X_j <= a) / Pr(Poisson(k) = k).
- A class is frozen at the a that it is unlikely to reach: where Chernoff's bound on Pr(n_j >= a), times that on
  Pr(n_y >= a), is negligible. (The product is a bound because counts of a multinomial are negatively associated.) The
  class's E_j then no longer changes and becomes part of a common factor. A class that is frozen from the start is a
  whole Poisson series, exp(k q_j (w - 1)), and all such classes together are one such series.
- Once no other class can reach a, or a > k/2, the rest is a binomial tail in closed form.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from labelnoise.arrays import Codes, Floats
from labelnoise.compiled import compiled
from labelnoise.plurality.pmf import binomial_tail, log_tail_bound, poisson_pmf
from labelnoise.plurality.ties import tie_nodes

NEGLIGIBLE = 1e-15
"""Absolute bound, up to a small factor, of everything that is left out."""

_ANCHOR = 32  # every 32nd Poisson probability is computed afresh, the others from the one before

_jit = compiled(error_model="numpy", fastmath={"contract", "nsz", "reassoc"})


class Circle(NamedTuple):
    """The points exp(i pi (2p + 1) / n_points), p < n_points / 2, and the 2 n_points-th roots of unity they lie on."""

    n_points: int
    cos: Floats
    sin: Floats


@lru_cache(maxsize=64)
def circle(k: int) -> Circle:
    """Return the fewest points (an even number) with an error bound below 1e-16; see the module's derivation.

    Poisson probabilities are log-concave, so those at k + 2N, k + 3N, ... are each smaller by another factor of 1e-16.
    """
    peak = poisson_pmf(k, k)
    n_points = 2 * math.ceil(math.sqrt(k))
    while poisson_pmf(k + n_points, k) + (poisson_pmf(k - n_points, k) if n_points <= k else 0.0) > 1e-16 * peak:
        n_points += 2
    angle = np.arange(2 * n_points) * (np.pi / n_points)
    return Circle(n_points, np.cos(angle), np.sin(angle))


@_jit
def _next_pmf(previous, n, mean):
    """Return Pr(X = n) from Pr(X = n - 1), or afresh at every `_ANCHOR`, so that errors and underflows do not last."""
    return poisson_pmf(n, mean) if n % _ANCHOR == 0 else previous * (mean / n)


@_jit
def _first_relevant(mean, wanted, floor, half, pmf, below):
    """Return the least a with Pr(X_y = a) prod over j != y of Pr(X_j <= a) >= `floor` for a wanted y, or half + 1."""
    below[:] = 0.0
    for a in range(half + 1):
        product, best = 1.0, 0.0
        for j in range(len(mean)):
            pmf[j] = _next_pmf(pmf[j], a, mean[j])
            below[j] += pmf[j]
            product *= below[j]
            if wanted[j] and below[j] > 0.0:
                best = max(best, pmf[j] / below[j])
        if a > 0 and product * best >= floor:
            return a
    return half + 1


@_jit
def _freezing_point(q_j, q_y, k, first, half, log_allowed):
    """Return the least a >= first from which on Pr(n_j >= a and n_y >= a) is negligible, or half + 1."""
    low, high = first, half + 1
    while low < high:
        a = (low + high) // 2
        if log_tail_bound(a, k, q_j) + log_tail_bound(a, k, q_y) <= log_allowed:
            high = a
        else:
            low = a + 1
    return low


@_jit
def _tie_depth(mean, a, k):
    """Return how many classes can tie with y at a votes; a negligible probability is left out.

    Counts of a multinomial are negatively associated. So the probability that m given classes all reach a is at most
    the product of their own, and the probability that some m classes do is at most the m-th elementary symmetric
    polynomial of these, which is below S^m / m!.
    """
    most = min(len(mean), k // a) - 1
    expected = 0.0  # S, the sum of the bounds on Pr(n_j >= a)
    for j in range(len(mean)):
        expected += math.exp(log_tail_bound(a, k, mean[j] / k))
    excess, depth = expected, 0
    while depth < most and (excess > NEGLIGIBLE / k or depth < 2 * expected):
        depth += 1
        excess *= expected / (depth + 1)
    return depth


@_jit
def _multiply(re, im, sum_re, sum_im, w_re, w_im, tie):
    """Multiply (re, im) in place by sum + tie w."""
    if tie == 0.0:
        for p in range(len(re)):
            product = re[p] * sum_re[p] - im[p] * sum_im[p]
            im[p] = re[p] * sum_im[p] + im[p] * sum_re[p]
            re[p] = product
    else:
        for p in range(len(re)):
            other_re = sum_re[p] + tie * w_re[p]
            other_im = sum_im[p] + tie * w_im[p]
            product = re[p] * other_re - im[p] * other_im
            im[p] = re[p] * other_im + im[p] * other_re
            re[p] = product


@_jit
def _start_points(p0, k, merged_mean, cos, sin, odd, common_re, common_im):
    """Set w^-k exp(merged_mean (w - 1)) at the points from p0 on, and 0 in the lanes after the last point."""
    n_roots = len(cos)
    for p in range(len(odd)):
        odd[p] = (2 * (p0 + p) + 1) % n_roots
        back = (n_roots - k * odd[p] % n_roots) % n_roots
        size = math.exp(-2 * merged_mean * math.sin(math.pi * odd[p] / n_roots) ** 2)
        if p0 + p >= n_roots // 4:
            size = 0.0
        turn = merged_mean * sin[odd[p]]
        factor_re, factor_im = size * math.cos(turn), size * math.sin(turn)
        common_re[p] = factor_re * cos[back] - factor_im * sin[back]
        common_im[p] = factor_re * sin[back] + factor_im * cos[back]


@_jit
def _add_terms(pmf, sums, wanted, active, before, after, weight, lanes, prefix, total):
    """Add to total[y], for each wanted y, the sum over the points of Pr(X_y = a) w^a times all other classes' factors.

    One sweep up and one sweep down share the products over the classes before and after each y.
    """
    w_re, w_im, common_re, common_im, re, im = lanes[0], lanes[1], lanes[2], lanes[3], lanes[4], lanes[5]
    left, right = len(active), -1  # positions of the first and the last wanted class
    for m in range(len(active)):
        if wanted[active[m]]:
            left, right = min(left, m), m
    for p in range(len(re)):
        re[p] = w_re[p] * common_re[p] - w_im[p] * common_im[p]
        im[p] = w_re[p] * common_im[p] + w_im[p] * common_re[p]
    slot = 0
    for m in range(right + 1):
        j = active[m]
        if wanted[j]:
            prefix[slot, 0] = re
            prefix[slot, 1] = im
            slot += 1
        if m < right:
            _multiply(re, im, sums[j, 0], sums[j, 1], w_re, w_im, before * pmf[j])
    re[:] = 1.0
    im[:] = 0.0
    for m in range(len(active) - 1, left - 1, -1):
        j = active[m]
        if wanted[j]:
            slot -= 1
            prefix_re, prefix_im, dot = prefix[slot, 0], prefix[slot, 1], 0.0
            for p in range(len(re)):
                dot += prefix_re[p] * re[p] - prefix_im[p] * im[p]
            total[j] += weight * pmf[j] * dot
        if m > left:
            _multiply(re, im, sums[j, 0], sums[j, 1], w_re, w_im, after * pmf[j])


@_jit
def _integrate(first, stop, mean, wanted, frozen, depth, cos, sin, nodes, pmf, sums, prefix, lanes, odd, total):
    """Add to total[y], for each wanted y, the sum over first <= a < stop and over the points of `lanes`."""
    start, n_nodes, before, after, weight = nodes
    w_re, w_im, common_re, common_im = lanes[0], lanes[1], lanes[2], lanes[3]
    active = np.flatnonzero(frozen > first)
    sums[: len(mean)] = 0.0
    pmf[:] = 0.0
    root = np.zeros(len(odd), np.int64)
    for a in range(stop):
        for p in range(len(odd)):  # w^a is read from the table, so it is exact to rounding for every a
            w_re[p], w_im[p] = cos[root[p]], sin[root[p]]
            root[p] += odd[p]
            if root[p] >= len(cos):
                root[p] -= len(cos)
        if a >= first:
            kept = 0
            for j in active:  # frozen classes are dropped; the others keep their order, which "lowest" needs
                if frozen[j] <= a:
                    _multiply(common_re, common_im, sums[j, 0], sums[j, 1], w_re, w_im, 0.0)
                else:
                    active[kept] = j
                    kept += 1
            active = active[:kept]
        for j in active:
            pmf[j] = _next_pmf(pmf[j], a, mean[j])
        if a >= first:
            for node in range(start[depth[a]], start[depth[a]] + n_nodes[depth[a]]):
                _add_terms(pmf, sums, wanted, active, before[node], after[node], weight[node], lanes, prefix, total)
        for j in active:
            if pmf[j] > 0.0:
                sum_re, sum_im, t = sums[j, 0], sums[j, 1], pmf[j]
                for p in range(len(odd)):
                    sum_re[p] += t * w_re[p]
                    sum_im[p] += t * w_im[p]


@_jit
def _contour(q, labels, k, n_lanes, cos, sin, nodes, share_ties, out):
    n_classes, half = q.shape[1], k // 2
    n_points = len(cos) // 2
    peak = poisson_pmf(k, k)
    is_label = np.empty(n_classes, np.bool_)
    by_class = np.empty(n_classes)
    depth = np.zeros(half + 1, np.int64)
    sums = np.empty((n_classes, 2, n_lanes))
    prefix = np.empty((labels.shape[1], 2, n_lanes))
    lanes = np.empty((6, n_lanes))
    odd = np.empty(n_lanes, np.int64)
    for row in range(len(q)):
        is_label[:] = False
        for y in labels[row]:
            is_label[y] = True
        classes = np.flatnonzero(q[row] > 0.0)
        n = len(classes)
        p_row, wanted = q[row][classes], is_label[classes]
        mean = k * p_row
        q_y = p_row[wanted][0] if wanted.sum() == 1 else 1.0  # with several labels, the bound on n_y is not used
        total, pmf, below = np.zeros(n), np.zeros(n), np.zeros(n)
        if n > 1 and wanted.any():
            # Plan which a matter, and up to which a each class takes part.
            first = _first_relevant(mean, wanted, NEGLIGIBLE / k * peak, half, pmf, below)
            frozen = np.empty(n, np.int64)
            for j in range(n):
                frozen[j] = _freezing_point(p_row[j], q_y, k, first, half, math.log(NEGLIGIBLE / n))
                if wanted[j] and q_y < 1.0:
                    frozen[j] = half + 1
            stop = np.sort(frozen)[-2]  # from this a on, at most one class is left
            merged_mean = mean[frozen == first].sum()
            if share_ties:
                for a in range(first, stop):
                    depth[a] = _tie_depth(mean, a, k)
            if first < stop:
                for p0 in range(0, n_points // 2, n_lanes):
                    _start_points(p0, k, merged_mean, cos, sin, odd, lanes[2], lanes[3])
                    _integrate(
                        first, stop, mean, wanted, frozen, depth, cos, sin, nodes, pmf, sums, prefix, lanes, odd, total
                    )
            for j in range(n):
                total[j] *= 2 / (n_points * peak)
                if frozen[j] >= stop:
                    total[j] += binomial_tail(stop, k, p_row[j])
        elif n == 1:
            total[:] = 1.0
        for y in labels[row]:
            by_class[y] = 0.0
        for j in range(n):
            by_class[classes[j]] = min(max(total[j], 0.0), 1.0)
        for position in range(labels.shape[1]):
            out[row, position] = by_class[labels[row, position]]


def lane_count(n_points: int, n_classes: int) -> int:
    """Return how many points to work on at once: a multiple of the vector length that fits into a processor's cache."""
    most = min(max(2**11 // n_classes, 16), 128)
    n_blocks = math.ceil(n_points / 2 / most)
    return math.ceil(n_points / 2 / n_blocks / 8) * 8


def contour_plurality(q: Floats, labels: Codes, k: int, ties: str) -> Floats:
    """Return the probability that ``labels[row, i]`` wins `k` draws from ``q[row]``, at [row, i], to 1e-12 absolute."""
    n_points, cos, sin = circle(k)
    nodes = tie_nodes(ties, min(q.shape[1], k) - 1)
    n_lanes = lane_count(n_points, q.shape[1])
    out = np.empty(labels.shape)
    _contour(q, np.array(labels, order="C"), k, n_lanes, cos, sin, tuple(nodes), ties == "random", out)
    return out
