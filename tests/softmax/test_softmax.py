"""Softmax analysis, compared with loops, numbers worked out by hand, and a softmax that is a label histogram."""

from __future__ import annotations

import math

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.softmax.aggregate import aggregate_softmax, expected_peak
from labelnoise.softmax.histograms import chi_square_distance, softmax_neighborhoods


def naive_distance(p, h):
    return sum((a - b) ** 2 / (a + b) for a, b in zip(p, h, strict=True) if a + b > 0) / 2


def naive_preferred(p, labels, neighbors, ks):
    distances = [naive_distance(p, np.bincount(labels[neighbors[:k]], minlength=len(p)) / k) for k in ks]
    best = min(distances)
    # Distances that differ by rounding alone count as equal.
    return next((k, d) for k, d in zip(ks, distances, strict=True) if d <= best + 1e-12)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


class TestChiSquareDistance:
    def test_by_hand(self):
        # 1/2 (0.1^2/0.9 + 0.1^2/1.1) = 0.01 (1/1.8 + 1/2.2)
        assert chi_square_distance([0.5, 0.5], [0.4, 0.6]) == pytest.approx(0.01 / 1.8 + 0.01 / 2.2, abs=1e-15)

    def test_classes_in_neither_distribution_do_not_count(self):
        assert chi_square_distance([0.5, 0.5, 0, 0], [0.4, 0.6, 0, 0]) == chi_square_distance([0.5, 0.5], [0.4, 0.6])

    @pytest.mark.parametrize("n_classes", [2, 10, 100])
    def test_it_agrees_with_a_loop_and_is_a_distance(self, rng, n_classes):
        p, h = rng.dirichlet(np.full(n_classes, 0.3), (2, 50))
        p[:10, 0] = 0
        p /= p.sum(1, keepdims=True)
        found = chi_square_distance(p, h)
        assert np.allclose(found, [naive_distance(*pair) for pair in zip(p, h, strict=True)], atol=1e-15, rtol=1e-12)
        assert np.array_equal(found, chi_square_distance(h, p))
        assert not chi_square_distance(p, p).any()
        assert ((found > 0) & (found <= 1)).all()

    def test_disjoint_distributions_are_at_distance_1_and_rows_broadcast(self):
        assert chi_square_distance(np.eye(3)[:, None], np.eye(3)).tolist() == (1 - np.eye(3)).tolist()

    @pytest.mark.parametrize(
        ("p", "h", "message"),
        [
            ([0.5, 0.4], [0.5, 0.5], "`p` rows must sum to 1"),
            ([0.5, 0.5], [1.5, -0.5], "`h` must not be negative"),
            ([0.5, 0.5], [1.0], "`h` must have 2 columns"),
            ([[0.5, 0.5]] * 2, [[0.5, 0.5]] * 3, "must have shapes that broadcast"),
        ],
    )
    def test_bad_input(self, p, h, message):
        with pytest.raises(ValueError, match=message):
            chi_square_distance(p, h)


class TestAggregate:
    def test_by_hand(self):
        # The outputs for class "b" are 0.1, 0.2, 0.4, 0.8, 0.9. The quartiles of five values are the 2nd, 3rd and 4th.
        for_b = np.array([0.4, 0.1, 0.9, 0.2, 0.8])
        pred_probs = np.vstack([np.column_stack([1 - for_b, for_b]), [[0.7, 0.3]]])
        found = aggregate_softmax(pred_probs, ["b"] * 5 + ["a"], classes=["a", "b"])
        assert found.median[1] == pytest.approx([0.6, 0.4])
        assert found.lower[1] == pytest.approx([0.2, 0.2])
        assert found.upper[1] == pytest.approx([0.8, 0.8])
        assert found.median[0] == pytest.approx([0.7, 0.3])
        frame = found.to_frame()
        assert frame.columns.tolist() == ["true_class", "output", "median", "lower", "upper", "n"]
        assert frame.query("true_class == 'b' and output == 'a'")["median"].item() == pytest.approx(0.6)
        assert frame.groupby("true_class")["n"].first().to_dict() == {"a": 1, "b": 5}
        assert "6 test samples of 2 classes" in repr(found)

    def test_a_class_without_samples_is_nan(self):
        found = aggregate_softmax([[0.2, 0.3, 0.5]], [2])
        assert np.isnan(found.median[:2]).all()
        assert found.median[2].tolist() == [0.2, 0.3, 0.5]
        assert found.counts.tolist() == [0, 0, 1]

    def test_labels_of_another_length_are_an_error(self):
        with pytest.raises(ValueError, match="got 1 and 2"):
            aggregate_softmax([[0.2, 0.8]], [0, 1])

    def test_a_label_beyond_the_columns_is_an_error(self):
        with pytest.raises(ValueError, match="one per column of `pred_probs`"):
            aggregate_softmax([[0.2, 0.8]], [2])

    def test_a_single_row_is_an_error(self):
        with pytest.raises(ValueError, match=r"must have shape \(n_test, n_classes\)"):
            aggregate_softmax([0.2, 0.8], [0])


class TestExpectedPeak:
    def test_uniform(self):
        expected = expected_peak(ln.UniformNoise(), 0.6, 10)
        assert np.diag(expected) == pytest.approx(0.4 + 0.06)
        assert expected[0, 1:] == pytest.approx(0.06)

    def test_flip(self):
        assert expected_peak(ln.FlipNoise(), 0.2, 3) == pytest.approx(
            np.array([[0.8, 0.2, 0], [0, 0.8, 0.2], [0.2, 0, 0.8]])
        )

    def test_matrix_is_the_transition_matrix(self, rng):
        noise = ln.MatrixNoise(rng.dirichlet(np.ones(4), 4))
        noisy = ln.corrupt(rng.integers(4, size=40_000), noise, 0.5, random_state=1)
        assert expected_peak(noise, 0.5, 4) == pytest.approx(noisy.transition_matrix, abs=0.02)
        assert expected_peak(noise, 0.0, 4).tolist() == np.eye(4).tolist()

    def test_bad_input(self):
        with pytest.raises(ValueError, match="made for 2 classes"):
            expected_peak(ln.FlipNoise([1, 0]), 0.2, 3)
        with pytest.raises(ValueError, match="A percentage"):
            expected_peak(ln.FlipNoise(), 20, 3)
        with pytest.raises(TypeError, match="add parentheses"):
            expected_peak(ln.FlipNoise, 0.2, 3)


class TestNeighborhoods:
    @pytest.mark.parametrize(("n_classes", "ks"), [(3, range(1, 41)), (10, range(10, 61, 7)), (150, [40, 5, 5, 17])])
    def test_results_agree_with_a_loop(self, rng, n_classes, ks):
        labels = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=200)])
        p = rng.dirichlet(np.full(n_classes, 0.2), 60)
        p[:5] = np.eye(n_classes)[0]  # a saturated softmax
        hoods = np.array([rng.permutation(len(labels))[:60] for _ in p])
        found = softmax_neighborhoods(p, labels, hoods, ks)
        expected = [naive_preferred(*pair, sorted(ks)) for pair in zip(p, [labels] * 60, hoods, strict=True)]
        assert found.preferred_k.tolist() == [k for k, _ in expected]
        assert found.distance == pytest.approx([d for _, d in expected], abs=1e-14)
        assert chi_square_distance(p, found.histogram) == pytest.approx(found.distance, abs=1e-14)
        assert found.ks.tolist() == sorted(set(ks))
        assert found.prevalence.sum() == pytest.approx(1)
        assert found.prevalence[0] == np.mean(found.preferred_k == found.ks[0])
        assert found.median_distance == np.median(found.distance)

    def test_equal_distances_prefer_the_smaller_k(self):
        # The labels alternate at first: 2, 4 and 8 neighbors have the same histogram, half of each class.
        labels = np.array([0, 1, 0, 1, 1, 1, 0, 0])
        found = softmax_neighborhoods([[0.5, 0.5], [1.0, 0.0]], labels, [np.arange(8)] * 2, range(2, 9))
        assert found.preferred_k.tolist() == [2, 3]
        assert found.distance[0] == 0

    def test_a_softmax_that_is_a_histogram_is_found(self, digits):
        _, train_labels, _, _, hoods = digits
        true_k = np.random.default_rng(0).integers(10, 61, len(hoods.indices))
        counts = [
            np.bincount(train_labels[row[:k]], minlength=10) for row, k in zip(hoods.indices, true_k, strict=True)
        ]
        found = softmax_neighborhoods(np.array(counts) / true_k[:, None], train_labels, hoods, range(10, 61))
        assert found.distance.max() < 1e-15
        assert (found.preferred_k <= true_k).all()
        assert np.array_equal(found.histogram, np.array(counts) / true_k[:, None])
        frame = found.to_frame()
        assert frame.columns.tolist() == ["preferred_k", "distance"]
        assert len(frame) == len(true_k)
        assert "K in 10..60; median distance 0.000" in repr(found)

    def test_blocks_of_rows_do_not_depend_on_the_others(self, rng):
        labels = rng.integers(4, size=500)
        p, hoods = rng.dirichlet(np.ones(4), 3000), rng.integers(500, size=(3000, 30))
        whole = softmax_neighborhoods(p, labels, hoods, range(5, 31))
        part = softmax_neighborhoods(p[2000:], labels, hoods[2000:], range(5, 31))
        assert np.array_equal(whole.preferred_k[2000:], part.preferred_k)
        assert np.array_equal(whole.histogram[2000:], part.histogram)

    @pytest.mark.parametrize(
        ("p", "labels", "hoods", "ks", "message"),
        [
            ([[0.5, 0.5]], [0, 1], [[0, 1]], [3], "at most 2"),
            ([[0.5, 0.5]] * 2, [0, 1], [[0, 1]], [2], "same samples; got 2 and 1"),
            ([[0.5, 0.5]], [0, 2], [[0, 1]], [2], "one per column of `pred_probs`"),
            ([[0.5, 0.5]], [0, 1], [[0, 2]], [2], "must lie in 0..1"),
            ([[math.nan, 0.5]], [0, 1], [[0, 1]], [2], "finite"),
            ([[0.5, 0.5]], [0, 1], [[0, 1]], [0], "`ks` must be at least 1"),
        ],
    )
    def test_bad_input(self, p, labels, hoods, ks, message):
        with pytest.raises(ValueError, match=message):
            softmax_neighborhoods(p, labels, hoods, ks)
