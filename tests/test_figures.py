"""Figures: what is drawn is what was computed, and the caption says where it came from."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import labelnoise as ln
from labelnoise.figures import caption, curve_figure


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    hoods = ln.neighbors(rng.normal(size=(90, 2)) + 4 * labels[:, None], k=9)
    arguments = (hoods, labels, labels, ln.FlipNoise(), [0.0, 0.3, 0.5, 0.7], [3, 9])
    return ln.predict_knn(*arguments), ln.simulate_knn(*arguments, repeats=3, random_state=11)


def test_lines_are_the_prediction_and_points_the_measurement(curves):
    predicted, measured = curves
    upper, lower = curve_figure(predicted, measured, title="t").axes
    lines = [line for line in upper.get_lines() if line.get_linestyle() == "-"]
    for column, line in enumerate(lines):
        np.testing.assert_array_equal(line.get_ydata(), predicted.accuracy[:, column])
    points = [container.lines[0] for container in upper.containers]
    for column, point in enumerate(points):
        np.testing.assert_array_equal(point.get_ydata(), measured.accuracy[:, column])
    differences = [container.lines[0].get_ydata() for container in lower.containers]
    np.testing.assert_allclose(np.transpose(differences), 100 * (measured.accuracy - predicted.accuracy))
    assert [text.get_text() for text in upper.texts] == ["K = 3", "9"]


def test_caption_carries_counts_spread_ties_and_seed(curves):
    text = caption(*curves, data="blobs")
    for part in ("blobs", "90 training", "90 test samples", "ties: random", "3 noise draws", "seed 11", "finite"):
        assert part in text


@pytest.mark.parametrize("which", [0, 1])
def test_plot_draws_on_given_axes_or_makes_its_own(curves, which):
    ax = Figure().subplots()
    assert curves[which].plot(ax) is ax
    assert curves[which].plot().figure is not ax.figure


def test_one_level_and_one_k_can_be_drawn():
    curve = ln.accuracy_curve(np.eye(3), np.arange(3), ln.UniformNoise(), 0.2, 5)
    assert len(curve_figure(curve).axes) == 1
