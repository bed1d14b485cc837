"""The measured curve of a classifier: on known draws, however it is computed, and errors where the input is wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import labelnoise as ln
from labelnoise.data import load_digits

RATES = [0.0, 0.3, 0.7]


def blobs(n_classes=3, per_class=30, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), per_class)
    return rng.normal(size=(len(labels), 3)) + 2 * labels[:, None], labels


X, Y = blobs()
X_TEST, Y_TEST = blobs(per_class=15, seed=1)
DATA = (X, Y, X_TEST, Y_TEST)
NAMES = np.array(["cat", "dog", "emu"])


class Remembers(ClassifierMixin, BaseEstimator):
    """It predicts the label that the nearest training sample was given; `seen` collects what it was fitted on."""

    seen: list = []  # noqa: RUF012  one list for all clones

    def fit(self, X, y):
        self.seen.append(np.asarray(y).copy())
        self.nearest_ = NearestNeighbors(n_neighbors=1).fit(X)
        self.labels_ = np.asarray(y)
        return self

    def predict(self, X):
        return self.labels_[self.nearest_.kneighbors(X, return_distance=False)[:, 0]]


class Fails(BaseEstimator):
    """It fails on labels that are not sorted, which clean labels here are."""

    def fit(self, X, y):
        if np.any(np.diff(y) < 0):
            raise RuntimeError("labels in disorder")
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


class Returns(BaseEstimator):
    """It predicts what it was told to."""

    def __init__(self, what=None):
        self.what = what

    def fit(self, X, y):
        return self

    def predict(self, X):
        return self.what


class AtMostHalf(ln.Spread):
    """It refuses noise rates above one half when it is asked to select."""

    def select(self, codes, n_classes, noise_rate, features, rng):
        if noise_rate > 0.5:
            raise ValueError("too much")
        return super().select(codes, n_classes, noise_rate, features, rng)


@pytest.mark.parametrize("placement", [ln.Spread(), ln.Spread(exact=False), ln.KMeansCluster(), ln.Concentrated(0.5)])
@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise()], ids=["uniform", "flip"])
def test_scikit_learns_neighbors_give_the_simulated_curve_of_the_same_seed(noise, placement):
    knn = KNeighborsClassifier(4, algorithm="brute")
    found = ln.measure(knn, *DATA, noise, RATES, placement=placement, repeats=3, random_state=7)
    options = {"placement": placement, "features": X, "ties": "lowest", "repeats": 3, "random_state": 7}
    expected = ln.simulate_knn(ln.neighbors(X, X_TEST, k=4), Y, Y_TEST, noise, RATES, 4, **options)
    np.testing.assert_array_equal(found.runs, expected.runs)
    np.testing.assert_array_equal(found.per_class, expected.per_class)
    np.testing.assert_allclose(found.realized_noise_rates, expected.realized_noise_rates, rtol=1e-12)
    for rate in RATES:
        np.testing.assert_array_equal(found.confusion(rate), expected.confusion(rate, 4))
        np.testing.assert_array_equal(found.per_sample(rate), expected.per_sample(rate, 4))
    np.testing.assert_allclose(found.interval().lower, expected.interval().lower, rtol=1e-12)


def test_a_plain_loop_over_the_draws_gives_the_same_accuracies():
    found = ln.measure(GaussianNB(), *DATA, ln.UniformNoise(), RATES, repeats=2, random_state=3)
    for row, rate in enumerate(RATES):
        for repeat in range(2):
            rng = np.random.default_rng([3, int(np.float64(rate).view(np.uint64)), repeat])
            selected = ln.Spread().select(Y, 3, rate, None, rng)
            noisy = Y.copy()
            noisy[selected] = ln.UniformNoise().draw(Y[selected], 3, rng)
            assert found.runs[row, repeat, 0] == GaussianNB().fit(X, noisy).score(X_TEST, Y_TEST)


def test_processes_do_not_change_the_result():
    tree = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_features=1))  # its random_state matters
    one, two = (
        ln.measure(tree, *DATA, ln.UniformNoise(), RATES, repeats=2, random_state=5, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one.source.predicted, two.source.predicted)
    other = ln.measure(tree, *DATA, ln.UniformNoise(), RATES, repeats=2, random_state=6)
    assert np.any(one.source.predicted != other.source.predicted)


def test_a_draw_does_not_depend_on_which_other_noise_rates_are_measured():
    forward, backward = (
        ln.measure(GaussianNB(), *DATA, ln.FlipNoise(), rates, repeats=2, random_state=1)
        for rates in (RATES, RATES[::-1])
    )
    alone = ln.measure(GaussianNB(), *DATA, ln.FlipNoise(), 0.3, repeats=2, random_state=1)
    np.testing.assert_array_equal(forward.runs, backward.runs[::-1])
    np.testing.assert_array_equal(forward.runs[1], alone.runs[0])


def test_the_estimator_is_never_fitted_itself():
    estimator = make_pipeline(StandardScaler(), DecisionTreeClassifier())
    ln.measure(estimator, *DATA, ln.UniformNoise(), 0.2, repeats=1)
    assert not hasattr(estimator[-1], "classes_")
    assert estimator[-1].random_state is None


@pytest.mark.parametrize(
    "classes",
    [
        NAMES,
        np.array([10, 20, 30]),
        np.array([True, False]),
        np.array(["cat", 2], dtype=object),
        np.array([("a", 1), ("b", 2), ("c", 3), None], dtype=object)[:3],
    ],
    ids=["text", "integers", "booleans", "mixed", "tuples"],
)
def test_any_hashable_classes_give_the_same_curve(classes):
    data = [
        part[mask] for mask, pair in ((len(classes) > Y, DATA[:2]), (len(classes) > Y_TEST, DATA[2:])) for part in pair
    ]
    by_code = ln.measure(GaussianNB(), *data, ln.FlipNoise(), RATES, classes=range(len(classes)), random_state=0)
    named = [data[0], list(classes[data[1]]), data[2], list(classes[data[3]])]
    found = ln.measure(GaussianNB(), *named, ln.FlipNoise(), RATES, classes=list(classes), random_state=0)
    np.testing.assert_array_equal(found.runs, by_code.runs)
    assert found.setting.classes.tolist() == list(classes)


def test_text_reaches_the_estimator_as_it_is():
    Remembers.seen.clear()
    ln.measure(Remembers(), X, NAMES[Y], X_TEST, NAMES[Y_TEST], ln.UniformNoise(), 0.5, repeats=2, random_state=0)
    assert all(set(labels.tolist()) <= set(NAMES.tolist()) for labels in Remembers.seen)
    assert len(Remembers.seen) == 2
    weighted = LogisticRegression(class_weight={"cat": 5.0, "dog": 1.0, "emu": 1.0})
    curve = ln.measure(weighted, X, NAMES[Y], X_TEST, NAMES[Y_TEST], ln.UniformNoise(), 0.0, repeats=1)
    assert curve.accuracy[0, 0] > 0.8


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array, pd.DataFrame, np.ndarray.tolist])
def test_features_may_be_sparse_frames_or_lists(form):
    given = [form(X), Y, form(X_TEST), Y_TEST] if form is not pd.DataFrame else [
        pd.DataFrame(X, columns=list("abc")), pd.Series(Y), pd.DataFrame(X_TEST, columns=list("abc")), pd.Series(Y_TEST)
    ]  # fmt: skip
    estimator = KNeighborsClassifier(3, algorithm="brute")
    found = ln.measure(estimator, *given, ln.UniformNoise(), RATES, repeats=2, random_state=0)
    expected = ln.measure(estimator, *DATA, ln.UniformNoise(), RATES, repeats=2, random_state=0)
    np.testing.assert_array_equal(found.runs, expected.runs)


def test_texts_may_be_the_features():
    from sklearn.feature_extraction.text import CountVectorizer

    texts = [f"{word} thing" for word in NAMES[Y]]
    estimator = make_pipeline(CountVectorizer(), LogisticRegression())
    curve = ln.measure(estimator, texts, NAMES[Y], texts, NAMES[Y], ln.UniformNoise(), [0.0, 0.3], repeats=1)
    assert curve.accuracy.ravel().tolist() == [1.0, 1.0]


def test_missing_features_are_the_estimators_own_business():
    from sklearn.ensemble import HistGradientBoostingClassifier

    holes = X.copy()
    holes[::7, 0] = np.nan
    data = (holes, Y, X_TEST, Y_TEST)
    assert ln.measure(DecisionTreeClassifier(), *data, ln.UniformNoise(), 0.0, repeats=1).accuracy[0, 0] > 0.8
    assert ln.measure(
        HistGradientBoostingClassifier(max_iter=5), *data, ln.UniformNoise(), 0.0, repeats=1
    ).accuracy[0, 0] > 0.8  # fmt: skip
    with pytest.raises(ValueError, match=r"GaussianNB failed at noise rate 0, draw 1 of 1.*contains NaN"):
        ln.measure(GaussianNB(), *data, ln.UniformNoise(), 0.0, repeats=1)


class TestFolds:
    def test_every_sample_is_predicted_by_a_classifier_that_was_not_trained_on_it(self):
        curve = ln.measure(Remembers(), X, Y, None, None, ln.FlipNoise(), [0.0, 1.0], cv=3, repeats=2, random_state=0)
        folds = list(StratifiedKFold(3).split(X, Y))
        for row, shift in ((0, 0), (1, 1)):
            predicted = np.empty(len(Y), dtype=int)
            for train, test in folds:
                predicted[test] = KNeighborsClassifier(1).fit(X[train], (Y[train] + shift) % 3).predict(X[test])
            for repeat in range(2):
                np.testing.assert_array_equal(curve.source.predicted[row, repeat], predicted)
        assert (curve.setting.n_test, curve.setting.n_train) == (90, 60)

    def test_noise_is_placed_in_the_training_folds_alone(self):
        Remembers.seen.clear()
        placement, n_folds = ln.KMeansCluster(), 3
        options = {"placement": placement, "cv": n_folds, "repeats": 1, "random_state": 0}
        curve = ln.measure(Remembers(), X, Y, None, None, ln.FlipNoise(), 0.4, **options)
        changed = []
        for noisy, (train, _) in zip(Remembers.seen, StratifiedKFold(n_folds).split(X, Y), strict=True):
            assert noisy.shape == train.shape
            changed.append(np.mean(noisy != Y[train]))
        assert curve.realized_noise_rates[0] == pytest.approx(np.mean(changed))
        assert 0.1 < curve.realized_noise_rates[0] < 0.9

    def test_a_frame_is_split_by_position(self):
        frame = pd.DataFrame(X, columns=list("abc"), index=np.arange(len(X))[::-1])
        options = {"cv": KFold(3, shuffle=True, random_state=1), "repeats": 2, "random_state": 0}
        found = ln.measure(GaussianNB(), frame, Y, None, None, ln.UniformNoise(), RATES, **options)
        expected = ln.measure(GaussianNB(), X, Y, None, None, ln.UniformNoise(), RATES, **options)
        np.testing.assert_array_equal(found.runs, expected.runs)

    def test_folds_that_do_not_test_every_sample_once_are_refused(self):
        splitter = ShuffleSplit(4, random_state=0)
        with pytest.raises(ValueError, match="`cv` must test every sample once; its 4 splits test"):
            ln.measure(GaussianNB(), X, Y, None, None, ln.UniformNoise(), 0.1, cv=splitter)


class TestRecord:
    def test_a_curve_names_its_classifier_and_counts_no_votes(self):
        curve = ln.measure(
            make_pipeline(StandardScaler(), GaussianNB()), *DATA, ln.UniformNoise(), RATES, random_state=4
        )
        assert curve.measured
        assert curve.repeats == 5
        assert curve.k.tolist() == [0]
        assert (curve.setting.classifier, curve.setting.ties, curve.setting.seed) == ("GaussianNB", None, 4)
        assert (curve.setting.n_train, curve.setting.n_test) == (90, 45)
        assert "GaussianNB: " in repr(curve)
        assert "ties" not in repr(curve)
        assert curve.summary()["classifier"] == "GaussianNB"
        frame = curve.to_frame()
        assert frame["classifier"].tolist() == ["GaussianNB"] * 3
        assert frame["accuracy"].tolist() == curve.accuracy.ravel().tolist()

    def test_the_name_can_be_chosen(self):
        curve = ln.measure(GaussianNB(), *DATA, ln.UniformNoise(), 0.1, repeats=1, name="Bayes")
        assert curve.setting.classifier == "Bayes"

    def test_its_effective_k_is_found_among_the_curves_of_neighbors(self):
        clean = GaussianNB().fit(X, Y).predict_proba(X_TEST)
        curve = ln.measure(GaussianNB(), *DATA, ln.UniformNoise(), RATES, random_state=0)
        k = ln.effective_k(curve, clean, Y_TEST, ln.UniformNoise(), ks=[1, 10, 100])
        family = ln.accuracy_curve(clean, Y_TEST, ln.UniformNoise(), RATES, [1, 10, 100]).accuracy
        assert k == [1, 10, 100][np.abs(family - curve.accuracy).mean(axis=0).argmin()]

    def test_ten_nearest_neighbors_have_an_effective_k_of_about_ten(self):
        train, test = load_digits()
        features, labels, queries, truth = train.features, train.labels, test.features, test.labels
        knn, noise = KNeighborsClassifier(10, algorithm="brute"), ln.UniformNoise()
        curve = ln.measure(
            knn, features, labels, queries, truth, noise, [0.0, 0.5, 0.7, 0.8], repeats=3, random_state=0
        )
        clean = knn.fit(features, labels).predict_proba(queries)
        assert 8 <= ln.effective_k(curve, clean, truth, noise, ks=range(1, 31)) <= 12

    def test_predictions_outside_the_classes_are_wrong_and_in_no_column(self):
        answers = np.where(np.arange(45) % 3 == 0, 99, Y_TEST)
        curve = ln.measure(Returns(answers), *DATA, ln.UniformNoise(), 0.1, repeats=2)
        assert curve.accuracy[0, 0] == pytest.approx(2 / 3)
        np.testing.assert_allclose(curve.confusion(), np.eye(3) * 2 / 3)

    def test_a_column_of_predictions_is_read(self):
        assert ln.measure(Returns(Y_TEST[:, None]), *DATA, ln.UniformNoise(), 0.1, repeats=1).accuracy[0, 0] == 1.0

    def test_a_class_without_test_samples_has_no_accuracy(self):
        some = Y_TEST < 2
        curve = ln.measure(GaussianNB(), X, Y, X_TEST[some], Y_TEST[some], ln.UniformNoise(), 0.1, repeats=1)
        assert np.isnan(curve.per_class[0, 0]).tolist() == [False, False, True]
        assert np.isnan(curve.confusion()[2]).all()


class TestErrors:
    def test_a_training_that_fails_is_named_by_rate_and_draw(self):
        with pytest.raises(
            ValueError, match=r"Fails failed at noise rate 0\.7, draw 1 of 2, seed 9 \(3 of 3 classes .*disorder"
        ):
            ln.measure(Fails(), *DATA, ln.UniformNoise(), [0.0, 0.7], repeats=2, random_state=9)

    def test_a_training_that_fails_in_a_worker_is_named_too(self):
        with pytest.raises(
            ValueError, match=r"SVC failed at noise rate 1, draw 1 of 1.*1 of 2 classes left.*number of cl"
        ):
            ln.measure(SVC(), X[:60], Y[:60], X, Y % 2, ln.MatrixNoise([[1, 0], [1, 0]]), 1.0, repeats=1, n_jobs=2)

    def test_a_class_may_be_missing_from_a_noisy_draw(self):
        noise = ln.MatrixNoise([[1, 0, 0], [0, 1, 0], [0, 1, 0]])
        curve = ln.measure(GaussianNB(), *DATA, noise, 1.0, repeats=1)
        assert curve.per_class[0, 0, 2] == 0.0
        assert curve.confusion()[2].sum() == 1.0

    @pytest.mark.parametrize(
        ("change", "error", "match"),
        [
            ({"estimator": GaussianNB}, TypeError, r"got the class GaussianNB\. Add parentheses: GaussianNB\(\)"),
            ({"estimator": "svm"}, TypeError, "a str lacks fit, predict, get_params"),
            ({"estimator": StandardScaler()}, TypeError, "a StandardScaler lacks predict"),
            ({"estimator": LinearRegression()}, TypeError, "LinearRegression is a regressor"),
            ({"X": X[:-1]}, ValueError, "`X` and `y` must have one row and one label per sample; got 89 and 90"),
            ({"X": 3}, TypeError, "`X` must be an array.*got int"),
            ({"X_test": X}, ValueError, "`X_test` and `y_test` must have one row.* got 90 and 45"),
            ({"y": [0.5] * 90}, ValueError, "`y` must be classes, not measurements"),
            ({"y": [0] * 90}, ValueError, "`y` must be of at least two classes"),
            ({"y": [None, *Y[1:]]}, ValueError, "`y` must not hold missing values"),
            ({"y_test": Y_TEST + 1}, ValueError, "`y_test`"),
            ({"X_test": None}, ValueError, "`X_test` and `y_test` must be given, or `cv`"),
            ({"cv": 3}, ValueError, "`X_test` and `y_test` must be None with `cv`"),
            ({"noise": "uniform"}, TypeError, "`noise` must be"),
            ({"noise_rates": [10, 30]}, ValueError, r"`noise_rates` must lie in \[0, 1\]"),
            ({"placement": ln.Spread}, TypeError, "`placement` must be"),
            ({"placement": ln.KMeansCluster(), "features": X[:5]}, ValueError, "`labels` and `features`"),
            ({"repeats": 0}, ValueError, "`repeats` must be at least 1"),
            ({"n_jobs": 0}, ValueError, "`n_jobs` must not be 0"),
            ({"n_jobs": 1.5}, TypeError, "`n_jobs` must be an integer"),
            ({"random_state": -1}, ValueError, "`random_state` must not be negative"),
        ],
    )
    def test_bad_input_is_found_before_anything_is_trained(self, change, error, match):
        Remembers.seen.clear()
        asked = {"estimator": Remembers(), "X": X, "y": Y, "X_test": X_TEST, "y_test": Y_TEST}
        asked |= {"noise": ln.UniformNoise(), "noise_rates": RATES, **change}
        with pytest.raises(error, match=match):
            ln.measure(**asked)
        assert Remembers.seen == []

    def test_a_placement_that_cannot_reach_a_noise_rate_is_found_before_anything_is_trained(self):
        Remembers.seen.clear()
        with pytest.raises(ValueError, match="too much"):
            ln.measure(Remembers(), *DATA, ln.UniformNoise(), [0.1, 0.7], placement=AtMostHalf(), n_jobs=2)
        assert Remembers.seen == []

    def test_rows_and_labels_of_one_index_in_two_orders_are_refused(self):
        frame = pd.DataFrame(X, index=[f"s{i}" for i in range(90)])
        labels = pd.Series(Y, index=frame.index[::-1])
        with pytest.raises(
            ValueError, match=r"`X` and `y` must have one row and one label per sample in the same order"
        ):
            ln.measure(GaussianNB(), frame, labels, X_TEST, Y_TEST, ln.UniformNoise(), 0.1)

    def test_too_few_or_shapeless_predictions_are_refused(self):
        with pytest.raises(ValueError, match=r"`predict` must return one class per sample, 45; got shape \(3,\)"):
            ln.measure(Returns([0, 1, 2]), *DATA, ln.UniformNoise(), 0.1)

    def test_a_classifier_has_no_neighborhoods_to_predict_it_from(self):
        from labelnoise.curves.predicted import predict_as_measured

        curve = ln.measure(GaussianNB(), *DATA, ln.UniformNoise(), 0.1, repeats=1)
        with pytest.raises(
            ValueError, match=r"`measured` must be of neighbors that vote .*got the curve of GaussianNB"
        ):
            predict_as_measured(ln.neighbors(X, X_TEST, k=3), Y, Y_TEST, ln.UniformNoise(), curve)


def test_a_splitter_that_shuffles_is_given_the_seed():
    train, _ = load_digits()
    cv = KFold(3, shuffle=True)
    args = (GaussianNB(), train.features[:200], train.labels[:200], None, None, ln.FlipNoise(), [0.3])
    found = [ln.measure(*args, cv=cv, repeats=1, random_state=seed).accuracy[0, 0] for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert cv.random_state is None
