"""Fuzz: whatever frame, series, tensor or list is accepted gives the result of the same data given as plain arrays."""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln

HAS_TORCH = find_spec("torch") is not None
SETTINGS = settings(max_examples=400, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32)
MISSING = st.sampled_from([None, None, None, None, "train", "query", "labels"])
RATES, KS = [0.0, 0.3], [1, 3]
CLASSES = (
    [0, 1, 2],
    [1, 2, 3],
    [-1, 1],
    [7, 30, 100],
    [False, True],
    ["cat", "dog"],
    ["b", "a", "c"],
    ["10", "9", "2"],
    ["größe", "nan value"],
)
NAMES = ("x", "height", "0", "1", "label", "größe", "a b")


# Numbers, of features or of probabilities, in containers. NaN is a missing entry.


def shuffled(n):
    """Return the index of all frames and series of n rows."""
    return pd.Index(np.random.default_rng(n).permutation(n))


def in_frame(values, names, rng, dtype=None):
    frame = pd.DataFrame(values, columns=names, index=shuffled(len(values)))
    return frame if dtype is None else frame.astype(dtype)


def in_arrow(values, names, rng):
    return pa.table([pa.array(column, from_pandas=True) for column in values.T], names=list(names))


def in_lists(values, names, rng):
    return [[None if np.isnan(value) else value for value in row] for row in values.tolist()]


def in_torch(values, names, rng, dtype="float32"):
    import torch

    return torch.tensor(values, dtype=getattr(torch, dtype), requires_grad=True)


def masked(values, names, rng):
    gaps = np.isnan(values)
    return np.ma.array(np.where(gaps, 0.0, values), mask=gaps if gaps.any() else np.ma.nomask)


NAMED = {
    "frame": in_frame,
    "half frame": lambda v, n, r: in_frame(v, n, r, np.float16),
    "nullable frame": lambda v, n, r: in_frame(v, n, r, "Float64"),
    "arrow frame": lambda v, n, r: in_frame(v, n, r, "double[pyarrow]"),
    "frame of mixed types": lambda v, n, r: in_frame(v, n, r).astype({n[0]: "Float32", n[-1]: np.float32}),
    "frame of repeated rows' names": lambda v, n, r: in_frame(v, n, r).set_axis([7] * len(v)),
    "table": in_arrow,
}
UNNAMED = {
    "lists": in_lists,
    "tuples": lambda v, n, r: tuple(map(tuple, v.tolist())),
    "list of arrays": lambda v, n, r: list(v),
    "masked": masked,
    "list of masked": lambda v, n, r: list(masked(v, n, r)),
    "half": lambda v, n, r: v.astype(np.float16),
    "double": lambda v, n, r: v.astype(np.float64),
    "big endian": lambda v, n, r: v.astype(">f8"),
    "columns first": lambda v, n, r: np.asfortranarray(v),
    "reversed": lambda v, n, r: v[::-1].copy()[::-1],
    "frame without names": lambda v, n, r: pd.DataFrame(v),
}
if HAS_TORCH:
    UNNAMED |= {
        "tensor": in_torch,
        "half tensor": lambda v, n, r: in_torch(v, n, r, "float16"),
        "bfloat16 tensor": lambda v, n, r: in_torch(v, n, r, "bfloat16"),
    }
NUMBERS = {**NAMED, **UNNAMED}


# Labels in containers; `gap` is the row of a missing label, if there is one.


def holes(values, gap):
    return [None if row == gap else value for row, value in enumerate(values.tolist())]


def series(values, gap, rng, dtype=None):
    made = pd.Series(holes(values, gap), dtype=object if gap is not None and dtype is None else dtype)
    return made.set_axis(shuffled(len(values)))


def categorical(values, gap, rng):
    classes = rng.permutation(np.unique(values)).tolist()
    return pd.Categorical(holes(values, gap), categories=classes, ordered=bool(rng.integers(2)))


def tensor(values, gap, rng):
    import torch

    given = [float("nan") if value is None else value for value in holes(values, gap)]
    return torch.tensor(given)


ANY = {
    "list": lambda v, g, r: holes(v, g),
    "tuple": lambda v, g, r: tuple(holes(v, g)),
    "objects": lambda v, g, r: np.array(holes(v, g), dtype=object),
    "masked": lambda v, g, r: np.ma.array(v, mask=np.arange(len(v)) == g),
    "series": series,
    "frame": lambda v, g, r: series(v, g, r).to_frame("label"),
    "index": lambda v, g, r: pd.Index(holes(v, g)),
    "categorical": categorical,
    "series of categories": lambda v, g, r: pd.Series(categorical(v, g, r), index=shuffled(len(v))),
    "arrow": lambda v, g, r: pa.array(holes(v, g)),
    "chunks": lambda v, g, r: pa.chunked_array([pa.array(holes(v, g))[:3], pa.array(holes(v, g))[3:]]),
    "dictionary": lambda v, g, r: pa.array(holes(v, g)).dictionary_encode(),
    "column": lambda v, g, r: np.array(holes(v, g), dtype=object)[:, None] if g is not None else v[:, None],
}
OF_KIND = {
    "i": {
        "nullable": lambda v, g, r: series(v, g, r, "Int64"),
        "arrow series": lambda v, g, r: series(v, g, r, "int64[pyarrow]"),
        "whole floats": lambda v, g, r: np.array([np.nan if x is None else x for x in holes(v, g)], dtype=np.float32),
    },
    "b": {
        "nullable": lambda v, g, r: series(v, g, r, "boolean"),
        "arrow series": lambda v, g, r: series(v, g, r, "bool[pyarrow]"),
    },
    "U": {
        "text": lambda v, g, r: series(v, g, r, "string"),
        "arrow series": lambda v, g, r: series(v, g, r, "string[pyarrow]"),
    },
}
if HAS_TORCH:
    OF_KIND["i"] |= {"tensor": tensor, "tensors": lambda v, g, r: list(tensor(v, g, r))}
    OF_KIND["b"]["tensor"] = tensor


def samples(rng):
    """Draw features and labels as plain arrays, whose numbers all floating types hold exactly."""
    n, m = rng.integers(8, 24), rng.integers(1, 5)
    features = (rng.integers(-120, 120, size=(n, m)) / 8).astype(np.float32)
    classes = np.array(CLASSES[rng.integers(len(CLASSES))])
    labels = classes[np.concatenate([np.arange(len(classes)), rng.integers(len(classes), size=n - len(classes))])]
    return features, labels


def labels_in(name, labels, rng, missing=False):
    """Return labels in a container, and the order that it gives to the classes, if any."""
    made = (ANY | OF_KIND[labels.dtype.kind])[name](labels, rng.integers(len(labels)) if missing else None, rng)
    dtype = getattr(made, "dtype", None)
    return made, dtype.categories.tolist() if isinstance(dtype, pd.CategoricalDtype) else None


def numbers_in(name, values, names, rng, missing=False):
    """Return numbers in a container."""
    if missing:
        values = values.copy()
        values[rng.integers(len(values)), rng.integers(values.shape[1])] = np.nan
    return NUMBERS[name](values, list(names), rng)


class Outcomes:
    """What was accepted and what was refused; a refusal is an error of the library over its input."""

    def __init__(self):
        self.accepted, self.refused = set(), 0

    def compare(self, containers, missing, call, expected):
        """Call with containers, and compare the result with that of plain arrays; nothing missing may be accepted."""
        if missing:
            with pytest.raises((ValueError, TypeError)):
                call()
            self.refused += 1
            return
        got = call()
        self.accepted |= set(containers)
        np.testing.assert_allclose(got, expected(), rtol=1e-12)


def test_features_and_labels_in_containers_give_the_accuracy_of_plain_arrays():
    outcomes = Outcomes()

    @SETTINGS
    @given(SEEDS, st.sampled_from(sorted(NUMBERS)), st.sampled_from(sorted(NUMBERS)), MISSING, st.data())
    def check(seed, train_in, query_in, missing, data):
        rng = np.random.default_rng(seed)
        features, labels = samples(rng)
        labels_are = data.draw(st.sampled_from(sorted(ANY | OF_KIND[labels.dtype.kind])))
        names, query = rng.permutation(NAMES)[: features.shape[1]], features + np.float32(0.5)
        # Columns with names are matched by name, so that they may come in another order.
        order = rng.permutation(len(names)) if {train_in, query_in} <= set(NAMED) else np.arange(len(names))
        train = numbers_in(train_in, features, names, rng, missing == "train")
        queries = numbers_in(query_in, query[:, order], names[order], rng, missing == "query")
        given_labels, classes = labels_in(labels_are, labels, rng, missing == "labels")
        noise = (ln.UniformNoise(), ln.FlipNoise())[seed % 2]

        def curve(train, query, labels, classes):
            hoods = ln.neighbors(train, query, k=max(KS))
            return ln.predict_knn(hoods, labels, labels, noise, RATES, KS, classes=classes).accuracy

        outcomes.compare(
            (train_in, query_in, f"labels: {labels_are}"),
            missing is not None,
            lambda: curve(train, queries, given_labels, None),
            lambda: curve(features, query, labels, classes),
        )

    check()
    label_containers = set(ANY).union(*OF_KIND.values())
    assert outcomes.accepted == set(NUMBERS) | {f"labels: {name}" for name in label_containers}
    assert outcomes.refused > 50


def probabilities(labels, classes, rng):
    """Draw probabilities in 1/64, which all floating types hold exactly; the label's class is the most probable."""
    rest = rng.multinomial(24, np.full(len(classes), 1 / len(classes)), size=len(labels))
    rest[np.arange(len(labels)), [classes.index(label) for label in labels.tolist()]] += 40
    return (rest / 64).astype(np.float32)


@settings(SETTINGS, max_examples=120)
@given(
    SEEDS, st.sampled_from(sorted(NUMBERS)), st.sampled_from([None, None, None, "probabilities", "labels"]), st.data()
)
def test_probabilities_and_labels_in_containers_give_the_accuracy_of_plain_arrays(seed, probs_in, missing, data):
    rng = np.random.default_rng(seed)
    _, labels = samples(rng)
    labels_are = data.draw(st.sampled_from(sorted(ANY | OF_KIND[labels.dtype.kind])))
    classes = np.unique(labels).tolist()
    given_labels, own_order = labels_in(labels_are, labels, rng, missing == "labels")
    columns = rng.permutation(classes).tolist() if probs_in in NAMED else own_order or classes
    # Classes are in the order of the categories, or of the columns' names; integers are put in order.
    known = own_order or (classes if labels.dtype.kind == "i" else columns)
    probs = probabilities(labels, columns, rng)
    given_probs = numbers_in(probs_in, probs, map(str, columns), rng, missing == "probabilities")

    def curve(probs, labels, classes):
        noise = (ln.UniformNoise(), ln.FlipNoise())[seed % 2]
        return ln.accuracy_curve(probs, labels, noise, RATES, KS, classes=classes).accuracy

    Outcomes().compare(
        (probs_in, labels_are),
        missing is not None,
        lambda: curve(given_probs, given_labels, None if probs_in in NAMED or own_order else classes),
        lambda: curve(probs[:, [columns.index(name) for name in known]], labels, known),
    )


@settings(SETTINGS, max_examples=120)
@given(SEEDS, st.sampled_from(sorted(NUMBERS)), st.sampled_from([None, None, None, "features", "labels"]), st.data())
def test_labels_in_containers_are_corrupted_and_counted_as_plain_arrays(seed, features_in, missing, data):
    rng = np.random.default_rng(seed)
    features, labels = samples(rng)
    labels_are = data.draw(st.sampled_from(sorted(ANY | OF_KIND[labels.dtype.kind])))
    given_labels, order = labels_in(labels_are, labels, rng, missing == "labels")
    given_features = numbers_in(features_in, features, NAMES[: features.shape[1]], rng, missing == "features")

    def corrupted(features, labels, classes):
        placement = (ln.HubnessProportional(k=3), ln.ClassBoundary(k=3))[seed % 2]
        hoods = ln.neighbors(features, k=3)
        noisy = ln.corrupt(
            labels, ln.FlipNoise(), 0.4, placement=placement, features=features, classes=classes, random_state=0
        )
        shares = ln.clean_distribution(labels, hoods, 3, classes=classes)
        return np.concatenate([noisy.selected, noisy.labels == noisy.clean_labels, shares.ravel()])

    classes = order or np.unique(labels).tolist()
    Outcomes().compare(
        (features_in, labels_are),
        missing is not None,
        lambda: corrupted(given_features, given_labels, classes),
        lambda: corrupted(features, labels, classes),
    )


def test_rows_whose_index_is_that_of_the_labels_in_another_order_are_refused():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=40), "label": np.arange(40) % 2}, index=rng.permutation(40))
    probs = pd.DataFrame({"0": 0.9 - 0.8 * frame["label"], "1": 0.1 + 0.8 * frame["label"]})
    shuffled_labels = frame["label"].sample(frac=1, random_state=1)
    curve = ln.accuracy_curve(probs, frame["label"], ln.FlipNoise(), 0.0, 5)
    assert curve.accuracy.item() > 0.99
    with pytest.raises(ValueError, match=r"in the same order; .* Pass clean_distribution\.loc\[labels\.index\]"):
        ln.accuracy_curve(probs, shuffled_labels, ln.FlipNoise(), 0.0, 5)
    matched = ln.accuracy_curve(probs.loc[shuffled_labels.index], shuffled_labels, ln.FlipNoise(), 0.0, 5)
    assert matched.accuracy.item() == curve.accuracy.item()
    for renumbered in (probs.reset_index(drop=True), probs.set_axis(np.arange(40) + 100), probs.to_numpy()):
        by_position = ln.accuracy_curve(renumbered, frame["label"], ln.FlipNoise(), 0.0, 5)
        assert by_position.accuracy.item() == curve.accuracy.item()
    with pytest.raises(ValueError, match=r"`features` and `labels` must have .* in the same order"):
        ln.corrupt(
            shuffled_labels, ln.FlipNoise(), 0.2, placement=ln.ClassBoundary(k=3), features=frame[["x"]], random_state=0
        )
