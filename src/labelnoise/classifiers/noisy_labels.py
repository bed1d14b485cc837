# ruff: noqa: N803  (X is scikit-learn's name for features)
"""An estimator that corrupts the labels it is fitted on.

scikit-learn's pipelines do not transform labels, so no transformer can do this; an estimator around another one can.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from labelnoise.classifiers.training import check_classifier, fit_clone
from labelnoise.corruption import corrupt
from labelnoise.noise import NoiseModel
from labelnoise.placement.base import Placement
from labelnoise.placement.spread import Spread


def _estimator_has(method: str) -> Any:
    """Return a check for `available_if`: whether the estimator, the fitted one if there is one, has a method."""
    return lambda self: hasattr(getattr(self, "estimator_", self.estimator), method)


class NoisyLabelsClassifier(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Corrupt the labels by `corrupt`, fit a clone of an estimator to them, and predict as it does.

    It takes the place of the estimator wherever scikit-learn takes one: in `cross_validate`, in a grid search over the
    noise rate, in tests that a pipeline survives label noise. What it is scored on stays clean, as only `fit` corrupts.

    Parameters
    ----------
    estimator : estimator
        A scikit-learn classifier or pipeline; it is cloned, and never fitted itself. Where a `random_state` in it is
        None, that of this object decides.
    noise : NoiseModel
        What a selected label becomes.
    noise_rate : float in [0, 1]
        The fraction of the training labels that is selected.
    placement : Placement, optional
        Where the selected samples lie; by default `Spread()`. Placements that need features are given X.
    random_state : int, numpy.random.Generator or None
        Never touches global state.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clone.
    noisy_labels_ : NoisyLabels
        The labels it was fitted to, with the clean ones and the seed.
    classes_ : array
        The classes that the fitted clone knows.

    Examples
    --------
    >>> import labelnoise as ln
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> X, y = [[0.0], [0.1], [1.0], [1.1]], ["a", "a", "b", "b"]
    >>> noisy = NoisyLabelsClassifier(KNeighborsClassifier(1), ln.FlipNoise(), 1.0).fit(X, y)
    >>> noisy.predict([[0.0], [1.0]]).tolist(), noisy.noisy_labels_.changed_rate
    (['b', 'a'], 1.0)
    """

    def __init__(
        self,
        estimator: Any,
        noise: NoiseModel,
        noise_rate: float,
        *,
        placement: Placement | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        # scikit-learn's conventions allow no checks here, and no object as a default.
        self.estimator = estimator
        self.noise = noise
        self.noise_rate = noise_rate
        self.placement = placement
        self.random_state = random_state

    def fit(self, X: Any, y: ArrayLike, **parameters: Any) -> NoisyLabelsClassifier:
        """Corrupt y, and fit a clone of the estimator to X and the noisy labels.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame
            Features, in any form that the estimator takes.
        y : array-like of shape (n_samples,)
            Clean labels.
        **parameters
            Further arguments of the estimator's `fit`, such as `sample_weight`.

        Raises
        ------
        ValueError, TypeError
            As `corrupt`, and as the estimator's `fit`.
        """
        check_classifier(self.estimator)
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        check_classification_targets(y)
        placement = Spread() if self.placement is None else self.placement
        located = X if getattr(placement, "needs_features", False) else None
        is_column = len(getattr(y, "shape", ())) == 2  # scikit-learn warns of such labels.
        labels = column_or_1d(y, warn=True) if is_column else y
        noisy = corrupt(
            labels, self.noise, self.noise_rate, placement=placement, features=located, random_state=self.random_state
        )
        assert noisy.seed is not None
        self.noisy_labels_ = noisy
        # The labels were drawn from the seed alone, so the estimator needs another stream of random numbers.
        self.estimator_ = fit_clone(
            self.estimator, X, noisy.labels, np.random.default_rng([noisy.seed, 1]), **parameters
        )
        self.classes_ = self.estimator_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the fitted estimator's classes."""
        check_is_fitted(self)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the fitted estimator's probabilities, one column per class of `classes_`."""
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("decision_function"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the fitted estimator's scores."""
        check_is_fitted(self)
        return self.estimator_.decision_function(X)

    def __sklearn_tags__(self) -> Any:
        """Describe the estimator inside: whether it takes sparse features, two classes only, and so on.

        It may take several labels per sample; noise is defined for one.
        """
        from sklearn.utils import get_tags

        tags, inner = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags, tags.classifier_tags = inner.input_tags, replace(inner.classifier_tags, multi_label=False)
        return tags
