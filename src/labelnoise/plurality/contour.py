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
- nearly equal competitors share a factor, raised to a power (`clusters`);
- the weak ones among many classes are a series in power sums of their q (`competitors`, `small_classes`);
- points far from w = 1 are left out where the integrand is negligible on all of them (`far_points`);
- against a single competitor, and for a single k, the sum over a has a closed form (`closed_forms`).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.plurality.bounds import first_relevant, freezing_point, hopeless, log_of_rest
from labelnoise.plurality.closed_forms import add_binomial_tails, one_competitor
from labelnoise.plurality.clusters import CLUSTERING, Clusters, cluster, room_for_clusters
from labelnoise.plurality.competitors import (
    FEW,
    Competitors,
    floor_and_cut,
    largest_competitor,
    list_competitors,
    room_for_competitors,
)
from labelnoise.plurality.far_points import ROOM, blocks_needed
from labelnoise.plurality.integral import CHUNK, NODE_CHUNK, integrate
from labelnoise.plurality.plan import NEGLIGIBLE, Plan, plan
from labelnoise.plurality.pmf import binomial_tail, poisson_pmf
from labelnoise.plurality.small_classes import (
    HIGHEST_POWER,
    LARGEST_RULE,
    coefficient_tables,
    group_power_sums,
    room_for_power_sums,
    series_coefficients,
)
from labelnoise.plurality.ties import TieNodes, tie_nodes
from labelnoise.vectors import WIDTH, fill_from, load, pointer, read, store, write

WIDE = 32
"""Rows with more classes are searched for weak ones."""

_STRICT, _LOWEST, _RANDOM = 0, 1, 2
_RULES = {"strict": _STRICT, "lowest": _LOWEST, "random": _RANDOM}

_jit = compiled(inner=True, error_model="numpy")


class Scratch(NamedTuple):
    """Room for one row at a time; each thread has its own."""

    competitors: Competitors
    clusters: Clusters
    starts: Integers
    """For each range of k the first relevant a, or -1 where y cannot win."""
    frozen: Integers
    """For competitor j = 1, 2, ... the a from which on its sum no longer changes."""
    power: Integers
    """How many classes it stands for."""
    ahead: Integers
    """Whether its sum runs one term ahead, since ties with it are won."""
    mean: Floats
    terms: Floats
    sums: Floats
    products: Floats
    common: Floats
    totals: Floats
    bound: Floats
    n_nodes: Integers
    node_at: Integers


def _room(n_classes: int, k_max: int, plans: Plan, most_nodes: int) -> Scratch:
    n_votes, lanes = k_max // 2 + 4, (n_classes // WIDTH + 1) * WIDTH + WIDTH
    return Scratch(
        competitors=room_for_competitors(n_classes),
        clusters=room_for_clusters(n_classes),
        starts=np.empty(len(plans.theta), np.int64),
        frozen=np.empty(n_classes + 1, np.int64),
        power=np.ones(n_classes + 1, np.int64),
        ahead=np.zeros(n_classes + 1, np.int64),
        mean=np.empty(lanes),
        terms=np.empty(n_votes * lanes + WIDTH),
        sums=np.empty(2 * WIDTH * (n_classes + 1)),
        products=np.empty(2 * WIDTH * max(CHUNK, NODE_CHUNK * most_nodes)),
        common=np.empty(2 * WIDTH),
        totals=np.empty(2 * WIDTH * int(plans.n_blocks.max())),
        bound=np.empty(ROOM),
        n_nodes=np.ones(n_votes, np.int64),
        node_at=np.zeros(n_votes, np.int64),
    )


@_jit
def _fill_terms(mean, n, first, stop, inverse, terms, stride):
    """Set terms[stride * a + j] to Pr(X_j = a) for first <= a <= stop and j <= n, and to 0 for the lanes after it."""
    for j in range(stride):
        write(terms, stride * first + j, poisson_pmf(first, read(mean, j)) if j <= n else 0.0)
    for lane in range(0, stride, WIDTH):
        term, means = load(terms, stride * first + lane), load(mean, lane)
        for a in range(first + 1, stop + 1):
            term = term * (means * fill_from(inverse, a))
            store(terms, stride * a + lane, term)


@_jit
def _choose_nodes(start, stop, k_high, n_direct, amplification, votes, group, rules, n_nodes, node_at):
    """Choose the nodes of "random" for each a; return whether the series of weak classes are known at all of them.

    Given sum k, the probability that y and some m others have a votes each is at most 1/Pr(Poisson(theta) = k) times
    that of the Poisson variables, Pr(X_y = a) times an elementary symmetric polynomial of Pr(X_j = a), which is below
    s^m / m! for their sum s. So at most `depth` classes tie, but for a negligible probability; and at most k/a - 1.
    """
    terms, power, _, frozen, stride = votes
    weak = 0.0
    rule_start, rule_n_nodes, n_depths = rules
    active = n_direct
    for a in range(start, stop):
        while active > 0 and read(frozen, active) <= a:
            active -= 1
        if group is not None:
            weak = group.expected[a] if a <= HIGHEST_POWER else 0.0
        total, classes, most = weak, 0, min(k_high // a, n_depths) - 1
        for j in range(1, active + 1):
            total += read(power, j) * read(terms, stride * a + j)
            classes += read(power, j)
        if weak == 0.0:
            most = min(most, classes)
        depth, excess = 0, total * read(terms, stride * a) * amplification
        while depth < most and (excess > NEGLIGIBLE or depth < 2 * total):
            depth += 1
            excess *= total / (depth + 1)
        write(node_at, a, read(rule_start, depth))
        write(n_nodes, a, read(rule_n_nodes, depth))
        if weak > 0.0 and read(n_nodes, a) > LARGEST_RULE:
            return False
    return True


@_jit
def _win_probability(plans, r, y, wide, n, n_weak, ties, at_nodes, rules, tables, inverse, b, scratch, group, out):
    """Write the probability that y wins, for every k of range r, to `out`; return False if weak classes are too many.

    `y` is its probability and the logarithms of it and of 1 minus it. Where `at_nodes`, or `tables` and `group`, are
    None, the code for "random", or for weak classes, is not even compiled.
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
        # Choose the classes that have a factor, alone or in clusters, and the competitors of which something matters.
        n_listed, n_group = n, n_weak
        if group is not None:
            cut = floor_and_cut(start, theta, k_high, b, group.radius)[1] if wide else 0.0
            for m in range(n):
                if q[m] <= cut and n - m + n_weak > FEW:
                    n_listed, n_group = m, n - m + n_weak
                    break
        clusters, frozen, power, ahead = scratch.clusters, scratch.frozen, scratch.power, scratch.ahead
        mean, rest, n_direct, point = scratch.mean, theta * (1.0 - q_y), np.int64(0), stop
        mean[0] = theta * q_y
        limit = CLUSTERING / (n_listed * plans.amplification[r]) if n_listed > 1 else 0.0
        n_clusters = cluster(q, after, n_listed, ties == _LOWEST, theta, limit, clusters)
        for m in range(n_clusters - 1, -1, -1):
            largest = clusters.largest[m]
            point = freezing_point(
                q_y, log_q_y, log_rest_y, q[largest], log_q[largest], log_rest[largest], k_high, plans.entropy,
                at_high, b, point,
            )  # fmt: skip
            if point <= start:
                n_group = 0
                break
            n_direct += 1
            frozen[n_direct] = point
            mean[n_direct], power[n_direct] = clusters.mean[m], clusters.power[m]
            ahead[n_direct] = ties == _LOWEST and clusters.after[m]
            rest -= clusters.power[m] * clusters.mean[m]
        if len(k) == 1 and n_direct == 1 and power[1] == 1 and n_group == 0:
            tie = 0.5 if ties == _RANDOM else (1.0 if ties == _LOWEST and after[0] else 0.0)
            out[0] = min(one_competitor(k_high, start, stop, q_y, q[0], tie), 1.0)
            return True

        stride = (n_direct // WIDTH + 1) * WIDTH
        mean[n_direct + 1 : stride] = 0.0
        merged_mean = max(rest, 0.0)
        # Where all means are large, the terms begin where they begin to matter.
        least = mean[n_direct]
        first: Any = np.int64(0)
        if least > 40:
            first = min(start, max(first, int(least - 9.5 * math.sqrt(least))))
        terms, means, powers = pointer(scratch.terms, 0), pointer(mean, 0), pointer(power, 0)
        _fill_terms(means, n_direct, first, stop, pointer(inverse, 0), terms, stride)

        votes = (terms, powers, pointer(ahead, 0), pointer(frozen, 0), stride)
        n_nodes, node_at = pointer(scratch.n_nodes, 0), pointer(scratch.node_at, 0)
        excess, mean_weak, highest = 0.0, 0.0, np.int64(0)
        if group is not None:
            for a in range(len(group.expected)):
                group.expected[a] = 0.0
            if n_group > 0 and start <= HIGHEST_POWER:
                excess, mean_weak, highest = group_power_sums(
                    scratch.competitors, n_listed, n, n_weak, start, theta, group
                )
        if at_nodes is not None:
            known = _choose_nodes(
                start, stop, k_high, n_direct, plans.amplification[r], votes, group,
                (pointer(rules.start, 0), pointer(rules.n_nodes, 0), len(rules.start)), n_nodes, node_at,
            )  # fmt: skip
            if not known:
                return False
        if group is not None:
            for a in range(start, stop):
                group.n_terms[a] = 0
            if excess > 0.0:
                series_coefficients(
                    start, stop, mean_weak, highest, ties == _LOWEST, scratch.node_at, scratch.n_nodes, tables, group
                )
        n_blocks = blocks_needed(
            plans.n_blocks[r], pointer(plans.block_cosine_minus_1, plans.block_at[r]), means, powers, merged_mean,
            excess, n_direct, first, start, stop, terms, stride, NEGLIGIBLE / plans.amplification[r],
            pointer(scratch.bound, 0),
        )  # fmt: skip
        integrate(
            (
                pointer(plans.powers, plans.power_at[r]), pointer(plans.cosine_minus_1, plans.point_at[r]),
                pointer(plans.sine, plans.point_at[r]), pointer(plans.readout, plans.readout_at[r]),
                plans.n_powers[r], plans.n_blocks[r],
            ),
            n_blocks, at_nodes, n_direct, first, start, stop, merged_mean, votes,
            (node_at, n_nodes, pointer(rules.before, 0), pointer(rules.weight, 0)),
            group,
            (
                pointer(scratch.sums, 0), pointer(scratch.products, 0), pointer(scratch.common, 0),
                pointer(scratch.totals, 0),
            ),
            out,
        )  # fmt: skip
    if len(k) == 1:
        out[0] += binomial_tail(stop, k_high, q_y)
    else:
        add_binomial_tails(k, stop, q_y, log_q_y, inverse, out)
    for i in range(len(k)):
        out[i] = min(max(out[i], 0.0), 1.0)
    return True


@compiled(error_model="numpy")
def _contour(q, labels, plans, ties, at_nodes, rules, tables, inverse, scratch, group, out):
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
            relevant, floor, cut = False, 0.0, 0.0
            if group is not None:
                floor = cut = math.inf
            for r in range(n_ranges):
                k_low, k_high = plans.k[plans.k_at[r]], plans.k[plans.k_at[r + 1] - 1]
                starts[r] = -1
                if not hopeless(q_y, q_1, k_low, b):
                    start = first_relevant(
                        q_y, at_y[1], at_y[2], q_1, log_q_1, log_rest_1, k_low, plans.entropy, plans.entropy_at[r],
                        ties == _STRICT, b,
                    )  # fmt: skip
                    starts[r] = max(start, (k_low + n_classes - 1) // n_classes)
                    relevant = True
                    if group is not None:
                        lower, upper = floor_and_cut(starts[r], plans.theta[r], k_high, b, group.radius)
                        floor, cut = min(floor, lower), min(cut, upper)
            if not relevant:
                continue
            floor = min(floor, q_1 * 0.999)  # The strongest competitor is always listed.
            n, n_weak = list_competitors(q[row], y, floor, cut, scratch.competitors)
            for r in range(n_ranges):
                of_range = result[plans.k_at[r] : plans.k_at[r + 1]]
                while starts[r] >= 0:
                    if _win_probability(
                        plans, r, at_y, cut > 0.0, n, n_weak, ties, at_nodes, rules, tables, inverse, b, scratch,
                        group, of_range,
                    ):  # fmt: skip
                        starts[r] = -1
                    else:  # There are too many ties for the series of weak classes: all become strong.
                        cut = 0.0
                        n, n_weak = list_competitors(q[row], y, floor, cut, scratch.competitors)


@lru_cache(maxsize=16)
def _tables(ties: str, n_classes: int, max_depth: int) -> tuple[TieNodes, Floats | None]:
    """Return the nodes of the tie rule, and for wide rows the series of weak classes at each that may be used."""
    rules = tie_nodes(ties, max_depth)
    if n_classes <= WIDE:
        return rules, None
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
    most_nodes = int(rules.n_nodes.max())
    scratch = _room(n_classes, k_max, plans, most_nodes)
    group = None if tables is None else room_for_power_sums(n_classes, k_max // 2 + 4, min(most_nodes, LARGEST_RULE))
    inverse = np.concatenate([[0.0], 1 / np.arange(1, k_max + 3)])
    out = np.empty((*labels.shape, len(ks)))
    _contour(
        q, np.array(labels, order="C"), plans, _RULES[ties], True if ties == "random" else None, rules, tables,
        inverse, scratch, group, out,
    )  # fmt: skip
    return out
