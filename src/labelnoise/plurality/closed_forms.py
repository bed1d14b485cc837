"""Where the contour engine needs no contour: a single competitor, and votes that win for certain."""

from __future__ import annotations

import math

from labelnoise.compiled import compiled
from labelnoise.plurality.pmf import binomial_pmf, binomial_tail

_jit = compiled(inner=True, error_model="numpy")


@_jit
def one_competitor(k, start, stop, q_y, q_1, tie):
    """Return Pr(n_y >= stop) + the sum over start <= a < stop of Pr(n_y = a) (Pr(n_1 < a) + tie Pr(n_1 = a)).

    Given n_y = a, the competitor's count is binomial: n = k - a draws with p = q_1 / (1 - q_y). From a to a - 1, and so
    n + 1 draws, its distribution changes by

        Pr(n_1 <= a - 2; n + 1) = Pr(n_1 <= a - 1; n) - Pr(n_1 = a - 1; n) - p Pr(n_1 = a - 2; n).
    """
    total = binomial_tail(stop, k, q_y)
    if start >= stop:
        return total
    p = min(1.0, q_1 / (1.0 - q_y))
    a, n = stop - 1, k - stop + 1
    behind = 1.0 - binomial_tail(a, n, p)  # Pr(n_1 <= a - 1; n)
    level = binomial_pmf(a, n, p)
    wins = binomial_pmf(a, k, q_y)
    odds, back = (1.0 - q_y) / q_y, (1.0 - p) / p
    while True:
        total += wins * (behind + tie * level)
        if a == start:
            return total
        if level > 0.0 and back > 0.0:
            one_less = level * a / (n - a + 1) * back
        else:
            one_less = binomial_pmf(a - 1, n, p)
        if one_less > 0.0 and back > 0.0:
            two_less = one_less * (a - 1) / (n - a + 2) * back
        else:
            two_less = binomial_pmf(a - 2, n, p)
        behind = max(behind - one_less - p * two_less, 0.0)
        level = (1.0 - p) * one_less + p * two_less
        wins *= a / (k - a + 1) * odds
        a -= 1
        n += 1


@_jit
def add_binomial_tails(ks, least, q_y, log_q_y, inverse, out):
    """Add Pr(Binomial(k, q_y) >= least) for every k, ascending.

    Of k + 1 draws at least `least` go to y if that many of the first k do, or if the last draw is the `least`-th.
    """
    rest = 1.0 - q_y
    tail = math.exp(least * log_q_y)
    step = math.exp((least - 1) * log_q_y) * least * rest  # Pr(Binomial(least, q_y) = least - 1)
    k = least
    for position in range(len(ks)):
        while k < ks[position]:
            tail += q_y * step
            step *= (k + 1) * inverse[k + 2 - least] * rest
            k += 1
        if ks[position] >= least:
            out[position] += tail
