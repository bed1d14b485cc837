"""The number of labels to check is said before, and the interval then has about the width that was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.noisy_population import noise_of, population

from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audit_size import WIDTHS, audit_size, audit_sizes
from labelnoise.diagnosis.auditing.audited import AuditedNoise


def calibrated(n):
    """Return a population in which the models' probabilities are right."""
    people = population(n)
    rng = np.random.default_rng(0)
    errors = rng.beta(0.4, 1.6, n)
    posterior = np.zeros((n, 3))
    posterior[np.arange(n), people.data.codes] = 1 - errors
    posterior[np.arange(n), (people.data.codes + 1) % 3] = errors
    truth = (people.data.codes + (rng.random(n) < errors)) % 3
    return replace(people, noise=noise_of(posterior, people.data.codes), truth=truth)


def test_intervals_are_as_wide_as_asked_for_where_models_are_right():
    people = calibrated(4000)
    n, _ = audit_size(people.noise, 0.1)
    widths = []
    for seed in range(20):
        audit = people.answered(Audit.draw(people.diagnosis(), n, pairs=False, random_state=seed))
        widths.append(AuditedNoise(people.data, people.noise, audit).wrong_rate.width)
    assert 0.085 <= np.mean(widths) <= 0.11


def test_the_worst_case_is_half_of_the_labels_wrong_in_a_simple_random_sample():
    people = population(2000, seen=0.0)
    assert audit_size(people.noise, 0.2)[1] == pytest.approx(0.25 * (2 * 1.96 / 0.2) ** 2, rel=0.02)


def test_clean_labels_need_as_many_as_the_rule_of_three_says():
    people = population(5000, rate=0.0, seen=0.0)
    assert audit_size(people.noise, 0.02)[0] >= 190


def test_the_table_has_a_row_per_width_and_no_more_labels_than_there_are():
    table = audit_sizes(population(1000).noise)
    assert table.width.tolist() == list(WIDTHS)
    assert (table.predicted <= table.worst).all()
    assert table.worst.max() == 1000
    assert table.worst.is_monotonic_decreasing


@pytest.mark.parametrize("width", [0, 1, 6, -0.1, float("nan")])
def test_widths_that_make_no_sense_are_refused(width):
    with pytest.raises(ValueError, match=r"`width` must lie between 0 and 1"):
        audit_size(population(100).noise, width)
