"""The result of every curve function: accuracy over noise rate and k, whether predicted or measured."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Integers
from labelnoise.curves.source import CurveSource
from labelnoise.curves.tolerance import CLOSE, enclosing_rates, tipping_rates, tolerance
from labelnoise.validation import check_count, check_fraction, check_noise_rate

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from labelnoise.curves.intervals import Interval


@dataclass(frozen=True, eq=False)
class CurveSetting:
    """What determined a curve, besides its noise rates and k.

    Attributes
    ----------
    ties : str or None
        The tie rule, the same in predictions and votes; None where no votes are counted.
    model : str
        "finite" or "iid" (predicted, see `predict_knn`), "measured", or "posterior" (predicted for labels of unknown
        quality, see `labelnoise.diagnosis.relabeling.cost`).
    noise, placement : dict
        Name and parameters of the noise model and of the placement.
    classes : array of shape (n_classes,)
        The classes, in the order of `AccuracyCurve.per_class`.
    n_test : int
        Number of test samples.
    n_train : int or None
        Number of training samples, where known.
    seed : int or None
        Measured curves: the seed of the noise draws.
    classifier : str or None
        Name of the classifier that was measured (`measure`); None where neighbors vote.
    """

    ties: str | None
    model: str
    noise: dict[str, Any]
    placement: dict[str, Any]
    classes: NDArray[Any]
    n_test: int
    n_train: int | None = None
    seed: int | None = None
    classifier: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class AccuracyCurve:
    """Accuracy over noise rates (rows) and neighborhood sizes (columns), with all that determined it.

    Attributes
    ----------
    noise_rates : array of shape (n_rates,)
        Asked noise rates; the expected share of changed labels where noise is given by rows (`predict_with_rows`), NaN
        where that is not known.
    k : array of shape (n_k,)
        Neighborhood sizes; [0] where no neighbors vote, but a classifier of one's own was measured (`measure`).
    accuracy : array of shape (n_rates, n_k)
        Mean over the test samples (Eq. 1), and for measured curves over the repeats; in [0, 1].
    per_class : array of shape (n_rates, n_k, n_classes)
        The same for the test samples of each class; NaN for a class without test samples.
    setting : CurveSetting
        Tie rule, model, noise, placement, classes, numbers of samples, seed.
    realized_noise_rates : array of shape (n_rates,)
        Mean fraction of labels really selected; equals `noise_rates` for predictions.
    source : CurveSource or None
        What answers `confusion`, `per_sample` and the like; None for a curve that was put together from a table.
    sampling_error : array of shape (n_rates, n_k) or None
        Standard error of a prediction that had to be sampled under "finite" (general matrices, and large neighborhoods
        of many classes); None where exact.
    runs : array of shape (n_rates, repeats, n_k) or None
        Measured curves: the accuracy of every repeat.
    neighborhood_noise_rates, realized_concentrations : array of shape (n_rates, n_k) or None
        Measured curves of placements other than spread: mean share of selected samples in the test samples'
        neighborhoods, and mean rho there, which is NaN at noise rates 0 and 1 and for k = 1.
    """

    noise_rates: Floats
    k: Integers
    accuracy: Floats
    per_class: Floats
    setting: CurveSetting
    realized_noise_rates: Floats
    source: CurveSource | None = field(default=None, repr=False)
    sampling_error: Floats | None = None
    runs: Floats | None = None
    neighborhood_noise_rates: Floats | None = None
    realized_concentrations: Floats | None = None

    @property
    def measured(self) -> bool:
        """Whether real votes were counted, rather than predicted."""
        return self.runs is not None

    @property
    def repeats(self) -> int | None:
        """Noise draws per noise rate of a measured curve."""
        return None if self.runs is None else self.runs.shape[1]

    @property
    def std(self) -> Floats | None:
        """Standard deviation over the repeats (n - 1 in the denominator), (n_rates, n_k); NaN for a single repeat."""
        if self.runs is None:
            return None
        if self.runs.shape[1] == 1:
            return np.full_like(self.accuracy, np.nan)
        return np.std(self.runs, axis=1, ddof=1)

    @property
    def standard_error(self) -> Floats | None:
        """Standard error of the measured mean over noise draws: std / sqrt(repeats)."""
        return None if self.std is None or self.repeats is None else self.std / np.sqrt(self.repeats)

    def confusion(self, noise_rate: float | None = None, k: int | None = None) -> Floats:
        """Return the expected confusion matrix: entry [i, j] is the share of test samples of class i predicted as j.

        Rows sum to 1 under the tie rules "random" and "lowest"; under "strict" the share of ties is missing. The row of
        a class without test samples is NaN.

        Parameters
        ----------
        noise_rate : float, optional
            In [0, 1]; for a measured curve, or one from rows, one of `noise_rates`. May be left out if there is only
            one.
        k : int, optional
            One of the curve's `k`; may be left out if there is only one.
        """
        source, rate = self._ask(noise_rate)
        return source.confusion(rate, self._one_k(k))

    def per_sample(self, noise_rate: float | None = None, k: int | None = None) -> Floats:
        """Return the probability that each test sample is classified correctly, (n_test,).

        For a measured curve it is the share of the repeats.

        Arguments as in `confusion`. The mean over the test samples is the accuracy.
        """
        source, rate = self._ask(noise_rate)
        return source.per_sample(rate, self._one_k(k))

    def _ask(self, noise_rate: float | None) -> tuple[CurveSource, float]:
        if self.source is None:
            raise ValueError(
                "this curve was put together from a table or a file; compute it to ask for more than that."
            )
        if noise_rate is None and len(self.noise_rates) == 1:
            return self.source, float(self.noise_rates[0])
        rate = check_noise_rate(noise_rate)  # type: ignore[arg-type]  # None is refused there
        if not self.source.any_rate and not np.any(self.noise_rates == rate):
            levels = "measured levels" if self.measured else "curve's levels"
            raise ValueError(f"`noise_rate` must be one of the {levels} {self.noise_rates.tolist()}; got {rate:g}.")
        return self.source, rate

    def interval(self, level: float = 0.95, *, of: str = "both") -> Interval:
        r"""Return an interval for the accuracy: sampling error over test samples, over noise draws, or both.

        With :math:`Q_s` the probability that test sample s is classified correctly and :math:`A` their mean,

        .. math:: A \pm t_\nu \sqrt{v}, \qquad v_{test} = \frac{1}{M} \mathrm{Var}_s(Q_s), \qquad
            v_{draws} = \mathrm{Var}\Big(\frac{1}{M} \sum_s c_s\Big), \qquad v_{both} = v_{test} + v_{draws}

        where :math:`c_s` is 1 if sample s is classified correctly after one noise draw. Samples that share neighbors
        have correlated :math:`c_s`. For a prediction from neighbors, :math:`v_{draws}` is therefore estimated from 200
        noise draws over the stored neighbors. From a softmax (`accuracy_curve`) no neighbors are known, and
        independence is assumed, :math:`v_{draws} = \sum_s Q_s (1 - Q_s) / M^2`. This is usually too small, and leaves
        out the variance of training. For a measured curve of R repeats, :math:`v_{draws}` is the variance of the
        repeats times 1 + 1/R, and the error of their mean, variance / R, is part of :math:`v_{test}`.
        :math:`\nu` is the number of degrees of freedom of the variance (for sums by Welch and Satterthwaite).

        Parameters
        ----------
        level : float in (0, 1), default 0.95
            Share of cases in which the interval is meant to hold.
        of : {"both", "test", "draws"}
            "test": an interval for the expected accuracy on the population from which the test samples were drawn, all
            noise draws averaged. "draws": for the accuracy of one noisy training set on these test samples. "both":
            for the accuracy of one noisy training set on as many new test samples of that population.

        Returns
        -------
        Interval
            `lower` and `upper`, (n_rates, n_k), within [0, 1].

        Raises
        ------
        ValueError
            A level outside (0, 1); fewer than two test samples or repeats; "draws" or "both" for a prediction at a
            concentration above 0, which does not say which neighborhoods are noisy together (measure it:
            `simulate_knn` with a placement); a curve put together from a table.

        Examples
        --------
        >>> import labelnoise as ln
        >>> curve = ln.accuracy_curve([[0.9, 0.1], [0.6, 0.4]] * 50, [0] * 100, ln.UniformNoise(), 0.0, 1)
        >>> interval = curve.interval(of="test")
        >>> interval.lower.round(3).tolist(), interval.upper.round(3).tolist()
        ([[0.72]], [[0.78]])
        """
        from labelnoise.curves.intervals import accuracy_interval

        return accuracy_interval(self, level, of)

    def tolerance(self, target: float) -> float | Floats:
        """Return the largest noise rate that keeps the accuracy at or above `target` (section 10 of the theory).

        A predicted curve is evaluated between its levels until the crossing is known to 1e-6. One that was measured,
        was predicted from where measured noise lies, or comes from a file is interpolated linearly, with a warning
        where its noise rates are more than about 0.05 apart. The answer stays within the curve's noise rates: it is the
        largest of them if the accuracy never falls below the target (read it as "at least"), and NaN if it starts
        below.

        Parameters
        ----------
        target : float in [0, 1]
            The accuracy to keep.

        Returns
        -------
        float, or array of shape (n_k,) if the curve has several k
        """
        least = check_fraction(target, "target")
        source = self.source if self.source is not None and self.source.any_rate else None
        enclosing = [enclosing_rates(self.noise_rates, column, least) for column in self.accuracy.T]
        if source is None and any(high - low > CLOSE for low, high in enclosing):
            warnings.warn(
                "this curve, measured or from a file, is known at its noise rates alone, and the tolerance is "
                f"interpolated between two that are more than {CLOSE:g} apart. Ask for more noise rates.",
                stacklevel=2,
            )
        found = np.array(
            [
                tolerance(self.noise_rates, column, least, source, int(k))
                for k, column in zip(self.k, self.accuracy.T, strict=True)
            ]
        )
        return float(found[0]) if len(found) == 1 else found

    def tipping_rates(self, k: int | None = None, *, target: float = 0.5) -> Floats:
        """Return the noise rate at which each test sample's probability of a correct vote falls below `target`.

        Shape (n_test,), for predicted curves only. The probabilities are computed on a grid of 201 noise rates in
        [0, 1] and interpolated linearly. The result is 1 for a sample that never falls below, and NaN for one that is
        below without noise. The smallest rates show where a training set is weakest.
        """
        source, size = self.predicted_by(k)
        return tipping_rates(source, size, check_fraction(target, "target"))

    def predicted_by(self, k: int | None = None) -> tuple[CurveSource, int]:
        """Return the source of a predicted curve, which answers at every noise rate, and one of the curve's k."""
        if self.source is None or not self.source.any_rate:
            which = "was measured" if self.measured else "holds one level alone"
            raise ValueError(f"the curve must be predicted (predict_knn, accuracy_curve); this one {which}.")
        return self.source, self._one_k(k)

    def _one_k(self, k: int | None) -> int:
        if k is None and len(self.k) == 1:
            return int(self.k[0])
        if k is None or check_count(k, "k", least=0) not in self.k:
            raise ValueError(f"`k` must be one of the curve's {self.k.tolist()}; got {k}.")
        return int(k)

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy table, one row per noise rate and k."""
        import pandas as pd

        rate, column = (grid.ravel() for grid in np.indices(self.accuracy.shape))
        frame = pd.DataFrame(
            {
                "noise": self.setting.noise["name"],
                "placement": self.setting.placement["name"],
                "model": self.setting.model,
                "ties": self.setting.ties,
                "k": self.k[column],
                "noise_rate": self.noise_rates[rate],
                "realized_noise_rate": self.realized_noise_rates[rate],
                "accuracy": self.accuracy.ravel(),
                "n_test": self.setting.n_test,
            }
        )
        if self.setting.classifier is not None:
            frame.insert(0, "classifier", self.setting.classifier)
        if self.sampling_error is not None:
            frame["sampling_error"] = self.sampling_error.ravel()
        if self.neighborhood_noise_rates is not None:
            frame["neighborhood_noise_rate"] = self.neighborhood_noise_rates.ravel()
        if self.realized_concentrations is not None:
            frame["concentration"] = self.realized_concentrations.ravel()
        if self.std is not None:
            frame["std"] = self.std.ravel()
            frame["repeats"] = self.repeats
            frame["seed"] = self.setting.seed
        return frame

    def summary(self) -> dict[str, Any]:
        """Return what determined the curve, ready for JSON; the numbers themselves are in `to_frame`."""
        setting = self.setting
        return {
            "model": setting.model,
            "ties": setting.ties,
            "noise": setting.noise,
            "placement": setting.placement,
            "k": self.k.tolist(),
            "noise_rates": self.noise_rates.tolist(),
            "n_classes": len(setting.classes),
            "n_test": setting.n_test,
            "n_train": setting.n_train,
            "repeats": self.repeats,
            "seed": setting.seed,
            **({} if setting.classifier is None else {"classifier": setting.classifier}),
        }

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the curve to one ``.npz`` file (plain arrays and JSON, no pickles), whole or not at all.

        Neighbors and models are not in the file. Of a curve from `measure`, all predictions are.
        """
        from labelnoise.curves.storage import save_curve

        return save_curve(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AccuracyCurve:
        """Read a file that `save` wrote.

        The curve can be drawn, compared and asked for its `tolerance`. One from `measure` answers `confusion`,
        `per_sample` and `interval` as well. Others do not: ask for these before saving.

        Raises
        ------
        FileNotFoundError
            No such file.
        ValueError
            The file is not one that `save` wrote, or is truncated or damaged.
        """
        from labelnoise.curves.storage import load_curve

        return load_curve(path)

    def plot(self, ax: Axes | None = None, *, family: AccuracyCurve | None = None) -> Axes:
        """Draw the curve, one line per k, on `ax` or a new figure; return the axes.

        A measured curve with one column, such as that of a network or of a classifier of one's own, can be drawn over a
        `family` of predicted ones (Fig. 4): the curve of several k from the clean distribution that the classifier has.
        """
        from labelnoise.figures import plot_curve, plot_over_family

        return plot_curve(self, ax) if family is None else plot_over_family(self, family, ax)

    def _repr_html_(self) -> str:
        from labelnoise.report.notebook import curve_html

        return curve_html(self)

    def __repr__(self) -> str:
        setting = self.setting
        kind = f"measured, {self.repeats} repeats" if self.measured else f"predicted ({setting.model})"
        names = [f"k={k}" for k in self.k] if setting.classifier is None else [setting.classifier]
        best = "; ".join(
            f"{name}: {high:.3f} -> {low:.3f}"
            for name, high, low in zip(names, self.accuracy[0], self.accuracy[-1], strict=True)
        )
        ties = "" if setting.ties is None else f", {setting.ties} ties"
        return (
            f"AccuracyCurve({kind}; {setting.noise['name']} noise, {setting.placement['name']}{ties}; "
            f"noise rate {self.noise_rates[0]:g} -> {self.noise_rates[-1]:g}: {best}; {setting.n_test} test samples)"
        )
