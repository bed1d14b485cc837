import numpy as np
import pytest
from helpers.labeled_samples import blobs, one_hot, samples_of
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnoise.diagnosis.estimation.label_probabilities import (
    draw_classes,
    with_wrong_probability,
    with_wrong_rate,
    wrong_probability_of,
)
from labelnoise.diagnosis.estimation.posterior import (
    audited_posterior,
    audited_transition,
    combine_views,
    deconvolve,
    deconvolve_votes,
)
from labelnoise.diagnosis.relabeling.cost import knn_accuracy


@pytest.mark.parametrize(("n_classes", "k"), [(2, 1), (3, 7), (40, 5)])
def test_votes_of_neighbors_are_solved_as_their_shares_are(n_classes, k):
    rng = np.random.default_rng(0)
    matrix = 0.7 * np.eye(n_classes) + 0.3 * rng.dirichlet(np.full(n_classes, 0.2), n_classes)
    codes, indices = rng.integers(n_classes, size=60), rng.integers(60, size=(25, k))
    shares = np.stack([np.bincount(codes[row], minlength=n_classes) / k for row in indices])
    np.testing.assert_allclose(deconvolve_votes(codes, indices, matrix), deconvolve(shares, matrix), atol=1e-12)


def flipped(true, rate, n_classes, rng):
    """Return labels and the transition matrix of flip noise."""
    matrix = (1 - rate) * np.eye(n_classes) + rate * np.roll(np.eye(n_classes), 1, axis=1)
    wrong = rng.random(len(true)) < rate
    return np.where(wrong, (true + 1) % n_classes, true), matrix


class TestCombineViews:
    @pytest.mark.parametrize("rate", [0.0, 0.2, 0.4])
    def test_the_neighbors_labels_make_up_for_a_classifier_that_knows_nothing(self, rate):
        rng = np.random.default_rng(0)
        true, _, indices = blobs(rng, per_class=500)
        codes, matrix = flipped(true, rate, 3, rng)
        data = samples_of(codes, indices, 3)
        ignorant = np.full((len(codes), 3), 1 / 3)
        posterior = combine_views(data, matrix, ignorant)
        truth = knn_accuracy(data, one_hot(true, 3))
        assert abs(knn_accuracy(data, posterior) - truth) < 0.025
        by_label_alone = matrix[:, codes].T / matrix[:, codes].sum(axis=0)[:, None]
        assert rate == 0 or abs(knn_accuracy(data, by_label_alone) - truth) > 0.1

    def test_many_classes_that_are_told_apart_stay_so_where_more_labels_are_wrong_than_t_says(self):
        """A hundred offsets of classes could explain the excess, and move sure samples to wrong classes."""
        rng = np.random.default_rng(0)
        n_classes, size, k = 100, 40, 10
        true, own = np.repeat(np.arange(n_classes), size), np.tile(np.arange(size), n_classes)
        others = np.argsort(rng.random((len(true), size - 1)), axis=1)[:, :k]
        indices = true[:, None] * size + others + (others >= own[:, None])
        codes = np.where(rng.random(len(true)) < 0.225, rng.integers(n_classes, size=len(true)), true)
        matrix = 0.8 * np.eye(n_classes) + 0.2 / n_classes
        posterior = combine_views(samples_of(codes, indices, n_classes), matrix, one_hot(true, n_classes))
        np.testing.assert_array_equal(posterior.argmax(axis=1), true)
        assert wrong_probability_of(posterior, codes).mean() > 0.185  # 0.223 are wrong, 0.198 by T

    def test_probabilities_are_calibrated(self):
        rng = np.random.default_rng(1)
        true, _, indices = blobs(rng, per_class=800, spread=0.7)
        codes, matrix = flipped(true, 0.3, 3, rng)
        posterior = combine_views(samples_of(codes, indices, 3), matrix, np.full((len(codes), 3), 1 / 3))
        wrong = wrong_probability_of(posterior, codes)
        for low, high in ((0, 0.1), (0.3, 0.7), (0.9, 1)):
            inside = (wrong >= low) & (wrong <= high)
            assert inside.sum() > 50
            assert abs(wrong[inside].mean() - (codes != true)[inside].mean()) < 0.06

    def test_rows_are_distributions_even_if_a_class_was_never_given(self):
        rng = np.random.default_rng(2)
        true, _, indices = blobs(rng, per_class=40)
        data = samples_of(np.minimum(true, 1), indices, 3)
        matrix = np.array([[0.8, 0.2, 0], [0, 1, 0], [0, 1, 0]])
        posterior = combine_views(data, matrix, one_hot(true, 3))
        assert np.isfinite(posterior).all()
        np.testing.assert_allclose(posterior.sum(axis=1), 1, atol=1e-5)

    def test_samples_without_neighbors_are_refused(self):
        data = samples_of([0, 1], [[1], [0]], 2)
        object.__setattr__(data, "neighbors", None)
        with pytest.raises(ValueError, match="must have neighbors; got none"):
            combine_views(data, np.eye(2), np.full((2, 2), 0.5))


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_deconvolution_undoes_the_transition(seed, n_classes):
    rng = np.random.default_rng(seed)
    matrix = 0.7 * np.eye(n_classes) + 0.3 * rng.dirichlet(np.ones(n_classes), size=n_classes)
    classes = rng.dirichlet(np.ones(n_classes), size=20)
    found = deconvolve(classes @ matrix, matrix)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found @ matrix, classes @ matrix, atol=0.02)


class TestAuditedTransition:
    def checked(self, matrix, n=600, seed=0):
        """Draw true and given labels of checked samples."""
        rng = np.random.default_rng(seed)
        true = rng.integers(len(matrix), size=n)
        return true, (matrix[true].cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)

    def test_checked_labels_correct_a_matrix_that_was_misled(self):
        _, truth = flipped(np.zeros(1, int), 0.4, 5, np.random.default_rng(0))
        found = audited_transition(np.eye(5), *self.checked(truth))
        assert abs(found - truth).mean() < 0.03 < abs(np.eye(5) - truth).mean()
        np.testing.assert_allclose(found.sum(axis=1), 1)

    def test_a_matrix_that_agrees_with_them_is_kept_nearly(self):
        _, truth = flipped(np.zeros(1, int), 0.2, 5, np.random.default_rng(0))
        true, given_codes = self.checked(truth, n=100)
        counts = np.zeros((5, 5))
        np.add.at(counts, (true, given_codes), 1)
        counted = counts / counts.sum(axis=1, keepdims=True)
        found = audited_transition(truth, true, given_codes)
        assert abs(found - truth).mean() < 0.5 * abs(counted - truth).mean()

    def test_without_checked_labels_nothing_changes(self):
        none = np.array([], dtype=np.int64)
        assert audited_transition(np.eye(2), none, none).tolist() == [[1, 0], [0, 1]]

    def test_samples_drawn_less_often_count_more(self):
        true, given_codes = np.array([0, 0, 1]), np.array([0, 1, 1])
        alike = audited_transition(np.full((2, 2), 0.5), true, given_codes)
        weighted = audited_transition(np.full((2, 2), 0.5), true, given_codes, np.array([1.0, 3.0, 1.0]))
        assert weighted[0, 1] > alike[0, 1]


def test_after_checks_an_estimate_that_saw_no_noise_sees_it():
    rng = np.random.default_rng(0)
    true, _, indices = blobs(rng, per_class=400)
    codes, matrix = flipped(true, 0.3, 3, rng)
    data, misled = samples_of(codes, indices, 3), np.array(0.98 * np.eye(3) + 0.02 / 3)
    checked = rng.choice(len(true), 150, replace=False)
    before = combine_views(data, misled, one_hot(true, 3) @ matrix)
    after = audited_posterior(data, misled, one_hot(true, 3) @ matrix, checked, true[checked])
    assert wrong_probability_of(before, codes).mean() < 0.1
    assert abs(wrong_probability_of(after, codes).mean() - (codes != true).mean()) < 0.05
    np.testing.assert_array_equal(after[checked], one_hot(true[checked], 3))
    none = np.array([], dtype=np.int64)
    np.testing.assert_array_equal(audited_posterior(data, misled, one_hot(true, 3) @ matrix, none, none), before)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_the_given_class_gets_what_an_audit_leaves_it_and_the_others_keep_their_proportions(seed, n_classes):
    rng = np.random.default_rng(seed)
    posterior = rng.dirichlet(np.ones(n_classes), size=20)
    codes, wrong = rng.integers(n_classes, size=20), rng.random(20)
    changed = with_wrong_probability(posterior, codes, wrong)
    np.testing.assert_allclose(changed.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(wrong_probability_of(changed, codes), wrong, atol=1e-5)
    others = np.arange(n_classes) != codes[:, None]
    before = np.where(others, posterior, 0) / np.where(others, posterior, 0).sum(axis=1, keepdims=True)
    after = np.where(others, changed, 0) / np.where(others, changed, 0).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(before, after, atol=1e-4)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.9])
def test_another_wrong_rate_shifts_the_log_odds_of_all_labels_alike(rate):
    rng = np.random.default_rng(0)
    posterior, codes = rng.dirichlet(np.ones(4), size=50), rng.integers(4, size=50)
    errors = [wrong_probability_of(table, codes) for table in (posterior, with_wrong_rate(posterior, codes, rate))]
    assert errors[1].mean() == pytest.approx(rate, abs=1e-5)
    before, after = (np.log(e / (1 - e)) for e in errors)
    np.testing.assert_allclose(after - before, (after - before)[0], atol=1e-3)


def test_where_nothing_is_known_of_the_other_classes_they_share_evenly():
    changed = with_wrong_probability(np.array([[1.0, 0.0, 0.0]]), np.array([0]), np.array([0.5]))
    np.testing.assert_allclose(changed, [[0.5, 0.25, 0.25]])


def test_classes_are_drawn_as_often_as_they_are_probable():
    drawn = draw_classes(np.tile([0.5, 0.0, 0.3, 0.2], (40_000, 1)), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 40_000, [0.5, 0, 0.3, 0.2], atol=0.01)
