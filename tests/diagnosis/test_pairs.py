"""Pairs of checked neighbors measure the concentration that `labelnoise.concentration` defines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.noisy_population import population

import labelnoise as ln
from labelnoise.diagnosis.audit import Audit
from labelnoise.diagnosis.audited import AuditedNoise


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
