"""What a report says: read from results on disk, with figures that are known."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers.results import ACCURACY, RATES, change_json, write_curve, write_lines, write_recipe

import labelnoise as ln
from labelnoise.artifacts import write_json, write_table
from labelnoise.curves.comparison import comparison_table
from labelnoise.figures.curves import densely
from labelnoise.report.curve_answer import curve_answer, tolerated
from labelnoise.report.curve_part import curve_plot
from labelnoise.report.looks import k_colors
from labelnoise.report.other_parts import MOST_CLASSES, matrix_alt, matrix_plot
from labelnoise.report.parts import summarize
from labelnoise.report.plotly_figures import plotly_figure
from labelnoise.report.results import find_results
from labelnoise.report.texts import option_facts, percent, plain_table


class TestCurve:
    def test_the_answer_is_of_the_k_that_tolerates_most(self, tmp_path):
        write_curve(tmp_path, measured=False)
        # Between 0.2 and 0.4, K = 10 falls from 0.94 to 0.80; nine tenths of 0.96 are 0.864.
        write_lines(tmp_path)
        found = summarize(tmp_path)
        assert [number.value for number in found.numbers] == ["96.0 %", "30.9 %", "60.0 %"]
        assert "With K = 10" in found.title
        assert "up to 30.9 % flip noise" in found.title

    def test_a_target_replaces_nine_tenths(self, tmp_path):
        write_curve(tmp_path, measured=False, target=0.9)
        write_lines(tmp_path)
        assert summarize(tmp_path).numbers[1].value == "25.7 %"  # 0.2 + 0.2 x 0.04 / 0.14

    def test_an_accuracy_that_is_never_lost_is_marked(self, tmp_path):
        write_curve(tmp_path, measured=False, target=0.7)
        found = summarize(tmp_path)
        assert found.numbers[1].value == "≥ 40.0 %"
        assert "up to at least 40.0 %" in found.title

    def test_a_target_that_is_never_reached_is_said(self, tmp_path):
        write_curve(tmp_path, measured=False, target=1.0)
        change_json(tmp_path / "curve.json", target=1.0)
        table = pd.read_parquet(tmp_path / "curve.parquet")
        write_table(table.assign(accuracy=table["accuracy"] - 0.05), tmp_path / "curve")
        assert "is not reached without noise" in summarize(tmp_path).title

    def test_without_an_accuracy_at_no_noise_both_ends_are_said(self, tmp_path):
        write_curve(tmp_path, rates=(0.1, 0.2, 0.4))
        found = summarize(tmp_path)
        assert "from 101.0 % at 10.0 % noise to 61.0 % at 40.0 %" in found.title
        assert found.parts[0].sections[0].plot.tolerances == ()

    def test_the_largest_difference_is_that_of_the_table(self, tmp_path):
        write_curve(tmp_path)
        assert summarize(tmp_path).numbers[2].value == "1.0 points"

    def test_the_plot_has_a_line_and_points_for_each_k_and_tie_rule(self, tmp_path):
        write_curve(tmp_path, ties=("random", "strict"))
        plot = curve_plot(pd.read_parquet(tmp_path / "curve.parquet"))
        keys = {(line.k, line.ties, line.is_measured) for line in plot.lines}
        assert keys == {(k, ties, m) for k in ACCURACY for ties in ("random", "strict") for m in (True, False)}
        predicted = next(line for line in plot.lines if (line.k, line.is_measured) == (5, False))
        assert predicted.accuracy == ACCURACY[5]
        assert predicted.spread == ()
        assert next(line for line in plot.lines if line.is_measured).spread == (0.02, 0.02, 0.02)

    def test_lines_are_drawn_through_more_noise_rates_where_they_were_computed(self, tmp_path):
        write_curve(tmp_path)
        dense = pd.DataFrame(
            {"k": 5, "ties": "random", "realized_noise_rate": [0.4, 0.1, 0], "accuracy": [0.6, 0.9, 1]}
        )
        write_table(dense, tmp_path / "curve_lines")
        lines = summarize(tmp_path).parts[0].sections[0].plot.lines
        line = next(line for line in lines if (line.k, line.is_measured) == (5, False))
        assert (line.noise_rate, line.accuracy) == ((0, 0.1, 0.4), (1, 0.9, 0.6))
        points = next(line for line in lines if (line.k, line.is_measured) == (5, True))
        assert points.noise_rate == RATES

    def test_a_network_has_a_section_with_its_figure(self, tmp_path):
        network = {"value": 20, "low": 12, "high": 33, "level": 0.95, "determined": True, "noise_rates": [0.5]}
        write_curve(tmp_path, network=network)
        (tmp_path / "curve.svg").write_text("<svg></svg>")
        section = summarize(tmp_path).parts[0].sections[1]
        assert "a vote of K = 20 neighbors (95 % interval 12 to 33), by its accuracy at noise rate 0.5" in section.text
        assert section.figure == tmp_path / "curve.svg"
        change_json(tmp_path / "curve.json", network={**network, "determined": False, "most_telling_noise_rate": 0.6})
        assert "a training at noise rate 0.6 tells more" in summarize(tmp_path).parts[0].sections[1].text

    def test_the_tolerance_is_that_of_the_curve(self, digits):
        _, labels, _, truth, hoods = digits
        curve = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), [0, 0.3, 0.6, 0.9], [10])
        rows = pd.DataFrame({"realized_noise_rate": curve.realized_noise_rates, "accuracy": curve.accuracy[:, 0]})
        target = 0.9 * curve.accuracy[0, 0]
        exact = float(np.squeeze(curve.tolerance(target)))
        kept = tolerated(rows)
        assert kept.target == pytest.approx(target)
        # The curve refines its tolerance with the model; the report says where it lies if it knows no more.
        assert (kept.low, kept.high, kept.rate, kept.never) == (0.3, 0.6, None, False)
        assert kept.low < exact < kept.high
        close = densely(curve).to_frame()
        assert tolerated(close).rate == pytest.approx(exact, abs=1e-3)

    def test_the_tolerance_is_that_of_the_dense_lines(self, digits, tmp_path):
        """Between few noise rates a straight line would be several points off."""
        _, labels, _, truth, hoods = digits
        curve = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), [0, 0.5, 0.9], [10, 30])
        table = comparison_table(curve, None)
        dense = densely(curve).to_frame()
        exact = curve.tolerance(0.8)
        plot = curve_plot(table, 0.8, dense)
        assert [rate for _, _, rate, _ in plot.tolerances] == pytest.approx(exact, abs=1e-3)
        assert curve_plot(table, 0.8).tolerances == ()
        _, numbers = curve_answer(table, dense, 0.8)
        assert numbers[1].value == f"{100 * exact.max():.1f} %"

    def test_far_apart_noise_rates_say_only_where_the_accuracy_falls(self, tmp_path):
        write_curve(tmp_path, measured=False)
        found = summarize(tmp_path)
        assert "keep nine tenths" in found.title
        assert "up to somewhere between 20.0 % and 40.0 % flip noise" in found.title
        assert found.numbers[1].value == "20.0 to 40.0 %"
        section = found.parts[0].sections[0]
        assert section.plot.tolerances == ()
        assert "lines are straight; the accuracy is not known there" in section.text
        assert {line.marked for line in section.plot.lines} == {RATES}

    @pytest.mark.parametrize("measured", [False, True])
    def test_a_single_noise_rate_has_its_accuracy_and_a_point_on_the_line(self, digits, measured):
        _, labels, _, truth, hoods = digits
        setting = (hoods, labels, truth, ln.UniformNoise(), [0.3], [10, 30])
        curve = ln.predict_knn(*setting)
        table = comparison_table(curve, ln.simulate_knn(*setting, repeats=2, random_state=0) if measured else None)
        dense = densely(curve).to_frame()
        without = ln.predict_knn(*setting[:4], 0.0, 10).accuracy[0, 0]
        answer, numbers = curve_answer(table, dense, 0.1)
        there = percent(table["accuracy"].max())
        assert answer.startswith(f"With K = 10, nearest neighbors reach an accuracy of {there} at 30.0 % uniform noise")
        assert f"and of {percent(without)} without noise; the 10.0 % that is to be kept is reached" in answer
        assert [number.value for number in numbers[:2]] == [percent(without), there]
        plot = curve_plot(table, None, dense)
        line = plot.lines[0]
        assert (min(line.noise_rate), max(line.noise_rate)) == (0, 0.3)
        assert line.marked == (() if measured else (0.3,))

    def test_a_single_noise_rate_without_a_line_is_a_marked_point(self, tmp_path):
        write_curve(tmp_path, measured=False, rates=(0.2,))
        found = summarize(tmp_path)
        assert found.title == "With K = 5, nearest neighbors reach an accuracy of 100.0 % at 20.0 % flip noise"
        section = found.parts[0].sections[0]
        assert section.plot.lines[0].marked == (0.2,)
        assert section.alt.startswith("Accuracy over the noise rate. K = 5: 100.0 % at 20 % noise;")
        assert plotly_figure(section.plot, k_colors([5, 10]))["layout"]["xaxis"]["range"] == [0, 1]


class TestCorruption:
    def test_the_matrix_counts_what_became_what(self, tmp_path):
        clean = np.array(["a", "a", "a", "a", "b", "b"], dtype=object)
        noisy = np.array(["a", "a", "a", "b", "b", "b"], dtype=object)
        table = pd.DataFrame({"label": noisy, "clean_label": clean, "selected": True, "changed": noisy != clean})
        write_table(table, tmp_path / "noisy_labels")
        record = {
            "schema": 1,
            "n_samples": 6,
            "n_classes": 2,
            "asked_noise_rate": 0.2,
            "noise_rate": 1 / 6,
            "changed_rate": 1 / 6,
            "concentration": None,
            "noise": {"name": "flip"},
            "placement": {"name": "spread"},
            "seed": 0,
        }
        write_json(record, tmp_path / "noisy_labels.json")
        found = summarize(tmp_path)
        assert found.title == "Flip noise changed 16.7 % of 6 labels"
        plot = found.parts[0].sections[0].plot
        assert plot.names == ("a", "b")
        assert plot.values == ((0.75, 0.25), (0.0, 1.0))
        assert matrix_alt(plot) == "Matrix of clean label by noisy label. a as b: 25.0 %"

    def test_of_many_classes_those_are_shown_that_are_confused(self):
        counts = np.diag(np.full(50, 10.0))
        counts[31, 7] = 5
        plot = matrix_plot(counts, [f"c{i}" for i in range(50)], "rows", "columns")
        assert len(plot.names) == MOST_CLASSES
        assert {"c31", "c7"} <= set(plot.names)
        assert plot.values[plot.names.index("c31")][plot.names.index("c7")] == pytest.approx(1 / 3)


class TestSeveral:
    def test_each_result_is_a_part_and_the_main_numbers_are_of_different_kinds(self, tmp_path):
        (tmp_path / "below").mkdir()
        write_curve(tmp_path, "first")
        write_curve(tmp_path / "below", "second")
        write_recipe(tmp_path, "fig1", "<svg></svg>")
        found = summarize(tmp_path)
        assert [part.kind for part in found.parts] == ["curve", "curve", "recipe"]
        assert "holds 2 curves, 1 study" in found.lead
        names = ["first", "below/second"]
        assert [part.title for part in found.parts[:2]] == [f"Flip noise ({name})" for name in names]
        assert [number.name for number in found.numbers] == [f"Flip noise ({n}): tolerated noise rate" for n in names]
        assert found.title == found.parts[0].answer

    def test_the_summary_is_json(self, tmp_path):
        write_curve(tmp_path)
        record = json.loads(summarize(tmp_path).to_json())
        assert record["schema"] == 1
        assert record["parts"][0]["sections"][0]["plot"]["lines"][0]["k"] == 5


class TestFinding:
    def test_stores_of_runs_and_files_of_others_are_left_out(self, tmp_path):
        for name in ("runs", ".hidden"):
            (tmp_path / name).mkdir()
            write_curve(tmp_path / name)
        (tmp_path / "package.json").write_text("{not JSON")
        (tmp_path / "list.json").write_text("[1]")
        path = write_curve(tmp_path, "mine")
        assert [result.path for result in find_results(tmp_path)] == [path]

    def test_an_empty_folder_says_what_was_looked_for(self, tmp_path):
        with pytest.raises(ValueError, match=r"diagnosis\.json of diagnose"):
            summarize(tmp_path)
        with pytest.raises(FileNotFoundError, match="not there"):
            summarize(tmp_path / "none")
        (tmp_path / "file").touch()
        with pytest.raises(NotADirectoryError, match="a file"):
            summarize(tmp_path / "file")

    @pytest.mark.parametrize("text", ["", '{"schema": 1,', "\x00"])
    def test_a_damaged_result_is_named(self, tmp_path, text):
        path = write_curve(tmp_path, "flip")
        path.write_text(text)
        with pytest.raises(ValueError, match=r"flip\.json must be a finished result; it is damaged"):
            summarize(tmp_path)

    def test_another_version_of_the_schema_is_named(self, tmp_path):
        change_json(write_curve(tmp_path), schema=99)
        with pytest.raises(ValueError, match="of version 99"):
            summarize(tmp_path)

    def test_an_unfinished_result_is_named(self, tmp_path):
        write_curve(tmp_path)
        (tmp_path / "curve.parquet").write_bytes(b"PAR1 half of it")
        with pytest.raises(ValueError, match=r"its table curve\.parquet is damaged"):
            summarize(tmp_path)
        write_table(pd.DataFrame({"k": [1]}), tmp_path / "curve")
        with pytest.raises(ValueError, match="lacks the column ties"):
            summarize(tmp_path)
        (tmp_path / "curve.parquet").unlink()
        with pytest.raises(ValueError, match=r"its table curve\.parquet is missing"):
            summarize(tmp_path)


class TestTexts:
    def test_numbers_are_right_of_words(self):
        frame = pd.DataFrame({"k": [1, 2], "given_label": ["a", ""], "share": [0.12345, np.nan], "said": ["1 %", "2"]})
        table = plain_table(frame, {"share": 2})
        assert table.columns == ("k", "given label", "share", "said")
        assert table.rows == ((1, "a", "0.12", "1 %"), (2, "", "", "2"))
        assert table.words == (False, True, False, False)

    def test_options_that_were_not_given_are_left_out(self):
        options = {"k": [5, 10], "csv": {}, "noise": {"name": "flip", "mapping": None}, "simulate": False, "rate": 0.25}
        expected = [("k", "5, 10"), ("noise", "name: flip"), ("rate", "0.25")]
        assert option_facts(options) == expected
