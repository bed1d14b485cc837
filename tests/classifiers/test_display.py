"""The display of a classifier's curve: scikit-learn's convention, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import LinearSVC

import labelnoise as ln
from labelnoise.classifiers.training import clean_probabilities, targets_of
from labelnoise.figures.style import INK

RNG = np.random.default_rng(0)
LABELS = np.repeat(["cat", "dog", "emu"], 30)
FEATURES = RNG.normal(size=(90, 2)) + 2 * np.repeat(np.arange(3), 30)[:, None]
DATA = (FEATURES, LABELS, FEATURES + 0.1, LABELS, ln.UniformNoise(), [0.0, 0.4, 0.8])


def axes():
    return Figure().subplots()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_an_estimator_is_measured_and_drawn_on_given_axes():
    ax = axes()
    display = ln.AccuracyCurveDisplay.from_estimator(
        GaussianNB(), *DATA, repeats=3, random_state=1, name="Bayes", ax=ax
    )
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    expected = ln.measure(GaussianNB(), *DATA, repeats=3, random_state=1)
    np.testing.assert_array_equal(display.curve.runs, expected.runs)
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == 3 and line.get_marker() == "o"]
    np.testing.assert_array_equal(line.get_ydata(), expected.accuracy[:, 0])
    assert to_hex(line.get_color()) == INK
    assert texts(ax) == ["Bayes"]


def test_k_draws_the_family_below_with_the_effective_k():
    ax = axes()
    display = ln.AccuracyCurveDisplay.from_estimator(GaussianNB(), *DATA, k=[1, 30], repeats=2, random_state=1, ax=ax)
    clean = GaussianNB().fit(FEATURES, LABELS).predict_proba(FEATURES + 0.1)
    classes = ["cat", "dog", "emu"]
    k = ln.effective_k(display.curve, clean, LABELS, ln.UniformNoise(), classes=classes)
    assert display.effective_k.value == k
    assert display.effective_k.low <= k <= display.effective_k.high
    assert display.family.k.tolist() == sorted({1, 30, k})
    expected = ln.accuracy_curve(clean, LABELS, ln.UniformNoise(), [0.0, 0.8], 30, classes=classes)
    np.testing.assert_allclose(display.family.accuracy[:, -1], expected.accuracy[:, 0])
    drawn = [line for line in ax.lines if len(line.get_xdata()) > 3]
    assert len(drawn) == len(display.family.k)
    assert "GaussianNB" in texts(ax)
    assert "K = 1" in texts(ax)


def test_a_curve_is_drawn_as_it_is_or_over_a_family():
    family = ln.accuracy_curve([[0.9, 0.1], [0.2, 0.8]], [0, 1], ln.UniformNoise(), [0.0, 0.8], [1, 5])
    curve = ln.measure(GaussianNB(), *DATA, repeats=1)
    display = ln.AccuracyCurveDisplay.from_curve(curve, family=family, ax=axes())
    assert display.curve is curve
    assert "GaussianNB" in texts(display.ax_)
    again = display.plot(axes())
    assert again is display
    alone = ln.AccuracyCurveDisplay.from_curve(family, ax=axes())
    assert "K = 1" in texts(alone.ax_)


def test_a_measured_curve_of_one_k_is_named_by_it():
    family = ln.accuracy_curve([[0.9, 0.1], [0.2, 0.8]], [0, 1], ln.UniformNoise(), [0.0, 0.8], [1, 5])
    hoods = ln.neighbors(FEATURES, k=3)
    measured = ln.simulate_knn(hoods, LABELS, LABELS, ln.UniformNoise(), [0.0, 0.5], 3, repeats=2)
    assert "measured, K = 3" in texts(measured.plot(axes(), family=family))


def test_what_cannot_be_drawn_over_a_family_is_refused():
    family = ln.accuracy_curve([[0.9, 0.1], [0.2, 0.8]], [0, 1], ln.UniformNoise(), [0.0, 0.8], [1, 5])
    curve = ln.measure(GaussianNB(), *DATA, repeats=1)
    with pytest.raises(ValueError, match="a curve must be measured, with one column"):
        family.plot(axes(), family=family)
    with pytest.raises(ValueError, match="`family` must be a predicted curve"):
        curve.plot(axes(), family=curve)


def test_k_needs_probabilities_and_test_samples():
    with pytest.raises(ValueError, match="`k` must be None for an estimator without predict_proba; LinearSVC has none"):
        ln.AccuracyCurveDisplay.from_estimator(LinearSVC(), *DATA, k=3)
    with pytest.raises(ValueError, match="`k` must be None with `cv`"):
        ln.AccuracyCurveDisplay.from_estimator(GaussianNB(), *DATA, k=3, cv=3)


def test_probabilities_have_a_column_for_a_class_that_was_not_trained_on():
    targets = targets_of(np.array(["ape", "cat", "dog", "emu"]))
    clean = clean_probabilities(GaussianNB(), FEATURES, LABELS, FEATURES, targets, np.random.default_rng(0))
    np.testing.assert_array_equal(clean[:, 0], 0.0)
    np.testing.assert_array_equal(clean[:, 1:], GaussianNB().fit(FEATURES, LABELS).predict_proba(FEATURES))
