"""The mean over test samples of the probability that the true class wins the vote (Eq. 1), and the curve it draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.measured import Simulation
from labelnoise.curves.vote_models import NeighborhoodVotes, VoteModel
from labelnoise.progress import track


@dataclass(frozen=True, eq=False)
class ExpectedVotes:
    """Eq. 1: the mean over test samples of the probability that the true class wins.

    `simulation` draws the same noise afresh; None where the neighbors, or where the noise lies, are not known.
    """

    votes: Sequence[NeighborhoodVotes]
    n_classes: int
    simulation: Simulation | None

    @property
    def class_counts(self) -> Integers:
        """Test samples of each class."""
        votes = self.votes[0]
        return np.bincount(votes.codes[votes.inverse], minlength=self.n_classes)

    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Probability that the vote is correct, for each test sample."""
        votes = next(votes for votes in self.votes if k in votes.ks)
        return votes.correct(noise_rate)[votes.inverse, votes.ks.index(k)]

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Mean over each class's test samples of the probability that each label wins."""
        votes = next(votes for votes in self.votes if k in votes.ks)
        weights = np.bincount(votes.inverse, minlength=len(votes.codes))
        sums = np.zeros((self.n_classes, self.n_classes))
        for block, wins in votes.wins(noise_rate, k):
            np.add.at(sums, votes.codes[block], weights[block, None] * wins)
        with np.errstate(invalid="ignore"):
            shares: Floats = sums / self.class_counts[:, None]
        return shares

    def redraw(self, noise_rate: float, ks: Integers, repeats: int) -> Floats | None:
        """Measured accuracies of noisy training sets, (repeats, n_k); None without a simulation."""
        return None if self.simulation is None else self.simulation.accuracies(noise_rate, ks, repeats)

    def curve(self, rates: Floats, ks: Integers, **record: Any) -> AccuracyCurve:
        """Evaluate at every noise rate and k; `record` holds the fields of the curve that say what was predicted."""
        sums = np.empty((len(rates), len(ks), self.n_classes))
        errors = np.zeros((len(rates), len(ks)))
        for row, rate in enumerate(track(rates, "predicting", total=len(rates))):
            for votes in self.votes:
                weights = np.bincount(votes.inverse, minlength=len(votes.codes))
                correct, error = votes.correct(float(rate)), votes.standard_error(float(rate))
                for column in np.flatnonzero(np.isin(ks, votes.ks)):
                    of_k = votes.ks.index(int(ks[column]))
                    sums[row, column] = np.bincount(
                        votes.codes, weights=weights * correct[:, of_k], minlength=self.n_classes
                    )
                    if error is not None:  # neighborhoods are sampled independently of each other
                        errors[row, column] = np.sqrt(np.sum((weights * error[:, of_k]) ** 2)) / weights.sum()
        counts = self.class_counts
        with np.errstate(invalid="ignore"):
            per_class = sums / counts
        return AccuracyCurve(
            noise_rates=rates,
            realized_noise_rates=rates,
            k=ks,
            accuracy=sums.sum(axis=2) / counts.sum(),
            per_class=per_class,
            n_test=int(counts.sum()),
            sampling_error=errors if errors.any() else None,
            _votes=self,
            **record,
        )


@dataclass(frozen=True, eq=False)
class Prediction(ExpectedVotes):
    """Expected votes that are known at any noise rate and concentration."""

    votes: Sequence[VoteModel]

    def surface(self, noise_rates: Floats, concentrations: Floats, k: int) -> Floats:
        """Mean accuracy, (n_rates, n_concentrations)."""
        return next(votes for votes in self.votes if k in votes.ks).surface(noise_rates, concentrations, k)
