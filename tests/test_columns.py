"""Probabilities whose columns have names, or none: the accuracy is that of the same data as plain arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.columns import check_same_order
from labelnoise.softmax.aggregate import aggregate_softmax


def softmax(codes, n_classes, right=0.9):
    p = np.full((len(codes), n_classes), (1 - right) / (n_classes - 1))
    p[np.arange(len(codes)), codes] = right
    return p


def accuracy(p, labels, noise=None, rates=(0.0,), **more):
    return ln.accuracy_curve(p, labels, noise or ln.FlipNoise(), rates, 11, **more).accuracy.ravel()


@settings(max_examples=60, deadline=None)
@given(
    order=st.permutations(range(12)),
    naming=st.sampled_from([int, str, float, "class {}".format]),
    as_text=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_named_columns_are_matched_in_any_order(order, naming, as_text, seed):
    codes = np.random.default_rng(seed).integers(12, size=60)
    p = softmax(codes, 12, 0.6)
    frame = pd.DataFrame(p[:, order], columns=[naming(i) for i in order])
    labels = [str(naming(c)) if as_text or isinstance(naming(c), str) else naming(c) for c in codes.tolist()]
    if naming is float and as_text:  # whole floats are integers
        labels = [str(c) for c in codes]
    expected = accuracy(p, codes, ln.UniformNoise(), [0.0, 0.4], classes=range(12))
    np.testing.assert_allclose(accuracy(frame, labels, ln.UniformNoise(), [0.0, 0.4]), expected, atol=1e-12)


def test_integers_keep_their_codes_whatever_the_order_of_the_names():
    codes = np.arange(6) % 3
    frame = pd.DataFrame(softmax(codes, 3)[:, [2, 0, 1]], columns=["2", "0", "1"])
    expected = ln.accuracy_curve(softmax(codes, 3), codes, ln.FlipNoise(), [0.4], 3)
    found = ln.accuracy_curve(frame, codes, ln.FlipNoise(), [0.4], 3)
    np.testing.assert_array_equal(found.accuracy, expected.accuracy)
    assert found.setting.classes.tolist() == [0, 1, 2]


def test_given_classes_decide_the_codes_and_names_the_columns():
    names = np.array(["dog", "cat", "bird"])
    codes = np.arange(30) % 3
    frame = pd.DataFrame(softmax(codes, 3), columns=names)
    curve = ln.accuracy_curve(frame, names[codes], ln.FlipNoise(), [0.0], 11, classes=["bird", "cat", "dog"])
    assert curve.accuracy[0, 0] == pytest.approx(1, abs=1e-3)
    assert curve.setting.classes.tolist() == ["bird", "cat", "dog"]
    frame.columns = ["p0", "p1", "p2"]  # none of them is a class: the columns are in the order of the classes
    assert accuracy(frame, names[codes], classes=names)[0] == pytest.approx(1, abs=1e-3)
    frame.columns = ["dog", "cat", "other"]
    with pytest.raises(ValueError, match="columns named as the classes"):
        accuracy(frame, names[codes], classes=names)


def test_codes_that_match_no_name_go_by_position():
    codes = np.arange(30) % 3
    assert accuracy(pd.DataFrame(softmax(codes, 3), columns=["dog", "cat", "bird"]), codes)[0] == pytest.approx(
        1, abs=1e-3
    )


@pytest.mark.parametrize(
    ("columns", "labels", "message"),
    [
        (["a", "b", "c"], ["a", "d", "a"], r"named classes, one per column of `clean_distribution`.*got 'd'"),
        (["1", "2", "3"], [0, 1, 2], "named classes.*got 0"),
        ([1, 2, 3], [0, 1, 2], "named classes.*got 0"),
        (["a", "a", "b"], ["a", "b", "a"], "`clean_distribution.columns` must be distinct"),
        (None, ["a", "b", "c"], r"in a known order.*Pass classes=\[\.\.\.\]"),
        (None, [str(i) for i in range(3)], "in a known order"),
    ],
)
def test_labels_and_columns_that_do_not_fit(columns, labels, message):
    with pytest.raises(ValueError, match=message):
        accuracy(pd.DataFrame(np.eye(3), columns=columns), labels)


def test_categories_are_in_the_order_of_unnamed_columns():
    codes = np.arange(30) % 3
    sizes = pd.Categorical.from_codes(codes, ["low", "mid", "high"], ordered=True)
    assert accuracy(softmax(codes, 3), pd.Series(sizes))[0] == pytest.approx(1, abs=1e-3)


class TestCountedFromOne:
    @pytest.mark.parametrize("absent", [9, 0, 4])
    @pytest.mark.parametrize("start", [0, 1])
    def test_rows_decide_where_they_are_clear(self, absent, start):
        codes = np.repeat(np.delete(np.arange(10), absent), 20)
        assert accuracy(softmax(codes, 10), codes + start, classes=range(start, 10 + start))[0] > 0.99
        if (absent, start) == (4, 1):  # 1..10 without 5: ten columns for nine classes
            with pytest.raises(ValueError, match=r"must be of 10 classes.*found 9"):
                accuracy(softmax(codes, 10), codes + start)
        elif (absent, start) != (0, 1):
            assert accuracy(softmax(codes, 10), codes + start)[0] > 0.99

    def test_rows_that_are_not_clear_do_not(self):
        rng = np.random.default_rng(0)
        with pytest.raises(ValueError, match=r"from 0 they are the most probable class .* counted from 1 for"):
            accuracy(rng.dirichlet(np.ones(10), size=200), rng.integers(1, 10, size=200))

    def test_classes_of_the_training_set_stay(self):
        near = ln.neighbors(np.arange(6.0)[:, None], k=1)
        train = [1, 1, 2, 2, 3, 3]
        noise = ln.MatrixNoise(np.eye(3))
        assert ln.predict_knn(near, train, [1, 1, 2, 2, 2, 2], noise, [0.0], 1).setting.classes.tolist() == [1, 2, 3]
        with pytest.raises(ValueError, match="`train_labels` must be clear about where they count from"):
            ln.predict_knn(near, [1, 1, 2, 2, 2, 2], [1] * 6, noise, [0.0], 1)
        given = ln.predict_knn(near, [1, 1, 2, 2, 2, 2], [1] * 6, noise, [0.0], 1, classes=[1, 2, 3])
        assert given.setting.n_test == 6
        drawn = ln.simulate_knn(near, [1, 1, 2, 2, 2, 2], [1] * 6, noise, [0.0], 1, classes=[1, 2, 3], repeats=1)
        np.testing.assert_array_equal(drawn.accuracy, given.accuracy)


class TestAgreement:
    def test_below_chance_beyond_doubt_is_refused(self):
        codes = np.repeat(np.arange(10), 20)
        with pytest.raises(ValueError, match=r"for 0\.0% of 200 samples.*10\.0% by chance.*order of the columns"):
            accuracy(np.roll(softmax(codes, 10), 1, axis=1), codes)
        unequal = np.repeat([0, 1], [950, 50])
        with pytest.raises(ValueError, match="by chance"):
            accuracy(softmax(unequal, 2)[:, ::-1], unequal)

    def test_small_samples_and_weak_models_are_not(self):
        codes = np.repeat(np.arange(10), 20)
        assert accuracy(np.roll(softmax(codes[:5], 10), 1, axis=1), codes[:5])[0] < 0.01
        shuffled = np.random.default_rng(0).permutation(codes)
        assert accuracy(softmax(shuffled, 10), codes)[0] < 0.3
        assert accuracy(softmax(np.full(1000, 1), 2), np.repeat([0, 1], [990, 10]))[0] < 0.1  # always the rare class


class TestNamedMatrix:
    FRAME = pd.DataFrame([[0, 1, 0], [1, 0, 0], [0, 0, 1]], index=["b", "c", "a"], columns=["b", "c", "a"], dtype=float)

    @pytest.mark.parametrize("order", [["b", "c", "a"], ["a", "b", "c"], ["c", "a", "b"]])
    def test_it_is_matched_with_the_labels(self, order):
        noise = ln.MatrixNoise(self.FRAME.loc[order, ["c", "b", "a"]])
        assert noise.classes.tolist() == order
        for labels in (list("abc") * 4, pd.Series(list("abc") * 4, dtype="category")):
            drawn = ln.corrupt(labels, noise, 1.0)
            assert set(zip(drawn.clean_labels.tolist(), drawn.labels.tolist(), strict=True)) == {
                *[("a", "a"), ("b", "c"), ("c", "b")]
            }
        given = ln.corrupt(list("abc"), noise, 1.0, classes=list("cab"))
        assert given.classes.tolist() == list("cab")
        assert given.labels.tolist() == list("acb")

    def test_curves_of_it_are_those_of_the_plain_matrix(self):
        names, codes = np.array(["a", "b", "c"]), np.arange(12) % 3
        frame = pd.DataFrame([[0.7, 0.3, 0], [0.1, 0.8, 0.1], [0, 0.5, 0.5]], index=names, columns=names)
        turned = frame.loc[["c", "a", "b"], ["b", "a", "c"]]
        near = ln.neighbors(codes[:, None] + np.arange(12.0)[:, None] / 50, k=5)
        rates = [0.0, 0.5, 1.0]
        for function in (ln.predict_knn, ln.simulate_knn):
            seed = {"random_state": 0} if function is ln.simulate_knn else {}
            expected = function(near, codes, codes, ln.MatrixNoise(frame.to_numpy()), rates, 3, **seed)
            found = function(near, names[codes], names[codes], ln.MatrixNoise(turned), rates, 3, classes=names, **seed)
            np.testing.assert_allclose(found.accuracy, expected.accuracy, atol=1e-12)
        rows = softmax(codes, 3, 0.6)
        expected = accuracy(rows, codes, ln.MatrixNoise(frame.to_numpy()), rates)
        named = pd.DataFrame(rows[:, [1, 2, 0]], columns=names[[1, 2, 0]])
        np.testing.assert_allclose(accuracy(named, names[codes], ln.MatrixNoise(turned), rates), expected, atol=1e-12)

    def test_cleanlab_and_record(self):
        noise = ln.MatrixNoise.from_cleanlab(self.FRAME.T)
        assert noise == ln.MatrixNoise(self.FRAME)
        assert noise != ln.MatrixNoise(self.FRAME.to_numpy())
        assert noise.parameters()["classes"] == ["b", "c", "a"]

    def test_names_that_do_not_fit(self):
        for frame in (
            self.FRAME.rename(columns={"a": "d"}),
            self.FRAME.reset_index(drop=True),
            self.FRAME.set_axis(range(3), axis=1),
        ):
            with pytest.raises(ValueError, match="rows and columns named by the same classes"):
                ln.MatrixNoise(frame)
        with pytest.raises(ValueError, match="`labels` must be among the named classes"):
            ln.corrupt([0, 1, 2], ln.MatrixNoise(self.FRAME), 1.0)
        with pytest.raises(ValueError, match="must be made for the classes of the labels"):
            ln.corrupt(["x", "y", "z"], ln.MatrixNoise(self.FRAME), 1.0, classes=["x", "y", "z"])

    def test_a_matrix_without_names_needs_classes(self):
        with pytest.raises(ValueError, match=r"must be of 3 classes, in a known order.*Pass classes=\[\.\.\.\]"):
            ln.corrupt(list("abc"), ln.MatrixNoise(self.FRAME.to_numpy()), 1.0)


def test_softmax_and_rows_are_matched_too():
    frame = pd.DataFrame([[0.2, 0.8], [0.9, 0.1]], columns=["b", "a"])
    found = aggregate_softmax(frame, ["a", "b"], classes=["a", "b"])
    np.testing.assert_allclose(found.median, [[0.8, 0.2], [0.1, 0.9]])
    assert ln.corrupt_with_rows(["a", "b"], pd.DataFrame(np.eye(2), columns=["b", "a"])).labels.tolist() == ["b", "a"]


@pytest.mark.parametrize("numbered", ["table", "labels"])
def test_an_index_that_only_numbers_the_rows_says_nothing_about_their_order(numbered):
    table, labels = pd.DataFrame([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]), pd.Series([0, 1, 0])
    (labels if numbered == "table" else table).index = [2, 0, 1]
    check_same_order(table, labels, "table")
    table.index, labels.index = [1, 2, 0], [2, 0, 1]
    with pytest.raises(ValueError, match="in the same order"):
        check_same_order(table, labels, "table")
