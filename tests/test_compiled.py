"""Kernels are compiled on first use, with a cache on disk where there can be one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from numba.core import caching

import labelnoise
from labelnoise.compiled import compiled

SOURCE = """
def {name}(x):
    return x + 1
"""


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """A function in a file of its own, so that its cache is in that file's folder."""
    monkeypatch.setattr(caching.config, "CACHE_DIR", "")
    path = tmp_path / "kernels.py"
    path.write_text(SOURCE.format(name="increment"))
    names = {}
    exec(compile(path.read_text(), path, "exec"), names)
    return names["increment"]


def test_a_kernel_is_cached_where_that_is_possible(plain, tmp_path):
    kernel = compiled(error_model="numpy")(plain)
    assert kernel(1) == 2
    assert kernel.targetoptions["nogil"]
    assert kernel.targetoptions["error_model"] == "numpy"
    assert len(list((tmp_path / "__pycache__").glob("*.nbc"))) == 1
    again = compiled(error_model="numpy")(plain)
    assert again(1) == 2
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_folder_that_cannot_be_written_is_no_error(plain, tmp_path, monkeypatch):
    def refuse(locator):
        raise PermissionError(locator.get_cache_path())

    monkeypatch.setattr(caching._CacheLocator, "ensure_cache_path", refuse)
    assert compiled()(plain)(1) == 2
    assert not (tmp_path / "__pycache__").exists()


def test_a_folder_that_can_no_longer_be_written_is_no_error(plain, tmp_path, monkeypatch):
    kernel = compiled()(plain)

    def refuse(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(caching.IndexDataCacheFile, "_save_index", refuse)
    assert kernel(1) == 2


@pytest.mark.parametrize("damage", [b"", b"half a file", b"\0" * 100])
def test_a_damaged_cache_is_no_error(plain, tmp_path, damage):
    compiled()(plain)(1)
    for pattern in ("*.nbi", "*.nbc"):
        for path in (tmp_path / "__pycache__").glob(pattern):
            path.write_bytes(damage)
        assert compiled()(plain)(1) == 2


def test_every_kernel_of_the_package_is_compiled_by_this_decorator():
    sources = Path(labelnoise.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if re.search(r"\bn?jit\(", path.read_text())] == ["compiled.py"]
