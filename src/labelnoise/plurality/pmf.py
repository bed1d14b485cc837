"""Poisson and binomial probabilities to full double precision, for use inside compiled kernels.

They use Loader's saddle-point form (C. Loader, "Fast and accurate computation of binomial probabilities", 2000): the
large terms n log n are canceled on paper. Differences of log-gamma values lose three digits at n = 300 already.
"""

from __future__ import annotations

import math

import numpy as np

from labelnoise.compiled import compiled

TWO_PI = 2 * math.pi

_SMALL_STIRLING_ERRORS = np.array([
    0.0, 0.081061466795327258, 0.041340695955409294, 0.027677925684998339,
    0.020790672103765094, 0.016644691189821193, 0.013876128823070748, 0.011896709945891770,
    0.010411265261972096, 0.0092554621827127329, 0.0083305634333631255, 0.0075736754879489609,
    0.0069428401072073796, 0.0064089941880042071, 0.0059513701127588477, 0.0055547335519628014,
])  # fmt: skip
"""`stirling_error` for n = 1..15, where its series is not accurate; entry 0 is never read."""


@compiled()
def stirling_error(n: float) -> float:
    """Return the error of Stirling's formula, log n! - log(sqrt(2 pi n) (n/e)^n)."""
    if n <= 15:
        return float(_SMALL_STIRLING_ERRORS[int(n)])
    square = n * n
    return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / (1188 * square)) / square) / square) / square) / n


@compiled()
def deviance(x: float, mean: float) -> float:
    """Return x log(x / mean) + mean - x, without cancellation where x is near the mean."""
    if abs(x - mean) >= 0.1 * (x + mean):
        return x * math.log(x / mean) + mean - x
    ratio = (x - mean) / (x + mean)
    total = (x - mean) * ratio
    power = 2 * x * ratio
    order = 1
    while True:  # the terms are odd powers of a ratio below 0.1, so at most eight matter
        power *= ratio * ratio
        order += 2
        longer = total + power / order
        if longer == total:
            return total
        total = longer


@compiled()
def poisson_pmf(n: int, mean: float) -> float:
    """Return Pr(X = n) for X ~ Poisson(mean)."""
    if n == 0:
        return math.exp(-mean)
    if mean <= 0.0:
        return 0.0
    return math.exp(-stirling_error(n) - deviance(n, mean)) / math.sqrt(TWO_PI * n)


@compiled()
def binomial_pmf(n: int, trials: int, p: float) -> float:
    """Return Pr(X = n) for X ~ Binomial(trials, p)."""
    if n < 0 or n > trials:
        return 0.0
    if p <= 0.0 or p >= 1.0:
        return 1.0 if n == (0 if p <= 0.0 else trials) else 0.0
    if n == 0:
        return math.exp(trials * math.log1p(-p))
    if n == trials:
        return math.exp(trials * math.log(p))
    rest = trials - n
    exponent = stirling_error(trials) - stirling_error(n) - stirling_error(rest)
    exponent -= deviance(n, trials * p) + deviance(rest, trials * (1 - p))
    return math.exp(exponent) * math.sqrt(trials / (TWO_PI * n * rest))


@compiled()
def binomial_tail(n: int, trials: int, p: float) -> float:
    """Return Pr(X >= n) for X ~ Binomial(trials, p), by summing the tail that does not hold the mean."""
    if n <= 0:
        return 1.0
    if n > trials or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return 1.0
    total = 0.0
    if n >= trials * p:
        term = binomial_pmf(n, trials, p)
        for i in range(n, trials + 1):
            total += term
            term *= (trials - i) / (i + 1) * (p / (1 - p))
            if term < 1e-18 * total:
                break
        return min(total, 1.0)
    term = binomial_pmf(n - 1, trials, p)
    for i in range(n - 1, -1, -1):
        total += term
        term *= i / (trials - i + 1) * ((1 - p) / p)
        if term < 1e-18 * total:
            break
    return max(1 - total, 0.0)
