"""Vote profiles: the probability that a label wins when m of K labels are redrawn, by the engine that fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.finite.cost import flip_cost, mixed_cost, redraw_cost, uniform_cost
from labelnoise.finite.flip import flip_profiles
from labelnoise.finite.mixed import mixed_profiles
from labelnoise.finite.patterns import (
    EVERY_LABEL,
    DistinctPatterns,
    LabelPairs,
    check_counts,
    check_labels,
    clean_vote,
    distinct_patterns,
    equivalent_patterns,
)
from labelnoise.finite.products import MAX_K
from labelnoise.finite.redraw import redraw_profiles
from labelnoise.finite.rows import CorruptionRows
from labelnoise.finite.sampling import sampled_profiles
from labelnoise.finite.uniform import uniform_profiles
from labelnoise.noise import NoiseModel, check_class_count
from labelnoise.threads import for_each_block
from labelnoise.validation import check_choice, check_count, check_ties, seed_of, to_array

METHODS = ("auto", "exact", "sampled")

EXACT_SECONDS = 0.05
"""A profile whose exact computation is estimated to take longer than this is sampled, unless "exact" is asked for."""

MIXED_SECONDS, LONGEST_MIXED_SECONDS = 0.002, 1.0
"""The same where selected labels are redrawn from several rows, and the most time that "exact" allows for it there."""

RELATIVE_SECONDS = 2e-4
"""A profile under uniform noise that takes the `redraw` engine longer than this is left to the `uniform` engine."""

DRAWS = 1440
"""Walks per sampled pattern; those of 10,000 test samples give their mean accuracy a standard error below 0.0002."""

PAIRS = 2**22
"""Number of counts held in memory at once while pairs of a neighborhood and a label are compared."""

BLOCK = 8
"""Number of pairs per task of an exact engine."""


@dataclass(frozen=True, eq=False)
class VoteProfiles:
    """Probability that a label wins the vote of K neighbors of which exactly m are selected, for every m.

    Attributes
    ----------
    win : (U, K + 1) float array, or (U, L, K + 1) for every label
        W[m], m = 0..K. ``win[..., 0]`` is the vote without noise, exactly.
    standard_error : float array like `win`, or None
        Standard error of each sampled entry, and 0 for exact entries; None if all entries are exact.
    k : int
        Neighborhood size K.
    """

    win: Floats
    standard_error: Floats | None
    k: int

    @property
    def exact(self) -> bool:
        """True if no profile was sampled."""
        return self.standard_error is None

    def expected(self, distribution: ArrayLike) -> Floats:
        """Return the probability of winning, sum over m of Pr(m) W[m].

        Parameters
        ----------
        distribution : array-like of shape (K + 1,) or (K + 1, n)
            Pr(m), from `selected_count_distribution`; columns for several noise rates at once.

        Returns
        -------
        (U,) float array, or (U, L) for every label; with a last axis n for several noise rates
        """
        return self.win @ self._check(distribution)

    def expected_standard_error(self, distribution: ArrayLike) -> Floats:
        """Return an upper bound of the standard error of `expected`, as if errors at different m were fully correlated.

        They nearly are: the walks that estimate W[m] and W[m + 1] are the same except for one step.
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
    draws: int = DRAWS,
    random_state: int | np.random.Generator | None = None,
) -> VoteProfiles:
    """Return the probability that a label wins the vote of K neighbors, given how many are selected for corruption.

    With c the clean label counts of the neighborhood and y the label::

        W[m] = Pr(y wins | m of the K neighbors, any m equally likely, have their labels redrawn from P),  m = 0..K

    One profile serves every noise rate, concentration and placement by exchangeable selection: the probability of
    winning is the sum over m of Pr(m) W[m], with Pr(m) from `selected_count_distribution`.

    A profile is exact (its error is at most 1e-12) where the selected labels of a neighborhood share one row of P:
    under uniform noise, and in pure neighborhoods under any matrix. It is exact too where each class becomes one other
    or stays, and no two become the same: under flip noise, with any two classes, and under the common asymmetric noise
    of CIFAR-10. Under any matrix it is exact where a neighborhood holds few labels, or nearly all are of one class (at
    K = 10, up to three classes; at K = 30, one or two labels of a second class). Everything else is sampled by `draws`
    walks per pattern, with standard errors.

    Parameters
    ----------
    counts : array-like of int, shape (U, L)
        Clean label counts; every row sums to the same K. Repeated patterns are computed once.
    labels : array-like of int, shape (U,), or None
        The label y of each neighborhood, in 0..L-1; None for every label (the confusion of the vote).
    noise : NoiseModel
        What a selected label becomes.
    ties : {"random", "lowest", "strict"}, default "random"
        Which of the tied labels wins: one of them at random, the lowest, or none.
    method : {"auto", "exact", "sampled"}, default "auto"
        "auto": exact where an exact profile exists and takes less than about `EXACT_SECONDS` (all with K up to 60, and
        all with K up to 200 under uniform noise), else sampled. "exact": exact however long it takes; an error where no
        exact profile exists. "sampled": always sampled, for instance to check the exact profiles.
    draws : int, default 1440
        Walks per sampled pattern, in blocks of 16, at least two of them. Standard errors are those of the blocks'
        means, about 0.7 times those of as many independent draws, which are at most 0.5/sqrt(draws).
    random_state : int, numpy.random.Generator or None
        Seed of sampled profiles. The walks of a pattern depend on the seed and the pattern alone.

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
    n_classes = checked.shape[1]
    codes = np.full(len(checked), EVERY_LABEL) if labels is None else check_labels(labels, *checked.shape)
    check_ties(ties)
    check_choice(method, METHODS, "method")
    check_class_count(noise, n_classes)
    n_draws = check_count(draws, "draws")
    seed = seed_of(random_state)

    patterns = distinct_patterns(checked, codes)
    corruption = CorruptionRows.of(noise, patterns.counts)
    win = np.zeros((len(patterns.counts), n_classes if labels is None else 1, k + 1))
    error = np.zeros_like(win)
    exact = _chosen_exactly(patterns, corruption, method)
    if exact.any():
        if labels is None:
            rows, asked = np.nonzero(corruption.reachable(patterns.counts) & exact[:, None])
            columns = asked
        else:
            rows = np.flatnonzero(exact)
            asked, columns = patterns.labels[rows], np.zeros_like(rows)
        # numba compiles a kernel anew for every memory layout, so all pairs are contiguous
        pairs = LabelPairs(patterns.counts, np.ascontiguousarray(rows), np.ascontiguousarray(asked))
        win[rows, columns] = _exact_profiles(pairs, corruption, ties)
    if not exact.all():
        rest = patterns.counts[~exact], patterns.labels[~exact]
        win[~exact], error[~exact] = _sampled(*rest, corruption, ties, n_draws, seed)
    index: Any = patterns.inverse if labels is None else (patterns.inverse, 0)
    return VoteProfiles(win[index], None if exact.all() else error[index], k)


def _chosen_exactly(patterns: DistinctPatterns, corruption: CorruptionRows, method: str) -> Mask:
    """Return True for each pattern that an exact engine is to compute, False for each that is to be sampled."""
    counts, labels, _ = patterns
    k = int(counts[0].sum())
    mapping = corruption.mapping
    alike = corruption.share_a_row(counts) | (mapping is not None)
    mixed = np.where(alike, 0.0, mixed_cost(counts))
    possible = (mixed < LONGEST_MIXED_SECONDS) & (k <= MAX_K)
    if method == "exact" and not possible.all():
        pattern = counts[int(np.flatnonzero(~possible)[0])]
        limit = "the classes must share a row of the corruption matrix, or their labels must be fewer"
        if k > MAX_K:
            limit = f"K must be at most {MAX_K}"
        raise ValueError(
            f"`method` 'exact' requires exact profiles, so {limit}; got clean counts "
            f"{np.array2string(pattern, threshold=20)}. Use 'auto', which samples such profiles."
        )
    if method != "auto":
        return possible & (method == "exact")
    if mapping is not None:
        cost = flip_cost(counts, labels, mapping, corruption.change)
    else:
        cost = redraw_cost(counts, labels, 1 if len(corruption.rows) == 1 else counts.shape[1])
        if corruption.uniform:
            cost = np.minimum(cost, uniform_cost(k))
    return possible & np.where(alike, cost < EXACT_SECONDS, mixed < MIXED_SECONDS)


def _exact_profiles(pairs: LabelPairs, corruption: CorruptionRows, ties: str) -> Floats:
    """Return the exact profile of each pair, (n_pairs, K + 1)."""
    win = np.empty((len(pairs.rows), int(pairs.counts[0].sum()) + 1))
    step = max(1, PAIRS // pairs.counts.shape[1])
    for start in range(0, len(win), step):
        win[start : start + step] = _profiles_of_pairs(pairs.part(start, start + step), corruption, ties, win.shape[1])
    win[:, 0] = clean_vote(pairs.counts, ties)[pairs.rows, pairs.labels]  # the engines have rounding errors
    return win


def _profiles_of_pairs(pairs: LabelPairs, corruption: CorruptionRows, ties: str, n_counts: int) -> Floats:
    """Return the profile of each pair, (n_pairs, n_counts), by the engine for this corruption matrix."""
    mapping, inverse = corruption.mapping, np.arange(len(pairs.rows))
    if corruption.uniform:
        counts, labels, inverse = equivalent_patterns(pairs.counts[pairs.rows], pairs.labels, ties)
        pairs = LabelPairs(counts, np.arange(len(counts)), labels)
        others = redraw_cost(counts, labels, 1) > RELATIVE_SECONDS
    else:
        others = ~corruption.share_a_row(pairs.counts)[pairs.rows]
    order = np.argsort(others, kind="stable")  # Each block but one is then of one engine.
    pairs, inverse = LabelPairs(pairs.counts, pairs.rows[order], pairs.labels[order]), np.argsort(order)[inverse]
    row_of = corruption.row_of[pairs.counts[pairs.rows].argmax(axis=1)]
    win = np.empty((len(pairs.rows), n_counts))
    n_redraw = int(np.count_nonzero(~others))

    def work(start: int, stop: int) -> None:
        if mapping is not None:
            flip_profiles(pairs.part(start, stop), mapping, corruption.change, ties, win[start:stop])
            return
        split = min(max(start, n_redraw), stop)
        if start < split:
            redraw_profiles(pairs.part(start, split), corruption.rows, row_of[start:split], ties, win[start:split])
        if split < stop and corruption.uniform:
            uniform_profiles(pairs.part(split, stop), ties, win[split:stop])
        elif split < stop:
            mixed_profiles(pairs.part(split, stop), corruption.rows, corruption.row_of, ties, win[split:stop])

    for_each_block(work, len(win), BLOCK, "counting votes")
    return win[inverse]


def _sampled(
    counts: Integers, labels: Integers, corruption: CorruptionRows, ties: str, draws: int, seed: int
) -> tuple[Floats, Floats]:
    """Return sampled profiles and standard errors, (n, 1, K + 1), or (n, L, K + 1) if `labels` are `EVERY_LABEL`.

    What is certain is exact: the vote without noise, m = 0, and labels that cannot have a vote.
    """
    win, error = sampled_profiles(counts, labels, corruption.rows, corruption.row_of, ties, draws, seed)
    clean, possible = clean_vote(counts, ties), corruption.reachable(counts)
    if labels[0] != EVERY_LABEL:
        own = labels[:, None]
        clean, possible = np.take_along_axis(clean, own, axis=1), np.take_along_axis(possible, own, axis=1)
    win[..., 0], error[..., 0] = clean, 0.0
    error[~possible] = 0.0
    return win, error
