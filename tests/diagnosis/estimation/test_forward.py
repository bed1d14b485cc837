"""Logistic regression through T: its gradient, its optimum, and folds that no sample leaks through."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax as reference_softmax
from sklearn.linear_model import LogisticRegression

from labelnoise.diagnosis.estimation.forward import CrossFit, design, fit, make_folds, softmax


@pytest.fixture(scope="module")
def clouds():
    """Three overlapping normal clouds in four dimensions."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(3), 100)
    features = rng.normal(size=(300, 4)) * (1, 5, 0.2, 1)
    features[:, 0] += codes
    features[:, 1] -= 4.0 * (codes == 2)
    return features, codes


def probabilities(where, weights):
    return reference_softmax(where.rows @ weights, axis=1)


class TestFit:
    def test_without_noise_it_is_the_logistic_regression_of_scikit_learn(self, clouds):
        features, codes = clouds
        where = design(features, ridge=2.0)
        ours = probabilities(where, fit(where, np.arange(300), codes, np.eye(3), np.zeros((5, 3)), 500))
        scaled = (features - features.mean(axis=0)) / features.std(axis=0)
        theirs = LogisticRegression(C=0.5, max_iter=2000, tol=1e-8).fit(scaled, codes).predict_proba(scaled)
        assert np.abs(ours - theirs).max() < 0.01

    def test_the_penalty_of_a_fit_to_a_part_is_that_of_the_part(self, clouds):
        features, codes = clouds
        part = np.arange(0, 300, 6)
        where = design(features, ridge=20.0, n_fitted=len(part))
        ours = probabilities(where, fit(where, part, codes, np.eye(3), np.zeros((5, 3)), 500))
        scaled = (features - features.mean(axis=0)) / features.std(axis=0)
        regression = LogisticRegression(C=1 / 20, max_iter=2000, tol=1e-8)
        assert np.abs(ours - regression.fit(scaled[part], codes[part]).predict_proba(scaled)).max() < 0.01

    def test_the_optimum_is_flat_in_every_direction(self, clouds):
        features, codes = clouds
        where, transition = design(features, ridge=1.0), np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0, 0.3, 0.7]])
        weights = fit(where, np.arange(300), codes, transition, np.zeros((5, 3)), 1000)

        def loss(v):
            given = probabilities(where, v) @ transition
            w = where.basis @ v
            return -np.log(given[np.arange(300), codes]).mean() + 0.5 * (where.penalty[:, None] * w**2).sum()

        rng = np.random.default_rng(1)
        for _ in range(5):
            step = 0.3 * rng.normal(size=weights.shape)
            assert loss(weights) <= loss(weights + step) + 1e-6
            assert loss(weights) <= loss(weights - step) + 1e-6

    def test_through_the_right_matrix_it_predicts_true_classes(self, clouds):
        features, codes = clouds
        rng = np.random.default_rng(0)
        noisy = np.where(rng.random(300) < 0.45, (codes + 1) % 3, codes)
        transition = 0.55 * np.eye(3) + 0.45 * np.roll(np.eye(3), 1, axis=1)
        where = design(features, ridge=1.0)

        def accuracy(matrix):
            weights = fit(where, np.arange(300), noisy, matrix, np.zeros((5, 3)), 300)
            return (probabilities(where, weights).argmax(axis=1) == codes).mean()

        assert accuracy(transition) > accuracy(np.eye(3)) + 0.03

    def test_a_constant_column_changes_nothing(self, clouds):
        features, codes = clouds
        wide = np.column_stack([features, np.full(300, 7.0)])
        found = [
            probabilities(where, fit(where, np.arange(300), codes, np.eye(3), np.zeros((where.rows.shape[1], 3)), 500))
            for where in (design(features, 1.0), design(wide, 1.0))
        ]
        assert np.abs(found[0] - found[1]).max() < 0.01


class TestFolds:
    def test_they_are_all_samples_and_classes_are_about_equal(self):
        codes = np.repeat([0, 1, 2], [100, 40, 7])
        folds = make_folds(codes, np.arange(147), 4, np.random.default_rng(0))
        assert sorted(np.concatenate(folds).tolist()) == list(range(147))
        shares = np.array([np.bincount(codes[fold], minlength=3) for fold in folds])
        assert (np.ptp(shares, axis=0) <= 2).all()

    def test_copies_are_in_one_fold(self):
        copies = np.repeat(np.arange(50), 3)
        folds = make_folds(np.zeros(150, np.int64), copies, 4, np.random.default_rng(0))
        assert all(len({number for number, fold in enumerate(folds) if i in copies[fold]}) == 1 for i in range(50))

    def test_a_sample_is_scored_by_a_fit_that_has_not_seen_its_label(self, clouds):
        features, codes = clouds
        folds = make_folds(codes, np.arange(300), 4, np.random.default_rng(0))
        where = design(features, 10.0)

        def scores(labels):
            fits = CrossFit(where, labels, 3, folds, np.arange(300), 1000, np.random.default_rng(0))
            return fits.scores(np.eye(3), 50)

        changed = codes.copy()
        changed[folds[0]] = 2 - changed[folds[0]]
        before, after = scores(codes), scores(changed)
        assert np.abs(before[folds[0]] - after[folds[0]]).max() < 1e-4
        assert np.abs(before[folds[1]] - after[folds[1]]).max() > 0.1

    def test_samples_that_are_not_used_are_not_fitted_to(self, clouds):
        features, codes = clouds
        folds = make_folds(codes, np.arange(300), 4, np.random.default_rng(0))
        used = np.arange(0, 300, 2)
        spoiled = codes.copy()
        spoiled[1::2] = 2 - spoiled[1::2]

        def scores(labels):
            return CrossFit(design(features, 10.0), labels, 3, folds, used, 1000, np.random.default_rng(0)).scores(
                np.eye(3), 50
            )

        assert np.abs(scores(codes) - scores(spoiled)).max() < 1e-4


def test_softmax_is_scipys_and_works_in_place():
    scores = np.random.default_rng(0).normal(size=(5, 3)) * 300
    expected = reference_softmax(scores, axis=1)
    assert softmax(scores) is scores
    np.testing.assert_allclose(scores, expected, atol=1e-15)
