"""What a fit of the effective K says: the value, its interval, and the predicted curve with a band."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.prediction import Prediction
from labelnoise.softmax.misfit import accuracy_variance
from labelnoise.validation import check_noise_rates

if TYPE_CHECKING:
    import pandas as pd

_BAND_KS = 16
"""Number of curves, from the lowest to the highest K of an interval, whose envelope is part of a band."""


@dataclass(frozen=True, eq=False)
class CurveBand:
    """A predicted accuracy curve with an interval for one training at every noise rate.

    Attributes
    ----------
    noise_rates, accuracy, lower, upper : array of shape (n_rates,)
        The curve of the effective K, and the ends of the interval, within [0, 1].
    level : float
        Share of trainings whose accuracy the interval is meant to hold.
    """

    noise_rates: Floats
    accuracy: Floats
    lower: Floats
    upper: Floats
    level: float

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per noise rate: noise_rate, predicted, lower and upper."""
        import pandas as pd

        columns = {"noise_rate": self.noise_rates, "predicted": self.accuracy, "lower": self.lower, "upper": self.upper}
        return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False, repr=False)
class EffectiveK:
    """The K whose analytic curve is nearest to measured accuracies, and all K that the measurement leaves possible.

    Attributes
    ----------
    family : AccuracyCurve
        The analytic curves of all candidates for K, increasing, at the measured noise rates.
    measured : array of shape (n_rates,)
        The measured accuracies.
    variance : array of shape (n_rates,)
        Variance of each of them around the network's curve in the family.
    misfit : float
        How far networks depart from the family, as in `fit_effective_k`.
    level : float
        Share of cases in which the interval is meant to hold.
    """

    family: AccuracyCurve
    measured: Floats
    variance: Floats
    misfit: float
    level: float

    @property
    def ks(self) -> Integers:
        """The candidates for K, increasing, (n_k,)."""
        return self.family.k

    @property
    def mean_errors(self) -> Floats:
        """Mean absolute difference over the noise rates for each candidate, (n_k,)."""
        return self._errors.mean(axis=0)

    @property
    def value(self) -> int:
        """The candidate with the lowest mean error; of several, the most likely, and of these the smallest."""
        return int(self.ks[self._best])

    @property
    def mean_error(self) -> float:
        """Mean absolute difference at `value`."""
        return float(self.mean_errors[self._best])

    @property
    def worst_error(self) -> float:
        """Largest absolute difference at `value`."""
        return float(self._errors[:, self._best].max())

    @property
    def possible(self) -> Mask:
        """Whether each candidate is left possible by the measurement, (n_k,); `fit_effective_k` has the formula."""
        n_rates, deviations = len(self.measured), self._deviations
        lowest = deviations.min()
        scale = max(1.0, lowest / (n_rates - 1)) if n_rates > 1 else 1.0
        return deviations <= lowest + ndtri((1 + self.level) / 2) ** 2 * scale

    @property
    def low(self) -> int:
        """The smallest K of the interval."""
        return min(self.value, int(self.ks[self.possible].min()))

    @property
    def high(self) -> int:
        """The largest K of the interval."""
        return max(self.value, int(self.ks[self.possible].max()))

    @property
    def determined(self) -> bool:
        """Whether the measurement rules out any candidate; it does not where the curves of all K agree."""
        return not bool(self.possible.all())

    @property
    def _errors(self) -> Floats:
        return np.abs(self.family.accuracy - self.measured[:, None])

    @property
    def _deviations(self) -> Floats:
        """Sum of the squared differences in units of their variance, (n_k,)."""
        return (self._errors**2 / self.variance[:, None]).sum(axis=0)

    @property
    def _best(self) -> int:
        """Position of `value`. Errors that differ by less than the probabilities are exact to are equal.

        Between two accuracies at one noise rate, all curves have the same mean error, and their mean is most likely.
        """
        equal = self.mean_errors <= self.mean_errors.min() + 1e-12
        deviations = np.where(equal, self._deviations, np.inf)
        return int(np.argmax(deviations <= deviations.min() * (1 + 1e-9) + 1e-12))

    def predict(self, noise_rates: float | Iterable[float]) -> CurveBand:
        r"""Predict the accuracy of one training at any noise rate, with a band.

        .. math:: A_{K^*}(\gamma) \pm \sqrt{d(\gamma)^2 + z^2 A (1 - A) (1 / n_{test} + m^2)}

        where d is the distance of :math:`A_{K^*}` to the lowest (for +, the highest) curve of the interval, z the
        normal quantile of `level`, and m the misfit.

        Parameters
        ----------
        noise_rates : float or sequence of float in [0, 1]
            Where to predict.

        Raises
        ------
        ValueError, TypeError
            A noise rate is not in [0, 1], or the family was put together from a table.
        """
        rates = check_noise_rates(noise_rates)
        source = self.family.source
        if not isinstance(source, Prediction):
            raise ValueError("the family was put together from a table; pass its values at other rates to `band`.")
        interval = self.ks[(self.ks >= self.low) & (self.ks <= self.high)]
        some = interval[np.unique(np.linspace(0, len(interval) - 1, _BAND_KS).round().astype(int))]
        ks = np.union1d(some, [self.value])
        models = [replace(model, ks=tuple(ks.tolist())) for model in source.models]
        return self.band(replace(source, models=models).curve(rates, ks, self.family.setting))

    def band(self, family: AccuracyCurve) -> CurveBand:
        """Return what `predict` does, from curves of the family that are computed already.

        Parameters
        ----------
        family : AccuracyCurve
            Curves of several K, `value` among them; those outside the interval are left out.
        """
        center = family.accuracy[:, family.k == self.value][:, 0]
        within = family.accuracy[:, (family.k >= self.low) & (family.k <= self.high)]
        alone = ndtri((1 + self.level) / 2) ** 2 * accuracy_variance(center, family.setting.n_test, self.misfit)
        lower = center - np.sqrt((center - within.min(axis=1)) ** 2 + alone)
        upper = center + np.sqrt((center - within.max(axis=1)) ** 2 + alone)
        return CurveBand(family.noise_rates, center, np.clip(lower, 0, 1), np.clip(upper, 0, 1), self.level)

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per candidate: k, mean and worst absolute error, and whether it is possible."""
        import pandas as pd

        errors = self._errors
        columns = {"mean_error": errors.mean(axis=0), "worst_error": errors.max(axis=0), "possible": self.possible}
        return pd.DataFrame({"k": self.ks, **columns})

    def summary(self) -> dict[str, Any]:
        """Return the value, its interval and what they rest on, ready for JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "determined": self.determined,
            "mean_difference_points": 100 * self.mean_error,
            "worst_difference_points": 100 * self.worst_error,
            "misfit": self.misfit,
            "noise_rates": self.family.noise_rates.tolist(),
            "measured": self.measured.tolist(),
        }

    def __repr__(self) -> str:
        interval, n_rates = f"{100 * self.level:g} % interval {self.low}..{self.high}", len(self.measured)
        return (
            f"EffectiveK({self.value}, {interval if self.determined else 'undetermined'} of {self.ks[0]}.."
            f"{self.ks[-1]}; absolute difference over {n_rates} noise rate{'s' * (n_rates > 1)}: mean "
            f"{self.mean_error:.4f}, worst {self.worst_error:.4f})"
        )
