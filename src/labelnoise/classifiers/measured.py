# ruff: noqa: N803, N806  (X and X_test are scikit-learn's names for features)
"""Measured accuracy of any classifier under label noise: trained on really corrupted labels, tested on clean ones."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Codes, Features, Floats
from labelnoise.classifiers.training import EVERYTHING, Draw, Experiment, Split, check_classifier, name_of, targets_of
from labelnoise.columns import check_same_order
from labelnoise.corruption import check_several_classes
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.measured import PlacedNoise
from labelnoise.curves.trainings import Trainings
from labelnoise.labels import encode_labels
from labelnoise.noise import NoiseModel, check_noise, encode_for_noise
from labelnoise.placement.base import Placement, check_placement, check_placement_features
from labelnoise.placement.spread import Spread
from labelnoise.progress import track
from labelnoise.validation import check_count, check_noise_rates, seed_of


def measure(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    X_test: Any,
    y_test: ArrayLike | None,
    noise: NoiseModel,
    noise_rates: float | Iterable[float],
    *,
    placement: Placement = Spread(),  # noqa: B008  a frozen value
    features: ArrayLike | None = None,
    repeats: int = 5,
    cv: Any = None,
    classes: ArrayLike | None = None,
    name: str | None = None,
    n_jobs: int | None = None,
    random_state: int | np.random.Generator | None = None,
) -> AccuracyCurve:
    """Measure the accuracy of a classifier that is trained on really corrupted labels, averaged over noise draws.

    At every noise rate and repeat the training labels are corrupted anew, a clone of the estimator is fitted to them,
    and the accuracy is the share of test samples whose true class it predicts. Draws are those of `simulate_knn` with
    the same seed, so that two classifiers are compared on the same noisy labels.

    Parameters
    ----------
    estimator : estimator
        A scikit-learn classifier or pipeline, or anything with `fit`, `predict` and `get_params`. It is never fitted
        itself. Where a `random_state` in it is None, it is set anew for each training, from this function's.
    X : array-like, sparse matrix or data frame of n_train rows
        Training features, in any form that the estimator takes; they are not looked at, and may hold NaN.
    y : array-like of shape (n_train,)
        Clean training labels, of any hashable classes. Text, integers and booleans reach the estimator as they are,
        other classes as their codes.
    X_test, y_test : array-like of n_test rows and labels, or None with `cv`
        Test features and their true labels, which stay clean.
    noise : NoiseModel
        What a selected label becomes.
    noise_rates : float or sequence of float in [0, 1]
        The fractions selected.
    placement : Placement, default Spread()
        Where the selected samples lie.
    features : array-like of shape (n_train, n_features), optional
        For placements that select samples by where they lie; by default X.
    repeats : int, default 5
        Noise draws, and trainings, per noise rate; at least 1.
    cv : int or cross-validation splitter, optional
        Instead of test samples: every training sample is predicted by a classifier trained on the noisy labels of the
        other folds, and compared with its clean label. Each fold is one more training.
    classes : sequence, optional
        All classes in code order, where the training labels alone do not show them.
    name : str, optional
        What the classifier is called in figures and tables; by default its type, or that of a pipeline's last step.
    n_jobs : int, optional
        Number of trainings at a time, as in scikit-learn: None is 1 unless `joblib.parallel_config` says otherwise, -1
        is the number of cores. The result does not depend on it.
    random_state : int, numpy.random.Generator or None
        The seed used is in the result.

    Returns
    -------
    AccuracyCurve
        One column, k = [0], with `runs`, `std` and `standard_error` over the repeats, per class and per sample;
        `effective_k` compares it with the curves of K-NN.

    Raises
    ------
    ValueError, TypeError
        An estimator that is none, or a regressor; numbers of rows and labels that differ; test labels of unknown
        classes; as `corrupt`. A training that fails is an error which names the noise rate and the draw.

    Examples
    --------
    >>> import labelnoise as ln
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X, y = [[0.0], [0.1], [1.0], [1.1]], ["cat", "cat", "dog", "dog"]
    >>> nearest = KNeighborsClassifier(n_neighbors=1)
    >>> curve = ln.measure(nearest, X, y, X, y, ln.FlipNoise(), [0.0, 0.25, 1.0], random_state=0)
    >>> curve.accuracy.ravel().tolist()
    [1.0, 0.75, 0.0]
    """
    check_classifier(estimator)
    check_noise(noise)
    check_placement(placement)
    rates, n_repeats = check_noise_rates(noise_rates), check_count(repeats, "repeats")
    if n_jobs is not None and check_count(n_jobs, "n_jobs", least=-(2**31)) == 0:
        raise ValueError("`n_jobs` must not be 0; pass 1 for one training at a time, or -1 for one per core.")
    codes, known, noise = encode_for_noise(y, noise, classes, "y")
    if rates.any():
        check_several_classes(codes, known, "y")
    _check_rows(X, y, len(codes), "X", "y")
    seed = seed_of(random_state)
    if cv is None:
        if X_test is None or y_test is None:
            raise ValueError(
                "`X_test` and `y_test` must be given, or `cv`, such as cv=5, to test on the training samples."
            )
        test_codes, _ = encode_labels(y_test, classes=known, name="y_test")
        _check_rows(X_test, y_test, len(test_codes), "X_test", "y_test")
        splits: list[Split] = [(EVERYTHING, EVERYTHING)]
    else:
        if X_test is not None or y_test is not None:
            raise ValueError("`X_test` and `y_test` must be None with `cv`, which tests on the training samples.")
        X_test, test_codes, splits = X, codes, _folds(cv, codes, seed)
    given = X if features is None and placement.needs_features else features
    located = check_placement_features(placement, given, len(codes))
    labels = [_labels(codes[train], len(known), noise, placement, located, train) for train, _ in splits]
    setting = CurveSetting(
        ties=None,
        model="measured",
        noise=noise.parameters(),
        placement=placement.parameters(),
        classes=known,
        n_test=len(test_codes),
        n_train=round(np.mean([len(part.codes) for part in labels])),
        seed=seed,
        classifier=name_of(estimator) if name is None else name,
    )
    draws, realized = _draw(labels, rates, n_repeats, setting.seed)
    experiment = Experiment(estimator, X, X_test, splits, targets_of(known), len(test_codes))
    predicted = _predict(experiment, draws, n_jobs).reshape(len(rates), n_repeats, -1)
    return Trainings(predicted, test_codes, rates, len(known)).curve(setting, realized)


def _check_rows(X: Any, y: Any, n_labels: int, X_name: str, y_name: str) -> None:
    """Raise an error unless features have one row per label, in the same order where both have an index."""
    shape = getattr(X, "shape", None)
    if not shape and not hasattr(X, "__len__"):
        raise TypeError(
            f"`{X_name}` must be an array, a list, a sparse matrix or a data frame; got {type(X).__name__}."
        )
    n_rows = shape[0] if shape else len(X)
    if n_rows != n_labels:
        raise ValueError(
            f"`{X_name}` and `{y_name}` must have one row and one label per sample; got {n_rows} and {n_labels}."
        )
    check_same_order(X, y, X_name, y_name)


def _folds(cv: Any, codes: Codes, seed: int) -> list[Split]:
    """Return training and test positions of every fold; each sample must be tested once.

    A splitter that shuffles with a `random_state` of None is given the seed.
    """
    from sklearn.model_selection import check_cv

    if getattr(cv, "shuffle", True) and getattr(cv, "random_state", seed) is None:
        cv = copy.copy(cv)
        cv.random_state = seed % 2**32
    splits = list(check_cv(cv, codes, classifier=True).split(np.zeros((len(codes), 1)), codes))
    tested = np.concatenate([np.arange(len(codes))[test] for _, test in splits])
    if not np.array_equal(np.sort(tested), np.arange(len(codes))):
        raise ValueError(
            f"`cv` must test every sample once; its {len(splits)} splits test {len(np.unique(tested))} of {len(codes)} "
            f"samples, {len(tested)} times in all. Pass a number of folds, or a splitter such as StratifiedKFold(5)."
        )
    return splits


def _labels(
    codes: Codes, n_classes: int, noise: NoiseModel, placement: Placement, located: Features | None, train: Any
) -> PlacedNoise:
    """Return the noisy labels of one split's training samples, ready to be drawn."""
    part = None if located is None else located[train]
    return PlacedNoise(codes, n_classes, noise, placement.prepare(part), part)


def _draw(labels: list[PlacedNoise], rates: Floats, repeats: int, seed: int | None) -> tuple[list[Draw], Floats]:
    """Return every draw of noisy labels, and the mean share of selected labels per noise rate.

    They are drawn before anything is trained, in this process, in which placements are prepared. A placement that
    cannot reach a noise rate is thus an error before the work. The codes are kept in the smallest type that holds them.
    """
    assert seed is not None
    draws, shares = list[Draw](), np.empty((len(rates), repeats))
    small = np.min_scalar_type(labels[0].n_classes - 1)
    for row, rate in enumerate(rates.tolist()):
        for repeat in range(repeats):
            rng = labels[0].generator(seed, rate, repeat)
            drawn = [part.draw(rate, rng) for part in labels]
            shares[row, repeat] = np.concatenate([selected for _, selected in drawn]).mean()
            noisy = [codes.astype(small) for codes, _ in drawn]
            about = f"noise rate {rate:g}, draw {repeat + 1} of {repeats}, seed {seed}"
            draws.append((list(zip(noisy, rng.spawn(len(labels)), strict=True)), about))
    return draws, shares.mean(axis=1)


def _predict(experiment: Experiment, draws: list[Draw], n_jobs: int | None) -> Codes:
    """Return the predictions after training on each draw, (n_draws, n_test)."""
    from sklearn.utils.parallel import Parallel, delayed

    done = Parallel(n_jobs=n_jobs, return_as="generator")(delayed(experiment.predict)(*draw) for draw in draws)
    return np.array(list(track(done, "training", total=len(draws))))
