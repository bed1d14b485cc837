"""Turn the errors that libraries raise over damaged files into one error with the file and the cure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reading(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Turn any of `errors` into a ValueError that names the file and says what to do."""
    try:
        yield
    except errors as error:
        if "Object arrays" in str(error):  # NumPy says so of arrays that only pickle can read.
            raise ValueError(
                f"{path} must hold plain numbers or text; it holds Python objects, which only unsafe unpickling "
                f"could read. Save it again as array.astype(str) or array.astype(float)."
            ) from error
        lines = str(error).splitlines() or [type(error).__name__]
        raise ValueError(
            f"{path} must be a complete {path.suffix.lower()} file; reading it failed: {lines[0]}. "
            f"It may be cut short or damaged: write or copy it again."
        ) from error
