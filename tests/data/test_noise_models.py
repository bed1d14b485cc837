"""Noise models by their names on a command line."""

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.data import read_noise


def test_names():
    assert read_noise("uniform") == ln.UniformNoise()
    assert read_noise("flip") == ln.FlipNoise()
    assert read_noise("flip", [1, 0]) == ln.FlipNoise([1, 0])


def test_a_matrix_in_a_file(tmp_path):
    matrix = np.array([[0.9, 0.1], [0.4, 0.6]])
    np.savez(tmp_path / "two.npz", given=matrix, other=np.eye(2))
    assert read_noise(f"{tmp_path}/two.npz:given") == ln.MatrixNoise(matrix)


def test_a_mapping_is_for_flip_noise_only():
    with pytest.raises(ValueError, match="a mapping goes with flip noise; got uniform"):
        read_noise("uniform", [1, 0])


def test_an_unknown_name():
    with pytest.raises(ValueError, match="must be uniform, flip or a file that holds a corruption matrix; got 'gauss'"):
        read_noise("gauss")
