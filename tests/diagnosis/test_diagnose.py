"""The diagnosis of digits with noise that is known, of copies, of labels that lack, and of bad input."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.tree import DecisionTreeClassifier

import labelnoise as ln
from labelnoise.diagnosis.checklist import CHECKS
from labelnoise.diagnosis.copies import conflicting, find_copies
from labelnoise.diagnosis.estimation.bracket import disagreement, wrong_rate_bracket


@pytest.fixture(scope="module")
def data():
    """Pixels and digits of 900 samples."""
    digits = load_digits()
    return digits.data[:900], digits.target[:900]


@pytest.fixture(scope="module")
def noisy(data):
    return ln.corrupt(data[1], ln.FlipNoise(), 0.25, random_state=0)


@pytest.fixture(scope="module")
def found(data, noisy):
    return ln.diagnose(noisy.labels, features=data[0], random_state=0)


class TestNoiseByClass:
    def test_the_wrong_rate_is_found_and_its_bracket_holds_it(self, found, noisy):
        assert found.wrong_rate.value == pytest.approx(noisy.changed_rate, abs=0.04)
        assert found.wrong_rate.low <= noisy.changed_rate <= found.wrong_rate.high
        assert found.wrong_rate.kind == "bracket"
        assert found.wrong_rate.n_checked == 0

    def test_the_matrix_is_found(self, found, noisy):
        assert np.abs(found.transition_matrix - noisy.transition_matrix).mean() < 0.01
        np.testing.assert_allclose(found.transition_matrix.sum(axis=1), 1)

    def test_wrong_labels_are_found_and_mended(self, found, noisy, data):
        suspected = found.wrong_probability > 0.5
        assert (suspected == noisy.changed).mean() > 0.95
        assert (found.suggested_labels == data[1]).mean() > 0.95

    def test_the_accuracy_now_is_that_against_the_true_labels(self, found, noisy, data):
        hoods = ln.neighbors(data[0], k=10)
        counts = np.eye(10)[noisy.labels[hoods.indices]].sum(axis=1)
        leads = counts == counts.max(axis=1, keepdims=True)
        truly = (leads[np.arange(900), data[1]] / leads.sum(axis=1)).mean()
        assert found.knn_accuracy.value == pytest.approx(truly, abs=0.03)

    def test_concentration_is_not_reported_without_an_audit(self, found):
        assert found.concentration is None
        assert "cannot tell" in found.checks.set_index("check").loc["concentration", "means"]

    def test_tables_have_a_row_per_sample_and_per_check(self, found):
        assert len(found.samples) == 900
        assert found.samples["index"].tolist() == list(range(900))
        assert found.checks["number"].tolist() == list(range(1, len(CHECKS) + 1))
        assert found.plan(20).shape[0] == 20
        assert found.curve().accuracy[0, 0] > found.curve().accuracy[-1, 0]

    def test_the_json_holds_every_figure(self, found):
        read = json.loads(found.to_json())
        assert read["wrong_rate"]["low"] == found.wrong_rate.low
        assert read["concentration"] is None
        assert len(read["checks"]) == len(CHECKS)

    def test_an_audit_gives_an_interval_and_counts_the_checked_labels(self, found, noisy, data):
        audit = ln.Audit.draw(found, 80, random_state=0)
        answered = audit.with_answers({row: int(data[1][row]) for row in audit.samples["index"]})
        second = ln.diagnose(noisy.labels, features=data[0], audit=answered, random_state=0)
        assert second.wrong_rate.kind == "interval"
        assert second.wrong_rate.low <= noisy.changed_rate <= second.wrong_rate.high
        rows = answered.samples["index"].to_numpy()
        np.testing.assert_array_equal(second.wrong_probability[rows] > 0.5, noisy.changed[rows])
        assert "audit" in json.loads(second.to_json())


def test_features_and_labels_indexed_in_other_orders_are_refused(data):
    names = [f"sample {row}" for row in range(60)]
    features, labels = pd.DataFrame(data[0][:60], index=names), pd.Series(data[1][:60], index=names)
    ln.diagnose(labels, features=features, random_state=0)
    with pytest.raises(ValueError, match=r"`features` and `labels` .* same order.*features.loc\[labels.index\]"):
        ln.diagnose(labels[::-1], features=features, random_state=0)


def test_classes_written_differently_are_a_problem():
    features, true = load_digits(return_X_y=True)
    names = np.array(["zero", "Zero ", *"23456789"])[true[:300]]
    checks = ln.diagnose(names, features=features[:300], random_state=0).checks.set_index("check")
    assert checks.loc["class names", "status"] == "problem"
    assert "'Zero ' and 'zero'" in checks.loc["class names", "seen"]


def test_columns_in_different_units_are_noted_and_standardized():
    features, true = load_wine(return_X_y=True)
    plain, standardized = (
        ln.diagnose(true, features=features, metric=metric, random_state=0) for metric in ("euclidean", "standardized")
    )
    checks = [found.checks.set_index("check").loc["feature scales"] for found in (plain, standardized)]
    assert [check["status"] for check in checks] == ["note", "ok"]
    assert checks[0]["seen"] == "1 of 13 columns (12, from 0) hold 99.8 % of the variance"
    assert plain.knn_accuracy.value < 0.8
    assert standardized.knn_accuracy.value > 0.93


def test_the_same_seed_gives_the_same(data, noisy):
    twice = [ln.diagnose(noisy.labels[:200], features=data[0][:200], random_state=3) for _ in range(2)]
    np.testing.assert_array_equal(twice[0].wrong_probability, twice[1].wrong_probability)


def test_clean_labels_have_nothing_wrong(data):
    found = ln.diagnose(data[1], features=data[0], random_state=0)
    assert found.wrong_rate.value <= 0.01
    assert found.wrong_rate.low == 0
    assert not found.too_weak


def test_probabilities_alone_are_enough_and_their_columns_are_matched_by_name(data, noisy):
    names = np.array([f"digit {code}" for code in range(10)])
    model = LogisticRegression(max_iter=300, C=0.1)
    table = pd.DataFrame(cross_val_predict(model, data[0] / 16, noisy.labels, method="predict_proba"), columns=names)
    found = ln.diagnose(names[noisy.labels], pred_probs=table[table.columns[::-1]], random_state=0)
    assert found.wrong_rate.value == pytest.approx(noisy.changed_rate, abs=0.05)
    assert set(found.suggested_labels) <= set(names)
    assert found.knn_accuracy is None
    assert found.regions.empty


def test_samples_without_label_are_left_out_and_counted(data, noisy):
    labels = [None if row % 5 == 0 else f"class {code}" for row, code in enumerate(noisy.labels.tolist())]
    found = ln.diagnose(labels, features=data[0], random_state=0)
    assert len(found.samples) == 720
    assert found.summary()["n_unlabeled"] == 180
    assert len(found.wrong_probability) == 900
    assert np.isnan(found.wrong_probability[::5]).all()
    assert found.suggested_labels[0] is None
    assert found.suggested_labels[1].startswith("class ")


def test_a_class_without_labels_stays_empty(data, noisy):
    kept = noisy.labels != 4
    found = ln.diagnose(noisy.labels[kept], features=data[0][kept], classes=range(10), random_state=0)
    assert found.transition_matrix[4].tolist() == np.eye(10)[4].tolist()
    assert found.class_priors[4] < 1e-6
    assert (found.suggested_labels != 4).all()


def test_two_classes_and_strings():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 400)
    features = np.column_stack([6.0 * truth + rng.normal(size=800), rng.normal(size=800)])
    wrong = rng.random(800) < 0.2
    found = ln.diagnose(np.array(["no", "yes"])[truth ^ wrong], features=features, random_state=0)
    assert found.wrong_rate.value == pytest.approx(wrong.mean(), abs=0.02)


def test_features_that_say_nothing_are_called_too_weak(noisy):
    found = ln.diagnose(noisy.labels, features=np.random.default_rng(0).normal(size=(900, 8)), random_state=0)
    assert found.too_weak
    assert found.wrong_rate.low == 0
    status = found.checks.set_index("check")["status"]
    assert status["features too weak"] == "problem"
    assert status["wrong rate"] == "unknown"


@pytest.mark.parametrize(("n_classes", "n_features", "distance"), [(4, 5, 0.6), (10, 20, 1.5)])
def test_classes_that_overlap_are_not_called_wrong_labels(n_classes, n_features, distance):
    rng = np.random.default_rng(0)
    truth = rng.integers(n_classes, size=400)
    features = rng.normal(size=(400, n_features)) + distance * np.eye(n_classes, n_features)[truth]
    wrong = rng.random(400) < 0.15
    labels = np.where(wrong, (truth + rng.integers(1, n_classes, 400)) % n_classes, truth)
    found = ln.diagnose(labels, features=features, random_state=0)
    assert found.noise.wrong_rate > 2 * wrong.mean()
    assert found.wrong_rate.low == 0
    checks = found.checks.set_index("check")
    assert checks.loc["features too weak", "status"] == "problem"
    assert "but hardly ever if it is" in checks.loc["features too weak", "seen"]
    assert checks.loc["classes mostly wrong", "status"] == "unknown"


def test_noise_of_one_class_is_not_called_concentrated():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 500)
    features = rng.normal(size=(1500, 3)) + 4 * np.eye(3)[truth]
    labels = np.where((truth == 0) & (rng.random(1500) < 0.35), 1, truth)
    found = ln.diagnose(labels, features=features, random_state=0)
    audit = ln.Audit.draw(found, 250, random_state=0)
    answered = audit.with_answers(truth[audit.samples["index"]])
    again = ln.diagnose(labels, features=features, audit=answered, random_state=0)
    rate = np.mean(labels != truth)
    of_class = np.array([(labels != truth)[truth == label].mean() for label in range(3)])
    expected = np.mean((of_class - rate) ** 2) / (rate * (1 - rate))
    assert again.concentration_by_class == pytest.approx(expected, abs=0.03)
    assert again.concentration.value > 0.15
    row = again.checks.set_index("check").loc["concentration"]
    assert (row["status"], row["means"][:23]) == ("note", "within each class wrong")
    assert again.relabeling_plan(50).case == "by class"


def test_an_answered_sample_is_not_to_be_checked_again(data, noisy):
    found = ln.diagnose(noisy.labels, features=data[0], random_state=0)
    audit = ln.Audit.draw(found, 60, random_state=0)
    answers = np.asarray(data[1])[audit.samples["index"]]
    again = ln.diagnose(noisy.labels, features=data[0], audit=audit.with_answers(answers), random_state=0)
    assert again.answered.sum() == audit.with_answers(answers).n_checked
    assert "not in the file" not in again.wrong_rate.assumption
    assert not np.isin(again.plan(len(noisy.labels))["index"], audit.samples["index"]).any()


class TestCopies:
    def test_equal_and_nearly_equal_rows_are_one_group(self):
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(50, 5))
        table = np.concatenate([rows, rows[:3], rows[:2] + 1e-9])
        groups = find_copies(table, ln.neighbors(table, k=5), len(table))
        assert groups[0] == groups[50] == groups[53]
        assert groups[2] == groups[52]
        assert len(np.unique(groups)) == 50

    def test_conflicting_ones_are_those_whose_labels_differ(self):
        assert conflicting(np.array([0, 1, 0, 2, 2]), np.array([3, 3, 4, 1, 1])).tolist() == [0, 2]

    def test_repeating_one_sample_many_times_does_not_change_the_matrix(self, data, noisy):
        repeated = np.concatenate([np.arange(900), np.repeat(np.flatnonzero(noisy.changed)[:1], 200)])
        found = ln.diagnose(noisy.labels[repeated], features=data[0][repeated], random_state=0)
        assert np.abs(found.transition_matrix - noisy.transition_matrix).mean() < 0.01
        assert found.summary()["n_distinct"] == 900


class TestBracket:
    def test_disagreement_is_cleanlabs_confident_joint(self):
        count = pytest.importorskip("cleanlab.count", reason="needs the package `cleanlab`")
        rng = np.random.default_rng(0)
        codes = rng.integers(4, size=600)
        rows = rng.dirichlet(np.ones(4), size=600) + 0.7 * np.eye(4)[np.where(rng.random(600) < 0.8, codes, 0)]
        rows /= rows.sum(axis=1, keepdims=True)
        theirs = 1 - np.trace(count.estimate_joint(codes, rows))
        assert disagreement(rows, codes) == pytest.approx(theirs, abs=0.01)

    def test_it_holds_the_estimate_and_stays_between_0_and_1(self):
        codes = np.array([0, 1] * 10)
        bracket = wrong_rate_bracket(0.005, 0.01, np.eye(2)[codes], codes)
        assert bracket.low == 0
        assert bracket.low <= bracket.value <= bracket.high <= 1


class TestBadInput:
    def test_probabilities_of_the_training_fit_are_warned_of(self, data, noisy):
        fitted = DecisionTreeClassifier(random_state=0).fit(data[0], noisy.labels).predict_proba(data[0])
        with pytest.warns(UserWarning, match="trained on the same samples"):
            ln.diagnose(noisy.labels[:500], features=data[0][:500], pred_probs=fitted[:500], random_state=0)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"features": None}, "needs something to judge the labels by"),
            ({"features": np.ones((5, 2))}, "one row per label, 40; got 5"),
            ({"features": np.ones((40, 2))}, "must differ between samples"),
            ({"features": np.full((40, 2), np.nan)}, "finite"),
            ({"k": 40}, "at most 39"),
            ({"labels": ["a"] * 40}, "at least two classes"),
            ({"labels": [None] * 40}, "all 40 are missing"),
            ({"labels": ["a", "b"] + [None] * 38}, "at least 8 samples"),
            ({"pred_probs": np.ones((40, 2))}, "sum to 1"),
            ({"pred_probs": np.full((39, 2), 0.5)}, "one row per label, 40; got 39"),
            ({"neighbors": np.zeros((3, 2), int)}, "got 3 rows"),
            ({"neighbors": np.column_stack([np.arange(40), np.arange(40) ^ 1])}, "among its own neighbors"),
            (
                {"neighbors": ln.neighbors(np.arange(40.0)[:, None], np.arange(40.0)[:, None], k=2)},
                "among its own neighbors; 40 of 40 rows do",
            ),
        ],
    )
    def test_it_is_an_error_that_says_what_came(self, change, message):
        rng = np.random.default_rng(0)
        given = {"labels": ["a", "b"] * 20, "features": rng.normal(size=(40, 2)), **change}
        with pytest.raises(ValueError, match=message):
            ln.diagnose(given.pop("labels"), **given)

    def test_an_audit_of_other_labels_is_refused(self, found, data):
        audit = ln.Audit.draw(found, 20, random_state=0)
        with pytest.raises(ValueError, match="drawn from these labels"):
            ln.diagnose(data[1], features=data[0], audit=audit)

    def test_an_audit_must_be_an_audit(self, data, noisy):
        with pytest.raises(TypeError, match=r"Audit\.read_csv"):
            ln.diagnose(noisy.labels, features=data[0], audit="audit.csv")
