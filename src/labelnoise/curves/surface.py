"""Predicted accuracy over noise rate and concentration, from spread to fully concentrated noise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.arrays import Floats
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.prediction import Prediction
from labelnoise.curves.tolerance import first_crossing
from labelnoise.validation import check_fraction, check_noise_rates

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class AccuracySurface:
    """Predicted accuracy over noise rates (rows) and concentrations (columns) at one k.

    Attributes
    ----------
    noise_rates : array of shape (n_rates,)
    concentrations : array of shape (n_concentrations,)
        rho: 0 spread, 1 fully concentrated.
    accuracy : array of shape (n_rates, n_concentrations)
        In [0, 1].
    curve : AccuracyCurve
        The predicted curve that the surface extends: its noise model, tie rule, counts.
    k : int
        Neighborhood size.
    """

    noise_rates: Floats
    concentrations: Floats
    accuracy: Floats
    curve: AccuracyCurve
    k: int

    def tolerance(self, target: float) -> Floats:
        """Return the largest noise rate that keeps the accuracy at or above `target`, (n_concentrations,).

        It is interpolated linearly between the surface's noise rates: the largest of them if the accuracy never falls
        below the target, NaN if it starts below.
        """
        least = check_fraction(target, "target")
        return np.array([first_crossing(self.noise_rates, column, least) for column in self.accuracy.T])

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy table, one row per noise rate and concentration."""
        import pandas as pd

        rate, column = (grid.ravel() for grid in np.indices(self.accuracy.shape))
        return pd.DataFrame(
            {
                "noise": self.curve.setting.noise["name"],
                "model": self.curve.setting.model,
                "ties": self.curve.setting.ties,
                "k": self.k,
                "noise_rate": self.noise_rates[rate],
                "concentration": self.concentrations[column],
                "accuracy": self.accuracy.ravel(),
                "n_test": self.curve.setting.n_test,
            }
        )

    def summary(self) -> dict[str, Any]:
        """Return what determined the surface, ready for JSON."""
        return {**self.curve.summary(), "k": self.k, "concentrations": self.concentrations.tolist()}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw lines of equal accuracy over noise rate and concentration; return the axes."""
        from labelnoise.figures import plot_surface

        return plot_surface(self, ax)

    def __repr__(self) -> str:
        return (
            f"AccuracySurface({self.curve.setting.noise['name']} noise, K={self.k}, {self.curve.setting.ties} ties; "
            f"{len(self.noise_rates)} noise rates x {len(self.concentrations)} concentrations; "
            f"accuracy {self.accuracy.min():.3f} to {self.accuracy.max():.3f})"
        )


def accuracy_surface(curve: AccuracyCurve, concentrations: Iterable[float], k: int | None = None) -> AccuracySurface:
    """Predict the accuracy over noise rate and concentration, from a predicted curve.

    A(gamma, rho) is the mean of A(g) over a local noise rate g ~ Beta(gamma (1 - rho)/rho, (1 - gamma)(1 - rho)/rho)
    (section 8 of the theory). Column rho = 0 is spread noise; rho = 1 is (1 - gamma) A(0) + gamma A(1).

    Parameters
    ----------
    curve : AccuracyCurve
        From `predict_knn` or `accuracy_curve`; its noise rates are the surface's.
    concentrations : sequence of float in [0, 1]
        rho.
    k : int, optional
        One of the curve's k; may be left out if there is only one.

    Returns
    -------
    AccuracySurface

    Raises
    ------
    ValueError
        A measured curve, a concentration outside [0, 1], a k that the curve lacks.

    Examples
    --------
    >>> import labelnoise as ln
    >>> curve = ln.accuracy_curve([[1.0, 0.0]], [0], ln.FlipNoise(), [0.0, 0.25, 0.5], 3)
    >>> ln.accuracy_surface(curve, [0.0, 1.0]).accuracy.round(6).tolist()
    [[1.0, 1.0], [0.84375, 0.75], [0.5, 0.5]]
    """
    if not isinstance(curve, AccuracyCurve):
        raise TypeError(
            f"`curve` must be an AccuracyCurve, from predict_knn or accuracy_curve; got a value of type "
            f"{type(curve).__name__}."
        )
    rhos = check_noise_rates(concentrations, "concentrations")
    source, size = curve.predicted_by(k)
    assert isinstance(source, Prediction)  # the only source that answers at every noise rate
    return AccuracySurface(curve.noise_rates, rhos, source.surface(curve.noise_rates, rhos, size), curve, size)
