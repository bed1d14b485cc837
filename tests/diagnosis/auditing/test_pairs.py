"""Pairs of checked neighbors measure the concentration that `labelnoise.concentration` defines."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.noisy_population import population
from scipy.optimize import approx_fprime

import labelnoise as ln
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audited import AuditedNoise
from labelnoise.diagnosis.auditing.pairs import (
    _calibrated,
    _predicted_variance,
    agreement_in_pairs,
    covariance_in_pairs,
)
from labelnoise.placement.concentration import mask_concentration


def concentration(people, n, seed):
    audit = people.answered(Audit.draw(people.diagnosis(), n, random_state=seed))
    return AuditedNoise(people.data, people.noise, audit).concentration


@pytest.mark.parametrize("options", [{}, {"seen": 0.0}, {"seen": 0.0, "in_region": True}])
def test_the_concentration_is_unbiased_and_its_interval_covers(options):
    people = population(2000, rate=0.3, **options)
    truth = ln.concentration(people.wrong, people.data.neighbors, people.data.k)
    found = [concentration(people, 200, seed) for seed in range(40)]
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(truth, abs=0.03)
    assert np.mean([estimate.low <= truth <= estimate.high for estimate in found]) >= 0.85


def test_known_totals_take_away_what_varies_with_them():
    rng = np.random.default_rng(0)
    known = rng.normal(1, 1, (2, 500))
    sums = 3 * known[0] - 2 * known[1] + rng.normal(0, 0.1, 500)
    totals = np.array([500.0, 500.0])
    left = _calibrated(sums, known, totals)
    assert left.sum() == pytest.approx(500, abs=15)  # 3 * 500 - 2 * 500, up to the ridge and what is left
    assert left.std() < 0.15
    assert abs(sums.sum() - 500) > 30


def test_the_share_of_pairs_with_one_label_is_that_of_all_pairs_counted():
    people = population(100, k=5)
    codes, hoods = people.data.codes, people.data.neighbors.indices
    pairs = [(i, j) for hood in hoods for i, j in permutations(hood, 2)]
    counted = np.mean([codes[i] == codes[j] for i, j in pairs])
    assert agreement_in_pairs(codes, hoods, people.data.n_classes) == pytest.approx(counted)


def test_the_predicted_variance_is_that_of_drawn_wrong_labels():
    rng = np.random.default_rng(0)
    checks = SimpleNamespace(n_units=3, units=np.array([0, 1, 2, 0, 2]))
    products, slopes = np.array([1.0, 0.0, -2.0]), rng.normal(size=5)
    chances = rng.uniform(0.1, 0.9, 5)
    wrong = rng.random((200_000, 5)) < chances
    sums = wrong @ slopes + products[0] * wrong[:, 0] * wrong[:, 3] + products[2] * wrong[:, 2] * wrong[:, 4]
    assert _predicted_variance(checks, products, slopes, chances) == pytest.approx(sums.var(), rel=0.02)


def test_the_formula_in_pairs_is_the_concentration_of_a_mask():
    people = population(200, rate=0.3, k=6)
    wrong, hoods = people.wrong.astype(float), people.data.neighbors.indices
    size, k = hoods.shape
    gamma, hubs = wrong.mean(), wrong[hoods].mean()
    sums = wrong[hoods].sum(axis=1)
    pairs = (sums**2 - sums).sum() / (size * k * (k - 1))
    rho, *_ = covariance_in_pairs(gamma, hubs, pairs, k)
    assert rho / (gamma * (1 - gamma)) == pytest.approx(mask_concentration(people.wrong, hoods, k))


def test_the_derivatives_of_the_formula_are_those_of_small_steps():
    def numerator(at):
        return covariance_in_pairs(*at, 0.15, 5)[0]

    slopes = covariance_in_pairs(0.3, 0.35, 0.15, 5)[1:]
    np.testing.assert_allclose(approx_fprime([0.3, 0.35], numerator), slopes, rtol=1e-5)


def test_pairs_without_an_answer_leave_the_concentration_unbiased():
    people = population(2000, rate=0.3, seen=0.0, in_region=True)
    truth, found = ln.concentration(people.wrong, people.data.neighbors, people.data.k), []
    for seed in range(20):
        audit = Audit.draw(people.diagnosis(), 200, random_state=seed)
        top = audit.samples["index"][: len(audit) // 2]
        part = audit.with_answers({row: people.data.classes[people.truth[row]] for row in top})
        found.append(AuditedNoise(people.data, people.noise, part).concentration.value)
    assert np.mean(found) == pytest.approx(truth, abs=0.06)


def test_too_few_wrong_labels_give_no_number():
    assert concentration(population(2000, rate=0.005, seen=0.0), 100, 0) is None


def test_pairs_of_another_neighborhood_size_give_no_number():
    people = population(1000)
    audit = people.answered(Audit.draw(people.diagnosis(), 100, random_state=0))
    smaller = replace(people.data, k=5)
    assert AuditedNoise(smaller, people.noise, audit).concentration is None


def test_pairs_among_other_neighbors_are_refused():
    people = population(1000)
    audit = people.answered(Audit.draw(people.diagnosis(), 100, random_state=0))
    other = replace(people.data, neighbors=ln.neighbors(people.data.features[:, :1], k=10))
    with pytest.raises(ValueError, match=r"must be drawn among the same neighbors"):
        assert AuditedNoise(other, people.noise, audit).concentration


def test_unsure_answers_widen_the_interval():
    people = population(1000, rate=0.4)
    audit = people.answered(Audit.draw(people.diagnosis(), 100, random_state=0))
    unsure = audit.with_answers(dict.fromkeys(audit.samples["index"][:10], "unsure"))
    whole, wider = (AuditedNoise(people.data, people.noise, a).concentration for a in (audit, unsure))
    assert wider.width > whole.width
