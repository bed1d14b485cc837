"""Curves come back from a file as they were, and other files are refused."""

from __future__ import annotations

import warnings
from dataclasses import asdict, fields

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.naive_bayes import GaussianNB

import labelnoise as ln
from labelnoise.curves.comparison import comparison_table

RNG = np.random.default_rng(0)
LABELS = np.repeat(["cat", "dog", "emu"], 30)
FEATURES = RNG.normal(size=(90, 2)) + 2 * np.repeat(np.arange(3), 30)[:, None]
HOODS = ln.neighbors(FEATURES, k=5)
SOME = LABELS[:60]  # no test sample is an emu, so that its accuracy is NaN


@pytest.fixture(scope="module")
def curves():
    """A curve of every kind."""
    noise, rates = ln.UniformNoise(), [0.0, 0.3, 0.8]
    sampled = ln.MatrixNoise([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.4, 0.4]])
    some = ln.neighbors(FEATURES, FEATURES[:60], k=5)
    clustered = {"placement": ln.KMeansCluster(), "features": FEATURES}
    codes = np.arange(90) // 30
    return {
        "predicted": ln.predict_knn(some, LABELS, SOME, noise, rates, [1, 5]),
        "sampled": ln.predict_knn(HOODS, LABELS, LABELS, sampled, rates, 5, classes=["cat", "dog", "emu"]),
        "concentrated": ln.predict_knn(HOODS, LABELS, LABELS, noise, rates, 5, concentration=0.5),
        "measured": ln.simulate_knn(HOODS, LABELS, LABELS, noise, rates, [1, 5], repeats=3),
        "placed": ln.simulate_knn(HOODS, LABELS, LABELS, noise, 0.3, [1, 5], repeats=2, **clustered),
        "trained": ln.measure(GaussianNB(), FEATURES, LABELS, FEATURES[:60], SOME, noise, rates, repeats=3),
        "of integers": ln.measure(GaussianNB(), FEATURES, codes, FEATURES, codes, noise, rates),
    }


KINDS = ["predicted", "sampled", "concentrated", "measured", "placed", "trained", "of integers"]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_but_the_source_comes_back(kind, curves, tmp_path):
    curve = curves[kind]
    back = ln.AccuracyCurve.load(curve.save(tmp_path / kind))
    for field in fields(curve):
        if field.name not in ("source", "setting"):
            np.testing.assert_array_equal(getattr(back, field.name), getattr(curve, field.name))
    for name, value in asdict(curve.setting).items():
        np.testing.assert_array_equal(getattr(back.setting, name), value)
    assert repr(back) == repr(curve)
    assert back.summary() == curve.summary()
    assert back.to_frame().equals(curve.to_frame())
    assert comparison_table(back, None).equals(comparison_table(curve, None))
    back.plot(Figure().subplots())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Noise rates are far apart.
        assert np.all(np.abs(back.tolerance(0.5) - np.array(curve.tolerance(0.5))) < 0.3)


def test_a_curve_of_trainings_still_answers(curves, tmp_path):
    curve = curves["trained"]
    back = ln.AccuracyCurve.load(curve.save(tmp_path / "trained.npz"))
    np.testing.assert_array_equal(back.confusion(0.3), curve.confusion(0.3))
    np.testing.assert_array_equal(back.per_sample(0.8), curve.per_sample(0.8))
    np.testing.assert_array_equal(back.interval().lower, curve.interval().lower)


def test_another_curve_says_that_it_cannot_answer(tmp_path):
    curve = ln.predict_knn(HOODS, LABELS, LABELS, ln.UniformNoise(), [0.0, 0.3], 5)
    back = ln.AccuracyCurve.load(curve.save(tmp_path / "predicted.npz"))
    for ask in (back.confusion, back.per_sample, back.interval):
        with pytest.raises(ValueError, match="put together from a table or a file"):
            ask()


def test_a_file_of_something_else_is_refused(tmp_path):
    noisy = ln.corrupt(LABELS, ln.UniformNoise(), 0.5).save(tmp_path / "noisy.npz")
    with pytest.raises(
        ValueError, match=r"noisy\.npz must be a file that AccuracyCurve\.save wrote; it holds .*selected"
    ):
        ln.AccuracyCurve.load(noisy)
    (tmp_path / "text.npz").write_text("accuracy")
    with pytest.raises(ValueError, match=r"text\.npz must be a file that AccuracyCurve\.save wrote"):
        ln.AccuracyCurve.load(tmp_path / "text.npz")


def test_the_tolerance_of_a_loaded_prediction_warns_where_noise_rates_are_far_apart(tmp_path):
    curve = ln.accuracy_curve([[0.9, 0.1], [0.2, 0.8]], [0, 1], ln.FlipNoise(), [0.0, 0.3, 0.6], 5)
    curve.tolerance(0.7)
    curve.save(tmp_path / "curve.npz")
    with pytest.warns(UserWarning, match="known at its noise rates alone"):
        ln.AccuracyCurve.load(tmp_path / "curve.npz").tolerance(0.7)
