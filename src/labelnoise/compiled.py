"""The one decorator of all numba kernels: compiled on first use, and kept on disk wherever a folder can be written."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache


class _Cache(FunctionCache):
    """A cache on disk, whose failures cost the time of compiling and nothing else."""

    @contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        """Let a kernel be compiled anew where numba cannot read or write: a full disk, another user's file."""
        with suppress(OSError, EOFError, pickle.UnpicklingError):
            yield


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
