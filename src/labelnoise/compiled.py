"""The one decorator of all numba kernels: compiled on first use, and kept on disk wherever a folder can be written."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


class _Cache(FunctionCache):
    """A cache on disk, whose failures cost the time of compiling and nothing else.

    numba keeps compiled code as long as the kernel's own file is the same. But that code also holds the kernels that it
    calls, and the constants of other files. So it is kept only as long as those are the same as well.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return compiled code from the cache, or None."""
        # Only now are all names defined that the kernel uses.
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file._source_stamp = stamp, tuple(sorted(_ingredients(self._py_func)))
        return super().load_overload(sig, target_context)

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        """Let a kernel be compiled anew where numba cannot read or write: a full disk, another user's file."""
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            yield


def _ingredients(function: FunctionType) -> set[str]:
    """Return what the code of a kernel depends on: the files of all functions in it, and the constants it names."""
    found: set[str] = set()
    waiting, seen = [function], set()
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        with suppress(OSError):  # Code from a console or a zip file has no file that could change.
            status = Path(function.__code__.co_filename).stat()
            found.add(f"{function.__module__} {status.st_mtime_ns} {status.st_size}")
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            # Kernels and intrinsics of numba hold the Python function that they were made of.
            source = getattr(value, "py_func", getattr(value, "_defn", None))
            if isinstance(source, FunctionType):
                waiting.append(source)
            elif isinstance(value, bool | int | float | str | tuple):
                found.add(f"{name} = {value!r}")
    return found


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names in code, and in the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def compiled(*, inner: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a kernel, which then runs without the GIL.

    Compiled code is kept in the package's ``__pycache__`` folders, or in the user's cache folder where those cannot be
    written. The environment variable ``NUMBA_CACHE_DIR`` names another folder. Where no folder can be written
    (containers that run as another user, read-only images), every process compiles anew, which takes some seconds.

    Parameters
    ----------
    inner : bool, default False
        Whether only other kernels call it. It then has no entry from Python, whose compilation may take longer than
        that of the kernel itself if it takes many arrays.
    **options
        Options of ``numba.njit``, such as ``fastmath`` and ``error_model``.
    """

    if inner:
        options = {**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

    def decorate(function: Callable[..., Any]) -> Any:
        kernel = njit(nogil=True, **options)(function)
        with suppress(RuntimeError):  # numba finds no folder for a cache
            kernel._cache = _Cache(function)
        return kernel

    return decorate
