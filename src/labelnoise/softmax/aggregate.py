"""The softmax of a network trained on noisy labels, summarized over the test samples of each class (section 3.2).

`aggregate_softmax` shows what it is, and `expected_peak` what it would be as the label distribution of a neighborhood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.columns import encode_for_columns
from labelnoise.noise import NoiseModel, check_class_count, check_noise, observed_distribution
from labelnoise.validation import check_count, check_distributions, check_noise_rate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class AggregatedSoftmax:
    """The outputs of a network for the test samples of each true class.

    Attributes
    ----------
    classes : array of shape (n_classes,)
        The classes, in the order of the columns.
    counts : int array of shape (n_classes,)
        Number of test samples of each true class.
    median, lower, upper : array of shape (n_classes, n_classes)
        The median and the ends of the central 50 % over the samples of a class; rows are true classes, columns outputs.
        NaN for a class without samples.
    """

    classes: NDArray[Any]
    counts: Integers
    median: Floats
    lower: Floats
    upper: Floats

    def to_frame(self) -> pd.DataFrame:
        """Return a tidy table with one row per true class and output."""
        import pandas as pd

        true, output = (grid.ravel() for grid in np.indices(self.median.shape))
        named = {"true_class": self.classes[true]} if len(self.median) > 1 else {}
        frame = pd.DataFrame({**named, "output": self.classes[output]})
        quartiles = {name: getattr(self, name).ravel() for name in ("median", "lower", "upper")}
        return frame.assign(**quartiles, n=self.counts[true])

    def __repr__(self) -> str:
        return f"AggregatedSoftmax({self.counts.sum()} test samples of {len(self.classes)} classes)"


def aggregate_softmax(
    pred_probs: ArrayLike, labels: ArrayLike, *, classes: ArrayLike | None = None
) -> AggregatedSoftmax:
    """Return the median and central 50 % of every output over the test samples of each true class (Fig. 2, 7-13).

    Parameters
    ----------
    pred_probs : array-like of shape (n_test, n_classes)
        Softmax of the test samples; rows sum to 1.
    labels : array-like of shape (n_test,)
        Their true classes: integers 0..n_classes-1, or classes that named columns, or `classes`, list.
    classes : sequence, optional
        All classes in code order: that of the columns, unless these are named.

    Raises
    ------
    ValueError, TypeError
        A row is no distribution, or the labels do not fit the rows.

    Examples
    --------
    >>> aggregate_softmax([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]], [0, 0, 1]).median
    array([[0.7, 0.3],
           [0.1, 0.9]])
    """
    rows, codes, known = check_softmax(pred_probs, labels, classes)
    n_classes = len(known)
    quartiles = np.full((3, n_classes, n_classes), np.nan)
    for code in np.unique(codes):
        quartiles[:, code] = np.quantile(rows[codes == code], [0.25, 0.5, 0.75], axis=0)
    lower, median, upper = quartiles
    return AggregatedSoftmax(known, np.bincount(codes, minlength=n_classes), median, lower, upper)


def aggregate_relative(pred_probs: ArrayLike, labels: ArrayLike) -> AggregatedSoftmax:
    """Return the median and central 50 % over all test samples, with outputs counted from the true class (Fig. 2, 7).

    Output d is the softmax of class (y + d) mod L for a sample of true class y. So the true class comes first, and
    under the default flip noise its alternative second. The result has a single row.

    Parameters
    ----------
    pred_probs, labels
        As in `aggregate_softmax`; the labels are integers 0..n_classes-1.

    Raises
    ------
    ValueError, TypeError
        As `aggregate_softmax`.

    Examples
    --------
    >>> aggregate_relative([[0.8, 0.2], [0.4, 0.6]], [0, 1]).median
    array([[0.7, 0.3]])
    """
    rows, codes, known = check_softmax(pred_probs, labels, None)
    offsets = np.arange(len(known))
    turned = np.take_along_axis(rows, (codes[:, None] + offsets) % len(known), axis=1)
    lower, median, upper = np.quantile(turned, [0.25, 0.5, 0.75], axis=0)[:, None]
    return AggregatedSoftmax(offsets, np.array([len(rows)]), median, lower, upper)


def expected_peak(noise: NoiseModel, noise_rate: float, n_classes: int) -> Floats:
    r"""Return the softmax to expect for each true class if noise is spread and classes do not mix (section 3.2).

    .. math:: T = (1 - \gamma) I + \gamma P

    which is Eq. 3 for a clean distribution with all its weight on the true class. The diagonal holds the peaks:
    :math:`1 - \gamma + \gamma/L` under uniform noise, :math:`1 - \gamma` under flip noise.

    Parameters
    ----------
    noise : NoiseModel
        What a selected label becomes.
    noise_rate : float in [0, 1]
        gamma, the fraction selected.
    n_classes : int
        L, the number of classes.

    Returns
    -------
    array of shape (n_classes, n_classes)
        Rows are true classes and sum to 1.

    Raises
    ------
    ValueError, TypeError
        The rate is not in [0, 1], or the noise is made for another number of classes.

    Examples
    --------
    >>> import labelnoise as ln
    >>> expected_peak(ln.FlipNoise(), 0.25, 2)
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    check_noise(noise)
    rate = check_noise_rate(noise_rate)
    check_count(n_classes, "n_classes")
    check_class_count(noise, n_classes)
    return observed_distribution(np.eye(n_classes), noise, rate)


def check_softmax(
    pred_probs: Any, labels: Any, classes: Any, name: str = "labels", *, same_samples: bool = True
) -> tuple[Floats, Codes, NDArray[Any]]:
    """Return softmax rows, the codes of labels among the classes of their columns, and these classes."""
    rows = check_distributions(pred_probs, "pred_probs")
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"`pred_probs` must have shape (n_test, n_classes); got {rows.shape}.")
    return encode_for_columns(
        labels, pred_probs, rows, classes=classes, table_name="pred_probs", name=name, same_samples=same_samples
    )
