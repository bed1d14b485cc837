"""Exchange of noise matrices with cleanlab, whose package is not needed; `label_issues` exchanges tables.

cleanlab writes the given label s first and the true label y second, and lets columns sum to 1 where this package lets
rows sum to 1:

    noise_matrix[s, y] = Pr(given s | true y) = T[y, s]                     columns sum to 1
    inverse_noise_matrix[y, s] = Pr(true y | given s) = py[y] T[y, s] / ps[s]    columns sum to 1
    joint[s, y] = Pr(given s, true y) = py[y] T[y, s]                       all entries sum to 1
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.validation import SUM_TOLERANCE, check_distributions, check_numeric, check_row_stochastic


@dataclass(frozen=True, eq=False)
class CleanlabMatrices:
    """A transition matrix and class priors under the names and in the layout of cleanlab.

    Attributes
    ----------
    noise_matrix : (L, L) array
        Pr(given s | true y) at [s, y]; columns sum to 1.
    inverse_noise_matrix : (L, L) array
        Pr(true y | given s) at [y, s]; columns sum to 1.
    joint : (L, L) array
        Pr(given s, true y) at [s, y]; all entries sum to 1. Times the number of samples, it is a confident joint.
    py, ps : (L,) array
        Distributions of the true and of the given labels.
    """

    noise_matrix: Floats
    inverse_noise_matrix: Floats
    joint: Floats
    py: Floats
    ps: Floats


def to_cleanlab(transition_matrix: Any, class_priors: Any) -> CleanlabMatrices:
    """Return a transition matrix and class priors as cleanlab's matrices.

    Parameters
    ----------
    transition_matrix : (L, L) array
        Row-stochastic matrix T[y, z] = Pr(given z | true y).
    class_priors : (L,) array
        Distribution of the true classes.

    Returns
    -------
    CleanlabMatrices
        A class that is never given has itself as its true class in `inverse_noise_matrix`.

    Raises
    ------
    ValueError
        Rows of the matrix or the priors do not sum to 1, or their lengths differ.

    Examples
    --------
    >>> to_cleanlab([[0.8, 0.2], [0.1, 0.9]], [0.5, 0.5]).joint
    array([[0.4 , 0.05],
           [0.1 , 0.45]])
    """
    transition = check_row_stochastic(transition_matrix, "transition_matrix")
    py = _check_priors(class_priors, "class_priors", len(transition))
    joint = (py[:, None] * transition).T
    ps = joint.sum(axis=1)
    return CleanlabMatrices(transition.T.copy(), _conditional(joint.T, ps), joint, py, ps)


def from_cleanlab(
    *, noise_matrix: Any = None, py: Any = None, inverse_noise_matrix: Any = None, ps: Any = None, joint: Any = None
) -> tuple[Floats, Floats]:
    """Return the transition matrix and the class priors that cleanlab's matrices stand for.

    Parameters
    ----------
    noise_matrix : (L, L) array, optional
        Pr(given s | true y) at [s, y], as ``cleanlab.count.estimate_latent`` returns it; with `py`.
    py : (L,) array, optional
        Distribution of the true labels.
    inverse_noise_matrix : (L, L) array, optional
        Pr(true y | given s) at [y, s]; with `ps`.
    ps : (L,) array, optional
        Distribution of the given labels.
    joint : (L, L) array, optional
        Pr(given s, true y) at [s, y], or a confident joint, which holds counts.

    Returns
    -------
    transition_matrix : (L, L) array
        Row-stochastic matrix T[y, z] = Pr(given z | true y), as `MatrixNoise` takes it. A class of probability 0 keeps
        its label.
    class_priors : (L,) array
        Distribution of the true classes.

    Raises
    ------
    TypeError
        Not exactly one matrix is given, or not the distribution that belongs to it.
    ValueError
        A matrix or distribution has negative entries or other sums.

    Examples
    --------
    >>> transition, priors = from_cleanlab(noise_matrix=[[0.8, 0.1], [0.2, 0.9]], py=[0.5, 0.5])
    >>> transition
    array([[0.8, 0.2],
           [0.1, 0.9]])
    """
    given = {"noise_matrix": noise_matrix, "inverse_noise_matrix": inverse_noise_matrix, "joint": joint}
    named = [name for name, value in given.items() if value is not None]
    with_it = {"noise_matrix": ["py"], "inverse_noise_matrix": ["ps"], "joint": []}
    distributions = [name for name, value in (("py", py), ("ps", ps)) if value is not None]
    if len(named) != 1 or distributions != with_it[named[0]]:
        raise TypeError(
            "give `noise_matrix` with `py`, `inverse_noise_matrix` with `ps`, or `joint` alone; got "
            f"{', '.join(f'`{name}`' for name in named + distributions) or 'none of them'}."
        )
    if noise_matrix is not None:
        matrix = _check_columns(noise_matrix, "noise_matrix")
        return matrix.T.copy(), _check_priors(py, "py", len(matrix))
    if inverse_noise_matrix is not None:
        inverse = _check_columns(inverse_noise_matrix, "inverse_noise_matrix")
        together = inverse * _check_priors(ps, "ps", len(inverse))
    else:
        together = _check_square(joint, "joint").T
        if together.sum() == 0:
            raise ValueError("`joint` must hold probabilities or counts; all its entries are 0.")
        together = together / together.sum()
    priors = together.sum(axis=1)
    return _conditional(together.T, priors).T, priors


def _conditional(joint: Floats, totals: Floats) -> Floats:
    """Return joint[i, j] / totals[j], whose columns sum to 1; a column whose total is 0 becomes a unit vector."""
    empty = totals == 0
    return np.where(empty, np.eye(len(totals)), joint / np.where(empty, 1.0, totals))


def _check_priors(values: Any, name: str, n_classes: int) -> Floats:
    priors = check_distributions(values, name)
    if priors.shape != (n_classes,):
        raise ValueError(f"`{name}` must hold one probability per class, {n_classes}; got shape {priors.shape}.")
    return priors


def _check_square(values: Any, name: str) -> Floats:
    matrix = check_numeric(values, name).astype(np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.size == 0:
        raise ValueError(f"`{name}` must be a square matrix, a row and a column per class; got shape {matrix.shape}.")
    good = np.isfinite(matrix) & (matrix >= 0)
    if not good.all():
        raise ValueError(f"`{name}` must hold finite numbers, none negative; it holds {matrix[~good][0]:g}.")
    return matrix


def _check_columns(values: Any, name: str) -> Floats:
    """Return a matrix whose columns sum to 1, up to rounding, which is removed."""
    matrix = _check_square(values, name)
    rows, columns = (np.abs(matrix.sum(axis=axis) - 1) <= SUM_TOLERANCE for axis in (1, 0))
    if rows.all() and not columns.all():
        raise ValueError(
            f"`{name}` columns must sum to 1, as in cleanlab; column {int(np.argmin(columns))} sums to "
            f"{matrix.sum(axis=0)[np.argmin(columns)]:.6g}, and it is the rows that sum to 1. Pass its transpose."
        )
    return check_distributions(matrix.T, f"{name}.T").T
