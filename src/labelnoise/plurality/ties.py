"""The three tie rules as one: a quadrature over the weight of a tied competitor.

Let class y have a votes. A competitor j contributes the polynomial E_j(x) = sum over i < a of t_j[i] x^i while it stays
behind, and t_j[a] x^a if it draws level. Every rule is a weighted sum of products of E_j(x) + z_j t_j[a] x^a:

- strict: a tie loses, z_j = 0;
- lowest: a tie goes to the lowest class index, z_j = 0 for j < y and z_j = 1 for j > y;
- random: a tie of y with m others is won with probability 1/(m + 1), which is the integral of z^m over [0, 1]. So
  z_j = z for all j, integrated over z by a Gauss rule.

A rule exact to degree d = depth, where at most ``depth = min(L - 1, K // a - 1)`` classes can tie with y, is exact. Yet
10,000 classes do not need 5,000 nodes. The coefficient of z^m is a probability, hence not negative, so the error is at
most the largest error e_m of the rule for z^m, m <= depth. A rule with positive weights (Gauss-Legendre, Gauss-Lobatto)
that is exact to degree d errs by at most twice the distance of z^m from the polynomials of that degree, and this
distance is at most 2 M rho^-d / (rho - 1) if |z^m| <= M on the ellipse with parameter rho = e^s (Bernstein), where
M = cosh(s/2)^(2m) <= exp(m s^2 / 4). With s = 2d/m that gives e_m <= 4 exp(-d^2/m) / (exp(2d/m) - 1): for
d >= sqrt(42 depth) at most 2e-17 up to depth 10,000 and 2e-16 up to 1,000,000.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import roots_jacobi, roots_legendre

from labelnoise.arrays import Floats, Integers


class TieNodes(NamedTuple):
    """If at most `depth` classes can tie with y: nodes ``start[depth]`` up to ``start[depth] + n_nodes[depth]``."""

    start: Integers
    n_nodes: Integers
    before: Floats
    """Weight z of a tied competitor whose index is lower than y's."""
    after: Floats
    """Weight z of a tied competitor whose index is higher than y's."""
    weight: Floats


def degree_needed(depth: int) -> int:
    """Return the degree to which a rule must be exact if at most `depth` classes tie; see the derivation above."""
    bounded = math.ceil(math.sqrt(42 * depth) / 8) * 8  # a multiple of 8, so that few rules are needed
    return min(depth, bounded)


@lru_cache(maxsize=64)
def tie_nodes(ties: str, max_depth: int) -> TieNodes:
    """Return one node for "strict" and "lowest", and Gauss-Legendre nodes for "random", for depths 0..`max_depth`."""
    if ties != "random":
        ones = np.ones(max_depth + 1, dtype=np.int64)
        return TieNodes(0 * ones, ones, np.zeros(1), np.array([1.0 if ties == "lowest" else 0.0]), np.ones(1))
    count = np.array([degree_needed(depth) // 2 + 1 for depth in range(max_depth + 1)], dtype=np.int64)
    return _nodes_on_unit_interval(count, roots_legendre)


@lru_cache(maxsize=64)
def inner_tie_nodes(ties: str, max_depth: int) -> tuple[TieNodes, Floats]:
    """Return the nodes other than z = 0 and z = 1, and the weight of z = 1, for an engine that gets those two for free.

    All weights, with that of z = 0, sum to 1. For "random" the nodes are those of a Gauss-Lobatto rule.
    """
    if ties != "random":
        count = np.full(max_depth + 1, 1 if ties == "lowest" else 0)
        return TieNodes(0 * count, count, np.zeros(1), np.ones(1), np.ones(1)), np.zeros(max_depth + 1)
    count = np.array([degree_needed(depth) // 2 for depth in range(max_depth + 1)], dtype=np.int64)
    weight_of_one = 1 / ((count + 2) * (count + 1))
    weight_of_one[0] = 0.0  # at depth 0 nothing can tie

    def inner_lobatto(n: int) -> tuple[Floats, Floats]:
        if n == 0:
            return np.zeros(0), np.zeros(0)
        points, weights = roots_jacobi(n, 1, 1)
        return points, weights / (1 - points**2)

    return _nodes_on_unit_interval(count, inner_lobatto), weight_of_one


def _nodes_on_unit_interval(count: Integers, rule: Callable[[int], tuple[Floats, Floats]]) -> TieNodes:
    """Return the rules of all sizes in `count`, moved from [-1, 1] to [0, 1], as one table."""
    sizes = np.unique(count)
    starts = np.cumsum(sizes) - sizes
    points, weights = (np.concatenate(parts) for parts in zip(*(rule(int(n)) for n in sizes), strict=True))
    z = (points + 1) / 2
    return TieNodes(starts[np.searchsorted(sizes, count)], count, z, z, weights / 2)
