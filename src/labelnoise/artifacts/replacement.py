"""Write files whole or not at all: beside their destinations first, which are then replaced together."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

StrPath = str | os.PathLike[str]


@contextlib.contextmanager
def replacing(*paths: Path) -> Iterator[tuple[BinaryIO, ...]]:
    """Open one new file beside each of `paths`; rename each to its path at the end, or remove them all on failure."""
    targets = [_resolved(path.expanduser()) for path in paths]
    for target in targets:
        if target.is_dir():
            raise IsADirectoryError(f"{target} must be a file; it is a folder. Choose another name.")
        if target.exists() and not target.is_file():
            raise OSError(f"{target} must be a regular file, which can be replaced; it is a device or pipe.")
    temporary = [target.with_name(temporary_name()) for target in targets]
    replaced: list[Path] = []
    try:
        with removed_on_error(*temporary):
            with contextlib.ExitStack() as stack:
                streams = tuple(stack.enter_context(name.open("xb")) for name in temporary)
                yield streams
                for stream in streams:
                    stream.flush()
                    os.fsync(stream.fileno())
            for name, target in zip(temporary, targets, strict=True):
                name.replace(target)
                replaced.append(target)
    except OSError as error:
        written = " and ".join(str(target) for target in targets)
        kept = f"Only {', '.join(map(str, replaced))} is new" if replaced else "What was there before is unchanged"
        cure = f"{kept}. Check the folder and its space."
        raise described(error, f"{written} could not be written", cure) from error


def _resolved(path: Path) -> Path:
    """Return what a link points to, which is replaced while the link stays; a link to nothing is itself replaced."""
    if path.is_symlink() and not path.exists():
        return Path(os.path.realpath(path.parent)) / path.name
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def removed_on_error(*paths: Path) -> Iterator[None]:
    """Remove files if what is done with them fails."""
    try:
        yield
    except BaseException:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise


def temporary_name() -> str:
    """Return a name that no file has."""
    return f".labelnoise-{secrets.token_hex(8)}.tmp"


def described(error: OSError, what: str, cure: str) -> OSError:
    """Return an error of the same type and number that says what was being written and what to do."""
    explained = type(error)(f"{what}: {error.strerror or error}. {cure}")
    explained.errno = error.errno
    return explained
