"""Image sets that stay on disk: labels are in memory, and pixels are read one image at a time.

A stream holds names of files, or a column that is mapped into memory, but no pixels. It can be pickled, so that worker
processes of a `torch.utils.data.DataLoader` can decode the batches.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Integers
from labelnoise.data.decoding import decode_image
from labelnoise.data.image_folders import ImageFiles
from labelnoise.data.sources import folder_rows, import_datasets, locate, stored_rows


class EncodedImages(Protocol):
    """Encoded images in a fixed order."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Mapping[str, Any]:
        """Return one image: its `bytes`, or else the `path` of its file."""

    def fingerprint(self) -> Iterator[bytes]:
        """Yield the names and sizes that tell these images from others without decoding them."""

    def file_names(self) -> list[str]:
        """Return the path of each image's file, or the name that the set keeps of it, which may be empty."""


class ImageFileNames:
    """Images that each have a file of their own."""

    def __init__(self, files: ImageFiles) -> None:
        import pyarrow as pa

        self._root = files.root
        # A million names as Python objects would be copied into every worker process as soon as it read them.
        self._names = pa.array([os.fsencode(name) for name in files.names], pa.large_binary())

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, row: int) -> Mapping[str, Any]:
        return {"path": str(self._root / os.fsdecode(self._names[row].as_py()))}

    def fingerprint(self) -> Iterator[bytes]:
        """Yield each file's name below the folder, and its size."""
        for name in self._names:
            path = self._root / os.fsdecode(name.as_py())
            yield name.as_py() + f"\0{path.stat().st_size}\0".encode()

    def file_names(self) -> list[str]:
        """Return the path of each file."""
        return [str(self._root / os.fsdecode(name.as_py())) for name in self._names]


class ImageColumn:
    """Images in the only column of a `datasets.Dataset`, which maps its file into memory."""

    def __init__(self, table: Any) -> None:
        self._table, self._name = table, table.column_names[0]

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, row: int) -> Mapping[str, Any]:
        return self._table[row][self._name] or {}

    def fingerprint(self) -> Iterator[bytes]:
        """Yield each image's number of bytes, or the name of its file."""
        import pyarrow.compute as pc

        for block in self._table.data.column(self._name).chunks:
            sizes = pc.fill_null(pc.binary_length(block.field("bytes")), -1)
            yield np.asarray(sizes, dtype=np.int64).tobytes()
            names = block.field("path").filter(pc.equal(sizes, -1))
            yield from (Path(name or "").name.encode() + b"\0" for name in names.to_pylist())

    def file_names(self) -> list[str]:
        """Return the name of the file that each image came from; empty where the set does not keep it."""
        chunks = self._table.data.column(self._name).chunks
        return [name or "" for block in chunks for name in block.field("path").to_pylist()]


@dataclass(frozen=True, eq=False, repr=False)
class ImageStream:
    """Images of any sizes on disk, with one label each; `open_images` opens such a stream.

    Parameters
    ----------
    encoded : EncodedImages
        Where the images come from.
    labels : (N,) int64 array
        Codes: image i is of class ``classes[labels[i]]``.
    classes : tuple of str
        Class names in code order.
    name, split : str
        Name of the set, and of the part that this is.
    where : str
        Description of the set and the place that it is read from, for error messages.
    channels : {3, 1}
        Whether every image becomes RGB or gray.
    rows : (N,) int64 array
        Positions of these images among the encoded ones.
    left_out : mapping of str to str
        Files of the image folder that are not used, such as "2 files, such as cat/notes.txt", and why.
    """

    encoded: EncodedImages
    labels: Codes
    classes: tuple[str, ...]
    name: str
    split: str
    where: str
    channels: int
    rows: Integers
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"`channels` must be 3 (RGB) or 1 (gray); got {self.channels}.")
        if self.labels.shape != self.rows.shape:
            raise ValueError(
                f"`labels` must be one per image; got shape {self.labels.shape} for {len(self.rows)} images."
            )
        if len(self.rows) == 0:
            raise ValueError(f"{self.where} must hold at least one image; none is selected.")

    def image(self, index: int) -> NDArray[np.uint8]:
        """Decode one image: uint8 of shape (H, W, `channels`).

        Raises
        ------
        ValueError
            The image is missing or damaged; the message names its file, or its row.
        """
        row = int(self.rows[index])
        return decode_image(self.encoded[row], row, self.where, self.channels)

    def file_names(self) -> list[str]:
        """Return the path of each image's file, or the name that the set keeps of it, which may be empty."""
        names = self.encoded.file_names()
        return [names[row] for row in self.rows]

    def select(self, indices: Any) -> ImageStream:
        """Return a stream of the images at `indices`, at least one, in that order.

        Examples
        --------
        >>> train = open_images("ILSVRC/imagenet-1k")  # doctest: +SKIP
        >>> tenth = train.select(np.arange(0, len(train), 10))  # doctest: +SKIP
        """
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or not np.issubdtype(chosen.dtype, np.integer):
            raise TypeError(f"`indices` must be integers in one dimension; got {chosen.dtype} of shape {chosen.shape}.")
        return replace(self, labels=self.labels[chosen], rows=self.rows[chosen])

    def digest(self) -> str:
        """Return a fingerprint of labels, files and their sizes, which identifies the set without decoding it."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(f"{len(self.encoded)} {self.channels} {self.classes}".encode())
        for array in (self.labels, self.rows):
            digest.update(np.ascontiguousarray(array).data)
        for part in self.encoded.fingerprint():
            digest.update(part)
        return digest.hexdigest()

    @property
    def summary(self) -> dict[str, Any]:
        """Description of this set in plain values, to be written beside a result."""
        return {
            "name": self.name,
            "split": self.split,
            "n_images": len(self),
            "channels": self.channels,
            "classes": list(self.classes),
            "class_counts": np.bincount(self.labels, minlength=len(self.classes)).tolist(),
        }

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        kind = "gray" if self.channels == 1 else "RGB"
        return (
            f"ImageStream({self.name!r}, split={self.split!r}: {len(self):,} {kind} images on disk, "
            f"{len(self.classes)} classes)"
        )


def open_images(
    source: str | os.PathLike[str],
    split: str = "train",
    *,
    classes: Sequence[str] | None = None,
    channels: int = 3,
    image_column: str | None = None,
    label_column: str | None = None,
) -> ImageStream:
    """Open one split of an image set that is too large for memory.

    The files of an image folder are only listed. A folder of Parquet files is copied once, at about its own size, into
    the cache of the ``datasets`` library (``HF_DATASETS_CACHE``), because Parquet gives no single image without a
    hundred others. A set from the hub is downloaded into the same cache.

    Parameters
    ----------
    source : str or path
        As in `load_images`.
    split : str
        ``"train"``, ``"validation"``, ``"test"``, or another split that the set has; also the name of the split's
        folder in an image folder, such as ``"val"``.
    classes : sequence of str, optional
        All class names in code order. Default: those that the set names; for an image folder, the class folders of its
        training split, so that all splits have the same codes.
    channels : {3, 1}
        Whether every image becomes RGB or gray.
    image_column, label_column : str, optional
        As in `load_images`; an image folder has no columns.

    Returns
    -------
    ImageStream

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        There is no such folder, and the hub has no such set or cannot be reached.
    ValueError
        The folder cannot be read, has no such split, lacks labels, or has classes that the training split lacks.
    ImportError
        ``datasets`` or ``pillow`` is missing: ``pip install 'labelnoise[data]'``.

    Examples
    --------
    >>> train = open_images("ILSVRC/imagenet-1k")  # doctest: +SKIP
    >>> train.image(0).shape  # doctest: +SKIP
    (500, 333, 3)
    """
    import_datasets()
    place = locate(os.fspath(source))
    encoded: EncodedImages
    listed = folder_rows(place, split, image_column, label_column)
    if listed is not None:
        rows, files = listed
        encoded = ImageFileNames(files)
    else:
        rows, table = stored_rows(place, split, image_column, label_column)
        encoded = ImageColumn(table)
    labels, names = rows.encode(classes)
    order = np.arange(len(labels))
    return ImageStream(encoded, labels, names, rows.name, split, rows.where, channels, order, rows.left_out)
