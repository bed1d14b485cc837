"""The images that a run works on."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from labelnoise.data import ImageSet, ImageStream, load_digits, load_train_test, open_images
from labelnoise.validation import check_count, seed_of

Images = ImageSet | ImageStream
_TITLES = {"mnist": "MNIST", "cifar10": "CIFAR-10", "imagenet-1k": "ImageNet"}


@dataclass(frozen=True, kw_only=True)
class DataSpecification:
    """Training and test images.

    Parameters
    ----------
    name : str
        ``"digits"`` for scikit-learn's; otherwise a hub id or folder, as `labelnoise.data.load_images` takes it.
    n_train, n_test : int, optional
        Number of images, drawn at random; by default all.
    n_classes : int, optional
        Number of classes, the first ones of the data set; by default all.
    streamed : bool, optional
        Whether images stay on disk and are read one batch at a time (ImageNet). The test images are then those of the
        split "validation". False is stored as None.
    seed : int
        Seed of the draw.
    """

    name: str
    n_train: int | None = None
    n_test: int | None = None
    n_classes: int | None = None
    streamed: bool | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for field in ("n_train", "n_test", "n_classes"):
            if getattr(self, field) is not None:
                check_count(getattr(self, field), field)
        seed_of(self.seed)
        if not self.streamed:
            object.__setattr__(self, "streamed", None)  # False and None mean the same and must have the same hash.

    def load(self) -> tuple[Images, Images]:
        """Return training and test images. The last few data sets loaded are kept in memory."""
        return _load(self, os.environ.get("LABELNOISE_DATA"))

    def load_pixels(self) -> tuple[ImageSet, ImageSet]:
        """Return the same, or raise a ValueError if the images stay on disk."""
        train, test = self.load()
        if isinstance(train, ImageStream) or isinstance(test, ImageStream):
            raise ValueError(f"the images of {self.name} stay on disk; search in a network's features instead.")
        return train, test

    def digest(self) -> str:
        """Return a fingerprint of all pixels and labels."""
        return _digest(self, os.environ.get("LABELNOISE_DATA"))

    def caption(self) -> str:
        """Return name and size, and "(JPEG)" for lossy images, which differ a little from the original; loads them."""
        train, _ = self.load()
        lossy = isinstance(train, ImageSet) and train.file_format == "JPEG"
        return self._sized(f"{self.name} (JPEG)" if lossy else self.name)

    @property
    def title(self) -> str:
        """The name as titles spell it."""
        last = Path(self.name).name
        return _TITLES.get(last, last) + ("" if self.n_classes is None else f" (first {self.n_classes} classes)")

    @property
    def label(self) -> str:
        """The name and size, for lists and messages."""
        return self._sized(self.name)

    def _sized(self, name: str) -> str:
        classes = "" if self.n_classes is None else f", first {self.n_classes} classes"
        return f"{name}{classes}" + ("" if self.n_train is None else f" ({self.n_train:,} training images)")


@lru_cache(maxsize=3)
def _load(data: DataSpecification, _folder: str | None) -> tuple[Images, Images]:
    if data.n_train is not None or data.n_test is not None:
        whole = _load(replace(data, n_train=None, n_test=None, seed=0), _folder)
        rng = np.random.default_rng(data.seed)
        train, test = (_some(part, n, rng) for part, n in zip(whole, (data.n_train, data.n_test), strict=True))
        return train, test
    if data.n_classes is not None:
        whole = _load(replace(data, n_classes=None), _folder)
        train, test = (_of_classes(part, data.n_classes) for part in whole)
        return train, test
    if data.streamed:
        train = open_images(data.name, "train")
        return train, open_images(data.name, "validation", classes=train.classes)
    return load_digits() if data.name == "digits" else load_train_test(data.name)


def _of_classes(images: Images, n_classes: int) -> Images:
    check_count(n_classes, "n_classes", most=len(images.classes), most_is="the number of classes")
    kept = images.labels < n_classes
    if isinstance(images, ImageStream):
        raise ValueError(f"`n_classes` must be None for images that stay on disk; got {n_classes}.")
    return replace(images, images=images.images[kept], labels=images.labels[kept], classes=images.classes[:n_classes])


def _some(images: Images, n: int | None, rng: np.random.Generator) -> Images:
    if n is None:
        return images
    check_count(n, f"n_{images.split}", most=len(images), most_is=f"the number of {images.split} images")
    chosen = np.sort(rng.choice(len(images), n, replace=False))
    if isinstance(images, ImageStream):
        return images.select(chosen)
    return replace(images, images=images.images[chosen], labels=images.labels[chosen])


@lru_cache(maxsize=8)
def _digest(data: DataSpecification, _folder: str | None) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for images in _load(data, _folder):
        if isinstance(images, ImageStream):
            digest.update(images.digest().encode())
            continue
        for array in (images.images, images.labels):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
