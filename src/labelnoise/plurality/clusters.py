"""Nearly equal competitors as powers of one or two, so that a factor serves all classes of a background.

Under uniform noise, the improbable classes differ little from one another. Let F(x) be one competitor's sum as a
function of its mean x (with a tie's weight z, see `ties`), at a point w of the circle and times exp(-x),

    F(x) = exp(-x) (sum over i < a of (x w)^i / i!  +  z (x w)^a / a!).

Take c competitors with the means x + d_1, ..., x + d_c around their mean x, so that the sum of the d_j is 0, and let
f_p be the p-th derivative of exp(x) F(x), times exp(-x) / p!. A derivative is again such a sum, with one term less, so
that |f_p| <= 1 / p! on the circle. The product of the factors is a power series in the d_j, symmetric in them, so it
depends on their power sums S_p alone:

    prod of F(x + d_j) = f_0^c + S_2 (f_0^(c-1) f_2 - f_0^(c-2) f_1^2 / 2)
                       + S_3 (f_0^(c-1) f_3 - f_0^(c-2) f_1 f_2 + f_0^(c-3) f_1^3 / 3) + ...

(the d_j add up to 0, hence the factor exp(-sum of d_j) is 1). Both brackets are at most 1. The terms of degree p are
together at most D^p / p! for D = sum of |d_j|, so those from p on at most `_tail` (D, p). Two replacements follow:

- *One value*, the c-th power of F(x), errs by at most |S_2| + _tail(D, 3).
- *Two values*, n_1 times x - e_1 and n_2 times x + e_2, with the same S_1 and S_2. They err by at most the difference
  of both S_3, plus the tails from degree 4 on of the old d_j and of the new ones. n_2 is chosen to make S_3 agree. In a
  background that falls off fast, n_2 is 1 and the agreement nearly perfect.

An error of the product is at most multiplied by 1 / Pr(Poisson(theta) = k) in the probability of winning, since the
Pr(X_y = a) add up to at most 1 and all other factors are at most 1 on the circle.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.compiled import compiled

CLUSTERING = 1e-13
"""Absolute bound of what all replacements in one row change in a probability."""

_jit = compiled(inner=True, error_model="numpy")


class Clusters(NamedTuple):
    """Competitors that stand for `power` classes each, from the smallest to the largest."""

    mean: Floats
    power: Integers
    largest: Integers
    """The position among the competitors of the largest class that this one stands for."""
    after: Mask


def room_for_clusters(n_classes: int) -> Clusters:
    """Return arrays for the clusters of one row."""
    return Clusters(
        np.empty(n_classes), np.empty(n_classes, np.int64), np.empty(n_classes, np.int64), np.empty(n_classes, np.bool_)
    )


@_jit
def _tail(distance, degree):
    """Return a bound on the sum over p >= degree of distance^p / p!, for distances up to 1 and degrees from 3 on."""
    term = 4 / 3  # The ratio of consecutive terms is at most 1/4.
    for p in range(1, degree + 1):
        term *= distance / p
    return term


@_jit
def _two_values(c, s_2, s_3):
    """Return n_2, and the difference of both S_3, for the best n_2."""
    best, least = 1, math.inf
    for n_2 in range(1, c):
        n_1 = c - n_2
        difference = abs(s_3 - s_2 * math.sqrt(s_2 / (n_1 * n_2 * c)) * (n_1 - n_2))
        if difference >= least:
            break  # S_3 of two values falls with n_2.
        best, least = n_2, difference
    return best, least


@_jit
def cluster(q, after, n, by_side, theta, limit, into):
    """Write clusters of the first n competitors, which descend, to `into`; return their number.

    `limit` bounds the error of each product. With `by_side`, classes before y and after it are kept apart.
    """
    n_clusters = np.int64(0)
    for side in range(2 if by_side else 1):
        m = n - 1
        while m >= 0:
            if by_side and after[m] != (side == 1):
                m -= 1
                continue
            # Extend a run from its smallest member, as far as one value serves, and as far as two do.
            base, c, s_1, s_2, s_3 = theta * q[m], 1, 0.0, 0.0, 0.0
            one, one_mean, one_top = 1, base, m
            two, two_mean, two_top, two_n, two_spread = 0, base, m, 0, 0.0
            i = m - 1
            while i >= 0:
                if not by_side or after[i] == (side == 1):
                    d = theta * q[i] - base
                    c, s_1, s_2, s_3 = c + 1, s_1 + d, s_2 + d * d, s_3 + d * d * d
                    mean = s_1 / c
                    central_2 = max(s_2 - mean * s_1, 0.0)
                    distance = 2.0 * s_1
                    if distance > 1.0 or _tail(distance, 4) > limit:
                        break
                    if central_2 + _tail(distance, 3) <= limit:
                        one, one_mean, one_top = c, base + mean, i
                    elif c > 2:
                        n_2, error = _two_values(c, central_2, s_3 - 3.0 * mean * s_2 + 2.0 * mean * mean * s_1)
                        spread = math.sqrt(central_2 / ((c - n_2) * n_2 * c))
                        error += _tail(distance, 4) + _tail(2.0 * spread * (c - n_2) * n_2, 4)
                        if error <= limit and base + mean > spread * n_2:
                            two, two_mean, two_top, two_n, two_spread = c, base + mean, i, n_2, spread
                i -= 1
            if two - 2 > one - 1:
                _write(into, n_clusters, two_mean - two_spread * two_n, two - two_n, two_top, after)
                _write(into, n_clusters + 1, two_mean + two_spread * (two - two_n), two_n, two_top, after)
                n_clusters += 2
                m = two_top - 1
            else:
                _write(into, n_clusters, one_mean, one, one_top, after)
                n_clusters += 1
                m = one_top - 1
    if by_side:
        _sort_by_largest(into, n_clusters)
    return n_clusters


@_jit
def _write(into, at, mean, power, largest, after):
    into.mean[at], into.power[at], into.largest[at], into.after[at] = mean, power, largest, after[largest]


@_jit
def _sort_by_largest(into, n):
    """Sort by descending position of the largest member, in place; positions ascend on neither side but merge."""
    for m in range(1, n):
        mean, power, largest, flag = into.mean[m], into.power[m], into.largest[m], into.after[m]
        place = m
        while place > 0 and into.largest[place - 1] < largest:
            p = place - 1
            into.mean[place], into.power[place] = into.mean[p], into.power[p]
            into.largest[place], into.after[place] = into.largest[p], into.after[p]
            place = p
        into.mean[place], into.power[place], into.largest[place], into.after[place] = mean, power, largest, flag
