"""An audit makes noise visible that the models did not see, and leaves them alone where they are right."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.noisy_population import population
from sklearn.datasets import load_digits

import labelnoise as ln
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.updating import updated_posterior
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.relabeling.cost import knn_accuracy


def updated(people, n=150):
    audit = people.answered(Audit.draw(people.diagnosis(), n, random_state=0))
    others = ~np.isin(np.arange(len(people.truth)), audit.samples["index"])
    posterior = updated_posterior(people.data, people.noise, audit)
    return audit, others, wrong_probability_of(posterior, people.data.codes)


def squared_error(people, errors, others):
    return ((people.wrong - errors)[others] ** 2).mean()


def test_a_region_of_wrong_labels_becomes_visible():
    people = population(2000, rate=0.3, seen=0.0, in_region=True)
    _, others, errors = updated(people)
    assert squared_error(people, errors, others) < 0.3 * squared_error(people, people.noise.wrong_probability, others)


def test_models_that_are_right_are_not_made_worse():
    people = population(2000)
    _, others, errors = updated(people)
    before = people.noise.wrong_probability
    assert squared_error(people, errors, others) < 1.15 * squared_error(people, before, others)


def test_an_audit_of_spread_noise_leaves_what_it_costs_as_it_was():
    """With T fitted to a few hundred labels, the K-NN accuracy would be 1.7 points too low, instead of 0.9."""
    features, truth = load_digits(return_X_y=True)
    features = features + np.random.default_rng(0).normal(0, 8, features.shape)
    labels = ln.corrupt(truth, ln.UniformNoise(), 0.3, random_state=0).labels
    diagnosis = ln.diagnose(labels, features=features, k=10, random_state=0)
    data, noise, differences = diagnosis.data, diagnosis.noise, []
    for seed in range(6):
        audit = Audit.draw(diagnosis, 200, random_state=seed)
        posterior = updated_posterior(data, noise, audit.with_answers(truth[audit.samples["index"]]))
        differences.append(knn_accuracy(data, posterior) - knn_accuracy(data, np.eye(10)[truth]))
    assert np.abs(differences).mean() < 0.0125


def test_the_mean_is_the_audited_wrong_rate():
    people = population(2000, seen=0.0)
    _, _, errors = updated(people)
    assert errors.mean() == pytest.approx(people.wrong.mean(), abs=0.06)


def test_checked_samples_are_known():
    people = population(500)
    audit, _, errors = updated(people, 50)
    rows = audit.samples["index"].to_numpy()
    np.testing.assert_array_equal(errors[rows], people.wrong[rows])
    posterior = updated_posterior(people.data, people.noise, audit)
    np.testing.assert_array_equal(posterior[rows].argmax(axis=1), people.truth[rows])
    np.testing.assert_allclose(posterior.sum(axis=1), 1, atol=1e-5)


def test_an_audit_of_few_answers_changes_only_these():
    people = population(500)
    audit, others, errors = updated(people, 5)
    assert audit.n_checked < 20
    np.testing.assert_allclose(errors[others], people.noise.wrong_probability[others], atol=1e-6)


def test_an_audit_of_other_data_is_refused():
    audit = Audit.draw(population(100).diagnosis(), 5, random_state=0)
    other = population(100, seed=1)
    with pytest.raises(ValueError, match=r"`audit` must be drawn from these labels"):
        updated_posterior(other.data, other.noise, audit)
