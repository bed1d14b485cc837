"""Measured accuracy under label noise: real votes on really corrupted labels, the neighbors searched only once."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Codes, Features, Floats, Integers, Mask
from labelnoise.corruption import corrupt_codes
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.inputs import KnnInputs
from labelnoise.curves.source import CurveSource
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.votes import plurality_vote
from labelnoise.noise import NoiseModel
from labelnoise.placement.base import Placement, check_placement, check_placement_features
from labelnoise.placement.concentration import correlations_of, neighborhood_rates
from labelnoise.placement.spread import Spread
from labelnoise.sample_noise import draw_from_rows
from labelnoise.threads import for_each_block
from labelnoise.validation import check_count, check_noise_rates, check_ties, seed_of


class LabelSource(ABC):
    """Noisy training labels, drawn afresh as often as asked: the base class of the two ways to draw them."""

    @abstractmethod
    def draw(self, noise_rate: float, rng: np.random.Generator) -> tuple[Codes, Mask | None]:
        """Draw the codes of the noisy labels, and mark the samples that count as noisy; None where not known."""

    def stream(self, noise_rate: float) -> int:
        """Return the number that tells the random stream of one noise rate from those of the others."""
        return int(np.float64(noise_rate).view(np.uint64))

    def generator(self, seed: int, noise_rate: float, repeat: int) -> np.random.Generator:
        """Return the random numbers of one draw, which depend on nothing but the seed, the noise rate and the repeat.

        Whoever draws with them gets the same labels, whatever other noise rates are measured, and in whatever order.
        """
        return np.random.default_rng([seed, self.stream(noise_rate), repeat])


@dataclass(frozen=True, eq=False)
class PlacedNoise(LabelSource):
    """A placement selects samples, and the noise model redraws their labels."""

    codes: Codes
    n_classes: int
    noise: NoiseModel
    placement: Placement
    features: Features | None

    def draw(self, noise_rate: float, rng: np.random.Generator) -> tuple[Codes, Mask]:
        """Draw the noisy codes; the selected samples count as noisy."""
        return corrupt_codes(self.codes, self.n_classes, self.noise, noise_rate, self.placement, self.features, rng)


@dataclass(frozen=True, eq=False)
class RowNoise(LabelSource):
    """Every training label is drawn from its own row; `codes` are the clean ones, where known."""

    rows: Floats
    codes: Codes | None

    def draw(self, noise_rate: float, rng: np.random.Generator) -> tuple[Codes, Mask | None]:
        """Draw the noisy codes; the samples whose label changed count as noisy."""
        noisy = draw_from_rows(self.rows, rng)
        return noisy, None if self.codes is None else noisy != self.codes

    def stream(self, noise_rate: float) -> int:
        """Return 0: the rows hold all of the noise, and no noise rate acts."""
        return 0


@dataclass(frozen=True, eq=False)
class Draws:
    """Everything that determines the votes: any noise rate and repeat can be drawn again from the seed."""

    inputs: KnnInputs
    labels: LabelSource
    ties: str
    seed: int

    def votes(self, noise_rate: float, repeat: int, ks: Integers) -> tuple[Codes, Mask | None]:
        """Return the predicted codes (n_test, n_k), -1 for a strict tie, and the samples that count as noisy."""
        rng = self.labels.generator(self.seed, noise_rate, repeat)
        noisy, selected = self.labels.draw(noise_rate, rng)
        indices, n_classes = self.inputs.indices, self.inputs.n_classes
        tie_breaker = rng.random((len(indices), len(ks))) if self.ties == "random" else None
        return plurality_vote(noisy, indices, ks, n_classes, ties=self.ties, tie_breaker=tie_breaker), selected

    def accuracies(self, noise_rate: float, ks: Integers, repeats: int) -> Floats:
        """Return the accuracy of one noisy training set after the other, (repeats, n_k)."""
        truth = self.inputs.test_codes[:, None]
        return np.array([(self.votes(noise_rate, i, ks)[0] == truth).mean(axis=0) for i in range(repeats)])

    def measure(self, noise_rates: Floats, repeats: int, *, placed: bool = False) -> Measurement:
        """Vote at every noise rate and repeat; if `placed`, record where the noise lies as well."""
        inputs, ks = self.inputs, self.inputs.ks
        shape = len(noise_rates), repeats
        correct = np.zeros((len(noise_rates), len(ks), len(inputs.test_codes)), dtype=np.int32)
        runs, realized, around = np.empty((*shape, len(ks))), np.full(shape, np.nan), np.zeros((*shape, 2, len(ks)))
        counting = threading.Lock()

        def draw(number: int, _: int) -> None:
            row, repeat = divmod(number, repeats)
            predicted, selected = self.votes(float(noise_rates[row]), repeat, ks)
            right = predicted == inputs.test_codes[:, None]
            runs[row, repeat] = right.mean(axis=0)
            with counting:
                correct[row] += right.T
            if selected is not None:
                realized[row, repeat] = selected.mean()
                if placed:
                    around[row, repeat] = _noise_around(selected, inputs)

        for_each_block(draw, runs.shape[0] * repeats, 1, "measuring")
        neighborhoods = np.moveaxis(around.mean(axis=1), 0, 1) if placed else None
        return Measurement(self, noise_rates, repeats, correct, runs, realized.mean(axis=1), neighborhoods)


def _noise_around(selected: Mask, inputs: KnnInputs) -> Floats:
    """Return noise rate and concentration of a mask in the test samples' neighborhoods, (2, n_k)."""
    rate, found = float(selected.mean()), np.full((2, len(inputs.ks)), np.nan)
    for column, k in enumerate(inputs.ks.tolist()):
        rates = neighborhood_rates(selected, inputs.indices, k)
        found[0, column] = rates.mean()
        if k > 1 and 0 < rate < 1:
            found[1, column] = correlations_of(rates, rate, k).mean()
    return found


@dataclass(frozen=True, eq=False)
class Measurement(CurveSource):
    """Votes that have been cast.

    Attributes
    ----------
    draws : Draws
        What determined them.
    noise_rates : array of shape (n_rates,)
    repeats : int
        Noise draws per noise rate.
    correct : array of shape (n_rates, n_k, n_test)
        Number of repeats in which each test sample's vote is correct.
    runs : array of shape (n_rates, repeats, n_k)
        Accuracy of every repeat.
    realized : array of shape (n_rates,)
        Mean fraction of training samples that count as noisy.
    around : array of shape (2, n_rates, n_k) or None
        Mean noise rate and concentration in the test samples' neighborhoods.
    """

    draws: Draws
    noise_rates: Floats
    repeats: int
    correct: NDArray[np.int32]
    runs: Floats
    realized: Floats
    around: Floats | None

    def _place(self, noise_rate: float, k: int) -> tuple[int, int]:
        """Return row and column of a noise rate and k; a single noise rate is found whatever it is called."""
        row = 0 if len(self.noise_rates) == 1 else int(np.flatnonzero(self.noise_rates == noise_rate)[0])
        return row, int(np.flatnonzero(self.draws.inputs.ks == k)[0])

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Return the repeats' mean confusion matrix, from the same draws as the curve."""
        inputs = self.draws.inputs
        truth, n_classes = inputs.test_codes, inputs.n_classes
        counts = np.zeros(n_classes * n_classes)
        for repeat in range(self.repeats):
            predicted = self.draws.votes(noise_rate, repeat, inputs.ks)[0][:, self._place(noise_rate, k)[1]]
            voted = predicted >= 0
            counts += np.bincount(truth[voted] * n_classes + predicted[voted], minlength=n_classes * n_classes)
        totals = self.repeats * np.bincount(truth, minlength=n_classes)
        with np.errstate(invalid="ignore"):
            return counts.reshape(n_classes, n_classes) / totals[:, None]

    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Return the share of the repeats in which each test sample's vote is correct."""
        return self.correct[self._place(noise_rate, k)] / self.repeats

    def curve(self, setting: CurveSetting) -> AccuracyCurve:
        """Return the mean over the repeats as a curve."""
        inputs = self.draws.inputs
        truth, n_classes = inputs.test_codes, inputs.n_classes
        sums = [[np.bincount(truth, weights=n, minlength=n_classes) for n in level] for level in self.correct]
        with np.errstate(invalid="ignore"):
            per_class = np.array(sums) / (self.repeats * np.bincount(truth, minlength=n_classes))
        return AccuracyCurve(
            noise_rates=self.noise_rates,
            k=inputs.ks,
            accuracy=self.runs.mean(axis=1),
            per_class=per_class,
            setting=setting,
            realized_noise_rates=self.realized,
            source=self,
            runs=self.runs,
            neighborhood_noise_rates=None if self.around is None else self.around[0],
            realized_concentrations=None if self.around is None else self.around[1],
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
    classes: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = None,
) -> AccuracyCurve:
    """Measure the accuracy of a nearest-neighbor classifier on really corrupted labels, averaged over noise draws.

    At every noise rate and repeat the training labels are corrupted anew, and the K nearest neighbors of every test
    sample vote with them; the accuracy is the share of test samples whose true class wins. The tie rules are those of
    the predictions. No neighbor is searched again.

    Parameters
    ----------
    neighbors, train_labels, test_labels, noise, noise_rates, k
        As in `predict_knn`.
    placement : Placement, default Spread()
        Where the selected samples lie.
    features : array-like of shape (n_train, n_features), optional
        The training features, for placements that select samples by where they lie.
    ties : {"random", "lowest", "strict"}, default "random"
        As in `predict_knn`.
    repeats : int, default 10
        Noise draws per noise rate, at least 1.
    classes : sequence, optional
        As in `predict_knn`.
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
    check_placement(placement)
    check_ties(ties)
    rates, n_repeats = check_noise_rates(noise_rates), check_count(repeats, "repeats")
    inputs, train_codes, noise = KnnInputs.of_labels(neighbors, train_labels, test_labels, noise, k, classes)
    located = check_placement_features(placement, features, inputs.n_train)
    labels = PlacedNoise(train_codes, inputs.n_classes, noise, placement.prepare(located), located)
    draws = Draws(inputs, labels, ties, seed_of(random_state))
    measurement = draws.measure(rates, n_repeats, placed=not isinstance(placement, Spread))
    return measurement.curve(inputs.setting(ties, "measured", noise.parameters(), placement.parameters(), draws.seed))
