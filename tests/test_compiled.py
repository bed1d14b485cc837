"""Kernels are compiled on first use, with a cache on disk where there can be one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from outer import outer
print(outer(1.0), sum(outer.stats.cache_hits.values()))
"""
INNER = """
from labelnoise.compiled import compiled
@compiled(inner=True)
def inner(x):
    return x + {}
"""
OUTER = """
from inner import inner
from constants import FACTOR
from labelnoise.compiled import compiled
@compiled()
def outer(x):
    return FACTOR * inner(x)
"""


def test_code_is_compiled_anew_when_a_kernel_or_constant_that_it_holds_has_changed(tmp_path):
    def run(inner, factor):
        (tmp_path / "inner.py").write_text(INNER.format(inner))
        (tmp_path / "constants.py").write_text(f"FACTOR = {factor}")
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": ""}
        command = [sys.executable, "-c", CHILD, str(tmp_path)]
        child = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        return [float(word) for word in child.stdout.split()]

    (tmp_path / "outer.py").write_text(OUTER)
    assert run(inner=10, factor=2) == [22, 0]
    assert run(inner=200, factor=2)[0] == 402
    assert run(inner=200, factor=3)[0] == 603


def test_unchanged_code_comes_from_the_cache(tmp_path):
    (tmp_path / "constants.py").write_text("FACTOR = 2")
    (tmp_path / "inner.py").write_text(INNER.format(10))
    (tmp_path / "outer.py").write_text(OUTER)
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": ""}
    said = [
        subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout for _ in range(2)
    ]
    assert said == ["22.0 0\n", "22.0 1\n"]


def test_every_kernel_of_the_package_is_compiled_by_this_decorator():
    sources = Path(labelnoise.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if re.search(r"\bn?jit\(", path.read_text())] == ["compiled.py"]
