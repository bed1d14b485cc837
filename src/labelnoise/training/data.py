"""Check and split images and labels, and copy images to the device.

Pixels keep their type: bytes take a quarter of the memory of floats, and the network normalizes a batch faster than
memory could deliver it in float32. `ImageBatches` is all that training needs from a set of images, be it on the device,
as here, or on disk, as in `streaming`. It is given the order of many batches at once, so that images can be read ahead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.data.streaming import ImageStream
from labelnoise.labels import encode_labels
from labelnoise.validation import check_numeric

Pixels = NDArray[Any]

SPLIT, ORDER, CROP, SAMPLE, CHANGE = range(5)
"""The purposes of random numbers; each has a stream of its own, seeded with the seed and the purpose."""

LARGEST_SHIFT = 2
"""Pixels by which augmentation shifts an image at most."""


class ImageBatches(Protocol):
    """Images of one size that are served in batches."""

    def __len__(self) -> int: ...

    def batches(self, order: Tensor, batch_size: int, epoch: int | None = None) -> Iterator[Tensor]:
        """Yield the images at `order`, `batch_size` at a time, as tensors of shape (n, C, H, W) on the device.

        In training, `epoch` decides the random changes of images; with None there are none.
        """

    def normalization(self, indices: Integers, kind: str) -> tuple[Tensor, Tensor]:
        """Return shift and scale, to be broadcast to (C, H, W), of normalization `kind` for the images at `indices`."""


class DeviceImages:
    """Images that lie on the device as one tensor.

    Parameters
    ----------
    pixels : array of shape (N, H, W, C)
        As `check_images` returns them.
    device : torch.device
        Device that they are copied to.
    augmentation : str, optional
        As in `TrainingSpecification`.
    seed : int
        Seed of the random changes.
    """

    def __init__(self, pixels: Pixels, device: torch.device, *, augmentation: str | None = None, seed: int = 0) -> None:
        self._array, self._augmentation, self._seed = pixels, augmentation, seed
        # torch.tensor makes a copy; the caller's array may change, or be read-only.
        self._pixels = torch.tensor(pixels, device=device)

    def __len__(self) -> int:
        return len(self._pixels)

    def batch(self, indices: Tensor) -> Tensor:
        """Return the images at `indices` in the channels-last memory format, which is the order that they lie in."""
        return self._pixels.index_select(0, indices).permute(0, 3, 1, 2)

    def batches(self, order: Tensor, batch_size: int, epoch: int | None = None) -> Iterator[Tensor]:
        """Yield the images at `order`, `batch_size` at a time, changed at random if `epoch` is given."""
        changes = None
        if epoch is not None and self._augmentation is not None:
            changes = FlipsAndShifts.draw(len(self), epoch, self._seed)
        for start in range(0, len(order), batch_size):
            indices = order[start : start + batch_size]
            yield self.batch(indices) if changes is None else changes.apply(self.batch(indices), indices)

    def normalization(self, indices: Integers, kind: str) -> tuple[Tensor, Tensor]:
        """Return `normalization_of` the pixels at `indices`."""
        return normalization_of(self._array[indices], kind)


class FlipsAndShifts(NamedTuple):
    """The random changes of all images in one epoch: whether each is mirrored, and its shift down and right."""

    mirrored: Tensor
    down: Tensor
    right: Tensor

    @classmethod
    def draw(cls, n_images: int, epoch: int, seed: int) -> FlipsAndShifts:
        """Draw the changes; half of the images are mirrored in odd epochs, and the other half in even ones."""
        first = np.random.default_rng([seed, CHANGE]).integers(0, 2, n_images)
        shifts = np.random.default_rng([seed, CHANGE, epoch]).integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, (2, n_images))
        return cls(torch.from_numpy((first + epoch) % 2 == 1), *torch.from_numpy(shifts))

    def apply(self, images: Tensor, indices: Tensor) -> Tensor:
        """Return the images, of shape (n, C, H, W), as their `indices` in the data set say."""
        height, width = images.shape[2:]
        at = indices.cpu()
        rows = _mirrored_at_border(torch.arange(height) - self.down[at, None], height)
        columns = _mirrored_at_border(torch.arange(width) - self.right[at, None], width)
        columns = torch.where(self.mirrored[at, None], columns.flip(1), columns)
        rows, columns = rows.to(images.device), columns.to(images.device)
        n = torch.arange(len(images), device=images.device)
        # Images lie with their channels last, so that a pixel's channels are copied together.
        return images.permute(0, 2, 3, 1)[n[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _mirrored_at_border(positions: Tensor, length: int) -> Tensor:
    inside = positions.abs()
    return torch.where(inside < length, inside, 2 * (length - 1) - inside)


def check_images(images: Any, name: str = "images") -> Pixels:
    """Return finite pixels of shape (N, H, W, C), as uint8 or float32.

    Parameters
    ----------
    images : array-like of shape (N, H, W) or (N, H, W, C)
        uint8 stays uint8; every other type becomes float32.
    name : str
        The argument's name in errors.
    """
    if isinstance(images, ImageStream):
        raise TypeError(f"`{name}` must be in memory here; got {images!r}. Load them with `load_images`.")
    array = check_numeric(images, name)
    if array.ndim not in (3, 4) or 0 in array.shape:
        hint = " Give flat pixels their shape: images.reshape(-1, 28, 28)." if array.ndim == 2 else ""
        raise ValueError(
            f"`{name}` must have shape (N, height, width) or (N, height, width, channels); got {array.shape}.{hint}"
        )
    pixels = np.ascontiguousarray(array if array.ndim == 4 else array[..., None])
    if pixels.dtype == np.uint8:
        return pixels
    with np.errstate(over="ignore"):  # Values beyond float32 become infinite, and are reported below.
        pixels = pixels.astype(np.float32)
    finite = np.isfinite(pixels).all(axis=(1, 2, 3))
    if not finite.all():
        row = int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"`{name}` must be finite float32; image {row} holds NaN, infinity or a larger number. "
            f"Drop or repair such images first ({int((~finite).sum())} in all)."
        )
    return pixels


def encode_like(labels: Any, classes: NDArray[Any], n_samples: int, name: str, of: str) -> Codes:
    """Return codes of labels among known classes, one for each of the `n_samples` images that `of` names."""
    codes, _ = encode_labels(labels, classes=classes, name=name)
    check_length(codes, n_samples, name, of)
    return codes


def check_length(codes: Codes, n_samples: int, name: str, of: str) -> None:
    """Raise a ValueError unless there is one label per image."""
    if len(codes) != n_samples:
        raise ValueError(f"`{name}` must have one entry per image of `{of}`; got {len(codes)} and {n_samples}.")


def stratified_split(codes: Codes, share: float, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Return the sorted indices of the training and of the validation part, which gets `share` of each class.

    Of a class of n samples it gets round(n share), with halves rounded to even.
    """
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]  # Sort by class, in random order within each.
    counts = np.bincount(codes)
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    held_out = rank < np.repeat(np.round(counts * share), counts)
    return np.sort(order[~held_out]), np.sort(order[held_out])


def normalization_of(pixels: Pixels, kind: str) -> tuple[Tensor, Tensor]:
    """Return shift and scale, to be broadcast to (C, H, W), with which `kind` normalizes the training pixels.

    "range" maps the least pixel to 0 and the greatest to 1; "pixel" gives each pixel, and "channel" each channel as a
    whole, mean 0 and standard deviation 1. What does not vary is only shifted.
    """
    if kind == "range":
        low, extent = np.float64(pixels.min()), np.float64(pixels.max()) - pixels.min()
        shift, scale = low.reshape(1, 1, 1), np.reciprocal(extent or 1.0).reshape(1, 1, 1)
    else:
        over = 0 if kind == "pixel" else (0, 1, 2)
        mean = pixels.mean(axis=over, dtype=np.float64, keepdims=True)[0].transpose(2, 0, 1)
        deviation = pixels.std(axis=over, dtype=np.float64, keepdims=True)[0].transpose(2, 0, 1)
        shift, scale = mean, inverse_deviation(mean, deviation)
    return torch.tensor(shift, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)


def inverse_deviation(mean: Floats, deviation: Floats) -> Floats:
    """Return the factor that makes the standard deviation 1, or 1 where values vary only by rounding."""
    return 1 / np.where(deviation > 1e-6 * np.abs(mean).max(initial=1e-30), deviation, 1.0)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Checked images and labels, before anything is put on a device.

    Attributes
    ----------
    pixels : array of shape (N, H, W, C), or ImageStream
    noisy, clean : codes of shape (N,)
        `clean` is None if the clean labels are not known.
    classes : array of shape (L,)
    """

    pixels: Pixels | ImageStream
    noisy: Codes
    clean: Codes | None
    classes: NDArray[Any]

    def __post_init__(self) -> None:
        found = np.unique(self.noisy)
        if len(found) < 2:
            raise ValueError(
                f"`noisy_labels` must be of at least two classes, or there is nothing to learn; "
                f"all {len(self.noisy)} are {self.classes[found[0]].item()!r}."
            )

    @classmethod
    def check(cls, images: Any, noisy_labels: Any, clean_labels: Any, classes: Any) -> TrainingData:
        """Check the arguments of `train`, and encode the labels."""
        pixels = images if isinstance(images, ImageStream) else check_images(images)
        noisy, known = encode_labels(noisy_labels, classes=classes, name="noisy_labels")
        check_length(noisy, len(pixels), "noisy_labels", "images")
        clean = None
        if clean_labels is not None:
            clean = encode_like(clean_labels, known, len(pixels), "clean_labels", "images")
        return cls(pixels, noisy, clean, known)

    def digest(self) -> str:
        """Return a fingerprint of images, labels and classes; names and sizes stand for the pixels of a stream."""
        digest = hashlib.blake2b(digest_size=16)
        arrays = [self.noisy] if self.clean is None else [self.noisy, self.clean]
        if isinstance(self.pixels, ImageStream):
            digest.update(self.pixels.digest().encode())
        else:
            arrays.insert(0, self.pixels)
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}{len(self.classes)}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
