import numpy as np
import pytest
from helpers.labeled_samples import blobs, one_hot, random_samples, right_votes, samples_of
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnoise.diagnosis.estimation.label_probabilities import wrong_probability_of
from labelnoise.diagnosis.estimation.posterior import combine_views
from labelnoise.diagnosis.relabeling.cost import cleaning_curve, default_grid, knn_accuracy

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 6), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_the_accuracy_is_the_share_of_right_votes(seed, k, n_classes):
    data, posterior = random_samples(np.random.default_rng(seed), k=k, n_classes=n_classes)
    expected = right_votes(data.codes, data.neighbors.indices, posterior) / 30
    assert knn_accuracy(data, posterior) == pytest.approx(expected, abs=1e-6)


@given(SEEDS, st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_with_known_classes_the_curve_recounts_the_votes_of_cleaned_labels(seed, k):
    rng = np.random.default_rng(seed)
    data, _ = random_samples(rng, k=k)
    true, order, grid = rng.integers(3, size=30), rng.permutation(30), np.array([0, 1, 5, 17, 30])
    curve = cleaning_curve(data, one_hot(true, 3), order, name="any", n_cleaned=grid, random_state=0)
    for n, accuracy, wrong_rate in zip(grid, curve.accuracy, curve.wrong_rate, strict=True):
        codes = data.codes.copy()
        codes[order[:n]] = true[order[:n]]
        votes = right_votes(codes, data.neighbors.indices, one_hot(true, 3))
        assert accuracy == pytest.approx(votes / 30, abs=1e-6)
        assert wrong_rate == pytest.approx((codes != true).mean(), abs=1e-6)


def test_the_curve_begins_at_the_accuracy_of_the_given_labels():
    data, posterior = random_samples(np.random.default_rng(0), n=200)
    curve = cleaning_curve(data, posterior, np.arange(200), name="any", random_state=0)
    assert curve.accuracy[0] == pytest.approx(knn_accuracy(data, posterior))
    assert curve.wrong_rate[0] == pytest.approx(wrong_probability_of(posterior, data.codes).mean())
    assert (curve.lower <= curve.accuracy).all()
    assert (curve.accuracy <= curve.upper).all()
    shares = posterior.mean(axis=0)
    np.testing.assert_allclose(curve.per_class @ shares, curve.accuracy, atol=1e-6)


def test_votes_after_several_orders_are_counted_where_asked():
    data, posterior = random_samples(np.random.default_rng(1), n=40)
    orders, half = (np.arange(40), np.arange(40)[::-1].copy()), np.arange(40) < 13
    grid = np.array([0, 10, 40])
    options = {"name": "any", "n_cleaned": grid, "random_state": 5}
    both = cleaning_curve(data, posterior, [(orders[0], half), (orders[1], ~half)], **options)
    never = np.zeros(40, dtype=bool)
    first = cleaning_curve(data, posterior, [(orders[0], half), (orders[1], never)], **options)
    second = cleaning_curve(data, posterior, [(orders[0], never), (orders[1], ~half)], **options)
    np.testing.assert_allclose(both.accuracy, first.accuracy + second.accuracy)
    np.testing.assert_allclose(both.wrong_rate, 13 / 40 * first.wrong_rate + 27 / 40 * second.wrong_rate, atol=1e-12)


def test_as_an_accuracy_curve_it_runs_from_clean_to_given_labels():
    rng = np.random.default_rng(3)
    true, _, indices = blobs(rng)
    codes = np.where(rng.random(len(true)) < 0.4, (true + 1) % 3, true)
    data = samples_of(codes, indices, 3, classes=np.array(["ant", "bee", "cat"]))
    curve = cleaning_curve(data, one_hot(true, 3), rng.permutation(len(true)), name="random", random_state=0)
    shown = curve.to_accuracy_curve()
    assert (np.diff(shown.noise_rates) > 0).all()
    assert shown.accuracy.shape == (len(shown.noise_rates), 1)
    assert shown.per_class.shape == (len(shown.noise_rates), 1, 3)
    assert shown.accuracy[-1, 0] == curve.accuracy[0]
    assert shown.accuracy[0, 0] == curve.accuracy[-1]
    assert 0 < shown.tolerance(float(shown.accuracy.mean())) < 0.5
    assert len(shown.to_frame()) == len(shown.noise_rates)
    frame = curve.to_frame()
    assert frame["gain"].iloc[0] == 0
    assert frame["n_cleaned"].iloc[-1] == len(true)


@pytest.mark.parametrize("rate", [0.2, 0.4])
def test_the_predicted_curve_is_that_of_really_cleaned_digits(digits, rate):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import cross_val_predict

    from labelnoise.neighborhoods.nearest import neighbors

    features, true = digits[0], digits[1]
    rng = np.random.default_rng(0)
    codes = np.where(rng.random(len(true)) < rate, (true + 1) % 10, true)
    matrix = (1 - rate) * np.eye(10) + rate * np.roll(np.eye(10), 1, axis=1)
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1)
    out_of_sample = cross_val_predict(model, features, codes, cv=4, method="predict_proba")
    data = samples_of(codes, neighbors(features, k=10).indices, 10)
    posterior = combine_views(data, matrix, np.clip(out_of_sample @ np.linalg.inv(matrix), 1e-3, 1))
    order = np.argsort(-wrong_probability_of(posterior, codes))
    predicted = cleaning_curve(data, posterior, order, name="suspicion", random_state=0)
    real = cleaning_curve(data, one_hot(true, 10), order, name="suspicion", random_state=0)
    assert real.accuracy[-1] - real.accuracy[0] > (0.005 if rate < 0.3 else 0.15)
    np.testing.assert_allclose(predicted.accuracy, real.accuracy, atol=0.02)
    assert abs(predicted.wrong_rate - real.wrong_rate).max() < 0.02


def test_the_grid_runs_from_none_to_all():
    assert default_grid(3).tolist() == [0, 1, 2, 3]
    assert default_grid(50_000)[[0, 1, -1]].tolist() == [0, 250, 50_000]
