"""The concentration of a mask: its formula, its limits, its exact mean under spread noise, and its standard error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.placement.concentration import (
    around_own_mean,
    concentration,
    concentration_profile,
    concentration_test,
    correlations_of,
    neighborhood_rates,
)
from labelnoise.placement.jackknife import N_REGIONS, graph_regions, jackknife_standard_error

RNG = np.random.default_rng(0)
POINTS = RNG.random((3000, 2))
TRAIN, QUERIES = POINTS[:2000], POINTS[2000:]
HOODS = neighbors(TRAIN, QUERIES, k=20)


def rho_by_loops(mask, indices, k):
    rate = np.mean(mask)
    shares = [np.mean([mask[i] for i in row[:k]]) for row in indices]
    variance = np.mean([(share - rate) ** 2 for share in shares])
    return (variance - rate * (1 - rate) / k) / (rate * (1 - rate) * (1 - 1 / k))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_the_result_is_that_of_the_formula(seed, k):
    rng = np.random.default_rng(seed)
    indices = np.array([rng.choice(9, size=6, replace=False) for _ in range(5)])
    mask = rng.permutation(9) < rng.integers(1, 9)
    hoods = Neighbors(indices, None, 9, "unknown", False)
    assert concentration(mask, hoods, k) == pytest.approx(rho_by_loops(mask, indices, k))


def test_rho_around_the_mean_of_the_neighborhoods():
    mask = POINTS[:2000, 0] < 0.3
    queries = HOODS.indices[QUERIES[:, 0] < 0.5]  # with more noise than the training set holds
    ks = np.array([5, 20])
    shares = [neighborhood_rates(mask, queries, k) for k in ks]
    own = np.array([share.mean() for share in shares])
    rho = np.array([correlations_of(share, mask.mean(), k).mean() for share, k in zip(shares, ks, strict=True)])
    expected = [correlations_of(*arguments).mean() for arguments in zip(shares, own, ks, strict=True)]
    np.testing.assert_allclose(around_own_mean(rho, mask.mean(), own, ks), expected)
    assert np.isnan(around_own_mean(np.array([np.nan]), np.array([0.3]), np.array([0.4]), np.array([1]))).all()
    assert around_own_mean(np.array([0.9]), np.array([0.3]), np.array([1.0]), np.array([5])) == 0


def test_separate_regions_are_fully_concentrated():
    hoods = np.array([[0, 1, 2], [2, 1, 0], [3, 4, 5], [5, 4, 3]])
    assert concentration([1, 1, 1, 0, 0, 0], hoods, 3) == 1


@pytest.mark.parametrize("count", [1, 200, 1000])
def test_spread_noise_has_mean_minus_one_over_n_minus_one(count):
    hoods = neighbors(TRAIN[:50], k=10)
    rng = np.random.default_rng(count)
    marks = np.arange(50) < max(1, count // 40)
    values = [concentration(rng.permutation(marks), hoods, 10) for _ in range(3000)]
    assert np.mean(values) == pytest.approx(-1 / 49, abs=4 * np.std(values) / 3000**0.5)


def test_a_profile_shows_the_scale_of_the_noise():
    labels = KMeans(400, n_init=1, random_state=0).fit_predict(TRAIN)  # cells of 5 samples
    small = np.random.default_rng(1).random(400)[labels] < 0.3
    large = TRAIN[:, 0] < 0.3
    ks = [5, 10, 20]
    of_small, of_large = (concentration_profile(mask, HOODS, ks) for mask in (small, large))
    assert of_small[0] > 1.5 * of_small[2]
    assert of_large[0] < 1.2 * of_large[2]
    assert of_small.tolist() == [concentration(small, HOODS, k) for k in ks]


class TestPermutations:
    def test_spread_noise_is_rejected_as_often_as_it_should_be(self):
        rng = np.random.default_rng(3)
        hoods = neighbors(TRAIN[:400], QUERIES[:200], k=10)
        p_values = [
            concentration_test(rng.random(400) < 0.3, hoods, 10, permutations=19, random_state=i).p_value
            for i in range(120)
        ]
        assert 0.01 <= np.mean(np.array(p_values) <= 0.05) <= 0.13  # expected 0.05, standard error 0.02

    def test_concentrated_noise_is_found(self):
        result = concentration_test(TRAIN[:, 0] < 0.3, HOODS, 10, random_state=0)
        assert result.p_value == 1 / 200
        assert result.z > 20
        assert result.n_queries == 1000
        assert result.noise_rate == np.mean(TRAIN[:, 0] < 0.3)
        assert "p = 0.005" in str(result)

    def test_one_seed_one_result(self):
        first, second = (concentration_test(TRAIN[:, 1] < 0.5, HOODS, 5, random_state=7) for _ in range(2))
        assert first == second


class TestStandardError:
    def test_regions_share_the_neighbors_evenly(self):
        regions = graph_regions(HOODS.indices, 2000)
        occurrences = np.bincount(regions[HOODS.indices].ravel(), minlength=N_REGIONS)
        assert len(occurrences) == N_REGIONS
        assert occurrences.min() > 0.7 * occurrences.mean()

    @pytest.mark.parametrize("cells", [0, 300, 60])
    def test_two_standard_errors_cover_most_draws(self, cells):
        rng = np.random.default_rng(cells)
        region = KMeans(cells, n_init=1, random_state=0).fit_predict(TRAIN) if cells else None
        values, errors, regions = [], [], graph_regions(HOODS.indices, 2000)
        for _ in range(150):
            rates = 0.3 if region is None else rng.beta(0.6, 1.4, size=cells)[region]
            mask = rng.random(2000) < rates
            values.append(concentration(mask, HOODS, 20))
            errors.append(jackknife_standard_error(mask, HOODS.indices, regions))
        covered = np.abs(values - np.mean(values)) < 2 * np.array(errors)
        assert covered.mean() > 0.85
        assert 0.7 < np.mean(errors) / np.std(values) < 1.6

    def test_the_error_is_nan_with_too_few_neighbors_for_regions(self):
        assert np.isnan(concentration_test([True, False, True], [[0, 1], [1, 2]], 2, random_state=0).standard_error)


@pytest.mark.parametrize(
    ("mask", "k", "error", "message"),
    [
        ([False] * 2000, 5, ValueError, "some of the samples and not all.*0 of 2000"),
        ([True] * 2000, 5, ValueError, "2000 of 2000"),
        (TRAIN[:, 0] < 0.5, 1, ValueError, "`k` must be at least 2"),
        (TRAIN[:, 0] < 0.5, 21, ValueError, "`k` must be at most 20"),
        (TRAIN[:, 0] < 0.5, [5, 10], TypeError, "one integer"),
        (TRAIN[:7, 0] < 0.5, 5, ValueError, "same training set"),
        (TRAIN[:, 0], 5, ValueError, "True or False"),
    ],
)
def test_errors_name_the_cause(mask, k, error, message):
    with pytest.raises(error, match=message):
        concentration(mask, HOODS, k)
