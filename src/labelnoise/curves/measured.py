"""Measured accuracy under label noise: real votes on really corrupted labels, the neighbors searched only once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Codes, Features, Floats, Integers, Mask
from labelnoise.corruption import corrupt_codes
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.neighbors import Neighbors, as_neighbors
from labelnoise.neighborhoods.votes import plurality_vote
from labelnoise.noise import NoiseModel, check_class_count, check_noise, encode_for_noise
from labelnoise.placement.base import Placement, check_placement, check_placement_features
from labelnoise.placement.concentration import correlations_of, neighborhood_rates
from labelnoise.placement.spread import Spread
from labelnoise.progress import track
from labelnoise.validation import check_count, check_ks, check_noise_rates, check_ties, seed_of


class LabelSource(Protocol):
    """Noisy training labels, drawn afresh as often as asked."""

    def draw(self, noise_rate: float, rng: np.random.Generator) -> tuple[Codes, Mask]:
        """Codes of the noisy labels, and the samples that count as noisy."""
        ...


@dataclass(frozen=True, eq=False)
class PlacedNoise:
    """A placement selects, and the noise model redraws what it selects."""

    codes: Codes
    n_classes: int
    noise: NoiseModel
    placement: Placement
    features: Features | None

    def draw(self, noise_rate: float, rng: np.random.Generator) -> tuple[Codes, Mask]:
        """The noisy codes and the selected samples."""
        return corrupt_codes(self.codes, self.n_classes, self.noise, noise_rate, self.placement, self.features, rng)


@dataclass(frozen=True, eq=False)
class Simulation:
    """Everything that determines the votes; any level and repeat can be drawn again from the seed."""

    indices: NDArray[np.integer[Any]]  # (n_test, max k), nearest first
    source: LabelSource
    test_codes: Codes
    n_classes: int
    ties: str
    seed: int

    def votes(self, noise_rate: float, repeat: int, ks: Integers) -> tuple[Codes, Mask]:
        """Predicted codes (n_test, n_k), -1 for a strict tie, and the samples that were selected.

        The draw depends on the seed, the noise rate and the repeat alone, not on which other levels are measured.
        """
        rng = np.random.default_rng([self.seed, int(np.float64(noise_rate).view(np.uint64)), repeat])
        noisy, selected = self.source.draw(noise_rate, rng)
        tie_breaker = rng.random((len(self.test_codes), len(ks))) if self.ties == "random" else None
        predicted = plurality_vote(noisy, self.indices, ks, self.n_classes, ties=self.ties, tie_breaker=tie_breaker)
        return predicted, selected

    def found_around(self, selected: Mask, ks: Integers) -> Floats:
        """Noise rate and concentration of the selected samples in the test samples' neighborhoods, (2, n_k)."""
        rate, found = float(selected.mean()), np.full((2, len(ks)), np.nan)
        for column, k in enumerate(ks.tolist()):
            around = neighborhood_rates(selected, self.indices, k)
            found[0, column] = around.mean()
            if k > 1 and 0 < rate < 1:
                found[1, column] = correlations_of(around, rate, k).mean()
        return found

    def accuracies(self, noise_rate: float, ks: Integers, repeats: int) -> Floats:
        """Accuracy of one noisy training set after the other, (repeats, n_k)."""
        every = range(repeats)
        correct = (self.votes(noise_rate, repeat, ks)[0] == self.test_codes[:, None] for repeat in every)
        return np.array([votes.mean(axis=0) for votes in correct])

    def curve(self, rates: Floats, ks: Integers, repeats: int, *, placed: bool = False, **record: Any) -> AccuracyCurve:
        """Measure every level, if `placed` where the noise lies too; `record` says what was measured, for the curve."""
        correct = np.zeros((len(rates), len(ks), len(self.test_codes)), dtype=np.int32)
        runs = np.empty((len(rates), repeats, len(ks)))
        realized = np.zeros(len(rates))
        around = np.zeros((2, len(rates), len(ks)))
        draws = [(row, repeat) for row in range(len(rates)) for repeat in range(repeats)]
        for row, repeat in track(draws, "measuring", total=len(draws)):
            predicted, selected = self.votes(float(rates[row]), repeat, ks)
            right = predicted == self.test_codes[:, None]
            correct[row] += right.T
            runs[row, repeat] = right.mean(axis=0)
            realized[row] += selected.mean() / repeats
            if placed:
                around[:, row] += self.found_around(selected, ks) / repeats
        sums = [[np.bincount(self.test_codes, weights=n, minlength=self.n_classes) for n in level] for level in correct]
        with np.errstate(invalid="ignore"):
            per_class = np.array(sums) / (repeats * np.bincount(self.test_codes, minlength=self.n_classes))
        return AccuracyCurve(
            noise_rates=rates,
            realized_noise_rates=realized,
            k=ks,
            accuracy=runs.mean(axis=1),
            per_class=per_class,
            ties=self.ties,
            model="measured",
            n_test=len(self.test_codes),
            runs=runs,
            seed=self.seed,
            neighborhood_noise_rates=around[0] if placed else None,
            realized_concentrations=around[1] if placed else None,
            _votes=MeasuredVotes(self, rates, ks, repeats, correct),
            **record,
        )


@dataclass(frozen=True, eq=False)
class MeasuredVotes:
    """A simulation that has been run, and how often each test sample's vote was correct, (n_rates, n_k, n_test)."""

    simulation: Simulation
    rates: Floats
    ks: Integers
    repeats: int
    correct: NDArray[np.int32]

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """The repeats' mean confusion matrix; the same draws as in the curve."""
        truth, n_classes = self.simulation.test_codes, self.simulation.n_classes
        column = int(np.flatnonzero(self.ks == k)[0])
        counts = np.zeros(n_classes * n_classes)
        for repeat in range(self.repeats):
            predicted = self.simulation.votes(noise_rate, repeat, self.ks)[0][:, column]
            voted = predicted >= 0
            counts += np.bincount(truth[voted] * n_classes + predicted[voted], minlength=n_classes * n_classes)
        totals = self.repeats * np.bincount(truth, minlength=n_classes)
        with np.errstate(invalid="ignore"):
            shares: Floats = counts.reshape(n_classes, n_classes) / totals[:, None]
        return shares

    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Share of the repeats in which each test sample's vote is correct."""
        row, column = int(np.flatnonzero(self.rates == noise_rate)[0]), int(np.flatnonzero(self.ks == k)[0])
        return self.correct[row, column] / self.repeats


def check_knn_labels(
    neighbors: Any, train_labels: Any, test_labels: Any, noise: NoiseModel, ks: Integers
) -> tuple[Neighbors, Codes, Codes, NDArray[Any]]:
    """Neighbors, training codes, test codes and classes that fit together."""
    train_codes, known = encode_for_noise(train_labels, noise, None, "train_labels")
    hoods = as_neighbors(neighbors, k=ks, n_train=len(train_codes))
    test_codes, _ = encode_labels(test_labels, classes=known, name="test_labels")
    check_test_count(test_codes, hoods)
    check_class_count(noise, len(known))
    return hoods, train_codes, test_codes, known


def check_test_count(test_codes: Codes, hoods: Neighbors) -> None:
    """Whether there is one test label for each query."""
    if len(test_codes) != len(hoods.indices):
        raise ValueError(
            f"`test_labels` must have one label per query of `neighbors`; "
            f"got {len(test_codes)} labels and {len(hoods.indices)} queries."
        )


def simulate_knn(
    neighbors: Neighbors,
    train_labels: ArrayLike,
    test_labels: ArrayLike,
    noise: NoiseModel,
    noise_rates: float | Iterable[float],
    k: int | Iterable[int],
    *,
    placement: Placement = Spread(),  # noqa: B008  a frozen value
    features: ArrayLike | None = None,
    ties: str = "random",
    repeats: int = 10,
    random_state: int | np.random.Generator | None = None,
) -> AccuracyCurve:
    """Measured accuracy of a nearest-neighbor classifier on really corrupted labels, averaged over noise draws.

    At every noise rate and repeat the training labels are corrupted anew, and the K nearest neighbors of every test
    sample vote with them; the accuracy is the share of test samples whose true class wins. The same tie rules as in
    the predictions. Nothing is searched or fitted again.

    Parameters
    ----------
    neighbors, train_labels, test_labels, noise, noise_rates, k, ties
        As in `predict_knn`.
    placement : Placement, default Spread()
        Where the selected samples lie.
    features : array-like of shape (n_train, n_features), optional
        The training features, for placements that look at where samples lie.
    repeats : int, default 10
        Noise draws a level, at least 1.
    random_state : int, numpy.random.Generator or None
        The seed used is in the result.

    Returns
    -------
    AccuracyCurve
        With `runs`, `std` and `standard_error` over the repeats, and the realized noise rates.

    Raises
    ------
    ValueError, TypeError
        As `predict_knn` and `corrupt`.

    Examples
    --------
    >>> import labelnoise as ln
    >>> features, labels = [[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1]
    >>> curve = ln.simulate_knn(ln.neighbors(features, k=1), labels, labels, ln.FlipNoise(), [0.0, 0.25, 1.0], 1)
    >>> curve.accuracy.ravel().tolist()
    [1.0, 0.75, 0.0]
    """
    check_noise(noise)
    check_placement(placement)
    check_ties(ties)
    rates = check_noise_rates(noise_rates)
    ks = check_ks(k)
    n_repeats = check_count(repeats, "repeats")
    hoods, train_codes, test_codes, known = check_knn_labels(neighbors, train_labels, test_labels, noise, ks)
    located = check_placement_features(placement, features, len(train_codes))
    simulation = Simulation(
        indices=hoods.indices,
        source=PlacedNoise(train_codes, len(known), noise, placement.prepare(located), located),
        test_codes=test_codes,
        n_classes=len(known),
        ties=ties,
        seed=seed_of(random_state),
    )
    return simulation.curve(
        rates,
        ks,
        n_repeats,
        placed=not isinstance(placement, Spread),
        noise=noise.parameters(),
        placement=placement.parameters(),
        classes=known,
        n_train=len(train_codes),
    )
