"""The page of a report: escaped, self-contained, of limited size; its plots are valid Plotly figures."""

import base64
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from helpers.results import write_curve, write_recipe
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnoise.report.looks import k_colors, literal
from labelnoise.report.page import MOST_FIGURE_BYTES, report_html, write_report
from labelnoise.report.parts import summarize
from labelnoise.report.plotly_figures import plotly_figure
from labelnoise.report.plots import (
    CurvePlot,
    EmbeddingPlot,
    GainLine,
    GainPlot,
    HistogramPlot,
    MatrixPlot,
    RangePlot,
)
from labelnoise.report.summary import Card, Number, Part, Section, Summary, Table
from labelnoise.report.suspects import MOST_IMAGES, SIDE, thumbnails

HOSTILE = ("</script><script>alert(1)</script>", "<!--", "<b>bold</b>", "a & b", "' onload='x", '"><img src=x>')


def page_of(*sections):
    part = Part("curve", HOSTILE[0], HOSTILE[1], HOSTILE[2], (), sections)
    return Summary(HOSTILE[0], HOSTILE[3], (Number(*HOSTILE[:3]),), (part, part))


@pytest.fixture
def matrix():
    return MatrixPlot(tuple(tuple(row) for row in np.eye(6).tolist()), HOSTILE, "true", "given")


class TestEscaping:
    def test_text_from_outside_is_never_markup(self, tmp_path, matrix):
        table = Table(HOSTILE, (HOSTILE,), (True,) * 6, is_sortable=True)
        cards = (Card(1, HOSTILE[0], "ok", ((HOSTILE[1], HOSTILE[2]),)),)
        section = Section(
            HOSTILE[0], HOSTILE[5], matrix, alt=HOSTILE[5], cards=cards, facts=(HOSTILE[:2],), table=table
        )
        source = report_html(page_of(section), tmp_path)
        assert "<script>alert" not in source
        assert "<img src=x" not in source
        assert "<b>bold" not in source
        assert source.count("<script") == source.count("</script>") == 3
        assert "<!--" not in source

    def test_the_data_of_plots_is_valid_json_that_cannot_end_its_element(self, tmp_path, matrix):
        source = report_html(page_of(Section("plot", plot=matrix)), tmp_path)
        (text,) = re.findall(r'id="plots">(.*?)</script>', source, flags=re.DOTALL)
        assert not set("<>&") & set(text)
        assert len(json.loads(text)) == 2

    @given(st.text())
    @settings(max_examples=50, deadline=None)
    def test_plotly_shows_any_text_as_it_is(self, text):
        shown = literal(text)
        assert not set("<>") & set(shown)
        plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert plain == "".join(c if c.isprintable() else " " for c in text)
        assert len(literal(text, 5).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")) <= 5

    def test_links_to_files_are_relative_and_quoted(self, tmp_path):
        section = Section("files", files=(tmp_path / "a b#c.csv", tmp_path.parent / "up.csv"))
        source = report_html(page_of(section), tmp_path)
        assert '<a href="a%20b%23c.csv">a b#c.csv</a>' in source
        assert '<a href="../up.csv">../up.csv</a>' in source

    def test_a_figure_is_an_image_which_runs_no_script(self, tmp_path):
        write_recipe(tmp_path, "fig1", "<svg><script>alert(1)</script></svg>")
        source = report_html(summarize(tmp_path), tmp_path)
        assert "alert(1)" not in source
        assert '<img src="data:image/svg+xml;base64,' in source


class TestPage:
    def test_it_forbids_everything_but_what_is_inside_of_it(self, tmp_path):
        write_curve(tmp_path)
        source = report_html(summarize(tmp_path), tmp_path)
        (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', source)
        assert policy.startswith("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'")
        outside = re.sub(r"<script.*?</script>", "", source, flags=re.DOTALL)
        assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|url\(|@import""", outside)

    def test_with_plotly_it_has_two_megabytes_and_without_plots_it_lacks_plotly(self, tmp_path):
        write_curve(tmp_path / "curve" if (tmp_path / "curve").mkdir() is None else tmp_path)
        write_recipe(tmp_path, "fig1", "<svg></svg>")
        assert 1_500_000 < len(report_html(summarize(tmp_path), tmp_path)) < 2_500_000
        assert len(report_html(summarize(tmp_path / "fig1"), tmp_path)) < 60_000

    def test_figures_beyond_the_limit_are_linked(self, tmp_path):
        for i in range(4):
            write_recipe(tmp_path, f"fig{i}", f"<svg>{'x' * (MOST_FIGURE_BYTES // 3)}</svg>")
        source = report_html(summarize(tmp_path), tmp_path)
        assert source.count("data:image/svg+xml;base64,") == 2
        assert 'The figure is in <a href="fig3/fig3.svg">' in source
        assert len(source) < 6_000_000

    def test_every_figure_says_what_it_shows(self, tmp_path):
        write_curve(tmp_path)
        write_recipe(tmp_path, "fig1", "<svg></svg>")
        source = report_html(summarize(tmp_path), tmp_path)
        texts = re.findall(r'role="img" aria-label="([^"]*)"|<img src="data:image/svg[^"]*" alt="([^"]*)"', source)
        texts = ["".join(pair) for pair in texts]
        assert len(texts) == 2
        assert "K = 5: 100.0 % at 0 % noise, 60.0 % at 40 %" in texts[0]
        assert texts[1] == "It fell."

    def test_only_a_report_is_replaced_unasked(self, tmp_path):
        write_curve(tmp_path)
        summary, path = summarize(tmp_path), tmp_path / "index.html"
        path.write_text("<p>mine")
        with pytest.raises(FileExistsError, match="be a report of labelnoise"):
            write_report(summary, path)
        assert path.read_text() == "<p>mine"
        write_report(summary, path, overwrite=True)
        write_report(replace(summary, title="new"), path)
        assert "<h1>new</h1>" in path.read_text()


class TestPlots:
    PLOTS = (
        HistogramPlot((0.0, 0.5, 1.0), (0, 3), (7, 1)),
        RangePlot(("noisy labels", "checked"), (0.2, 0.21), (0.1, 0.2), (0.3, 0.22), ("bracket", "interval")),
        GainPlot((GainLine("by gain", (0, 5, 9), (0.8, 0.9, 0.95), (0.7, 0.8, 0.9), (0.9, 0.95, 1.0)),)),
        EmbeddingPlot((0.0, 1.0), (1.0, 0.0), (3, 8), (0, 1), (0, 0), ("a", HOSTILE[0]), (0.1, 0.9)),
    )

    @pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: type(plot).__name__)
    def test_they_are_valid_plotly_figures(self, plot):
        assert_valid(plotly_figure(plot, {}))

    def test_a_curve_and_a_matrix_are_too(self, tmp_path, matrix):
        write_curve(tmp_path, ties=("random", "strict"))
        plot = summarize(tmp_path).parts[0].sections[0].plot
        assert isinstance(plot, CurvePlot)
        figure = plotly_figure(plot, k_colors([5, 10]))
        assert_valid(figure)
        assert_valid(plotly_figure(matrix, {}))
        shown = [trace for trace in figure["data"] if trace["mode"] == "markers" and len(trace["x"]) == 3]
        assert [trace["error_y"]["array"] for trace in shown] == [[0.02] * 3] * 4
        assert {(trace["meta"]["k"], trace["meta"]["ties"]) for trace in figure["data"]} == {
            (k, ties) for k in (5, 10) for ties in ("random", "strict")
        }

    def test_samples_of_many_classes_are_one_trace_in_the_colors_of_their_classes(self):
        codes = tuple(range(30))
        place, names = tuple(map(float, codes)), tuple(f"c{code}" for code in codes)
        figure = plotly_figure(EmbeddingPlot(place, place, codes, codes, codes[::-1], names, place), {})
        assert_valid(figure)
        (trace,) = figure["data"]
        assert len(set(trace["marker"]["color"])) == 10
        assert trace["customdata"][3] == [3, "c26", 3.0, "c3"]

    def test_each_k_has_one_color_that_is_that_of_the_static_figures(self):
        from matplotlib.colors import to_hex

        from labelnoise.figures.style import ordered_colors

        colors = k_colors([30, 5, 10, 5])
        assert {k: light for k, (light, _) in colors.items()} == {
            k: to_hex(color) for k, color in ordered_colors([5, 10, 30]).items()
        }
        assert len({dark for _, dark in colors.values()}) == 3
        assert k_colors([]) == {}


class TestThumbnails:
    def test_small_images_of_the_files_that_are_there(self, tmp_path):
        image = pytest.importorskip("PIL.Image")
        image.new("RGB", (400, 200), "red").save(tmp_path / "wide.png")
        image.new("L", (10, 10)).save(tmp_path / "gray.png")
        (tmp_path / "damaged.png").write_bytes(b"\x89PNG no more")
        names = ["wide.png", "missing.png", "damaged.png", str(tmp_path / "gray.png")]
        found = thumbnails(names, tmp_path)
        assert list(found) == [0, 3]
        from io import BytesIO

        with image.open(BytesIO(base64.b64decode(found[0]))) as small:
            assert (small.format, small.size) == ("JPEG", (SIDE, SIDE // 2))

    def test_there_are_not_too_many(self, tmp_path, monkeypatch):
        image = pytest.importorskip("PIL.Image")
        image.new("RGB", (8, 8)).save(tmp_path / "one.png")
        names = ["one.png"] * (MOST_IMAGES + 5)
        found = thumbnails(names, tmp_path)
        assert len(found) == MOST_IMAGES
        monkeypatch.setattr("labelnoise.report.suspects.MOST_BYTES", 3 * len(found[0]))
        assert len(thumbnails(names, tmp_path)) == 3


def assert_valid(figure):
    """Check names and values of a figure with Plotly's own schema."""
    import plotly.graph_objects as go

    go.Figure(figure)
    assert json.dumps(figure, allow_nan=False)
