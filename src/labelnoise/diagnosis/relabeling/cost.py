r"""What wrong labels cost a K-NN: its accuracy with the given labels, and after a person corrected n of them.

The K nearest other samples of each sample vote with their given labels. With :math:`V_j(c)` the probability that class
c wins the vote of sample j (1/t in a tie of t classes) and :math:`w_j(c)` the probability that c is its true class,

.. math:: A = \frac{1}{N} \sum_j \sum_c V_j(c) \, w_j(c)

is the expected accuracy. After cleaning, the votes of the cleaned samples are their true labels. These are not known,
so they are drawn from w, several times, and A is averaged over the draws. The true class of j and the true labels of
its neighbors are taken as independent given what is known of each; where that is wrong, the accuracy of fully cleaned
labels is predicted somewhat too low (`benchmarks/relabeling.py` says how much).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers, Mask
from labelnoise.compiled import compiled
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.diagnosis.estimation.label_probabilities import draw_classes, wrong_probability_of
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.threads import for_each_block
from labelnoise.validation import check_count, seed_of

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 4096
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution
MODEL = "posterior"
"""What `CurveSetting.model` says of a cleaning curve."""


@dataclass(frozen=True, eq=False)
class CleaningCurve:
    """The expected K-NN accuracy after cleaning n labels in one order.

    Attributes
    ----------
    order : str
        Name of the order in which labels are cleaned.
    n_cleaned : (G,) int array
        Numbers of labels that a person replaced by the true ones, ascending from 0.
    wrong_rate : (G,) array
        Expected share of labels that are wrong after that.
    accuracy, lower, upper : (G,) arrays
        Expected accuracy, and its 95 % interval over draws of the true labels and over samples of this size. The
        interval holds if the posterior is right; the uncertainty of T is not in it.
    per_class : (G, L) array
        The same for the samples of each true class; NaN for a class that no sample can have.
    k, n_samples : int
        Neighborhood size, and number of samples, N.
    classes : (L,) array
        The classes.
    seed : int
        Seed of the draws.
    """

    order: str
    n_cleaned: Integers
    wrong_rate: Floats
    accuracy: Floats
    lower: Floats
    upper: Floats
    per_class: Floats
    k: int
    n_samples: int
    classes: NDArray[Any]
    seed: int

    def at(self, n_cleaned: int | Integers) -> Floats:
        """Return the accuracy after any number of cleaned labels, interpolated linearly."""
        return np.asarray(np.interp(n_cleaned, self.n_cleaned, self.accuracy))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per number of cleaned labels; `gain` is the accuracy above that of the given labels."""
        import pandas as pd

        return pd.DataFrame(
            {
                "order": self.order,
                "n_cleaned": self.n_cleaned,
                "share_cleaned": self.n_cleaned / self.n_samples,
                "wrong_rate": self.wrong_rate,
                "accuracy": self.accuracy,
                "lower": self.lower,
                "upper": self.upper,
                "gain": self.accuracy - self.accuracy[0],
            }
        )

    def to_accuracy_curve(self) -> AccuracyCurve:
        """Return the same as an `AccuracyCurve`, from the cleanest labels to the given ones.

        Its `noise_rates` are the expected shares of wrong labels that are left, so it is read as other curves are: the
        accuracy falls from left to right as more labels are wrong. Unlike in other curves, the wrong labels at one rate
        are not drawn at random, but those that this order leaves for later. The accuracy is that of a leave-one-out
        vote of all samples, which are therefore training and test samples at once.
        """
        rates, first = np.unique(self.wrong_rate, return_index=True)  # ascending; of equal rates the fewest cleaned
        setting = CurveSetting(
            ties="random",
            model=MODEL,
            noise={"name": "unknown"},
            placement={"name": f"left after cleaning in order of {self.order}"},
            classes=self.classes,
            n_test=self.n_samples,
            n_train=self.n_samples,
            seed=self.seed,
        )
        return AccuracyCurve(
            noise_rates=rates,
            k=np.array([self.k]),
            accuracy=self.accuracy[first, None],
            per_class=self.per_class[first, None],
            setting=setting,
            realized_noise_rates=rates,
        )


def knn_accuracy(data: LabeledSamples, posterior: NDArray[np.floating]) -> float:
    """Return the expected accuracy of the leave-one-out vote with the given labels, in [0, 1].

    Parameters
    ----------
    data : LabeledSamples
        With neighbors.
    posterior : (n, L) array
        Pr(true = y), rows sum to 1, of `labelnoise.diagnosis.estimation.posterior.combine_views`. That of a classifier
        alone does not know the neighbors' votes.
    """
    n = len(data.codes)
    never, all_counted = np.ones(n, dtype=np.int64), np.ones(n, dtype=bool)
    return min(1.0, float(_accuracy_sums(data, posterior, data.codes, never, 1, all_counted).sum() / n))


def cleaning_curve(
    data: LabeledSamples,
    posterior: NDArray[np.floating],
    order: Integers | Sequence[tuple[Integers, Mask]],
    *,
    name: str,
    n_cleaned: Integers | None = None,
    draws: int = 4,
    random_state: int | np.random.Generator | None = None,
) -> CleaningCurve:
    """Return the expected K-NN accuracy after cleaning the first n samples of an order, for several n.

    Parameters
    ----------
    data : LabeledSamples
        With neighbors.
    posterior : (n, L) array
        Pr(true = y), rows sum to 1.
    order : (n,) int array, or sequence of ((n,) int array, (n,) bool array)
        All samples, the first to be cleaned first. Or several orders, each with the samples whose votes are counted
        after it; every sample is counted after one of them.
    name : str
        What the order is called.
    n_cleaned : int array, optional
        Numbers of cleaned samples, ascending from 0; by default `default_grid`.
    draws : int, default 4
        Draws of the true labels, at least 2.
    random_state : int, numpy.random.Generator or None
        Seed of the draws; the result holds the seed that was used.

    Returns
    -------
    CleaningCurve
    """
    check_count(draws, "draws", least=2)
    seed, n = seed_of(random_state), len(data.codes)
    grid = default_grid(n) if n_cleaned is None else np.asarray(n_cleaned)
    parts = [(order, np.ones(n, dtype=bool))] if isinstance(order, np.ndarray) else order
    steps = [_first_steps(ranking, grid) for ranking, _ in parts]
    rng = np.random.default_rng(seed)
    sums = np.zeros((draws, len(grid), data.n_classes))
    for draw in range(draws):
        true_codes = draw_classes(posterior, rng)
        for step, (_, counted) in zip(steps, parts, strict=True):
            sums[draw] += _accuracy_sums(data, posterior, true_codes, step, len(grid), counted)
    runs = np.minimum(sums.sum(axis=2) / n, 1.0)  # The rows of a rounded posterior may sum to slightly more.
    accuracy = runs.mean(axis=0)
    error = np.sqrt(runs.var(axis=0, ddof=1) + accuracy * (1 - accuracy) / n)
    wrong, mass = wrong_probability_of(posterior, data.codes), posterior.sum(axis=0, dtype=np.float64)
    cleaned = [np.cumsum(np.bincount(step, weights=wrong, minlength=len(grid)))[: len(grid)] for step in steps]
    left = wrong.sum() - np.average(cleaned, axis=0, weights=[counted.mean() for _, counted in parts])
    return CleaningCurve(
        order=name,
        n_cleaned=grid,
        wrong_rate=np.clip(left / n, 0, 1),
        accuracy=accuracy,
        lower=np.clip(accuracy - _Z * error, 0, 1),
        upper=np.clip(accuracy + _Z * error, 0, 1),
        per_class=np.divide(sums.mean(axis=0), mass, out=np.full(sums.shape[1:], np.nan), where=mass > 1e-6),
        k=data.k,
        n_samples=n,
        classes=data.classes,
        seed=seed,
    )


def _first_steps(order: Integers, grid: Integers) -> Integers:
    """Return the first entry of the grid at which each sample is clean."""
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return np.searchsorted(grid, rank, side="right")


def default_grid(n: int) -> Integers:
    """Return numbers of cleaned samples from 0 to n: 0, .5, 1, 2, 3, 5, 7, 10, 15, 20, ... percent."""
    shares = np.concatenate([[0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15], np.arange(0.2, 1.01, 0.1)])
    return np.unique(np.round(shares * n).astype(np.int64))


def _accuracy_sums(
    data: LabeledSamples,
    posterior: NDArray[np.floating],
    true_codes: Codes,
    steps: Integers,
    n_steps: int,
    counted: Mask,
) -> Floats:
    """Return the sums over samples of V_j(c) w_j(c) at every step, (n_steps, L), one block after the other."""
    indices, n = data.nearest, len(data.codes)
    parts = np.zeros((-(-n // _BLOCK), n_steps, data.n_classes))

    def work(start: int, stop: int) -> None:
        _add_right_votes(
            data.codes, true_codes, steps, indices, posterior, counted, start, stop, parts[start // _BLOCK]
        )

    for_each_block(work, n, _BLOCK, "counting votes")
    return parts.sum(axis=0)


@compiled(error_model="numpy")
def _add_right_votes(codes, true_codes, steps, indices, posterior, counted, start, stop, sums):
    """Add V_j(c) w_j(c) of the rows start..stop-1; the label of sample i is its true one from step `steps[i]` on."""
    k, n_steps = indices.shape[1], len(sums)
    counts = np.zeros(sums.shape[1], np.int64)
    labels, when = np.empty(k, np.int64), np.empty(k, np.int64)
    for j in range(start, stop):
        if not counted[j]:
            continue
        for rank in range(k):
            i = indices[j, rank]
            labels[rank] = codes[i]
            when[rank] = steps[i] if codes[i] != true_codes[i] else n_steps
            counts[codes[i]] += 1
        step = 0
        while step < n_steps:
            following, top = n_steps, 0  # the next step at which a vote of this neighborhood changes
            for rank in range(k):
                if when[rank] <= step:
                    new = true_codes[indices[j, rank]]
                    counts[labels[rank]] -= 1
                    counts[new] += 1
                    labels[rank] = new
                    when[rank] = n_steps
                else:
                    following = min(following, when[rank])
            for rank in range(k):
                top = max(top, counts[labels[rank]])
            n_lead = 0
            for rank in range(k):
                n_lead += counts[labels[rank]] == top
            for rank in range(k):  # A leader is met once per vote, top times, and n_lead is t times top.
                if counts[labels[rank]] == top:
                    right = posterior[j, labels[rank]] / n_lead
                    for later in range(step, following):
                        sums[later, labels[rank]] += right
            step = following
        for rank in range(k):
            counts[labels[rank]] = 0
