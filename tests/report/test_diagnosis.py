"""A saved diagnosis: every file, a page that says what was found, and answers that are never lost."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.pictures import only_svg
from sklearn.datasets import load_digits

import labelnoise as ln
from labelnoise.diagnosis.consequences import (
    accuracy_at_concentrations,
    confused_pairs,
    expected_counts,
    most_confused,
    wrong_label_matrix,
)
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.headline import headline
from labelnoise.report.diagnosis import FIGURES, TABLES

NAMES = np.array(
    ["<b>zero</b>", "$one", "two & two", "-->", "=1+1", "five", "six", "seven", "eight", 'n"'], dtype=object
)


@pytest.fixture(scope="module")
def noisy():
    return ln.corrupt(load_digits().target[:400], ln.FlipNoise(), 0.2, random_state=0)


@pytest.fixture(scope="module")
def found(noisy):
    labels = NAMES[noisy.labels]
    labels[[7, 90]] = None
    return ln.diagnose(labels, features=load_digits().data[:400], random_state=0)


@pytest.fixture(scope="module")
def audited(found):
    truth = NAMES[load_digits().target]
    audit = ln.Audit.draw(found, 150, random_state=0)
    return replace(found, audit=audit.with_answers({row: truth[row] for row in audit.samples["index"].tolist()}))


@pytest.fixture(scope="module")
def saved(found, tmp_path_factory):
    return found.save(tmp_path_factory.mktemp("saved") / "new" / "folder")


@pytest.fixture(scope="module")
def words(saved):
    return page_words(saved["page"])


def page_words(path):
    """Return the text of a page, without style and scripts."""
    source = re.sub(r"<style.*?</style>|<script.*?</script>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", source)).split())


class TestFiles:
    def test_every_table_and_figure_is_written_in_every_format(self, saved):
        folder = saved["page"].parent
        expected = {"index.html", "diagnosis.json", "audit.csv"}
        expected |= {f"{name}.{kind}" for name in TABLES for kind in ("csv", "parquet")}
        expected |= {f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg", "pdf")}
        assert {path.name for path in folder.iterdir()} == expected
        assert set(saved) == {"page", "json", "audit", *TABLES, *FIGURES}
        assert all(path.is_file() for path in saved.values())

    def test_the_tables_are_those_of_the_diagnosis(self, saved, found):
        samples = pd.read_parquet(saved["samples"].with_suffix(".parquet"))
        pd.testing.assert_frame_equal(samples, found.samples, check_dtype=False)
        plan = pd.read_csv(saved["plan"])
        assert len(plan) == 100
        assert plan["index"].tolist() == found.plan(100)["index"].tolist()
        matrix = pd.read_parquet(saved["transition_matrix"].with_suffix(".parquet"))
        wide = matrix.pivot(index="true_label", columns="given_label", values="probability")
        classes = found.data.classes.tolist()
        np.testing.assert_allclose(wide.loc[classes, classes], found.transition_matrix)
        cleaning = pd.read_csv(saved["cleaning"])
        assert {"gain", "random"} <= set(cleaning["order"])
        record = json.loads(saved["json"].read_text(encoding="utf-8"))
        assert record.pop("explained")["headline"] == headline(found)
        assert record == json.loads(found.to_json())
        assert pd.read_csv(saved["embedding"])["index"].tolist() == samples["index"].tolist()

    def test_the_sizes_of_plan_and_audit_may_be_chosen(self, found, tmp_path, monkeypatch):
        only_svg(monkeypatch)
        files = found.save(tmp_path, n_plan=7, n_audit=5)
        assert len(pd.read_csv(files["plan"])) == 7
        assert int(ln.Audit.read_csv(files["audit"]).draws[0].is_drawn.sum()) == 5

    @pytest.mark.parametrize("wrong", [{"n_plan": 399}, {"n_plan": 0}, {"n_audit": 0}])
    def test_wrong_sizes_are_refused_before_anything_is_written(self, found, tmp_path, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            found.save(tmp_path / "none", **wrong)
        assert not (tmp_path / "none").exists()

    def test_results_of_other_labels_are_kept_unless_they_may_be_replaced(
        self, found, saved, noisy, tmp_path, monkeypatch
    ):
        only_svg(monkeypatch)
        rng = np.random.default_rng(0)
        probabilities = 0.9 * np.eye(10)[load_digits().target[:400]] + 0.1 * rng.dirichlet(np.ones(10), size=400)
        other = ln.diagnose(noisy.labels, pred_probs=probabilities, random_state=0)
        found.save(tmp_path)
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        with pytest.raises(FileExistsError, match="diagnosis"):
            other.save(tmp_path)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
        files = other.save(tmp_path, overwrite=True)
        # Without neighbors there are no plan, regions and gain, and those of the earlier labels are gone.
        assert not {"plan", "regions", "cleaning", "accuracy_gained"} & set(files)
        assert not [path for path in tmp_path.iterdir() if path.stem in ("plan", "regions", "cleaning")]
        assert "they need features or neighbors" in page_words(files["page"])


class TestAnswers:
    def test_what_was_typed_into_the_audit_is_kept(self, found, saved, tmp_path, monkeypatch):
        only_svg(monkeypatch)
        found.save(tmp_path)
        audit = ln.Audit.read_csv(tmp_path / "audit.csv")
        audit.with_answers({int(audit.samples["index"][0]): "six"}).to_csv(tmp_path / "audit.csv")
        typed = (tmp_path / "audit.csv").read_bytes()
        found.save(tmp_path, overwrite=True, n_audit=20)
        assert (tmp_path / "audit.csv").read_bytes() == typed

    def test_an_answered_audit_of_other_labels_is_kept_and_the_next_one_is_written_beside_it(
        self, found, saved, noisy, tmp_path, monkeypatch
    ):
        only_svg(monkeypatch)
        other = ln.diagnose(np.roll(noisy.labels, 1), pred_probs=np.full((400, 10), 0.1), random_state=0)
        path = ln.Audit.draw(other, 5, random_state=0).to_csv(tmp_path / "audit.csv")
        audit = ln.Audit.read_csv(path)
        audit.with_answers({int(audit.samples["index"][0]): "6"}).to_csv(path)
        typed = path.read_bytes()
        for _ in range(2):
            written = found.save(tmp_path, overwrite=True, n_audit=5)["audit"]
            assert written.name == f"audit-{found.data.fingerprint[:8]}.csv"
            assert ln.Audit.read_csv(written).fingerprint == found.data.fingerprint
        assert path.read_bytes() == typed

    def test_notes_that_a_person_typed_beside_the_answers_are_kept(self, found, saved, tmp_path, monkeypatch):
        only_svg(monkeypatch)
        path = found.save(tmp_path, n_audit=5)["audit"]
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table.assign(notes=["blurred", "", *[""] * (len(table) - 2)]).to_csv(path, index=False)
        typed = path.read_bytes()
        found.save(tmp_path, n_audit=20)
        assert path.read_bytes() == typed

    def test_another_file_of_that_name_stops_before_anything_is_written(self, found, tmp_path):
        (tmp_path / "audit.csv").write_text("my notes\n")
        with pytest.raises(FileExistsError, match=r"audit\.csv"):
            found.save(tmp_path, overwrite=True)
        assert [path.name for path in tmp_path.iterdir()] == ["audit.csv"]
        assert (tmp_path / "audit.csv").read_text() == "my notes\n"

    def test_after_an_audit_the_next_one_is_written_beside_it(self, audited, found, tmp_path, monkeypatch):
        only_svg(monkeypatch)
        first = found.save(tmp_path)["audit"]
        typed = first.read_bytes()
        files = audited.save(tmp_path)
        assert files["audit"].name == "audit-2.csv"
        assert first.read_bytes() == typed
        words = page_words(files["page"])
        assert headline(audited) in words
        assert "95 % interval" in words
        assert "(measured)" in words
        assert "audit-2.csv" in words


class TestPage:
    def test_the_headline_and_every_check_are_on_it(self, words, found):
        assert words.count(headline(found)) >= 2  # as the title, and as the heading
        for row in found.checks.to_dict("records"):
            for name in ("seen", "means", "do"):
                assert " ".join(row[name].split()) in words

    def test_it_says_that_concentration_is_not_known_and_what_tells(self, words):
        assert "It is not known whether the wrong labels lie together" in words
        assert "Pairs of neighbors that a person checks tell" in words

    def test_it_shows_the_plan_and_what_was_read(self, words, found):
        for row in found.plan(20).itertuples():
            assert f" {row.index} {row.given_label} {row.suggested_label} {row.wrong_probability:.3f} " in words
        assert "398; 2 samples without label are left out" in words
        assert found.data.fingerprint in words

    def test_class_names_are_escaped_and_nothing_is_loaded_from_elsewhere(self, saved):
        source = saved["page"].read_text(encoding="utf-8")
        assert "<b>zero" not in source
        assert "&lt;b&gt;zero&lt;/b&gt;" in source
        assert source.count("<script") == 3  # the data of plots, Plotly (packed), and the page's own script
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", source)
        links = re.findall(r'<a href="([^"]+)"', source)
        assert links
        assert all((saved["page"].parent / link).is_file() for link in links)

    def test_plots_of_rates_matrix_suspicion_samples_and_gain_are_inside_of_it(self, saved):
        source = saved["page"].read_text(encoding="utf-8")
        assert [f'data-plot="{place}"' in source for place in range(6)] == [True] * 5 + [False]
        assert len(source) < 3_000_000

    def test_too_weak_features_are_said_instead_of_a_number(self, tmp_path, monkeypatch):
        only_svg(monkeypatch)
        rng = np.random.default_rng(0)
        weak = ln.diagnose(rng.integers(2, size=120), features=rng.standard_normal((120, 3)), random_state=0)
        words = page_words(weak.save(tmp_path)["page"])
        assert "It is not known how many of 120 labels are wrong" in words
        assert "too weak" in words

    def test_labels_without_a_suspected_one_have_a_page(self, tmp_path, monkeypatch):
        only_svg(monkeypatch)
        codes = np.random.default_rng(1).permutation(150) % 3
        features = 20 * np.eye(3)[codes] + np.random.default_rng(0).standard_normal((150, 3))
        clean = ln.diagnose(codes, features=features, random_state=0)
        words = page_words(clean.save(tmp_path)["page"])
        assert "Of 150 labels, 0 are suspected" in words
        assert "No pair of classes is confused" in words


class TestHeadline:
    @pytest.mark.parametrize(
        ("rate", "text"),
        [
            (Estimate(0.15, 0.1, 0.213, "bracket", 0, ""), "Between 10 and 21 % of 398 labels are wrong"),
            (Estimate(0.1, 0.095, 0.112, "bracket", 0, ""), "Between 9.5 and 11.2 % of 398 labels are wrong"),
            (Estimate(0.002, 0.0, 0.012, "bracket", 0, ""), "At most 1.2 % of 398 labels are wrong"),
            (Estimate(0.1, 0.1, 0.1, "bracket", 0, ""), "About 10.0 % of 398 labels are wrong"),
            (Estimate(0.174, 0.15, 0.198, "interval", 90, ""), "17.4 % of 398 labels are wrong (15.0 to 19.8 %)"),
        ],
    )
    def test_it_says_the_range_in_one_sentence(self, found, rate, text):
        shown = replace(found)
        shown.__dict__["wrong_rate"] = rate
        assert headline(shown) == text


class TestConsequences:
    def test_expected_counts_are_those_of_a_plain_loop(self, found):
        counts = np.zeros((10, 10))
        for row, code in zip(found.posterior, found.data.codes, strict=True):
            counts[:, code] += row
        np.testing.assert_allclose(expected_counts(found), counts, atol=1e-5)
        np.fill_diagonal(counts, 0)
        pairs = confused_pairs(found, 3)
        np.testing.assert_allclose(pairs["expected_labels"], np.sort(counts, axis=None)[::-1][:3], atol=1e-5)
        top = found.data.classes.tolist().index(pairs["true_label"][0])
        assert top in most_confused(found, 3)

    def test_wrong_labels_are_drawn_from_the_matrix_without_its_diagonal(self):
        wrong = wrong_label_matrix(np.array([[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.0, 0.0, 1.0]]))
        np.testing.assert_allclose(wrong, [[0, 1, 0], [1 / 3, 0, 2 / 3], [0.5, 0.5, 0]])

    def test_concentration_costs_accuracy_and_the_measured_one_is_in_the_table(self, found, audited):
        table = accuracy_at_concentrations(found)
        assert (np.diff(table["accuracy"]) < 0).all()
        assert not table["is_measured"].any()
        # Fully concentrated, a vote is right where labels are right: (1 - wrong rate) of what clean labels reach.
        clean = found.noise.class_probability.max(axis=1).mean()
        assert table["accuracy"].iloc[-1] == pytest.approx((1 - found.wrong_rate.value) * clean, abs=0.05)
        measured = accuracy_at_concentrations(audited).query("is_measured")
        assert len(measured) == 1
        assert measured["concentration"].item() == pytest.approx(np.clip(audited.concentration.value, 0, 1), abs=0.005)
