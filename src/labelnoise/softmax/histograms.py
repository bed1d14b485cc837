"""The neighborhood that each test sample's softmax resembles (appendix A).

`softmax_neighborhoods` compares the softmax with the label histogram of the K nearest training samples in the network's
own feature space, and finds the K with the smallest chi-square distance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.softmax.aggregate import check_softmax
from labelnoise.threads import for_each_block
from labelnoise.validation import check_distributions, check_ks

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 1024


def chi_square_distance(p: ArrayLike, h: ArrayLike) -> Floats:
    r"""Return the chi-square distance of two distributions, in [0, 1] (appendix A).

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
        A row is no distribution, or the shapes do not broadcast.

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
    """For each test sample, the neighborhood with the label histogram that is nearest to its softmax.

    Attributes
    ----------
    ks : int array of shape (n_k,)
        The neighborhood sizes tried, increasing.
    preferred_k : int array of shape (n_test,)
        The size with the lowest distance; of several, the smallest.
    distance : array of shape (n_test,)
        Chi-square distance at `preferred_k`.
    histogram : array of shape (n_test, n_classes)
        The label histogram at `preferred_k`; rows sum to 1.
    """

    ks: Integers
    preferred_k: Integers
    distance: Floats
    histogram: Floats

    @property
    def prevalence(self) -> Floats:
        """Share of the test samples with each of `ks` as `preferred_k` (Fig. 5a); sums to 1."""
        counts = np.bincount(np.searchsorted(self.ks, self.preferred_k), minlength=len(self.ks))
        return counts / len(self.preferred_k)

    @property
    def median_distance(self) -> float:
        """Median of `distance` over the test samples (Fig. 5b; 0.143 on CIFAR-10 in the paper)."""
        return float(np.median(self.distance))

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per test sample."""
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
    """Find the K at which each test sample's softmax is nearest to its neighborhood's label histogram (appendix A).

    The neighbors are those in the network's feature space, and their labels the noisy ones that it was trained on::

        K(s) = argmin_K d(softmax(s), h_K(s)),    h_K(s)(j) = #{i in N_K(s) : y_i = j} / K

    with the chi-square distance d; of equal distances, the one at the smaller K counts.

    Parameters
    ----------
    pred_probs : array-like of shape (n_test, n_classes)
        Softmax of the test samples; rows sum to 1.
    train_labels : array-like of shape (n_train,)
        The labels that the network was trained on.
    neighbors : Neighbors, (n_test, K) int array or sparse graph
        Nearest training samples of each test sample, at least ``max(ks)`` of them.
    ks : int or sequence of int
        Neighborhood sizes to try; the paper's are 10 to 300.
    classes : sequence, optional
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Raises
    ------
    ValueError, TypeError
        A row is no distribution, the labels do not fit the rows, or there are too few neighbors.

    Examples
    --------
    >>> found = softmax_neighborhoods([[0.6, 0.4]], [0, 1, 0, 1, 1], [[0, 1, 2, 3, 4]], ks=range(1, 6))
    >>> found.preferred_k, found.distance.round(4)
    (array([3]), array([0.0048]))
    """
    rows, codes, known = check_softmax(pred_probs, train_labels, classes, "train_labels", same_samples=False)
    sizes = np.unique(check_ks(ks, name="ks"))
    indices = as_neighbors(neighbors, k=sizes, n_train=len(codes)).indices
    if len(indices) != len(rows):
        raise ValueError(
            f"`pred_probs` and `neighbors` must be of the same samples; got {len(rows)} and {len(indices)}."
        )
    preferred, distance = np.empty(len(rows), np.int64), np.empty(len(rows))
    counts = np.zeros((len(rows), len(known)), np.int64)

    def work(start: int, stop: int) -> None:
        _prefer(rows, codes, indices, sizes, start, stop, preferred, distance, counts)

    for_each_block(work, len(rows), _BLOCK, "comparing softmax and neighbors")
    return SoftmaxNeighborhoods(sizes, preferred, distance, counts / preferred[:, None])


@compiled()
def _prefer(p, codes, indices, ks, start, stop, preferred, distance, counts):
    # For distributions, 1/2 sum (p - h)^2 / (p + h) = 1 - 2 sum p h / (p + h). Only labels that occur have a term, so
    # the cost of a step is the number of distinct labels so far, however many classes there are.
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
        for rank in range(best_k, ks[-1]):  # remove the votes after the preferred k again
            counts[row, codes[indices[row, rank]]] -= 1
        preferred[row], distance[row] = best_k, max(best, 0.0)
