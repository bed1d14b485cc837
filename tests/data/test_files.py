"""Labels, features and predicted probabilities are read from every format, and damaged files are reported."""

import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save_file

import labelnoise as ln
from labelnoise.data import read_data, read_features, read_labels, read_noise, read_pred_probs, split_column
from labelnoise.sweeps.shared_arrays import mapped_file

SUFFIXES = (".npy", ".npz", ".csv", ".parquet", ".safetensors")
LABELS = np.array([2, 0, 1, 1, 0, 2])
FEATURES = np.random.default_rng(0).normal(size=(6, 3))


def write_features(path: Path, features: np.ndarray, labels: np.ndarray) -> Path:
    """Write both into one file, as far as the format allows."""
    if path.suffix == ".npy":
        np.save(path, features)
    elif path.suffix == ".npz":
        np.savez(path, features=features, labels=labels)
    elif path.suffix == ".safetensors":
        save_file({"features": np.ascontiguousarray(features), "labels": labels}, path)
    else:
        frame = pd.DataFrame(features, columns=[f"f{i}" for i in range(features.shape[1])]).assign(label=labels)
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
    return path


def write_labels(path: Path, labels: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".npz":
        np.savez(path, labels)
    elif path.suffix == ".safetensors":
        save_file({"given": labels}, path)
    else:
        frame = pd.DataFrame({"class": labels})
        frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    features=arrays(
        st.sampled_from([np.float32, np.float64]),
        array_shapes(min_dims=2, max_dims=2, max_side=5),
        elements=st.floats(allow_nan=True, width=32),
    )
)
def test_features_come_back_as_they_were_written(tmp_path, suffix, features):
    path = write_features(tmp_path / f"data{suffix}", features, np.arange(len(features)))
    read = read_features(path)
    np.testing.assert_array_equal(read.astype(features.dtype), features)  # A CSV file has no types.
    assert read.dtype == (np.float64 if suffix == ".csv" else features.dtype)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=arrays(np.int64, st.integers(1, 20)))
def test_integer_labels_come_back_as_they_were_written(tmp_path, suffix, labels):
    read = read_labels(write_labels(tmp_path / f"labels{suffix}", labels))
    np.testing.assert_array_equal(read, labels)
    assert read.dtype == np.int64


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s != ".safetensors"])
@pytest.mark.parametrize(
    "classes",
    [["cat", "dog", "größe"], ["007", "7", "11"], ['a "b"', "c,d", "e\nf"], ["1.2.3", "1", "2"]],
)
def test_text_labels_come_back_as_they_were_written(tmp_path, suffix, classes):
    labels = np.array(classes)[LABELS]
    read = read_labels(write_labels(tmp_path / f"labels{suffix}", labels))
    assert read.tolist() == labels.tolist()
    assert read.dtype.kind == "U"


def test_labels_and_features_lie_side_by_side(tmp_path):
    for suffix in SUFFIXES[1:]:
        path = write_features(tmp_path / f"both{suffix}", FEATURES, LABELS)
        np.testing.assert_array_equal(read_labels(path), LABELS)
        np.testing.assert_allclose(read_features(path), FEATURES, rtol=1e-15)


def test_arrays_of_images_keep_their_shape_and_type(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), np.uint8))
    images = read_features(tmp_path / "images.npy")
    assert images.shape == (4, 8, 8)
    assert images.dtype == np.uint8


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float32(), 3), pa.large_list(pa.float32())])
def test_each_list_of_a_list_column_is_one_row_of_features(tmp_path, kind):
    table = pa.table(
        {
            "id": pa.array(range(6)),
            "embedding": pa.array(FEATURES.astype(np.float32).tolist(), kind),
            "label": pa.array(LABELS),
        }
    )
    pq.write_table(table, tmp_path / "data.parquet", row_group_size=4)
    read = read_features(tmp_path / "data.parquet")
    np.testing.assert_array_equal(read, FEATURES.astype(np.float32))
    assert read.dtype == np.float32


def test_nested_lists_become_axes_and_missing_numbers_nan(tmp_path):
    pq.write_table(pa.table({"x": [[[1, 2], [3, None]], [[5, 6], [7, 8]]]}), tmp_path / "nested.parquet")
    np.testing.assert_array_equal(read_features(tmp_path / "nested.parquet"), [[[1, 2], [3, np.nan]], [[5, 6], [7, 8]]])
    (tmp_path / "gaps.csv").write_text("a,b,label\n1,,cat\nNA,4,dog\n")
    np.testing.assert_array_equal(read_features(tmp_path / "gaps.csv"), [[1, np.nan], [np.nan, 4]])


def test_row_numbers_and_labels_are_not_features(tmp_path):
    frame = pd.DataFrame({"x": [1.5, 2], "y": [3, 4], "given_label": [0, 1], "id": [7, 8], "note": ["a", "b"]})
    for path in (tmp_path / "data.csv", tmp_path / "data.parquet"):
        frame.to_csv(path) if path.suffix == ".csv" else frame.set_index(pd.Index([5, 9])).to_parquet(path)
        np.testing.assert_array_equal(read_features(path), [[1.5, 3], [2, 4]])
        np.testing.assert_array_equal(read_features(path, columns=["y", "id"]), [[3, 7], [4, 8]])
        np.testing.assert_array_equal(read_labels(path, column="given_label"), [0, 1])


def test_a_csv_column_may_begin_with_integers_and_end_with_floats(tmp_path):
    lines = ["a,b", *["1,2"] * 3_000_000, "0.5,2.25"]  # Types are guessed per block; this is more than one.
    (tmp_path / "late.csv").write_text("\n".join(lines))
    np.testing.assert_array_equal(read_features(tmp_path / "late.csv")[-1], [0.5, 2.25])


def test_a_csv_with_byte_order_mark_and_spaces_is_read(tmp_path):
    (tmp_path / "bom.csv").write_bytes("\ufefflabel, x\r\ncat, 1\r\ndog, 2\r\n".encode())
    assert read_labels(tmp_path / "bom.csv").tolist() == ["cat", "dog"]
    assert read_features(tmp_path / "bom.csv").tolist() == [[1], [2]]


def test_parquet_categories_and_bytes_are_classes(tmp_path):
    pd.DataFrame({"label": pd.Categorical(["cat", "dog", "cat"])}).to_parquet(tmp_path / "categories.parquet")
    assert read_labels(tmp_path / "categories.parquet").tolist() == ["cat", "dog", "cat"]
    np.save(tmp_path / "bytes.npy", np.array([b"cat", b"dog"]))
    assert read_labels(tmp_path / "bytes.npy").tolist() == ["cat", "dog"]
    np.save(tmp_path / "column.npy", LABELS[:, np.newaxis])
    np.testing.assert_array_equal(read_labels(tmp_path / "column.npy"), LABELS)


def test_pred_probs_have_usual_names_of_their_own(tmp_path):
    probs = np.full((6, 2), 0.5)
    np.savez(tmp_path / "all.npz", features=FEATURES, Softmax=probs, labels=LABELS)
    np.testing.assert_array_equal(read_pred_probs(tmp_path / "all.npz"), probs)
    np.testing.assert_array_equal(read_features(tmp_path / "all.npz"), FEATURES)
    pd.DataFrame(probs, columns=["cat", "dog"]).assign(label=LABELS).to_csv(tmp_path / "probs.csv", index=False)
    np.testing.assert_array_equal(read_pred_probs(tmp_path / "probs.csv"), probs)
    np.testing.assert_array_equal(read_pred_probs(tmp_path / "probs.csv", columns="dog"), probs[:, 1:])


def test_columns_numbered_from_0_are_a_header(tmp_path):
    pd.DataFrame(FEATURES).to_csv(tmp_path / "numbered.csv", index=False)
    np.testing.assert_allclose(read_features(tmp_path / "numbered.csv"), FEATURES)


def test_split_column_splits_at_the_colon_after_the_suffix(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert split_column("a/file.npz:labels") == (Path("a/file.npz"), "labels")
    assert split_column("table.v2.csv:given:label") == (Path("table.v2.csv"), "given:label")
    assert split_column("file.npz") == (Path("file.npz"), None)
    assert split_column(Path("C:\\data\\file.npz:y")) == (Path("C:\\data\\file.npz"), "y")
    assert split_column("C:\\data\\file.npz") == (Path("C:\\data\\file.npz"), None)
    with pytest.raises(ValueError, match="a column must be named after the colon"):
        split_column("file.npz:")
    np.save("odd.npy:1.npy", LABELS)
    assert split_column("odd.npy:1.npy") == (Path("odd.npy:1.npy"), None)


def test_missing_files_folders_and_unknown_formats_are_refused(tmp_path):
    np.save(tmp_path / "labels.npy", LABELS)
    with pytest.raises(FileNotFoundError, match=r"there is no .*labals\.npy\. Did you mean .*labels\.npy\?"):
        read_labels(tmp_path / "labals.npy")
    with pytest.raises(FileNotFoundError, match="there is no"):
        read_labels(tmp_path / "nowhere" / "labels.npy")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        read_labels(tmp_path)
    (tmp_path / "labels.pkl").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(
        ValueError,
        match=r"must end in one of \.npy, \.npz, \.csv, \.tsv, \.jsonl, \.parquet, \.safetensors; got 'labels",
    ):
        read_labels(tmp_path / "labels.pkl")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_is_reported_as_empty(tmp_path, suffix):
    path = tmp_path / f"empty{suffix}"
    path.touch()
    with pytest.raises(ValueError, match=r"must hold data; it is empty \(0 bytes\)"):
        read_features(path)


@pytest.mark.parametrize("suffix", [s for s in SUFFIXES if s != ".csv"])
@pytest.mark.parametrize("keep", [0.02, 0.5, 0.99])
def test_a_truncated_file_is_reported_as_cut_short(tmp_path, suffix, keep):
    path = write_features(tmp_path / f"data{suffix}", np.random.default_rng(0).normal(size=(200, 5)), np.arange(200))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(ValueError, match=r"data\.\w+ must be a complete .* file; reading it failed: .* cut short"):
        read_features(path)


def test_a_flipped_byte_is_found_where_the_format_has_checksums(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", FEATURES.repeat(50, axis=0))
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(ValueError, match="reading it failed"):
        read_features(tmp_path / "data.npz")


class Dangerous:
    def __reduce__(self):
        return (pytest.fail, ("a file was unpickled",))


def test_python_objects_are_never_unpickled(tmp_path):
    array = np.array([Dangerous(), "cat"], dtype=object)
    np.save(tmp_path / "objects.npy", array)
    np.savez(tmp_path / "objects.npz", labels=array)
    for name in ("objects.npy", "objects.npz"):
        with pytest.raises(ValueError, match=r"it holds Python objects.*astype\(str\)"):
            read_labels(tmp_path / name)
    for name in ("pickle.npy", "pickle.npz", "pickle.parquet"):
        (tmp_path / name).write_bytes(pickle.dumps(Dangerous()))
        with pytest.raises(ValueError, match="a pickle, which is never read"):
            read_labels(tmp_path / name)


def test_archives_with_other_or_encrypted_members_are_refused(tmp_path):
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("labels", "0\n1\n")
    with pytest.raises(ValueError, match=r"\.npz file; reading it failed: its member 'labels' is not an array"):
        read_labels(path)
    np.savez(path, labels=LABELS)
    content = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"reading it failed: .*encrypted"):
        read_labels(path)


def test_a_header_that_is_not_python_is_refused(tmp_path):
    np.save(tmp_path / "labels.npy", LABELS)
    content = (tmp_path / "labels.npy").read_bytes()
    (tmp_path / "labels.npy").write_bytes(content.replace(b"(6,", b"j6,"))
    with pytest.raises(ValueError, match="reading it failed"):
        read_labels(tmp_path / "labels.npy")


def test_a_file_of_another_format_is_refused(tmp_path):
    np.savez(tmp_path / "data.npz", LABELS)
    (tmp_path / "data.npz").rename(tmp_path / "data.npy")
    with pytest.raises(ValueError, match=r"must be a \.npy file, as its name says"):
        read_labels(tmp_path / "data.npy")


def test_a_header_that_promises_too_much_does_not_exhaust_memory(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 100)}".ljust(117) + b"\n"
    (tmp_path / "huge.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(ValueError, match="reading it failed"):
        read_features(tmp_path / "huge.npy")


def test_unclear_names_are_listed(tmp_path):
    np.savez(tmp_path / "two.npz", first=LABELS, second=LABELS)
    with pytest.raises(ValueError, match=r"it has 'first', 'second'\. Name one, for example two\.npz:first"):
        read_labels(tmp_path / "two.npz")
    with pytest.raises(ValueError, match=r"it has 'first', 'second'\. Did you mean 'first'\?"):
        read_labels(tmp_path / "two.npz", column="frst")
    with pytest.raises(ValueError, match=r"'given_labl'; it has .*Did you mean 'given_label'\?"):
        read_labels(_csv(tmp_path, "given_label,x\n0,1\n"), column="given_labl")
    with pytest.raises(ValueError, match=r"'zzz'; it has 'given_label', 'x'\. Name one of these"):
        read_features(_csv(tmp_path, "given_label,x\n0,1\n"), columns=["x", "zzz"])
    np.save(tmp_path / "one.npy", LABELS)
    with pytest.raises(ValueError, match="one array without a name; got the name 'labels'"):
        read_labels(tmp_path / "one.npy", column="labels")
    with pytest.raises(ValueError, match="must name one array"):
        read_features(tmp_path / "two.npz", columns=["first", "second"])
    with pytest.raises(ValueError, match="must name at least one column"):
        read_features(tmp_path / "two.npz", columns=[])


@pytest.mark.parametrize(
    ("text", "row"),
    [("label,x\ncat,1\n,2\n", 1), ("label,x\n1,1\n2,2\n,3\n", 2), ("label,x\n1.0,1\n ,3\n", 1)],
)
def test_a_missing_label_in_a_csv_names_its_row(tmp_path, text, row):
    with pytest.raises(ValueError, match=rf"data\.csv:label must hold a label for every sample; row {row} "):
        read_labels(_csv(tmp_path, text))


@pytest.mark.parametrize("labels", [["cat", None], [1, None], [True, None], [0.5, None], pd.Categorical(["cat", None])])
def test_a_missing_label_in_a_parquet_file_names_its_row(tmp_path, labels):
    pq.write_table(pa.table({"label": pa.array(labels)}), tmp_path / "data.parquet")
    with pytest.raises(ValueError, match=r"row 1 \(counted from 0\) has none"):
        read_labels(tmp_path / "data.parquet")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.eye(3), "one label per sample; got shape .*one-hot"),
        (np.array([1.0, np.nan, np.nan]), "row 1 .* has none, the first of 2 such rows"),
        (np.array([], int), "at least one label"),
        (np.array([1j]), "integers or text; it is of dtype complex128"),
    ],
)
def test_arrays_that_are_not_labels_are_refused(tmp_path, array, message):
    np.save(tmp_path / "labels.npy", array)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / "labels.npy")


def test_lists_are_not_labels(tmp_path):
    pq.write_table(pa.table({"label": [[1, 2], [3]]}), tmp_path / "lists.parquet")
    with pytest.raises(ValueError, match="integers or text; it is of type list"):
        read_labels(tmp_path / "lists.parquet")


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a,b\n1,2\n3,4x\n5,6\n", None, r"column 'b' .* must hold numbers; row 1 \(counted from 0\) holds '4x'"),
        ("a,b\n1,cat\n3,dog\n", ["a", "b"], "column 'b' .* must hold numbers; row 0 .* holds 'cat'"),
        ("a,label\ncat,1\ndog,2\n", None, "must have a column of numbers for features; it has 'a', 'label'"),
        ("a,b\n", None, "must hold at least one row"),
        ("a b\n1 2\n", None, "must be separated by one character; it may be space or comma"),
        ("0.5,1.5\n2,3\n", None, "must name its columns in its first line"),
        ("a,a\n1,2\n", None, "'a' comes twice"),
        ("a,b\n1,2\n3\n", None, "reading it failed: .*Expected 2 columns, got 1"),
        ("a,b\n1,2,3\n", None, "reading it failed: .*Expected 2 columns, got 3"),
    ],
)
def test_csv_files_without_features_are_refused(tmp_path, text, columns, message):
    with pytest.raises(ValueError, match=message):
        read_features(_csv(tmp_path, text), columns=columns)


def test_a_csv_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "data.csv").write_bytes("label,x\ngröße,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"must be text in UTF-8; .*--csv encoding=latin-1"):
        read_labels(tmp_path / "data.csv")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([[1.0, 2.0], [3.0]], "row 1 .* holds 1 values, row 0 holds 2"),
        ([[1.0, 2.0], None], "row 1 .* holds no list, row 0 holds 2"),
        ([[[1], [2]], [[3], [4, 5]]], "row 1 .* holds 2 values, row 0 holds 1"),
        ([[], []], "a row of features per sample, none empty"),
        (["a", "b"], "must have a column of numbers"),
    ],
)
def test_parquet_files_without_features_are_refused(tmp_path, column, message):
    kind = pa.list_(pa.float64()) if column[0] == [] else None
    pq.write_table(pa.table({"features": pa.array(column, kind)}), tmp_path / "data.parquet")
    with pytest.raises(ValueError, match=message):
        read_features(tmp_path / "data.parquet")


def test_parquet_columns_of_another_type_are_refused_by_name(tmp_path):
    pq.write_table(pa.table({"a": [1], "when": pa.array([0], pa.timestamp("s"))}), tmp_path / "data.parquet")
    with pytest.raises(ValueError, match=r"column 'when' .* it is of type timestamp.*Columns of numbers: 'a'"):
        read_features(tmp_path / "data.parquet", columns=["a", "when"])


def test_features_must_be_numbers_in_rows(tmp_path):
    np.save(tmp_path / "text.npy", np.array([["a"]]))
    with pytest.raises(ValueError, match="must hold real numbers; it is of dtype <U1"):
        read_features(tmp_path / "text.npy")
    np.save(tmp_path / "flat.npy", LABELS)
    with pytest.raises(ValueError, match=r"a row of features per sample, none empty; got shape \(6,\)"):
        read_features(tmp_path / "flat.npy")


def test_the_error_about_bfloat16_says_what_to_do(tmp_path):
    header = b'{"x":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}}'
    (tmp_path / "half.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(ValueError, match=r"it is BF16\. Save it as float32"):
        read_features(tmp_path / "half.safetensors")


def test_importing_loads_nothing_heavy():
    heavy = "{'pandas', 'pyarrow', 'datasets', 'PIL', 'safetensors', 'sklearn', 'torch', 'matplotlib'}"
    code = f"import sys, labelnoise.data, labelnoise.artifacts; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _csv(folder: Path, text: str) -> Path:
    path = folder / "data.csv"
    path.write_text(text)
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("suffix", [*SUFFIXES, ".jsonl", ".csv.gz"])
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    os.mkfifo(path)
    for read in (read_labels, read_features, read_noise, ln.Neighbors.load, ln.NoisyLabels.load):
        with pytest.raises(ValueError, match="must be a regular file; it is a device, pipe or socket"):
            read(str(path))


@pytest.mark.parametrize("part", ["{}.csv", "labels.csv:{}", "{}/labels.csv"])
def test_names_longer_than_the_file_system_takes_are_those_of_no_file(tmp_path, monkeypatch, part):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.csv").write_text("label\ncat\ndog\n")
    name = "a" * 300
    with pytest.raises((FileNotFoundError, ValueError), match=rf"there is no .*{name}|must have an array or column"):
        read_data(part.format(name))
    with pytest.raises(ValueError, match="`classes` must list every class"):
        read_data("labels.csv", classes=f"{name},b")


def test_a_large_npy_file_is_mapped_into_memory(tmp_path, monkeypatch):
    """Its values are not read before they are used, also where all labels are there; a damaged one is an error."""
    features, labels = np.arange(24.0).reshape(6, 4), np.arange(6) % 2
    np.save(tmp_path / "x.npy", features)
    np.save(tmp_path / "y.npy", labels)
    assert mapped_file(read_data(tmp_path / "y.npy", features=tmp_path / "x.npy").values) is None
    monkeypatch.setattr("labelnoise.data.formats._LARGE", 250)
    values = read_data(tmp_path / "y.npy", features=tmp_path / "x.npy").values
    assert mapped_file(values) == (tmp_path / "x.npy", 128)
    np.testing.assert_array_equal(values, features)
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"x\.npy"):
        read_data(tmp_path / "y.npy", features=tmp_path / "x.npy")
