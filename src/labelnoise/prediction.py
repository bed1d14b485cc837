"""Predicted accuracy under label noise: Eq. 1 over Eq. 2 over Eq. 3, without drawing a single noisy label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.corruption import check_noise, encode_for_noise
from labelnoise.curves import AccuracyCurve, Floats
from labelnoise.labels import Codes, encode_labels
from labelnoise.local_rates import check_concentration, local_rate_distribution
from labelnoise.neighborhoods import Neighbors, as_neighbors
from labelnoise.neighborhoods import clean_distribution as neighbourhood_shares
from labelnoise.noise import NoiseModel, check_class_count, observed_distribution
from labelnoise.plurality import plurality_probability
from labelnoise.progress import track
from labelnoise.validation import check_choice, check_distributions, check_k, check_noise_rates

TIES = ("strict", "random", "lowest")
CONFUSION_BLOCK = 2**22  # probabilities held at once while a confusion matrix is summed


@dataclass(frozen=True, eq=False)
class CleanNeighbourhoods:
    """Distinct pairs of clean distribution and true class, and how many test samples share each.

    Neighbourhoods repeat (most of MNIST's are pure), and Q depends on nothing else: each pair is computed once.
    """

    clean: Floats  # (n_distinct, n_classes)
    codes: Codes  # (n_distinct,)
    counts: NDArray[np.int64]  # (n_distinct,)

    @classmethod
    def of(cls, clean: Floats, codes: Codes) -> CleanNeighbourhoods:
        """Group the test samples."""
        rows = np.column_stack([clean, codes])
        distinct, counts = np.unique(rows, axis=0, return_counts=True)
        return cls(np.ascontiguousarray(distinct[:, :-1]), distinct[:, -1].astype(np.int64), counts)


@dataclass(frozen=True, eq=False)
class Prediction:
    """The i.i.d. model of Eq. 2: every vote in a neighbourhood is an independent draw from its q.

    Under concentrated noise q is that of the neighbourhood's own noise rate, and the result an average over it.
    """

    neighbourhoods: dict[tuple[int, ...], CleanNeighbourhoods]  # by the k that they serve
    noise: NoiseModel
    ties: str
    concentration: float
    n_classes: int

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """Test samples of each class."""
        hoods = next(iter(self.neighbourhoods.values()))
        return np.bincount(hoods.codes, weights=hoods.counts, minlength=self.n_classes).astype(np.int64)

    def _of(self, k: int) -> CleanNeighbourhoods:
        return next(hoods for ks, hoods in self.neighbourhoods.items() if k in ks)

    def _correct(self, hoods: CleanNeighbourhoods, noise_rate: float, ks: tuple[int, ...]) -> Floats:
        """Probability that the true class wins, (n_distinct, len(ks)): Eq. 2 averaged over the local noise rate."""
        probability = np.zeros((len(hoods.codes), len(ks)))
        rates, weights = local_rate_distribution(noise_rate, self.concentration, max(ks))
        for rate, weight in zip(rates, weights, strict=True):
            q = observed_distribution(hoods.clean, self.noise, float(rate))
            probability += weight * plurality_probability(q, list(ks), hoods.codes, ties=self.ties)
        return probability

    def accuracy(self, noise_rate: float, k: int) -> float:
        """Eq. 1."""
        hoods = self._of(k)
        return float(np.average(self._correct(hoods, noise_rate, (k,))[:, 0], weights=hoods.counts))

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Mean over each class's test samples of the probability that each label wins."""
        hoods = self._of(k)
        sums = np.zeros((self.n_classes, self.n_classes))
        step = max(1, CONFUSION_BLOCK // self.n_classes)
        for rate, weight in zip(*local_rate_distribution(noise_rate, self.concentration, k), strict=True):
            for start in range(0, len(hoods.codes), step):
                rows = slice(start, start + step)
                q = observed_distribution(hoods.clean[rows], self.noise, float(rate))
                wins = plurality_probability(q, k, ties=self.ties)
                np.add.at(sums, hoods.codes[rows], weight * hoods.counts[rows, None] * wins)
        with np.errstate(invalid="ignore"):
            shares: Floats = sums / self.class_counts[:, None]
        return shares

    def curve(self, rates: Floats, ks: NDArray[np.int64], classes: NDArray[Any], n_train: int | None) -> AccuracyCurve:
        """Evaluate at every noise rate and k."""
        sums = np.empty((len(rates), len(ks), self.n_classes))
        for row, rate in enumerate(track(rates, "predicting", total=len(rates))):
            for served, hoods in self.neighbourhoods.items():
                correct = self._correct(hoods, float(rate), served) * hoods.counts[:, None]
                for column in np.flatnonzero(np.isin(ks, served)):
                    weights = correct[:, served.index(int(ks[column]))]
                    sums[row, column] = np.bincount(hoods.codes, weights=weights, minlength=self.n_classes)
        counts = self.class_counts
        with np.errstate(invalid="ignore"):
            per_class = sums / counts
        return AccuracyCurve(
            noise_rates=rates,
            realised_noise_rates=rates,
            k=ks,
            accuracy=sums.sum(axis=2) / counts.sum(),
            per_class=per_class,
            ties=self.ties,
            model="iid",
            noise=self.noise.parameters(),
            placement=expected_placement(self.concentration),
            classes=classes,
            n_test=int(counts.sum()),
            n_train=n_train,
            _votes=self,
        )


def expected_placement(concentration: float) -> dict[str, Any]:
    """The placement that a prediction stands for."""
    if concentration == 0:
        return {"name": "spread"}
    return {"name": "fully concentrated" if concentration == 1 else "concentrated", "concentration": concentration}


def accuracy_curve(
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    noise_rates: float | Iterable[float],
    k: int | Iterable[int],
    *,
    ties: str = "random",
    concentration: float = 0.0,
    classes: ArrayLike | None = None,
) -> AccuracyCurve:
    """Expected accuracy of a plurality vote under label noise, over noise rates and neighbourhood sizes.

    For every test sample s with true class y::

        q_j(s) = (1 - gamma) C_s(j) + gamma sum_i P[i, j] C_s(i)        (Eq. 3)
        Q(s)   = Pr(label y wins the plurality of K draws from q(s))    (Eq. 2)
        A      = mean of Q(s) over the test samples                     (Eq. 1)

    Under concentrated noise Q is averaged over a local noise rate that varies from neighbourhood to neighbourhood with
    mean gamma (`concentration`; section 3.4 of the paper is its end point 1).

    Parameters
    ----------
    clean_distribution : array-like of shape (n_test, n_classes)
        C, rows sum to 1: from `clean_distribution`, or the softmax (`pred_probs`) of a network trained on clean labels.
    labels : array-like of shape (n_test,)
        True classes of the test samples: integers 0..n_classes-1, or classes in the columns' order (see `classes`).
    noise : NoiseModel
        What a selected label becomes.
    noise_rates : float or sequence of float in [0, 1]
        gamma, the fractions selected.
    k : int or sequence of int
        Neighbourhood sizes K, each at least 1.
    ties : {"random", "lowest", "strict"}, default "random"
        What happens when labels share the largest count: one of them at random, the lowest class (scikit-learn's
        vote), or an error (Eq. 2 as printed).
    concentration : float in [0, 1], default 0
        rho: 0 for spread noise, 1 where neighbourhoods lie wholly inside or outside the corrupted region, so that
        A is (1 - gamma) times the accuracy without noise plus gamma times the accuracy at noise rate 1.
    classes : sequence, optional
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Returns
    -------
    AccuracyCurve
        Predicted accuracy, per class too; tolerance and confusion matrices on demand.

    Raises
    ------
    ValueError, TypeError
        Bad distributions, labels, rates, k or tie rule; each says what to do.

    References
    ----------
    Drory, Ratzon, Avidan and Giryes, "The Resistance to Label Noise in K-NN and CNN Depends on its Concentration".

    Examples
    --------
    >>> import labelnoise as ln
    >>> curve = ln.accuracy_curve([[1.0, 0.0]], [0], ln.FlipNoise(), [0.0, 0.25, 0.5], 3)
    >>> curve.accuracy.ravel().round(6).tolist()
    [1.0, 0.84375, 0.5]
    """
    check_noise(noise)
    check_choice(ties, TIES, "ties")
    rates = check_noise_rates(noise_rates)
    rho = check_concentration(concentration)
    ks, _ = check_k(k)
    clean = check_distributions(clean_distribution, "clean_distribution")
    if clean.ndim != 2 or len(clean) == 0:
        raise ValueError(f"`clean_distribution` must have shape (n_test, n_classes); got {clean.shape}.")
    n_classes = clean.shape[1]
    codes, known = encode_labels(
        labels, classes=classes, n_classes=n_classes, n_classes_is="one per column of `clean_distribution`"
    )
    if len(codes) != len(clean):
        raise ValueError(
            f"`clean_distribution` and `labels` must have one row and one label per test sample; "
            f"got {len(clean)} and {len(codes)}."
        )
    check_class_count(noise, n_classes)
    distinct_ks = tuple(np.unique(ks).tolist())
    prediction = Prediction({distinct_ks: CleanNeighbourhoods.of(clean, codes)}, noise, ties, rho, n_classes)
    return prediction.curve(rates, ks, known, None)


def check_knn_labels(
    neighbors: Any, train_labels: Any, test_labels: Any, noise: NoiseModel, ks: NDArray[np.int64]
) -> tuple[Neighbors, Codes, Codes, NDArray[Any]]:
    """Neighbours, training codes, test codes and classes that fit together."""
    train_codes, known = encode_for_noise(train_labels, noise, None, "train_labels")
    hoods = as_neighbors(neighbors, k=ks, n_train=len(train_codes))
    test_codes, _ = encode_labels(test_labels, classes=known, name="test_labels")
    if len(test_codes) != len(hoods.indices):
        raise ValueError(
            f"`test_labels` must have one label per query of `neighbors`; "
            f"got {len(test_codes)} labels and {len(hoods.indices)} queries."
        )
    check_class_count(noise, len(known))
    return hoods, train_codes, test_codes, known


def predict_knn(
    neighbors: Neighbors,
    train_labels: ArrayLike,
    test_labels: ArrayLike,
    noise: NoiseModel,
    noise_rates: float | Iterable[float],
    k: int | Iterable[int],
    *,
    ties: str = "random",
    model: str = "iid",
    concentration: float = 0.0,
) -> AccuracyCurve:
    """Predicted accuracy of a nearest-neighbour classifier trained on noisy labels (Eq. 1-3).

    As `accuracy_curve`, with the clean distribution taken at each k from the clean labels of that many neighbours.

    Parameters
    ----------
    neighbors : Neighbors
        Of the test samples among the training samples, at least ``max(k)`` each; a scikit-learn k-NN graph or an
        array of indices will do as well.
    train_labels : array-like of shape (n_train,)
        Clean training labels.
    test_labels : array-like of shape (n_test,)
        True labels of the queries (of the training samples themselves, if those were the queries).
    noise, noise_rates, k, ties, concentration
        As in `accuracy_curve`.
    model : {"iid"}
        "iid": the neighbours' labels are drawn independently from q(s), clean ones included (Eq. 2).

    Returns
    -------
    AccuracyCurve

    Raises
    ------
    ValueError, TypeError
        As `accuracy_curve`; test labels of a class that the training set lacks; fewer neighbours than k.

    Examples
    --------
    >>> import labelnoise as ln
    >>> features, labels = [[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1]
    >>> curve = ln.predict_knn(ln.neighbors(features, k=1), labels, labels, ln.FlipNoise(), [0.0, 0.2], 1)
    >>> curve.accuracy.ravel().tolist()
    [1.0, 0.8]
    """
    check_noise(noise)
    check_choice(ties, TIES, "ties")
    check_choice(model, ("iid",), "model")
    rates = check_noise_rates(noise_rates)
    rho = check_concentration(concentration)
    ks, _ = check_k(k)
    hoods, train_codes, test_codes, known = check_knn_labels(neighbors, train_labels, test_labels, noise, ks)
    all_codes = np.arange(len(known))
    prediction = Prediction(
        {
            (size,): CleanNeighbourhoods.of(
                neighbourhood_shares(train_codes, hoods, size, classes=all_codes), test_codes
            )
            for size in np.unique(ks).tolist()
        },
        noise,
        ties,
        rho,
        len(known),
    )
    return prediction.curve(rates, ks, known, len(train_codes))
