"""Votes of the nearest training labels: histograms and the plurality winner, for every neighborhood size in one pass.

The neighbors of a sample are ordered, so the counts at a larger k extend those at a smaller k. One pass along a row
therefore serves all k. There are two ways to know the winners. One compares all classes at each k, which takes few
operations where classes and k are few. The other keeps the largest count and the classes that have it at every step. No
step then goes through all classes, so the cost does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.threads import for_each_block
from labelnoise.validation import TIES, check_count, check_ks, check_ties

_BLOCK = 1024
COMPARED_PER_STEP = 8
"""Comparing so many classes, which compiles to vectors, takes about as long as keeping track for one neighbor."""

_STRICT, _RANDOM, _LOWEST = range(3)


@compiled()
def _code_of(codes, index, n_classes):
    """Return the code of one neighbor; raise an IndexError before a bad index or code becomes a bad memory access."""
    if index < 0 or index >= codes.size:
        raise IndexError("a neighbor's index lies outside the training labels")
    code = codes[index]
    if code < 0 or code >= n_classes:
        raise IndexError("a label's code lies outside 0..n_classes-1")
    return code


@compiled()
def _histogram(codes, indices, k, start, stop, counts):
    for row in range(start, stop):
        for rank in range(k):
            counts[row, _code_of(codes, indices[row, rank], counts.shape[1])] += 1


@compiled()
def _winner_of_tie(codes, indices, row, k, top, counts, share):
    """Return the winner among the classes with `top` votes: the one at `share` in the order in which they reached it.

    `counts` holds zeros, and is left with them.
    """
    tied, n_tied = np.empty(k // top, np.int64), 0
    for rank in range(k):
        code = codes[indices[row, rank]]
        counts[code] += 1
        if counts[code] == top:
            tied[n_tied] = code
            n_tied += 1
    for rank in range(k):
        counts[codes[indices[row, rank]]] = 0
    return tied[min(int(share * n_tied), n_tied - 1)]


@compiled()
def _vote_by_comparing(codes, indices, ks, order, n_classes, rule, tie_breaker, start, stop, winners):
    """Write the winners as `_vote` does, by comparing all classes at each k."""
    counts, spare = np.zeros(n_classes, np.int32), np.zeros(n_classes, np.int32)
    for row in range(start, stop):
        counts[:] = 0
        counted = 0
        for column in order:
            k = ks[column]
            for rank in range(counted, k):
                index = indices[row, rank]
                if index < 0 or index >= codes.size:
                    raise IndexError("a neighbor's index lies outside the training labels")
                counts[codes[index]] += 1
            counted = k
            top, n_tied, lowest = counts[0], 0, 0
            for code in range(n_classes):
                top = max(top, counts[code])
            for code in range(n_classes):
                n_tied += counts[code] == top
            while counts[lowest] < top:
                lowest += 1
            if rule == _LOWEST or n_tied == 1:
                winners[row, column] = lowest
            elif rule == _STRICT:
                winners[row, column] = -1
            else:
                winners[row, column] = _winner_of_tie(codes, indices, row, k, top, spare, tie_breaker[row, column])


@compiled()
def _vote(codes, indices, ks, order, n_classes, rule, tie_breaker, start, stop, winners):
    """Write the winners of rows start..stop-1; `order` sorts `ks`."""
    counts = np.zeros(n_classes, np.int64)
    k_max = ks[order[-1]]
    tied = np.empty(k_max, np.int64)  # the classes with the largest count, in the order in which they reached it
    for row in range(start, stop):
        top, n_tied, lowest, column = 0, 0, 0, 0
        for rank in range(k_max):
            code = _code_of(codes, indices[row, rank], n_classes)
            counts[code] += 1
            if counts[code] > top:
                top, n_tied, lowest = counts[code], 0, code
            if counts[code] == top:
                tied[n_tied] = code
                n_tied += 1
                lowest = min(lowest, code)
            while column < order.size and ks[order[column]] == rank + 1:
                if rule == _LOWEST or n_tied == 1:
                    winner = lowest
                elif rule == _STRICT:
                    winner = -1
                else:
                    winner = tied[min(int(tie_breaker[row, order[column]] * n_tied), n_tied - 1)]
                winners[row, order[column]] = winner
                column += 1
        for rank in range(k_max):
            counts[codes[indices[row, rank]]] = 0


def label_histogram(codes: Codes, indices: NDArray[Any], k: int, n_classes: int) -> Integers:
    """Count how many of each row's k nearest training labels are of each class.

    Parameters
    ----------
    codes, indices, k, n_classes
        As in `plurality_vote`, with one neighborhood size k in 1..K.

    Returns
    -------
    (M, L) int64 array
        Every row sums to k.

    Raises
    ------
    ValueError
        k is out of range.
    IndexError
        An index or a code is out of range.

    Examples
    --------
    >>> label_histogram(np.array([0, 1, 1]), np.array([[2, 1, 0]]), k=2, n_classes=3)
    array([[0, 2, 0]])
    """
    codes, indices = _as_kernel_input(codes, indices)
    check_count(k, "k", most=indices.shape[1], most_is="the number of neighbors available")
    counts = np.zeros((len(indices), n_classes), np.int64)
    for_each_block(
        lambda start, stop: _histogram(codes, indices, k, start, stop, counts), len(indices), _BLOCK, "counting labels"
    )
    return counts


def plurality_vote(
    codes: Codes,
    indices: NDArray[Any],
    ks: Integers,
    n_classes: int,
    *,
    ties: str,
    tie_breaker: Floats | None = None,
) -> Integers:
    """Return the most frequent class among each row's k nearest training labels, for every k of `ks`.

    Parameters
    ----------
    codes : (n_train,) int array
        Codes 0..n_classes-1 of the training labels.
    indices : (M, K) int array
        Neighbors by increasing distance, as in `Neighbors.indices`.
    ks : (n_k,) int array
        Neighborhood sizes in 1..K, in any order.
    n_classes : int
        Number of classes, L.
    ties : {"strict", "random", "lowest"}
        What happens in a tie: no class wins (code -1), each of the tied classes wins with equal probability, or the
        lowest code among them wins (scikit-learn's rule).
    tie_breaker : (M, n_k) float array in [0, 1)
        Uniform random numbers, one per vote; required for "random" only. With t tied classes, the number u elects the
        floor(u t)-th of them. So the caller's generator alone decides, whatever the number of threads.

    Returns
    -------
    (M, n_k) int64 array
        Codes of the winners.

    Raises
    ------
    ValueError
        The rule is unknown, k is out of range, or "random" has no `tie_breaker` of the right shape.
    IndexError
        An index or a code is out of range.

    Examples
    --------
    >>> codes, indices = np.array([0, 1, 1]), np.array([[0, 1, 2]])
    >>> plurality_vote(codes, indices, np.array([1, 2, 3]), 2, ties="strict")
    array([[ 0, -1,  1]])
    """
    rule = TIES.index(check_ties(ties))
    codes, indices = _as_kernel_input(codes, indices)
    ks = check_ks(ks, limit=indices.shape[1])
    shape = (len(indices), len(ks))
    if rule == _RANDOM:
        if tie_breaker is None or np.shape(tie_breaker) != shape:
            came = "none" if tie_breaker is None else f"shape {np.shape(tie_breaker)}"
            raise ValueError(
                f"`tie_breaker` must hold one uniform number per vote, shape {shape}, with ties='random'; got {came}. "
                f"Pass rng.random({shape})."
            )
        tie_breaker = np.ascontiguousarray(tie_breaker, dtype=np.float64)
    else:
        tie_breaker = np.empty((0, 0))
    order = np.argsort(ks, kind="stable")
    winners = np.empty(shape, np.int64)
    vote = _vote
    if len(ks) * n_classes <= COMPARED_PER_STEP * int(ks[order[-1]]) and n_classes <= 256:
        if codes.min(initial=0) < 0 or codes.max(initial=0) >= n_classes:
            raise IndexError("a label's code lies outside 0..n_classes-1")
        codes, vote = codes.astype(np.uint8), _vote_by_comparing

    def work(start: int, stop: int) -> None:
        vote(codes, indices, ks, order, n_classes, rule, tie_breaker, start, stop, winners)

    for_each_block(work, len(indices), _BLOCK, "voting")
    return winners


def vote_accuracy(
    codes: Codes,
    indices: NDArray[Any],
    true_codes: Codes,
    ks: int | Iterable[int],
    n_classes: int,
    *,
    ties: str,
    rng: np.random.Generator,
) -> Floats:
    """Return the share of rows whose `plurality_vote` is the row's true class, (n_k,).

    `rng` breaks ties. It draws M n_k numbers under every rule, so that later draws do not depend on the rule.

    Examples
    --------
    >>> codes, indices, rng = np.array([0, 1, 1]), np.array([[0, 1, 2], [2, 1, 0]]), np.random.default_rng(0)
    >>> vote_accuracy(codes, indices, np.array([1, 1]), [1, 3], 2, ties="strict", rng=rng)
    array([0.5, 1. ])
    """
    sizes = check_ks(ks)
    tie_breaker = rng.random((len(indices), len(sizes)))
    winners = plurality_vote(codes, indices, sizes, n_classes, ties=ties, tie_breaker=tie_breaker)
    return (winners == np.asarray(true_codes)[:, None]).mean(axis=0)


def _as_kernel_input(codes: Codes, indices: NDArray[Any]) -> tuple[Integers, NDArray[Any]]:
    """Return contiguous arrays of the types that the kernels are compiled for."""
    indices = np.ascontiguousarray(indices)
    if indices.dtype not in (np.int32, np.int64):
        indices = indices.astype(np.int64)
    return np.ascontiguousarray(codes, dtype=np.int64), indices
