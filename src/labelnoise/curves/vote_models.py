"""The probability that each test sample's true class wins its neighborhood's vote, under two models of the votes.

`IidVotes` draws every vote from the neighborhood's q (Eq. 2); it needs only a clean distribution. `FiniteVotes` holds
the clean labels of the K neighbors fixed and draws the corruption alone; it needs the labels. Test samples whose
neighborhood and true class are the same are computed once: most of MNIST's neighborhoods are pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.curves.local_rates import local_rate_distribution
from labelnoise.finite import VoteProfiles, distinct_patterns, selected_count_distribution, vote_profiles
from labelnoise.noise import NoiseModel, observed_distribution
from labelnoise.plurality.probability import plurality_probability

MODELS = ("finite", "iid")
BLOCK = 2**22  # probabilities of all classes held at once


class NeighborhoodVotes(Protocol):
    """Distinct neighborhoods, and the probabilities of winning in each."""

    @property
    def ks(self) -> tuple[int, ...]:
        """The neighborhood sizes it serves."""
        ...

    @property
    def codes(self) -> Codes:
        """True class of each distinct neighborhood, (n_distinct,)."""
        ...

    @property
    def inverse(self) -> NDArray[np.intp]:
        """Which distinct neighborhood each test sample has, (n_test,)."""
        ...

    def correct(self, noise_rate: float) -> Floats:
        """Probability that the true class wins, (n_distinct, len(ks))."""
        ...

    def standard_error(self, noise_rate: float) -> Floats | None:
        """Of `correct`, where it was sampled; None where it is exact."""
        ...

    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """Probability that each class wins, (n, n_classes), for blocks of distinct neighborhoods."""
        ...


class VoteModel(NeighborhoodVotes, Protocol):
    """Votes whose probabilities are known at any noise rate and concentration."""

    def surface(self, noise_rates: Floats, concentrations: Floats, k: int) -> Floats:
        """Mean accuracy over all test samples, (n_rates, n_concentrations)."""
        ...


@dataclass(frozen=True, eq=False)
class IidVotes:
    """Every vote is an independent draw from q (Eq. 2 and 3).

    Under concentrated noise q is that of the neighborhood's own noise rate, and the result an average over it.
    """

    clean: Floats
    codes: Codes
    inverse: NDArray[np.intp]
    ks: tuple[int, ...]
    noise: NoiseModel
    ties: str
    concentration: float

    @classmethod
    def of(
        cls, clean: Floats, codes: Codes, ks: tuple[int, ...], noise: NoiseModel, ties: str, concentration: float
    ) -> IidVotes:
        """From one clean distribution and true class a test sample."""
        rows, inverse = np.unique(np.column_stack([clean, codes]), axis=0, return_inverse=True)
        distinct = np.ascontiguousarray(rows[:, :-1])
        return cls(distinct, rows[:, -1].astype(np.int64), inverse.ravel(), ks, noise, ties, concentration)

    def correct(self, noise_rate: float) -> Floats:
        """Eq. 2, averaged over the local noise rate."""
        probability = np.zeros((len(self.codes), len(self.ks)))
        rates, weights = local_rate_distribution(noise_rate, self.concentration, max(self.ks))
        for rate, weight in zip(rates, weights, strict=True):
            q = observed_distribution(self.clean, self.noise, float(rate))
            probability += weight * plurality_probability(q, list(self.ks), self.codes, ties=self.ties)
        return probability

    def standard_error(self, noise_rate: float) -> None:
        """Nothing is sampled."""
        return

    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """Eq. 2 for every label."""
        step = max(1, BLOCK // self.clean.shape[1])
        for start in range(0, len(self.codes), step):
            block = slice(start, start + step)
            probability = np.zeros_like(self.clean[block])
            for rate, weight in zip(*local_rate_distribution(noise_rate, self.concentration, k), strict=True):
                q = observed_distribution(self.clean[block], self.noise, float(rate))
                probability += weight * plurality_probability(q, k, ties=self.ties)
            yield block, probability

    def surface(self, noise_rates: Floats, concentrations: Floats, k: int) -> Floats:
        """The mean accuracy is a polynomial of degree k in the local noise rate: interpolated once, exactly."""
        spread = replace(self, ks=(k,), concentration=0.0)
        weights = np.bincount(self.inverse, minlength=len(self.codes)) / len(self.inverse)
        polynomial = Chebyshev.interpolate(
            lambda rates: np.array([weights @ spread.correct(float(rate))[:, 0] for rate in rates]), k, domain=[0, 1]
        )
        surface = np.empty((len(noise_rates), len(concentrations)))
        for row, noise_rate in enumerate(noise_rates):
            for column, concentration in enumerate(concentrations):
                local, share = local_rate_distribution(float(noise_rate), float(concentration), k)
                surface[row, column] = share @ polynomial(local)
        return np.clip(surface, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class FiniteVotes:
    """The K clean labels are fixed, and m of them are selected; the noise rate acts through Pr(m) alone.

    Under spread noise an exact share of the training set is selected, so that m is hypergeometric; under concentrated
    noise it is beta-binomial.
    """

    label_counts: Integers
    codes: Codes
    inverse: NDArray[np.intp]
    profiles: VoteProfiles
    noise: NoiseModel
    ties: str
    concentration: float
    n_train: int

    @classmethod
    def of(
        cls,
        label_counts: Integers,
        codes: Codes,
        noise: NoiseModel,
        ties: str,
        concentration: float,
        n_train: int,
    ) -> FiniteVotes:
        """From the label counts of one neighborhood and the true class a test sample."""
        distinct = distinct_patterns(label_counts, codes)
        profiles = vote_profiles(distinct.counts, distinct.labels, noise, ties=ties, random_state=0)
        return cls(distinct.counts, distinct.labels, distinct.inverse, profiles, noise, ties, concentration, n_train)

    @property
    def ks(self) -> tuple[int, ...]:
        """One neighborhood size."""
        return (self.profiles.k,)

    def _selected(self, noise_rate: float) -> Floats:
        return selected_count_distribution(
            self.profiles.k, noise_rate, n_train=self.n_train, concentration=self.concentration
        )

    def correct(self, noise_rate: float) -> Floats:
        """Sum over m of Pr(m) W[m]."""
        return np.clip(self.profiles.expected(self._selected(noise_rate)), 0.0, 1.0)[:, None]

    def standard_error(self, noise_rate: float) -> Floats | None:
        """Of neighborhoods whose profile was sampled."""
        if self.profiles.exact:
            return None
        return self.profiles.expected_standard_error(self._selected(noise_rate))[:, None]

    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """The profiles of every label."""
        n_classes = self.label_counts.shape[1]
        step = max(1, BLOCK // (n_classes * (k + 1)))
        for start in range(0, len(self.codes), step):
            block = slice(start, start + step)
            profiles = vote_profiles(self.label_counts[block], None, self.noise, ties=self.ties, random_state=0)
            yield block, np.clip(profiles.expected(self._selected(noise_rate)), 0.0, 1.0)

    def surface(self, noise_rates: Floats, concentrations: Floats, k: int) -> Floats:
        """The mean profile serves them all."""
        weights = np.bincount(self.inverse, minlength=len(self.codes)) / len(self.inverse)
        mean_profile = weights @ self.profiles.win
        surface = np.empty((len(noise_rates), len(concentrations)))
        for row, noise_rate in enumerate(noise_rates):
            for column, concentration in enumerate(concentrations):
                selected = selected_count_distribution(
                    k, float(noise_rate), n_train=self.n_train, concentration=float(concentration)
                )
                surface[row, column] = mean_profile @ selected
        return np.clip(surface, 0.0, 1.0)
