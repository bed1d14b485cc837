"""The effective neighborhood of a network: the K whose analytic curve is nearest to its measured accuracy curve.

The paper compares a network's accuracy over the noise rate with the family of K-NN curves that start from the same
clean distribution, the softmax of the network trained on clean labels (Fig. 4). The K of the best curve, and how well
it fits, say how much averaging over neighbors the training amounts to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats, Integers
from labelnoise.curves.predicted import accuracy_curve
from labelnoise.noise import NoiseModel
from labelnoise.validation import check_ks, check_noise_rates, to_array

if TYPE_CHECKING:
    import pandas as pd

K_MAX = 300
"""The largest K that is tried by default, as in the paper's appendix A."""


@dataclass(frozen=True, eq=False, repr=False)
class EffectiveNeighborhood:
    """How near each analytic curve is to a measured one.

    Attributes
    ----------
    ks : int array of shape (n_k,)
        The candidates for K, increasing.
    noise_rates, measured : array of shape (n_rates,)
        The measured curve.
    predicted : array of shape (n_rates, n_k)
        The analytic curves.
    ties : str
        The tie rule of the analytic curves.
    """

    ks: Integers
    noise_rates: Floats
    measured: Floats
    predicted: Floats
    ties: str

    @property
    def mean_errors(self) -> Floats:
        """Mean absolute difference over the noise rates for each candidate, (n_k,)."""
        return np.abs(self.predicted - self.measured[:, None]).mean(axis=0)

    @property
    def k(self) -> int:
        """The candidate with the lowest mean error; of several, the smallest."""
        return int(self.ks[self._best])

    @property
    def mean_error(self) -> float:
        """Mean absolute difference at `k`."""
        return float(self.mean_errors[self._best])

    @property
    def worst_error(self) -> float:
        """Largest absolute difference at `k`."""
        return float(np.abs(self.predicted[:, self._best] - self.measured).max())

    @property
    def _best(self) -> int:
        """Position of `k`. Errors that differ by less than the probabilities are exact to are equal."""
        equal = np.flatnonzero(self.mean_errors <= self.mean_errors.min() + 1e-12)
        return int(equal[self.ks[equal].argmin()])

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per candidate: k, and its mean and worst absolute error."""
        import pandas as pd

        errors = np.abs(self.predicted - self.measured[:, None])
        return pd.DataFrame({"k": self.ks, "mean_error": errors.mean(axis=0), "worst_error": errors.max(axis=0)})

    def __repr__(self) -> str:
        return (
            f"EffectiveNeighborhood(k={self.k} of {self.ks[0]}..{self.ks[-1]}; absolute difference over "
            f"{len(self.noise_rates)} noise rates: mean {self.mean_error:.4f}, worst {self.worst_error:.4f})"
        )


def effective_neighborhood(
    measured_curve: Any,
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    *,
    ks: int | Iterable[int] | None = None,
    ties: str = "random",
    classes: ArrayLike | None = None,
) -> EffectiveNeighborhood:
    r"""Compare a measured accuracy curve with the analytic curve of every K (section 10 of the theory; Fig. 4).

    .. math:: K^* = \arg\min_K \frac{1}{n} \sum_{i=1}^{n} |A_K(\gamma_i) - a_i|

    where :math:`a_i` was measured at noise rate :math:`\gamma_i`, and :math:`A_K` is Eq. 1 for the clean distribution.
    Noise rates at which all K agree, far from the breaking point, have the same weight as those that tell K apart.

    Parameters
    ----------
    measured_curve : AccuracyCurve or pair of array-likes of shape (n_rates,)
        A curve with one k, or noise rates and the accuracy in [0, 1] at each, for instance of a sweep of networks. Any
        object with attributes `noise_rates` and `accuracy` will do.
    clean_distribution : array-like of shape (n_test, n_classes)
        For a network, the softmax of the same network trained on clean labels.
    labels : array-like of shape (n_test,)
        True classes of the test samples.
    noise : NoiseModel
        What a selected label became.
    ks : int or sequence of int, optional
        The candidates for K; by default 1 to 300.
    ties : {"random", "lowest", "strict"}, default "random"
        As in `accuracy_curve`.
    classes : sequence, optional
        As in `accuracy_curve`.

    Raises
    ------
    ValueError, TypeError
        The curve has several columns or values outside [0, 1], or `accuracy_curve` rejects an argument.

    Examples
    --------
    >>> import labelnoise as ln
    >>> clean, labels, rates = [[0.9, 0.1], [0.2, 0.8]], [0, 1], [0.0, 0.2, 0.4]
    >>> measured = ln.accuracy_curve(clean, labels, ln.FlipNoise(), rates, 7)
    >>> effective_neighborhood(measured, clean, labels, ln.FlipNoise(), ks=[3, 5, 7, 9])
    EffectiveNeighborhood(k=7 of 3..9; absolute difference over 3 noise rates: mean 0.0000, worst 0.0000)
    """
    rates, accuracy = _check_curve(measured_curve)
    candidates = np.unique(check_ks(range(1, K_MAX + 1) if ks is None else ks, name="ks"))
    family = accuracy_curve(clean_distribution, labels, noise, rates, candidates, ties=ties, classes=classes)
    return EffectiveNeighborhood(candidates, rates, accuracy, family.accuracy, ties)


def effective_k(
    measured_curve: Any,
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    *,
    ks: int | Iterable[int] | None = None,
    ties: str = "random",
    classes: ArrayLike | None = None,
) -> int:
    r"""Return the K whose analytic curve is nearest to a measured one (section 10 of the theory; Fig. 4).

    .. math:: K^* = \arg\min_K \frac{1}{n} \sum_{i=1}^{n} |A_K(\gamma_i) - a_i|

    `effective_neighborhood` also returns how near it is, and how near every other K is.

    Parameters
    ----------
    measured_curve, clean_distribution, labels, noise, ks, ties, classes
        As in `effective_neighborhood`.

    Returns
    -------
    int
        The effective neighborhood size; of equally near sizes, the smallest.

    Raises
    ------
    ValueError, TypeError
        As `effective_neighborhood`.

    Examples
    --------
    >>> import labelnoise as ln
    >>> effective_k(([0.0, 0.25, 0.5], [1.0, 0.84, 0.5]), [[1.0, 0.0]], [0], ln.FlipNoise(), ks=[1, 3, 5])
    3
    """
    return effective_neighborhood(
        measured_curve, clean_distribution, labels, noise, ks=ks, ties=ties, classes=classes
    ).k


def _check_curve(curve: Any) -> tuple[Floats, Floats]:
    """Return checked noise rates and accuracies of equal length."""
    if isinstance(curve, tuple) and len(curve) == 2:
        asked, measured = curve
    elif hasattr(curve, "noise_rates") and hasattr(curve, "accuracy"):
        asked, measured = curve.noise_rates, curve.accuracy
    else:
        raise TypeError(
            f"`measured_curve` must have `noise_rates` and `accuracy`, or be a pair of both; "
            f"got {type(curve).__name__}."
        )
    rates = check_noise_rates(asked)
    accuracy = np.asarray(to_array(measured), dtype=np.float64)
    if accuracy.ndim == 2 and accuracy.shape[1] > 1:
        raise ValueError(
            f"`measured_curve` must have one accuracy per noise rate; got {accuracy.shape[1]} columns. "
            f"Pass a pair of noise rates and one column: (curve.noise_rates, curve.accuracy[:, 0])."
        )
    if accuracy.size != len(rates) or accuracy.ndim not in (1, 2):
        raise ValueError(
            f"`measured_curve` must have one accuracy per noise rate, {len(rates)}; got shape {accuracy.shape}."
        )
    accuracy = accuracy.ravel()
    bad = ~((accuracy >= 0) & (accuracy <= 1))  # NaN fails both comparisons
    if bad.any():
        hint = " Percentages? Divide them by 100." if accuracy[bad][0] > 1 else ""
        raise ValueError(f"`measured_curve` must have accuracies in [0, 1]; got {accuracy[bad][0]:g}.{hint}")
    return rates, accuracy
