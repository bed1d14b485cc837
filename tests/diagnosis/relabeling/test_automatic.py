"""Labels changed without a person: which, and how many of the changes are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.labeled_samples import random_samples

import labelnoise as ln
from labelnoise.data import load_digits
from labelnoise.diagnosis.estimation.label_probabilities import draw_classes, with_wrong_rate
from labelnoise.diagnosis.relabeling.automatic import relabel_automatically


class TestRelabelAutomatically:
    def test_its_expected_error_is_the_share_of_wrong_changes(self):
        rng = np.random.default_rng(0)
        data, posterior = random_samples(rng, n=4000, k=2)
        true = draw_classes(posterior, rng)  # so the posterior is right
        relabeled = relabel_automatically(data, posterior, 0.1, least_probability=0.6)
        wrong = relabeled.labels != true
        assert relabeled.expected_error == pytest.approx(wrong[relabeled.changed].mean(), abs=0.03)
        assert relabeled.wrong_rate_before == pytest.approx((data.codes != true).mean(), abs=0.03)
        assert relabeled.wrong_rate_after == pytest.approx(wrong.mean(), abs=0.03)

    @pytest.mark.parametrize("low", [0.05, 0.2, 0.4])
    def test_its_high_end_is_that_share_at_the_lowest_wrong_rate(self, low):
        rng = np.random.default_rng(2)
        data, posterior = random_samples(rng, n=4000, k=2)
        true = draw_classes(with_wrong_rate(posterior, data.codes, low), rng)
        assert (data.codes != true).mean() == pytest.approx(low, abs=0.03)
        relabeled = relabel_automatically(data, posterior, low, least_probability=0.6)
        wrong = (relabeled.labels != true)[relabeled.changed]
        assert relabeled.expected_error_high == pytest.approx(wrong.mean(), abs=0.03)
        assert relabeled.low_wrong_rate == low

    def test_without_any_wrong_label_every_change_is_wrong(self):
        data, posterior = random_samples(np.random.default_rng(1), n=500)
        assert relabel_automatically(data, posterior, 0.0).expected_error_high == pytest.approx(1, abs=1e-3)
        above = relabel_automatically(data, posterior, 0.9)  # The posterior is not made surer than it is.
        assert above.expected_error_high == pytest.approx(above.expected_error, abs=1e-4)

    def test_a_higher_probability_changes_fewer_labels_with_fewer_errors(self):
        data, posterior = random_samples(np.random.default_rng(1), n=500)
        loose, strict = (relabel_automatically(data, posterior, 0.1, least_probability=p) for p in (0.4, 0.9))
        assert strict.changed.sum() < loose.changed.sum()
        assert strict.expected_error < loose.expected_error
        assert (relabel_automatically(data, posterior, 0.1, least_probability=1.0).labels == data.codes).all()

    def test_samples_without_label_stay_so(self):
        rng = np.random.default_rng(0)
        truth = np.repeat(["a", "b"], 60)
        labels = truth.astype(object)
        labels[[3, 70]] = ["b", None]
        features = rng.normal(size=(120, 2)) + 20.0 * (truth == "b")[:, None]
        relabeled = ln.diagnose(labels, features=features, random_state=0).relabel(0.9)
        assert np.flatnonzero(relabeled.changed).tolist() == [3]
        assert relabeled.labels[70] is None
        assert relabeled.labels[3] == "a"
        assert relabeled.summary()["n_changed"] == 1

    @pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
    def test_a_probability_out_of_range_is_refused(self, probability):
        data, posterior = random_samples(np.random.default_rng(1), n=50)
        with pytest.raises(ValueError, match="least_probability"):
            relabel_automatically(data, posterior, 0.1, least_probability=probability)


def test_with_few_samples_no_more_changes_are_wrong_than_it_says():
    """300 samples say little of ten classes: one fit is sure of its errors, and 10 % of its changes were wrong."""
    digits = load_digits()
    features, truth = (np.concatenate([getattr(part, name) for part in digits]) for name in ("features", "labels"))
    wrong, changed, most = 0, 0, 0.0
    for seed in range(3):
        rows = np.random.default_rng(seed).choice(len(truth), 300, replace=False)
        labels = ln.corrupt(truth[rows], ln.UniformNoise(), 0.2, random_state=seed).labels
        relabeled = ln.diagnose(labels, features=features[rows], random_state=0).relabel(0.9)
        changed += int(relabeled.changed.sum())
        wrong += int((relabeled.labels != truth[rows])[relabeled.changed].sum())
        most += relabeled.expected_error_high * relabeled.changed.sum()
    assert changed > 90
    assert wrong <= 0.05 * changed
    assert wrong <= most
