r"""The transition matrix and each sample's true class, from noisy labels alone.

Two fits alternate. Given T, held-out scores s(x) of the true classes come from logistic regression through T
(`labelnoise.diagnosis.estimation.forward`). Given the scores, T is the maximum-likelihood estimate in

.. math:: P(z \mid x) = \sum_y \mathrm{softmax}(\tau\, s(x) + b)_y\, T_{yz}

over T, the inverse temperature :math:`\tau` and the offsets b. The temperature matters: regularized scores are too
flat, and T alone would then explain too little noise. Because the scores are held out, noise that the regression
learned by heart counts as noise. T is identified if the noise depends on the class alone: the noise is then what keeps
P(z | x) away from 0 and 1 even where the class is certain. Where labels are fewer than a tenth of the entries of T, it
has one wrong rate and even confusions instead (`labelnoise.diagnosis.estimation.even_transition`). With
`level.MANY_CLASSES` or more it is drawn towards these, as far as the labels allow (`drawn_to_even`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.diagnosis.estimation.even_transition import fit_even_transition
from labelnoise.diagnosis.estimation.forward import CrossFit, softmax
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.estimation.level import BLOCK_CELLS, MANY_CLASSES, Level, drawn_towards, simplest
from labelnoise.threads import for_each_block

_FIRST_STEPS, _LATER_STEPS = 100, 60
_GAIN = 3e-4  # of the mean log-likelihood, below which another round is not worth its time
_MOST_CELLS = 10_000_000  # samples times classes in a fit of T; more do not make it more precise than it needs to be
_PSEUDO_COUNTS = np.geomspace(0.1, 1e6, 29).tolist()
_LEAST_PER_ENTRY = 0.1  # labels per entry of T, below which its entries are not told apart


@dataclass(frozen=True, eq=False, repr=False)
class NoiseEstimate:
    """Noise, as noisy labels alone show it.

    Attributes
    ----------
    transition_matrix : (L, L) array
        T[y, z] = Pr(given label z | true class y); rows sum to 1.
    class_probability : (n, L) float32 array
        p(y | x), the probability of each true class given the features.
    posterior : (n, L) float32 array
        Pr(true class y | x, given label z).
    codes : (n,) int array
        Given labels.
    log_likelihood : float
        Mean held-out log P(z | x).
    """

    transition_matrix: Floats
    class_probability: NDArray[np.float32]
    posterior: NDArray[np.float32]
    codes: Codes
    log_likelihood: float

    @property
    def wrong_probability(self) -> Floats:
        """Probability that each given label is wrong, (n,)."""
        return wrong_probability_of(self.posterior, self.codes)

    @property
    def wrong_rate(self) -> float:
        """Share of labels that are wrong."""
        return float(self.wrong_probability.mean())


def bayes(class_probability: NDArray[np.float32], transition: Floats, codes: Codes) -> NDArray[np.float32]:
    """Return Pr(true class y | x, given label z), proportional to p(y | x) T[y, z], (n, L)."""
    joint = class_probability * transition.T.astype(np.float32)[codes]
    joint /= np.maximum(joint.sum(axis=1, keepdims=True), np.float32(1e-30))
    return joint


def fit_level(scores: NDArray[np.floating], codes: Codes, start: Level, prior: Floats, iterations: int = 150) -> Level:
    """Return `fit_transition` if there are enough labels to tell the entries of T apart, else `fit_even_transition`."""
    if len(codes) < enough_labels(scores.shape[1]):
        return fit_even_transition(scores, codes, start, iterations)
    return fit_transition(scores, codes, start, prior, iterations)


def enough_labels(n_classes: int) -> int:
    """Return the number of labels from which on the entries of T can be told apart."""
    return int(np.ceil(_LEAST_PER_ENTRY * n_classes**2))


def fit_transition(
    scores: NDArray[np.floating], codes: Codes, start: Level, prior: Floats, iterations: int = 150
) -> Level:
    """Return T, inverse temperature and offsets of the greatest likelihood.

    Parameters
    ----------
    scores : (n, L) array
        Held-out scores of the true classes.
    codes : (n,) int array
        Given labels.
    start : Level
        Where to start.
    prior : (L, L) array
        Pseudo-counts of given labels for each true class.
    iterations : int
        At most so many steps of L-BFGS.
    """
    from scipy.optimize import minimize

    n, n_classes = scores.shape
    order = np.argsort(codes, kind="stable")
    z = codes[order]
    s = scores[order].astype(np.float32)
    s -= s.mean(axis=1, keepdims=True)

    def parts(flat: Floats) -> tuple[float, Floats, Floats]:
        t = softmax(flat[n_classes + 1 :].reshape(-1, n_classes).copy())
        return float(np.exp(flat[0])), flat[1 : n_classes + 1], t

    def loss(flat: Floats) -> tuple[float, Floats]:
        scale, b, t = parts(flat)
        likelihood, by_scale, by_b, counts = _moments(s, z, scale, b, t)
        counts += prior
        total = likelihood + float((prior * np.log(t + 1e-300)).sum()) - 0.5 * float(b @ b)
        by_t = t * counts.sum(axis=1, keepdims=True) - counts
        return -total / n, np.concatenate([[scale * by_scale], by_b + b, by_t.ravel()]) / n

    first = np.concatenate(
        [[np.log(start.inverse_temperature)], start.offsets, np.log(np.maximum(start.transition, 1e-6)).ravel()]
    )
    bounds_of = [(-3.0, 3.0), *[(None, None)] * (len(first) - 1)]
    found = minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds_of, options={"maxiter": iterations, "ftol": 1e-9}
    )
    scale, b, t = parts(found.x)
    return Level(t, scale, b, _moments(s, z, scale, b, t)[0] / n)


def _moments(
    scores: NDArray[np.float32], codes: Codes, scale: float, offsets: Floats, transition: Floats
) -> tuple[float, float, Floats, Floats]:
    """Return the log-likelihood, its negative slopes by scale and offsets, and the expected joint counts of classes.

    Parameters
    ----------
    scores : (n, L) array
        Scores, in ascending order of the given labels.
    codes : (n,) int array
        Given labels, ascending.
    scale : float
        Inverse temperature.
    offsets : (L,) array
        Offsets b.
    transition : (L, L) array
        T.
    """
    n, n_classes = scores.shape
    block = max(1, BLOCK_CELLS // n_classes)
    columns, b = np.ascontiguousarray(transition.T.astype(np.float32)), offsets.astype(np.float32)
    found: list[Any] = [None] * -(-n // block)

    def work(start: int, stop: int) -> None:
        s, z = scores[start:stop], codes[start:stop]
        p = softmax(s * np.float32(scale) + b)
        joint = p * columns[z]
        marginal = joint.sum(axis=1, keepdims=True)
        np.maximum(marginal, np.float32(1e-37), out=marginal)
        joint /= marginal
        p -= joint
        firsts = np.flatnonzero(np.diff(z, prepend=-1))
        found[start // block] = (
            float(np.log(marginal, dtype=np.float64).sum()),
            float(np.einsum("ij,ij->", p, s, dtype=np.float64)),
            p.sum(axis=0, dtype=np.float64),
            z[firsts],
            np.add.reduceat(joint, firsts, axis=0),
        )

    for_each_block(work, n, block, "fitting the transition matrix")
    likelihood, by_scale, by_offsets, counts = 0.0, 0.0, np.zeros(n_classes), np.zeros((n_classes, n_classes))
    for logs, slope, slopes, given, sums in found:
        likelihood, by_scale = likelihood + logs, by_scale + slope
        by_offsets += slopes
        counts[given] += sums
    return likelihood, by_scale, by_offsets, counts.T


def corner(given_probability: NDArray[np.floating], codes: Codes, share: float = 0.1) -> Floats:
    """Return for each class the frequencies of given labels among the samples that are most surely of this class.

    L pseudo-counts per class, in uniform structure, keep confusions possible that these few samples do not show.

    Parameters
    ----------
    given_probability : (n, L) array
        Held-out probabilities P(z | x) of the given labels.
    codes : (n,) int array
        Given labels.
    share : float
        Share f of 1/L of the samples, for each class.
    """
    n, n_classes = given_probability.shape
    most = min(n, max(10, int(np.ceil(share * n / n_classes))))
    counts = np.empty((n_classes, n_classes))
    for code in range(n_classes):
        top = np.argpartition(-given_probability[:, code], most - 1)[:most]
        counts[code] = np.bincount(codes[top], minlength=n_classes)
    return (counts + n_classes * simplest(counts / most, np.ones(n_classes))) / (most + n_classes)


@dataclass(frozen=True, eq=False)
class Alternation:
    """The last T, and the held-out scores that it was fitted to."""

    level: Level
    scores: NDArray[np.float32]

    def class_probability(self) -> NDArray[np.float32]:
        """Return p(y | x) = softmax(tau s + b), (n, L)."""
        scores = self.scores - self.scores.mean(axis=1, keepdims=True)
        scores *= np.float32(self.level.inverse_temperature)
        scores += self.level.offsets.astype(np.float32)
        return softmax(scores)


def alternate(
    fits: CrossFit, used: Integers, rounds: int, rng: np.random.Generator, start: Level | None = None
) -> Alternation:
    """Alternate the two fits until the held-out likelihood rises no more.

    Parameters
    ----------
    fits : CrossFit
        The folds.
    used : int array
        The samples to fit to.
    rounds : int
        At most so many rounds.
    rng : Generator
        Chooses the samples to which T is fitted, where not all are needed.
    start : Level, optional
        Where to start; by default at the corner's T.
    """
    codes, n_classes = fits.codes, fits.n_classes
    most = max(enough_labels(n_classes), _MOST_CELLS // n_classes)
    sample = used if len(used) <= most else np.sort(rng.choice(used, most, replace=False))
    level = _corner_level(fits, used) if start is None else start
    weights = np.bincount(codes[used], minlength=n_classes) / len(used)
    for _ in range(rounds):
        scores = fits.scores(level.transition, _LATER_STEPS)
        before = level.log_likelihood
        level = fit_level(scores[sample], codes[sample], level, simplest(level.transition, weights))
        if level.log_likelihood - before < _GAIN:
            break
    if n_classes >= MANY_CLASSES:
        level = replace(level, transition=drawn_to_even(level.transition, weights * len(sample), weights))
    return Alternation(level, scores)


def drawn_to_even(transition: Floats, sizes: Floats, weights: Floats) -> Floats:
    """Return T drawn towards even noise of the same wrong rate, as far as the counts behind it allow (`drawn_towards`).

    Where noise is even, an entry that few labels show is the mean of all rather than 0. Where confusions differ, as
    under flip noise, T stays nearly as it is.

    Parameters
    ----------
    transition : (L, L) array
        T, rows sum to 1.
    sizes : (L,) array
        Number of samples of each class that T was fitted to.
    weights : (L,) array
        Shares of the classes.
    """
    even = np.maximum(simplest(transition, weights), 1e-9)
    return drawn_towards(even, sizes[:, None] * transition, _PSEUDO_COUNTS)


def _corner_level(fits: CrossFit, used: Integers) -> Level:
    """Return T of the corner, from held-out probabilities of the given labels."""
    given = softmax(fits.scores(np.eye(fits.n_classes), _FIRST_STEPS))
    matrix = corner(given if len(used) == len(given) else given[used], fits.codes[used])
    return Level(matrix, 1.0, np.zeros(fits.n_classes), -np.inf)
