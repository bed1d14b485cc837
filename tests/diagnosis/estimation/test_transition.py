"""T from held-out scores, against data drawn from a known model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from labelnoise.diagnosis.estimation.even_transition import fit_even_transition
from labelnoise.diagnosis.estimation.level import Level, even_matrix, simplest
from labelnoise.diagnosis.estimation.transition import (
    Alternation,
    bayes,
    corner,
    drawn_to_even,
    fit_level,
    fit_transition,
)

T = np.array([[0.8, 0.15, 0.05], [0.1, 0.7, 0.2], [0.0, 0.3, 0.7]])
START = Level(0.8 * np.eye(3) + 0.2 / 3, 1.0, np.zeros(3), -np.inf)


def drawn(n, transition, rng, *, sharpness=6.0):
    """Return scores, probabilities, true codes and given codes of a model in which everything is known."""
    scores = sharpness * rng.normal(size=(n, 3))
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    true = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    given = (transition[true].cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return scores, p, true, given


class TestFitTransition:
    @pytest.mark.parametrize("transition", [T, np.eye(3)], ids=["noise", "clean"])
    def test_it_finds_the_matrix_and_the_temperature_of_scores_that_were_flattened(self, transition):
        scores, _, _, given = drawn(20_000, transition, np.random.default_rng(0))
        level = fit_transition(scores / 3 + 5, given, START, np.full((3, 3), 1e-3), 500)
        np.testing.assert_allclose(level.transition, transition, atol=0.02)
        assert level.inverse_temperature == pytest.approx(3, rel=0.05)

    def test_its_likelihood_is_that_of_the_model_and_is_not_exceeded_by_the_truth(self):
        scores, p, _, given = drawn(3000, T, np.random.default_rng(1))
        level = fit_transition(scores, given, START, np.full((3, 3), 1e-9), 500)
        truth = np.log((p @ T)[np.arange(3000), given]).mean()
        assert truth <= level.log_likelihood <= truth + 0.01

    def test_many_pseudo_counts_make_the_matrix_that_of_the_prior(self):
        scores, _, _, given = drawn(500, T, np.random.default_rng(2))
        prior = simplest(T, np.full(3, 1 / 3))
        level = fit_transition(scores, given, START, 1e6 * prior, 500)
        np.testing.assert_allclose(level.transition, prior, atol=1e-3)


class TestFitEvenTransition:
    def even(self, rate):
        return simplest((1 - rate) * np.eye(3) + rate / 3, np.ones(3))

    def test_it_finds_the_rate_and_the_temperature(self):
        matrix = self.even(0.3)
        scores, _, _, given = drawn(20_000, matrix, np.random.default_rng(0))
        level = fit_even_transition(scores / 3 + 5, given, START, 500)
        np.testing.assert_allclose(level.transition, matrix, atol=0.01)
        assert level.inverse_temperature == pytest.approx(3, rel=0.05)

    def test_its_likelihood_is_that_of_the_model_and_is_not_exceeded_by_the_truth(self):
        matrix = self.even(0.3)
        scores, p, _, given = drawn(3000, matrix, np.random.default_rng(1))
        level = fit_even_transition(scores, given, START, 500)
        rows = np.arange(3000)
        found = softmax(level.inverse_temperature * scores + level.offsets, axis=1) @ level.transition
        assert level.log_likelihood == pytest.approx(np.log(found[rows, given]).mean(), abs=1e-5)
        truth = np.log((p @ matrix)[rows, given]).mean()
        assert truth <= level.log_likelihood <= truth + 0.01

    def test_few_labels_of_many_classes_do_not_become_confusions(self):
        rng = np.random.default_rng(0)
        true = rng.integers(100, size=800)
        given = np.where(rng.random(800) < 0.3, rng.integers(100, size=800), true)
        scores = 2.0 * np.eye(100)[true] + 0.6 * rng.normal(size=(800, 100))
        start = Level(corner(scores, given), 1.0, np.zeros(100), -np.inf)
        prior = simplest(start.transition, np.ones(100))
        wrong = (true != given).mean()
        assert 1 - np.diag(fit_level(scores, given, start, prior).transition).mean() == pytest.approx(wrong, abs=0.05)
        assert 1 - np.diag(fit_transition(scores, given, start, prior).transition).mean() > wrong + 0.1


def test_the_simplest_matrix_has_the_wrong_rate_and_two_different_entries():
    weights = np.array([0.5, 0.3, 0.2])
    matrix = simplest(T, weights)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert len(np.unique(matrix.round(12))) == 2
    assert weights @ np.diag(matrix) == pytest.approx(weights @ np.diag(T))


def test_the_corner_is_exact_where_each_class_has_certain_samples():
    true = np.repeat(np.arange(3), 20_000)
    rng = np.random.default_rng(0)
    given = (T[true].cumsum(axis=1) > rng.random((len(true), 1))).argmax(axis=1)
    np.testing.assert_allclose(corner(T[true], given), T, atol=0.03)


def test_class_probabilities_have_the_temperature_and_the_offsets_of_the_fit():
    scores = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    level = Level(T, 2.5, np.array([0.5, 0.0, -1.0]), 0.0)
    expected = softmax(2.5 * scores + level.offsets, axis=1)
    np.testing.assert_allclose(Alternation(level, scores).class_probability(), expected, rtol=1e-5)


def test_bayes_equals_enumeration():
    rng = np.random.default_rng(0)
    p, codes = rng.dirichlet(np.ones(3), size=7).astype(np.float32), rng.integers(3, size=7)
    found = bayes(p, T, codes)
    for i in range(7):
        joint = [float(p[i, y]) * T[y, codes[i]] for y in range(3)]
        np.testing.assert_allclose(found[i], np.array(joint) / sum(joint), rtol=1e-5)


def test_many_classes_whose_samples_are_all_equally_certain_do_not_hide_their_noise():
    # Flat scores without noise are nearly as likely here; only the start at the corner tells.
    rng = np.random.default_rng(0)
    true = rng.integers(50, size=3000)
    given = np.where(rng.random(3000) < 0.2, rng.integers(50, size=3000), true)
    scores = 5.0 * np.eye(50)[true] + 0.1 * rng.normal(size=(3000, 50))
    first = corner(scores, given)
    assert (first > 0).all()
    level = fit_transition(scores, given, Level(first, 1.0, np.zeros(50), -np.inf), simplest(first, np.ones(50)))
    assert 1 - np.diag(level.transition).mean() == pytest.approx((true != given).mean(), abs=0.02)


class TestDrawnToEven:
    """1,000 labels of each of 100 classes: two for each entry of even noise, and none for 13 % of the entries."""

    def drawn(self, matrix):
        rng, n_classes = np.random.default_rng(0), len(matrix)
        found = np.stack([rng.multinomial(1000, row) for row in matrix]) / 1000
        return found, drawn_to_even(found, np.full(n_classes, 1000.0), np.full(n_classes, 1 / n_classes))

    def test_even_noise_leaves_no_confusion_impossible(self):
        matrix = even_matrix(0.2, 100)
        seen, found = self.drawn(matrix)
        assert (seen == 0).mean() > 0.1
        assert found.min() > 0.001
        assert np.abs(found - matrix).mean() < 0.2 * np.abs(seen - matrix).mean()
        np.testing.assert_allclose(found.sum(axis=1), 1)

    def test_flip_noise_stays_as_it_is_seen(self):
        seen, found = self.drawn(0.8 * np.eye(100) + 0.2 * np.roll(np.eye(100), 1, axis=1))
        assert np.abs(found - seen).max() < 0.01
