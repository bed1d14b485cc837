"""Names, targets and clones: what an estimator is called and given, and that chance comes from one generator."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from labelnoise.classifiers.training import codes_of, fit_clone, name_of, targets_of


def test_a_pipeline_has_the_name_of_its_last_step():
    inner = make_pipeline(StandardScaler(), LogisticRegression())
    assert name_of(LogisticRegression()) == "LogisticRegression"
    assert name_of(make_pipeline(StandardScaler(), inner)) == "LogisticRegression"


@pytest.mark.parametrize(
    ("classes", "given"),
    [
        (["b", "a"], ["b", "a"]),
        ([7, 3], [7, 3]),
        ([False, True], [False, True]),
        (["a", 3], [0, 1]),
        ([("a", 1), ("b", 2)], [0, 1]),
    ],
)
def test_codes_stand_for_classes_that_scikit_learn_does_not_take(classes, given):
    array = np.empty(len(classes), dtype=object)
    array[:] = classes
    assert targets_of(array).tolist() == given


def test_predictions_become_codes():
    targets = np.array(["b", "a"])
    assert codes_of(np.array([["a"], ["b"], ["c"]]), targets, 3).tolist() == [1, 0, -1]
    assert codes_of([1.0, 0.0], np.array([0, 1]), 2).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"one class per sample, 3; got shape \(1, 3\)"):
        codes_of([["a", "b", "a"]], targets, 3)


def test_seeds_that_are_none_are_drawn_and_others_stay():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 2
    free = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))
    first, second, other = (fit_clone(free, X, y, np.random.default_rng(seed))[-1] for seed in (1, 1, 2))
    assert isinstance(first.random_state, int)
    assert first.random_state == second.random_state != other.random_state
    fixed = fit_clone(DecisionTreeClassifier(random_state=5), X, y, np.random.default_rng(1))
    assert fixed.random_state == 5
