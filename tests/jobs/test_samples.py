"""Where the samples of a job come from."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labelnoise.jobs.image_samples import read_pixels
from labelnoise.jobs.samples import SampleSource


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "give one source: .* got none"),
        ({"dataset": "mnist", "features": "x.npy"}, "got --dataset and --features"),
        ({"features": "x.npy"}, "--features needs --labels FILE"),
        ({"pred_probs": "p.npy"}, "--pred-probs needs --labels FILE"),
        ({"features": "x.npy", "labels": "y.npy", "test_split": "val"}, "--test-split names a split of an image set"),
        ({"features": "x.npy", "labels": "y.npy", "test_labels": "y.npy"}, "go together"),
        ({"dataset": "mnist", "labels": "y.npy"}, "--labels goes with files"),
        ({"dataset": "mnist", "missing_labels": ("x",)}, "--missing-label goes with files"),
        ({"dataset": "mnist", "id_columns": ()}, "--id-columns goes with files"),
        (
            {"pred_probs": "p.npy", "labels": "y.npy", "test_features": "x.npy", "test_labels": "y.npy"},
            "--test-features goes with --features",
        ),
    ],
)
def test_a_choice_that_is_not_one_complete_source_is_refused_before_a_file_is_opened(options, says):
    with pytest.raises(ValueError, match=says):
        SampleSource(**options).read()


def test_samples_are_read_with_every_option_and_described(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(30, 2)), columns=["h", "w"]).assign(kind="cat", number=range(30))
    frame.loc[::2, "kind"], frame.loc[3, "kind"] = "dog", "?"
    train, test = str(tmp_path / "train.csv"), str(tmp_path / "test.csv")
    frame.to_csv(train, sep=";", decimal=",", index=False)
    frame[["w", "kind", "h"]].to_csv(test, sep=";", decimal=",", index=False)
    options = {
        "features": train,
        "labels": f"{train}:kind",
        "classes": "dog,cat",
        "id_columns": ("number",),
        "missing_labels": ("?",),
        "csv": {"sep": ";", "decimal": ","},
    }
    alone = SampleSource(**options)
    samples, none = alone.read()
    assert (none, samples.reading.test_samples) == (None, "each sample against all others")
    assert alone.source() == options
    assert alone.description(samples) == "train.csv, 2 features, leave one out"
    both = SampleSource(**options, test_features=test, test_labels=f"{test}:kind")
    samples, tested = both.read()
    assert (samples.reading.dropped, samples.classes.tolist()) == (1, ["dog", "cat"])
    np.testing.assert_array_equal(samples.values, tested.values)
    assert samples.reading.test == tested.reading
    assert both.description(samples) == "train.csv, 2 features"


def test_probabilities_have_no_test_samples(tmp_path):
    np.savez(tmp_path / "out.npz", probs=np.full((4, 2), 0.5), labels=[0, 1, 0, 1])
    file = str(tmp_path / "out.npz")
    source = SampleSource(pred_probs=file, labels=file)
    samples, test = source.read()
    assert (test, samples.reading.test_samples) == (None, "")
    assert source.description(samples) == "out.npz: clean distribution from predicted probabilities"


def test_what_an_image_folder_leaves_out_and_what_is_odd_is_part_of_the_reading(tmp_path):
    for i, name in enumerate(("train/ant/1.png", "train/bee/deep/2.png", "test/ant/3.png", "test/bee/4.png")):
        (tmp_path / name).parent.mkdir(parents=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(tmp_path / name)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "test" / "cover.png")
    for name in ("1.heic", "notes.txt", "raw.npy"):
        (tmp_path / "train" / "ant" / name).touch()
    train, test = SampleSource(dataset=str(tmp_path)).read()
    assert (train.reading.rows, test.reading.rows) == (2, 2)
    assert train.reading.left_out == {"3 files, such as ant/1.heic": "no image by its name"}
    assert test.reading.left_out == {"1 file cover.png": "outside class folders"}
    assert ["below class folders (1)" in warning for warning in train.reading.warnings] == [True]
    assert ["outside class folders (1)" in warning for warning in test.reading.warnings] == [True]
    assert train.reading.summary()["test"]["left_out"] == test.reading.left_out


def write_images(folder, *names):
    for i, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(folder / name)
    return str(folder)


def test_an_image_set_of_one_split_is_tested_leave_one_out(tmp_path):
    plain = write_images(tmp_path / "plain", "ant/1.png", "bee/2.png")
    both = write_images(tmp_path / "both", "train/ant/1.png", "train/bee/2.png", "val/ant/3.png")
    only = write_images(tmp_path / "only", "test/ant/1.png", "test/bee/2.png")
    for options in ((plain, None), (plain, "train"), (both, "train"), (both, "training"), (only, None), (only, "test")):
        source = SampleSource(dataset=options[0], test_split=options[1])
        train, test = source.read()
        assert (len(train.labels), test) == (2, None)
        assert train.reading.test_samples == "each sample against all others"
        assert source.description(train).endswith("pixel values, leave one out")
    train, test = SampleSource(dataset=both, test_split="val").read()
    assert (len(train.labels), len(test.labels)) == (2, 1)


def test_a_split_for_tests_that_is_not_there_is_asked_for(tmp_path):
    both = write_images(tmp_path / "both", "train/ant/1.png", "train/bee/2.png", "val/ant/3.png")
    with pytest.raises(ValueError, match=r"--test-split must name .* 'train', 'validation'; got 'test', the default"):
        SampleSource(dataset=both).read()
    plain = write_images(tmp_path / "plain", "ant/1.png", "bee/2.png")
    with pytest.raises(ValueError, match=r"--test-split must name .* 'train'; got 'val'\. Name another, or 'train' to"):
        SampleSource(dataset=plain, test_split="val").read()


def test_an_empty_class_folder_is_reported_once(tmp_path):
    source = write_images(tmp_path / "set", "ant/1.png", "bee/2.png")
    (tmp_path / "set" / "cow").mkdir()
    data, paths = read_pixels(source, "train")  # Any warning of Python would be an error here.
    assert ["'cow'" in warning for warning in data.reading.warnings] == [True, False]
    assert [path.rpartition("/")[2] for path in paths] == ["1.png", "2.png"]
