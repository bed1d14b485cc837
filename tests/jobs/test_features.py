"""Features of an image set as files: what they hold, what survives a kill, what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.pretrained import CLASSES, SIZE, save_weights, write_photos
from helpers.training_results import one_thread  # noqa: F401
from sklearn.decomposition import PCA

from labelnoise.artifacts import StrPath
from labelnoise.data import open_images, read_data
from labelnoise.jobs.features import FeaturesJob, FeaturesResult, class_values, run_features
from labelnoise.pretrained import extraction, image_features, load_model
from labelnoise.pretrained.parts import Parts

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # Python 3.12 and later warn of it.


@pytest.fixture(autouse=True)
def _blocks_of_eight(monkeypatch, tmp_path):
    monkeypatch.delenv("LABELNOISE_DATA", raising=False)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(extraction, "BLOCK", 8)


@pytest.fixture(scope="module")
def job(timm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    save_weights(timm, folder / "tiny.safetensors")
    photos = write_photos(folder / "photos", 30)
    return FeaturesJob(
        str(photos), "test_byobnet", str(folder / "tiny.safetensors"), image_size=SIZE, batch_size=4, device="cpu"
    )


def features_of(result: FeaturesResult):
    return np.load(result.files["features"])


def contents(folder: StrPath):
    """Return all files below a folder except the record, which holds times."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "features.json"}


def test_files_hold_features_labels_and_the_order_of_rows(job, tmp_path):
    result = run_features(job, tmp_path / "out")
    images = open_images(job.dataset)
    model = load_model(job.model, weights=job.weights, image_size=SIZE, device="cpu")
    np.testing.assert_allclose(features_of(result), image_features(images, model, workers=0), atol=1e-5)
    assert features_of(result).dtype == np.float32
    samples = pd.read_csv(result.files["csv"])
    assert samples["index"].tolist() == list(range(30))
    assert samples["file"].tolist() == images.file_names()
    assert [name.split("/")[-2] for name in samples["file"]] == samples["label"].tolist()
    assert np.load(result.files["labels"]).tolist() == samples["label"].tolist()
    assert np.load(result.files["classes"]).tolist() == list(CLASSES)
    record = json.loads(result.files["json"].read_text())
    assert record["identity"]["model"] == json.loads(json.dumps(model.summary()))
    assert (record["n_images"], record["n_features"], record["weights"]) == (30, model.n_features, job.weights)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f.name for f in result.files.values())


def test_what_was_read_is_told_before_the_work_and_recorded(job, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(job.dataset, photos)
    (photos / "train" / "ant" / "notes.txt").write_text("no image")
    (photos / "train" / "dog").mkdir()
    told = []

    def tell(reading):
        told.append((reading, (tmp_path / "out" / "features.parts").exists()))

    result = run_features(dataclasses.replace(job, dataset=str(photos), sample=9), tmp_path / "out", tell)
    ((reading, begun),) = told
    assert not begun
    assert (reading.rows, reading.notes) == (9, ("a random sample of 30 images",))
    assert "notes.txt" in "".join(reading.left_out)
    assert "class folders without images: 'dog'" in reading.warnings[0]
    assert result.record["reading"] == reading.summary()


def test_other_commands_read_features_labels_and_classes(job, tmp_path):
    files = run_features(job, tmp_path).files
    data = read_data(files["labels"], features=files["features"], classes=str(files["classes"]))
    assert data.values.shape == (30, np.load(files["features"]).shape[1])
    assert data.classes.tolist() == list(CLASSES)
    assert data.labels.tolist() == pd.read_parquet(files["parquet"])["label"].tolist()


def test_a_killed_computation_is_resumed_with_the_same_result(job, tmp_path):
    whole = run_features(job, tmp_path / "whole")
    child = os.fork()
    if child == 0:  # Write slowly, so that the signal comes between two blocks.
        write = Parts.write
        Parts.write = lambda parts, start, block: (write(parts, start, block), time.sleep(60 if start else 0))
        run_features(job, tmp_path / "killed")
        os._exit(1)
    blocks = tmp_path / "killed" / "features.parts"
    deadline = time.monotonic() + 60
    while len(list(blocks.glob("*.npy"))) < 2:
        assert time.monotonic() < deadline, "the child wrote no blocks"
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert not (tmp_path / "killed" / "features.npy").exists()
    resumed = run_features(job, tmp_path / "killed")
    assert (whole.computed, resumed.computed) == (30, 30 - 16)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_an_interruption_between_the_files_is_resumed(job, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("labelnoise.jobs.features.write_json", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_features(job, tmp_path)
    assert (tmp_path / "features.npy").exists()
    assert run_features(job, tmp_path).computed == 0
    assert (tmp_path / "features.json").exists()


def test_blocks_left_beside_a_finished_result_replace_nothing(job, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Parts, "remove", lambda parts: None)  # As if the call was killed just before.
        run_features(dataclasses.replace(job, components=2), tmp_path)
    assert (tmp_path / "features.parts").exists()
    with pytest.raises(FileExistsError, match="must hold no other result"):
        run_features(job, tmp_path)
    assert run_features(dataclasses.replace(job, components=2), tmp_path).computed == 0
    assert not (tmp_path / "features.parts").exists()


def test_a_damaged_image_costs_no_finished_block(job, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(job.dataset, photos)
    images = open_images(photos)
    last = images.file_names()[-1]
    Path(last).write_bytes(Path(last).read_bytes()[:60])
    damaged = dataclasses.replace(job, dataset=str(photos))
    with pytest.raises(ValueError, match=f"image 29 .{last}"):
        run_features(damaged, tmp_path / "out")
    assert len(list((tmp_path / "out" / "features.parts").glob("*.npy"))) == 3


def test_finished_features_are_not_computed_again(job, tmp_path):
    first = run_features(job, tmp_path)
    again = run_features(dataclasses.replace(job, batch_size=3), tmp_path)
    assert again.computed == 0
    assert again.record == json.loads(first.files["json"].read_text())
    first.files["features"].write_bytes(first.files["features"].read_bytes()[:-4] + b"\0\0\0\1")
    assert run_features(job, tmp_path).computed == 30


def test_another_result_in_the_folder_is_kept_unless_overwritten(job, tmp_path):
    kept = features_of(run_features(job, tmp_path))
    other = dataclasses.replace(job, image_size=32)
    with pytest.raises(FileExistsError, match="must hold no other result named 'features'"):
        run_features(other, tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "features.npy"), kept)
    assert not np.allclose(features_of(run_features(other, tmp_path, overwrite=True)), kept)


def test_components_are_those_of_scikit_learn(job, tmp_path):
    whole = features_of(run_features(job, tmp_path / "whole"))
    result = run_features(dataclasses.replace(job, components=5), tmp_path / "few")
    pca = PCA(5, svd_solver="full").fit(whole.astype(np.float64))
    np.testing.assert_allclose(features_of(result), pca.transform(whole), atol=1e-3)
    np.testing.assert_allclose(result.record["explained_variance"], pca.explained_variance_ratio_, atol=1e-5)
    with pytest.raises(ValueError, match="`components` must be at most 30, the smaller of images and features"):
        run_features(dataclasses.replace(job, components=31), tmp_path / "many")


@pytest.mark.parametrize("components", [None, 3])
def test_half_precision_and_safetensors_hold_the_same_features(job, tmp_path, components):
    job = dataclasses.replace(job, components=components)
    whole = features_of(run_features(job, tmp_path / "whole"))
    half = features_of(run_features(dataclasses.replace(job, dtype="float16"), tmp_path / "half"))
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, whole, rtol=1e-3, atol=1e-3)
    stored = run_features(dataclasses.replace(job, file_format="safetensors"), tmp_path / "stored").files
    data = read_data(stored["labels"], features=stored["features"])
    np.testing.assert_array_equal(data.values, whole)


def test_a_sample_keeps_the_order_of_the_images(job, tmp_path):
    whole = features_of(run_features(job, tmp_path / "whole"))
    result = run_features(dataclasses.replace(job, sample=7, random_state=1), tmp_path / "some")
    rows = pd.read_csv(result.files["csv"])["index"]
    assert rows.is_monotonic_increasing
    assert rows.nunique() == 7
    np.testing.assert_allclose(features_of(result), whole[rows], atol=1e-5)


def test_a_set_in_the_hubs_layout_has_the_same_features(job, tmp_path):
    files = open_images(job.dataset).file_names()
    rows = [{"image": {"bytes": Path(f).read_bytes(), "path": None}, "label": f.split("/")[-2]} for f in files]
    (tmp_path / "hub").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "hub" / "test-00000-of-00001.parquet")
    stored = run_features(dataclasses.replace(job, dataset=str(tmp_path / "hub"), split="test"), tmp_path / "a")
    np.testing.assert_allclose(features_of(stored), features_of(run_features(job, tmp_path / "b")), atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"dtype": "int8"}, ValueError, "`dtype` must be one of 'float32', 'float16'"),
        ({"file_format": "csv"}, ValueError, "`format` must be one of"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1"),
        ({"sample": 31}, ValueError, "`sample` must be at most 30, the number of images"),
        ({"split": "test"}, ValueError, "`split` must be one of 'train'"),
        ({"dataset": "/nowhere/at/all"}, FileNotFoundError, "there is no /nowhere/at/all"),
        ({"model": "test_byobnets"}, ValueError, "Did you mean 'test_byobnet'"),
        ({"weights": "/nowhere/w.safetensors"}, FileNotFoundError, "there is no file /nowhere"),
    ],
)
def test_bad_input_is_found_before_anything_is_written(job, tmp_path, change, error, says):
    with pytest.raises(error, match=says):
        run_features(dataclasses.replace(job, **change), tmp_path / "out")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_a_folder_without_images_is_refused(job, tmp_path):
    (tmp_path / "photos" / "train" / "ant").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"photos must be a folder of Parquet files .* or of images"):
        run_features(dataclasses.replace(job, dataset=str(tmp_path / "photos")), tmp_path / "out")


def test_classes_that_are_whole_numbers_keep_their_values():
    assert class_values(("1", "10", "2")).tolist() == [1, 10, 2]
    assert class_values(("01", "2")).tolist() == ["01", "2"]
    assert class_values(("-1", "0")).tolist() == [-1, 0]
