"""Noise models as they are named on a command line: uniform, flip, or a corruption matrix in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from labelnoise.data.files import read_features, split_column
from labelnoise.noise import FlipNoise, MatrixNoise, NoiseModel, UniformNoise


def read_noise(text: str, mapping: list[int] | None = None) -> NoiseModel:
    """Return the noise model that a text names.

    Parameters
    ----------
    text : str
        ``"uniform"``, ``"flip"``, or the path of a file that holds a corruption matrix.
    mapping : list of int, optional
        For flip noise: the class that each class becomes. By default it is the next one.

    Returns
    -------
    NoiseModel

    Raises
    ------
    ValueError
        The text is neither a name nor the path of a file, or there is a mapping for noise other than flip.

    Examples
    --------
    >>> read_noise("flip", [1, 0])
    FlipNoise(mapping=(1, 0))
    """
    if mapping is not None and text != "flip":
        raise ValueError(f"a mapping goes with flip noise; got {text}.")
    if text == "uniform":
        return UniformNoise()
    if text == "flip":
        return FlipNoise(mapping)
    if not Path(text).suffix:
        raise ValueError(f"noise must be uniform, flip or a file that holds a corruption matrix; got {text!r}.")
    return MatrixNoise(read_matrix(text))


def read_matrix(file: str) -> NDArray[Any]:
    """Return the matrix in a file; ``FILE:NAME`` names an array in it."""
    path, columns = split_column(file)
    return read_features(path, columns=columns)
