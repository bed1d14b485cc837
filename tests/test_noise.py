"""Noise models: the contract that each of them must pass, and the properties of single models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.noise import NoiseModel, check_class_count, observed_distribution

ASYMMETRIC = [[0.5, 0.3, 0.2], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5]]
MODELS = [
    pytest.param(ln.UniformNoise(), 3, id="uniform"),
    pytest.param(ln.UniformNoise(), 1, id="uniform, one class"),
    pytest.param(ln.FlipNoise(), 4, id="flip"),
    pytest.param(ln.FlipNoise([2, 0, 1]), 3, id="flip, mapping"),
    pytest.param(ln.FlipNoise.opposite(5), 5, id="flip, opposite"),
    pytest.param(ln.MatrixNoise(ASYMMETRIC), 3, id="matrix"),
    pytest.param(ln.MatrixNoise.random(7, random_state=1), 7, id="random matrix"),
    pytest.param(ln.MatrixNoise.two_alternatives(4), 4, id="two alternatives"),
]


@pytest.mark.parametrize(("noise", "n_classes"), MODELS)
class TestContract:
    def test_is_a_noise_model(self, noise, n_classes):
        assert isinstance(noise, NoiseModel)
        assert noise.n_classes in (None, n_classes)
        assert noise.parameters()["name"] == noise.name

    def test_matrix_rows_are_distributions(self, noise, n_classes):
        matrix = noise.matrix(n_classes)
        assert matrix.shape == (n_classes, n_classes)
        assert (matrix >= 0).all()
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-15 * n_classes)

    def test_mix_is_the_product_with_the_matrix(self, noise, n_classes):
        clean = np.random.default_rng(0).dirichlet(np.ones(n_classes), size=(5, 2))
        before = clean.copy()
        np.testing.assert_allclose(noise.mix(clean), clean @ noise.matrix(n_classes), atol=1e-15)
        np.testing.assert_array_equal(clean, before)

    def test_draws_follow_the_matrix(self, noise, n_classes):
        n = 20_000
        codes = np.repeat(np.arange(n_classes), n)
        drawn = noise.draw(codes, n_classes, np.random.default_rng(3))
        counts = np.histogram2d(codes, drawn, bins=[np.arange(n_classes + 1)] * 2)[0]
        matrix = noise.matrix(n_classes)
        assert (counts[matrix == 0] == 0).all()
        sigma = np.sqrt(matrix * (1 - matrix) * n)
        assert (np.abs(counts - n * matrix) <= 5 * sigma + 1e-9).all()

    def test_one_seed_one_draw(self, noise, n_classes):
        codes = np.random.default_rng(1).integers(n_classes, size=100)
        first, second = (noise.draw(codes, n_classes, np.random.default_rng(7)) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_the_observed_distribution_is_equation_3(self, noise, n_classes):
        clean = np.random.default_rng(2).dirichlet(np.ones(n_classes), size=6)
        for rate in (0.0, 0.3, 1.0):
            transition = (1 - rate) * np.eye(n_classes) + rate * noise.matrix(n_classes)
            np.testing.assert_allclose(observed_distribution(clean, noise, rate), clean @ transition, atol=1e-15)

    def test_repr_is_short(self, noise, n_classes):
        assert len(repr(noise)) < 80


def test_default_flip_noise_draws_the_next_class():
    assert ln.FlipNoise().draw(np.arange(4), 4, np.random.default_rng(0)).tolist() == [1, 2, 3, 0]


def test_matrix_is_read_only_and_independent_of_its_source():
    source = np.eye(2)
    noise = ln.MatrixNoise(source)
    source[0] = [0.0, 1.0]
    np.testing.assert_array_equal(noise.corruption_matrix, np.eye(2))
    with pytest.raises(ValueError, match="read-only"):
        noise.corruption_matrix[0, 0] = 0.5


def test_a_random_matrix_depends_on_seed_and_power():
    assert ln.MatrixNoise.random(4, random_state=5) == ln.MatrixNoise.random(4, random_state=5)
    assert ln.MatrixNoise.random(4, random_state=5) != ln.MatrixNoise.random(4, random_state=6)
    uniform = np.random.default_rng(5).random((4, 4))
    expected = uniform**2 / (uniform**2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ln.MatrixNoise.random(4, power=2, random_state=5).corruption_matrix, expected)


def test_a_matrix_of_cleanlab_is_transposed():
    columns = np.array(ASYMMETRIC).T
    assert ln.MatrixNoise.from_cleanlab(columns) == ln.MatrixNoise(ASYMMETRIC)
    with pytest.raises(ValueError, match=r"columns must sum to 1.*goes to MatrixNoise as it is"):
        ln.MatrixNoise.from_cleanlab(ASYMMETRIC)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[0.5, 0.5]], r"square matrix.*\(1, 2\)"),
        ([0.5, 0.5], "square matrix"),
        ([[0.9, 0.6], [0.1, 0.4]], r"row 0 sums to 1.5.*columns that sum to 1.*transpose"),
        ([[0.9, 0.3], [0.1, 0.4]], r"rows must sum to 1.*row 0 sums to 1.2"),
        ([[1.1, -0.1], [0.0, 1.0]], r"must not be negative; row 0"),
        ([[np.nan, 1.0], [0.0, 1.0]], r"row 0 holds NaN"),
    ],
)
def test_bad_matrices_name_what_is_wrong(matrix, message):
    with pytest.raises(ValueError, match=message):
        ln.MatrixNoise(matrix)


@pytest.mark.parametrize("mapping", [[0, 0, 1], [1, 2, 3], [[0, 1]], [0.0, 1.0]])
def test_a_mapping_must_be_a_permutation(mapping):
    with pytest.raises(ValueError, match=r"`mapping` must be"):
        ln.FlipNoise(mapping)


def test_a_mapping_by_name_moves_the_classes_named():
    noise = ln.FlipNoise({"dog": "cat", "cat": "dog"})
    labels = ["ant", "cat", "dog", "cat"]
    noisy = ln.corrupt(labels, noise, 1.0)
    assert noisy.labels.tolist() == ["ant", "dog", "cat", "dog"]
    assert noisy.noise["mapping"] == [0, 2, 1]
    assert noise.parameters()["mapping"] == {"dog": "cat", "cat": "dog"}
    assert ln.corrupt([1, 2, 3], ln.FlipNoise({"1": "2", "2": "3", "3": "1"}), 1.0).labels.tolist() == [2, 3, 1]
    with pytest.raises(ValueError, match=r"must name classes of the labels, .*'ant', 'cat', 'dog'\]; got 'cow'"):
        ln.corrupt(labels, ln.FlipNoise({"cow": "cat", "cat": "cow"}), 0.5)
    with pytest.raises(ValueError, match="must be a permutation of the classes"):
        ln.FlipNoise({"cat": "dog"})
    with pytest.raises(ValueError, match="call for_classes"):
        noise.matrix(3)


def test_another_number_of_classes_is_an_error():
    with pytest.raises(ValueError, match=r"made for 3 classes, and there are 4"):
        check_class_count(ln.MatrixNoise(ASYMMETRIC), 4)
    with pytest.raises(ValueError, match="at least 3"):
        ln.MatrixNoise.two_alternatives(2)


@settings(max_examples=50, deadline=None)
@given(st.permutations(list(range(6))))
def test_flip_twice_with_the_inverse_changes_nothing(mapping):
    inverse = np.argsort(mapping)
    codes = np.arange(6)
    rng = np.random.default_rng(0)
    there = ln.FlipNoise(mapping).draw(codes, 6, rng)
    np.testing.assert_array_equal(ln.FlipNoise(inverse).draw(there, 6, rng), codes)
