"""The command `labelnoise features`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.pretrained import SIZE, save_weights, write_photos
from helpers.training_results import one_thread  # noqa: F401

from labelnoise.cli.main import main

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # Python 3.12 and later warn of it.


@pytest.fixture
def command(timm, tmp_path, monkeypatch, capsys):
    """Run the command on a small image folder; return the exit status and what it printed."""
    monkeypatch.delenv("LABELNOISE_DATA", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    save_weights(timm, tmp_path / "tiny.safetensors")
    write_photos(tmp_path / "photos", 12)

    def run(*options):
        given = ("photos", "--model", "test_byobnet", "--weights", "tiny.safetensors", "--image-size", SIZE)
        monkeypatch.setattr("sys.argv", ["labelnoise", "features", *map(str, given), *map(str, options)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code, *capsys.readouterr()

    return run


def test_the_command_says_where_features_and_labels_are(command, tmp_path):
    status, out, _ = command("--output-dir", "out", "--device", "cpu")
    assert status == 0
    assert "12 images of 3 classes" in out
    assert "photos, split train" in out
    assert f"Features: {tmp_path / 'out' / 'features.npy'}" in out
    assert np.load("out/features.npy").shape[0] == len(np.load("out/labels.npy")) == 12
    _, again, _ = command("--output-dir", "out", "--device", "cpu")
    assert "12 were there already" in again


def test_json_is_the_record_with_the_files(command):
    status, out, _ = command("--json", "--device", "cpu", "--dtype", "float16", "--components", 2, "--sample", 9)
    printed = json.loads(out)
    files = printed.pop("files")
    assert status == 0
    assert printed == json.loads(Path(files["json"]).read_text())
    features = np.load(files["features"])
    assert (features.shape, features.dtype) == ((9, 2), np.float16)


def test_errors_are_one_line_with_status_2(command):
    status, _, error = command("--split", "test")
    assert status == 2
    assert error.startswith("labelnoise: `split` must be one of 'train'")
    assert error.count("\n") == 1


def test_help_has_an_example(command):
    status, out, _ = command("--help")
    assert status == 0
    for text in ("Examples: labelnoise features", "--weights", "--output-dir", "--random-state", "--json"):
        assert text in out
