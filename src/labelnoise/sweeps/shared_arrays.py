"""Large arrays that many runs read: workers open the file themselves, and keep it open from one run to the next.

An array that is mapped from a file already (``np.load(path, mmap_mode="r")``) is read from that file. Any other array
is written once to a file that the workers can reach. A run holds the path and the checksum of the array, never its
values, and only the checksum, shape and type are part of the run's identity.
"""

from __future__ import annotations

import hashlib
import socket
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import replacing

_BLOCK = 2**24  # Bytes that are read, hashed or written at once.
_KEPT = 2  # Files that a process keeps open.

_opened: OrderedDict[SharedArray, NDArray[Any]] = OrderedDict()
_opening = threading.Lock()


@dataclass(frozen=True)
class SharedArray:
    """An array in a file, C-contiguous.

    Attributes
    ----------
    path : str
        The file, under a path that all workers share.
    offset : int
        Position of the array's first byte.
    shape : tuple of int
    dtype : str
        The type of the values in the file.
    checksum : str
        Hash of the values' bytes.
    """

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: str
    checksum: str

    @classmethod
    def of(cls, values: NDArray[Any], path: Path, checksum: str) -> SharedArray:
        """Return where workers find an array: in the file that it is mapped from, or at `path` after `write`."""
        file, offset = mapped_file(values) or (path, 0)
        return cls(str(file.absolute()), offset, values.shape, values.dtype.str, checksum)

    def parameters(self) -> dict[str, Any]:
        """Return what identifies the array in a run's specification: its values, wherever they are."""
        return {"checksum": self.checksum, "shape": list(self.shape), "dtype": self.dtype}

    @property
    def name(self) -> str:
        """The name of the file."""
        return Path(self.path).name

    def digest(self) -> str:
        """Return the checksum."""
        return self.checksum

    def write(self, values: NDArray[Any]) -> None:
        """Write the values to the file, unless there is one.

        Raises
        ------
        OSError
            The file cannot be written (a full disk, for example); nothing is left of it.
        """
        path = Path(self.path)
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as (stream,):
            for block in _blocks(values):
                stream.write(block)

    def open(self) -> NDArray[Any]:
        """Return the values, mapped from the file.

        A process reads and compares them once, and keeps the two files open that it has used last.

        Raises
        ------
        FileNotFoundError
            This host does not see the file.
        ValueError
            The file holds other values.
        """
        with _opening:
            if self not in _opened:
                values = self._mapped()
                while len(_opened) >= _KEPT:
                    _opened.popitem(last=False)
                _opened[self] = values
            _opened.move_to_end(self)
            return _opened[self]

    def _mapped(self) -> NDArray[Any]:
        path, host = Path(self.path), socket.gethostname()
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} must be a file that all workers see under this path; there is none on the host {host}. Keep "
                f"the array, or the store, in a folder that all hosts share."
            )
        size = path.stat().st_size - self.offset
        if size >= np.dtype(self.dtype).itemsize * np.prod(self.shape, dtype=np.int64):
            values = np.asarray(np.memmap(path, self.dtype, "r", self.offset, self.shape))
            if checksum(values) == self.checksum:
                return values
        raise ValueError(
            f"{path} must hold the values that it held when the work began; on the host {host} it holds others. "
            f"Restore it, or start again with the array as it is now."
        )


def close_arrays() -> None:
    """Close the files that this process has opened, where nothing else uses them."""
    with _opening:
        _opened.clear()


def mapped_file(values: NDArray[Any]) -> tuple[Path, int] | None:
    """Return the file that an array is mapped from, and the position of its first byte; None if there is none.

    There is none either if the array is not C-contiguous, or its values may differ from the file's (mode "c").
    """
    base: Any = values
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    while base is not None and isinstance(base.base, np.memmap):  # A slice has its parent's offset, not its own.
        base = base.base
    if base is None or base.filename is None or base.mode == "c" or not values.flags.c_contiguous:
        return None
    base.flush()
    first, mapped = (part.__array_interface__["data"][0] for part in (values, base))
    return Path(base.filename), base.offset + first - mapped


def checksum(values: NDArray[Any]) -> str:
    """Return a hash of the bytes of an array, which need not be in memory."""
    digest = hashlib.blake2b(digest_size=16)
    for block in _blocks(values):
        digest.update(block)
    return digest.hexdigest()


def _blocks(values: NDArray[Any]) -> Any:
    """Yield the array's bytes in order."""
    rows = max(1, _BLOCK * len(values) // max(values.nbytes, 1))
    for start in range(0, len(values), rows):
        yield np.ascontiguousarray(values[start : start + rows]).view(np.uint8).data
