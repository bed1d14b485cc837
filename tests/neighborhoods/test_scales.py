"""Standardized distances are scikit-learn's, and columns that alone decide who is near are found."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.neighbors import NearestNeighbors

import labelnoise as ln
from labelnoise.neighborhoods.scales import column_moments, dominant_columns


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_standardized_distances_are_those_of_scikit_learn(dtype):
    rng = np.random.default_rng(0)
    train, queries = (rng.normal(5, [0.01, 1, 50, 1e3], (n, 4)).astype(dtype) for n in (300, 40))
    found = ln.neighbors(train, queries, k=7, metric="standardized")
    deviation = train.astype(float).std(axis=0)
    model = NearestNeighbors(n_neighbors=7, algorithm="brute", metric="seuclidean", metric_params={"V": deviation**2})
    distances, indices = model.fit(train.astype(float)).kneighbors(queries.astype(float))
    np.testing.assert_allclose(found.distances, distances, rtol=1e-9 if dtype is np.float64 else 1e-4)
    if dtype is np.float64:
        np.testing.assert_array_equal(found.indices, indices)
    assert found.metric == "standardized"


def test_units_do_not_matter_and_constant_columns_count_for_nothing():
    rng = np.random.default_rng(1)
    features = np.column_stack([rng.normal(size=(200, 3)), np.full(200, 7.0)])
    other_units = features * [1, 1e-3, 1e4, 5] + [0, 3, -2, 1]
    one, other = (ln.neighbors(rows, k=5, metric="standardized") for rows in (features, other_units))
    np.testing.assert_array_equal(one.indices, other.indices)
    np.testing.assert_allclose(one.distances, other.distances)


def test_blocks_give_the_same_bits(tmp_path):
    features = np.random.default_rng(2).normal(size=(250, 5)) * [1, 10, 100, 1e3, 1e4]
    whole = ln.neighbors(features, k=5, metric="standardized")
    blocks = ln.neighbors(features, k=5, metric="standardized", store=tmp_path, block_size=100)
    np.testing.assert_array_equal(whole.indices, blocks.indices)
    np.testing.assert_array_equal(whole.distances, blocks.distances)


def test_moments_of_many_rows_are_those_of_numpy():
    rows = np.random.default_rng(3).integers(0, 256, (25_000, 3)).astype(np.uint8)
    mean, deviation = column_moments(rows)
    np.testing.assert_allclose(mean, rows.mean(axis=0))
    np.testing.assert_allclose(deviation, rows.std(axis=0))


@pytest.mark.parametrize(
    ("load", "columns"), [(load_wine, [12]), (load_breast_cancer, [23, 3]), (load_iris, None), (load_digits, None)]
)
def test_dominant_columns_are_found_in_tables_of_different_units(load, columns):
    found = dominant_columns(load().data)
    assert (found if found is None else found[0].tolist()) == columns


def test_features_that_are_not_finite_are_refused():
    features = np.ones((30, 2))
    features[17, 1] = np.inf
    with pytest.raises(ValueError, match="`features` must be finite; row 17 holds NaN or infinity"):
        ln.neighbors(features, k=3, metric="standardized")
