"""Estimates are unbiased whatever the models say, and intervals hold the truth as often as they claim."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from helpers.noisy_population import population
from scipy.stats import binomtest
from scipy.stats import t as student

from labelnoise.diagnosis.auditing.checks import checks_of
from labelnoise.diagnosis.auditing.design import partner_probabilities, reverse_counts
from labelnoise.diagnosis.auditing.draws import Draw
from labelnoise.diagnosis.auditing.pairs import pair_weights
from labelnoise.diagnosis.auditing.survey import Checks, mean_interval, ratio_interval


def all_draws_of_one(people, probabilities):
    """Yield every draw of one sample and its partner, with its chance, and with the true answers."""
    hoods = people.data.neighbors.indices
    size, k = hoods.shape
    reverse = reverse_counts(hoods, size)
    as_partner = partner_probabilities(probabilities, hoods)
    for sample in range(size):
        holders = np.flatnonzero((hoods == sample).any(axis=1))
        pairs = [(s, j) for s, j in product(holders, range(size)) if j != sample and j in hoods[s]]
        for _, partner in pairs or [(None, None)]:
            index = np.array([sample] if partner is None else [sample, partner])
            yield (
                probabilities[sample] / max(len(pairs), 1),
                Draw(
                    index=index,
                    given=people.data.codes[index],
                    suggested=people.data.codes[index],
                    answers=people.truth[index],
                    second=np.full(len(index), -1),
                    is_drawn=np.arange(len(index)) == 0,
                    probability=probabilities[index],
                    partner=np.array([-1 if partner is None else partner, -1][: len(index)]),
                    partner_probability=as_partner[index] * (partner is not None),
                    reverse=reverse[index],
                    k=k,
                    n_drawn=1,
                    n_partners=int(partner is not None),
                    name="draw-0",
                    round=1,
                ),
            )


@pytest.fixture(scope="module")
def tiny():
    people = population(14, rate=0.4, k=3, seed=3)
    probabilities = np.random.default_rng(1).dirichlet(np.full(14, 3.0))
    return people, probabilities


def wrong_of(people):
    return lambda rows: (np.arange(3) != people.data.codes[rows][:, None]).astype(float)


def estimate(checks, quantity, people):
    values = quantity(checks.positions)
    rows = np.arange(len(values))
    residuals = values[rows, checks.truth] - (checks.posterior * values).sum(axis=1)
    return checks.predicted_mean(quantity) + checks.unit_sums(residuals).sum()


def test_the_mean_of_all_possible_draws_is_the_truth(tiny):
    people, probabilities = tiny
    total, chances = 0.0, 0.0
    for chance, draw in all_draws_of_one(people, probabilities):
        without = Draw(**{**vars_of(draw), "partner": np.full(len(draw.index), -1), "n_partners": 0})
        checks = checks_of(people.data, [without], [people.noise.posterior])
        total += chance * estimate(checks, wrong_of(people), people)
        chances += chance
    assert chances == pytest.approx(1)
    assert total == pytest.approx(people.wrong.mean())


def test_partners_count_without_bias_where_every_sample_is_a_neighbor(tiny):
    people, probabilities = tiny
    ring = (np.arange(14)[:, None] + [1, 2, 5]) % 14
    object.__setattr__(people.data.neighbors, "indices", ring.astype(np.int32))
    total = sum(
        chance * estimate(checks_of(people.data, [draw], [people.noise.posterior]), wrong_of(people), people)
        for chance, draw in all_draws_of_one(people, probabilities)
    )
    assert total == pytest.approx(people.wrong.mean(), abs=1e-6)


def test_pairs_estimate_the_products_of_the_concentration_without_bias(tiny):
    people, probabilities = tiny
    wrong, (size, k) = people.wrong.astype(float), people.data.neighbors.indices.shape
    hoods = people.data.neighbors.indices
    total = 0.0
    for chance, draw in all_draws_of_one(people, probabilities):
        if draw.n_partners:
            i, j = draw.index
            total += chance * pair_weights(draw, np.array([0]))[0] * wrong[i] * wrong[j] / size
    exact = sum(wrong[i] * wrong[j] for hood in hoods for i in hood for j in hood if i != j) / (size * k * (k - 1))
    assert exact > 0
    assert total == pytest.approx(exact)


def equal_draws(wrong: np.ndarray) -> tuple[Checks, object]:
    """Return checks of samples drawn alike, which models take to be right, and the quantity "the label is wrong"."""
    n = len(wrong)
    checks = Checks(
        positions=np.arange(n),
        truth=wrong.astype(int),
        weights=np.full(n, 1 / n),
        posterior=np.tile([1.0, 0.0], (n, 1)),
        units=np.arange(n),
        rounds=np.zeros(n, dtype=int),
        unseen=np.ones(n),
        shares=np.ones(1),
        posteriors=(np.tile([1.0, 0.0], (n, 1)).astype(np.float32),),
    )
    return checks, lambda rows: np.tile([0.0, 1.0], (len(rows), 1))


@pytest.mark.parametrize("n_wrong", [10, 60, 100, 195])
def test_equal_draws_have_wilsons_interval(n_wrong):
    checks, quantity = equal_draws(np.arange(200) < n_wrong)
    value, low, high = mean_interval(checks, quantity)
    wilson = binomtest(n_wrong, 200).proportion_ci(method="wilson")
    assert value == pytest.approx(n_wrong / 200)
    np.testing.assert_allclose([low, high], wilson, atol=0.002)


@pytest.mark.parametrize("n", [50, 200])
def test_finding_nothing_wrong_leaves_what_the_rule_of_three_says(n):
    value, low, high = mean_interval(*equal_draws(np.zeros(n, dtype=bool)))
    assert value == pytest.approx(0)
    assert low == pytest.approx(0)
    assert 3 / n <= high <= 4.2 / n


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("predicted", [0.0, np.inf])
@pytest.mark.parametrize("sums", [[0.9, -0.1, 0.0, 0.2, -0.3], [0.0, 0.0, 0.0, 0.3], [0.4, -0.4, *[0.0] * 10]])
def test_an_interval_ends_where_the_formula_of_the_module_says(sums, predicted, side):
    n, sums = len(sums), np.array(sums)
    checks, _ = equal_draws(np.zeros(n, dtype=bool))
    deviations = sums - sums.mean()
    v, third, fourth = (n / (n - 1) * (deviations**power).sum() for power in (2, 3, 4))
    skewness, kurtosis = np.sqrt(n) * third / v**1.5, n * fourth / v**2
    b, freedom = third / v, min(n - 1, 2 * n / max(kurtosis - 1 - skewness**2, 1e-9))
    v += 0.1 * min(v, predicted)
    v += min(v, 2 * max(0, n**-2 - b**2))
    g, w = min(1, n**-2 / v) ** 2, 1 / n
    b = max(b, (1 - g) * b + g * w) if side > 0 else min(b, (1 - g) * b - g * w)
    square = student(freedom).ppf(0.975) ** 2
    a = 1 + square / n
    end = (square * b + side * np.sqrt((square * b) ** 2 + 4 * a * square * v)) / (2 * a)
    assert checks.contains(end - side * 1e-3, sums, predicted)
    assert not checks.contains(end + side * 1e-3, sums, predicted)


def test_unsure_samples_widen_the_interval_to_both_extremes():
    wrong = np.arange(200) < 40
    checks, quantity = equal_draws(wrong)
    truth = checks.truth.copy()
    truth[30:50] = -1
    unsure = Checks(**{**vars_of(checks), "truth": truth})
    _, low, high = mean_interval(unsure, quantity)
    all_right = mean_interval(equal_draws(np.arange(200) < 30)[0], quantity)
    all_wrong = mean_interval(equal_draws(np.arange(200) < 50)[0], quantity)
    assert low == pytest.approx(all_right[1], abs=1e-6)
    assert high == pytest.approx(all_wrong[2], abs=1e-6)


def vars_of(checks):
    return {name: getattr(checks, name) for name in checks.__dataclass_fields__}


def test_a_ratio_of_equal_draws_covers_as_often_as_it_claims():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        member, marked = rng.random(200) < 0.3, rng.random(200) < 0.2
        checks, _ = equal_draws(member)
        top = np.stack([np.zeros(200), marked * 1.0], axis=1)
        bottom = np.tile([0.0, 1.0], (200, 1))
        _, low, high = ratio_interval(checks, top, bottom, 0.0, 0.0)
        covered += low <= 0.2 <= high
    assert 0.91 <= covered / 300 <= 0.99
