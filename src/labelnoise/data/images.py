"""Image sets in memory: pixels, labels and class names."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes
from labelnoise.data.decoding import decode_images, file_format
from labelnoise.data.sources import read_rows


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images of one size with one label each.

    Parameters
    ----------
    images : (N, H, W) or (N, H, W, 3) uint8 array
        Gray or RGB pixels.
    labels : (N,) int64 array
        Codes: image i is of class ``classes[labels[i]]``.
    classes : tuple of str
        Class names in code order.
    name, split : str
        Name of the set, and of the part that this is.
    file_format : str
        Format of the first file that pixels come from; empty if they come from no file.
    left_out : mapping of str to str
        Files of the image folder that are not used, such as "2 files, such as cat/notes.txt", and why.

    Examples
    --------
    >>> ImageSet(np.zeros((3, 28, 28), np.uint8), np.array([0, 1, 1]), ("cat", "dog"), "pets", "train")
    ImageSet('pets', split='train': 3 gray images of 28 x 28, 2 classes)
    """

    images: NDArray[np.uint8]
    labels: Codes
    classes: tuple[str, ...]
    name: str
    split: str
    file_format: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape, n_classes = self.images.shape, len(self.classes)
        if self.images.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)):
            raise ValueError(
                f"`images` must be uint8 of shape (N, H, W) or (N, H, W, 3); got {self.images.dtype} of shape {shape}."
            )
        if self.labels.shape != shape[:1]:
            raise ValueError(f"`labels` must be one per image, {shape[0]}; got shape {self.labels.shape}.")
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < n_classes:
            raise ValueError(
                f"`labels` must be codes 0..{n_classes - 1}; got {self.labels.min()}..{self.labels.max()}."
            )

    @property
    def features(self) -> NDArray[np.float32]:
        """Pixels as float32 of shape (N, D), on their own scale: 0..255, or 0..16 for the digits.

        Computed at each access. Nearest neighbors do not depend on the scale, and squared distances of whole numbers
        stay exact in float32 as long as they fit into 24 bits.
        """
        return self.images.reshape(len(self.images), -1).astype(np.float32)

    @property
    def summary(self) -> dict[str, Any]:
        """Description of this set in plain values, to be written beside a result."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return {
            "name": self.name,
            "split": self.split,
            "file_format": self.file_format,
            "n_images": len(self.images),
            "image_shape": list(self.images.shape[1:]),
            "classes": list(self.classes),
            "class_counts": counts.tolist(),
        }

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        n, height, width = self.images.shape[:3]
        kind = "gray" if self.images.ndim == 3 else "RGB"
        return (
            f"ImageSet({self.name!r}, split={self.split!r}: {n:,} {kind} images of {height} x {width}, "
            f"{len(self.classes)} classes)"
        )


def load_images(
    source: str | os.PathLike[str],
    split: str = "train",
    *,
    image_column: str | None = None,
    label_column: str | None = None,
    classes: Sequence[str] | None = None,
    limit: int | None = None,
) -> ImageSet:
    """Load one split of an image set into memory.

    Parameters
    ----------
    source : str or path
        Looked up in this order: a folder inside the one that the environment variable ``LABELNOISE_DATA`` names (by
        the whole name or, for a hub id such as ``ylecun/mnist``, by its last part); a local folder in the hub's layout
        (``train-*.parquet``, also in ``data/``) or of image files (``train/<class>/*.png``, or ``<class>/*.png`` for a
        set without splits, all ``train``; files in folders below a class folder belong to that class); a Hugging Face
        hub id. ``HF_HUB_OFFLINE`` is honored.
    split : str
        ``"train"``, ``"test"``, or another split that the set has.
    image_column, label_column : str, optional
        Columns to read; an image folder has none. Default: the only column of images; the only column marked as class
        labels, else ``label``, ``labels`` or ``fine_label``.
    classes : sequence of str, optional
        All class names in code order. Needed only for labels stored as plain values, to number the classes of a test
        split as those of its training split (``classes=train.classes``): by default plain integers from 0 are codes,
        and other values are numbered in sorted order of those that occur.
    limit : int, optional
        Number of images to load, from the first on. Default: all.

    Returns
    -------
    ImageSet
        Gray images of shape (N, H, W), or RGB ones of shape (N, H, W, 3), as uint8.

    Raises
    ------
    FileNotFoundError
        There is no such folder, and the hub has no such set or cannot be reached.
    ValueError
        The folder cannot be read, has no such split or column, or its images differ in size; an image folder's splits
        and classes cannot be told apart, or a class is not among those of its training split.
    ImportError
        ``datasets`` or ``pillow`` is missing: ``pip install 'labelnoise[data]'``.

    Examples
    --------
    >>> train = load_images("ylecun/mnist", limit=1000)  # doctest: +SKIP
    """
    if limit is not None and operator.index(limit) < 1:
        raise ValueError(f"`limit` must be at least 1; got {limit}.")
    rows = read_rows(os.fspath(source), split, image_column, label_column, limit)
    labels, names = rows.encode(classes)  # Bad labels are found before any image is decoded.
    pixels = decode_images(rows.images, rows.where)
    return ImageSet(pixels, labels, names, rows.name, split, file_format(rows.images[0]), rows.left_out)


def load_train_test(source: str | os.PathLike[str]) -> tuple[ImageSet, ImageSet]:
    """Load the training and the test split of one set with `load_images`, with the same class codes in both.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/dog/1.png"):
    ...     (folder / name).parent.mkdir(parents=True)
    ...     Image.new("L", (8, 8)).save(folder / name)
    >>> train, test = load_train_test(folder)
    >>> train.classes, len(test.labels)
    (('cat', 'dog'), 2)
    """
    train, test = load_images(source, "train"), load_images(source, "test")
    if test.classes != train.classes:  # Labels are plain values, and the test split lacks some.
        test = load_images(source, "test", classes=train.classes)
    return train, test


def load_digits(*, test_size: float | int = 0.25, random_state: int = 0) -> tuple[ImageSet, ImageSet]:
    """Load scikit-learn's bundled digits, split into training and test images with the same share of each class.

    1,797 gray images of 8 x 8 pixels with values 0..16; no download.

    Parameters
    ----------
    test_size : float or int
        Fraction of the images, or their number, in the test set.
    random_state : int
        Seed of the split.

    Examples
    --------
    >>> train, test = load_digits()
    >>> train
    ImageSet('digits', split='train': 1,347 gray images of 8 x 8, 10 classes)
    """
    from sklearn import datasets, model_selection

    digits = datasets.load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    classes = tuple(map(str, range(10)))
    train, test = model_selection.train_test_split(
        np.arange(len(labels)), test_size=test_size, stratify=labels, random_state=random_state
    )
    train, test = np.sort(train), np.sort(test)
    return (
        ImageSet(images[train], labels[train], classes, "digits", "train"),
        ImageSet(images[test], labels[test], classes, "digits", "test"),
    )
