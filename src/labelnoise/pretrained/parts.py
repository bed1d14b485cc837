"""Features on disk while they are computed: a file per block of images, each written whole or not at all.

    FOLDER/identity.json        images, model and type of the features
    FOLDER/000001024.npy        features of the block that begins with this image

A computation that was killed leaves its finished blocks; the same computation takes them up again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import output_folder, replacing, to_json, write_json
from labelnoise.pretrained.extraction import blocks

_IDENTITY = "identity.json"


class Parts:
    """The blocks of features in a folder that one computation, described by `identity`, has finished.

    Parameters
    ----------
    folder : path
        It need not exist; `begin` makes it.
    identity : mapping
        What determines the features, ready for JSON.
    n_images, n_features : int
        Shape of all features together.
    dtype : str
        Type of the features.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], n_images: int, n_features: int, dtype: str) -> None:
        self.folder, self._identity = folder, json.loads(to_json(identity))
        self._n_images, self._n_features, self.dtype = n_images, n_features, np.dtype(dtype)

    def begun(self) -> bool:
        """Return whether the folder holds blocks of this computation, or is about to."""
        try:
            return bool(json.loads((self.folder / _IDENTITY).read_bytes()) == self._identity)
        except (OSError, ValueError):
            return False

    def begin(self, *, overwrite: bool) -> None:
        """Make the folder; blocks of another computation are removed if `overwrite`.

        Raises
        ------
        FileExistsError
            The folder is that of another computation, which was interrupted.
        """
        if self.begun():
            return
        if self.folder.exists() and not overwrite:
            raise FileExistsError(
                f"{self.folder} must hold features of these images, model and options; it holds those of another "
                "computation, which was interrupted. Name another folder with --output-dir, or replace it with "
                "--overwrite."
            )
        self.remove()
        output_folder(self.folder)
        write_json(self._identity, self.folder / _IDENTITY)

    def missing(self) -> list[tuple[int, int]]:
        """Return start and stop of the blocks that are not finished; a damaged file counts as none."""
        return [(start, stop) for start, stop in blocks(self._n_images) if not self._is_whole(start, stop)]

    def write(self, start: int, features: NDArray[Any]) -> None:
        """Write the block that begins with image `start`."""
        with replacing(self._path(start)) as (stream,):
            np.save(stream, np.ascontiguousarray(features, dtype=self.dtype), allow_pickle=False)

    def read(self) -> Iterator[NDArray[Any]]:
        """Yield all blocks in order."""
        for start, _ in blocks(self._n_images):
            yield np.load(self._path(start), allow_pickle=False)

    def remove(self) -> None:
        """Remove the folder; the identity goes last, so that what is left after an interruption can be recognized."""
        if not self.folder.exists():
            return
        for path in self.folder.glob("*.npy"):
            path.unlink()
        shutil.rmtree(self.folder)

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:09}.npy"

    def _is_whole(self, start: int, stop: int) -> bool:
        try:
            found = np.load(self._path(start), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        return found.shape == (stop - start, self._n_features) and found.dtype == self.dtype
