"""Figures of a diagnosis show its numbers, for few and many classes, and are never cut off."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex

from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.relabeling.cost import CleaningCurve
from labelnoise.figures.diagnosis import cleaning_figure, suspicion_figure, transition_figure, wrong_rate_figure
from labelnoise.figures.style import VERMILION

BRACKET = Estimate(0.2, 0.1, 0.3, "bracket", 0, "noise is spread")
INTERVAL = Estimate(0.25, 0.2, 0.31, "interval", 200, "the checked labels are true")


def assert_inside(figure):
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        box = ax.get_tightbbox(renderer)
        assert box.x0 >= figure.bbox.x0 - 1
        assert box.x1 <= figure.bbox.x1 + 1
        assert box.y0 >= figure.bbox.y0 - 1
        assert box.y1 <= figure.bbox.y1 + 1


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def curve(order, accuracy, n=1000):
    grid, reached = np.array([0, 100, 500, n]), np.array(accuracy)
    return CleaningCurve(
        order=order,
        n_cleaned=grid,
        wrong_rate=np.linspace(0.2, 0, 4),
        accuracy=reached,
        lower=reached - 0.02,
        upper=reached + 0.02,
        per_class=np.stack([reached, reached], axis=1),
        k=5,
        n_samples=n,
        classes=np.arange(2),
        seed=0,
    )


class TestWrongRate:
    def test_each_range_is_drawn_where_it_lies_and_says_what_it_assumes(self):
        figure = wrong_rate_figure([("alone", BRACKET, "Assumes A."), ("audit", INTERVAL, "Assumes B.")])
        drawn = [line.get_xdata() for line in figure.axes[0].get_lines()]
        np.testing.assert_allclose(drawn[0], [0.1, 0.3])
        np.testing.assert_allclose(drawn[1], [0.2])
        np.testing.assert_allclose(drawn[2], [0.2, 0.31])
        np.testing.assert_allclose(drawn[3], [0.25])
        shown = texts(figure)
        assert shown[0] == "alone: 10.0 to 30.0 % (bracket)"
        assert shown[1] == "Assumes A."
        assert shown[2] == "audit: 25.0 % (95 % interval 20.0 to 31.0 %)"
        assert_inside(figure)

    @pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (0.0, 1.0), (0.97, 1.0), (0.0, 0.003)])
    def test_ranges_at_the_ends_and_long_assumptions_stay_inside(self, low, high):
        rate = Estimate(low, low, high, "bracket", 0, "")
        figure = wrong_rate_figure([("alone", rate, "Assumes that " + "the noise is spread " * 20)])
        assert figure.axes[0].get_xlim()[1] >= high
        assert_inside(figure)


class TestTransition:
    def test_cells_hold_the_percentages_and_leave_out_the_smallest(self):
        figure = transition_figure(np.array([[0.9, 0.1, 0.0], [0.3, 0.7, 0.0], [0.004, 0.0, 0.996]]), ["a", "b", "c"])
        cells = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in figure.axes[0].texts}
        assert cells == {(0, 0): "90", (0, 1): "10", (1, 0): "30", (1, 1): "70", (2, 2): "100"}
        assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("given label", "true label")

    def test_names_that_are_no_formulas_and_long_ones_are_written_as_text(self):
        figure = transition_figure(np.eye(3), ["$x_{", "<b>&amp;</b>", "n" * 60])
        names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert names[:2] == ["$x_{", "<b>&amp;</b>"]
        assert len(names[2]) <= 18
        assert_inside(figure)

    @pytest.mark.parametrize("n_classes", [2, 20])
    def test_few_and_many_classes_are_all_named(self, n_classes):
        figure = transition_figure(np.eye(n_classes), [f"class {code}" for code in range(n_classes)])
        assert len(figure.axes[0].get_yticklabels()) == n_classes
        assert_inside(figure)


class TestSuspicion:
    def test_bars_count_all_and_suspected_labels(self):
        rng = np.random.default_rng(0)
        wrong = rng.random(5000)
        suspected = wrong > 0.7
        figure = suspicion_figure(wrong, suspected)
        bars = figure.axes[0].patches
        red = [bar for bar in bars if to_hex(bar.get_facecolor()) == VERMILION]
        assert sum(bar.get_height() for bar in red) == suspected.sum()
        assert sum(bar.get_height() for bar in bars if bar not in red) == 5000
        assert texts(figure) == [f"{suspected.sum():,} of 5,000 suspected"]
        assert figure.axes[0].get_yscale() == "log"
        assert_inside(figure)

    def test_no_suspected_label_is_said(self):
        assert texts(suspicion_figure(np.zeros(30), np.zeros(30, dtype=bool))) == ["none is suspected"]


class TestCleaning:
    def test_each_order_is_a_line_with_its_name_up_to_the_number_shown(self):
        curves = [curve("gain", [0.6, 0.7, 0.75, 0.8]), curve("random", [0.6, 0.62, 0.7, 0.8])]
        figure = cleaning_figure(curves, n_shown=300)
        gain, random, every = figure.axes[0].get_lines()
        np.testing.assert_allclose(gain.get_xydata(), [[0, 0.6], [100, 0.7], [300, 0.725]])
        np.testing.assert_allclose(random.get_ydata(), [0.6, 0.62, 0.66])
        np.testing.assert_allclose(every.get_ydata(), 0.8)
        assert sorted(texts(figure)) == ["all checked", "at random", "by gain"]
        assert_inside(figure)

    def test_a_curve_that_is_shown_whole_has_no_line_for_all(self):
        figure = cleaning_figure([curve("region", [0.6, 0.7, 0.75, 0.8])], n_shown=1000)
        assert texts(figure) == ["by region"]

    def test_equal_accuracies_are_not_blown_up(self):
        figure = cleaning_figure([curve("gain", [0.999, 0.999, 0.999, 0.9991])], n_shown=300)
        low, high = figure.axes[0].get_ylim()
        assert high - low >= 0.04
