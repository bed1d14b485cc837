"""Files of arrays and a record: what was written is read, and other files are refused."""

from __future__ import annotations

import numpy as np
import pytest

from labelnoise.records import read_record, write_record


@pytest.mark.parametrize(
    "classes", [np.array(["b", "a"]), np.array([3, 1]), np.array([True, False]), np.array(["x", 3, True], dtype=object)]
)
def test_classes_arrays_and_record_come_back(tmp_path, classes):
    path = write_record(tmp_path / "of.runs", "test/1", classes, {"seed": 3}, codes=np.arange(4))
    assert path.name == "of.runs.npz"
    record, known, arrays = read_record(path, "test/1", "Test.save", {"codes"})
    assert [(type(c), c) for c in known.tolist()] == [(type(c), c) for c in classes.tolist()]
    assert record["seed"] == 3
    assert arrays.keys() == {"codes"}
    np.testing.assert_array_equal(arrays["codes"], np.arange(4))


def test_another_format_is_refused(tmp_path):
    path = write_record(tmp_path / "a.npz", "test/1", np.arange(2), {}, codes=np.arange(4))
    with pytest.raises(ValueError, match=r"a\.npz must hold test/2; got 'test/1'\. Was it saved by another version\?"):
        read_record(path, "test/2", "Test.save", {"codes"})
    with pytest.raises(ValueError, match=r"a\.npz must be a file that Test\.save wrote; it holds codes"):
        read_record(path, "test/1", "Test.save", {"codes", "runs"})
