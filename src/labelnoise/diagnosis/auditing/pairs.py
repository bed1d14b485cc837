r"""Concentration of the wrong labels, from pairs of checked neighbors.

Let :math:`w_i` be 1 for a wrong label, :math:`\gamma` the mean of w, and K the neighborhood size. Written out in pairs,
the rho of section 8 that `labelnoise.concentration` returns for the mask w is exactly

.. math::
   \rho = \frac{M - 2 \gamma m + \gamma^2 + (1 - 2 \gamma)(m - \gamma) / (K-1)}{\gamma (1 - \gamma)}, \qquad
   m = \frac{1}{N K} \sum_i R_i w_i, \quad
   M = \frac{1}{N K (K-1)} \sum_s \sum_{i \ne j \in N(s)} w_i w_j

where sample i is in :math:`R_i` neighborhoods N(s). Drawn samples i with their partners j (`design`)
estimate both without bias. If i and j are together in c neighborhoods, j is drawn after i with probability
:math:`c / (R_i (K-1))`, and so, since a pair can be drawn from either side,

.. math:: \hat M = \overline{M}(e) + \sum_{\text{pairs } (i, j)} \frac{2}{N K} \,
          \frac{w_i w_j - e_i e_j}{\pi_i / R_i + \pi_j / R_j}

with :math:`\overline{M}(e)` the same mean over what the models expect. Three more unit sums have known expected totals:
the weights of the pairs, 1; the difference between the estimates of m from the pairs and from all checks, 0; and the
weights of the pairs that are given the same label, the share of such pairs among all. What varies with them is taken
away from every sum (regression estimator). Where wrong labels fill whole clusters, a right and a wrong label are most
often different labels, and together the three make the standard deviation of rho about half as large. The interval
holds the rho for which the numerator less rho times the denominator may be 0 (`Checks.contains`), linearized in the two
means.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Integers
from labelnoise.diagnosis.auditing.checks import answered_units, checks_of
from labelnoise.diagnosis.auditing.design import LEAST
from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE, Draw
from labelnoise.diagnosis.auditing.survey import Checks, invert
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.neighborhoods.votes import label_histogram

LEAST_WRONG = 10
"""Least number of pairs with a wrong drawn label for which a concentration is reported."""

RIDGE = 0.02
"""Ridge of the regression on known totals, as a share of their variance; several of them are nearly the same."""

_LEAST_SHARE = 0.5
"""Least variance, as a share of what the models predict before the regression, which takes about half of it away."""


def pair_concentration(
    data: LabeledSamples, draws: Sequence[Draw], posteriors: Sequence[NDArray[np.float32]]
) -> tuple[float, float, float, int] | None:
    """Return estimate, lower and upper end of rho, and the number of pairs that were checked.

    None if fewer than `LEAST_WRONG` drawn samples with a checked partner have a wrong label: so few say nothing.
    Where a checker was unsure, the ends hold both for all these labels right and for all of them wrong.
    """
    kept = [
        (draw, post) for draw, post in zip(draws, posteriors, strict=True) if draw.k == data.k and len(_pairs(draw))
    ]
    if not kept or data.neighbors is None:
        return None
    draws, posteriors = [draw for draw, _ in kept], [post for _, post in kept]
    checks = checks_of(data, draws, posteriors)
    assert checks is not None
    _check_neighbors(data, draws)
    given = [data.codes[np.searchsorted(data.rows, draw.index)] for draw in draws]
    wrong = [(draw.answers >= 0) & (draw.answers != codes) for draw, codes in zip(draws, given, strict=True)]
    if sum(int(mask[_pairs(draw)].sum()) for mask, draw in zip(wrong, draws, strict=True)) < LEAST_WRONG:
        return None
    is_unsure = any((draw.answers == UNSURE).any() for draw in draws)
    found = [_interval(data, draws, checks, unsure) for unsure in ((0.5, 0.0, 1.0) if is_unsure else (0.5,))]
    value = found[0][0]
    low, high = min(low for _, low, _ in found), max(high for _, _, high in found)
    return value, min(low, value), max(high, value), sum(len(_pairs(draw)) for draw in draws)


def _pairs(draw: Draw) -> Integers:
    """Return the entries that were drawn, and checked together with their partner."""
    partner = draw.partner_entries
    return np.flatnonzero(draw.is_drawn & (draw.answers != OPEN) & (partner >= 0) & (draw.answers[partner] != OPEN))


def _check_neighbors(data: LabeledSamples, draws: Sequence[Draw]) -> None:
    """Raise a ValueError if the pairs were drawn among other neighbors than those of the data."""
    assert data.neighbors is not None
    reverse = np.bincount(data.neighbors.indices[:, : data.k].ravel(), minlength=len(data.codes))
    for draw in draws:
        if (reverse[np.searchsorted(data.rows, draw.index)] != draw.reverse).any():
            raise ValueError(
                "`audit` must be drawn among the same neighbors for its pairs to measure a concentration; some samples "
                "are neighbors of more or fewer others than they were. Pass the features, metric and k with which it "
                "was drawn."
            )


def pair_weights(draw: Draw, entries: Integers) -> Floats:
    """Return the weights of the pairs of some drawn entries, 2 / (K (pi_i / R_i + pi_j / R_j)); they sum to about N."""
    ratios = draw.probability / np.maximum(draw.reverse, 1)
    weights: Floats = 2 / (draw.k * (ratios[entries] + ratios[draw.partner_entries[entries]]))
    return weights


def _interval(data: LabeledSamples, draws: Sequence[Draw], checks: Checks, unsure: float) -> tuple[float, float, float]:
    """Return estimate and ends of rho, with unsure labels wrong to a degree of `unsure`."""
    assert data.neighbors is not None
    indices = data.neighbors.indices[:, : data.k]
    size, k = indices.shape
    reverse = np.bincount(indices.ravel(), minlength=size) / k
    gamma, hub_rate, pair_rate = 0.0, 0.0, 0.0
    products, of_pairs, agreements, sizes = (np.zeros(checks.n_units) for _ in range(4))
    start = 0
    for share, draw, posterior in zip(checks.shares, draws, checks.posteriors, strict=True):
        expected = 1 - posterior[np.arange(size), data.codes].astype(np.float64)
        gamma += share * float(expected.mean())
        hub_rate += share * float((reverse * expected).mean())
        pair_rate += share * _mean_product(expected, indices)
        units = answered_units(draw, size)
        assert units is not None
        at, positions = _pairs(draw), np.searchsorted(data.rows, draw.index)
        partner = draw.partner_entries[at]
        given = data.codes[positions]
        wrong = np.where(draw.answers == UNSURE, unsure, draw.answers != given)
        model = expected[positions]
        answered = len(at) / draw.n_partners
        weights = share / answered * pair_weights(draw, at) / size
        unit = np.cumsum(draw.is_drawn & (draw.answers != OPEN)) - 1
        where = start + unit[at]
        products[where] = weights * (wrong[at] * wrong[partner] - model[at] * model[partner])
        of_pairs[where] = weights * (wrong[at] - model[at] + wrong[partner] - model[partner]) / 2
        agreements[where] = weights * (given[at] == given[partner])
        sizes[where] = weights
        start += len(units.unseen)
    wrong = np.where(checks.truth < 0, unsure, checks.truth != data.codes[checks.positions])
    expectations = 1 - checks.posterior[np.arange(len(wrong)), data.codes[checks.positions]]
    residuals = wrong - expectations
    rates = checks.unit_sums(residuals)
    hubs = checks.unit_sums(residuals * reverse[checks.positions])
    # The totals are known: both estimates of m are of one number, the weights sum to 1, and all given labels are known.
    known = np.stack([of_pairs - hubs, sizes, agreements])
    totals = np.array([0.0, 1.0, agreement_in_pairs(data.codes, indices, data.n_classes)])
    products, hubs, rates = (_calibrated(sums, known, totals) for sums in (products, hubs, rates))
    gamma = float(np.clip(gamma + rates.sum(), 1 / size, 1 - 1 / size))
    hub_rate, pair_rate = hub_rate + float(hubs.sum()), pair_rate + float(products.sum())
    numerator, slope, hub_slope = covariance_in_pairs(gamma, hub_rate, pair_rate, k)
    influence = products + hub_slope * hubs + slope * rates
    value = float(np.clip(numerator / (gamma * (1 - gamma)), -1, 1))

    def contains(rho: float) -> bool:
        sums = influence - rho * (1 - 2 * gamma) * rates
        slopes = checks.weights * (hub_slope * reverse[checks.positions] + slope - rho * (1 - 2 * gamma))
        # Surprises are few products, of either sign: their variance is too low more often than too high, and their
        # third moment says little.
        least = _LEAST_SHARE * _predicted_variance(checks, sizes, slopes, expectations)
        return checks.contains(rho * gamma * (1 - gamma) - numerator, sums, predicted=np.inf, least=least, skewed=False)

    return value, invert(contains, value, -1.0), invert(contains, value, 1.0)


def _calibrated(sums: Floats, known: Floats, totals: Floats) -> Floats:
    """Return unit sums less the part that varies with other unit sums whose totals are known (regression estimator).

    Parameters
    ----------
    sums : (m,) array
        Unit sums, whose total is an estimate.
    known : (c, m) array
        Unit sums whose expected totals are known.
    totals : (c,) array
        Those totals.
    """
    m = len(sums)
    deviations = known - known.mean(axis=1, keepdims=True)
    moments = deviations @ deviations.T
    moments += np.diag(1e-9 + RIDGE * np.diag(moments))
    slopes = np.linalg.solve(moments, deviations @ (sums - sums.mean()))
    return sums - slopes @ (known - totals[:, None] / m)


def _predicted_variance(checks: Checks, products: Floats, slopes: Floats, expectations: Floats) -> float:
    """Return the variance of the sum of a w_i w_j + b_i w_i + b_j w_j over units, if the models' e_i are right.

    Parameters
    ----------
    checks : Checks
        The checks; a unit has one or two.
    products : (n_units,) array
        Factors a; 0 for a unit of one check.
    slopes, expectations : (m,) arrays
        Factors b_i, and Pr(w_i = 1) = e_i, of each check.
    """
    chances, factors = (np.zeros((2, checks.n_units)) for _ in range(2))
    _, first = np.unique(checks.units, return_index=True)
    member = np.ones(len(slopes), dtype=np.int64)
    member[first] = 0
    chances[member, checks.units] = np.clip(expectations, LEAST, 1 - LEAST)
    factors[member, checks.units] = slopes
    mean, square = np.zeros(checks.n_units), np.zeros(checks.n_units)
    for wrong in product((0, 1), repeat=2):
        value = products * wrong[0] * wrong[1] + factors[0] * wrong[0] + factors[1] * wrong[1]
        chance = np.prod([c if w else 1 - c for c, w in zip(chances, wrong, strict=True)], axis=0)
        mean += chance * value
        square += chance * value**2
    return float((square - mean**2).sum())


def covariance_in_pairs(gamma: float, hub_rate: float, pair_rate: float, k: int) -> tuple[float, float, float]:
    """Return the numerator of rho, and its derivatives by gamma and by the hub rate m; that by M is 1."""
    numerator = pair_rate - 2 * gamma * hub_rate + gamma**2 + (1 - 2 * gamma) * (hub_rate - gamma) / (k - 1)
    by_gamma = 2 * (gamma - hub_rate) - (2 * (hub_rate - gamma) + 1 - 2 * gamma) / (k - 1)
    return numerator, by_gamma, (1 - 2 * gamma) / (k - 1) - 2 * gamma


def agreement_in_pairs(codes: Integers, indices: NDArray[Any], n_classes: int) -> float:
    """Return the share of ordered pairs of different members of one neighborhood that are given the same label."""
    size, k = indices.shape
    squares = 0
    for start in range(0, size, 4096):
        counts = label_histogram(codes, indices[start : start + 4096], k, n_classes).astype(np.int64)
        squares += int((counts**2).sum())
    return (squares - size * k) / (size * k * (k - 1))


def _mean_product(values: Floats, indices: NDArray[Any]) -> float:
    """Return the mean of v_i v_j over ordered pairs of different members of one neighborhood."""
    size, k = indices.shape
    sums, squares = np.zeros(size), np.zeros(size)
    for rank in range(k):
        member = values[indices[:, rank]]
        sums += member
        squares += member**2
    return float((sums**2 - squares).sum()) / (size * k * (k - 1))
