r"""The probability of each true class, from two views: the classifier's, and that of the neighbors' labels.

The first view of sample i is :math:`p_i(y)`, what a classifier that never saw its label says. It knows nothing of the
labels around i. The second is :math:`q_i(y)`, the true classes among its K nearest other samples, which solves
:math:`s_i(z) = \sum_y q_i(y) T_{yz}` for the shares :math:`s_i` of their given labels. Both are made without the given
label :math:`z_i`. They are pooled, and the weights are fitted to the given labels through T (maximum likelihood),

.. math:: \pi_i(y) \propto p_i(y)^a \, (q_i(y) + 1/K)^b \, e^{c_y}, \qquad
    \max_{a, b, c} \sum_i \log \sum_y \pi_i(y) T_{y z_i}, \qquad w_i(y) \propto \pi_i(y) T_{y z_i}

so that no true label is needed. This holds where the given label depends on the true class alone (spread noise). Where
wrong labels are concentrated, neighbors repeat them, and the second view confirms what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.diagnosis.estimation.level import MANY_CLASSES, drawn_towards
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.threads import for_each_block

_FIT_CELLS = 400_000
"""Probabilities (samples times classes) that the weights are fitted to; more samples change them in the third digit."""
_BLOCK_CELLS = 1_000_000
_STEPS = 30
_RIDGE, _RIDGE_OF_MANY = 1e-4, 4.0
"""Weights of the squared distance from the classifier alone: beside the mean log-likelihood, and from `MANY_CLASSES` on
beside their sum. Many weights would otherwise fit chance where both views are nearly certain."""
_TINY = 1e-9
_RARE = 1e-3
"""Least share of any confusion before labels are checked, so that one that was never seen is not impossible."""
_PSEUDO_COUNTS = np.geomspace(0.5, 1000, 23).tolist()


def combine_views(
    data: LabeledSamples, transition_matrix: Floats, class_probability: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return Pr(true = y | features, neighbors' labels, given label), by the formula above.

    Parameters
    ----------
    data : LabeledSamples
        With neighbors; its k nearest are the second view.
    transition_matrix : (L, L) array
        T[y, z] = Pr(given z | true y), rows sum to 1.
    class_probability : (n, L) array
        p(y | x) of the true class, made without the sample's own given label.

    Returns
    -------
    (n, L) float32 array
        Rows sum to 1.

    Raises
    ------
    ValueError
        `data` has no neighbors.

    Examples
    --------
    Whatever the classifier says, neighbors that all have one label speak for it:

    >>> from labelnoise.diagnosis.inputs import LabeledSamples
    >>> from labelnoise.neighborhoods.nearest import neighbors
    >>> codes = np.repeat([0, 1], 50)
    >>> codes[0] = 1
    >>> position = codes * 0.0 + np.repeat([0.0, 9.0], 50) + np.linspace(0, 1, 100)
    >>> even = np.full((100, 2), 0.5, dtype=np.float32)
    >>> data = LabeledSamples(
    ...     codes, np.arange(2), np.arange(100), 100, None, even, False, neighbors(position[:, None], k=5), 5,
    ...     np.arange(100),
    ... )
    >>> combine_views(data, np.array([[0.9, 0.1], [0.1, 0.9]]), even)[0].argmax()
    np.int64(0)
    """
    indices, codes, n = data.nearest, data.codes, len(data.codes)
    matrix = np.maximum(transition_matrix, _TINY)
    step = max(n * data.n_classes // _FIT_CELLS, 1)
    chosen = np.arange(0, n, step)
    weights = _fit(_views(codes, indices[chosen], matrix, class_probability[chosen]), matrix[:, codes[chosen]].T)
    posterior = np.empty((n, data.n_classes), np.float32)

    def work(start: int, stop: int) -> None:
        rows = slice(start, stop)
        pooled = _pool(_views(codes, indices[rows], matrix, class_probability[rows]), weights)
        pooled *= matrix[:, codes[rows]].T
        posterior[rows] = pooled / pooled.sum(axis=1, keepdims=True)

    for_each_block(work, n, max(_BLOCK_CELLS // data.n_classes, 1), "combining views")
    return posterior


def deconvolve(given_probability: NDArray[Any], transition_matrix: Floats) -> NDArray[Any]:
    """Return p(y | x) in P(z | x) = sum_y p(y | x) T[y, z], by 30 steps of expectation maximization from even shares.

    Parameters
    ----------
    given_probability : (rows, L) array
        Distributions of the given label.
    transition_matrix : (L, L) array
        T[y, z] = Pr(given z | true y), rows sum to 1.

    Examples
    --------
    >>> matrix = np.array([[0.8, 0.2], [0.2, 0.8]])
    >>> deconvolve(np.array([[0.5, 0.5], [0.74, 0.26]]), matrix).round(2).tolist()
    [[0.5, 0.5], [0.9, 0.1]]
    """
    matrix = np.maximum(transition_matrix, _TINY).astype(given_probability.dtype)
    n, n_classes = given_probability.shape
    found = np.empty_like(given_probability)

    def work(start: int, stop: int) -> None:
        given = given_probability[start:stop]
        shares = np.full(given.shape, 1 / n_classes, given.dtype)
        for _ in range(_STEPS):  # Each row keeps its sum.
            shares *= (given / (shares @ matrix)) @ matrix.T
        found[start:stop] = shares

    for_each_block(work, n, max(_BLOCK_CELLS // n_classes, 1), "solving for true classes")
    return found


def deconvolve_votes(codes: Codes, indices: NDArray[np.integer], transition_matrix: Floats) -> Floats:
    """Return what `deconvolve` returns for the shares of the given labels among each sample's neighbors, (rows, L).

    Only the few labels that occur among the neighbors take part, so many classes take little longer than few.

    Parameters
    ----------
    codes : (n,) int array
        Given labels.
    indices : (rows, K) int array
        Neighbors of some samples.
    transition_matrix : (L, L) array
        T[y, z] = Pr(given z | true y), rows sum to 1.
    """
    columns = np.ascontiguousarray(np.maximum(transition_matrix, _TINY).T)
    found = np.empty((len(indices), len(columns)))
    _solve_votes(codes, indices, columns, found)
    return found


@compiled(error_model="numpy", fastmath={"reassoc", "contract"})
def _solve_votes(codes, indices, columns, found):
    k, n_classes = indices.shape[1], len(columns)
    counts = np.zeros(n_classes, np.int64)
    labels = np.empty(k, np.int64)
    factors = np.empty(n_classes)
    for row in range(len(indices)):
        n_labels = 0
        for rank in range(k):
            code = codes[indices[row, rank]]
            if counts[code] == 0:
                labels[n_labels] = code
                n_labels += 1
            counts[code] += 1
        shares = found[row]
        shares[:] = 1 / n_classes
        for _ in range(_STEPS):
            factors[:] = 0.0
            for place in range(n_labels):
                column = columns[labels[place]]
                total = 0.0
                for code in range(n_classes):
                    total += shares[code] * column[code]
                weight = counts[labels[place]] / k / total
                for code in range(n_classes):
                    factors[code] += weight * column[code]
            for code in range(n_classes):
                shares[code] *= factors[code]
        for place in range(n_labels):
            counts[labels[place]] = 0


def audited_transition(
    transition_matrix: Floats, true_codes: Codes, given_codes: Codes, weights: Floats | None = None
) -> Floats:
    r"""Return T after some labels were checked: an estimate from noisy labels, drawn towards what was counted.

    .. math:: T'_{yz} = \frac{C_{yz} + m T_{yz}}{C_{y} + m}

    with :math:`C_{yz}` the checked labels z whose true class is y. The pseudo-count m is the one under which these
    counts are the most probable (Dirichlet-multinomial): large where T agrees with them, and small where it does not,
    as where concentrated noise has misled it.

    Parameters
    ----------
    transition_matrix : (L, L) array
        T[y, z] from noisy labels alone, rows sum to 1.
    true_codes, given_codes : (m,) int arrays
        True and given classes of the checked samples.
    weights : (m,) array, optional
        Inverse drawing probabilities, up to a factor; by default all were drawn alike.

    Returns
    -------
    (L, L) array
        Rows sum to 1.
    """
    n_checked = len(true_codes)
    if not n_checked:
        return transition_matrix
    weights = np.ones(n_checked) if weights is None else np.asarray(weights)
    counts = np.zeros(transition_matrix.shape)
    np.add.at(counts, (true_codes, given_codes), weights * n_checked / weights.sum())
    before = np.maximum(transition_matrix, _RARE)
    return drawn_towards(before / before.sum(axis=1, keepdims=True), counts, _PSEUDO_COUNTS)


def audited_posterior(
    data: LabeledSamples,
    transition_matrix: Floats,
    class_probability: NDArray[np.floating],
    positions: Integers,
    true_codes: Codes,
    weights: Floats | None = None,
    *,
    checked: bool = True,
) -> NDArray[np.float32]:
    """Return the posterior after some labels were checked: of `combine_views`, with T of `audited_transition`.

    Parameters
    ----------
    data, transition_matrix, class_probability
        As in `combine_views`, from noisy labels alone. p(y | x) is solved again for the new T.
    positions, true_codes : (m,) int arrays
        The checked samples and their true classes, which become certain.
    weights : (m,) array, optional
        Inverse drawing probabilities, up to a factor; by default all were drawn alike.
    checked : bool, default True
        Whether the checked samples are certain; otherwise they are judged as all others.

    Returns
    -------
    (n, L) float32 array
        Rows sum to 1.
    """
    if not len(positions):
        return combine_views(data, transition_matrix, class_probability)
    matrix = audited_transition(transition_matrix, true_codes, data.codes[positions], weights)
    given = class_probability @ transition_matrix.astype(class_probability.dtype)
    posterior = combine_views(data, matrix, deconvolve(given, matrix))
    if checked:
        posterior[positions] = np.eye(data.n_classes)[true_codes]
    return posterior


def _views(
    codes: Codes, indices: NDArray[np.integer], matrix: Floats, class_probability: NDArray[np.floating]
) -> Floats:
    """Return the logarithms of both views, (2, rows, L)."""
    second = deconvolve_votes(codes, indices, matrix) + 1 / indices.shape[1]
    return np.log(np.stack([np.maximum(class_probability, 1e-6), second]))


def _pool(views: Floats, weights: Floats) -> Floats:
    """Return pi, (rows, L), for weights (a, b, c_1, ..., c_L)."""
    logits: Floats = weights[0] * views[0] + weights[1] * views[1] + weights[2:]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return logits / logits.sum(axis=1, keepdims=True)


def _fit(views: Floats, likelihood: Floats) -> Floats:
    """Return the weights of maximum likelihood, with a ridge towards the classifier alone, (1, 0, 0, ...)."""
    from scipy.optimize import minimize

    n, n_classes = likelihood.shape
    start = np.concatenate([[1.0], np.zeros(1 + n_classes)])
    ridge = _RIDGE if n_classes < MANY_CLASSES else _RIDGE_OF_MANY / n

    def loss(weights: Floats) -> tuple[float, Floats]:
        pooled = _pool(views, weights)
        joint = pooled * likelihood
        evidence = joint.sum(axis=1, keepdims=True)
        moved = joint / evidence - pooled
        slope = np.concatenate([np.einsum("vnl,nl->v", views, moved), moved.sum(axis=0)]) / n
        away = weights - start
        return float(-np.log(evidence).mean() + ridge * away @ away), 2 * ridge * away - slope

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 60}).x)
