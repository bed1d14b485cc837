"""The job of `labelnoise diagnose` on image sets, and its options."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers.pictures import only_svg
from helpers.pretrained import CLASSES, save_weights, write_photos
from helpers.training_results import one_thread  # noqa: F401

from labelnoise.jobs.diagnose import DiagnoseJob, run_diagnose
from labelnoise.jobs.samples import SampleSource

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # Python 3.12 and later warn of it.


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """An image folder of 30 photographs; one lies in the folder of another class."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LABELNOISE_DATA", raising=False)
        root = write_photos(tmp_path_factory.mktemp("images") / "photos", 30, size=(24, 24))
        (root / "train" / "ant" / "000.png").rename(root / "train" / "bee" / "000.png")
        yield root


@pytest.fixture(scope="module")
def pixels(photos, tmp_path_factory):
    """The result of the photographs' pixels, what was said, and the folder."""
    folder = tmp_path_factory.mktemp("pixels")
    return *run(photos, folder, k=5, metric="cosine"), folder


def run(photos, folder, **options):
    said = []
    job = DiagnoseJob(SampleSource(dataset=str(photos)), audit_samples=5, plan=4, **options)
    return run_diagnose(job, folder, said.append), said


def check_paths(folder, photos):
    """Check that every table says which image each row is, and what the name of its folder says."""
    tables = [pd.read_csv(folder / f"{name}.csv", encoding="utf-8-sig") for name in ("plan", "samples", "audit")]
    files = sorted(path for name in CLASSES for path in (photos / "train" / name).iterdir())
    for table in tables:
        assert list(table["path"]) == [str(files[index]) for index in table["index"]]
        assert list(table["given_label"]) == [files[index].parent.name for index in table["index"]]


def test_pixels_of_an_image_folder_show_the_misplaced_image(photos, pixels):
    result, said, folder = pixels
    check_paths(folder, photos)
    assert any("--model" in warning for warning in said[0].warnings)
    samples = result.diagnosis.samples
    worst = samples.loc[samples["wrong_probability"].idxmax()]
    assert worst["path"].endswith("bee/000.png")
    assert worst["suggested_label"] == "ant"


def test_a_network_computes_the_features_once(photos, tmp_path, timm, monkeypatch):
    only_svg(monkeypatch)
    save_weights(timm, tmp_path / "tiny.safetensors")
    options = {"model": "test_byobnet", "weights": str(tmp_path / "tiny.safetensors")}
    result, said = run(photos, tmp_path / "out", **options)
    check_paths(tmp_path / "out", photos)
    assert "features of test_byobnet" in said[0].features[0]
    computed = tmp_path / "out" / "features" / "features.npy"
    before = computed.stat().st_mtime_ns
    again, _ = run(photos, tmp_path / "out", **options)
    assert computed.stat().st_mtime_ns == before
    np.testing.assert_array_equal(again.diagnosis.wrong_probability, result.diagnosis.wrong_probability)


def test_files_that_are_not_used_are_listed_with_a_network_as_with_pixels(photos, tmp_path, timm, monkeypatch):
    only_svg(monkeypatch)
    save_weights(timm, tmp_path / "tiny.safetensors")
    copy = shutil.copytree(photos, tmp_path / "copy")
    (copy / "train" / "ant" / "notes.txt").write_text("no image")
    said = run(copy, tmp_path / "out", model="test_byobnet", weights=str(tmp_path / "tiny.safetensors"))[1]
    assert any("notes.txt" in name for name in said[0].left_out)
    assert said[0].left_out == run(copy, tmp_path / "pixels", k=5)[1][0].left_out


def test_all_options_are_in_the_specification_in_one_level(photos, pixels):
    result, _, folder = pixels
    options = json.loads((folder / "specification.json").read_text())["options"]
    assert (options["dataset"], options["k"], options["metric"], options["plan"]) == (str(photos), 5, "cosine", 4)
    assert options["audit_samples"] == 5
    assert not any(name.startswith("test_") for name in options)
    assert result.diagnosis.data.k == 5


def test_test_samples_are_refused():
    source = SampleSource(features="x.npy", labels="y.npy", test_features="t.npy", test_labels="u.npy")
    with pytest.raises(ValueError, match="--test-features is no option of diagnose"):
        DiagnoseJob(source).check()
    DiagnoseJob(replace(source, test_features=None, test_labels=None)).check()
