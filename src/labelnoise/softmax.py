"""The softmax of a network trained on noisy labels, and the neighbourhood it resembles (section 3.2, appendix A).

`aggregate_softmax` and `expected_peak` show what it is on average, `softmax_neighborhoods` how near it is to the label
histogram of the K nearest training samples in the network's own feature space, and for which K.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from labelnoise.corruption import check_noise
from labelnoise.labels import Codes, encode_labels
from labelnoise.neighborhoods import Neighbors, as_neighbors
from labelnoise.noise import NoiseModel, check_class_count, observed_distribution
from labelnoise.threads import for_each_block
from labelnoise.validation import check_distributions, check_k, check_noise_rate

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_BLOCK = 1024


@dataclass(frozen=True, eq=False, repr=False)
class AggregatedSoftmax:
    """The outputs of a network for the test samples of each true class.

    Attributes
    ----------
    classes : array of shape (n_classes,)
    counts : int array of shape (n_classes,)
        Test samples of each true class.
    median, lower, upper : array of shape (n_classes, n_classes)
        Row: true class, column: output. The median and the ends of the central 50 % over the samples of the class;
        NaN for a class without samples.
    """

    classes: NDArray[Any]
    counts: NDArray[np.int64]
    median: Floats
    lower: Floats
    upper: Floats

    def to_frame(self) -> pd.DataFrame:
        """A tidy table, one row a true class and output."""
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
    """Median and central 50 % of every output over the test samples of each true class (Fig. 2, 7-13).

    Parameters
    ----------
    pred_probs : array-like of shape (n_test, n_classes)
        Softmax of the test samples; rows sum to 1.
    labels : array-like of shape (n_test,)
        Their true classes: integers 0..n_classes-1, or classes in the columns' order (see `classes`).
    classes : sequence, optional
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Raises
    ------
    ValueError, TypeError
        Rows that are no distributions, or labels that do not fit them.

    Examples
    --------
    >>> aggregate_softmax([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]], [0, 0, 1]).median
    array([[0.7, 0.3],
           [0.1, 0.9]])
    """
    rows, codes, known = _check(pred_probs, labels, classes, "labels")
    n_classes = len(known)
    if len(codes) != len(rows):
        raise ValueError(f"`pred_probs` and `labels` must be of the same samples; got {len(rows)} and {len(codes)}.")
    quartiles = np.full((3, n_classes, n_classes), np.nan)
    for code in np.unique(codes):
        quartiles[:, code] = np.quantile(rows[codes == code], [0.25, 0.5, 0.75], axis=0)
    lower, median, upper = quartiles
    return AggregatedSoftmax(known, np.bincount(codes, minlength=n_classes), median, lower, upper)


def aggregate_relative(pred_probs: ArrayLike, labels: ArrayLike) -> AggregatedSoftmax:
    """Median and central 50 % over all test samples, the outputs counted from the true class (Fig. 2, 7).

    Output d is the softmax of class (y + d) mod L for a sample of true class y: the true class comes first, and under
    the default flip noise its alternative second. One row is all there is.

    Parameters
    ----------
    pred_probs : array-like of shape (n_test, n_classes)
        Softmax of the test samples; rows sum to 1.
    labels : array-like of shape (n_test,)
        Their true classes 0..n_classes-1.

    Raises
    ------
    ValueError, TypeError
        As `aggregate_softmax`.

    Examples
    --------
    >>> aggregate_relative([[0.8, 0.2], [0.4, 0.6]], [0, 1]).median
    array([[0.7, 0.3]])
    """
    rows, codes, known = _check(pred_probs, labels, None, "labels")
    offsets = np.arange(len(known))
    if len(codes) != len(rows):
        raise ValueError(f"`pred_probs` and `labels` must be of the same samples; got {len(rows)} and {len(codes)}.")
    turned = np.take_along_axis(rows, (codes[:, None] + offsets) % len(known), axis=1)
    lower, median, upper = np.quantile(turned, [0.25, 0.5, 0.75], axis=0)[:, None]
    return AggregatedSoftmax(offsets, np.array([len(rows)]), median, lower, upper)


def expected_peak(noise: NoiseModel, noise_rate: float, n_classes: int) -> Floats:
    r"""The softmax to expect for each true class where noise is spread and classes do not mix (section 3.2).

    .. math:: T = (1 - \gamma) I + \gamma P

    which is Eq. 3 for a clean distribution with all its weight on the true class. The diagonal holds the peaks:
    :math:`1 - \gamma + \gamma/L` under uniform noise, :math:`1 - \gamma` under flip noise.

    Parameters
    ----------
    noise : NoiseModel
    noise_rate : float in [0, 1]
        gamma, the fraction selected.
    n_classes : int
        L.

    Returns
    -------
    array of shape (n_classes, n_classes)
        Row: true class; rows sum to 1.

    Raises
    ------
    ValueError, TypeError
        Bad rates, or noise made for another number of classes.

    Examples
    --------
    >>> import labelnoise as ln
    >>> expected_peak(ln.FlipNoise(), 0.25, 2)
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    check_noise(noise)
    rate = check_noise_rate(noise_rate)
    check_k(n_classes, name="n_classes")
    check_class_count(noise, n_classes)
    return observed_distribution(np.eye(n_classes), noise, rate)


def chi_square_distance(p: ArrayLike, h: ArrayLike) -> Floats:
    r"""Chi-square distance of two distributions, in [0, 1] (appendix A).

    .. math:: d(p, h) = \frac{1}{2} \sum_j \frac{(p_j - h_j)^2}{p_j + h_j}, \qquad 0/0 = 0

    Parameters
    ----------
    p, h : array-like of shapes (..., L) that broadcast
        Rows sum to 1.

    Returns
    -------
    array of shape (...)

    Raises
    ------
    ValueError, TypeError
        Rows that are no distributions, or shapes that do not broadcast.

    Examples
    --------
    >>> chi_square_distance([[1.0, 0.0], [0.5, 0.5]], [0.0, 1.0]).round(6)
    array([1.      , 0.333333])
    """
    first = check_distributions(p, "p")
    second = check_distributions(h, "h", n_columns=first.shape[-1])
    try:
        total = first + second
    except ValueError:
        shapes = f"{first.shape} and {second.shape}"
        raise ValueError(f"`p` and `h` must have shapes that broadcast; got {shapes}.") from None
    terms = np.divide((first - second) ** 2, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(terms.sum(axis=-1) / 2)


@dataclass(frozen=True, eq=False, repr=False)
class SoftmaxNeighborhoods:
    """For each test sample the neighbourhood whose label histogram its softmax is nearest to.

    Attributes
    ----------
    ks : int array of shape (n_k,)
        The neighbourhood sizes tried, increasing.
    preferred_k : int array of shape (n_test,)
        The size with the lowest distance, the smallest such.
    distance : array of shape (n_test,)
        Chi-square distance there.
    histogram : array of shape (n_test, n_classes)
        The label histogram there; rows sum to 1.
    """

    ks: NDArray[np.int64]
    preferred_k: NDArray[np.int64]
    distance: Floats
    histogram: Floats

    @property
    def prevalence(self) -> Floats:
        """Share of the test samples that prefers each of `ks` (Fig. 5a); sums to 1."""
        counts = np.bincount(np.searchsorted(self.ks, self.preferred_k), minlength=len(self.ks))
        share: Floats = counts / len(self.preferred_k)
        return share

    @property
    def median_distance(self) -> float:
        """Median over the test samples (Fig. 5b; the paper: 0.143 on CIFAR-10)."""
        return float(np.median(self.distance))

    def to_frame(self) -> pd.DataFrame:
        """One row a test sample."""
        import pandas as pd

        return pd.DataFrame({"preferred_k": self.preferred_k, "distance": self.distance})

    def __repr__(self) -> str:
        return (
            f"SoftmaxNeighborhoods({len(self.distance)} test samples, K in {self.ks[0]}..{self.ks[-1]}; "
            f"median distance {self.median_distance:.3f}, median preferred K {np.median(self.preferred_k):g})"
        )


def softmax_neighborhoods(
    pred_probs: ArrayLike,
    train_labels: ArrayLike,
    neighbors: Neighbors | ArrayLike,
    ks: int | Iterable[int] = range(10, 301),
    *,
    classes: ArrayLike | None = None,
) -> SoftmaxNeighborhoods:
    """The K at which each test sample's softmax is nearest to its neighbourhood's label histogram (appendix A).

    The neighbours are searched in the network's feature space, and their labels are the noisy ones it was trained on::

        K(s) = argmin_K d(softmax(s), h_K(s)),    h_K(s)(j) = #{i in N_K(s) : y_i = j} / K

    with the chi-square distance d; of equal distances the smaller K is preferred.

    Parameters
    ----------
    pred_probs : array-like of shape (n_test, n_classes)
        Softmax of the test samples; rows sum to 1.
    train_labels : array-like of shape (n_train,)
        The labels that the network was trained on.
    neighbors : Neighbors, (n_test, K) int array or sparse graph
        Nearest training samples of each test sample, at least ``max(ks)`` of them.
    ks : int or sequence of int
        Neighbourhood sizes to try; the paper's are 10 to 300.
    classes : sequence, optional
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Raises
    ------
    ValueError, TypeError
        Rows that are no distributions, labels that do not fit them, too few neighbours.

    Examples
    --------
    >>> found = softmax_neighborhoods([[0.6, 0.4]], [0, 1, 0, 1, 1], [[0, 1, 2, 3, 4]], ks=range(1, 6))
    >>> found.preferred_k, found.distance.round(4)
    (array([3]), array([0.0048]))
    """
    rows, codes, known = _check(pred_probs, train_labels, classes, "train_labels")
    sizes = np.unique(check_k(ks, name="ks")[0])
    indices = as_neighbors(neighbors, k=sizes, n_train=len(codes)).indices
    if len(indices) != len(rows):
        raise ValueError(
            f"`pred_probs` and `neighbors` must be of the same samples; got {len(rows)} and {len(indices)}."
        )
    preferred, distance = np.empty(len(rows), np.int64), np.empty(len(rows))
    counts = np.zeros((len(rows), len(known)), np.int64)

    def work(start: int, stop: int) -> None:
        _prefer(rows, codes, indices, sizes, start, stop, preferred, distance, counts)

    for_each_block(work, len(rows), _BLOCK, "Comparing softmax and neighbours")
    return SoftmaxNeighborhoods(sizes, preferred, distance, counts / preferred[:, None])


@njit(nogil=True, cache=True)
def _prefer(p, codes, indices, ks, start, stop, preferred, distance, counts):  # type: ignore[no-untyped-def]
    # For distributions 1/2 sum (p - h)^2 / (p + h) = 1 - 2 sum p h / (p + h): only labels that occur have a term, so
    # a step costs the number of distinct labels so far, however many classes there are.
    seen = np.empty(min(p.shape[1], ks[-1]), np.int64)
    for row in range(start, stop):
        best, best_k, n_seen, column = np.inf, 0, 0, 0
        for rank in range(ks[-1]):
            code = codes[indices[row, rank]]
            if counts[row, code] == 0:
                seen[n_seen] = code
                n_seen += 1
            counts[row, code] += 1
            if rank + 1 == ks[column]:
                overlap = 0.0
                for place in range(n_seen):
                    share = counts[row, seen[place]] / ks[column]
                    overlap += p[row, seen[place]] * share / (p[row, seen[place]] + share)
                if 1 - 2 * overlap < best:
                    best, best_k = 1 - 2 * overlap, ks[column]
                column += 1
        for rank in range(best_k, ks[-1]):  # back to the counts at the preferred k
            counts[row, codes[indices[row, rank]]] -= 1
        preferred[row], distance[row] = best_k, max(best, 0.0)


def _check(pred_probs: Any, labels: Any, classes: Any, name: str) -> tuple[Floats, Codes, NDArray[Any]]:
    """Softmax rows, and codes of labels among the classes of their columns."""
    rows = check_distributions(pred_probs, "pred_probs")
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"`pred_probs` must have shape (n_test, n_classes); got {rows.shape}.")
    reason = "one per column of `pred_probs`"
    codes, known = encode_labels(labels, classes=classes, n_classes=rows.shape[1], n_classes_is=reason, name=name)
    return rows, codes, known
