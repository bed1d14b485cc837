r"""The wrong rate from noisy labels alone: a bracket between two bounds, each with its reason.

The lower bound is the estimate that is right if the noise depends on the class alone (`transition`). It reads the
samples whose class is certain, and people err more where it is not. The upper bound rests on disagreement: the
confident joint of Northcutt et al. (JAIR 2021) counts the labels that a classifier contradicts, and so some of the
classifier's own errors. What lies between them cannot be told from noisy labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes
from labelnoise.diagnosis.estimate import Estimate

MISFIT = 0.01
"""How far the lower bound may be off although the noise depends on the class alone: no regression is quite right."""

SHARE = 0.8
"""Share of the further disagreement that the bracket takes for wrong labels. In CIFAR-10N's human labels half of it was
wrong labels, and the rest errors of the classifier."""

ASSUMPTION = (
    "each class is mostly labeled right, and wrong labels are spread: a classifier learns noise that is concentrated, "
    "and no estimate from noisy labels alone can see it"
)

EVEN = (
    "the labels are too few to tell which class is given for which, so wrong labels of each class are taken to be "
    "spread evenly over all others; if they are not, more may be wrong"
)

TOO_WEAK = "the features are too weak: classes that cannot be told apart hide wrong labels, and look like them"


def disagreement(pred_probs: NDArray[np.floating], codes: Codes) -> float:
    """Return the share of labels that the confident joint calls wrong.

    A sample counts for the most probable class among those whose probability is at least its mean over the samples
    with this label. The counts of each given label are scaled to the number of its samples.

    Parameters
    ----------
    pred_probs : (n, L) array
        Held-out probabilities of the given labels.
    codes : (n,) int array
        Given labels.
    """
    n, n_classes = pred_probs.shape
    size = np.bincount(codes, minlength=n_classes)
    own = pred_probs[np.arange(n), codes]
    threshold = np.bincount(codes, weights=own, minlength=n_classes) / np.maximum(size, 1)
    threshold[size == 0] = np.inf
    candidates = np.where(pred_probs >= threshold, pred_probs, -1.0)
    best = candidates.argmax(axis=1)
    confident = candidates[np.arange(n), best] >= 0
    counted = np.bincount(codes[confident], minlength=n_classes)
    wrong = np.bincount(codes[confident & (best != codes)], minlength=n_classes)
    return float((size * wrong / np.maximum(counted, 1)).sum() / n)


def wrong_rate_bracket(
    estimate: float, standard_error: float, pred_probs: NDArray[np.floating], codes: Codes
) -> Estimate:
    """Return the wrong rate with its bracket.

    Parameters
    ----------
    estimate, standard_error : float
        The wrong rate if the noise depends on the class alone, and its standard error.
    pred_probs : (n, L) array
        Held-out probabilities of the given labels.
    codes : (n,) int array
        Given labels.
    """
    beyond = max(0.0, disagreement(pred_probs, codes) - estimate)
    low = max(0.0, estimate - 2 * standard_error - MISFIT)
    high = min(1.0, estimate + 2 * standard_error + SHARE * beyond)
    return Estimate(estimate, low, high, "bracket", 0, ASSUMPTION)
