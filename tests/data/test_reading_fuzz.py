"""Fuzz: whatever file is accepted gives the same accuracy as the same data given as plain arrays."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.data import read_data

SETTINGS = settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CLASSES = (
    [0, 1, 2],
    [1, 2, 3],
    [-1, 1],
    [7, 30, 100],
    ["cat", "dog"],
    ["10", "9", "2"],
    ["007", "7"],
    ["a;b", 'c"d', "e,f"],
    ["größe", "été"],
    [True, False],
    ["NA", "EU"],
)
MISSING = ("", "NA", "#N/A", "nan", "None")
NAMES = ("x", "height (cm)", "y", "width", "e,f", "z;1", "größe", "index of", "3")


@st.composite
def samples(draw):
    """Draw features, labels, and the names of their columns."""
    n, m = draw(st.integers(10, 30)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kinds = draw(st.lists(st.sampled_from(["normal", "integers", "flags", "halves"]), min_size=m, max_size=m))
    columns = {
        "normal": lambda: rng.normal(size=n),
        "integers": lambda: rng.integers(-4, 1000, size=n).astype(float),
        "flags": lambda: rng.integers(0, 2, size=n).astype(float),
        "halves": lambda: rng.integers(-9, 9, size=n) / 2,
    }
    features = np.column_stack([columns[kind]() for kind in kinds])
    classes = draw(st.sampled_from(CLASSES))
    labels = np.array(classes)[rng.integers(len(classes), size=n)]
    names = draw(st.permutations(NAMES))[:m]
    label = draw(st.sampled_from(["label", "class", "outcome", "species id", "given_label"]))
    return features, labels, list(names), label


@st.composite
def written(draw, features, labels, names, label):
    """Draw how the samples are written; return the suffix, the content, options of the reader, and rows to drop."""
    frame = pd.DataFrame(features, columns=names)
    texts = [str(value) for value in labels.tolist()]
    place = draw(st.integers(0, len(names)))
    gap = draw(st.none() | st.sampled_from(MISSING))
    dropped = np.zeros(len(labels), dtype=bool)
    if gap is not None and gap not in texts:
        dropped[draw(st.integers(0, len(labels) - 1))] = True
    suffix = draw(st.sampled_from([".csv", ".csv", ".csv", ".tsv", ".csv.gz", ".jsonl", ".parquet"]))
    extra = draw(st.sampled_from(["none", "id", "image_id", "note", "copy", "index"]))
    if extra in ("id", "image_id"):
        frame[extra] = np.random.default_rng(0).permutation(len(frame)) * 3
    elif extra == "note":
        frame[extra] = "see elsewhere"
    elif extra == "copy":
        frame[extra] = np.unique(texts, return_inverse=True)[1] * 5
    if suffix in (".jsonl", ".parquet"):
        values = [None if out else value for out, value in zip(dropped, labels.tolist(), strict=True)]
        frame.insert(place, label, pd.Series(values, dtype=object))
        if suffix == ".jsonl":
            lines = [json.dumps(row) for row in frame.to_dict(orient="records")]
            return suffix, "\n".join(lines).encode(), {}, dropped, "nan"
        if extra == "index":
            frame.index = pd.Index(np.arange(len(frame)) * 2, name="row")
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(frame), sink)
        return suffix, sink.getvalue().to_pybytes(), {}, dropped, "nan"
    frame.insert(place, label, [gap if out else text for out, text in zip(dropped, texts, strict=True)])
    sep = "\t" if suffix == ".tsv" else draw(st.sampled_from([",", ";", "\t", "|", " "]))
    decimal = draw(st.sampled_from([".", ","]))
    header = draw(st.sampled_from([True, True, False]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    comment = draw(st.booleans())
    text = frame.to_csv(
        sep=sep,
        decimal=decimal,
        header=header,
        index=extra == "index",
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([0, 1])),
    )
    if comment:
        text = f"# made by a tool{sep}\n{text}"
    told = {
        "sep": None if suffix == ".tsv" else sep,
        "decimal": decimal,
        "header": header,
        "encoding": encoding if encoding == "latin-1" else None,
        "comment": "#" if comment else None,
    }
    options = {name: value for name, value in told.items() if value is not None}
    # Any option may be left out: then it is found by looking, or asked for.
    options = {name: value for name, value in options.items() if draw(st.sampled_from([True, True, False]))}
    content = text.encode(encoding)
    return suffix, gzip.compress(content) if suffix == ".csv.gz" else content, options, dropped, gap


def accuracy(features, labels):
    hoods = ln.neighbors(features, k=3)
    return ln.predict_knn(hoods, labels, labels, ln.UniformNoise(), [0.0, 0.3], [1, 3]).accuracy


def test_accepted_files_give_the_accuracy_of_plain_arrays(tmp_path):
    accepted: list[str] = []
    refused: list[str] = []

    @SETTINGS
    @given(st.data())
    def check(data):
        features, labels, names, label = data.draw(samples())
        suffix, content, options, dropped, gap = data.draw(written(features, labels, names, label))
        path = tmp_path / f"data{suffix}"
        path.write_bytes(content)
        absent = [gap] if dropped.any() and data.draw(st.sampled_from([True, True, False])) else []
        try:
            read = read_data(f"{path}:{label}", features=path, csv=options, missing_labels=absent)
        except ValueError as error:
            refused.append(str(error))
            return
        accepted.append(suffix)
        assert read.reading.dropped == dropped.sum()
        used = [name for name in read.reading.features if name in names]
        assert list(read.reading.features) == used, "a column that is no feature was read as one"
        assert set(names) - set(used) <= set(read.reading.left_out), "a feature was dropped without a word"
        kept = features[~dropped][:, [names.index(name) for name in used]]
        np.testing.assert_array_equal(np.asarray(read.values), kept)
        plain = labels[~dropped]
        got, expected = accuracy(read.values, read.labels), accuracy(kept, plain)
        np.testing.assert_allclose(got, expected, rtol=1e-12)

    check()
    assert len(accepted) >= 200
    assert len(accepted) + len(refused) >= 500
    assert all("data." in error for error in refused), "an error does not name the file"


@settings(SETTINGS, max_examples=100)
@given(data=st.data())
def test_accepted_probabilities_give_the_accuracy_of_plain_arrays(tmp_path, data):
    n_classes = data.draw(st.integers(2, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    codes = rng.integers(n_classes, size=40)
    probs = np.full((40, n_classes), 0.2 / n_classes)
    probs[np.arange(40), codes] += 0.8
    kind = data.draw(st.sampled_from(["codes", "text", "numbers"]))
    classes = {
        "codes": list(range(n_classes)),
        "text": [f"class {c}" for c in rng.permutation(n_classes)],
        "numbers": [int(c) * 10 + 10 for c in rng.permutation(n_classes)],
    }[kind]
    order = rng.permutation(n_classes) if kind != "codes" else np.arange(n_classes)
    named = data.draw(st.booleans())
    columns = [f"p_{classes[i]}" for i in order] if named else [str(i) for i in range(n_classes)]
    pd.DataFrame(probs[:, order], columns=columns).to_csv(tmp_path / "probs.csv", index=False)
    np.save(tmp_path / "labels.npy", np.array(classes)[codes])
    given_classes = [classes[i] for i in order] if not named or data.draw(st.booleans()) else None
    read = read_data(tmp_path / "labels.npy", pred_probs=tmp_path / "probs.csv", classes=given_classes)
    assert read.reading.agreement == 1
    got = ln.accuracy_curve(np.asarray(read.values), read.labels, ln.UniformNoise(), [0.3], 5, classes=read.classes)
    expected = ln.accuracy_curve(probs, codes, ln.UniformNoise(), [0.3], 5)
    np.testing.assert_allclose(got.accuracy, expected.accuracy, rtol=1e-12)
