"""Noise models by their names on a command line."""

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize(
    ("text", "csv"),
    [
        ("0.9,0.1\n0.4,0.6\n", {}),
        ("0.9,0.1\n0.4,0.6\n", {"header": "no"}),
        ("0;1\n0,9;0,1\n0,4;0,6\n", {"decimal": "comma"}),
        ("0,9;0,1\n0,4;0,6\n", {"sep": "semicolon", "decimal": "comma"}),
        ("% rows are true classes\n0.9,0.1\n0.4,0.6\n", {"comment": "%"}),
    ],
)
def test_a_text_matrix_is_read_with_the_options_and_needs_no_names(tmp_path, text, csv):
    (tmp_path / "matrix.csv").write_text(text)
    assert read_noise(f"{tmp_path}/matrix.csv", csv=csv) == ln.MatrixNoise([[0.9, 0.1], [0.4, 0.6]])


def test_numbers_in_the_first_line_of_a_matrix_that_may_be_names_are_asked_about(tmp_path):
    (tmp_path / "matrix.csv").write_text("1,0\n0.9,0.1\n0.4,0.6\n")
    with pytest.raises(ValueError, match=r"Give header=no .* or header=yes"):
        read_noise(f"{tmp_path}/matrix.csv")
    named = read_noise(f"{tmp_path}/matrix.csv", csv={"header": "yes"})
    assert named.names == (1, 0)


def test_names_of_rows_and_columns_as_pandas_writes_them_are_no_part_of_the_matrix(tmp_path):
    matrix = np.array([[0.9, 0.1], [0.4, 0.6]])
    pd.DataFrame(matrix).to_csv(tmp_path / "matrix.csv")
    assert read_noise(f"{tmp_path}/matrix.csv") == ln.MatrixNoise(matrix)


def test_a_mapping_is_for_flip_noise_only():
    with pytest.raises(ValueError, match="a mapping goes with flip noise; got uniform"):
        read_noise("uniform", [1, 0])


def test_an_unknown_name():
    with pytest.raises(ValueError, match="must be uniform, flip or a file that holds a corruption matrix; got 'gauss'"):
        read_noise("gauss")
