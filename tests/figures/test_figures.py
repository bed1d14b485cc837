"""Figures show what was computed, and their captions say where it came from."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Annotation

import labelnoise as ln
from labelnoise import figures
from labelnoise.artifacts import write_figure
from labelnoise.curves.surface import accuracy_surface
from labelnoise.figures import (
    EmbeddingPanel,
    SoftmaxPanel,
    accuracy_over_concentration_figure,
    concentrated_figure,
    curve_figure,
    difference_figure,
    embedding_figure,
    family_figure,
    network_figure,
    panels_by_class,
    plot_surface,
    preferred_k_figure,
    softmax_bars_figure,
    softmax_pairs_figure,
    surface_figure,
)
from labelnoise.figures.curves import caption, densely
from labelnoise.figures.direct_labels import label_ends
from labelnoise.figures.layout import finish, new_figure, text_width, wrap
from labelnoise.figures.matrices import draw_matrix
from labelnoise.figures.style import CLASS_COLORS, INK
from labelnoise.softmax.aggregate import aggregate_softmax, expected_peak
from labelnoise.softmax.histograms import SoftmaxNeighborhoods

SOURCE = "blobs, 90 samples, scale smoke, seeds 0-2."


def words(figure):
    return " ".join(figure.get_supxlabel().split())


def texts(ax):
    return [text.get_text() for text in ax.texts]


def points_of(ax, marker="o"):
    """Return the coordinates of every series with this marker on the axes."""
    return [line.get_xydata() for line in ax.get_lines() if line.get_marker() == marker]


def assert_nothing_overflows(figure):
    """Assert that no text leaves the figure, and that title, panels and caption do not overlap."""
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    page = figure.bbox
    blocks = [ax.get_tightbbox(renderer) for ax in figure.axes]
    marginal = [text.get_window_extent(renderer) for text in (figure._suptitle, figure._supxlabel) if text is not None]
    for box in blocks + marginal:
        assert box.x0 >= page.x0 - 1
        assert box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1
        assert box.y1 <= page.y1 + 1
    for index, box in enumerate(blocks):
        assert not any(box.overlaps(other.padded(-1.0)) for other in blocks[index + 1 :] + marginal)


@pytest.fixture(scope="module")
def curves():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 30)
    hoods = ln.neighbors(rng.normal(size=(90, 2)) + 4 * labels[:, None], k=9)
    arguments = (hoods, labels, labels, ln.FlipNoise(), [0.0, 0.3, 0.5, 0.7], [3, 9])
    return ln.predict_knn(*arguments), ln.simulate_knn(*arguments, repeats=3, random_state=11)


@pytest.fixture(scope="module")
def family():
    return ln.accuracy_curve(np.eye(3), np.arange(3), ln.FlipNoise(), np.linspace(0, 0.8, 41), [1, 5, 25])


def test_lines_are_the_prediction_and_points_the_measurement(curves):
    predicted, measured = curves
    upper, lower = curve_figure(predicted, measured, title="t").axes
    lines = [line for line in upper.get_lines() if line.get_linestyle() == "-"]
    assert len(lines) == 2
    for column, line in enumerate(lines):
        asked = np.isin(line.get_xdata(), predicted.noise_rates)
        np.testing.assert_array_equal(line.get_ydata()[asked], predicted.accuracy[:, column])
    points = [container.lines[0] for container in upper.containers]
    for column, point in enumerate(points):
        np.testing.assert_array_equal(point.get_ydata(), measured.accuracy[:, column])
    differences = [container.lines[0].get_ydata() for container in lower.containers]
    np.testing.assert_allclose(np.transpose(differences), 100 * (measured.accuracy - predicted.accuracy))
    assert texts(upper) == ["K = 3", "9"]


def test_caption_carries_counts_ties_repeats_and_seed(curves):
    text = caption(*curves, data="blobs")
    for part in ("blobs", "90 training", "90 test samples", "ties: random", "3 noise draws", "seed 11", "finite"):
        assert part in text


@pytest.mark.parametrize("which", [0, 1])
def test_plot_draws_on_given_axes_or_makes_its_own(curves, which):
    ax = Figure().subplots()
    assert curves[which].plot(ax) is ax
    with pytest.raises(TypeError, match=r"`ax` must be matplotlib axes.*; got AccuracyCurve\. .*second\.plot\(first"):
        curves[which].plot(curves[0])


def test_a_second_curve_on_the_same_axes_labels_only_new_k(curves):
    predicted, measured = curves
    ax = measured.plot(predicted.plot(Figure().subplots()))
    assert texts(ax) == ["K = 3", "9"]
    clean = np.random.default_rng(0).dirichlet([5, 0.5, 0.5], 40)
    more = ln.accuracy_curve(clean, np.zeros(40, int), ln.UniformNoise(), np.linspace(0, 0.9, 10), [9, 25])
    assert texts(more.plot(ax)) == ["K = 3", "9", "25"]


@pytest.mark.parametrize("rates", [[0.0, 0.9], [0.95, 0.1, 0.1, 0.3], [0.4], np.linspace(0, 1, 150)])
def test_a_line_that_is_slow_to_evaluate_is_interpolated_within_its_width(monkeypatch, rates):
    clean, labels = np.random.default_rng(0).dirichlet([5, 0.5, 0.5], 40), np.zeros(40, int)
    curve = ln.accuracy_curve(clean, labels, ln.FlipNoise(), rates, [3, 100])
    monkeypatch.setattr("labelnoise.figures.curves._EVALUATED", 0)
    found = densely(curve)
    assert len(found.noise_rates) >= 100
    exact = ln.accuracy_curve(clean, labels, ln.FlipNoise(), found.noise_rates, [3, 100])
    np.testing.assert_allclose(found.accuracy, exact.accuracy, atol=0.002)


def test_plots_are_pyplot_figures_and_import_pyplot_only_without_axes():
    code = """
import io, sys, matplotlib, numpy as np, labelnoise as ln
from matplotlib.figure import Figure
curve = ln.accuracy_curve([[0.9, 0.1], [0.3, 0.7]], [0, 1], ln.UniformNoise(), [0, 0.3, 0.6], k=3)
surface = ln.accuracy_surface(curve, [0, 0.5, 1])
curve.plot(Figure().subplots()), surface.plot(Figure().subplots())
assert "matplotlib.pyplot" not in sys.modules
matplotlib.use("agg")
curve_axes, surface_axes = curve.plot(), surface.plot()
plt = sys.modules["matplotlib.pyplot"]
assert plt.get_fignums() == [1, 2]
assert plt.gca() is surface_axes
plt.sca(curve_axes)
plt.savefig(stream := io.BytesIO(), format="png")
assert plt.imread(io.BytesIO(stream.getvalue())).min() < 0.5
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_predicted_lines_are_dense_whatever_was_asked():
    """With three noise rates asked for, the line still bends where the accuracy falls."""
    arguments = ([[1.0, 0.0]], [0], ln.FlipNoise())
    curve = ln.accuracy_curve(*arguments, [0.9, 0.1, 0.5], [3, 25])
    ax = curve.plot(Figure().subplots())
    lines = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    for line, accuracy in zip(
        lines, ln.accuracy_curve(*arguments, lines[0].get_xdata(), [3, 25]).accuracy.T, strict=True
    ):
        assert len(line.get_xdata()) >= 100
        assert (line.get_xdata()[0], line.get_xdata()[-1]) == (0.1, 0.9)
        np.testing.assert_array_equal(line.get_ydata(), accuracy)
    np.testing.assert_array_equal(
        points_of(ax, "."), [np.c_[[0.1, 0.5, 0.9], curve.accuracy[[1, 2, 0], i]] for i in (0, 1)]
    )
    from_table = replace(curve, source=None)
    (line, _) = from_table.plot(Figure().subplots()).get_lines()
    np.testing.assert_array_equal(line.get_xdata(), [0.1, 0.5, 0.9])
    many = ln.accuracy_curve(*arguments, np.linspace(0, 1, 30), 3).plot(Figure().subplots())
    assert points_of(many, ".") == []


def test_a_curve_of_one_noise_rate_and_one_k_can_be_drawn():
    curve = ln.accuracy_curve(np.eye(3), np.arange(3), ln.UniformNoise(), 0.2, 5)
    assert len(curve_figure(curve).axes) == 1
    figure = family_figure(curve, [0.2], [0.9], [np.nan], repeats=1)
    np.testing.assert_array_equal(points_of(figure.axes[0]), [[[0.2, 0.9]]])
    assert_nothing_overflows(figure)


def test_family_has_a_line_per_k_and_the_network_on_its_own_noise_rates(family):
    rates, mean = [0.5, 0.0, 0.25], [0.4, 0.98, 0.9]
    figure = family_figure(family, rates, mean, [0.02, 0.01, 0.03], repeats=10, title="t", caption=SOURCE)
    (ax,) = figure.axes
    colored = [line for line in ax.get_lines() if line.get_marker() == ""]
    asked = np.isin(colored[0].get_xdata(), family.noise_rates)
    np.testing.assert_array_equal([line.get_ydata()[asked] for line in colored], family.accuracy.T)
    np.testing.assert_array_equal(points_of(ax), [np.column_stack([rates, mean])[[1, 2, 0]]])
    (bars,) = ax.containers[0].lines[2]
    spans = [np.ptp(segment[:, 1]) for segment in bars.get_segments()]
    np.testing.assert_allclose(spans, [0.02, 0.06, 0.04])
    assert sorted(texts(ax)) == ["25", "5", "K = 1", "network"]
    for part in (SOURCE, "standard deviation of 10 trainings", "ties: random", "3 test samples"):
        assert part in words(figure)
    assert_nothing_overflows(figure)


def test_one_repeat_has_no_error_bars(family):
    figure = family_figure(family, [0.0, 0.4], [0.9, 0.5], [np.nan, np.nan], repeats=1)
    assert figure.axes[0].containers[0].lines[2] == ()
    assert "one training" in words(figure)


def test_matrix_beside_the_family_has_rows_clean_and_columns_noisy(family):
    matrix = np.array([[0.1, 0.9, 0.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])
    figure = family_figure(family, [0.0, 0.4], [0.9, 0.5], [0.1, 0.1], repeats=2, matrix=matrix, caption=SOURCE)
    image_axes = figure.axes[1]
    (image,) = image_axes.images
    np.testing.assert_array_equal(image.get_array(), matrix)
    assert image.cmap(1.0)[:3] == (1.0, 1.0, 1.0)
    assert (image_axes.get_xlabel(), image_axes.get_ylabel()) == ("noisy label", "clean label")
    assert [label.get_text() for label in image_axes.get_xticklabels()] == ["0", "1", "2"]
    named = new_figure(4.6, 3.8)
    draw_matrix(named.subplots(), matrix, ["cat", "dog", "automobile"])
    assert_nothing_overflows(finish(named, caption=SOURCE))


def test_a_matrix_of_many_classes_names_some_of_them():
    ax = Figure().subplots()
    draw_matrix(ax, np.eye(100))
    assert len(ax.get_xticks()) == 20


def test_concentrated_noise_shows_both_regions_and_the_expected_line():
    rates, mean = np.array([0.1, 0.25, 0.5]), np.array([0.88, 0.74, 0.5])
    clean, noisy = np.array([0.95, 0.94, 0.93]), np.array([0.2, 0.15, np.nan])
    arguments = {"clean_region": clean, "noisy_region": noisy, "repeats": 4, "title": "t", "caption": SOURCE}
    arguments["clean_accuracy"] = 0.96
    figure = concentrated_figure(rates, mean, [0.01, 0.02, 0.01], **arguments)
    (ax,) = figure.axes
    np.testing.assert_array_equal(points_of(ax), [np.column_stack([rates, mean])])
    np.testing.assert_array_equal(points_of(ax, "^")[0][:, 1], clean)
    np.testing.assert_array_equal(points_of(ax, "v")[0][:, 1], noisy)
    expected = next(line for line in ax.get_lines() if line.get_linestyle() == "--")
    np.testing.assert_allclose(expected.get_ydata(), 0.96 * (1 - expected.get_xdata()))
    assert set(texts(ax)) == {"clean regions", "overall", "expected", "noisy regions"}
    assert SOURCE in words(figure)
    assert "96.0 %" in words(figure)
    assert_nothing_overflows(figure)
    assert_nothing_overflows(
        concentrated_figure([0.2], [0.8], [np.nan], clean_region=[0.9], noisy_region=[0.1], repeats=1)
    )


def test_end_labels_keep_their_order_and_their_distance():
    ax = Figure(figsize=(6, 4)).subplots()
    ax.set_ylim(0, 1)
    label_ends(ax, 1.0, [0.5, 0.49, 0.1], ["a", "b", "c"], [INK] * 3)
    heights = {label.get_text(): label.xy[1] for label in ax.texts}
    assert heights["a"] > heights["b"] + 0.04
    assert heights["c"] == pytest.approx(0.1)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_end_labels_stay_within_the_axes(end):
    """If all lines end at the edge, their labels are moved apart inwards."""
    figure = Figure(figsize=(3, 2))
    ax = figure.subplots()
    ax.set_ylim(0, 1)
    label_ends(ax, 1.0, [end] * 3, ["a", "b", "c"], [INK] * 3)
    heights = sorted(label.xy[1] for label in ax.texts)
    assert 0 < heights[0] < heights[1] - 0.04
    assert heights[1] + 0.04 < heights[2] < 1


@pytest.fixture(scope="module")
def aggregated():
    rng = np.random.default_rng(1)
    return aggregate_softmax(rng.dirichlet(np.ones(4), size=60), np.repeat([0, 1, 2], 20), classes=range(4))


def test_bars_are_medians_with_the_true_class_outlined(aggregated):
    expected = expected_peak(ln.UniformNoise(), 0.4, 4)
    panels = panels_by_class(aggregated, expected)
    assert [panel.true_class for panel in panels] == [0, 1, 2, 3]
    assert [panel.n for panel in panels] == [20, 20, 20, 0]
    figure = softmax_bars_figure(panels, title="t", caption=SOURCE)
    for code, ax in enumerate(figure.axes[:3]):
        np.testing.assert_allclose([bar.get_height() for bar in ax.patches], aggregated.median[code])
        outlined = [to_hex(bar.get_edgecolor()) == INK and bar.get_linewidth() > 1.5 for bar in ax.patches]
        assert outlined == [place == code for place in range(4)]
        intervals, ticks = ax.collections
        ends = np.array([segment[:, 1] for segment in intervals.get_segments()])
        np.testing.assert_allclose(ends, np.column_stack([aggregated.lower[code], aggregated.upper[code]]))
        np.testing.assert_allclose([segment[0, 1] for segment in ticks.get_segments()], expected[code])
        assert "n = 20" in texts(ax)
    assert "no samples" in texts(figure.axes[3])
    assert "expected" in texts(figure.axes[0])
    for part in (SOURCE, "median", "central 50 %", "true class", "theory"):
        assert part in words(figure)
    assert_nothing_overflows(figure)


@pytest.mark.parametrize(("n_panels", "columns"), [(1, 1), (4, 4), (8, 4), (10, 5), (7, 4)])
def test_panels_share_one_scale_and_name_the_outputs_below_each_column(n_panels, columns):
    values = np.full(3, 0.3)
    titles = "locally concentrated noise, sample in a noisy region", "clean"
    panel = [SoftmaxPanel(titles[i % 2], values, values, values, None, n=9, labels=["cat", "automobile", "$x_1$"])
             for i in range(n_panels)]  # fmt: skip
    figure = softmax_bars_figure(panel, title="a long title " * 12, caption="a long caption " * 40)
    assert len(figure.axes) == n_panels
    assert len({round(ax.get_position().y0, 6) for ax in figure.axes}) == -(-n_panels // columns)
    assert len({round(ax.get_position().width, 6) for ax in figure.axes}) == 1
    assert len({ax.get_ylim() for ax in figure.axes}) == 1
    named = [any(label.get_visible() for label in ax.get_xticklabels()) for ax in figure.axes]
    assert named == [place + columns >= n_panels for place in range(n_panels)]
    assert_nothing_overflows(figure)


@pytest.fixture(scope="module")
def found():
    ks = np.arange(10, 301)
    preferred = np.array([10, 10, 14, 150, 300, 299])
    return SoftmaxNeighborhoods(ks, preferred, np.linspace(0.0, 0.4, 6), np.full((6, 2), 0.5))


def test_preferred_k_and_distances_are_shares_with_both_medians_marked(found):
    figure = preferred_k_figure(found, paper_median=0.143, title="t", caption=SOURCE)
    left, right = figure.axes
    shares = {round(bar.get_x() + 0.5): bar.get_height() for bar in left.patches if bar.get_height() > 0}
    assert shares == pytest.approx({10: 50, 150: 100 / 6, 290: 200 / 6})
    assert sum(bar.get_height() for bar in right.patches) == pytest.approx(100)
    assert {"median 0.200", "paper 0.143"} <= set(texts(right))
    assert {segment[0, 0] for lines in right.collections for segment in lines.get_segments()} == {0.2, 0.143}
    assert "6 test samples" in words(figure)
    assert SOURCE in words(figure)
    assert_nothing_overflows(figure)


def test_one_k_and_distance_zero_can_be_drawn():
    found = SoftmaxNeighborhoods(np.array([7]), np.array([7, 7]), np.zeros(2), np.full((2, 2), 0.5))
    assert sum(bar.get_height() for bar in preferred_k_figure(found, paper_median=None).axes[0].patches) == 100


def test_softmax_and_histogram_are_drawn_side_by_side():
    softmax, histograms = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]), np.array([[0.6, 0.4, 0.0], [0.0, 0.2, 0.8]])
    names = ["cat", "dog", "automobile"]
    figure = softmax_pairs_figure(
        softmax, histograms, [0.14, 0.15], [30, 200], [0, 2], class_names=names, title="t", caption=SOURCE
    )
    for row, ax in enumerate(figure.axes):
        heights = [bar.get_height() for bar in ax.patches]
        np.testing.assert_allclose(heights, [*softmax[row], *histograms[row]])
        outlined = [bar.get_linewidth() > 1 for bar in ax.patches]
        assert outlined == 2 * [place == (0, 2)[row] for place in range(3)]
        left, right = ax.patches[1], ax.patches[4]
        assert left.get_x() + left.get_width() == pytest.approx(right.get_x())
    assert "K = 30, distance 0.140" in texts(figure.axes[0])
    assert {"softmax", "K-NN labels"} <= set(texts(figure.axes[0]))
    assert SOURCE in words(figure)
    assert_nothing_overflows(figure)


def test_embedding_draws_wrong_labels_on_top_with_a_dark_edge():
    rng = np.random.default_rng(3)
    true = np.repeat([0, 1], 20)
    points = rng.normal(size=(40, 2)) + 9 * true[:, None]
    changed = np.arange(40) % 5 == 0
    given = np.where(changed, 1 - true, true)
    panels = [EmbeddingPanel(points, given, changed, 0.987, "spread"), (points, given, changed, np.nan, "")]
    figure = embedding_figure(panels, class_names=["cat", "dog"], title="t", caption=SOURCE)
    ax = figure.axes[0]
    right, wrong = ax.collections
    np.testing.assert_array_equal(wrong.get_offsets(), points[changed])
    np.testing.assert_allclose(wrong.get_facecolors(), [to_rgba(CLASS_COLORS[code]) for code in given[changed]])
    assert wrong.get_zorder() > right.get_zorder()
    assert wrong.get_sizes()[0] > right.get_sizes()[0]
    assert to_hex(wrong.get_edgecolors()[0]) == INK
    assert ax.get_xlabel() == "20% of 40 labels wrong; test accuracy 98.7%"
    assert "accuracy" not in figure.axes[1].get_xlabel()
    names = {text.get_text(): text.get_position() for text in ax.texts}
    np.testing.assert_allclose(names["dog"], np.median(points[(true == 1) & ~changed], axis=0))
    assert len(set(CLASS_COLORS)) == 10
    assert SOURCE in words(figure)
    assert_nothing_overflows(figure)


def test_many_points_are_drawn_as_pixels():
    points = np.random.default_rng(0).normal(size=(3001, 2))
    panel = EmbeddingPanel(points, np.zeros(3001, int), np.zeros(3001, bool), 1.0)
    assert all(marks.get_rasterized() for marks in embedding_figure([panel]).axes[0].collections)


def test_accuracy_over_concentration_has_lines_and_points():
    measured = pd.DataFrame(
        {
            "method": ["K-NN", "K-NN", "network"],
            "concentration": [0.5, 0.0, 0.3],
            "measured": [0.7, 0.9, 0.8],
            "std": 0.1,
        }
    )
    predicted = pd.DataFrame({"method": "K-NN", "concentration": [0.0, 0.5, 1.0], "predicted": [0.91, 0.72, 0.7]})
    figure = accuracy_over_concentration_figure(pd.concat([measured, predicted]), title="t", caption=SOURCE)
    (ax,) = figure.axes
    np.testing.assert_array_equal(points_of(ax), [[[0.0, 0.9], [0.5, 0.7]]])
    np.testing.assert_array_equal(points_of(ax, "s"), [[[0.3, 0.8]]])
    (line,) = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    np.testing.assert_array_equal(line.get_ydata(), [0.91, 0.72, 0.7])
    assert sorted(texts(ax)) == ["K-NN", "network"]
    assert SOURCE in words(figure)
    assert "standard deviation" in words(figure)
    assert_nothing_overflows(figure)
    assert_nothing_overflows(accuracy_over_concentration_figure(measured.drop(columns="std").head(1)))


@pytest.mark.parametrize("ks", [[10, 30, 100, 300], [10]])
def test_differences_are_percentage_points_with_a_panel_per_k(ks):
    table = pd.DataFrame(
        [
            (k, noise, rho, 0.9 - 0.01 * rho, 0.9)
            for k in ks
            for noise in ("flip", "uniform")
            for rho in (0.0, 0.5, 1.0)
        ],
        columns=["k", "noise", "concentration", "measured", "predicted"],
    )
    figure = difference_figure(table, title="t", caption=SOURCE)
    assert [ax.get_title(loc="left") for ax in figure.axes] == [f"K = {k}" for k in ks]
    for ax in figure.axes:
        for points in ax.collections:
            np.testing.assert_allclose(points.get_offsets(), [[0, 0], [0.5, -0.5], [1, -1]])
    assert {"flip noise", "uniform noise"} <= set(texts(figure.axes[0]))
    assert SOURCE in words(figure)
    assert_nothing_overflows(figure)


def test_surface_has_labeled_lines(family):
    surface = accuracy_surface(family, np.linspace(0, 1, 11), 5)
    figure = surface_figure(surface, title="t", caption=SOURCE)
    labels = {text.get_text() for text in figure.axes[0].texts}
    assert {"50 %", "90 %"} <= labels
    for part in (SOURCE, "K = 5", "flip noise", "3 test samples"):
        assert part in words(figure)
    assert_nothing_overflows(figure)
    ax = Figure().subplots()
    assert plot_surface(surface, ax) is ax


def test_surfaces_of_one_noise_rate_or_of_equal_accuracy_can_be_drawn():
    level = ln.accuracy_curve(np.eye(3), np.arange(3), ln.UniformNoise(), 0.2, 5)
    (ax,) = surface_figure(accuracy_surface(level, [0.0, 1.0])).axes
    assert "one noise rate or concentration: no surface" in texts(ax)
    flat = ln.accuracy_curve(np.eye(3), np.arange(3), ln.UniformNoise(), [0.0, 1e-9], 5)
    assert_nothing_overflows(surface_figure(accuracy_surface(flat, [0.0, 1.0])))


def test_wrapped_lines_fit_and_lose_nothing():
    text = "K = 30, 3 ± 1 points, " * 9 + "/a/path/without/any/space" * 9
    lines = wrap(text, 3.0, 8.0).split("\n")
    assert all(text_width(line, 8.0) <= 3.0 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line.endswith(("=", "±")) or line.startswith(("=", "±")) for line in lines)
    assert wrap("", 3.0, 8.0) == ""


def test_labels_do_not_cover_measured_points(family):
    rates = np.linspace(0, 0.8, 33)
    mean = np.interp(rates, family.noise_rates, family.accuracy[:, 1])  # The network lies on the line of K = 5.
    figure = family_figure(family, rates, mean, np.full(33, 0.01), repeats=2)
    (ax,) = figure.axes
    renderer = FigureCanvasAgg(figure).get_renderer()
    marks = ax.transData.transform(np.column_stack([rates, mean]))
    for label in ax.texts:
        assert isinstance(label, Annotation)
        box = super(Annotation, label).get_window_extent(renderer)
        assert not any(box.contains(*mark) for mark in marks), label.get_text()


def test_public_names_exist_and_need_no_pyplot():
    assert all(hasattr(figures, name) for name in figures.__all__)
    code = "import sys, labelnoise.figures; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_crowded_family_has_a_key_instead_of_labels(family):
    crowded = ln.accuracy_curve(np.eye(3), np.arange(3), ln.FlipNoise(), np.linspace(0, 0.8, 41), range(21, 61, 4))
    figure = family_figure(crowded, [0.0, 0.5], [0.9, 0.5], [0.1, 0.1], repeats=2)
    entries = {text.get_text(): text for text in figure.axes[0].texts}
    assert set(entries) == {"━ K = 21", *(f"━ {k}" for k in range(25, 61, 4)), "network"}
    lines = [line for line in figure.axes[0].get_lines() if line.get_marker() == ""]
    for line, k in zip(lines, crowded.k.tolist(), strict=True):
        entry = entries["━ K = 21" if k == 21 else f"━ {k}"]
        assert to_rgba(line.get_color()) == to_rgba(entry.get_color())
    assert_nothing_overflows(figure)


def test_a_figure_is_the_same_bytes_each_time(aggregated, tmp_path):
    content = []
    for name in ("a", "b"):
        figure = softmax_bars_figure(panels_by_class(aggregated), title="t", caption=SOURCE)
        content += [[path.read_bytes() for path in write_figure(figure, tmp_path / f"{name}{i}")] for i in range(2)]
    assert content[0] == content[1] == content[2] == content[3]


def test_a_networks_predicted_curve_has_its_band_and_its_points():
    clean, labels, noise = np.random.default_rng(0).dirichlet([9, 1, 0.5], 60), np.zeros(60, int), ln.FlipNoise()
    found = ln.fit_effective_k(([0.4, 0.3], [0.66, 0.8]), clean, labels, noise, ks=range(1, 60))
    predicted = ln.accuracy_curve(clean, labels, noise, [0.0, 0.3, 0.6], [5, found.value])
    band = found.predict([0.0, 0.3, 0.6])
    figure = network_figure(predicted, found, band, title="t", caption=SOURCE)
    (ax,) = figure.axes
    assert points_of(ax)[0].tolist() == [[0.3, 0.8], [0.4, 0.66]]
    corners = ax.collections[0].get_paths()[0].vertices
    for rate, low, high in zip(band.noise_rates, band.lower, band.upper, strict=True):
        at_rate = corners[np.isclose(corners[:, 0], rate), 1]
        assert (at_rate.min(), at_rate.max()) == (pytest.approx(low), pytest.approx(high))
    assert {"network", f"{found.value}"} <= set(texts(ax))
    assert f"effective K is {found.value} (95 % interval {found.low} to {found.high})" in words(figure)
