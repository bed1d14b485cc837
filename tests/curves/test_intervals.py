"""Intervals that hold as often as they say: over noise draws, over test samples, and over both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import labelnoise as ln

RATES, KS = [0.1, 0.45, 0.6], [10, 60]


@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise()], ids=["uniform", "flip"])
def test_single_noise_draws_lie_within(digits, noise):
    _, labels, _, truth, hoods = digits
    arguments = (hoods, labels, truth, noise, RATES, KS)
    runs = ln.simulate_knn(*arguments, repeats=300, random_state=1).runs
    interval = ln.predict_knn(*arguments).interval(of="draws")
    inside = ((interval.lower[:, None] <= runs) & (runs <= interval.upper[:, None])).mean(axis=1)
    assert inside.min() > 0.88  # binomial error of 300 draws, and that of a standard deviation from 200
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    assert interval.assumption is None
    half = ln.predict_knn(*arguments).interval(0.5, of="draws")
    inside = ((half.lower[:, None] <= runs) & (runs <= half.upper[:, None])).mean(axis=1)
    assert inside.mean() == pytest.approx(0.5, abs=0.04)


def test_shared_neighbors_make_draws_vary_more_than_independent_samples_would(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), 0.45, 60)
    chance = curve.per_sample()
    independent = np.sqrt(np.sum(chance * (1 - chance))) / len(truth)
    assert 1.8 < curve.interval(of="draws").standard_error[0, 0] / independent < 2.6
    softmax = ln.accuracy_curve(ln.clean_distribution(labels, hoods, 60), truth, ln.FlipNoise(), 0.45, 60)
    assumed = softmax.interval(of="draws")
    chance = softmax.per_sample()
    expected = np.sqrt(np.sum(chance * (1 - chance))) / len(truth)
    assert assumed.standard_error[0, 0] == pytest.approx(expected)
    assert assumed.lower[0, 0] == pytest.approx(softmax.accuracy[0, 0] - stats.norm.ppf(0.975) * expected)
    assert "independent" in assumed.assumption


def test_draws_from_rows_lie_within(digits):
    _, labels, _, truth, hoods = digits
    rows = ln.noise_rows(labels, ln.UniformNoise(), np.arange(len(labels)) % 2 == 0)
    curve = ln.predict_with_rows(hoods, rows, truth, KS)
    interval = curve.interval(of="draws")
    runs = ln.simulate_with_rows(hoods, rows, truth, KS, repeats=300, random_state=1).runs
    inside = ((interval.lower[:, None] <= runs) & (runs <= interval.upper[:, None])).mean(axis=1)
    assert inside.mean() == pytest.approx(0.95, abs=0.03)


def test_test_samples_by_bootstrap(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), [0.1, 0.45], [10, 60])
    error = curve.interval(of="test").standard_error
    rng = np.random.default_rng(0)
    for row, rate in enumerate([0.1, 0.45]):
        for column, k in enumerate([10, 60]):
            chance = curve.per_sample(rate, k)
            bootstrap = np.std([rng.choice(chance, len(chance)).mean() for _ in range(2000)])
            assert error[row, column] == pytest.approx(bootstrap, rel=0.06)


@pytest.fixture(scope="module")
def population():
    """Neighbors and true labels of 5,000 test samples, and their expected accuracy."""
    rng = np.random.default_rng(0)
    labels, truth = np.repeat([0, 1, 2], 100), rng.integers(3, size=5000)
    centers = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    features, queries = (centers[y] + rng.normal(size=(len(y), 2)) for y in (labels, truth))
    indices = ln.neighbors(features, queries, k=9).indices
    expected = ln.predict_knn(indices, labels, truth, ln.FlipNoise(), 0.3, 9).accuracy[0, 0]
    return indices, labels, truth, expected


def samples_of(population, count):
    """Arguments of a curve on 400 test samples from the population, and a seed, `count` times."""
    indices, labels, truth, _ = population
    rng = np.random.default_rng(1)
    for seed in range(count):
        chosen = rng.integers(len(truth), size=400)
        yield (indices[chosen], labels, truth[chosen], ln.FlipNoise(), 0.3, 9), seed


def test_the_populations_expected_accuracy_lies_within(population):
    intervals = [ln.predict_knn(*arguments).interval(0.9, of="test") for arguments, _ in samples_of(population, 400)]
    inside = [i.lower[0, 0] <= population[-1] <= i.upper[0, 0] for i in intervals]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.04)


def test_the_populations_expected_accuracy_lies_within_what_was_measured(population):
    curves = [
        ln.simulate_knn(*arguments, repeats=6, random_state=seed) for arguments, seed in samples_of(population, 200)
    ]
    intervals = [curve.interval(0.9, of="test") for curve in curves]
    inside = [i.lower[0, 0] <= population[-1] <= i.upper[0, 0] for i in intervals]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.06)


def test_one_noise_draw_on_one_test_sample_lies_within_both(population):
    inside = []
    for arguments, seed in samples_of(population, 200):
        error = ln.predict_knn(*arguments).interval(of="both").standard_error[0, 0]
        measured = ln.simulate_knn(*arguments, repeats=1, random_state=seed).accuracy[0, 0]
        inside.append(abs(measured - population[-1]) <= stats.norm.ppf(0.95) * error)
    assert np.mean(inside) == pytest.approx(0.9, abs=0.06)


def test_the_parts_add_up(digits):
    _, labels, _, truth, hoods = digits
    arguments = (hoods, labels, truth, ln.UniformNoise(), RATES, KS)
    curves = [ln.predict_knn(*arguments), ln.accuracy_curve(np.eye(10)[truth] * 0.8 + 0.02, truth, *arguments[3:])]
    for curve in curves:
        test, draws, both = (curve.interval(of=of).standard_error for of in ("test", "draws", "both"))
        np.testing.assert_allclose(both**2, test**2 + draws**2)
        assert (curve.interval().lower <= curve.accuracy).all()
        wide, narrow = curve.interval(0.99), curve.interval(0.5)
        assert ((wide.lower < narrow.lower) | (narrow.lower == 1)).all()
        assert ((wide.upper > narrow.upper) | (narrow.upper == 1)).all()


def test_measured_curves_use_their_repeats(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.simulate_knn(hoods, labels, truth, ln.UniformNoise(), [0.3, 0.6], 10, repeats=7, random_state=0)
    interval = curve.interval(of="draws")
    expected = stats.t.ppf(0.975, 6) * curve.std * np.sqrt(1 + 1 / 7)
    np.testing.assert_allclose(interval.upper - curve.accuracy, expected)
    test, both = (curve.interval(of=of).standard_error for of in ("test", "both"))
    np.testing.assert_allclose(both**2 - curve.std**2, test**2)
    assert (test > curve.standard_error).all()


def test_a_sampled_prediction_adds_its_sampling_error(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.predict_knn(hoods, labels, truth, ln.MatrixNoise.random(10, random_state=0), 0.6, 10)
    exact = replace(curve, sampling_error=None)
    added = curve.interval(of="test").standard_error ** 2 - exact.interval(of="test").standard_error ** 2
    np.testing.assert_allclose(added, curve.sampling_error**2)


def test_nothing_random_has_no_width():
    curve = ln.predict_knn([[0, 1], [1, 0]], [0, 0], [0, 0], ln.UniformNoise(), 0.0, 2)
    interval = curve.interval(of="draws")
    assert interval.lower[0, 0] == interval.upper[0, 0] == 1


class TestBadInput:
    CURVE = ln.accuracy_curve(np.eye(2), [0, 1], ln.UniformNoise(), 0.2, 3)

    @pytest.mark.parametrize("level", [0, 1, -0.5, 95, np.nan, [0.9], "most"])
    def test_levels(self, level):
        with pytest.raises((ValueError, TypeError), match=r"`level` must (lie between 0 and 1|(lie|be one number) in)"):
            self.CURVE.interval(level)

    def test_source(self):
        with pytest.raises(ValueError, match="`of` must be one of 'both', 'test', 'draws'; got 'noise'"):
            self.CURVE.interval(of="noise")

    def test_one_repeat(self, digits):
        _, labels, _, truth, hoods = digits
        curve = ln.simulate_knn(hoods, labels, truth, ln.UniformNoise(), 0.3, 10, repeats=1)
        with pytest.raises(ValueError, match="at least 2 repeats for an interval; got 1"):
            curve.interval()

    def test_one_test_sample(self):
        with pytest.raises(ValueError, match="at least 2 test samples for an interval; got 1"):
            ln.accuracy_curve([[1.0, 0.0]], [0], ln.UniformNoise(), 0.2, 3).interval()

    def test_concentrated_predictions_do_not_know_their_regions(self, digits):
        _, labels, _, truth, hoods = digits
        curve = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), 0.3, 10, concentration=0.4)
        assert curve.interval(of="test").lower[0, 0] < curve.accuracy[0, 0]
        for of in ("draws", "both"):
            with pytest.raises(ValueError, match=r"must be of spread noise.*concentration of 0\.4.*simulate_knn"):
                curve.interval(of=of)

    def test_a_table_alone(self):
        with pytest.raises(ValueError, match="put together from a table"):
            replace(self.CURVE, source=None).interval()


@pytest.mark.parametrize("of", ["test", "both"])
def test_few_samples_that_are_all_right_leave_an_interval(of):
    curve = ln.accuracy_curve(np.eye(2)[[0, 1] * 5], [0, 1] * 5, ln.FlipNoise(), [0.0], 5)
    found = curve.interval(of=of)
    assert found.upper == 1
    assert found.lower == pytest.approx(1 - 1.96**2 / (10 + 1.96**2), abs=0.05)  # Wilson, and Student's t for z
