"""Noise that depends on each sample: its noisy label is drawn from a row of its own (theory: T_i).

A row is a placement and a corruption matrix in one: row i holds Pr(noisy label | sample i), including the probability
of keeping the clean label. The accuracy under such noise is in `labelnoise.curves.from_rows`; who wins a vote of
such labels in `votes`, whose compiled loops are in `kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Codes, Floats
from labelnoise.columns import encode_for_columns
from labelnoise.corruption import NoisyLabels
from labelnoise.labels import one_per_sample
from labelnoise.noise import NoiseModel, check_noise, encode_for_noise
from labelnoise.validation import (
    check_distributions,
    check_noise_rate,
    check_noise_rates,
    check_numeric,
    seed_of,
    to_array,
)

_BLOCK = 2**22  # probabilities whose cumulative sums are held at once


def draw_from_rows(rows: Floats, rng: np.random.Generator) -> Codes:
    """Draw one label from each row of probabilities, by inversion of the cumulative sums."""
    drawn = np.empty(len(rows), dtype=np.int64)
    step = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(rows), step):
        cumulative = np.cumsum(rows[start : start + step], axis=1)
        passed = rng.random((len(cumulative), 1)) * cumulative[:, -1:] >= cumulative
        drawn[start : start + step] = passed.sum(axis=1)
    return drawn


def check_rows(rows: Any) -> Floats:
    """Return the rows as an (n_samples, n_classes) array, checked to be distributions."""
    distributions = check_distributions(rows, "rows")
    if distributions.ndim != 2 or not len(distributions):
        raise ValueError(f"`rows` must have shape (n_samples, n_classes), both at least 1; got {distributions.shape}.")
    return distributions


def noise_rows(
    labels: ArrayLike, noise: NoiseModel, selection: ArrayLike, *, classes: ArrayLike | None = None
) -> Floats:
    r"""Return the rows T_i of noise that selects each sample with its own probability, or has selected it already.

    With :math:`p_i` the probability that sample i is selected, :math:`y_i` its clean label and P the corruption matrix,

    .. math:: T_i(j) = (1 - p_i) \, [j = y_i] + p_i \, P[y_i, j]

    For the mask of a placement (``corrupt(...).selected``) every :math:`p_i` is 0 or 1: the noise stays where it was
    placed, and only what the labels become is random.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Clean labels: integers 0..n_classes-1, or any hashable classes.
    noise : NoiseModel
        What a selected label becomes.
    selection : array-like of shape (n_samples,)
        A boolean mask of the selected samples, or each sample's probability of being selected.
    classes : sequence, optional
        All classes in code order, where `labels` alone does not show them.

    Returns
    -------
    (n_samples, n_classes) array
        Rows sum to 1; columns in the classes' order. 8 bytes an entry: 5 MB for 60,000 samples of 10 classes, 480 MB
        for 1,000 classes.

    Raises
    ------
    ValueError, TypeError
        A selection that is neither, or not one entry for each label; labels that do not fit the noise model.

    Examples
    --------
    >>> from labelnoise import FlipNoise
    >>> noise_rows(["a", "b", "b"], FlipNoise(), [0.25, 0.0, 1.0]).tolist()
    [[0.75, 0.25], [0.0, 1.0], [1.0, 0.0]]
    """
    check_noise(noise)
    codes, known, noise = encode_for_noise(labels, noise, classes)
    given = to_array(selection)
    if given.dtype.kind not in "bf":
        raise TypeError(
            f"`selection` must be a boolean mask or chances in [0, 1]; got dtype {given.dtype}. "
            f"For indices of the selected samples, set them in a mask of False."
        )
    chances = check_noise_rates(given.astype(np.float64), "selection")
    if len(chances) != len(codes):
        raise ValueError(
            f"`labels` and `selection` must have one entry per sample; got {len(codes)} and {len(chances)}."
        )
    rows = noise.matrix(len(known))[codes]
    rows *= chances[:, None]
    rows[np.arange(len(codes)), codes] += 1 - chances
    return rows


def corrupt_with_rows(
    labels: ArrayLike,
    rows: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = None,
) -> NoisyLabels:
    """Draw noisy labels, each from its sample's own row T_i.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Clean labels: integers 0..n_classes-1, or classes that the columns are named by or `classes` lists.
    rows : array-like of shape (n_samples, n_classes)
        T_i(j) = Pr(noisy label j | sample i), rows sum to 1; `softmax_rows` and `noise_rows` build some.
    classes : sequence, optional
        The classes of the columns, in their order; columns of a data frame that are named are matched by name.
    random_state : int, numpy.random.Generator or None
        The seed used is in the result.

    Returns
    -------
    NoisyLabels
        `selected` holds the samples whose label changed, and `asked_noise_rate` the mean chance that one does.

    Raises
    ------
    ValueError, TypeError
        Rows that are no distributions, or not one for each label.

    Examples
    --------
    >>> rows = [[1, 0], [0, 1], [1, 0]]
    >>> corrupt_with_rows(["a", "b", "b"], rows, classes=["a", "b"], random_state=0).labels.tolist()
    ['a', 'b', 'a']
    """
    distributions, codes, known = encode_for_columns(labels, rows, check_rows(rows), classes=classes, table_name="rows")
    seed = seed_of(random_state)
    noisy = draw_from_rows(distributions, np.random.default_rng(seed))
    return NoisyLabels(
        labels=known[noisy],
        clean_labels=known[codes],
        selected=noisy != codes,
        classes=known,
        asked_noise_rate=float(1 - distributions[np.arange(len(codes)), codes].mean()),
        noise={"name": "sample-dependent"},
        placement={"name": "sample-dependent"},
        seed=seed,
        concentration=None,
        _codes=(codes, noisy),
    )


def softmax_rows(pred_probs: Any, codes: Codes, noise_rate: float) -> Floats:
    r"""Return the rows T_i of noise that makes the mistakes a classifier would make, at a given mean noise rate.

    The probability that a label is wrong is proportional to the probability :math:`1 - p_i(y_i)` of all other classes.
    A wrong label is each other class with probability proportional to :math:`p_i(j)`:

    .. math:: T_i(j) = c \, p_i(j), \quad j \ne y_i, \qquad T_i(y_i) = 1 - c \, (1 - p_i(y_i)),

    with c such that the mean of :math:`1 - T_i(y_i)` is the noise rate; a probability that would exceed 1 is set to 1.

    Parameters
    ----------
    pred_probs : array-like of shape (n_samples, n_classes)
        Probabilities, rows sum to 1. Soften them first (a temperature) if they are almost all 0 and 1.
    codes : (n_samples,) int array
        Clean labels 0..n_classes-1; of a data frame, classes that its columns are named by.
    noise_rate : float in [0, 1]
        Mean probability that a label is wrong.

    Returns
    -------
    (n_samples, n_classes) array
        Rows sum to 1.

    Raises
    ------
    ValueError
        Bad probabilities, or fewer than noise_rate N samples with any probability of another class.

    Examples
    --------
    >>> softmax_rows([[0.8, 0.2], [0.4, 0.6]], np.array([0, 0]), 0.2).round(3).tolist()
    [[0.9, 0.1], [0.7, 0.3]]
    """
    rate = check_noise_rate(noise_rate)
    rows = check_distributions(pred_probs, "pred_probs").copy()
    if hasattr(pred_probs, "columns"):
        rows, codes, _ = encode_for_columns(codes, pred_probs, rows, classes=None, table_name="pred_probs")
    codes = one_per_sample(check_numeric(codes, "codes"), "`codes`")
    if rows.ndim != 2 or len(rows) != len(codes):
        raise ValueError(
            f"`pred_probs` must have one row per sample, ({len(codes)}, n_classes); got shape {rows.shape}."
        )
    if codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= rows.shape[1]:
        raise ValueError(
            f"`codes` must be integers in 0..{rows.shape[1] - 1}, the column of each sample's class; got dtype "
            f"{codes.dtype}, {codes.min()} to {codes.max()}."
        )
    every = np.arange(len(codes))
    rows[every, codes] = 0
    doubt = rows.sum(axis=1)
    if np.count_nonzero(doubt) < rate * len(codes):
        raise ValueError(
            f"`pred_probs` must give some probability to other classes for at least {rate:g} of the samples; "
            f"they do for {np.count_nonzero(doubt) / len(codes):g}. Soften them, or lower the noise rate."
        )
    chances = np.minimum(_scale_to_mean(doubt, rate) * doubt, 1)
    rows *= np.divide(chances, doubt, out=np.zeros_like(doubt), where=doubt > 0)[:, None]
    rows[every, codes] = 1 - chances
    return rows


def _scale_to_mean(values: Floats, mean: float) -> float:
    """Return the c for which min(c v, 1) has this mean: the i largest values are at 1, the others share the rest."""
    ordered = np.sort(values)[::-1]
    below = np.append(np.cumsum(ordered[::-1])[::-1], 0)
    wanted = mean * len(values) - np.arange(len(values))  # left for the values from i on, if the i before are at 1
    with np.errstate(divide="ignore", invalid="ignore"):
        scales = wanted / below[:-1]
        fits = (below[:-1] > 0) & (wanted >= 0) & (scales * ordered <= 1 + 1e-12)
    return float(scales[np.argmax(fits)]) if fits.any() else float(1 / ordered[ordered > 0].min())
