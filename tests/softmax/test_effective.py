"""The effective K: a K-NN curve finds its own K, errors are those worked out by hand, and intervals hold the truth."""

from __future__ import annotations

import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.softmax.effective import K_MAX, effective_k, fit_effective_k

RATES = [0.0, 0.2, 0.35, 0.45, 0.55]


@pytest.fixture(scope="module")
def clean():
    return np.random.default_rng(2).dirichlet([6, 1, 0.5], 80)


@pytest.fixture(scope="module")
def labels():
    return np.zeros(80, int)


@pytest.mark.parametrize("ties", ["random", "lowest", "strict"])
@pytest.mark.parametrize("k", [1, 12, 57])
def test_a_curve_finds_its_own_k(clean, labels, k, ties):
    noise = ln.UniformNoise() if k == 12 else ln.FlipNoise()
    curve = ln.accuracy_curve(clean, labels, noise, RATES, k, ties=ties)
    found = fit_effective_k(curve, clean, labels, noise, ks=range(1, 81), ties=ties)
    # With two classes and random ties, 2m - 1 and 2m may give the same curve; with three classes they differ.
    assert found.value == k
    assert found.mean_error == pytest.approx(0, abs=1e-12)
    assert found.worst_error == pytest.approx(0, abs=1e-12)


def test_errors_worked_out_by_hand():
    # One sample of two classes under flip noise: A_1 = 1 - g, A_3 = (1 - g)^2 (1 + 2 g)
    measured = ([0.0, 0.25, 0.5], [1.0, 0.80, 0.5])
    found = fit_effective_k(measured, [[1.0, 0.0]], [0], ln.FlipNoise(), ks=[3, 1])
    assert found.ks.tolist() == [1, 3]
    assert found.mean_errors == pytest.approx([0.05 / 3, 0.04375 / 3])
    assert found.value == 3
    assert found.worst_error == pytest.approx(0.04375)
    frame = found.to_frame()
    assert frame["k"].tolist() == [1, 3]
    assert frame["worst_error"].tolist() == pytest.approx([0.05, 0.04375])
    assert frame["mean_error"].tolist() == pytest.approx(found.mean_errors)
    assert frame["possible"].tolist() == [True, True]
    assert repr(found) == (
        "EffectiveK(3, undetermined of 1..3; absolute difference over 3 noise rates: mean 0.0146, worst 0.0437)"
    )


def test_equal_errors_prefer_the_smaller_k():
    # With two classes and random ties, 2m - 1 and 2m votes win with the same probability.
    assert effective_k(([0.3], [0.784]), [[1.0, 0.0]], [0], ln.FlipNoise(), ks=[4, 3]) == 3


def test_every_form_of_a_curve_is_accepted(clean, labels):
    curve = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, 9)
    column = curve.accuracy[:, 0]
    forms = [curve, (RATES, column), (RATES, column[:, None]), SimpleNamespace(noise_rates=RATES, accuracy=column)]
    assert {effective_k(form, clean, labels, ln.FlipNoise(), ks=range(5, 15)) for form in forms} == {9}


def test_the_candidates_are_all_k_up_to_300_by_default(clean, labels):
    found = fit_effective_k((RATES, [0.9, 0.9, 0.8, 0.7, 0.3]), clean, labels, ln.FlipNoise())
    assert found.ks.tolist() == list(range(1, K_MAX + 1))
    assert found.family.accuracy.shape == (len(RATES), K_MAX)
    chosen = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, found.value).accuracy[:, 0]
    assert found.mean_error == pytest.approx(np.abs(chosen - found.measured).mean(), abs=1e-12)


def test_a_measured_curve_finds_nearly_its_own_k(digits):
    _, train_labels, _, test_labels, hoods = digits
    noise = ln.FlipNoise()
    measured = ln.simulate_knn(hoods, train_labels, test_labels, noise, RATES, 25, repeats=4, random_state=0)
    clean = ln.clean_distribution(train_labels, hoods, 25)
    found = fit_effective_k(measured, clean, test_labels, noise, ks=range(1, 61))
    assert abs(found.value - 25) <= 6
    assert found.mean_error < 0.015


@pytest.mark.parametrize("k", [5, 17, 44])
def test_one_noise_rate_is_enough_to_find_a_curve(clean, labels, k):
    truth = ln.accuracy_curve(clean, labels, ln.FlipNoise(), 0.35, k).accuracy[:, 0]
    found = fit_effective_k(([0.35], truth), clean, labels, ln.FlipNoise(), ks=range(1, 61))
    assert found.value == k
    assert found.low <= k <= found.high
    assert found.determined


def test_two_trainings_at_one_noise_rate_count_as_their_mean(clean, labels):
    def fit(*accuracies):
        return fit_effective_k(([0.35] * len(accuracies), accuracies), clean, labels, ln.FlipNoise(), ks=range(1, 99))

    both, mean = fit(0.77, 0.83), fit(0.80)
    assert fit(0.77).value < both.value == mean.value < fit(0.83).value
    assert mean.low <= both.low < both.high <= mean.high
    assert both.high - both.low < mean.high - mean.low


@pytest.mark.parametrize("rates", [[0.3], [0.2, 0.35]])
def test_the_interval_holds_k_for_nearest_neighbors(clean, labels, rates):
    # With 4,000 test samples of the same kinds, and no misfit, measured accuracies scatter binomially.
    rng, copies, k = np.random.default_rng(0), 50, 17
    many, classes, noise = np.repeat(clean, copies, axis=0), np.repeat(labels, copies), ln.FlipNoise()
    truth = ln.accuracy_curve(clean, labels, noise, rates, k).accuracy[:, 0]
    draws = rng.binomial(len(classes), truth, (200, len(rates))) / len(classes)
    found = [fit_effective_k((rates, draw), many, classes, noise, ks=range(3, 80), misfit=0) for draw in draws]
    held = np.mean([one.low <= k <= one.high for one in found])
    assert 0.90 <= held <= 0.99  # That of 200 draws at 95 % lies outside with probability 0.002.
    assert all(one.low <= one.value <= one.high for one in found)
    assert np.mean([one.low > 3 and one.high < 79 for one in found]) > 0.95


def test_the_interval_is_that_of_the_formula(clean, labels):
    rates, measured = [0.2, 0.35, 0.45], np.array([0.85, 0.70, 0.53])
    found = fit_effective_k((rates, measured), clean, labels, ln.FlipNoise(), ks=range(1, 61), misfit=0.05, level=0.9)
    family = ln.accuracy_curve(clean, labels, ln.FlipNoise(), rates, range(1, 61)).accuracy
    deviations = []
    for column in range(60):
        total = 0.0
        for row in range(3):
            share = (measured[row] * 80 + 2) / 84
            total += (family[row, column] - measured[row]) ** 2 / (share * (1 - share) * (1 / 80 + 0.05**2))
        deviations.append(total)
    threshold = min(deviations) + 1.6448536269514722**2 * max(1, min(deviations) / 2)
    possible = [k for k, deviation in enumerate(deviations, 1) if deviation <= threshold]
    assert found.to_frame().query("possible")["k"].tolist() == possible
    assert (found.low, found.high) == (min(*possible, found.value), max(*possible, found.value))


def test_less_misfit_and_a_lower_level_narrow_the_interval(clean, labels):
    def ends(**options):
        found = fit_effective_k(([0.35], [0.8]), clean, labels, ln.FlipNoise(), ks=range(1, 100), **options)
        return found.low, found.high

    for narrow, wide in (
        (ends(misfit=0), ends(misfit=0.05)),
        (ends(misfit=0.05), ends()),
        (ends(level=0.5), ends(level=0.9)),
    ):
        assert wide[0] <= narrow[0] <= narrow[1] <= wide[1]
        assert narrow != wide


def test_a_higher_accuracy_before_the_breaking_point_means_a_larger_k(clean, labels):
    found = [fit_effective_k(([0.35], [a]), clean, labels, ln.FlipNoise()) for a in (0.7, 0.75, 0.8, 0.85)]
    for lower, higher in pairwise(found):
        assert lower.value < higher.value
        assert lower.low <= higher.low
        assert lower.high <= higher.high


def test_repeats_that_scatter_widen_the_interval(digits):
    _, train_labels, _, test_labels, hoods = digits
    noise, ks = ln.FlipNoise(), range(1, 61)
    measured = ln.simulate_knn(hoods, train_labels, test_labels, noise, 0.4, 15, repeats=4, random_state=0)
    clean = ln.clean_distribution(train_labels, hoods, 15)
    with_spread = fit_effective_k(measured, clean, test_labels, noise, ks=ks, misfit=0)
    pair = (measured.noise_rates, measured.accuracy)
    without = fit_effective_k(pair, clean, test_labels, noise, ks=ks, misfit=0)
    assert with_spread.variance == pytest.approx(without.variance + measured.standard_error.ravel() ** 2)
    assert with_spread.low <= without.low
    assert with_spread.high >= without.high


def test_where_all_curves_agree_no_k_is_ruled_out():
    found = fit_effective_k(([0.0], [1.0]), [[1.0, 0.0]] * 50, [0] * 50, ln.FlipNoise(), ks=range(1, 41))
    assert not found.determined
    assert (found.low, found.high) == (1, 40)
    assert "undetermined of 1..40" in repr(found)
    assert found.summary()["determined"] is False


def test_an_accuracy_beyond_the_family_ends_at_its_largest_k(clean, labels):
    found = fit_effective_k(([0.45], [1.0]), clean, labels, ln.FlipNoise(), ks=range(1, 61))
    assert (found.value, found.high) == (60, 60)
    assert found.worst_error > 0.1


def test_the_prediction_is_the_curve_of_the_value_with_a_band(clean, labels):
    noise = ln.UniformNoise()
    found = fit_effective_k(([0.5], [0.8]), clean, labels, noise, ks=range(1, 61))
    band = found.predict([0.7, 0.0, 0.5])
    expected = ln.accuracy_curve(clean, labels, noise, [0.7, 0.0, 0.5], [found.value, found.low, found.high]).accuracy
    assert band.accuracy == pytest.approx(expected[:, 0])
    alone = 1.959964 * np.sqrt(found.variance[0])
    assert band.lower[2] < 0.8 - alone + 0.02
    assert (band.lower <= expected.min(axis=1)).all()
    assert (band.upper >= expected.max(axis=1)).all()
    assert band.to_frame().columns.tolist() == ["noise_rate", "predicted", "lower", "upper"]


def test_the_band_holds_other_noise_rates_of_nearest_neighbors(clean, labels):
    rng, many, classes = np.random.default_rng(1), np.repeat(clean, 20, axis=0), np.repeat(labels, 20)
    truth = ln.accuracy_curve(clean, labels, ln.FlipNoise(), RATES, 17).accuracy[:, 0]
    held = []
    for draw in rng.binomial(len(classes), truth, (40, len(RATES))) / len(classes):
        one = fit_effective_k(([0.35], [draw[2]]), many, classes, ln.FlipNoise(), ks=range(3, 80, 2), misfit=0)
        band = one.predict(RATES)
        held.append((band.lower <= draw) & (draw <= band.upper))
    assert np.mean(held) >= 0.93


def test_the_summary_is_ready_for_json(clean, labels):
    found = fit_effective_k(([0.35], [0.8]), clean, labels, ln.FlipNoise())
    summary = json.loads(json.dumps(found.summary()))
    assert (summary["value"], summary["low"], summary["high"]) == (found.value, found.low, found.high)
    assert summary["noise_rates"] == [0.35]
    assert summary["worst_difference_points"] == pytest.approx(100 * found.worst_error)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"level": 1.0}, "`level` must lie between 0 and 1"), ({"misfit": -0.1}, "`misfit` must not be negative")],
)
def test_errors_in_the_options_of_an_interval(options, message):
    with pytest.raises(ValueError, match=message):
        fit_effective_k(([0.1], [0.5]), [[1.0, 0.0]], [0], ln.FlipNoise(), ks=3, **options)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (([0.1, 0.2], [0.5]), "one accuracy per noise rate, 2; got shape"),
        (([0.1], [[0.5, 0.6]]), r"got 2 columns. Pass a pair"),
        (([0.1], [95.0]), "Percentages"),
        (([0.1], [np.nan]), r"in \[0, 1\]; got nan"),
        (([10.0], [0.5]), "A percentage"),
    ],
)
def test_errors_in_a_curve_name_the_cause(curve, message):
    with pytest.raises(ValueError, match=message):
        effective_k(curve, [[1.0, 0.0]], [0], ln.FlipNoise(), ks=3)


def test_a_curve_of_another_type_is_an_error():
    with pytest.raises(TypeError, match="or be a pair of both; got list"):
        effective_k([0.1, 0.5], [[1.0, 0.0]], [0], ln.FlipNoise())
