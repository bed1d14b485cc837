"""A mean over points of a circle: for any k and number of classes, with a small absolute error.

Let X_j ~ Poisson(theta q_j). The coefficient of x^k in the series

    sum over a of  Pr(X_y = a) x^a  prod over j != y of E_j(x),     E_j(x) = sum over i < a of Pr(X_j = i) x^i

is its mean over points w of the unit circle, each value times w^-k (`plan`). As a grows by one, every E_j gains one
term, which costs a few multiply-adds per class, a and eight points (`integrand`). A tie rule adds a term (`ties`).

For each row, what does not matter is left out. Every outcome counts positively, and the events that are left out are
together at most a few times `plan.NEGLIGIBLE` likely:

- y cannot win against a much stronger competitor: the answer is 0 (`bounds`);
- only a window of a matters: with fewer votes y does not win, with more it does for certain (`bounds`), which is a
  binomial tail (`closed_forms`);
- a competitor that is unlikely to reach a is frozen from there on, its E_j being a part of a common factor; if it is
  frozen from the start, E_j is a whole Poisson series, exp(theta q_j (w - 1)), and all of these are one such series;
- the weak ones among many classes are a series in power sums of their q (`competitors`, `small_classes`);
- points far from w = 1 are left out where the integrand is negligible on all of them (`far_points`);
- against a single competitor, and for a single k, the sum over a has a closed form (`closed_forms`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.plurality.bounds import first_relevant, freezing_point, hopeless, log_of_rest
from labelnoise.plurality.closed_forms import add_binomial_tails, one_competitor
from labelnoise.plurality.competitors import (
    FEW,
    Competitors,
    floor_and_cut,
    largest_competitor,
    list_competitors,
    room_for_competitors,
)
from labelnoise.plurality.far_points import MOST_BOUNDED, MOST_STEPS, blocks_needed
from labelnoise.plurality.integral import CHUNK, LOWEST, NODE_CHUNK, RANDOM, STRICT, integrate
from labelnoise.plurality.plan import NEGLIGIBLE, plan
from labelnoise.plurality.pmf import binomial_tail, poisson_pmf
from labelnoise.plurality.small_classes import (
    HIGHEST_POWER,
    LARGEST_RULE,
    PowerSums,
    coefficient_tables,
    group_power_sums,
    room_for_power_sums,
    series_coefficients,
)
from labelnoise.plurality.ties import TieNodes, tie_nodes
from labelnoise.plurality.vectors import WIDTH, fill_from, load, store

WIDE = 32
"""Rows with more classes are searched for weak ones."""

_RULES = {"strict": STRICT, "lowest": LOWEST, "random": RANDOM}

_jit = compiled(inner=True, error_model="numpy")


class Scratch(NamedTuple):
    """Room for one row at a time; each thread has its own."""

    competitors: Competitors
    power_sums: PowerSums
    starts: Integers
    """For each range of k the first relevant a, or -1 where y cannot win."""
    frozen: Integers
    """For each direct competitor, the a from which on its sum no longer changes."""
    ahead: Integers
    """For competitor j = 1, 2, ... whether its sum runs one term ahead, since ties with it are won."""
    mean: Floats
    terms: Floats
    sums: Floats
    products: Floats
    factors: Floats
    n_nodes: Integers
    node_at: Integers
    bound: tuple[Floats, Floats, Floats, Floats]


def _room(n_classes: int, k_max: int, n_ranges: int, most_nodes: int) -> Scratch:
    n_votes, lanes = k_max // 2 + 4, (n_classes // WIDTH + 1) * WIDTH + WIDTH
    lanes_bounded = (MOST_BOUNDED + 1) * WIDTH
    return Scratch(
        competitors=room_for_competitors(n_classes),
        power_sums=room_for_power_sums(n_classes, n_votes, min(most_nodes, LARGEST_RULE), n_classes > WIDE),
        starts=np.empty(n_ranges, np.int64),
        frozen=np.empty(n_classes, np.int64),
        ahead=np.zeros(n_classes + 1, np.int64),
        mean=np.empty(lanes),
        terms=np.empty(n_votes * lanes + WIDTH),
        sums=np.empty(2 * WIDTH * (n_classes + 1)),
        products=np.empty(2 * WIDTH * max(CHUNK, NODE_CHUNK * most_nodes)),
        factors=np.empty(4 * WIDTH),
        n_nodes=np.ones(n_votes, np.int64),
        node_at=np.zeros(n_votes, np.int64),
        bound=(np.empty(lanes_bounded), np.empty(2 * WIDTH), np.empty(3 * WIDTH), np.empty(2 * WIDTH * MOST_STEPS)),
    )


@_jit
def _fill_terms(mean, n, first, stop, inverse, terms, stride):
    """Set terms[stride * a + j] to Pr(X_j = a) for first <= a <= stop and j <= n, and to 0 for the lanes after it."""
    for j in range(stride):
        terms[stride * first + j] = poisson_pmf(first, mean[j]) if j <= n else 0.0
    for lane in range(0, stride, WIDTH):
        term, means = load(terms, stride * first + lane), load(mean, lane)
        for a in range(first + 1, stop + 1):
            term = term * (means * fill_from(inverse, a))
            store(terms, stride * a + lane, term)


@_jit
def _choose_nodes(start, stop, k_high, n_direct, stride, amplification, rules, scratch):
    """Choose the nodes of "random" for each a; return whether the series of weak classes are known at all of them.

    Given sum k, the probability that y and some m others have a votes each is at most 1/Pr(Poisson(theta) = k) times
    that of the Poisson variables, Pr(X_y = a) times an elementary symmetric polynomial of Pr(X_j = a), which is below
    s^m / m! for their sum s. So at most `depth` classes tie, but for a negligible probability; and at most k/a - 1.
    """
    terms, expected, active = scratch.terms, scratch.power_sums.expected, n_direct
    for a in range(start, stop):
        while active > 0 and scratch.frozen[active - 1] <= a:
            active -= 1
        weak = expected[a] if a <= HIGHEST_POWER else 0.0
        total, most = weak, min(k_high // a, len(rules.start)) - 1
        for j in range(1, active + 1):
            total += terms[stride * a + j]
        if weak == 0.0:
            most = min(most, active)
        depth, excess = 0, total * terms[stride * a] * amplification
        while depth < most and (excess > NEGLIGIBLE or depth < 2 * total):
            depth += 1
            excess *= total / (depth + 1)
        scratch.node_at[a], scratch.n_nodes[a] = rules.start[depth], rules.n_nodes[depth]
        if weak > 0.0 and scratch.n_nodes[a] > LARGEST_RULE:
            return False
    return True


@_jit
def _win_probability(plans, r, y, wide, n, n_weak, ties, rules, tables, inverse, b, scratch, out):
    """Write the probability that y wins, for every k of range r, to `out`; return False if weak classes are too many.

    `y` is its probability and the logarithms of it and of 1 minus it.
    """
    q_y, log_q_y, log_rest_y = y
    q, log_q, log_rest, after = (
        scratch.competitors.q,
        scratch.competitors.log_q,
        scratch.competitors.log_rest,
        scratch.competitors.after,
    )
    k = plans.k[plans.k_at[r] : plans.k_at[r + 1]]
    k_high, theta, start = k[-1], plans.theta[r], scratch.starts[r]
    at_high = plans.entropy_at[r] + k[0] + 1
    half = k_high // 2 + 1
    group = scratch.power_sums
    q_1, log_q_1, log_rest_1 = q[0], log_q[0], log_rest[0]
    if n == 0:
        q_1 = 0.0
        for m in range(n_weak):
            q_1 = max(q_1, scratch.competitors.weak_q[m])
        log_q_1, log_rest_1 = math.log(q_1), log_of_rest(q_1)
    stop = freezing_point(q_y, log_q_y, log_rest_y, q_1, log_q_1, log_rest_1, k_high, plans.entropy, at_high, b, half)
    stop = min(max(stop, start), half)
    start = min(start, stop)
    if start < stop:
        # Choose the competitors that have a factor of their own.
        cut = floor_and_cut(start, theta, k_high, b, group.radius)[1] if wide else 0.0
        frozen, n_direct, n_group = scratch.frozen, 0, n_weak
        point = stop
        while n_direct < n:
            m = n_direct
            if q[m] <= cut and n - m + n_weak > FEW:
                n_group = n - m + n_weak
                break
            point = freezing_point(
                q_y, log_q_y, log_rest_y, q[m], log_q[m], log_rest[m], k_high, plans.entropy, at_high, b, point
            )
            if point <= start:
                n_group = 0
                break
            frozen[m] = point
            n_direct += 1
        if len(k) == 1 and n_direct == 1 and n_group == 0:
            tie = 0.5 if ties == RANDOM else (1.0 if ties == LOWEST and after[0] else 0.0)
            out[0] = min(one_competitor(k_high, start, stop, q_y, q[0], tie), 1.0)
            return True

        mean, terms = scratch.mean, scratch.terms
        stride = (n_direct // WIDTH + 1) * WIDTH
        mean[:stride] = 0.0
        mean[0] = theta * q_y
        rest = 1.0 - q_y
        for m in range(n_direct):
            mean[m + 1] = theta * q[m]
            rest -= q[m]
            scratch.ahead[m + 1] = ties == LOWEST and after[m]
        merged_mean = theta * max(rest, 0.0)
        # Where all means are large, the terms begin where they begin to matter.
        least = mean[n_direct]
        first = min(start, max(0, int(least - 9.5 * math.sqrt(least)))) if least > 40 else 0
        _fill_terms(mean, n_direct, first, stop, inverse, terms, stride)

        excess, mean_weak, highest = 0.0, 0.0, 0
        for a in range(len(group.expected)):
            group.expected[a] = 0.0
        if n_group > 0 and start <= HIGHEST_POWER:
            excess, mean_weak, highest = group_power_sums(scratch.competitors, n_direct, n, n_weak, start, theta, group)
        if ties == RANDOM and not _choose_nodes(
            start, stop, k_high, n_direct, stride, plans.amplification[r], rules, scratch
        ):
            return False
        for a in range(start, stop):
            group.n_terms[a] = 0
        if excess > 0.0:
            series_coefficients(
                start, stop, mean_weak, highest, ties == LOWEST, scratch.node_at, scratch.n_nodes, tables, group
            )
        n_blocks = blocks_needed(
            plans.n_blocks[r], plans.block_cosine_minus_1, plans.block_at[r], mean, merged_mean, excess, n_direct,
            first, start, stop, terms, stride, NEGLIGIBLE / plans.amplification[r], scratch.bound,
        )  # fmt: skip
        integrate(
            plans, r, n_blocks, ties, n_direct, first, start, stop, stride, merged_mean, rules.before, rules.weight,
            (group.coefficients, group.coefficients_at, group.n_terms), scratch, out,
        )  # fmt: skip
    if len(k) == 1:
        out[0] += binomial_tail(stop, k_high, q_y)
    else:
        add_binomial_tails(k, stop, q_y, log_q_y, inverse, out)
    for i in range(len(k)):
        out[i] = min(max(out[i], 0.0), 1.0)
    return True


@compiled(error_model="numpy")
def _contour(q, labels, plans, ties, rules, tables, inverse, scratch, out):
    n_ranges, n_classes = len(plans.theta), q.shape[1]
    b = -math.log(NEGLIGIBLE / n_classes)
    starts = scratch.starts
    for row in range(len(q)):
        for position in range(labels.shape[1]):
            y = labels[row, position]
            q_y, result = q[row, y], out[row, position]
            q_1 = largest_competitor(q[row], y)
            for i in range(len(result)):
                result[i] = 1.0 if q_1 <= 0.0 else 0.0
            if q_y <= 0.0 or q_1 <= 0.0:
                continue
            at_y = (q_y, math.log(q_y), log_of_rest(q_y))
            log_q_1, log_rest_1 = math.log(q_1), log_of_rest(q_1)
            floor, cut = math.inf, math.inf
            for r in range(n_ranges):
                k_low, k_high = plans.k[plans.k_at[r]], plans.k[plans.k_at[r + 1] - 1]
                starts[r] = -1
                if not hopeless(q_y, q_1, k_low, b):
                    start = first_relevant(
                        q_y, at_y[1], at_y[2], q_1, log_q_1, log_rest_1, k_low, plans.entropy, plans.entropy_at[r],
                        ties == STRICT, b,
                    )  # fmt: skip
                    starts[r] = max(start, (k_low + n_classes - 1) // n_classes)
                    if n_classes > WIDE:
                        lower, upper = floor_and_cut(starts[r], plans.theta[r], k_high, b, scratch.power_sums.radius)
                        floor, cut = min(floor, lower), min(cut, upper)
            if n_classes <= WIDE:
                floor = cut = 0.0
            if floor == math.inf:
                continue
            floor = min(floor, q_1 * 0.999)  # The strongest competitor is always listed.
            n, n_weak = list_competitors(q[row], y, floor, cut, scratch.competitors)
            for r in range(n_ranges):
                of_range = result[plans.k_at[r] : plans.k_at[r + 1]]
                while starts[r] >= 0:
                    if _win_probability(
                        plans, r, at_y, cut > 0.0, n, n_weak, ties, rules, tables, inverse, b, scratch, of_range
                    ):
                        starts[r] = -1
                    else:  # There are too many ties for the series of weak classes: all become strong.
                        cut = 0.0
                        n, n_weak = list_competitors(q[row], y, floor, cut, scratch.competitors)


@lru_cache(maxsize=16)
def _tables(ties: str, n_classes: int, max_depth: int) -> tuple[TieNodes, Floats]:
    """Return the nodes of the tie rule, and the series of weak classes at each that may be used with them."""
    rules = tie_nodes(ties, max_depth)
    if n_classes <= WIDE:
        return rules, np.zeros((1, 1, 1))
    if ties != "random":
        return rules, coefficient_tables((0.0, 1.0))
    usable = rules.n_nodes <= LARGEST_RULE
    return rules, coefficient_tables(tuple(rules.before[: np.max((rules.start + rules.n_nodes)[usable])].tolist()))


def contour_plurality(q: Floats, labels: Codes, ks: Integers, ties: str) -> Floats:
    """Return the probability that ``labels[row, i]`` wins ``ks[c]`` draws from ``q[row]``, at [row, i, c].

    `ks` ascends strictly. The absolute error is at most 1e-12.
    """
    n_classes, k_max = q.shape[1], int(ks[-1])
    plans = plan(tuple(ks.tolist()), HIGHEST_POWER if n_classes > WIDE else 0)
    rules, tables = _tables(ties, n_classes, min(n_classes, k_max) - 1)
    scratch = _room(n_classes, k_max, len(plans.theta), int(rules.n_nodes.max()))
    inverse = np.concatenate([[0.0], 1 / np.arange(1, k_max + 3)])
    out = np.empty((*labels.shape, len(ks)))
    _contour(q, np.array(labels, order="C"), plans, _RULES[ties], rules, tables, inverse, scratch, out)
    return out
