r"""Accuracy under noise that depends on each sample: training sample i has its own row T_i = Pr(noisy label | i).

Any noise that draws labels independently of each other is of this kind: the mask that a placement selected, or its
probabilities of selection (`labelnoise.sample_noise.noise_rows`), or the mistakes that a classifier would make
(`softmax_rows`). The accuracy is predicted without drawing a training set, and measured on training sets drawn from the
rows; each is the other's check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from labelnoise.arrays import Floats, Integers
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.inputs import KnnInputs
from labelnoise.curves.measured import Draws, RowNoise
from labelnoise.curves.prediction import Prediction
from labelnoise.curves.vote_models import MODELS, IidVotes, RowVotes, VoteModel
from labelnoise.finite.row_votes import RowTable
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.validation import check_choice, check_count, check_ties, seed_of

NAME = {"name": "sample-dependent"}


def predict_with_rows(
    neighbors: Neighbors,
    rows: ArrayLike,
    test_labels: ArrayLike,
    k: int | Iterable[int],
    *,
    train_labels: ArrayLike | None = None,
    ties: str = "random",
    model: str = "finite",
    classes: ArrayLike | None = None,
) -> AccuracyCurve:
    r"""Predict the accuracy of a nearest-neighbor classifier whose training labels are drawn from their own rows.

    With :math:`T_i` the row of training sample i, the K neighbors' votes are independent draws, one from each
    neighbor's row; the count of each label is Poisson-multinomial (section 9 of the theory). ``model="iid"`` replaces
    them by K draws from the mean row, and applies Eq. 2:

    .. math:: q(s) = \frac{1}{K} \sum_{i \in N_K(s)} T_i

    Parameters
    ----------
    neighbors : Neighbors
        Of the test samples among the training samples, at least ``max(k)`` each; or a scikit-learn k-NN graph, or an
        array of indices.
    rows : array-like of shape (n_train, n_classes)
        T_i(j) = Pr(noisy label j | training sample i), rows sum to 1: from `noise_rows`, `softmax_rows`, or any.
    test_labels : array-like of shape (n_test,)
        True labels of the queries: integers 0..n_classes-1, or classes in the columns' order (see `classes`).
    k : int or sequence of int
        Neighborhood sizes K.
    train_labels : array-like of shape (n_train,), optional
        Clean training labels, only for the curve's noise rate: the expected share of labels that change, NaN without
        them.
    ties : {"random", "lowest", "strict"}, default "random"
        As in `accuracy_curve`.
    model : {"finite", "iid"}, default "finite"
        "finite" is exact in every neighborhood whose uncertain rows (those with more than one possible label) are all
        the same row. This holds for any mask under uniform or flip noise, and for any mask among neighbors of one
        class. Elsewhere, and where many classes and a large k would take too long, votes are drawn, and the curve has
        a `sampling_error` (at most 0.0005 from 64 test samples on). "iid" is exact for Eq. 2, which is wrong in single
        neighborhoods where rows are nearly certain.
    classes : sequence, optional
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Returns
    -------
    AccuracyCurve
        One noise rate; `per_sample` and `confusion` need none.

    Raises
    ------
    ValueError, TypeError
        Rows that are not distributions, or not one per training sample; labels without a column; fewer neighbors
        than k.

    Examples
    --------
    >>> import labelnoise as ln
    >>> rows = ln.noise_rows([0, 0, 1], ln.FlipNoise(), [0.5, 0.5, 0.0])
    >>> curve = ln.predict_with_rows([[0, 1, 2]], rows, [0], [1, 3])
    >>> curve.accuracy.round(6).tolist()
    [[0.5, 0.25]]
    >>> ln.predict_with_rows([[0, 1, 2]], rows, [0], 3, model="iid").accuracy.round(6).tolist()
    [[0.259259]]
    """
    check_ties(ties)
    check_choice(model, MODELS, "model")
    inputs, noisy = KnnInputs.of_rows(neighbors, rows, test_labels, k, train_labels, classes)
    indices, codes, votes = inputs.indices, inputs.test_codes, list[VoteModel]()
    if model == "iid":
        votes += [IidVotes.of(q, codes, (size,), None, ties) for size, q in _mean_rows(noisy, indices, inputs.ks)]
    else:
        table = RowTable.build(noisy)
        votes += [RowVotes.of(table, indices[:, :size], codes, ties) for size in np.unique(inputs.ks).tolist()]
    prediction = Prediction(votes, inputs.n_classes, Draws(inputs, RowNoise(noisy, inputs.train_codes), ties, seed=0))
    return prediction.curve(_expected_rate(noisy, inputs), inputs.ks, inputs.setting(ties, model, NAME, NAME))


def simulate_with_rows(
    neighbors: Neighbors,
    rows: ArrayLike,
    test_labels: ArrayLike,
    k: int | Iterable[int],
    *,
    train_labels: ArrayLike | None = None,
    ties: str = "random",
    repeats: int = 10,
    classes: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = None,
) -> AccuracyCurve:
    """Measure the accuracy of a nearest-neighbor classifier whose training labels are drawn from their own rows.

    In every repeat each training label is drawn from its row, y_i ~ T_i, and the K nearest neighbors of every test
    sample vote with them: the exact Monte Carlo of `predict_with_rows`. Nothing is searched again.

    Parameters
    ----------
    neighbors, rows, test_labels, k, train_labels, ties
        As in `predict_with_rows`.
    repeats : int, default 10
        Training sets drawn, at least 1.
    classes : sequence, optional
        As in `predict_with_rows`.
    random_state : int, numpy.random.Generator or None
        The seed used is in the result.

    Returns
    -------
    AccuracyCurve
        One noise rate, with `runs`, `std` and `standard_error` over the repeats.

    Raises
    ------
    ValueError, TypeError
        As `predict_with_rows`.

    Examples
    --------
    >>> import labelnoise as ln
    >>> rows = ln.noise_rows([0, 0, 1], ln.FlipNoise(), [True, False, False])
    >>> ln.simulate_with_rows([[0, 1, 2]], rows, [0], [1, 2, 3], ties="lowest").accuracy.tolist()
    [[0.0, 1.0, 0.0]]
    """
    check_ties(ties)
    n_repeats = check_count(repeats, "repeats")
    inputs, noisy = KnnInputs.of_rows(neighbors, rows, test_labels, k, train_labels, classes)
    draws = Draws(inputs, RowNoise(noisy, inputs.train_codes), ties, seed_of(random_state))
    measurement = draws.measure(_expected_rate(noisy, inputs), n_repeats)
    return measurement.curve(inputs.setting(ties, "measured", NAME, NAME, draws.seed))


def _expected_rate(rows: Floats, inputs: KnnInputs) -> Floats:
    """Return the expected share of labels that change, (1,); NaN where the clean labels are not known."""
    codes = inputs.train_codes
    return np.array([np.nan if codes is None else 1 - rows[np.arange(len(rows)), codes].mean()])


def _mean_rows(rows: Floats, indices: NDArray[Any], ks: Integers) -> Iterator[tuple[int, Floats]]:
    """Yield q at every k, smallest first; each adds its own neighbors to the sums of the one before."""
    sums, done = np.zeros((len(indices), rows.shape[1])), 0
    for size in np.unique(ks).tolist():
        added = np.ascontiguousarray(indices[:, done:size])
        ends = np.arange(0, added.size + 1, size - done)
        sums += sparse.csr_array((np.ones(added.size), added.ravel(), ends), shape=(len(indices), len(rows))) @ rows
        done = size
        yield size, sums / size
