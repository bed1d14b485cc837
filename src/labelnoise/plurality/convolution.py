"""Every k from one pass, by products of positive series: nothing cancels, so small probabilities keep their digits.

With t_j[i] = (theta q_j)^i / i!, the probability that y wins k draws is the coefficient of x^k in

    sum over a of  t_y[a] x^a  prod over j != y of  (sum over i < a of t_j[i] x^i),     divided by theta^k / k!

(no Poisson factor exp(-theta) is needed, so none can underflow). Let P_m be the product over the first m competitors.
From a to a + 1 every factor gains one term, and P_m grows by D_m, which obeys

    D_m = D_(m-1) (sum over i <= a of t_m[i] x^i) + P_(m-1) t_m[a] x^a.

D_m starts at degree a, and degrees above k - a are never used. So a step costs (k - 2a) min(a, k - 2a) multiply-adds,
and most of the work of multiplying from scratch is saved. A tie rule replaces t_m[a] by z t_m[a] (see `ties`). More
than k/2 votes always win, so the terms with a > k/2 are a binomial tail.

Two bounds skip work without losing relative accuracy:

- Turn the i votes of class j into votes for y: y still wins, and the probability changes by (q_y/q_j)^i / C(a+i, i). So
  all outcomes with n_j = i are together at most (q_j/q_y)^i C(a+i, i) times the answer: the series of j ends early.
- If q_y >= 1/2, the answer is at least 1/4, and a term (a, k) at most the binomial probability of a votes: for each a,
  only a range of k matters.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.plurality.ties import inner_tie_nodes

MAX_K = 512
"""Largest k for which theta^k / k! and exp(theta) stay far inside the range of doubles."""

NEGLIGIBLE = 1e-18
"""Largest probability of a skipped outcome, relative to the answer."""

_PAD = 4  # zeros before every increment, because four terms at once reach before its start
_VECTOR = 8  # coefficients computed at once; buffers have room for as many more

_jit = compiled(fastmath={"contract", "nsz"}, error_model="numpy")


@_jit
def _add_product(target, factor, series, n_terms, width):
    """Add to target[k], for k < width, the sum over i < n_terms of series[i] factor[k - i].

    Target and factor have `_PAD` zeros before them, and room behind them up to a multiple of `_VECTOR`: loops of a
    fixed length compile to vector instructions without a remainder. Each sweep adds four terms, so that it loads and
    stores the target once for four multiply-adds.
    """
    i = 0
    while i + 4 <= n_terms:
        c0, c1, c2, c3 = series[i], series[i + 1], series[i + 2], series[i + 3]
        for block in range(0, width - i, _VECTOR):
            source = factor[block + _PAD - 3 : block + _PAD + _VECTOR]
            goal = target[block + _PAD + i : block + _PAD + i + _VECTOR]
            for k in range(_VECTOR):
                goal[k] += (c0 * source[k + 3] + c1 * source[k + 2]) + (c2 * source[k + 1] + c3 * source[k])
        i += 4
    while i < n_terms:
        c = series[i]
        for block in range(0, width - i, _VECTOR):
            source = factor[block + _PAD : block + _PAD + _VECTOR]
            goal = target[block + _PAD + i : block + _PAD + i + _VECTOR]
            for k in range(_VECTOR):
                goal[k] += c * source[k]
        i += 1


@_jit
def _increment(a, top, products, degree, series, length, z, update, work):
    """Compute D_m of the recurrence for m the last competitor, with the a-th terms weighted by z, up to degree `top`.

    With `update` every product P_m grows by D_m. Returns the slot of `work` that holds the last D, and its length.
    There D is stored from degree a on, after the padding, with zeros behind it.
    """
    size = top - a + 1
    slot, width = 0, 0
    for m in range(len(length)):
        increment, following = work[slot], work[1 - slot]
        kept, n_terms = series[m, a], min(a, length[m])
        term = z[m] * kept if a < length[m] else 0.0
        if term > 0.0:
            n_terms = a + 1
        new_width = min(size, width + n_terms - 1) if width > 0 else 0
        if term > 0.0:
            new_width = max(new_width, min(size, degree[m] + 1))
        for k in range(new_width):
            following[_PAD + k] = term * products[m, k]
        if width > 0:
            increment[_PAD + width : _PAD + new_width] = 0.0
            series[m, a] = term
            _add_product(following, increment, series[m], min(n_terms, new_width), new_width)
            series[m, a] = kept
            if update:  # not earlier: the step to D_(m+1) needs the old P_m
                _grow(products[m], degree, m, increment, a, width)
        following[_PAD + new_width : _PAD + new_width + _VECTOR] = 0.0
        slot, width = 1 - slot, new_width
    if update and width > 0:
        _grow(products[len(length)], degree, len(length), work[slot], a, width)
    return slot, width


@_jit
def _grow(product, degree, m, increment, a, width):
    degree[m] = max(degree[m], a + width - 1)
    _add_scaled(product[a:], 1.0, increment, width)


@_jit
def _add_scaled(target, factor, increment, width):
    """Add factor times the increment, which is followed by zeros."""
    for block in range(0, width, _VECTOR):
        for k in range(_VECTOR):
            target[block + k] += factor * increment[_PAD + block + k]


@_jit
def _competitor_series(q_j, q_y, theta, half, series):
    """Fill `series` with (theta q_j)^i / i! for i <= half; returns how many terms matter."""
    mean, ratio = theta * q_j, q_j / q_y
    term, weight = 1.0, 1.0
    for i in range(half + 1):
        series[i] = term
        term *= mean / (i + 1)
        growth = ratio * (half + i + 1) / (i + 1)  # growth of the bound (q_j/q_y)^i C(half+i, i) from i to i + 1
        weight *= growth
        if weight < NEGLIGIBLE and growth < 0.5:
            return i + 1
    return half + 1


@_jit
def _degree_needed(q_y, q_rest, k_max, reach):
    """Fill reach[a] with the largest degree of the competitors' product that any number of votes >= a needs."""
    half = k_max // 2
    reach[half + 1 :] = -1
    k, p = 0, 1.0  # p = Pr(Binomial(k, q_y) = a)
    for a in range(half + 1):
        if a > 0:
            k += 1
            p *= k / a * q_y
        while k < k_max and (q_y < 0.5 or k * q_y < a or p > NEGLIGIBLE):
            k += 1
            p *= k / (k - a) * q_rest
        reach[a] = k - a
        if k == k_max:  # k stays at k_max for every larger a
            for b in range(a + 1, half + 1):
                reach[b] = k_max - b
            break
    for a in range(half, 0, -1):
        reach[a - 1] = max(reach[a - 1], reach[a])


@_jit
def _add_binomial_tail(least, q_y, q_rest, ks, out):
    """Add Pr(Binomial(k, q_y) >= least) for every k.

    Of k + 1 draws at least `least` go to y if that many of the first k do, or if the last draw is the `least`-th.
    """
    tail = q_y**least
    step = q_y ** (least - 1) * least * q_rest  # Pr(Binomial(least, q_y) = least - 1)
    k = least
    for position in range(len(ks)):
        while k < ks[position]:
            tail += q_y * step
            step *= (k + 1) / (k + 2 - least) * q_rest
            k += 1
        if ks[position] >= least:
            out[position] += tail


@_jit
def _add_coefficients(ks, a, top, wins, grown, tied, last, n_terms, tie, result):
    """Add the term with a votes to every k; the last factor is multiplied in here, unless `n_terms` is 0."""
    for index in range(len(ks) - 1, -1, -1):
        wanted = ks[index] - a
        if wanted < 0:
            break
        if wanted > top:
            continue
        if n_terms == 0:
            result[index] += wins * grown[wanted]
            continue
        coefficient = 0.0
        for i in range(min(n_terms, wanted + 1)):
            coefficient += last[i] * grown[wanted - i]
        if a <= wanted:
            coefficient += tie * tied[wanted - a]
        result[index] += wins * coefficient


@_jit
def _convolve(q, labels, ks, theta, scale, few, nodes, weight_of_one, out):
    start, n_nodes, before, after, weight = nodes
    n_classes, k_max = q.shape[1], ks[-1]
    half = k_max // 2
    room = k_max + 1 + _VECTOR
    reach = np.empty(half + 2, np.int64)
    series = np.empty((n_classes, half + 1))
    length_of = np.empty(n_classes, np.int64)
    products = np.empty((n_classes, room))
    degree = np.empty(n_classes, np.int64)
    work = np.zeros((2, _PAD + room))
    is_after = np.empty(n_classes, np.bool_)
    z = np.empty(n_classes)
    ones = np.ones(n_classes)
    grown, tied = np.empty(room), np.empty(room)
    for row in range(len(q)):
        order = np.argsort(q[row])
        for position in range(labels.shape[1]):
            y = labels[row, position]
            result = out[row, position]
            result[:] = 0.0
            q_y = q[row, y]
            if q_y == 0.0:
                continue
            # Competitors are taken from the smallest on: their series end first, and then they cost nothing here.
            n, q_rest = 0, 0.0
            for j in order:
                if j != y and q[row, j] > 0.0:
                    q_rest += q[row, j]
                    length_of[n] = _competitor_series(q[row, j], q_y, theta, half, series[n])
                    is_after[n] = j > y
                    n += 1
            if n == 0:
                result[:] = 1.0
                continue
            _degree_needed(q_y, q_rest, k_max, reach)

            # With few k, the last factor is multiplied only into the coefficients that are asked for.
            n_grown = n - 1 if few else n
            length, last, n_last = length_of[:n_grown], series[n - 1], length_of[n - 1]
            for m in range(n_grown + 1):
                products[m, 0] = 1.0
                products[m, 1 : reach[0] + 1 + _VECTOR] = 0.0
                degree[m] = 0
            whole = products[n_grown]
            wins = 1.0
            for a in range(1, half + 1):
                wins *= theta * q_y / a
                top = reach[a]
                if wins == 0.0 or top < 0:
                    break
                # `grown` is the product with its tied terms. `tied` is what the last factor's tied term multiplies.
                depth = min(n, k_max // a - 1)
                n_inner, share = n_nodes[depth], weight_of_one[depth]
                if ks[0] > a * (n + 1) or ks[0] - a > top:  # no k that is asked for has a relevant term with a votes
                    n_inner, share = 0, 0.0
                grown[: top + 1 + _VECTOR] = whole[: top + 1 + _VECTOR]
                tied[: top + 1 + _VECTOR] = share * whole[: top + 1 + _VECTOR]
                for node in range(start[depth], start[depth] + n_inner):
                    for m in range(n):
                        z[m] = after[node] if is_after[m] else before[node]
                    inner_share = weight[node] * z[n - 1]
                    tied[: top + 1] += inner_share * whole[: top + 1]
                    if top >= a:
                        slot, width = _increment(a, top, products, degree, series, length, z, False, work)
                        _add_scaled(grown[a:], weight[node], work[slot], width)
                        _add_scaled(tied[a:], inner_share, work[slot], width)
                needed = top if share > 0.0 else reach[a + 1]  # the product for a + 1 needs fewer degrees
                if needed >= a:
                    slot, width = _increment(a, needed, products, degree, series, length, ones, True, work)
                    if share > 0.0:
                        _add_scaled(grown[a:], share, work[slot], width)
                        _add_scaled(tied[a:], share, work[slot], width)
                tie = last[a] if few and a < n_last else 0.0
                n_terms = min(a, n_last) if few else 0
                _add_coefficients(ks, a, top, wins, grown, tied, last, n_terms, tie, result)
            for index in range(len(ks)):
                result[index] /= scale[index]
            _add_binomial_tail(half + 1, q_y, q_rest, ks, result)
            for index in range(len(ks)):
                result[index] = min(result[index], 1.0)


def convolution_plurality(q: Floats, labels: Codes, ks: Integers, ties: str) -> Floats:
    """Return the probability that ``labels[row, i]`` wins ``ks[c]`` draws from ``q[row]``, at [row, i, c].

    `ks` ascends strictly, up to `MAX_K`. Relative error at most 1e-9 for probabilities above 1e-200.
    """
    k_max = int(ks[-1])
    theta = 2.0 ** round(np.log2(max(k_max / 2, 1)))  # a power of 2 scales without rounding
    scale = np.cumprod(np.concatenate([[1.0], theta / np.arange(1, k_max + 1)]))[ks]
    nodes, weight_of_one = inner_tie_nodes(ties, min(q.shape[1], k_max) - 1)
    few = 8 * len(ks) <= k_max  # single coefficients of the last product are cheaper than all of it
    out = np.empty((*labels.shape, len(ks)))
    _convolve(q, np.array(labels, order="C"), ks, theta, scale, few, tuple(nodes), weight_of_one, out)
    return out
