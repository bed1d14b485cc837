"""Binomial coefficients scaled to the range of doubles, shared by the exact engines.

How many neighbours of each class are among m selected has probabilities that are quotients of binomial coefficients.
Scaled by 2^-n they are at most 1, and the factors 2 cancel without rounding in the quotient.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from labelnoise.arrays import Floats

MAX_K = 512
"""Largest k for which the scaled weights of every engine stay inside the range of doubles."""


@lru_cache(maxsize=16)
def halved_binomials(k: int) -> Floats:
    """Entry [n, r] is C(n, r) / 2^n, for 0 <= r <= n <= k (0 for r > n)."""
    table = np.zeros((k + 1, k + 1))
    table[0, 0] = 1.0
    for n in range(k):
        table[n + 1] = table[n] / 2
        table[n + 1, 1:] += table[n, :-1] / 2
    table.flags.writeable = False
    return table
