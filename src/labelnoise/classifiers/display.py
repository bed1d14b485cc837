# ruff: noqa: N803  (X and X_test are scikit-learn's names for features)
"""The accuracy curve of a classifier as a picture, by scikit-learn's convention for displays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.classifiers.measured import measure
from labelnoise.classifiers.training import check_classifier, clean_probabilities, name_of, targets_of
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.predicted import accuracy_curve
from labelnoise.labels import encode_labels
from labelnoise.noise import NoiseModel
from labelnoise.softmax.effective import fit_effective_k
from labelnoise.softmax.fitted import EffectiveK
from labelnoise.validation import check_ks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class AccuracyCurveDisplay:
    """Accuracy over the noise rate, drawn; made by `from_estimator` or `from_curve`.

    Parameters
    ----------
    curve : AccuracyCurve
        What is drawn.
    family : AccuracyCurve, optional
        Predicted curves of several k to draw it over.
    effective_k : EffectiveK, optional
        The k whose predicted curve is nearest, with its interval (`fit_effective_k`).

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        What it was drawn on by `plot`.
    figure_ : matplotlib.figure.Figure
        The figure of these axes.

    Examples
    --------
    >>> import labelnoise as ln
    >>> curve = ln.accuracy_curve([[0.9, 0.1], [0.2, 0.8]], [0, 1], ln.FlipNoise(), [0.0, 0.25, 0.5], 3)
    >>> display = ln.AccuracyCurveDisplay(curve)
    >>> display.curve.accuracy.ravel().round(3).tolist()
    [0.934, 0.751, 0.5]
    """

    ax_: Axes
    figure_: Figure

    def __init__(
        self,
        curve: AccuracyCurve,
        *,
        family: AccuracyCurve | None = None,
        effective_k: EffectiveK | None = None,
    ) -> None:
        self.curve = curve
        self.family = family
        self.effective_k = effective_k

    def plot(self, ax: Axes | None = None) -> AccuracyCurveDisplay:
        """Draw on `ax` or on a new figure, set `ax_` and `figure_`, and return this display."""
        self.ax_ = self.curve.plot(ax, family=self.family)
        self.figure_ = self.ax_.figure  # type: ignore[assignment]
        return self

    @classmethod
    def from_curve(
        cls, curve: AccuracyCurve, *, family: AccuracyCurve | None = None, ax: Axes | None = None
    ) -> AccuracyCurveDisplay:
        """Draw a curve that was predicted or measured before.

        Parameters
        ----------
        curve : AccuracyCurve
            From `measure`, `simulate_knn`, `accuracy_curve` or `predict_knn`.
        family : AccuracyCurve, optional
            Predicted curves of several k to draw a measured one over.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default those of a new figure.
        """
        return cls(curve, family=family).plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        X_test: Any,
        y_test: ArrayLike,
        noise: NoiseModel,
        noise_rates: float | Iterable[float],
        *,
        k: int | Iterable[int] | None = None,
        ax: Axes | None = None,
        **parameters: Any,
    ) -> AccuracyCurveDisplay:
        """Measure a classifier by `measure`, and draw it.

        Parameters
        ----------
        estimator, X, y, X_test, y_test, noise, noise_rates
            As in `measure`.
        k : int or sequence of int, optional
            Neighborhood sizes whose analytic curves are drawn below, with that of the effective k. They start from the
            estimator's `predict_proba` after a training on clean labels, and are those of spread noise.
        ax : matplotlib.axes.Axes, optional
            Axes to draw on; by default those of a new figure.
        **parameters
            Further arguments of `measure`, such as `repeats`, `n_jobs` and `random_state`.

        Raises
        ------
        ValueError, TypeError
            As `measure`; `k` for an estimator without `predict_proba`, or with `cv`.
        """
        if k is None:
            return cls(measure(estimator, X, y, X_test, y_test, noise, noise_rates, **parameters)).plot(ax)
        check_classifier(estimator)
        sizes = check_ks(k).tolist()
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"`k` must be None for an estimator without predict_proba; {name_of(estimator)} has none. The curves "
                f"of K-NN start from its probabilities."
            )
        if parameters.get("cv") is not None:
            raise ValueError("`k` must be None with `cv`: each fold has clean probabilities of its own.")
        curve = measure(estimator, X, y, X_test, y_test, noise, noise_rates, **parameters)
        classes = curve.setting.classes
        targets = targets_of(classes)
        clean = clean_probabilities(
            estimator,
            X,
            targets[encode_labels(y, classes=classes, name="y")[0]],
            X_test,
            targets,
            np.random.default_rng(curve.setting.seed),
        )
        nearest = fit_effective_k(curve, clean, y_test, noise, classes=classes)
        ends = [curve.noise_rates.min(), curve.noise_rates.max()]
        family = accuracy_curve(clean, y_test, noise, ends, sorted({*sizes, nearest.value}), classes=classes)
        return cls(curve, family=family, effective_k=nearest).plot(ax)
