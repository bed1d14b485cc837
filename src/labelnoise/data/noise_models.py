"""Noise models as they are named on a command line: uniform, flip, or a corruption matrix in a file."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.files import read_features, split_column
from labelnoise.data.formats import Arrays, open_file
from labelnoise.data.tables import Table
from labelnoise.data.text import CsvOptions, path_suffix
from labelnoise.noise import FlipNoise, MatrixNoise, NoiseModel, UniformNoise


def read_noise(
    text: str, mapping: list[int] | dict[str, str] | None = None, *, csv: Mapping[str, Any] | None = None
) -> NoiseModel:
    """Return the noise model that a text names.

    Parameters
    ----------
    text : str
        ``"uniform"``, ``"flip"``, or the path of a file that holds a corruption matrix.
    mapping : list of int or dict, optional
        For flip noise: the class that each class becomes, as in `FlipNoise`. By default it is the next one.
    csv : mapping, optional
        How a text table is written, as in `read_labels`.

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
    return MatrixNoise(_named_matrix(text, csv))


def read_matrix(file: str) -> NDArray[Any]:
    """Return the matrix in a file; ``FILE:NAME`` names an array in it."""
    return np.asarray(_named_matrix(file))


def _named_matrix(file: str, csv: Mapping[str, Any] | None = None) -> Any:
    """Return the matrix in a file, as a data frame if its columns are named after classes.

    Rows are named by a column of text, or by the column without a name that pandas writes; else they are in the order
    of the columns.
    """
    import pandas as pd

    path, columns = split_column(file)
    table = _open(path, CsvOptions.of(csv))
    if columns is not None or not isinstance(table, Table) or table.lists:
        return read_features(path, columns=columns, csv=csv)
    numeric = [name for name in table.names if not table.no_number(name) and name not in table.index]
    text = [name for name in table.names if name not in numeric]
    if not numeric or len(text) > 1:
        return read_features(path, csv=csv)
    rows = table.classes(text[0]) if text else table.row_names()
    matrix = table.numbers(numeric)
    if rows is None and numeric == [str(code) for code in range(len(numeric))]:
        return matrix
    names = np.array(numeric)
    if all(name.lstrip("-").isdigit() for name in numeric):
        names = names.astype(np.int64)
    if rows is not None and names.dtype.kind == "i" and names.tolist() == rows.tolist() == list(range(len(names))):
        return matrix
    return pd.DataFrame(matrix, index=names if rows is None else rows, columns=names)


def _open(path: Path, options: CsvOptions) -> Arrays | Table:
    """Open a file; a text table that is a square of numbers if its first line is a row has no names."""
    if options.header is None and path_suffix(path) in (".csv", ".tsv"):
        table = open_file(path, replace(options, header=False))
        with contextlib.suppress(ValueError):  # Some entry is no number.
            if isinstance(table, Table) and _is_square(table.numbers(table.names)):
                return table
    return open_file(path, options)


def _is_square(matrix: NDArray[Any]) -> bool:
    return len(matrix) == matrix.shape[1] and bool(np.isfinite(matrix).all())
