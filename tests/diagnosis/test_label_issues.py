"""Tables of label issues go to cleanlab's Datalab and CleanLearning, and come from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from labelnoise.diagnosis.label_issues import from_label_issues, label_quality, to_label_issues

CLASSES = np.array(["ant", "bee", "cow"])


@pytest.fixture(scope="module")
def cleanlab():
    return pytest.importorskip("cleanlab", reason="needs the package `cleanlab`")


@pytest.fixture(scope="module")
def noisy():
    """Features in three groups, true codes, given codes (every tenth wrong), and probabilities of the true class."""
    rng = np.random.default_rng(0)
    true = np.arange(300) % 3
    label = np.where(np.arange(300) % 10 == 0, (true + 1) % 3, true)
    return rng.normal(size=(300, 3)) + 4 * np.eye(3)[true], true, label, 0.05 + 0.85 * np.eye(3)[true]


def samples_of(probabilities, order=None):
    n = len(probabilities)
    frame = pd.DataFrame(
        {
            "index": np.arange(n),
            "given_label": CLASSES[np.arange(n) % 3],
            "suggested_label": CLASSES[np.arange(n) % 2],
            "wrong_probability": probabilities,
        }
    )
    return frame if order is None else frame.iloc[order].reset_index(drop=True)


@given(st.lists(st.integers(0, 64), min_size=1, max_size=20), st.integers(0, 100))
def test_a_table_of_samples_comes_back_with_the_most_suspicious_first(numerators, seed):
    samples = samples_of(np.array(numerators) / 64)
    shuffled = samples.sample(frac=1, random_state=seed)
    back = from_label_issues(to_label_issues(shuffled))
    expected = samples.sort_values("wrong_probability", ascending=False, kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(back, expected)


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # cleanlab 2.9 uses it; pandas 3.1 warns.
def test_tables_have_the_columns_types_and_rows_of_datalab(cleanlab, noisy):
    datalab = pytest.importorskip("cleanlab.datalab.datalab", reason="needs the package `datasets`")
    _, true, label, pred_probs = noisy
    lab = datalab.Datalab({"label": CLASSES[label]}, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=pred_probs, issue_types={"label": {}})
    theirs = lab.get_issues("label")
    samples = from_label_issues(theirs)
    assert set(samples["index"].head(30)) == set(np.flatnonzero(true != label))
    assert samples["suggested_label"].head(30).tolist() == CLASSES[true[samples["index"].head(30)]].tolist()
    pd.testing.assert_frame_equal(to_label_issues(samples), theirs, check_dtype=True)
    with pytest.raises(ValueError, match=r"lacks given_label, predicted_label .*get_issues\(\"label\"\)"):
        from_label_issues(lab.get_issues())


def test_clean_learning_gives_and_takes_tables(cleanlab, noisy):
    from cleanlab.classification import CleanLearning

    features, true, label, _ = noisy
    theirs = CleanLearning(LogisticRegression(), seed=0).find_label_issues(features, label)
    samples = from_label_issues(theirs)
    assert np.mean(np.isin(samples["index"].head(30), np.flatnonzero(true != label))) >= 0.8
    fitted = CleanLearning(LogisticRegression(), seed=0).fit(features, label, label_issues=to_label_issues(samples))
    assert np.mean(fitted.predict(features) == true) > 0.95


def test_scores_order_samples_as_cleanlabs_do(cleanlab, noisy):
    from cleanlab.rank import order_label_issues

    wrong = np.random.default_rng(0).random(300)
    _, _, label, pred_probs = noisy
    samples = from_label_issues(to_label_issues(samples_of(wrong)))
    assert samples["index"].tolist() == np.argsort(label_quality(wrong)).tolist()
    everything = np.ones(300, dtype=bool)
    theirs = order_label_issues(everything, label, pred_probs, rank_by="self_confidence")
    own = label_quality(1 - pred_probs[np.arange(300), label])
    np.testing.assert_allclose(own[theirs], np.sort(own))


def test_a_label_is_an_issue_above_the_threshold():
    samples = samples_of([0.1, 0.5, 0.6, 0.9])
    assert to_label_issues(samples)["is_label_issue"].tolist() == [False, False, True, True]
    assert to_label_issues(samples, threshold=0.75)["is_label_issue"].tolist() == [False, False, False, True]


def test_positions_of_samples_without_label_stay_free():
    samples = samples_of([0.1, 0.5]).assign(index=[7, 3])
    assert to_label_issues(samples).index.tolist() == [3, 7]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: f.drop(columns="suggested_label"), "lacks suggested_label and has index, given_label"),
        (lambda f: f.assign(wrong_probability=[0.1, 1.5]), r"`wrong_probability` must be in \[0, 1\]; entry 1 .* 1.5"),
        (lambda f: f.assign(wrong_probability=[np.nan, 0.5]), r"in \[0, 1\]; entry 0 .* is nan"),
        (lambda f: f.assign(index=[4, 4]), "position 4 occurs twice"),
    ],
)
def test_tables_of_another_kind_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        to_label_issues(change(samples_of([0.1, 0.5])))
