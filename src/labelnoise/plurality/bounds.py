"""What the contour engine leaves out, for each row: bounds on the probability of winning or losing with a votes.

Counts of a multinomial are negatively associated. So the probability that several counts are all large, or all small,
is at most the product of their own probabilities, each bounded by Chernoff's inequality for the binomial distribution:

    log Pr(n_j >= a) <= -(a log(a/k) + (k - a) log((k - a)/k) - a log q_j - (k - a) log(1 - q_j))   for a >= k q_j,

and the same for Pr(n_j <= a) where a <= k q_j. `entropy` holds the first two terms. A bound for the range k_low to
k_high uses the k where it is largest: the smallest one for "few votes", the largest one for "many votes".

With b = -log(NEGLIGIBLE / L), every event below is at most NEGLIGIBLE / L likely, so that their union over all
competitors is negligible:

- y wins with a votes or fewer: then the strongest competitor has at most as many (`first_relevant`).
- y loses although it has a votes or more: then a competitor has as many. Where this is negligible for the strongest
  one, it is for each, and a votes win for certain (its `freezing_point`).
- Competitor j has a votes or more, and so has y (`freezing_point`): from this a on, no further term of j is needed.
- y ever has as many votes as a much stronger competitor (`hopeless`): Pr(n_y >= n_j) is at most E[r^(n_y - n_j)] for
  every r >= 1, and at its smallest this is (1 - (sqrt(q_j) - sqrt(q_y))^2)^k.
"""

from __future__ import annotations

import math

from labelnoise.compiled import compiled

_jit = compiled(inner=True, error_model="numpy")


@_jit
def log_of_rest(q):
    """Return log(1 - q), and for q = 1 a number that stands for minus infinity, but whose product with 0 is 0."""
    return math.log1p(-q) if q < 1.0 else -1e300


@_jit
def hopeless(q_y, q_1, k_low, b):
    """Return whether y cannot win against a competitor with probability q_1."""
    if q_1 <= q_y:
        return False
    gap = math.sqrt(q_1) - math.sqrt(q_y)
    return k_low * math.log1p(-gap * gap) <= -b


@_jit
def many(a, k, entropy, at, q, log_q, log_rest):
    """Return minus the logarithm of the bound on Pr(n >= a)."""
    return entropy[at + a] - a * log_q - (k - a) * log_rest if a > k * q else 0.0


@_jit
def few(a, k, entropy, at, q, log_q, log_rest):
    """Return minus the logarithm of the bound on Pr(n <= a)."""
    return entropy[at + a] - a * log_q - (k - a) * log_rest if a < k * q else 0.0


@_jit
def freezing_point(q_y, log_q_y, log_rest_y, q, log_q, log_rest, k_high, entropy, at, b, highest):
    """Return the least a in 1..highest from which on Pr(n_j >= a and n_y >= a) is negligible, or `highest`."""
    low, high = 1, highest
    while low < high:
        a = (low + high) >> 1
        reached = many(a, k_high, entropy, at, q_y, log_q_y, log_rest_y) + many(
            a, k_high, entropy, at, q, log_q, log_rest
        )
        if reached >= b:
            high = a
        else:
            low = a + 1
    return low


@_jit
def first_relevant(q_y, log_q_y, log_rest_y, q, log_q, log_rest, k_low, entropy, at, strict, b):
    """Return the least a with which y wins with a probability that matters, where j is the strongest competitor."""
    low, high = 0, k_low
    while low < high:
        a = (low + high + 1) >> 1
        missed = few(a, k_low, entropy, at, q_y, log_q_y, log_rest_y)
        missed += few(a - 1 if strict else a, k_low, entropy, at, q, log_q, log_rest)
        if missed >= b:
            low = a
        else:
            high = a - 1
    return low + 1
