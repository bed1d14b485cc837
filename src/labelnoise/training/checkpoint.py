"""Save the state of a training, so that after an interruption it continues to the same result.

A checkpoint is written whole or not at all. When it is read, its checksums are verified and nothing but plain tensors
is unpickled. It belongs to one specification and one set of data.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import torch

from labelnoise.artifacts import StrPath, output_folder, replacing

FORMAT = "labelnoise.training/1"


class Resumable(Protocol):
    """An object whose state can be saved and restored."""

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of the training depends on."""

    def restore(self, state: dict[str, Any]) -> None:
        """Set the object to a state that was saved."""


def keep_checkpoints(
    training: Resumable, identify: Callable[[], dict[str, Any]], path: StrPath | None, device: torch.device
) -> Callable[[], None]:
    """Restore the training from its checkpoint, if there is one, and return a function that writes the next one.

    Without a `path`, nothing is read or written. `identify` returns the identity of the training; as it reads all data,
    it is called only if there is a `path`.
    """
    if path is None:
        return lambda: None
    target, identity = prepare_checkpoint(path), identify()
    state = read_checkpoint(target, identity, device)
    if state is not None:
        training.restore(state)
    return lambda: write_checkpoint(target, identity, training.state())


def prepare_checkpoint(path: StrPath) -> Path:
    """Return the path of a checkpoint, and make sure that its folder exists and can be written to."""
    target = Path(path).expanduser()
    if target.is_dir():
        raise IsADirectoryError(f"`checkpoint` must be a file; {target} is a folder. Name a file in it.")
    output_folder(target.parent)
    return target


def write_checkpoint(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the `state` of the training that `identity` describes."""
    with replacing(path) as (stream,):
        torch.save({"format": FORMAT, "identity": json.dumps(identity), "state": state}, stream)


def read_checkpoint(path: Path, identity: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
    """Return the state that `write_checkpoint` wrote for the same `identity`, or None if there is no file.

    Raises
    ------
    ValueError
        The file is damaged or something else, or belongs to another training.
    OSError
        It cannot be opened.
    """
    if not path.exists():
        return None
    with path.open("rb") as stream:
        found, state = _checked_content(stream, path, device)
    differences = [
        f"{name} is {found.get(name)!r} in the file and {identity.get(name)!r} here"
        for name in sorted(found.keys() | identity.keys())
        if found.get(name) != identity.get(name)
    ]
    if differences:
        raise ValueError(
            f"{path} must be a checkpoint of the same specification, data and device; {'; '.join(differences)}. "
            f"Name another file, or delete this one to train from the start."
        )
    return state


def _checked_content(stream: BinaryIO, path: Path, device: torch.device) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the identity and the state in an open checkpoint."""
    try:
        with zipfile.ZipFile(stream) as archive:
            damaged = archive.testzip()  # torch.load does not compare the checksums.
        if damaged is not None:
            raise ValueError(f"{damaged} does not match its checksum")
        stream.seek(0)
        content = torch.load(stream, map_location=device, weights_only=True)
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        return dict(json.loads(content["identity"])), content["state"]
    except (
        zipfile.BadZipFile,
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,  # Damage can make an offset negative.
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        NotImplementedError,
    ) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} must be a checkpoint of this program ({FORMAT}); it is truncated, damaged or something else "
            f"({type(error).__name__}: {reason}). Delete it to train from the start, or name another file."
        ) from error
