r"""The transition matrix and each sample's true class, from noisy labels alone.

Two fits alternate. Given T, held-out scores s(x) of the true classes come from logistic regression through T
(`labelnoise.diagnosis.estimation.forward`). Given the scores, T is the maximum-likelihood estimate in

.. math:: P(z \mid x) = \sum_y \mathrm{softmax}(\tau\, s(x) + b)_y\, T_{yz}

over T, the inverse temperature :math:`\tau` and the offsets b. The temperature matters: regularized scores are too
flat, and T alone would then explain too little noise. Because the scores are held out, noise that the regression
learned by heart counts as noise. T is identified if the noise depends on the class alone: the noise is then what keeps
P(z | x) away from 0 and 1 even where the class is certain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.diagnosis.estimation.forward import CrossFit, softmax
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of

_FIRST_STEPS, _LATER_STEPS = 100, 60
_GAIN = 3e-4  # of the mean log-likelihood, below which another round is not worth its time
_MOST_CELLS = 10_000_000  # samples times classes in a fit of T; more do not make it more precise than it needs to be


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


@dataclass(frozen=True, eq=False)
class Level:
    """T, inverse temperature and offsets of one fit, and its mean log-likelihood."""

    transition: Floats
    inverse_temperature: float
    offsets: Floats
    log_likelihood: float


def simplest(transition: Floats, weights: Floats) -> Floats:
    """Return the matrix of the same wrong rate whose diagonal entries are equal, as are all others."""
    n_classes = len(transition)
    rate = float(1 - np.average(np.diag(transition), weights=weights))
    return np.where(np.eye(n_classes, dtype=bool), 1 - rate, rate / (n_classes - 1))


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
    bounds = np.searchsorted(codes[order], np.arange(n_classes + 1))
    s = scores[order].astype(np.float64)
    s -= s.mean(axis=1, keepdims=True)

    def parts(flat: Floats) -> tuple[float, Floats, Floats]:
        t = softmax(flat[n_classes + 1 :].reshape(-1, n_classes).copy())
        return float(np.exp(flat[0])), flat[1 : n_classes + 1], t

    def loss(flat: Floats) -> tuple[float, Floats]:
        scale, b, t = parts(flat)
        p = softmax(scale * s + b)
        counts, total = np.zeros((n_classes, n_classes)), 0.0
        for code in range(n_classes):
            block = p[bounds[code] : bounds[code + 1]]
            joint = block * t[:, code]
            marginal = joint.sum(axis=1, keepdims=True) + 1e-300
            total -= float(np.log(marginal).sum())
            joint /= marginal
            counts[:, code] = joint.sum(axis=0)
            block -= joint
        counts += prior
        total -= float((prior * np.log(t + 1e-300)).sum()) - 0.5 * float(b @ b)
        by_scale, by_b = scale * float(np.einsum("ij,ij->", p, s)), p.sum(axis=0) + b
        by_t = t * counts.sum(axis=1, keepdims=True) - counts
        return total / n, np.concatenate([[by_scale], by_b, by_t.ravel()]) / n

    first = np.concatenate(
        [[np.log(start.inverse_temperature)], start.offsets, np.log(np.maximum(start.transition, 1e-6)).ravel()]
    )
    bounds_of = [(-3.0, 3.0), *[(None, None)] * (len(first) - 1)]
    found = minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds_of, options={"maxiter": iterations, "ftol": 1e-9}
    )
    scale, b, t = parts(found.x)
    probability = softmax(scale * s + b)
    likelihood = np.log(np.einsum("ij,ij->i", probability, t.T[codes[order]]) + 1e-300).mean()
    return Level(t, scale, b, float(likelihood))


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


def alternate(fits: CrossFit, used: Integers, rounds: int, rng: np.random.Generator) -> Alternation:
    """Alternate the two fits, from the corner's T, until the held-out likelihood rises no more.

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
    """
    codes, n_classes = fits.codes, fits.n_classes
    most = max(1000, _MOST_CELLS // n_classes)
    sample = used if len(used) <= most else np.sort(rng.choice(used, most, replace=False))
    given = softmax(fits.scores(np.eye(n_classes), _FIRST_STEPS))
    level = Level(corner(given[used], codes[used]), 1.0, np.zeros(n_classes), -np.inf)
    weights = np.bincount(codes[used], minlength=n_classes) / len(used)
    for _ in range(rounds):
        scores = fits.scores(level.transition, _LATER_STEPS)
        before = level.log_likelihood
        level = fit_transition(scores[sample], codes[sample], level, simplest(level.transition, weights))
        if level.log_likelihood - before < _GAIN:
            break
    return Alternation(level, scores)
