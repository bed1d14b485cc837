"""A noise estimate from few samples: refits to bootstrap samples, and the mean of their posteriors."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.estimation.noise_estimation import estimate_noise
from labelnoise.diagnosis.inputs import LabeledSamples


def overlapping(n, seed=0):
    """Two classes whose best classifier is right for 98 %, of which a fifth of the labels are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(2, size=n)
    features = rng.normal(size=(n, 2)) + 2.0 * truth[:, None] * [2, 0]
    given = np.where(rng.random(n) < 0.2, 1 - truth, truth)
    return features, given, truth


def estimate(features, given):
    rows, rng = np.arange(len(given)), np.random.default_rng(0)
    found = estimate_noise(given, 2, features=features, pred_probs=None, copies=rows, rng=rng)
    probs = found.noise.class_probability
    alone = LabeledSamples(given, np.arange(2), rows, len(rows), features, probs, False, None, None, rows)
    hoods = ln.neighbors(features, k=10)
    beside = LabeledSamples(given, np.arange(2), rows, len(rows), features, probs, False, hoods, 10, rows)
    return found, (alone, beside)


@pytest.mark.parametrize(("n", "n_refits"), [(60, 9), (1000, 9), (4000, 2), (9100, 0)])
def test_the_fewer_the_samples_the_more_often_it_is_fitted(n, n_refits):
    found, _ = estimate(*overlapping(n)[:2])
    assert len(found.refits) == n_refits


def test_the_mean_posterior_has_the_wrong_rate_of_the_estimate_and_is_less_sure():
    features, given, truth = overlapping(150)
    found, both = estimate(features, given)
    for data in both:
        mean = found.posterior(data)
        one = type(found)(found.noise, found.standard_error, found.view).posterior(data)
        np.testing.assert_allclose(mean.sum(axis=1), 1, atol=1e-5)
        rates = [wrong_probability_of(posterior, given).mean() for posterior in (mean, one)]
        assert rates[0] == pytest.approx(rates[1], abs=1e-4)
        surprise = [-np.log(np.maximum(posterior[np.arange(150), truth], 1e-6)).mean() for posterior in (mean, one)]
        assert surprise[0] < surprise[1]
