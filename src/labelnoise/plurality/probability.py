"""`plurality_probability`, and its choice between the two engines by their estimated cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.plurality.contour import contour_plurality
from labelnoise.plurality.convolution import MAX_K, convolution_plurality
from labelnoise.threads import for_each_block
from labelnoise.validation import check_distributions, check_ks, check_ties, to_array

_PREFERENCE = 2.0  # cost ratio up to which the convolution is preferred: it keeps the digits of small probabilities
_BLOCK_NS = 3e7  # nanoseconds of work per task: long compared with starting a task, short compared with all the work


def plurality_probability(q: Any, k: int | Sequence[int], label: Any = None, *, ties: str = "random") -> Floats:
    r"""Return the probability that a class gets the most of k independent draws from a label distribution.

    .. math:: Q = \sum_{n_1 + ... + n_L = k, \; n_y > n_j \forall j \ne y} \frac{k!}{n_1! ... n_L!} \prod_j q_j^{n_j}

    (Eq. 2) for ``ties="strict"``; the other tie rules add outcomes where y ties for the most votes.

    Parameters
    ----------
    q : array_like of shape (..., L)
        Distribution of one observed label; every row sums to 1. Deviations up to 1e-4 are normalized away.
    k : int or sequence of int
        Number of draws (neighbors), each at least 1, in any order, duplicates allowed.
    label : array_like of int, optional
        The class y in 0..L-1 whose win is asked for, broadcast to q's leading shape. None asks for every class.
    ties : {"random", "strict", "lowest"}
        What a tie for the most votes counts: "random" 1/t among t tied classes, "strict" nothing (Eq. 2), "lowest" a
        win of the lowest class index (scikit-learn's vote).

    Returns
    -------
    ndarray of shape (..., len(k)), or (..., L, len(k)) for ``label=None``; a scalar k drops the last axis
        Probabilities in [0, 1], absolute error at most 1e-12 for k and L up to 10,000. Where k is below about 80, the
        relative error is at most 1e-9 too, for probabilities above 1e-200.

    Raises
    ------
    ValueError
        Rows of `q` that are not distributions, k below 1, a label outside 0..L-1 or of the wrong shape, an unknown
        tie rule.
    TypeError
        `k` or `label` that are not integers.

    Notes
    -----
    Counts of a multinomial are independent Poisson variables given their sum (Levin, 1981). With X_j ~ Poisson(theta
    q_j) for any theta > 0, and a for the votes of y,

        Q = sum over a of Pr(X_y = a) Pr(sum of the others = k - a, each at most a - 1) / Pr(Poisson(theta) = k),

    where theta cancels and nothing is approximated. The probability in the middle is a coefficient of a product of
    polynomials, one per competitor, each a truncated Poisson series. Either the product is multiplied out, for all k at
    once (every term is positive, so nothing cancels), or its one coefficient is read off as a mean over points of a
    circle, with an error bound that depends on k alone. More than k/2 votes always win, so the terms with a > k/2 are a
    binomial tail. A tie adds the term of degree a to each competitor's polynomial, times a weight z: 0 for "strict",
    and 0 or 1 by class index for "lowest". For "random" the integral of z^m over [0, 1] is 1/(m + 1), the chance of y
    among m others.

    Source: A. Drory, O. Ratzon, S. Avidan, R. Giryes, arXiv:1803.11410, Eq. 2; B. Levin, "A representation for
    multinomial cumulative distribution functions", Annals of Statistics 9 (1981).

    Examples
    --------
    >>> from labelnoise.plurality.probability import plurality_probability
    >>> plurality_probability([0.5, 0.3, 0.2], k=[1, 3], label=0, ties="strict").round(12)
    array([0.5, 0.5])
    >>> plurality_probability([0.5, 0.3, 0.2], k=3).round(12)
    array([0.56 , 0.276, 0.164])
    """
    check_ties(ties)
    asked = check_ks(k)
    distributions = check_distributions(q, "q")
    lead, n_classes = distributions.shape[:-1], distributions.shape[-1]
    rows = np.ascontiguousarray(distributions.reshape(-1, n_classes))
    if label is None:
        labels = np.broadcast_to(np.arange(n_classes), rows.shape)
    else:
        labels = _check_label(label, lead, n_classes).reshape(-1, 1)
    ks, position = np.unique(asked, return_inverse=True)
    wins = _compute(rows, labels, ks, ties)[..., position]
    result = wins.reshape(*lead, *([n_classes] if label is None else []), len(asked))
    return result[..., 0] if np.ndim(k) == 0 else result


def _check_label(label: Any, lead: tuple[int, ...], n_classes: int) -> Integers:
    """Return the labels as integers in 0..n_classes-1 of shape `lead`."""
    array = to_array(label)
    if not np.issubdtype(array.dtype, np.integer) and array.size:
        raise TypeError(
            f"`label` must be integers, the class indices 0..{n_classes - 1}; got dtype {array.dtype}. "
            f"Encode other classes as their column in `q` first."
        )
    try:
        labels = np.broadcast_to(array, lead)
    except ValueError:
        raise ValueError(
            f"`label` must have, or broadcast to, the leading shape {lead} of `q`, one class per distribution; "
            f"got shape {array.shape}."
        ) from None
    outside = (labels < 0) | (labels >= n_classes)
    if outside.any():
        raise ValueError(
            f"`label` must lie in 0..{n_classes - 1}, `q` having {n_classes} classes; got {labels[outside][0]}."
        )
    return labels.astype(np.int64)


def _compute(q: Floats, labels: Codes, ks: Integers, ties: str) -> Floats:
    """Return Pr(``labels[row, i]`` wins ``ks[c]`` draws from ``q[row]``) at [row, i, c]; `ks` ascends."""
    out = np.empty((*labels.shape, len(ks)))
    n_rows, n_labels, n_classes = len(q), labels.shape[1], q.shape[1]
    split = _convolved(ks, n_classes, n_labels, ties)
    tasks: list[tuple[int, int, int]] = []  # a column of ks (-1: all that are convolved), and a block of rows
    for column in range(-1 if split else 0, len(ks)):
        if column == -1:
            cost = _convolution_ns(ks[split - 1 : split], n_classes, n_labels, ties)
        elif column >= split:
            cost = _contour_ns(ks[column : column + 1], n_classes, n_labels, ties)
        else:
            continue
        block = int(max(1, min(n_rows, _BLOCK_NS / cost[0])))
        tasks += [(column, start, min(start + block, n_rows)) for start in range(0, n_rows, block)]

    def work(first: int, last: int) -> None:
        for column, start, stop in tasks[first:last]:
            block = slice(start, stop)
            if column == -1:
                out[block, :, :split] = convolution_plurality(q[block], labels[block], ks[:split], ties)
            else:
                out[block, :, column] = contour_plurality(q[block], labels[block], int(ks[column]), ties)

    for_each_block(work, len(tasks), 1, "computing probabilities")
    return out


# The cost model: nanoseconds per row on one core, fitted to timings at L = 10 (see benchmarks/plurality.py). It only
# has to rank the engines; where their costs are close, either engine will do.


def _convolution_ns(k_max: Integers, n_classes: int, n_labels: int, ties: str) -> Floats:
    """Return the cost of all k up to k_max: per class, k/2 steps of 38 ns and about k^3/35 multiplications in all."""
    passes = {"strict": 1.0, "lowest": 1.9, "random": 2.6}[ties]
    k = k_max.astype(float)
    return passes * n_labels * n_classes * (19 * k + 0.003 * k**3)


def _contour_ns(k: Integers, n_classes: int, n_labels: int, ties: str) -> Floats:
    """Return the cost of one k: per class about min(k/2, 4 sqrt(k)) numbers of votes, at sqrt(74 k)/2 points of 1 ns.

    All labels together cost three products, where one label costs one.
    """
    passes = (2.0 if ties == "random" else 1.0) * min(n_labels, 3)
    votes = np.minimum(k / 2, 4 * np.sqrt(k))
    return passes * n_classes * votes * (45 + 4.3 * np.sqrt(k))


def _convolved(ks: Integers, n_classes: int, n_labels: int, ties: str) -> int:
    """Return how many of the ascending `ks` to convolve, all in one pass, so that the total cost is lowest."""
    one_pass = np.where(ks <= MAX_K, _convolution_ns(ks, n_classes, n_labels, ties), np.inf)
    one_by_one = _PREFERENCE * _contour_ns(ks, n_classes, n_labels, ties)
    total = np.concatenate([[0], one_pass]) + one_by_one.sum() - np.concatenate([[0], np.cumsum(one_by_one)])
    return int(np.argmin(total))
