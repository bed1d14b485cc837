"""Vote profiles: the probability that a label wins when m of K labels are redrawn, by the engine that fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.finite.cost import flip_cost, redraw_cost
from labelnoise.finite.flip import flip_profiles
from labelnoise.finite.patterns import check_counts, check_labels, clean_vote, distinct_patterns, equivalent_patterns
from labelnoise.finite.products import MAX_K
from labelnoise.finite.redraw import redraw_profiles
from labelnoise.finite.rows import CorruptionRows
from labelnoise.finite.sampling import sampled_profiles
from labelnoise.noise import NoiseModel, check_class_count
from labelnoise.threads import for_each_block
from labelnoise.validation import check_choice, check_count, check_ties, seed_of, to_array

METHODS = ("auto", "exact", "sampled")

EXACT_SECONDS = 0.05
"""An exact profile estimated to take longer than this is sampled instead, unless asked for."""

PAIRS = 2**22
"""Counts held at once while (neighborhood, label) pairs are compared."""

BLOCK = 8
"""Patterns an exact engine computes in one go."""


@dataclass(frozen=True, eq=False)
class VoteProfiles:
    """Probability that a label wins the vote of K neighbors of which exactly m are selected, for every m.

    Attributes
    ----------
    win : (U, K + 1) float array, or (U, L, K + 1) for every label
        W[m], m = 0..K. ``win[..., 0]`` is the vote without noise, exactly.
    standard_error : float array like `win`, or None
        Of sampled entries, 0 for exact ones; None where all are exact.
    k : int
        Neighborhood size K.
    """

    win: Floats
    standard_error: Floats | None
    k: int

    @property
    def exact(self) -> bool:
        """Whether nothing was sampled."""
        return self.standard_error is None

    def expected(self, distribution: ArrayLike) -> Floats:
        """Probability of winning, sum over m of Pr(m) W[m].

        Parameters
        ----------
        distribution : array-like of shape (K + 1,) or (K + 1, n)
            Pr(m), from `selected_count_distribution`; columns for several noise rates at once.

        Returns
        -------
        (U,) float array, (U, L) for every label; with a last axis n for several noise rates.
        """
        return self.win @ self._check(distribution)

    def expected_standard_error(self, distribution: ArrayLike) -> Floats:
        """An upper bound of the standard error of `expected`: errors at different m as if fully correlated.

        They nearly are: the walks that estimate W[m] and W[m + 1] are the same but for one step.
        """
        checked = self._check(distribution)
        return (np.zeros_like(self.win) if self.standard_error is None else self.standard_error) @ checked

    def _check(self, distribution: ArrayLike) -> Floats:
        array = np.asarray(to_array(distribution), dtype=np.float64)
        if array.ndim not in (1, 2) or len(array) != self.k + 1:
            raise ValueError(
                f"`distribution` must hold Pr(m) for m = 0..{self.k}, shape ({self.k + 1},) or ({self.k + 1}, n); "
                f"got {array.shape}."
            )
        return array


def vote_profiles(
    counts: ArrayLike,
    labels: ArrayLike | None,
    noise: NoiseModel,
    *,
    ties: str = "random",
    method: str = "auto",
    draws: int = 2000,
    random_state: int | np.random.Generator | None = None,
) -> VoteProfiles:
    """Probability that a label wins the vote of K neighbors, given how many of them are selected for corruption.

    With c the clean label counts of the neighborhood and y the label::

        W[m] = Pr(y wins | m of the K neighbors, any m equally likely, have their labels redrawn from P),  m = 0..K

    One profile serves every noise rate, concentration and placement by exchangeable selection: the probability of
    winning is sum over m of Pr(m) W[m], with Pr(m) from `selected_count_distribution`.

    Exact (at most 1e-12 off) where the selected labels of a neighborhood share one row of P: uniform noise, and pure
    neighborhoods under any matrix. Exact too where each class becomes one other or stays, and no two become the same:
    flip noise, any two classes, and the common asymmetric noise of CIFAR-10. Everything else is sampled by `draws`
    walks a pattern, with standard errors.

    Parameters
    ----------
    counts : array-like of int, shape (U, L)
        Clean label counts; every row sums to the same K. Repeated patterns are computed once.
    labels : array-like of int, shape (U,), or None
        y, in 0..L-1; None for every label (the confusion of the vote).
    noise : NoiseModel
        What a selected label becomes.
    ties : {"random", "lowest", "strict"}, default "random"
        As everywhere: one of the tied labels at random, the lowest, or nobody.
    method : {"auto", "exact", "sampled"}, default "auto"
        "auto": exact where an exact profile exists and takes less than about `EXACT_SECONDS` (any with K up to 60, and
        most to 100), else sampled. "exact": whatever it takes, an error where none exists. "sampled": always, for
        instance to check the others.
    draws : int, default 2000
        Walks a sampled pattern: standard errors up to 0.5/sqrt(draws).
    random_state : int, numpy.random.Generator or None
        For sampled profiles. The walks of a pattern depend on the seed and the pattern alone.

    Returns
    -------
    VoteProfiles

    Raises
    ------
    ValueError, TypeError
        Counts that are not integers, negative, or sum to different K; labels out of range; a noise model made for
        another number of classes; method="exact" where no exact profile exists.

    Examples
    --------
    >>> import labelnoise as ln
    >>> vote_profiles([[2, 1]], [0], ln.FlipNoise()).win
    array([[1.        , 0.33333333, 0.66666667, 0.        ]])
    """
    checked, k = check_counts(counts)
    codes = None if labels is None else check_labels(labels, *checked.shape)
    check_ties(ties)
    check_choice(method, METHODS, "method")
    check_class_count(noise, checked.shape[1])
    n_draws = check_count(draws, "draws")
    seed = seed_of(random_state)

    # with labels=None, code -1 stands for every label: neighborhoods are the same if their counts are
    distinct = distinct_patterns(checked, np.full(len(checked), -1) if codes is None else codes)
    corruption = CorruptionRows.of(noise, distinct.counts)
    win = np.zeros((len(distinct.counts), checked.shape[1] if codes is None else 1, k + 1))
    error = np.zeros_like(win)
    exactly = _exactly(distinct.counts, distinct.labels, corruption, method)
    if exactly.any():
        win[exactly] = _exact(distinct.counts[exactly], distinct.labels[exactly], corruption, ties, k)
    if not exactly.all():
        rest = distinct.counts[~exactly], distinct.labels[~exactly]
        win[~exactly], error[~exactly] = _sampled(*rest, corruption, ties, k, n_draws, seed)
    index: Any = distinct.inverse if codes is None else (distinct.inverse, 0)
    return VoteProfiles(win[index], None if exactly.all() else error[index], k)


def _exactly(counts: Integers, labels: Integers, corruption: CorruptionRows, method: str) -> Mask:
    """Which patterns are to be computed exactly."""
    k = int(counts[0].sum())
    mapping = corruption.mapping
    possible = (corruption.share_a_row(counts) | (mapping is not None)) & (k <= MAX_K)
    if method == "exact" and not possible.all():
        pattern = counts[int(np.flatnonzero(~possible)[0])]
        limit = f"K is at most {MAX_K}" if k > MAX_K else "the classes present share a row of the corruption matrix"
        raise ValueError(
            f"`method` 'exact' must meet a neighborhood with an exact profile, where {limit}; got clean counts "
            f"{np.array2string(pattern, threshold=20)}. Use 'auto', which samples such profiles."
        )
    if method != "auto":
        return possible & (method == "exact")
    if mapping is not None:
        cost = flip_cost(counts, labels, mapping, corruption.change)
    else:
        cost = redraw_cost(counts, labels, 1 if len(corruption.rows) == 1 else counts.shape[1])
    return possible & (cost < EXACT_SECONDS)


def _exact(counts: Integers, labels: Integers, corruption: CorruptionRows, ties: str, k: int) -> Floats:
    """Profiles (n, 1, K + 1) of one label each, or (n, L, K + 1) of every label for labels -1."""
    n_classes = counts.shape[1]
    every = bool((labels < 0).any())
    win = np.zeros((len(counts), n_classes if every else 1, k + 1))
    step = max(1, PAIRS // n_classes**2) if every else max(1, PAIRS // n_classes)
    for start in range(0, len(counts), step):
        block = slice(start, start + step)
        if every:
            # contiguous, as one label each is: the kernels are compiled once for each memory layout
            rows, codes = map(np.ascontiguousarray, np.nonzero(corruption.reachable(counts[block])))
            columns = codes
        else:
            rows, codes, columns = np.arange(len(counts[block])), labels[block], np.zeros_like(labels[block])
        profiles = _exact_pairs(counts[block], rows, codes, corruption, ties, k)
        profiles[:, 0] = clean_vote(counts[block], ties)[rows, codes]  # free of rounding
        win[start + rows, columns] = profiles
    return win


def _exact_pairs(
    counts: Integers, rows: Integers, labels: Integers, corruption: CorruptionRows, ties: str, k: int
) -> Floats:
    """Profiles (n, K + 1) of label ``labels[i]`` in neighborhood ``counts[rows[i]]``."""
    mapping, inverse = corruption.mapping, np.arange(len(rows))
    if mapping is None and len(corruption.rows) == 1 and (corruption.rows == corruption.rows[0, 0]).all():
        distinct = equivalent_patterns(counts[rows], labels, ties)
        counts, rows, labels, inverse = (
            distinct.counts,
            np.arange(len(distinct.counts)),
            distinct.labels,
            distinct.inverse,
        )
    row_of = corruption.row_of[counts.argmax(axis=1)][rows]
    win = np.empty((len(rows), k + 1))

    def work(start: int, stop: int) -> None:
        some = slice(start, stop)
        if mapping is not None:
            flip_profiles(counts, rows[some], labels[some], mapping, corruption.change, ties, win[some])
        else:
            redraw_profiles(counts, rows[some], labels[some], corruption.rows, row_of[some], ties, win[some])

    for_each_block(work, len(rows), BLOCK, "counting votes")
    return win[inverse]


def _sampled(
    counts: Integers, labels: Integers, corruption: CorruptionRows, ties: str, k: int, draws: int, seed: int
) -> tuple[Floats, Floats]:
    """As `_exact`, with standard errors; what is certain, m = 0 and labels out of reach, is exact."""
    n_classes = counts.shape[1]
    every = bool((labels < 0).any())
    win = np.zeros((len(counts), n_classes if every else 1, k + 1))
    error = np.zeros_like(win)
    sampled_profiles(counts, labels, corruption.rows, corruption.row_of, ties, draws, seed, win, error)
    clean, possible = clean_vote(counts, ties), corruption.reachable(counts)
    if not every:
        pick = np.arange(len(counts)), labels
        clean, possible = clean[pick][:, None], possible[pick][:, None]
    win[..., 0], error[..., 0] = clean, 0.0
    error[~possible] = 0.0
    return win, error
