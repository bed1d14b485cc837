"""The state of a run on disk, from which a killed run goes on as if nothing had happened.

A checkpoint is written whole or not at all, is checked bit by bit when it is read, is never unpickled beyond plain
tensors, and belongs to one specification on one set of data.
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
    """What can be left and gone on with later."""

    def state(self) -> dict[str, Any]:
        """Everything that the rest depends on."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go back, or on, to what `state` gave."""
        ...


def keep_checkpoints(
    training: Resumable, identify: Callable[[], dict[str, Any]], path: StrPath | None, device: torch.device
) -> Callable[[], None]:
    """Put the run where its checkpoint left it; what is returned writes the next one.

    `identify` gives the run's identity. It looks at all data, and so is asked only where there is a `path`.
    """
    if path is None:
        return lambda: None
    target, identity = prepare_checkpoint(path), identify()
    state = read_checkpoint(target, identity, device)
    if state is not None:
        training.restore(state)
    return lambda: write_checkpoint(target, identity, training.state())


def prepare_checkpoint(path: StrPath) -> Path:
    """The path of a checkpoint, in a folder that exists and can be written to."""
    target = Path(path).expanduser()
    if target.is_dir():
        raise IsADirectoryError(f"`checkpoint` must be a file; {target} is a folder. Name a file in it.")
    output_folder(target.parent)
    return target


def write_checkpoint(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the `state` of the run that `identity` describes."""
    with replacing(path) as (stream,):
        torch.save({"format": FORMAT, "identity": json.dumps(identity), "state": state}, stream)


def read_checkpoint(path: Path, identity: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
    """The state that `write_checkpoint` wrote for the same `identity`; None if there is no file.

    Raises
    ------
    ValueError
        The file is damaged or something else, or belongs to another run.
    OSError
        It cannot be opened.
    """
    if not path.exists():
        return None
    with path.open("rb") as stream:
        found, state = _checked_content(stream, path, device)
    differences = [
        f"{name} is {found.get(name)!r} there and {identity.get(name)!r} here"
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
    """Identity and state in an open checkpoint."""
    try:
        with zipfile.ZipFile(stream) as archive:
            damaged = archive.testzip()  # torch itself does not compare the checksums
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
        OSError,  # a place in the file that damage has made negative
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
