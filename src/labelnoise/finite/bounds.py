"""Which numbers of votes matter under uniform noise, and which competitors.

Let n_j be the votes of class j given m, the number of selected labels. They are negatively associated, as draws without
replacement and multinomial counts are (Joag-Dev and Proschan, 1983). So, of the label y and its competitors j,

    Pr(y wins with a votes)     <=  min(Pr(n_y >= a), product over j of Pr(n_j <= a))
    Pr(n_y >= a and n_j >= a)   <=  Pr(n_y >= a) Pr(n_j >= a)

The first bound says at which m it matters that y may win with a votes. The second says which competitors need no limit
at a: they exceed it too rarely. Competitors with the same clean count are one group.
"""

from __future__ import annotations

import numpy as np

from labelnoise.compiled import compiled

NEGLIGIBLE = 1e-15
"""Probability of the outcomes that may be left out for each a and m."""

_jit = compiled(error_model="numpy")


@_jit
def _whole_power(x, n):
    """Return x^n."""
    result = 1.0
    while n > 0:
        if n & 1:
            result *= x
        x *= x
        n >>= 1
    return result


@_jit
def list_groups(counts, y, split, clean, side, size):
    """List the competitors by clean count, most first, and with `split` by their side of y; returns how many groups."""
    k = np.sum(counts)
    before, after = np.zeros(k + 1, np.int64), np.zeros(k + 1, np.int64)
    for j in range(len(counts)):
        if j < y and split:
            before[counts[j]] += 1
        elif j != y:
            after[counts[j]] += 1
    n = 0
    for c in range(k, -1, -1):
        for members, where in ((before[c], 0), (after[c], 1)):
            if members > 0:
                clean[n], side[n], size[n] = c, where, members
                n += 1
    return n


@_jit
def fill_tails(count, binomials, redrawn_tails, tails):
    """Fill tails[m, a], the probability that a class with `count` clean votes gets a or more."""
    k = len(tails) - 1
    for m in range(k + 1):
        tails[m, :] = 0.0
        for s in range(max(0, count - m), min(count, k - m) + 1):
            share = binomials[count, s] * binomials[k - count, k - m - s] / binomials[k, m]
            for a in range(tails.shape[1]):
                tails[m, a] += share * redrawn_tails[m, max(a - s, 0)]


@_jit
def relevant(a, n_groups, size, tails, own_tails):
    """Return the first and last m at which y may win with `a` votes, and the number of groups that may reach a."""
    k = len(own_tails) - 1
    first, last = k + 1, -1
    for m in range(k + 1):
        bound = 1.0 if own_tails[m, a] >= NEGLIGIBLE else 0.0
        for i in range(n_groups):
            if bound < NEGLIGIBLE:
                break
            bound *= _whole_power(max(1.0 - tails[i, m, a + 1], 0.0), size[i])
        if bound >= NEGLIGIBLE:
            first, last = min(first, m), m
    reaching, left_out = n_groups, 0.0
    while reaching > 0:
        most = 0.0
        for m in range(first, last + 1):
            most = max(most, own_tails[m, a] * tails[reaching - 1, m, a])
        left_out += size[reaching - 1] * most
        if left_out > NEGLIGIBLE:
            break
        reaching -= 1
    return first, last, reaching
