"""The figures of an audit hold the truth, whatever the models say and whatever the noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.noisy_population import population

from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audited import AuditedNoise
from labelnoise.neighborhoods.votes import plurality_vote

N_REPEATS = 60
SETTINGS = {
    "spread noise that the models see": {},
    "spread noise that they do not see": {"seen": 0.0},
    "noise in a region that they do not see": {"seen": 0.0, "in_region": True},
}


def audited(people, n=100, seed=0, **options):
    audit = Audit.draw(people.diagnosis(), n, random_state=seed, **options)
    return AuditedNoise(people.data, people.noise, people.answered(audit))


@pytest.mark.parametrize("pairs", [True, False])
@pytest.mark.parametrize("setting", SETTINGS)
def test_intervals_of_wrong_rate_and_knn_accuracy_cover_as_often_as_they_claim(setting, pairs):
    people = population(1000, **SETTINGS[setting])
    truth = people.wrong.mean(), expected_accuracy(people)
    covered, means = np.zeros(2), np.zeros(2)
    for seed in range(N_REPEATS):
        found = audited(people, seed=seed, pairs=pairs)
        for at, estimate in enumerate((found.wrong_rate, found.knn_accuracy)):
            covered[at] += estimate.low <= truth[at] <= estimate.high
            means[at] += estimate.value / N_REPEATS
    assert (covered / N_REPEATS >= 0.86).all()
    np.testing.assert_allclose(means, truth, atol=0.02)


def expected_accuracy(people):
    """Return the accuracy of the leave-one-out vote, ties decided many times."""
    hoods, codes = people.data.neighbors.indices, people.data.codes
    rng = np.random.default_rng(0)
    votes = [
        plurality_vote(
            codes, hoods, np.array([people.data.k]), 3, ties="random", tie_breaker=rng.random((len(codes), 1))
        )
        for _ in range(50)
    ]
    return np.mean([vote[:, 0] == people.truth for vote in votes])


def test_models_that_see_the_noise_make_intervals_shorter():
    seeing, blind = (audited(population(3000, seen=seen), pairs=False).wrong_rate for seen in (1.0, 0.0))
    assert seeing.width < 0.75 * blind.width


def test_checking_everything_leaves_nothing_open():
    people = population(300)
    found = audited(people, 300, pairs=False)
    for estimate, truth in (
        (found.wrong_rate, people.wrong.mean()),
        (found.class_priors[1], (people.truth == 1).mean()),
        (found.transition_entry(0, 1), (people.data.codes[people.truth == 0] == 1).mean()),
        (found.wrong_rates_of_given[2], people.wrong[people.data.codes == 2].mean()),
        (found.knn_accuracy, expected_accuracy(people)),
    ):
        assert estimate.value == pytest.approx(truth, abs=0.01)
        assert estimate.width < 0.001


def test_figures_of_classes_cover_as_often_as_they_claim():
    people = population(2000, rate=0.3)
    codes, truth = people.data.codes, people.truth
    true_values = np.array(
        [
            (codes[truth == 0] == 1).mean(),
            (truth == 1).mean(),
            people.wrong[codes == 2].mean(),
        ]
    )
    covered = np.zeros(3)
    for seed in range(30):
        found = audited(people, 150, seed)
        estimates = [found.transition_entry(0, 1), found.class_priors[1], found.wrong_rates_of_given[2]]
        covered += [
            estimate.low <= value <= estimate.high for estimate, value in zip(estimates, true_values, strict=True)
        ]
    assert (covered >= 0.85 * 30).all()


def test_the_accuracy_of_predicted_probabilities_is_that_of_their_most_probable_class():
    people = population(600)
    probs = np.eye(3)[(people.truth + (np.arange(600) % 4 == 0)) % 3].astype(np.float32)
    people = replace(people, data=replace(people.data, pred_probs=probs))
    estimate = audited(people, 200, pairs=False).pred_probs_accuracy
    assert estimate.low <= 0.75 <= estimate.high
    assert estimate.width < 0.2


def test_clean_labels_have_an_upper_bound_and_no_concentration():
    people = population(3000, rate=0.0, seen=0.5)
    found = audited(people, 200, pairs=False)
    assert found.wrong_rate.low == pytest.approx(0, abs=1e-6)
    assert 2 / 200 <= found.wrong_rate.high <= 6 / 200
    assert audited(people, 200).concentration is None


def test_a_partly_answered_audit_counts_what_was_answered_and_says_so():
    people = population(2000)
    audit = Audit.draw(people.diagnosis(), 200, random_state=0)
    top = audit.samples["index"][:150]
    part = audit.with_answers({row: people.data.classes[people.truth[row]] for row in top})
    found = AuditedNoise(people.data, people.noise, part)
    whole = audited(people, 200)
    assert found.wrong_rate.n_checked == 150
    assert "without an answer were left out by chance" in found.wrong_rate.assumption
    assert found.wrong_rate.low <= people.wrong.mean() <= found.wrong_rate.high
    assert found.wrong_rate.width > whole.wrong_rate.width
    assert "left out" not in whole.wrong_rate.assumption


def test_unsure_answers_widen_the_interval_and_are_named():
    people = population(2000)
    whole = audited(people, 200, pairs=False)
    unsure = whole.audit.with_answers(dict.fromkeys(whole.audit.samples["index"][:10], "unsure"))
    found = AuditedNoise(people.data, people.noise, unsure)
    assert found.wrong_rate.low < whole.wrong_rate.low
    assert found.wrong_rate.high > whole.wrong_rate.high
    assert "whatever the 10 unsure ones are" in found.wrong_rate.assumption


def test_two_rounds_together_are_right_and_the_second_is_judged_by_the_first():
    people = population(2000, rate=0.3, seen=0.0, in_region=True)
    truth, covered, width = people.wrong.mean(), 0, {1: 0.0, 2: 0.0}
    for seed in range(20):
        first = people.answered(Audit.draw(people.diagnosis(), 100, random_state=seed))
        second = people.answered(Audit.draw(people.diagnosis(first), 100, random_state=seed))
        found = AuditedNoise(people.data, people.noise, first + second)
        covered += found.wrong_rate.low <= truth <= found.wrong_rate.high
        width[1] += audited(people, 200, seed).wrong_rate.width / 20
        width[2] += found.wrong_rate.width / 20
        if seed == 0:
            before, after = found.posteriors
            assert before is people.noise.posterior
            assert after[np.arange(2000), people.truth].mean() > before[np.arange(2000), people.truth].mean()
    assert covered >= 16
    assert width[2] < width[1]


def test_an_audit_without_answers_or_of_other_data_is_refused():
    people = population(300)
    audit = Audit.draw(people.diagnosis(), 10, random_state=0)
    with pytest.raises(ValueError, match=r"`audit` must hold the true label of at least one drawn sample"):
        AuditedNoise(people.data, people.noise, audit)
    other = population(300, seed=1)
    with pytest.raises(ValueError, match=r"`audit` must be drawn from these labels"):
        AuditedNoise(other.data, other.noise, people.answered(audit))
