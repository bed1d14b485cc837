r"""Multinomial logistic regression through label noise: the class probabilities that explain the noisy labels.

With a known transition matrix T, the given label z of a sample x has the probability

.. math:: P(z \mid x) = \sum_y p(y \mid x)\, T_{yz}, \qquad p(y \mid x) = \mathrm{softmax}(W^\top x)_y,

so W is fitted by maximizing the likelihood of the *given* labels ("forward correction", Patrini et al., CVPR 2017). The
fit then predicts true classes, not noisy ones. With T = I it is ordinary logistic regression.

Every sample is predicted by a fit that has not seen it (cross-fitting). Folds keep copies of a sample together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Features, Floats, Integers
from labelnoise.threads import for_each_block

Scores = TypeVar("Scores", NDArray[np.float32], NDArray[np.float64])

_FLOOR = 1e-30
_BLOCK = 50_000  # samples at a time, where copies of all would take memory
_TOLERANCE = 1e-5  # of the mean log-likelihood, by which a step must raise it: smaller ones do not help held-out labels
_CURVATURE = 0.25  # of the softmax's log-likelihood, at most, for each class score


@dataclass(frozen=True, eq=False)
class Design:
    """Standardized features with an intercept, in coordinates in which the likelihood is about equally curved.

    Attributes
    ----------
    rows : (n, d + 1) float32 array
        X C, where X are standardized features with a column of ones.
    basis : (d + 1, d + 1) array
        C, the inverse root of the curvature. The weights are W = C V, and the solver works on V.
    penalty : (d + 1,) array
        Ridge penalty per sample of each row of W; about 0 for the intercept.
    """

    rows: NDArray[np.float32]
    basis: Floats
    penalty: Floats


def design(features: Features, ridge: float, n_fitted: int | None = None) -> Design:
    """Standardize features and find the coordinates for the solver.

    Parameters
    ----------
    features : (n, d) array
        Features.
    ridge : float
        Weight of the penalty ridge/2 |W|^2 beside the sum of the log-likelihoods, as 1/C in scikit-learn.
    n_fitted : int, optional
        Number of samples in that sum, by default n: fewer where the weights are fitted to a part of the samples.
    """
    from scipy.linalg import cholesky, solve_triangular

    n = len(features)
    spread = features.std(axis=0, dtype=np.float64)
    rows = np.ones((n, features.shape[1] + 1), np.float32)
    center, scale = features.mean(axis=0, dtype=np.float64), np.where(spread > 1e-8, spread, 1.0)
    for start in range(0, n, _BLOCK):
        rows[start : start + _BLOCK, :-1] = (features[start : start + _BLOCK] - center) / scale
    penalty = np.full(rows.shape[1], ridge / (n if n_fitted is None else n_fitted))
    penalty[-1] = 1e-9
    curvature = _CURVATURE * (rows.T @ rows).astype(np.float64) / n + np.diag(penalty + 1e-6)
    basis = solve_triangular(cholesky(curvature), np.eye(rows.shape[1]))
    for start in range(0, n, _BLOCK):
        rows[start : start + _BLOCK] = rows[start : start + _BLOCK] @ basis.astype(np.float32)
    return Design(rows, basis, penalty)


def softmax(scores: Scores) -> Scores:
    """Turn rows of scores into probabilities, in place."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def fit(where: Design, rows: Integers, codes: Codes, transition: Floats, start: Floats, iterations: int) -> Floats:
    """Return the weights V, (d + 1, L), that maximize the penalized likelihood of some samples' labels through T.

    Parameters
    ----------
    where : Design
        Coordinates and penalty.
    rows : (m,) int array
        The samples to fit.
    codes : (n,) int array
        Given labels of all samples.
    transition : (L, L) array
        Transition matrix T.
    start : (d + 1, L) array
        Weights to start from.
    iterations : int
        At most so many steps of L-BFGS.
    """
    from scipy.optimize import minimize

    n_classes = len(transition)
    order = rows[np.argsort(codes[rows], kind="stable")]
    bounds = np.searchsorted(codes[order], np.arange(n_classes + 1))
    x, t, share = where.rows[order], transition.astype(np.float32), len(order)

    def loss(flat: Floats) -> tuple[float, Floats]:
        v = flat.reshape(-1, n_classes)
        p = softmax(x @ v.astype(np.float32))
        total = 0.0
        for code in range(n_classes):
            block = p[bounds[code] : bounds[code + 1]]
            joint = block * t[:, code]
            marginal = joint.sum(axis=1, keepdims=True) + np.float32(_FLOOR)
            total -= float(np.log(marginal).sum(dtype=np.float64))
            block -= joint / marginal  # the gradient of -log P(z | x) by the scores
        w = where.basis @ v
        gradient = (x.T @ p).astype(np.float64) / share + where.basis.T @ (where.penalty[:, None] * w)
        return total / share + 0.5 * float((where.penalty[:, None] * w**2).sum()), gradient.ravel()

    found = minimize(
        loss,
        start.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 15, "ftol": _TOLERANCE},
    )
    return found.x.reshape(-1, n_classes)


class CrossFit:
    """Fits of all folds, each of which starts where it stopped when T changes.

    Parameters
    ----------
    where : Design
        Features of all n samples.
    codes : (n,) int array
        Given labels.
    n_classes : int
        Number of classes, L.
    folds : sequence of int arrays
        The samples of each fold; together they are all samples.
    used : int array
        The samples to fit to: one of each group of copies.
    most_rows : int
        A fold is fitted to at most so many of the other folds' samples.
    rng : Generator
        Chooses these, where there are more.
    resampled : bool, default False
        Whether a fold is fitted to a bootstrap sample of the other folds, drawn with replacement.
    """

    def __init__(
        self,
        where: Design,
        codes: Codes,
        n_classes: int,
        folds: Sequence[Integers],
        used: Integers,
        most_rows: int,
        rng: np.random.Generator,
        *,
        resampled: bool = False,
    ) -> None:
        self.design, self.codes, self.n_classes, self.folds = where, codes, n_classes, folds
        self._weights = [np.zeros((where.rows.shape[1], n_classes)) for _ in folds]
        self._others = []
        for fold in folds:
            others = np.setdiff1d(used, fold, assume_unique=True)
            if resampled or len(others) > most_rows:
                others = rng.choice(others, min(len(others), most_rows), replace=resampled)
            self._others.append(others)

    def scores(self, transition: Floats, iterations: int) -> NDArray[np.float32]:
        """Return the held-out scores of the true classes, (n, L), under a transition matrix."""
        found = np.empty((len(self.codes), len(transition)), np.float32)

        def work(number: int, _: int) -> None:
            fold, others = self.folds[number], self._others[number]
            weights = fit(self.design, others, self.codes, transition, self._weights[number], iterations)
            self._weights[number] = weights
            found[fold] = self.design.rows[fold] @ weights.astype(np.float32)

        for_each_block(work, len(self.folds), 1, "fitting folds")
        return found


def make_folds(codes: Codes, copies: Integers, n_folds: int, rng: np.random.Generator) -> list[Integers]:
    """Split the samples into folds with about equal shares of each class; copies go into one fold."""
    _, first, group = np.unique(copies, return_index=True, return_inverse=True)
    shuffled = rng.permutation(len(first))
    by_class = shuffled[np.argsort(codes[first][shuffled], kind="stable")]
    fold_of_group = np.empty(len(first), np.int64)
    fold_of_group[by_class] = np.arange(len(first)) % n_folds
    fold = fold_of_group[group]
    return [np.flatnonzero(fold == number) for number in range(n_folds)]
