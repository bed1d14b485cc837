# ruff: noqa: N803  (X is scikit-learn's name for features)
"""Clones of an estimator, fitted reproducibly; the estimator that was given is never fitted itself.

Worker processes import this module, and little else of the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats


def check_classifier(estimator: Any) -> None:
    """Raise a TypeError unless `estimator` is a classifier that scikit-learn can clone."""
    from sklearn.base import is_regressor

    if isinstance(estimator, type):
        raise TypeError(
            f"`estimator` must be an estimator; got the class {estimator.__name__}. Add parentheses: "
            f"{estimator.__name__}()."
        )
    lacking = [method for method in ("fit", "predict", "get_params") if not hasattr(estimator, method)]
    if lacking:
        raise TypeError(
            f"`estimator` must have scikit-learn's methods fit, predict and get_params; a {type(estimator).__name__} "
            f"lacks {', '.join(lacking)}. Derive it from sklearn.base.ClassifierMixin and BaseEstimator."
        )
    if hasattr(estimator, "__sklearn_tags__") and is_regressor(estimator):
        raise TypeError(
            f"`estimator` must be a classifier; {name_of(estimator)} is a regressor, which predicts numbers."
        )


def name_of(estimator: Any) -> str:
    """Return the name of an estimator's type; of a pipeline, that of its last step."""
    steps = getattr(estimator, "steps", None)
    return name_of(steps[-1][1]) if steps else type(estimator).__name__


def targets_of(classes: NDArray[Any]) -> NDArray[Any]:
    """Return what an estimator is given for each class: the class, or its code where scikit-learn takes no such label.

    Text, integers and booleans are given as they are, since parameters such as `class_weight` name classes.
    """
    values = classes.tolist()
    takes = any(all(isinstance(value, kind) for value in values) for kind in (str, int))
    return classes if takes else np.arange(len(classes))


def codes_of(predicted: Any, targets: NDArray[Any], n_samples: int) -> Codes:
    """Return the codes of predicted targets; -1 for what is none of them, which is never correct.

    Raises
    ------
    ValueError
        There is not one prediction per sample.
    """
    values = np.asarray(predicted)
    if values.shape not in ((n_samples,), (n_samples, 1)):
        raise ValueError(f"`predict` must return one class per sample, {n_samples}; got shape {values.shape}")
    code = {target: code for code, target in enumerate(targets.tolist())}
    return np.array([code.get(value, -1) for value in values.ravel().tolist()], dtype=np.int64)


def fit_clone(estimator: Any, X: Any, y: NDArray[Any], rng: np.random.Generator, **parameters: Any) -> Any:
    """Fit a clone of an estimator to features X and labels y, and return it.

    Where a `random_state` of the estimator or of a part of it is None, it is drawn from `rng`. The result is therefore
    that of the seed behind `rng`. One that is set stays as it is.
    """
    from sklearn.base import clone

    fresh = clone(estimator)
    unset = [name for name, value in fresh.get_params(deep=True).items() if _is_seed(name) and value is None]
    fresh.set_params(**{name: int(rng.integers(2**31 - 1)) for name in sorted(unset)})
    fresh.fit(X, y, **parameters)
    return fresh


def _is_seed(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


def clean_probabilities(
    estimator: Any, X: Any, y: NDArray[Any], X_test: Any, targets: NDArray[Any], rng: np.random.Generator
) -> Floats:
    """Return the class probabilities of a clone trained on clean labels, one column per target."""
    fitted = fit_clone(estimator, X, y, rng)
    found = np.asarray(fitted.predict_proba(X_test), dtype=np.float64)
    probabilities = np.zeros((len(found), len(targets)))
    probabilities[:, codes_of(fitted.classes_, targets, found.shape[1])] = found
    return probabilities


Split = tuple[Any, Any]
"""Positions of the training and of the test samples; slices where these are all of them."""
EVERYTHING = slice(None)

Draw = tuple[list[tuple[NDArray[np.integer[Any]], np.random.Generator]], str]
"""The noisy codes of each split's training samples, with the random numbers to go on with; and which draw it is."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """A classifier and its data.

    Attributes
    ----------
    estimator : estimator
        It is cloned for every training.
    X, X_test : array-like
        Features in any form that the estimator takes.
    splits : list of Split
        One, or one per fold. Every test sample is in exactly one of them.
    targets : array of shape (n_classes,)
        What the estimator is given for each class.
    n_test : int
        Number of test samples.
    """

    estimator: Any
    X: Any
    X_test: Any
    splits: list[Split]
    targets: NDArray[Any]
    n_test: int

    def predict(self, noisy: list[tuple[NDArray[np.integer[Any]], np.random.Generator]], about: str) -> Codes:
        """Train on one draw of noisy labels, one part per split, and predict all test samples.

        Raises
        ------
        ValueError
            The estimator fails; the message names the draw by `about`.
        """
        predicted = np.empty(self.n_test, dtype=np.int64)
        for (train, test), (codes, rng) in zip(self.splits, noisy, strict=True):
            queries = _part(self.X_test, test)
            try:
                fitted = fit_clone(self.estimator, _part(self.X, train), self.targets[codes], rng)
                predicted[test] = codes_of(fitted.predict(queries), self.targets, len(predicted[test]))
            except Exception as error:
                left = f"{len(np.unique(codes))} of {len(self.targets)} classes left"
                raise ValueError(
                    f"`estimator` must train on every draw of noisy labels; {name_of(self.estimator)} failed at "
                    f"{about} ({left}): {type(error).__name__}: {error}"
                ) from error
        return predicted


def _part(values: Any, positions: Any) -> Any:
    """Return some rows of features of any kind; all of them as they are."""
    from sklearn.utils import _safe_indexing

    return values if isinstance(positions, slice) else _safe_indexing(values, positions)
