r"""Regions: connected neighborhoods in which most labels are likely to be wrong.

The suspicion of a neighborhood is the mean of Pr(wrong) over a sample and its K nearest others,

.. math:: \bar e_i = \frac{1}{K + 1} \Big(e_i + \sum_{j \in N_K(i)} e_j\Big)

Samples with :math:`\bar e_i` of at least a level belong to a region, and two of them to the same region if one is among
the other's nearest neighbors and both are suggested to be of the same class. Where wrong labels are spread, such
neighborhoods are rare unless the noise is heavy. Where they are concentrated, a posterior from noisy labels alone does
not see them, and regions appear only once an audit has updated Pr(wrong).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.compiled import compiled
from labelnoise.diagnosis.estimation.label_probabilities import draw_classes, wrong_probability_of
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.validation import check_count, check_fraction, seed_of

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.5
MIN_SIZE = 10
_LINKS = 10
"""Nearest neighbors of a sample that are searched for members of its region; more would join what is far apart."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of suspicion, those that gain most per relabeled sample first.

    Attributes
    ----------
    of_sample : (n,) int array
        Number of the region of each sample; -1 for none.
    table : data frame
        One row per region: `region` (its number), `size`, `center` (row, in the user's arrays, of the member with the
        most members among its neighbors), `given_label` and `suggested_label` (the most frequent ones),
        `wrong_probability` (mean), `expected_wrong` (number of labels), `gain` (expected change of the K-NN accuracy
        if the true labels of all members are known).
    level : float
        Mean Pr(wrong) from which on a neighborhood belongs to a region.
    """

    of_sample: Integers
    table: pd.DataFrame
    level: float


def suspicious_regions(
    data: LabeledSamples,
    posterior: NDArray[np.floating],
    *,
    level: float = LEVEL,
    min_size: int = MIN_SIZE,
    random_state: int | np.random.Generator | None = 0,
) -> Regions:
    """Return the connected neighborhoods in which the mean of Pr(wrong) is at least `level`.

    Parameters
    ----------
    data : LabeledSamples
        With neighbors.
    posterior : (n, L) array
        Pr(true = y), rows sum to 1; updated by an audit where there is one.
    level : float in [0, 1], default 0.5
        Mean Pr(wrong) from which on a neighborhood belongs to a region.
    min_size : int, default 10
        Smallest number of members; smaller ones are left out.
    random_state : int, numpy.random.Generator or None
        Seed of the draws of true labels from which the gains are averaged.

    Returns
    -------
    Regions
    """
    import pandas as pd

    least, size = check_fraction(level, "level"), check_count(min_size, "min_size")
    indices, n = data.nearest, len(data.codes)
    wrong = wrong_probability_of(posterior, data.codes)
    suggested = posterior.argmax(axis=1)
    inside = neighborhood_suspicion(wrong, indices) >= least
    of_sample = _connected(indices, inside, suggested, size)
    n_regions = int(of_sample.max(initial=-1)) + 1
    gains = _gains_of_whole(data, indices, posterior, of_sample, n_regions, seed_of(random_state))
    sizes = np.bincount(of_sample[of_sample >= 0], minlength=n_regions)
    ranking = np.argsort(-gains / np.maximum(sizes, 1), kind="stable")
    number = np.empty(n_regions + 1, np.int64)
    number[ranking], number[-1] = np.arange(n_regions), -1
    of_sample = number[of_sample]
    rows = []
    for region, members in enumerate(_members(of_sample, n_regions)):
        among = (of_sample[indices[members]] == region).sum(axis=1)
        rows.append(
            {
                "region": region,
                "size": len(members),
                "center": data.rows[members[among.argmax()]],
                "given_label": data.classes[np.bincount(data.codes[members]).argmax()],
                "suggested_label": data.classes[suggested[members[0]]],
                "wrong_probability": wrong[members].mean(),
                "expected_wrong": wrong[members].sum(),
                "gain": gains[ranking[region]] / n,
            }
        )
    columns = ["region", "size", "center", "given_label", "suggested_label"]
    columns += ["wrong_probability", "expected_wrong", "gain"]
    return Regions(of_sample, pd.DataFrame(rows, columns=columns), least)


def neighborhood_suspicion(wrong: Floats, indices: NDArray[np.integer]) -> Floats:
    """Return the mean of Pr(wrong) over each sample and its neighbors, (n,)."""
    n, k = indices.shape
    graph = sparse.csr_array((np.ones(n * k), indices.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    return (wrong + graph @ wrong) / (k + 1)


def _members(of_sample: Integers, n_regions: int) -> list[Integers]:
    """Return the positions of the members of each region, ascending."""
    order = np.argsort(of_sample, kind="stable")
    ends = np.searchsorted(of_sample[order], np.arange(n_regions + 1))
    return [order[start:stop] for start, stop in pairwise(ends)]


def _connected(indices: NDArray[np.integer], inside: NDArray[np.bool_], suggested: Codes, min_size: int) -> Integers:
    """Return the connected component of each sample that is inside and in a large enough component; else -1."""
    of_sample = np.full(len(inside), -1)
    members = np.flatnonzero(inside)
    if not len(members):
        return of_sample
    place = np.full(len(inside), -1)
    place[members] = np.arange(len(members))
    near = indices[members, :_LINKS]
    linked = inside[near] & (suggested[near] == suggested[members, None])
    start, end = np.nonzero(linked)[0], place[near[linked]]
    graph = sparse.coo_array((np.ones(len(start), bool), (start, end)), shape=(len(members),) * 2)
    component = sparse.csgraph.connected_components(graph, directed=False)[1]
    large = np.bincount(component) >= min_size
    of_sample[members] = np.where(large, np.cumsum(large) - 1, -1)[component]
    return of_sample


def _gains_of_whole(
    data: LabeledSamples,
    indices: NDArray[np.integer],
    posterior: NDArray[np.floating],
    of_sample: Integers,
    n_regions: int,
    seed: int,
    draws: int = 4,
) -> Floats:
    """Return the expected change of the number of right votes if a region's true labels are known, for each region."""
    gains, rng = np.zeros(n_regions), np.random.default_rng(seed)
    for _ in range(draws if n_regions else 0):
        true_codes = draw_classes(posterior, rng)
        _add_region_gains(data.codes, true_codes, indices, posterior, of_sample, data.n_classes, gains)
    return gains / draws


@compiled(error_model="numpy")
def _right(labels, counts, row):
    """Return the probability that the vote of these labels is right."""
    top, n_lead, right = 0, 0, 0.0
    for label in labels:
        top = max(top, counts[label])
    for label in labels:  # A leader is met once per vote.
        if counts[label] == top:
            n_lead += 1
            right += row[label]
    return right / n_lead


@compiled()
def _add_region_gains(codes, true_codes, indices, posterior, of_sample, n_classes, gains):
    k = indices.shape[1]
    counts, labels, done = np.zeros(n_classes, np.int64), np.empty(k, np.int64), np.empty(k, np.int64)
    for j in range(len(indices)):
        for rank in range(k):
            labels[rank] = codes[indices[j, rank]]
            counts[labels[rank]] += 1
        now, n_done = -1.0, 0
        for rank in range(k):
            region = of_sample[indices[j, rank]]
            known = region < 0
            for earlier in range(n_done):
                known |= done[earlier] == region
            if known:
                continue
            done[n_done] = region
            n_done += 1
            if now < 0:
                now = _right(labels, counts, posterior[j])
            for other in range(rank, k):
                i = indices[j, other]
                if of_sample[i] == region:
                    counts[codes[i]] -= 1
                    counts[true_codes[i]] += 1
                    labels[other] = true_codes[i]
            gains[region] += _right(labels, counts, posterior[j]) - now
            for other in range(rank, k):
                i = indices[j, other]
                if of_sample[i] == region:
                    counts[true_codes[i]] -= 1
                    counts[codes[i]] += 1
                    labels[other] = codes[i]
        for rank in range(k):
            counts[labels[rank]] = 0
