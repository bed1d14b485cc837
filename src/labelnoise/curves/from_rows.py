r"""Accuracy under noise that depends on each sample: training sample i has its own row T_i = Pr(noisy label | i).

Any noise that draws labels independently of each other is of this kind: a placement's realized mask or its chances of
selection (`labelnoise.sample_noise.noise_rows`), or mistakes that a classifier is tempted to make (`softmax_rows`).
Predicted without drawing a training set, and measured on training sets drawn from the rows, as each other's check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from labelnoise.arrays import Codes, Floats, Integers, Mask
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.expected_votes import ExpectedVotes
from labelnoise.curves.measured import MeasuredVotes, Simulation, check_test_count
from labelnoise.curves.vote_models import MODELS, IidVotes, NeighborhoodVotes
from labelnoise.finite.row_votes import RowTable, RowVotes
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.neighbors import Neighbors, as_neighbors
from labelnoise.noise import UniformNoise
from labelnoise.sample_noise import check_rows, draw_from_rows
from labelnoise.validation import check_choice, check_count, check_ks, check_ties, seed_of

NAME = {"name": "sample-dependent"}


@dataclass(frozen=True, eq=False)
class RowNoise:
    """Every training label drawn from its own row; `codes` are the clean ones, where known."""

    rows: Floats
    codes: Codes | None

    def draw(self, noise_rate: float, rng: np.random.Generator) -> tuple[Codes, Mask]:
        """The noisy codes, and the samples whose label changed; the rows hold the noise, no rate acts."""
        noisy = draw_from_rows(self.rows, rng)
        return noisy, np.zeros(len(noisy), dtype=bool) if self.codes is None else noisy != self.codes


@dataclass(frozen=True, eq=False)
class OneLevel:
    """The only level there is, whatever its noise rate: it was computed as noise rate 0."""

    votes: ExpectedVotes | MeasuredVotes
    simulation: Simulation

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Share of each predicted class for each true class."""
        return self.votes.confusion(0.0, k)

    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Probability or share of a correct vote, for each test sample."""
        return self.votes.per_sample(0.0, k)

    def redraw(self, noise_rate: float, ks: Integers, repeats: int) -> Floats:
        """Measured accuracies of noisy training sets, (repeats, n_k)."""
        return self.simulation.accuracies(0.0, ks, repeats)


class _Checked(NamedTuple):
    """Arguments that fit together."""

    indices: NDArray[Any]
    source: RowNoise
    test_codes: Codes
    classes: NDArray[Any]
    ks: Integers

    def simulation(self, ties: str, seed: int) -> Simulation:
        """Votes on labels drawn from the rows."""
        return Simulation(self.indices, self.source, self.test_codes, len(self.classes), ties, seed)

    def as_level(self, curve: AccuracyCurve, votes: ExpectedVotes | MeasuredVotes, simulation: Simulation) -> Any:
        """The curve with the rows' own noise rate: the expected share of labels that change."""
        rows, codes = self.source.rows, self.source.codes
        expected = np.nan if codes is None else 1 - rows[np.arange(len(rows)), codes].mean()
        realized = curve.realized_noise_rates if curve.measured and codes is not None else np.array([expected])
        return replace(
            curve,
            noise_rates=np.array([expected]),
            realized_noise_rates=realized,
            _votes=OneLevel(votes, simulation),
        )


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
    r"""Predicted accuracy of a nearest-neighbor classifier whose training labels are drawn from rows of their own.

    With :math:`T_i` the row of training sample i, the K neighbors' votes are independent draws, one from each
    neighbor's row; the count of each label is Poisson-multinomial (section 9 of the theory). ``model="iid"`` replaces
    them by K draws from the mean row, and applies Eq. 2:

    .. math:: q(s) = \frac{1}{K} \sum_{i \in N_K(s)} T_i

    Parameters
    ----------
    neighbors : Neighbors
        Of the test samples among the training samples, at least ``max(k)`` each; a scikit-learn k-NN graph or an array
        of indices will do as well.
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
        "finite": exact in every neighborhood whose uncertain rows (more than one possible label) are all the same
        row: any mask under uniform or flip noise, any mask among neighbors of one class. Elsewhere, and where many
        classes and a large k would take too long, votes are drawn (`AccuracyCurve.sampling_error`, at most 0.0005 from
        64 test samples on). "iid": exact for Eq. 2, which is wrong in single
        neighborhoods wherever rows are nearly certain.
    classes : sequence, optional
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Returns
    -------
    AccuracyCurve
        One level; `per_sample` and `confusion` need no noise rate.

    Raises
    ------
    ValueError, TypeError
        Rows that are no distributions or not one for each training sample; labels that are no columns; fewer
        neighbors than k.

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
    checked = _check(neighbors, rows, test_labels, k, train_labels, classes)
    noisy, codes, n_classes = checked.source.rows, checked.test_codes, len(checked.classes)
    votes: list[NeighborhoodVotes]
    if model == "iid":  # at noise rate 0, where no noise model acts: the rows hold the noise
        votes = [
            IidVotes.of(q, codes, (size,), UniformNoise(), ties, 0.0)
            for size, q in _mean_rows(noisy, checked.indices, checked.ks)
        ]
    else:
        table = RowTable.build(noisy)
        votes = [RowVotes.of(table, checked.indices[:, :size], codes, ties) for size in np.unique(checked.ks).tolist()]
    simulation = checked.simulation(ties, seed=0)
    expected = ExpectedVotes(votes, n_classes, simulation)
    curve = expected.curve(
        np.zeros(1),
        checked.ks,
        ties=ties,
        model=model,
        noise=NAME,
        placement=NAME,
        classes=checked.classes,
        n_train=len(noisy),
    )
    return checked.as_level(curve, expected, simulation)


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
    """Measured accuracy of a nearest-neighbor classifier whose training labels are drawn from rows of their own.

    In every repeat each training label is drawn from its row, y_i ~ T_i, and the K nearest neighbors of every test
    sample vote with them: the exact Monte Carlo of `predict_with_rows`. Nothing is searched again.

    Parameters
    ----------
    neighbors, rows, test_labels, k, train_labels, ties, classes
        As in `predict_with_rows`.
    repeats : int, default 10
        Training sets drawn, at least 1.
    random_state : int, numpy.random.Generator or None
        The seed used is in the result.

    Returns
    -------
    AccuracyCurve
        One level, with `runs`, `std` and `standard_error` over the repeats.

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
    checked = _check(neighbors, rows, test_labels, k, train_labels, classes)
    simulation = checked.simulation(ties, seed_of(random_state))
    curve = simulation.curve(
        np.zeros(1),
        checked.ks,
        n_repeats,
        noise=NAME,
        placement=NAME,
        classes=checked.classes,
        n_train=len(checked.source.rows),
    )
    assert isinstance(curve._votes, MeasuredVotes)
    return checked.as_level(curve, curve._votes, simulation)


def _mean_rows(rows: Floats, indices: NDArray[Any], ks: Integers) -> Iterator[tuple[int, Floats]]:
    """q at every k, smallest first; each adds its own neighbors to the sums of the one before."""
    sums, done = np.zeros((len(indices), rows.shape[1])), 0
    for size in np.unique(ks).tolist():
        added = np.ascontiguousarray(indices[:, done:size])
        ends = np.arange(0, added.size + 1, size - done)
        sums += sparse.csr_array((np.ones(added.size), added.ravel(), ends), shape=(len(indices), len(rows))) @ rows
        done = size
        yield size, sums / size


def _check(neighbors: Any, rows: Any, test_labels: Any, k: Any, train_labels: Any, classes: Any) -> _Checked:
    ks = check_ks(k)
    noisy = check_rows(rows)
    hoods = as_neighbors(neighbors, k=ks)
    exact = isinstance(neighbors, Neighbors) or sparse.issparse(neighbors)  # indices show the largest of them alone
    if hoods.n_train > len(noisy) or (exact and hoods.n_train != len(noisy)):
        raise ValueError(
            f"`rows` must have one row per training sample, {hoods.n_train} of them; got {len(noisy)}. "
            f"Pass the rows of the samples that were searched, in the same order."
        )
    columns = {"n_classes": noisy.shape[1], "n_classes_is": "one per column of `rows`"}
    test_codes, known = encode_labels(test_labels, classes=classes, name="test_labels", **columns)
    check_test_count(test_codes, hoods)
    train_codes = None
    if train_labels is not None:
        train_codes, _ = encode_labels(train_labels, classes=known, name="train_labels")
        if len(train_codes) != len(noisy):
            raise ValueError(
                f"`train_labels` and `rows` must have one entry per training sample; got {len(train_codes)} and "
                f"{len(noisy)}."
            )
    return _Checked(hoods.indices, RowNoise(noisy, train_codes), test_codes, known, ks)
