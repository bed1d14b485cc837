"""`plurality_probability`, and its inner form for rows that are made when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.plurality.contour import contour_plurality
from labelnoise.threads import for_each_block
from labelnoise.validation import check_distributions, check_ks, check_ties, to_array

_BLOCK_NS = 2e7  # nanoseconds of work per task: long compared with starting a task, short compared with all the work


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
        Probabilities in [0, 1], absolute error at most 1e-12 for k and L up to 10,000.

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
    polynomials, one per competitor, each a truncated Poisson series. It is read off as a mean over points of a circle,
    with an error bound that depends on k alone. More than k/2 votes always win, so the terms with a > k/2 are a
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
    wins = plurality_of_blocks(rows.__getitem__, labels, ks, n_classes, ties)[..., position]
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


def plurality_of_blocks(
    rows: Callable[[slice], Floats], labels: Codes, ks: Integers, n_classes: int, ties: str
) -> Floats:
    """Return Pr(``labels[row, i]`` wins ``ks[c]`` draws from the row's distribution) at [row, i, c], unchecked.

    Parameters
    ----------
    rows : callable
        Returns the distributions of a slice of rows, (n, n_classes). It is called for one block of rows at a time, by
        several threads, so that not all distributions need to be in memory.
    labels : array of int, (n_rows, n_labels)
    ks : array of int
        In strictly ascending order.
    n_classes : int
    ties : str

    Returns
    -------
    array of shape (n_rows, n_labels, len(ks))
    """
    out = np.empty((*labels.shape, len(ks)))

    def work(start: int, stop: int) -> None:
        block = slice(start, stop)
        out[block] = contour_plurality(rows(block), labels[block], ks, ties)

    # A rough estimate serves, since it only decides how many rows make a task.
    estimated_ns = labels.shape[1] * (n_classes + 3.0 * min(n_classes, 32) * min(ks.sum(), 10 * ks[-1]))
    block = int(np.clip(_BLOCK_NS / estimated_ns, 1, 4096))
    for_each_block(work, len(labels), block, "computing probabilities")
    return out
