"""Measured curves: reproducible, of the right spread, and where the prediction says they are."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.curves.predicted import predict_as_measured


def grid(n_classes=3, per_class=40, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), per_class)
    return rng.normal(size=(len(labels), 2)) + 3 * labels[:, None], labels


FEATURES, LABELS = grid()
HOODS = ln.neighbors(FEATURES, k=20)


@pytest.mark.parametrize("ties", ["strict", "random", "lowest"])
def test_no_noise_is_the_plain_vote(ties):
    curve = ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.0], [1, 7], ties=ties, repeats=2)
    for column, k in enumerate([1, 7]):
        votes = np.array([np.bincount(LABELS[row[:k]], minlength=3) for row in HOODS.indices])
        top = votes == votes.max(axis=1, keepdims=True)
        if ties == "lowest":
            assert curve.accuracy[0, column] == pytest.approx(np.mean(top.argmax(axis=1) == LABELS))
        else:
            certain = top.sum(axis=1) == 1
            right = top[np.arange(len(LABELS)), LABELS]
            low, high = np.mean(right & certain), np.mean(right)
            assert low <= curve.accuracy[0, column] <= (low if ties == "strict" else high) + 1e-12


def test_lowest_is_scikit_learns_vote_on_the_same_noisy_labels():
    from sklearn.neighbors import KNeighborsClassifier

    query, truth = grid(seed=1)
    hoods = ln.neighbors(FEATURES, query, k=6)
    noise = ln.FlipNoise()
    curve = ln.simulate_knn(hoods, LABELS, truth, noise, [0.4], [6], ties="lowest", repeats=3, random_state=5)
    draws = curve.source.draws
    for repeat in range(3):
        predicted, _ = draws.votes(0.4, repeat, np.array([6]))
        rng = np.random.default_rng([5, int(np.float64(0.4).view(np.uint64)), repeat])
        noisy = LABELS.copy()
        selected = ln.Spread().select(LABELS, 3, 0.4, None, rng)
        noisy[selected] = noise.draw(LABELS[selected], 3, rng)
        expected = KNeighborsClassifier(6, algorithm="brute").fit(FEATURES, noisy).predict(query)
        np.testing.assert_array_equal(predicted[:, 0], expected)
        assert curve.runs[0, repeat, 0] == np.mean(expected == truth)


@pytest.mark.parametrize("ties", ["strict", "random", "lowest"])
@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise()], ids=["uniform", "flip"])
def test_prediction_and_measurement_agree_where_the_model_is_exact(noise, ties):
    """Every neighborhood pure and independent selection: then the votes are i.i.d. and Eq. 2 is no approximation."""
    labels = np.repeat(np.arange(4), 100)
    indices = np.arange(400).reshape(40, 10)  # 40 queries with disjoint neighborhoods of one class
    truth = np.repeat(np.arange(4), 10)
    rates = [0.3, 0.5, 0.7]
    predicted = ln.predict_knn(indices, labels, truth, noise, rates, [4, 10], ties=ties)
    measured = ln.simulate_knn(
        indices,
        labels,
        truth,
        noise,
        rates,
        [4, 10],
        ties=ties,
        repeats=400,
        random_state=0,
        placement=ln.Spread(exact=False),
    )
    z = (measured.accuracy - predicted.accuracy) / measured.standard_error
    assert np.abs(z).max() < 4


def test_levels_are_drawn_independently_of_which_others_are_asked():
    arguments = (HOODS, LABELS, LABELS, ln.UniformNoise())
    several = ln.simulate_knn(*arguments, [0.2, 0.5], [3, 9], repeats=3, random_state=4, ties="lowest")
    alone = ln.simulate_knn(*arguments, [0.5], [9], repeats=2, random_state=4, ties="lowest")
    np.testing.assert_array_equal(several.runs[1, :2, 1], alone.runs[0, :, 0])
    assert not np.array_equal(several.runs[1, 0], several.runs[1, 1])


def test_confusion_is_of_the_same_draws():
    curve = ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.2, 0.6], [5, 8], repeats=4, random_state=1)
    confusion = curve.confusion(0.6, 8)
    np.testing.assert_allclose(np.diag(confusion), curve.per_class[1, 1], atol=1e-12)
    np.testing.assert_allclose(confusion.sum(axis=1), 1)
    with pytest.raises(ValueError, match="one of the measured levels"):
        curve.confusion(0.3, 8)
    with pytest.raises(ValueError, match="`k` must be one of the curve's"):
        curve.confusion(0.6, 6)


def test_spread_over_repeats():
    curve = ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.6], 5, repeats=8, random_state=1)
    assert curve.std[0, 0] == pytest.approx(np.std(curve.runs[0, :, 0], ddof=1))
    assert curve.standard_error[0, 0] == pytest.approx(curve.std[0, 0] / np.sqrt(8))
    one = ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.6], 5, repeats=1, random_state=1)
    assert np.isnan(one.std).all()


def test_measured_tolerance_is_interpolated():
    curve = ln.simulate_knn(HOODS, LABELS, LABELS, ln.FlipNoise(), [0.0, 1.0], 1, repeats=1, random_state=1)
    high, low = curve.accuracy[:, 0]
    with pytest.warns(UserWarning, match="known at its noise rates alone"):
        assert curve.tolerance((high + low) / 2) == pytest.approx(0.5)


def test_concentrated_noise_costs_what_it_corrupts(digits):
    features, labels, _, truth, hoods = digits
    curve = ln.simulate_knn(
        hoods,
        labels,
        truth,
        ln.FlipNoise.opposite(10),
        [0.25],
        10,
        placement=ln.KMeansCluster(),
        features=features,
        repeats=3,
        random_state=0,
    )
    spread = ln.simulate_knn(hoods, labels, truth, ln.FlipNoise.opposite(10), [0.25], 10, repeats=3, random_state=0)
    assert spread.accuracy[0, 0] > 0.9
    assert curve.accuracy[0, 0] == pytest.approx(1 - curve.realized_noise_rates[0], abs=0.06)
    assert curve.realized_noise_rates[0] != 0.25
    assert 0.3 < curve.realized_concentrations[0, 0] < 1
    assert spread.realized_concentrations is None
    predicted = predict_as_measured(hoods, labels, truth, ln.FlipNoise.opposite(10), curve)
    assert predicted.accuracy[0, 0] == pytest.approx(curve.accuracy[0, 0], abs=0.03)


def test_noise_at_hubs_is_predicted_at_the_noise_rate_of_the_neighborhoods(digits):
    features, labels, _, truth, hoods = digits
    arguments = (hoods, labels, truth, ln.FlipNoise())
    curve = ln.simulate_knn(
        *arguments, [0.3, 0.4], [5, 10], placement=ln.HubnessProportional(), features=features, repeats=20,
        random_state=0,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    mask = ln.HubnessProportional().select(labels, 10, 0.4, features, rng)
    assert curve.neighborhood_noise_rates[1, 1] == pytest.approx(mask[hoods.indices[:, :10]].mean(), abs=0.02)
    assert (curve.neighborhood_noise_rates > curve.realized_noise_rates[:, None] + 0.05).all()
    at_asked_rate = ln.predict_knn(*arguments, [0.3, 0.4], [5, 10])
    as_realized = predict_as_measured(*arguments, curve)
    assert np.abs(curve.accuracy - at_asked_rate.accuracy).min() > 0.08
    assert np.abs(curve.accuracy - as_realized.accuracy).max() < 0.02
    np.testing.assert_array_equal(as_realized.noise_rates, curve.realized_noise_rates)
    assert {"neighborhood_noise_rate", "concentration"} <= set(curve.to_frame())


def test_bad_input():
    with pytest.raises(ValueError, match="`features` must be given"):
        ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.2], 5, placement=ln.KMeansCluster())
    with pytest.raises(ValueError, match="`repeats` must be at least 1"):
        ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.2], 5, repeats=0)
    with pytest.raises(TypeError, match="`placement` must be Spread"):
        ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.2], 5, placement="spread")
    with pytest.raises(ValueError, match="`k` must be at most 20"):
        ln.simulate_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.2], 21)
