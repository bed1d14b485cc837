"""From features and labels to a noise estimate: the view of the features, copies counted once, the classes that occur.

The regression needs columns in which the classes are easy to tell apart. Which columns these are differs between data:
good network features are separated by linear functions, pixels are not. So the candidates are compared on a part of the
samples, by the held-out likelihood of their labels, and the best is used.

With few samples, another sample would have given other scores, and one fit is too sure of its own. So the fit is
repeated on bootstrap samples, and the posterior is the mean of theirs (bagging, Breiman 1996).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from labelnoise.arrays import Codes, Features, Floats, Integers
from labelnoise.diagnosis.estimation.forward import CrossFit, Design, design, make_folds
from labelnoise.diagnosis.estimation.label_probabilities import with_wrong_rate, wrong_probability_of
from labelnoise.diagnosis.estimation.level import Level, simplest
from labelnoise.diagnosis.estimation.posterior import combine_views
from labelnoise.diagnosis.estimation.transition import (
    Alternation,
    NoiseEstimate,
    alternate,
    bayes,
    fit_level,
)
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.progress import stage

View = Callable[[slice | Integers], Features]
"""Return the columns of some samples."""

N_FOLDS = 4
_RIDGES = (10.0, 100.0)
_TRIAL_ROUNDS, _ROUNDS = 2, 6
_LANDMARKS = 400  # of the kernel view
_MOST_COLUMNS = 256
_TRIAL_ROWS = 6000  # on which the views are compared
_TRIAL_CELLS = 600_000  # samples times classes there; of more, some classes are left out
_MOST_ROWS = 60_000  # to which one fold is fitted
_MOST_FITTED = _MOST_ROWS * N_FOLDS // (N_FOLDS - 1)  # samples whose folds are fitted to all others
_BLOCK = 50_000
_MOST_REFITS, _REFIT_ROWS = 9, 9000  # refits to bootstrap samples: of 1,000 samples nine, of more than 9,000 none
_REPLICATES, _REPLICATE_ROWS, _REPLICATE_STEPS = 40, 4000, 40


@dataclass(frozen=True, eq=False)
class Estimation:
    """A noise estimate, how precise it is, and how it was found.

    Attributes
    ----------
    noise : NoiseEstimate
        The estimate.
    standard_error : float
        Of its wrong rate, over samples.
    view : str
        The columns that the regression used.
    refits : tuple of NoiseEstimate
        Estimates of all samples from fits to bootstrap samples; none where the samples are many.
    """

    noise: NoiseEstimate
    standard_error: float
    view: str
    refits: tuple[NoiseEstimate, ...] = ()

    def posterior(self, data: LabeledSamples) -> NDArray[np.float32]:
        """Return Pr(true = y), (n, L): the mean of that of the estimate and of its refits, with its wrong rate.

        Each is of `combine_views` where there are neighbors. A bootstrap sample holds fewer different samples, so that
        its fit sees too many wrong labels: the mean gets the wrong rate of the estimate (`with_wrong_rate`).

        Parameters
        ----------
        data : LabeledSamples
            The samples of the estimate.
        """

        def of(noise: NoiseEstimate) -> NDArray[np.float32]:
            if data.neighbors is None:
                return noise.posterior
            return combine_views(data, noise.transition_matrix, noise.class_probability)

        first = of(self.noise)
        if not self.refits:
            return first
        mean = (first + sum(map(of, self.refits))) / np.float32(1 + len(self.refits))
        return with_wrong_rate(mean, data.codes, float(wrong_probability_of(first, data.codes).mean()))


def estimate_noise(
    codes: Codes,
    n_classes: int,
    *,
    features: Features | None,
    pred_probs: NDArray[np.floating] | None,
    copies: Integers,
    rng: np.random.Generator,
) -> Estimation:
    """Estimate T and the true classes from noisy labels.

    Parameters
    ----------
    codes : (n,) int array
        Given labels, of at least two classes.
    n_classes : int
        Number of classes, L. For a class without labels, T is the identity: nothing shows it.
    features : (n, d) array or None
        Features.
    pred_probs : (n, L) array or None
        Out-of-sample probabilities of the given labels. One of the two is needed.
    copies : (n,) int array
        Samples of the same number are copies, of which one is used.
    rng : Generator
        Draws the folds and the parts.
    """
    present = np.flatnonzero(np.bincount(codes, minlength=n_classes))
    packed = np.searchsorted(present, codes)
    shuffled = rng.permutation(len(codes))
    used = np.sort(shuffled[np.unique(copies[shuffled], return_index=True)[1]])
    with threadpool_limits(1):  # Folds run side by side, and sums do not depend on the number of threads.
        views = _views(features, pred_probs)
        stage(f"comparing {len(views)} views of {len(used):,} samples by the likelihood of held-out labels")
        name, ridge = _best_view(views, packed, used, len(present), rng)
        stage(f"estimating the noise by cross-fitted regression on {name}")
        folds = make_folds(packed, copies, N_FOLDS, rng)
        where = design(views[name](slice(None)), ridge, min(len(packed), _MOST_FITTED))
        fits = CrossFit(where, packed, len(present), folds, used, _MOST_ROWS, rng)
        found = alternate(fits, used, _ROUNDS, rng)
        error = _standard_error(found, packed, used, rng)
        refits = [
            _refit(where, found.level, packed, copies, used, rng)
            for _ in range(min(_MOST_REFITS, _REFIT_ROWS // len(used)))
        ]
    noise, *others = (_all_classes(_estimate_of(fit, packed), codes, present, n_classes) for fit in (found, *refits))
    return Estimation(noise, error, name, tuple(others))


def _refit(
    where: Design, level: Level, codes: Codes, copies: Integers, used: Integers, rng: np.random.Generator
) -> Alternation:
    """Return a fit in new folds, to bootstrap samples of the others, that starts at T of the first fit."""
    folds = make_folds(codes, copies, N_FOLDS, rng)
    fits = CrossFit(where, codes, len(level.transition), folds, used, _MOST_ROWS, rng, resampled=True)
    return alternate(fits, used, 1, rng, replace(level, log_likelihood=-np.inf))


def _views(features: Features | None, pred_probs: NDArray[np.floating] | None) -> dict[str, View]:
    """Return the candidates by name; the columns of the kernels are computed where they are asked for."""
    views: dict[str, View] = {}
    if features is not None:
        columns = _principal_columns(features)
        name = "the features" if columns is features else f"{columns.shape[1]} principal components of the features"
        views = {name: columns.__getitem__, "Gaussian kernels between samples": _kernels(columns)}
    if pred_probs is not None:
        logs = np.log(np.maximum(pred_probs, 1e-6)).astype(np.float32)
        views["the logarithms of the predicted probabilities"] = logs.__getitem__
    return views


def _principal_columns(features: Features) -> Features:
    """Return the features, or their first principal components if there are more than twice `_MOST_COLUMNS`."""
    if features.shape[1] <= 2 * _MOST_COLUMNS:
        return features
    from sklearn.decomposition import PCA

    rows = features[:: max(1, len(features) // 20_000)]
    found = PCA(min(_MOST_COLUMNS, *rows.shape), svd_solver="randomized", random_state=0).fit(rows)
    columns: Features = found.transform(features).astype(np.float32)
    return columns


def _kernels(features: Features) -> View:
    r"""Return Nystroem columns of the kernel exp(-|x - x'|^2 / (2 s^2)), where s^2 is the total variance."""
    from sklearn.kernel_approximation import Nystroem

    total = float(features.var(axis=0, dtype=np.float64).sum())
    landmarks = max(2, min(_LANDMARKS, len(features) // 4))
    kernel = Nystroem(gamma=1 / (2 * max(total, 1e-12)), n_components=landmarks, random_state=0).fit(features)

    def columns(rows: slice | Integers) -> Features:
        chosen = features[rows]
        found = np.empty((len(chosen), landmarks), np.float32)
        for start in range(0, len(chosen), _BLOCK):
            found[start : start + _BLOCK] = kernel.transform(chosen[start : start + _BLOCK])
        return found

    return columns


def _best_view(
    views: dict[str, View], codes: Codes, used: Integers, n_classes: int, rng: np.random.Generator
) -> tuple[str, float]:
    """Return the name of the columns, and the ridge, under which held-out labels are likeliest."""
    rows, n_classes = _trial_rows(codes, used, n_classes, rng)
    codes = np.unique(codes[rows], return_inverse=True)[1]
    folds = make_folds(codes, np.arange(len(rows)), N_FOLDS, rng)
    everything = np.arange(len(rows))

    def likelihood(choice: tuple[str, float]) -> float:
        where = design(views[choice[0]](rows), choice[1])
        fits = CrossFit(where, codes, n_classes, folds, everything, _MOST_ROWS, rng)
        return alternate(fits, everything, _TRIAL_ROUNDS, rng).level.log_likelihood

    return max(product(views, _RIDGES), key=likelihood)


def _trial_rows(codes: Codes, used: Integers, n_classes: int, rng: np.random.Generator) -> tuple[Integers, int]:
    """Return the samples on which views are compared, and of how many classes they are.

    Of many classes some are drawn, with all their samples: the best ridge beside a sum of log-likelihoods depends on
    the columns, and hardly on the number of classes.
    """
    rows = used if len(used) <= _TRIAL_ROWS else rng.choice(used, _TRIAL_ROWS, replace=False)
    if len(rows) * n_classes > _TRIAL_CELLS:
        share = np.sqrt(_TRIAL_CELLS / (min(len(used), _TRIAL_ROWS) * n_classes))
        kept = np.zeros(n_classes, dtype=bool)
        kept[rng.choice(n_classes, max(2, int(share * n_classes)), replace=False)] = True
        rows = used[kept[codes[used]]]
        rows = rows if len(rows) <= _TRIAL_ROWS else rng.choice(rows, _TRIAL_ROWS, replace=False)
    return rows, len(np.unique(codes[rows]))


def _standard_error(found: Alternation, codes: Codes, used: Integers, rng: np.random.Generator) -> float:
    """Return the standard error of the wrong rate, by refitting T to smaller samples drawn with replacement."""
    n_classes = found.scores.shape[1]
    size = min(len(used), _REPLICATE_ROWS)
    weights = np.bincount(codes[used], minlength=n_classes) / len(used)
    prior = simplest(found.level.transition, weights)
    rates = []
    for _ in range(_REPLICATES if n_classes <= 50 else 8):
        rows = rng.choice(used, size)
        level = fit_level(found.scores[rows], codes[rows], found.level, prior, _REPLICATE_STEPS)
        replicate = _estimate_of(replace(found, level=level, scores=found.scores[rows]), codes[rows])
        rates.append(replicate.wrong_rate)
    return float(np.std(rates, ddof=1) * np.sqrt(size / len(used)))


def _estimate_of(found: Alternation, codes: Codes) -> NoiseEstimate:
    probability = found.class_probability()
    level = found.level
    return NoiseEstimate(
        transition_matrix=level.transition,
        class_probability=probability,
        posterior=bayes(probability, level.transition, codes),
        codes=codes,
        log_likelihood=level.log_likelihood,
    )


def _all_classes(noise: NoiseEstimate, codes: Codes, present: Integers, n_classes: int) -> NoiseEstimate:
    """Return the estimate with a row and a column for each class, also for those without labels."""
    if len(present) == n_classes:
        return noise
    transition: Floats = np.eye(n_classes)
    transition[np.ix_(present, present)] = noise.transition_matrix
    return replace(
        noise,
        transition_matrix=transition,
        class_probability=_wider(noise.class_probability, present, n_classes),
        posterior=_wider(noise.posterior, present, n_classes),
        codes=codes,
    )


def _wider(probability: NDArray[np.float32], present: Integers, n_classes: int) -> NDArray[np.float32]:
    wide = np.zeros((len(probability), n_classes), np.float32)
    wide[:, present] = probability
    return wide
