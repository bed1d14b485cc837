"""The estimator that corrupts what it is fitted on: scikit-learn's own checks, and the labels of `corrupt`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

import labelnoise as ln

RNG = np.random.default_rng(0)
Y = np.repeat(["cat", "dog", "emu"], 30)
X = RNG.normal(size=(90, 2)) + 3 * np.repeat(np.arange(3), 30)[:, None]


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # A check fits infinite labels.
@parametrize_with_checks(
    [
        ln.NoisyLabelsClassifier(LogisticRegression(), ln.UniformNoise(), 0.02, random_state=0),
        ln.NoisyLabelsClassifier(DecisionTreeClassifier(), ln.FlipNoise(), 0.0, random_state=0),
    ]
)
def test_scikit_learns_checks_of_estimators_pass(estimator, check):
    check(estimator)


@pytest.mark.parametrize("placement", [None, ln.KMeansCluster()])
def test_labels_are_those_of_corrupt_with_the_same_seed(placement):
    noisy = ln.NoisyLabelsClassifier(KNeighborsClassifier(1), ln.FlipNoise(), 0.3, placement=placement, random_state=5)
    noisy.fit(X, Y)
    expected = ln.corrupt(Y, ln.FlipNoise(), 0.3, placement=placement or ln.Spread(), features=X, random_state=5)
    np.testing.assert_array_equal(noisy.noisy_labels_.labels, expected.labels)
    np.testing.assert_array_equal(noisy.predict(X), expected.labels)
    assert noisy.classes_.tolist() == ["cat", "dog", "emu"]


def test_it_predicts_as_the_estimator_trained_on_the_noisy_labels():
    noisy = ln.NoisyLabelsClassifier(GaussianNB(), ln.UniformNoise(), 0.4, random_state=1).fit(X, Y)
    alone = GaussianNB().fit(X, noisy.noisy_labels_.labels)
    np.testing.assert_array_equal(noisy.predict_proba(X), alone.predict_proba(X))
    assert not hasattr(noisy, "decision_function")
    margins = ln.NoisyLabelsClassifier(LinearSVC(), ln.UniformNoise(), 0.4, random_state=1).fit(X, Y)
    assert margins.decision_function(X).shape == (90, 3)
    assert not hasattr(margins, "predict_proba")


def test_a_seed_decides_the_noise_and_the_training():
    tree = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))
    noisy = ln.NoisyLabelsClassifier(tree, ln.UniformNoise(), 0.4, random_state=2)
    first, second = (clone(noisy).fit(X, Y).estimator_[-1] for _ in range(2))
    assert first.random_state == second.random_state
    np.testing.assert_array_equal(first.tree_.threshold, second.tree_.threshold)
    kept = clone(noisy).set_params(estimator__decisiontreeclassifier__random_state=3).fit(X, Y)
    assert kept.estimator_[-1].random_state == 3
    free = ln.NoisyLabelsClassifier(GaussianNB(), ln.UniformNoise(), 0.4)
    seeds = {clone(free).fit(X, Y).noisy_labels_.seed for _ in range(3)}
    assert len(seeds) == 3


def test_a_cross_validation_scores_on_clean_labels():
    flipped = ln.NoisyLabelsClassifier(GaussianNB(), ln.FlipNoise(), 1.0, random_state=0)
    assert cross_validate(flipped, X, Y, cv=3)["test_score"].max() < 0.2
    assert cross_validate(flipped.set_params(noise_rate=0.0), X, Y, cv=3)["test_score"].min() > 0.8


def test_a_grid_search_goes_over_noise_rates():
    search = GridSearchCV(
        ln.NoisyLabelsClassifier(GaussianNB(), ln.FlipNoise(), 0.0, random_state=0), {"noise_rate": [0.0, 1.0]}, cv=3
    )
    assert search.fit(X, Y).best_params_ == {"noise_rate": 0.0}


def test_further_arguments_reach_the_estimator():
    weights = np.where(Y == "cat", 1.0, 0.0)
    noisy = ln.NoisyLabelsClassifier(GaussianNB(), ln.UniformNoise(), 0.0).fit(X, Y, sample_weight=weights)
    assert noisy.estimator_.class_prior_.tolist() == [1.0, 0.0, 0.0]


def test_categories_keep_their_order():
    labels = pd.Series(pd.Categorical(Y, categories=["emu", "cat", "dog"]))
    noisy = ln.NoisyLabelsClassifier(KNeighborsClassifier(1), ln.FlipNoise(), 1.0).fit(X, labels)
    assert dict(zip(Y, noisy.noisy_labels_.labels, strict=True)) == {"emu": "cat", "cat": "dog", "dog": "emu"}


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"estimator": GaussianNB}, TypeError, "Add parentheses"),
        ({"noise": "uniform"}, TypeError, "`noise` must be"),
        ({"noise_rate": 30}, ValueError, "A percentage"),
        ({"placement": "spread"}, TypeError, "`placement` must be"),
    ],
)
def test_bad_parameters_are_errors_of_fit(change, error, match):
    given = {"estimator": GaussianNB(), "noise": ln.UniformNoise(), "noise_rate": 0.1, **change}
    with pytest.raises(error, match=match):
        ln.NoisyLabelsClassifier(**given).fit(X, Y)
