"""The probability that each test sample's true class wins its neighborhood's vote, under three models of the votes.

`IidVotes` draws every vote from the neighborhood's q (Eq. 2); it needs only a clean distribution. `FiniteVotes` holds
the clean labels of the K neighbors fixed and draws the corruption alone; it needs the labels. `RowVotes` draws each
neighbor's label from that neighbor's own row. Test samples whose neighborhood and true class are the same are computed
once: most of MNIST's neighborhoods are pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.curves.local_rates import local_rate_distribution
from labelnoise.finite import VoteProfiles, distinct_patterns, selected_count_distribution, vote_profiles
from labelnoise.finite.row_votes import RowTable, win_probabilities
from labelnoise.noise import NoiseModel, observed_distribution
from labelnoise.plurality.probability import plurality_of_blocks

MODELS = ("finite", "iid")
DRAWN_IN_ALL = 2**20
"""Draws shared out to all neighborhoods: from 64 of them on, their mean's standard error is 0.0005 or less."""
FEWEST_DRAWS, MOST_DRAWS = 256, 2**14
_BLOCK = 2**22  # probabilities of all classes held at once


@dataclass(frozen=True, eq=False)
class VoteModel(ABC):
    """Distinct neighborhoods, and the probability that a label wins the vote in each: the base class of the models.

    Attributes
    ----------
    codes : array of shape (n_distinct,)
        True class of each distinct neighborhood.
    inverse : array of shape (n_test,)
        Which distinct neighborhood each test sample has.
    ks : tuple of int
        The neighborhood sizes that the model serves.
    """

    codes: Codes
    inverse: NDArray[np.intp]
    ks: tuple[int, ...]

    @property
    def any_rate(self) -> bool:
        """Whether a noise rate acts on the votes; False where rows hold all of the noise."""
        return True

    @property
    def weights(self) -> Integers:
        """Number of test samples per distinct neighborhood, (n_distinct,)."""
        return np.bincount(self.inverse, minlength=len(self.codes))

    @abstractmethod
    def correct(self, noise_rate: float) -> Floats:
        """Return the probability that the true class wins, (n_distinct, len(ks))."""

    def standard_error(self, noise_rate: float) -> Floats | None:
        """Return the standard error of `correct` where it was sampled; None where it is exact."""
        return None

    @abstractmethod
    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """Yield the probability that each class wins, (n, n_classes), for blocks of distinct neighborhoods."""


@dataclass(frozen=True, eq=False)
class IidVotes(VoteModel):
    """Every vote is an independent draw from q (Eq. 2 and 3).

    Under concentrated noise q is that of the neighborhood's own noise rate, and the result is an average over it.
    Without a noise model, `clean` is q itself.
    """

    clean: Floats
    noise: NoiseModel | None
    ties: str
    concentration: float = 0.0

    @classmethod
    def of(
        cls,
        clean: Floats,
        codes: Codes,
        ks: tuple[int, ...],
        noise: NoiseModel | None,
        ties: str,
        concentration: float = 0.0,
    ) -> IidVotes:
        """Build the model from one clean distribution and one true class per test sample."""
        first, inverse = _distinct_rows(clean, codes)
        rows = clean if len(first) == len(clean) else clean[first]
        if len(first) == len(clean):  # No copy is made of rows that are all distinct.
            first, inverse = np.arange(len(clean)), np.arange(len(clean))
        return cls(codes[first], inverse, ks, rows, noise, ties, concentration)

    @property
    def any_rate(self) -> bool:
        """Whether there is a noise model for the rate to act through."""
        return self.noise is not None

    def _average(self, noise_rate: float, ks: tuple[int, ...], labels: Codes, block: slice = slice(None)) -> Floats:
        """Return Eq. 2 for some labels of each distinct neighborhood, averaged over the local noise rate."""
        clean, total = self.clean[block], np.zeros((*labels.shape, len(ks)))
        for rate, weight in zip(*local_rate_distribution(noise_rate, self.concentration, max(ks)), strict=True):

            def observed(rows: slice, rate: float = float(rate)) -> Floats:
                return clean[rows] if self.noise is None else observed_distribution(clean[rows], self.noise, rate)

            total += weight * plurality_of_blocks(observed, labels, np.array(ks), clean.shape[1], self.ties)
        return total

    def correct(self, noise_rate: float) -> Floats:
        """Return Eq. 2, averaged over the local noise rate."""
        return self._average(noise_rate, self.ks, self.codes[:, None])[:, 0]

    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """Yield Eq. 2 for every label."""
        for block in _blocks(*self.clean.shape):
            every = np.broadcast_to(np.arange(self.clean.shape[1]), self.clean[block].shape)
            yield block, self._average(noise_rate, (k,), every, block)[..., 0]

    def mean_accuracy(self, k: int) -> Callable[[float, float], float]:
        """Return the mean accuracy over all test samples as a function of noise rate and concentration.

        It is a polynomial of degree k in the local noise rate, and interpolated once, exactly.
        """
        spread = replace(self, ks=(k,), concentration=0.0)
        weights = self.weights / len(self.inverse)
        polynomial = Chebyshev.interpolate(
            lambda rates: np.array([weights @ spread.correct(float(rate))[:, 0] for rate in rates]), k, domain=[0, 1]
        )

        def mean(noise_rate: float, concentration: float) -> float:
            local, share = local_rate_distribution(noise_rate, concentration, k)
            return float(share @ polynomial(local))

        return mean


@dataclass(frozen=True, eq=False)
class FiniteVotes(VoteModel):
    """The K clean labels are fixed, and m of them are selected; the noise rate acts through Pr(m) alone.

    Under spread noise an exact share of the training set is selected, so that m is hypergeometric; under concentrated
    noise it is beta-binomial.
    """

    label_counts: Integers
    profiles: VoteProfiles
    noise: NoiseModel
    ties: str
    concentration: float
    n_train: int

    @classmethod
    def of(
        cls, label_counts: Integers, codes: Codes, noise: NoiseModel, ties: str, concentration: float, n_train: int
    ) -> FiniteVotes:
        """Build the model from the neighbors' label counts and the true class of each test sample."""
        distinct = distinct_patterns(label_counts, codes)
        profiles = vote_profiles(distinct.counts, distinct.labels, noise, ties=ties, random_state=0)
        known = (distinct.labels, distinct.inverse, (profiles.k,), distinct.counts, profiles)
        return cls(*known, noise, ties, concentration, n_train)

    def _selected(self, noise_rate: float, concentration: float) -> Floats:
        k = self.profiles.k
        return selected_count_distribution(k, noise_rate, n_train=self.n_train, concentration=concentration)

    def correct(self, noise_rate: float) -> Floats:
        """Return the sum over m of Pr(m) W[m]."""
        selected = self._selected(noise_rate, self.concentration)
        return np.clip(self.profiles.expected(selected), 0.0, 1.0)[:, None]

    def standard_error(self, noise_rate: float) -> Floats | None:
        """Return the standard error in neighborhoods whose profile was sampled."""
        if self.profiles.exact:
            return None
        return self.profiles.expected_standard_error(self._selected(noise_rate, self.concentration))[:, None]

    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """Yield the same for every label, from profiles of its own."""
        selected = self._selected(noise_rate, self.concentration)
        for block in _blocks(len(self.codes), self.label_counts.shape[1] * (k + 1)):
            profiles = vote_profiles(self.label_counts[block], None, self.noise, ties=self.ties, random_state=0)
            yield block, np.clip(profiles.expected(selected), 0.0, 1.0)

    def mean_accuracy(self, k: int) -> Callable[[float, float], float]:
        """Return the mean accuracy over all test samples as a function of noise rate and concentration.

        The mean of all profiles serves every one of them.
        """
        mean_profile = self.weights / len(self.inverse) @ self.profiles.win
        return lambda noise_rate, concentration: float(mean_profile @ self._selected(noise_rate, concentration))


@dataclass(frozen=True, eq=False)
class RowVotes(VoteModel):
    """Every neighbor's label is a draw from its own row; the rows hold all of the noise, and no noise rate acts."""

    table: RowTable
    indices: NDArray[Any]
    ties: str
    probability: Floats
    error: Floats | None

    @classmethod
    def of(cls, table: RowTable, indices: NDArray[Any], codes: Codes, ties: str) -> RowVotes:
        """Build the model from all K neighbors of each test sample."""
        probability, error = np.empty((len(codes), 1)), np.empty((len(codes), 1))
        k, every = indices.shape[1], np.arange(len(codes))
        for block in _blocks(len(codes), max(table.rows.shape[1], k)):
            probability[block], error[block] = win_probabilities(
                table, indices[block], codes[block, None], ties, draws=_draws(len(codes)), first=block.start
            )
        return cls(codes, every, (k,), table, indices, ties, probability, error if error.any() else None)

    @property
    def any_rate(self) -> bool:
        """False: the votes are those of one set of rows."""
        return False

    def correct(self, noise_rate: float) -> Floats:
        """Return the probability that the true class wins."""
        return self.probability

    def standard_error(self, noise_rate: float) -> Floats | None:
        """Return the standard error in neighborhoods whose votes were drawn."""
        return self.error

    def wins(self, noise_rate: float, k: int) -> Iterator[tuple[slice, Floats]]:
        """Yield the same for every label, from the same draws."""
        n_classes, draws = self.table.rows.shape[1], _draws(len(self.codes))
        for block in _blocks(len(self.codes), max(n_classes, k)):
            members = self.indices[block]
            every = np.broadcast_to(np.arange(n_classes), (len(members), n_classes))
            yield block, win_probabilities(self.table, members, every, self.ties, draws=draws, first=block.start)[0]


def _draws(n_neighborhoods: int) -> int:
    """Share `DRAWN_IN_ALL` out: the mean is about as exact whatever the number of neighborhoods."""
    return int(np.clip(DRAWN_IN_ALL // n_neighborhoods, FEWEST_DRAWS, MOST_DRAWS))


def _distinct_rows(clean: Floats, codes: Codes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where each distinct pair of distribution and class comes first, and which of these each sample has."""
    rows = np.ascontiguousarray(clean)
    as_bytes = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    same_row = np.unique(as_bytes, return_inverse=True)[1]
    _, first, inverse = np.unique(same_row * (codes.max() + 1) + codes, return_index=True, return_inverse=True)
    return first, inverse


def _blocks(n_rows: int, width: int) -> Iterator[slice]:
    """Yield slices of rows that hold at most `_BLOCK` numbers of `width` per row."""
    step = max(1, _BLOCK // width)
    for start in range(0, n_rows, step):
        yield slice(start, start + step)
