"""Placements that depend on neighborhoods, and noise with a row per sample."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.concentration import concentration
from labelnoise.placement.graph import ClassBoundary, HubnessProportional, weighted_sample
from labelnoise.sample_noise import corrupt_with_rows, draw_from_rows, softmax_rows

RNG = np.random.default_rng(0)
BLOBS = np.concatenate([RNG.normal(loc=8 * c, size=(60, 2)) for c in range(4)])
BLOB_LABELS = np.repeat([0, 1], 120)
SQUARE = RNG.random((3000, 2))
NOTHING = np.zeros(3000, dtype=np.int64)


class TestConcentrated:
    @pytest.mark.parametrize("asked", [0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.85])
    @pytest.mark.parametrize("rate", [0.1, 0.5])
    def test_the_asked_concentration_is_realized(self, asked, rate):
        hoods = ln.neighbors(SQUARE, k=10)
        placement = Concentrated(asked, k=10, neighbors=hoods).prepare(SQUARE)
        mask = placement.select(NOTHING, 1, rate, SQUARE, np.random.default_rng(1))
        assert mask.sum() == rate * 3000
        assert concentration(mask, hoods, 10) == pytest.approx(asked, abs=0.02)
        assert placement.realized(mask) == concentration(mask, hoods, 10)

    def test_sampled_neighborhoods_stand_for_all(self):
        mask = Concentrated(0.5, k=10, n_queries=1000).select(NOTHING, 1, 0.3, SQUARE, np.random.default_rng(0))
        assert concentration(mask, ln.neighbors(SQUARE, k=10), 10) == pytest.approx(0.5, abs=0.04)

    def test_neighborhoods_have_the_noise_rate_of_the_samples(self):
        placement = Concentrated(0.6, k=10).prepare(SQUARE)
        for seed in range(5):
            mask = placement.select(NOTHING, 1, 0.3, SQUARE, np.random.default_rng(seed))
            assert mask[placement._geometry.indices].mean() == pytest.approx(0.3, abs=0.03)

    def test_a_concentration_that_cannot_be_reached_is_a_warning(self):
        noise = np.random.default_rng(0).normal(size=(1000, 50))  # no regions: neighbors of neighbors are anywhere
        with pytest.warns(UserWarning, match=r"`concentration` 0.9 cannot be reached .* the nearest found, 0\.\d+"):
            mask = Concentrated(0.9, k=30).select(NOTHING[:1000], 1, 0.3, noise, np.random.default_rng(0))
        assert mask.sum() == 300

    def test_at_concentration_1_whole_blobs_are_selected(self):
        mask = Concentrated(1.0, k=10).select(BLOB_LABELS, 2, 0.5, BLOBS, np.random.default_rng(0))
        assert set(mask.reshape(4, 60).mean(axis=1)) == {0.0, 1.0}

    def test_a_mask_without_noise_has_no_concentration(self):
        placement = Concentrated(0.5, k=10)
        assert np.isnan(placement.realized(np.zeros(3000, dtype=bool)))

    def test_duplicates_and_constant_features_are_accepted(self):
        placement = Concentrated(0.0, k=3)
        for features in (np.zeros((50, 2)), np.repeat(np.eye(2), 25, axis=0)):
            prepared = Concentrated(0.5, k=3, n_queries=20).prepare(features)
            assert prepared._geometry.indices.shape == (20, 3)
            assert placement.select(NOTHING[:50], 1, 0.5, features, np.random.default_rng(0)).sum() == 25

    def test_scale_and_shift_change_nothing(self):
        masks = [
            Concentrated(0.5, k=10).select(NOTHING, 1, 0.3, features, np.random.default_rng(0))
            for features in (SQUARE, 1024 * SQUARE, 2.0**-20 * SQUARE)
        ]
        assert (masks[0] == masks[1]).all()
        assert (masks[0] == masks[2]).all()

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"concentration": 1.5}, ValueError, r"`concentration` must lie in \[0, 1\]"),
            ({"concentration": np.nan}, ValueError, "`concentration`"),
            ({"concentration": 0.5, "k": 1}, ValueError, "`k` must be at least 2"),
            ({"concentration": 0.5, "k": [5, 10]}, TypeError, "`k` must be one integer"),
            ({"concentration": 0.5, "k": 3, "neighbors": [[0, 1]]}, ValueError, "`k` must be at most 2"),
        ],
    )
    def test_errors_in_the_settings_name_the_cause(self, arguments, error, message):
        with pytest.raises(error, match=message):
            Concentrated(**arguments)

    def test_k_must_be_below_the_number_of_samples(self):
        with pytest.raises(ValueError, match="`k` must be at most 19"):
            Concentrated(0.5).select(NOTHING[:20], 1, 0.5, SQUARE[:20], np.random.default_rng(0))

    def test_neighbors_of_other_data_are_an_error(self):
        with pytest.raises(ValueError, match=r"`neighbors` must be of the training set.*3000 samples.*240"):
            Concentrated(0.5, k=5, neighbors=ln.neighbors(BLOBS, k=5)).prepare(SQUARE)


class TestGraphPlacements:
    def test_boundaries_attract_noise(self):
        labels = (SQUARE[:, 0] < 0.5).astype(np.int64)
        mask = ClassBoundary(floor=0).select(labels, 2, 0.05, SQUARE, np.random.default_rng(0))
        distance = np.abs(SQUARE[:, 0] - 0.5)
        assert np.median(distance[mask]) < 0.1 * np.median(distance)

    def test_hubs_attract_noise(self):
        features = np.random.default_rng(0).normal(size=(1000, 30))
        hoods = ln.neighbors(features, k=10)
        placement = HubnessProportional(neighbors=hoods)
        assert not placement.needs_features
        mask = placement.select(NOTHING[:1000], 1, 0.2, None, np.random.default_rng(0))
        occurrences = np.bincount(hoods.indices.ravel(), minlength=1000)
        assert occurrences[mask].mean() > 2 * occurrences[~mask].mean()
        assert mask[hoods.indices].mean() > 0.3  # the noise rate in neighborhoods

    def test_the_first_draw_is_in_proportion(self):
        rng = np.random.default_rng(0)
        weights = np.array([0.0, 1.0, 2.0, 5.0])
        drawn = sum(weighted_sample(weights, 1, rng).astype(float) for _ in range(20_000)) / 20_000
        np.testing.assert_allclose(drawn, weights / 8, atol=0.015)

    def test_samples_without_weight_come_last(self):
        rng = np.random.default_rng(0)
        assert weighted_sample(np.array([0.0, 1e-300, 2.0]), 2, rng).tolist() == [False, True, True]
        assert weighted_sample(np.zeros(3), 3, rng).all()

    def test_neighbors_of_other_samples_are_an_error(self):
        hoods = ln.neighbors(SQUARE, k=10)
        with pytest.raises(ValueError, match="240 samples among themselves"):
            HubnessProportional(neighbors=hoods).select(BLOB_LABELS, 2, 0.5, None, np.random.default_rng(0))

    @pytest.mark.parametrize("floor", [-1, np.nan, np.inf])
    def test_a_floor_must_be_finite_and_not_negative(self, floor):
        with pytest.raises(ValueError, match="`floor`"):
            ClassBoundary(floor=floor)


class TestSampleNoise:
    def test_labels_follow_their_rows(self):
        rows = np.tile([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], (20_000, 1))
        drawn = draw_from_rows(rows, np.random.default_rng(0))
        shares = np.bincount(drawn[::2], minlength=3) / 20_000
        np.testing.assert_allclose(shares, [0.2, 0.3, 0.5], atol=0.02)
        assert (drawn[1::2] == 0).all()

    @pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
    def test_rows_have_the_noise_rate(self, rate):
        probabilities = np.random.default_rng(0).dirichlet([0.3] * 5, size=400)
        codes = probabilities.argmax(axis=1)
        rows = softmax_rows(probabilities, codes, rate)
        np.testing.assert_allclose(rows.sum(axis=1), 1)
        assert rows.min() >= 0
        assert 1 - rows[np.arange(400), codes].mean() == pytest.approx(rate)

    def test_the_record_is_that_of_any_noisy_labels(self):
        probabilities = np.random.default_rng(0).dirichlet([1.0] * 3, size=5000)
        codes = probabilities.argmax(axis=1)
        noisy = corrupt_with_rows(codes, softmax_rows(probabilities, codes, 0.2), random_state=0)
        assert noisy.asked_noise_rate == pytest.approx(0.2)
        assert noisy.changed_rate == noisy.noise_rate == pytest.approx(0.2, abs=0.02)
        again = corrupt_with_rows(codes, softmax_rows(probabilities, codes, 0.2), random_state=0)
        np.testing.assert_array_equal(noisy.labels, again.labels)

    def test_rows_of_other_samples_are_an_error(self):
        with pytest.raises(ValueError, match="one row and one label per sample; got 3 and 2"):
            corrupt_with_rows([0, 1], np.eye(3))

    def test_probabilities_of_0_and_1_leave_no_room_for_noise(self):
        with pytest.raises(ValueError, match=r"at least 0.5 of the samples; they do for 0"):
            softmax_rows(np.eye(4), np.arange(4), 0.5)
