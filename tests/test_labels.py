"""Labels and classes: what is read as what, and what is refused because it could be meant in two ways."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.labels import class_array, encode_labels, missing_labels

NAN = float("nan")


class TestMissing:
    @pytest.mark.parametrize(
        "labels",
        [
            ["cat", None, "dog"],
            ["cat", NAN, "dog"],
            [["cat"], [NAN], ["dog"]],
            [0, None, 1],
            [0.0, NAN, 1.0],
            [0, pd.NA, 1],
            [0, np.ma.masked, 1],
            [True, None, False],
            np.array(["cat", NAN, "dog"], dtype=object),
            np.array(["2020-01-01", "NaT", "2020-01-02"], dtype="datetime64[D]"),
            np.ma.array([0, 1, 2], mask=[0, 1, 0]),
            np.ma.array(["a", "b", "c"], mask=[0, 1, 0]),
            pd.Series(["a", None, "b"]),
            pd.Series(["a", None, "b"], index=[7, 7, 1], dtype="category"),
            pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-02"])),
            *(pd.Series(["a", None, "b"], dtype=kind) for kind in ("string", "string[pyarrow]", object)),
            *(pd.Series([0, None, 1], dtype=kind) for kind in ("Int64", "Float64", "int64[pyarrow]")),
            pd.Series([True, None, False], dtype="boolean"),
            pd.DataFrame({"label": ["a", None, "b"]}),
        ],
    )
    def test_it_is_an_error_that_names_argument_and_entry(self, labels):
        assert missing_labels(labels).tolist() == [False, True, False]
        with pytest.raises(
            ValueError, match=r"`labels` must not hold missing values; entry 1 is .*Leave these samples"
        ):
            ln.corrupt(labels, ln.UniformNoise(), 0.5)

    def test_the_first_entries_and_their_number_are_named(self):
        with pytest.raises(ValueError, match=r"entry 1 is nan, and so are 7 more \(entries 2, 3, 4, 5, 6, ..."):
            encode_labels(["a"] + [NAN] * 8)

    @pytest.mark.parametrize("no_label", [-1, -100])
    @pytest.mark.parametrize("others", [[0, 1], [0], [1, 2, 3], [], [0.0, 1.0]])
    def test_a_number_that_may_say_so(self, no_label, others):
        labels = [*others, no_label]
        with pytest.raises(ValueError, match=rf"whether {no_label} is a class.*pass classes=\[{no_label}"):
            encode_labels(labels)
        known = sorted({no_label, *map(int, others)})
        assert encode_labels(labels, classes=known)[1].tolist() == known

    def test_numbers_that_cannot_say_so(self):
        assert encode_labels([-1, 1, -1])[1].tolist() == [-1, 1]
        assert encode_labels([-2, -1, 0])[1].tolist() == [-2, -1, 0]

    @pytest.mark.parametrize("word", ["", " ", "nan", "NaN", "None", "<NA>", "NaT", "#N/A", "NULL"])
    def test_a_word_that_may_say_so(self, word):
        for labels in (["a", word], np.array(["a", word]), pd.Series(["a", word])):
            with pytest.raises(ValueError, match=r"whether .* is a class.*the first is entry 1"):
                encode_labels(labels)
        assert encode_labels(["a", word], classes=["a", word])[0].tolist() == [0, 1]

    def test_a_label_outside_the_classes_that_may_say_so(self):
        with pytest.raises(ValueError, match=r"`labels` must be among .*got -1.*no label"):
            encode_labels([0, -1], classes=[0, 1])


class TestTypes:
    def test_numbers_among_text_stay_numbers(self):
        codes, classes = encode_labels([0, 1, "cat", 0])
        assert classes.tolist() == [0, 1, "cat"]
        assert codes.tolist() == [0, 1, 2, 0]
        with pytest.raises(ValueError, match="each class in one way; got both 1 and '1'"):
            encode_labels([0, 1, "1"])

    @pytest.mark.parametrize(
        "labels",
        [
            [0, 2, 2],
            [0.0, 2.0, 2.0],
            (0, 2, 2),
            np.array([0, 2, 2], dtype=np.uint8),
            np.array([0, 2, 2], dtype=object),
            pd.Series([0, 2, 2], dtype="Int64"),
            pd.Series([0, 2, 2], dtype=object),
            np.ma.array([0, 2, 2]),
        ],
    )
    def test_integers_of_any_type_are_codes(self, labels):
        codes, classes = encode_labels(labels)
        assert codes.tolist() == [0, 2, 2]
        assert classes.tolist() == [0, 1, 2]

    @pytest.mark.parametrize(
        ("labels", "error", "message"),
        [
            ({0, 1}, TypeError, r"`labels` must be a sequence.*of type set\. Pass a list"),
            ({"a": 0}, TypeError, "of type dict"),
            ((i for i in range(3)), TypeError, "of type generator"),
            ("abc", TypeError, "of type str"),
            ([[0], [1, 2]], ValueError, "one label per sample; entry 0 is a list"),
            ([0, [1, 2]], ValueError, "entry 1 is a list"),
            ([0, 1.5], ValueError, "not measurements; got the number 1.5"),
            ([0, float("inf")], ValueError, "not measurements; got the number inf"),
            (3, TypeError, "of type int"),
        ],
    )
    def test_what_is_no_sequence_of_labels(self, labels, error, message):
        with pytest.raises(error, match=message):
            encode_labels(labels)


class TestCategories:
    @pytest.mark.parametrize("ordered", [False, True])
    def test_they_are_the_classes_in_their_order(self, ordered):
        sizes = pd.Categorical.from_codes([2, 0, 2], ["low", "mid", "high"], ordered=ordered)
        for labels in (sizes, pd.Series(sizes), pd.Series(sizes).to_frame(), pd.CategoricalIndex(sizes)):
            codes, classes = encode_labels(labels)
            assert codes.tolist() == [2, 0, 2]
            assert classes.tolist() == ["low", "mid", "high"]

    def test_given_classes_come_first(self):
        assert encode_labels(pd.Categorical(["b", "a"]), classes=["b", "a"])[0].tolist() == [0, 1]

    def test_too_many(self):
        labels = pd.Categorical(["a"], ["a", "b", "c"])
        with pytest.raises(ValueError, match="categories of `labels` must list 2 classes, as given; got 3"):
            encode_labels(labels, n_classes=2)


class TestOrder:
    @pytest.mark.parametrize("labels", [["b", "a"], [("x", 1), ("y", 2)], [0, "a"], [b"a", b"b"]])
    def test_what_is_no_integer_needs_classes(self, labels):
        with pytest.raises(ValueError, match=r"must be of 2 classes, in a known order.*Pass classes=\[\.\.\.\]"):
            encode_labels(labels, n_classes=2)
        assert encode_labels(labels, n_classes=2, classes=labels)[0].tolist() == [0, 1]

    def test_booleans_and_other_integers_are_in_ascending_order(self):
        assert encode_labels([True, True], n_classes=2)[0].tolist() == [1, 1]
        assert encode_labels([1, -1], n_classes=2)[0].tolist() == [1, 0]
        assert encode_labels([1, 2, 3], n_classes=3)[0].tolist() == [0, 1, 2]
        with pytest.raises(ValueError, match="must be of 2 classes, as given; found 3: 0, 2"):
            encode_labels([0, 2], n_classes=2)

    def test_integers_without_0_and_without_the_highest_ask_where_they_count_from(self):
        with pytest.raises(ValueError, match=r"in 1\.\.2 may count from 0 or from 1.*=range\(3\) or .*=range\(1, 4"):
            encode_labels([1, 2], n_classes=3)
        assert encode_labels([1, 2], n_classes=3, classes=range(3))[0].tolist() == [1, 2]
        assert encode_labels([1, 2], n_classes=3, classes=range(1, 4))[0].tolist() == [0, 1]

    def test_classes_are_matched_as_text_where_it_is_one_to_one(self):
        assert encode_labels([10, 2], classes=["2", "10"])[0].tolist() == [1, 0]
        assert encode_labels(["10", "2"], classes=[2, 10])[0].tolist() == [1, 0]
        with pytest.raises(ValueError, match="`classes` must be distinct"):
            class_array(["a", "a"])

    @settings(max_examples=60, deadline=None)
    @given(order=st.permutations(["dog", "cat", "bird", "10", "9"]), picks=st.lists(st.integers(0, 4), min_size=1))
    def test_codes_are_positions_among_the_classes(self, order, picks):
        codes, classes = encode_labels([order[i] for i in picks], classes=order)
        assert codes.tolist() == picks
        assert classes.tolist() == order


def test_labels_that_agree_with_both_readings_are_refused_however_many_they_are():
    labels = np.tile([1, 2], 500)
    predicted = np.where(np.arange(1000) % 10 < 6, labels, labels - 1)
    with pytest.raises(ValueError, match=r"60\.0% of the samples, counted from 1 for 40\.0%"):
        encode_labels(labels, n_classes=3, predicted=predicted)
