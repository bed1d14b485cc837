r"""What relabeling one sample gains: the votes that it turns among the samples that have it as a neighbor.

The K nearest other samples of sample j vote with their given labels; t classes that tie for the most votes win with
probability 1/t each. With :math:`w_j(c)` the probability that the true class of j is c, the vote of j is right with
probability

.. math:: a_j = \frac{1}{t} \sum_{c \text{ leads}} w_j(c)

and the mean of a_j is the accuracy of leave-one-out K-NN. If a person says the true class y of sample i, a vote moves
from the given class to y in the neighborhoods that hold i, and in no others:

.. math:: \mathrm{gain}_i = \sum_y w_i(y) \sum_{j : i \in N_K(j)} \left(a_j^{z_i \to y} - a_j\right)

Each term takes constant time once the leaders of j, and the classes one vote behind, are known. So one pass over the
neighborhoods is enough; the reverse neighbors are never listed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Mask
from labelnoise.compiled import compiled
from labelnoise.diagnosis.inputs import LabeledSamples

CANDIDATES = 4
"""True classes of a sample that are followed up, the most probable ones; the mass of the others is spread over them."""


@compiled(error_model="numpy")
def _add_gains(codes, indices, posterior, counted, candidates, weights, counts, gains):
    k, n_candidates = indices.shape[1], candidates.shape[1]
    for j in range(len(indices)):
        if not counted[j]:
            continue
        top = 0
        for rank in range(k):
            code = codes[indices[j, rank]]
            counts[code] += 1
            top = max(top, counts[code])
        n_lead, lead, n_next, following = 0, 0.0, 0, 0.0  # leaders, and classes that are one vote behind
        for rank in range(k):
            code = codes[indices[j, rank]]
            if counts[code] == top:
                n_lead, lead = n_lead + 1, lead + posterior[j, code]
            elif counts[code] == top - 1:
                n_next, following = n_next + 1, following + posterior[j, code]
        n_lead, lead = n_lead // top, lead / top  # Each class was met once per vote.
        if top > 1:
            n_next, following = n_next // (top - 1), following / (top - 1)
        now = lead / n_lead
        for rank in range(k):
            i = indices[j, rank]
            old = codes[i]
            leads = counts[old] == top
            for column in range(n_candidates):
                new = candidates[i, column]
                if new < 0:
                    break
                after = counts[new] + 1
                if after > top:
                    right = posterior[j, new]
                elif after == top:
                    right = lead + posterior[j, new] - (posterior[j, old] if leads else 0.0)
                    right /= n_lead + 1 - leads
                elif not leads:
                    continue
                elif n_lead > 1:
                    right = (lead - posterior[j, old]) / (n_lead - 1)
                else:
                    joins = after == top - 1
                    right = lead + following + (posterior[j, new] if joins else 0.0)
                    right /= 1 + n_next + joins
                gains[i] += weights[i, column] * (right - now)
        for rank in range(k):
            counts[codes[indices[j, rank]]] = 0


@compiled()
def _choose_candidates(codes, posterior, candidates, weights):
    """Write the most probable classes other than the given one, and weights that sum to Pr(wrong)."""
    most = candidates.shape[1]
    for i in range(len(codes)):
        found, mass, kept = 0, 0.0, 0.0
        for code in range(posterior.shape[1]):
            value = posterior[i, code]
            if code == codes[i] or value <= 0:
                continue
            mass += value
            place = found
            while place > 0 and weights[i, place - 1] < value:
                place -= 1
            if place >= most:
                continue
            found = min(found + 1, most)
            for later in range(found - 1, place, -1):
                candidates[i, later], weights[i, later] = candidates[i, later - 1], weights[i, later - 1]
            candidates[i, place], weights[i, place] = code, value
        for column in range(found):
            kept += weights[i, column]
        for column in range(found):
            weights[i, column] *= mass / kept


def relabeling_gains(data: LabeledSamples, posterior: NDArray[np.floating], *, queries: Mask | None = None) -> Floats:
    """Return how many more votes are expected to be right if a person corrects one label, for each of the labels.

    Parameters
    ----------
    data : LabeledSamples
        With neighbors.
    posterior : (n, L) array
        Pr(true = y), rows sum to 1.
    queries : (n,) bool array, optional
        Samples whose votes are counted; by default all.

    Returns
    -------
    (n,) array
        Expected change of the number of right votes; divided by the number of samples it is that of the accuracy. It
        may be negative: a wrong label can outweigh another wrong one. Gains of several labels do not add up exactly,
        since votes are turned together.
    """
    indices, n = data.nearest, len(data.codes)
    counted = np.ones(n, dtype=bool) if queries is None else queries
    n_candidates = max(min(CANDIDATES, data.n_classes - 1), 1)
    candidates = np.full((n, n_candidates), -1, np.int32)
    weights = np.zeros((n, n_candidates), np.float32)
    _choose_candidates(data.codes, posterior, candidates, weights)
    gains = np.zeros(n)
    _add_gains(data.codes, indices, posterior, counted, candidates, weights, np.zeros(data.n_classes, np.int64), gains)
    return gains
