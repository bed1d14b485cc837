"""Blocks of features on disk: each whole or not there, and of one computation."""

from __future__ import annotations

import numpy as np
import pytest

from labelnoise.pretrained import extraction
from labelnoise.pretrained.parts import Parts


@pytest.fixture
def features(monkeypatch):
    monkeypatch.setattr(extraction, "BLOCK", 4)
    return np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


def parts(folder, model="a"):
    made = Parts(folder / "parts", {"model": model}, 10, 3, "float32")
    made.begin(overwrite=False)
    return made


def test_blocks_are_read_as_they_were_written(tmp_path, features):
    kept = parts(tmp_path)
    for start, stop in kept.missing():
        kept.write(start, features[start:stop])
    again = parts(tmp_path)
    assert again.missing() == []
    np.testing.assert_array_equal(np.concatenate(list(again.read())), features)
    again.remove()
    assert list(tmp_path.iterdir()) == []


def test_blocks_that_are_absent_damaged_or_of_another_shape_are_missing(tmp_path, features):
    kept = parts(tmp_path)
    assert kept.missing() == [(0, 4), (4, 8), (8, 10)]
    kept.write(0, features[:4])
    kept.write(4, features[4:7])
    kept.write(8, features[8:])
    path = tmp_path / "parts" / "000000008.npy"
    path.write_bytes(path.read_bytes()[:-1])
    assert kept.missing() == [(4, 8), (8, 10)]


def test_blocks_of_another_computation_are_kept_unless_overwritten(tmp_path, features):
    parts(tmp_path).write(0, features[:4])
    other = Parts(tmp_path / "parts", {"model": "b"}, 10, 3, "float32")
    assert not other.begun()
    with pytest.raises(FileExistsError, match=r"another computation, which was interrupted.*--overwrite"):
        other.begin(overwrite=False)
    assert parts(tmp_path).missing() == [(4, 8), (8, 10)]
    other.begin(overwrite=True)
    assert other.begun()
    assert len(other.missing()) == 3
