r"""What an audit says about the labels that nobody checked.

A classifier that learned concentrated noise sees too little of it. So T is corrected by the checked labels
(`labelnoise.diagnosis.estimation.posterior.audited_posterior`), if that predicts them surely better: a few hundred
labels say less of an entry of T than thousands of noisy ones do where noise is spread. The models may still be wrong in
whole regions. There the checked labels differ from what they say, so the residuals :math:`r_t = w_t - e_t` of
checked samples t are spread over the neighborhood graph. With A the averaging over a sample's neighbors and itself, and
s steps of it,

.. math:: \hat r_i = \frac{\sum_t (A^s)_{it} r_t + \tau \bar r}{\sum_t (A^s)_{it} + \tau}

where :math:`\tau`, in units of the mean denominator, draws to the mean residual where few samples nearby were checked.
Steps and tau, and whether the log odds of e are first shifted by one number, are what predicts left-out checked samples
best in cross-validation. If that does not lower the squared error by 2.5 standard errors, no residuals are spread, for
smaller gains come about by chance. In the end the log odds are shifted so that their mean is what the checks say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Floats, Integers
from labelnoise.diagnosis.auditing.design import LEAST
from labelnoise.diagnosis.estimation.label_probabilities import with_mean, wrong_probability_of
from labelnoise.diagnosis.estimation.posterior import audited_posterior
from labelnoise.diagnosis.inputs import LabeledSamples

if TYPE_CHECKING:
    from labelnoise.diagnosis.auditing.audit import Audit
    from labelnoise.diagnosis.estimation.transition import NoiseEstimate

STEPS = (1, 2, 4, 8, 16)
SHRINKAGES = (0.1, 0.3, 1.0, 3.0, 10.0)
_FOLDS = 5
_MOST_NEIGHBORS = 30
_LEAST_CHECKED = 20
_LEAST_GAIN, _LEAST_GAIN_OF_T = 2.5, 4.0  # T has been fitted to the labels that judge it.


def updated_posterior(data: LabeledSamples, noise: NoiseEstimate, audit: Audit) -> NDArray[np.float32]:
    """Return Pr(true label) for all samples, from the models and an audit, (N, L).

    A checked sample has probability 1 for its true label. Elsewhere the given label has the probability 1 - e_i, and
    the others keep their proportions. With fewer than 20 answers, the models are believed.

    Parameters
    ----------
    data : LabeledSamples
        The samples.
    noise : NoiseEstimate
        What the models say.
    audit : Audit
        An audit of these data, answered in part or whole.

    Returns
    -------
    (N, L) float32 array
        Rows sum to 1.

    Raises
    ------
    ValueError
        The audit was drawn from other data.
    """
    audit.check_data(data)
    errors, before = _updated(data, noise, audit)
    posterior = np.array(before, dtype=np.float32)
    rows = np.arange(len(posterior))
    posterior[rows, data.codes] = 0.0
    posterior += 1e-9  # Another class than the given one is possible even where the models have excluded it.
    posterior[rows, data.codes] = 0.0
    posterior *= (errors / posterior.sum(axis=1, dtype=np.float64)).astype(np.float32)[:, None]
    posterior[rows, data.codes] = 1 - errors
    for index, code in audit.checked_codes(unsure=False).items():
        at = np.searchsorted(data.rows, index)
        posterior[at] = 0.0
        posterior[at, code] = 1.0
    return posterior


def _updated(data: LabeledSamples, noise: NoiseEstimate, audit: Audit) -> tuple[Floats, NDArray[np.float32]]:
    """Return Pr(label i is wrong), and the posterior that says how the other classes share it."""
    found = audit.checked_codes(unsure=False)
    positions = np.searchsorted(data.rows, np.fromiter(found, dtype=np.int64, count=len(found)))
    true_codes = np.fromiter(found.values(), dtype=np.int64, count=len(found))
    wrong = (true_codes != data.codes[positions]).astype(np.float64)
    posterior, expected = noise.posterior, wrong_probability_of(noise.posterior, data.codes)
    if len(found) >= _LEAST_CHECKED:
        chances: dict[int, float] = {}
        for draw in audit.draws:
            often = draw.probability + draw.partner_probability
            chances.update(zip(draw.index.tolist(), often.tolist(), strict=True))
        weights = 1 / np.array([chances[index] for index in found])
        starts = [_calibrated(expected, positions, wrong, weights), expected]
        if data.neighbors is None:
            expected = starts[0]
        else:
            model = data, noise.transition_matrix, noise.class_probability
            other = audited_posterior(*model, positions, true_codes, weights, checked=False)
            corrected = _calibrated(wrong_probability_of(other, data.codes), positions, wrong, weights)
            errors, errors_now = ((wrong - start[positions]) ** 2 for start in (corrected, starts[0]))
            if _is_surely_positive(weights * (errors_now - errors), _LEAST_GAIN_OF_T):
                posterior = other
                starts.insert(0, corrected)
            else:
                starts.insert(1, corrected)
            graph = _averaging(data.neighbors.indices[:, :_MOST_NEIGHBORS])
            expected = _calibrated(_spread(graph, positions, wrong, weights, starts), positions, wrong, weights)
    expected[positions] = wrong
    return expected, posterior


def _averaging(indices: NDArray[np.integer]) -> sparse.csr_array:
    """Return the matrix that averages over each sample's neighbors and itself."""
    size, k = indices.shape
    columns = np.concatenate([np.arange(size)[:, None], indices], axis=1)
    values = np.full(columns.size, 1 / (k + 1), dtype=np.float32)
    return sparse.csr_array((values, columns.ravel(), np.arange(0, columns.size + 1, k + 1)), shape=(size, size))


def _spread(
    graph: sparse.csr_array, positions: Integers, wrong: Floats, weights: Floats, starts: Sequence[Floats]
) -> Floats:
    """Return the first of `starts`, or one of them with residuals spread over the graph if that predicts better."""
    size, n = graph.shape[0], len(positions)
    folds = np.random.default_rng(0).permutation(n) % _FOLDS
    # One column without each fold, and one with all checked samples.
    kept = (folds[:, None] != np.arange(_FOLDS + 1)).astype(np.float32)
    total = (kept * weights[:, None]).sum(axis=0)
    best, best_gain = starts[0], 0.0
    errors = [(wrong - start[positions]) ** 2 for start in starts]
    least = min(errors, key=lambda error: float((weights * error).sum()))
    for start in starts:
        residuals = wrong - start[positions]
        means = (kept * (weights * residuals)[:, None]).sum(axis=0) / total
        fields = np.zeros((size, 2 * (_FOLDS + 1)), dtype=np.float32)
        fields[positions] = np.concatenate([kept * residuals[:, None], kept], axis=1)
        for step in range(1, max(STEPS) + 1):
            fields = graph @ fields
            for tau in SHRINKAGES if step in STEPS else ():
                left_out = _shrunken(fields[positions], folds, means, tau * n / size)
                predicted = np.clip(start[positions] + left_out, 0, 1)
                gains = weights * (least - (wrong - predicted) ** 2)
                gain = float(gains.sum())
                if gain > best_gain and _is_surely_positive(gains, _LEAST_GAIN):
                    best_gain = gain
                    best = start + _shrunken(fields, np.full(size, _FOLDS), means, tau * n / size)
    return best


def _is_surely_positive(gains: Floats, least: float) -> bool:
    """Whether the sum of gains of single checks is above 0 by `least` standard errors."""
    return float(gains.sum()) > least * np.sqrt(len(gains)) * float(gains.std())


def _shrunken(fields: NDArray[np.float32], columns: Integers, means: Floats, strength: float) -> Floats:
    """Return the mean residual around each row, from the columns of sums and of counts that it is to use."""
    rows = np.arange(len(fields))
    sums, counts = (fields[rows, columns + at].astype(np.float64) for at in (0, _FOLDS + 1))
    return (sums + strength * means[columns]) / (counts + strength)


def _calibrated(expected: Floats, positions: Integers, wrong: Floats, weights: Floats) -> Floats:
    """Return probabilities with shifted log odds, so that their mean is that of the checked labels."""
    expected = np.clip(expected, LEAST, 1 - LEAST)
    mean = float(expected.mean() + np.average(wrong - expected[positions], weights=weights))
    return with_mean(expected, mean)
