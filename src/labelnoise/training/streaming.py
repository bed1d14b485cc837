"""Read images from disk while the network trains.

Worker processes decode, resize and crop ahead of the device. Random crops follow from the seed, the epoch and the image
alone. A training therefore repeats bit by bit for any number of workers, and after an interruption at any point.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from labelnoise.arrays import Integers
from labelnoise.data.streaming import ImageStream
from labelnoise.networks.architectures import import_torchvision
from labelnoise.threads import core_count
from labelnoise.training.data import CROP, SAMPLE, DeviceImages, ImageBatches, Pixels, inverse_deviation
from labelnoise.training.specification import TrainingSpecification
from labelnoise.validation import check_variable

NORMALIZATION_SAMPLE = 5000
"""Number of images from which a channel's mean and standard deviation are estimated.

Means of photographs differ by about 0.6 of a pixel's standard deviation. The error of a mean over 5,000 photographs is
therefore less than 0.01 of it.
"""


class StreamedImages:
    """Images of a stream, brought to one size and served from disk as `ImageBatches`.

    Parameters
    ----------
    stream : ImageStream
    device : torch.device
        Device of the batches.
    size : (int, int)
        Height and width of what the network sees.
    resize : int, optional
        Length of the shorter side before an area of `size` is cut out: at random in training, else from the center.
        None for images that have that size already.
    seed : int
        Seed of the crops and of the sample for `normalization`.
    workers : int, optional
        Number of processes that read; with 0, this process reads. Default: the number of cores, divided by that of the
        processes that torchrun has started on this machine.
    """

    def __init__(
        self,
        stream: ImageStream,
        device: torch.device,
        *,
        size: tuple[int, int],
        resize: int | None = None,
        seed: int = 0,
        workers: int | None = None,
    ) -> None:
        if workers is not None and workers < 0:
            raise ValueError(f"`loader_workers` must be at least 0, which reads in this process; got {workers}.")
        if resize is not None and resize < max(size):
            raise ValueError(f"`resize` must be at least {max(size)}, the side that is cut out; got {resize}.")
        if resize is not None:
            _transforms()  # A missing library is found here, and forked workers need not import it again.
        self._stream, self._device, self._size, self._resize, self._seed = stream, device, size, resize, seed
        n_processes = check_variable("LOCAL_WORLD_SIZE", 1)
        self._workers = max(1, core_count() // n_processes) if workers is None else workers

    def __len__(self) -> int:
        return len(self._stream)

    def batches(self, order: Tensor, batch_size: int, epoch: int | None = None) -> Iterator[Tensor]:
        """Yield the images at `order`, `batch_size` at a time, cropped at random if `epoch` is given.

        Raises
        ------
        ValueError
            An image is damaged, or not of the size it must have; the message names it.
        """
        frames = _Frames(self._stream, self._size, self._resize, self._seed, epoch)
        loader = DataLoader(
            frames,
            batch_size,
            sampler=order.tolist(),
            num_workers=min(self._workers, -(-len(order) // batch_size)),
            collate_fn=_collate,
            pin_memory=self._device.type == "cuda",
            generator=torch.Generator(),  # Without one, the loader draws from the global generator.
        )
        for batch in loader:
            if isinstance(batch, ValueError):
                raise batch
            yield batch.to(self._device, non_blocking=True).permute(0, 3, 1, 2)

    def normalization(self, indices: Integers, kind: str) -> tuple[Tensor, Tensor]:
        """Return shift and scale: of bytes for "range", and of a random sample of `indices` for "channel"."""
        if kind == "range":
            return torch.zeros(1, 1, 1), torch.full((1, 1, 1), 1 / 255)
        if kind != "channel":
            raise ValueError(
                f'`normalization` must be "channel" or "range" for images on disk, where no pixel has a fixed '
                f"place; got {kind!r}."
            )
        rng = np.random.default_rng([self._seed, SAMPLE])
        sample = np.sort(rng.choice(indices, min(len(indices), NORMALIZATION_SAMPLE), replace=False))
        counts = torch.zeros(self._stream.channels, 256, dtype=torch.int64, device=self._device)
        for batch in self.batches(torch.from_numpy(sample), 100):
            for channel, values in enumerate(batch.unbind(1)):
                counts[channel] += values.flatten().bincount(minlength=256)
        # The counts are whole numbers, so that nothing depends on the order of the images.
        share = counts.cpu().numpy() / counts[0].sum().item()
        mean = share @ np.arange(256)
        deviation = np.sqrt((share * (np.arange(256) - mean[:, None]) ** 2).sum(1))
        moments = mean, inverse_deviation(mean, deviation)
        shift, scale = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in moments)
        return shift, scale


def image_shape(images: Pixels | ImageStream, specification: TrainingSpecification) -> tuple[int, int, int]:
    """Return height, width and channels of the network's images: those of the crop, or else of the first image."""
    side = specification.crop
    if isinstance(images, ImageStream):
        height, width = images.image(0).shape[:2] if side is None else (side, side)
        return height, width, images.channels
    if side is not None:
        raise ValueError(
            f"`resize` and `crop` must be None for images in memory, which are taken as they are; got "
            f"{specification.resize} and {side}. Set both None, or open the images with `open_images`."
        )
    return images.shape[1], images.shape[2], images.shape[3]


def place_images(
    images: Pixels | ImageStream,
    device: torch.device,
    size: tuple[int, int],
    *,
    resize: int | None,
    augmentation: str | None = None,
    seed: int = 0,
    workers: int | None = None,
) -> ImageBatches:
    """Copy images in memory to the device, or read a stream as `StreamedImages` do."""
    if isinstance(images, ImageStream):
        if augmentation is not None:
            raise ValueError(f"`augmentation` must be None for images on disk, see `crop`; got {augmentation!r}.")
        return StreamedImages(images, device, size=size, resize=resize, seed=seed, workers=workers)
    return DeviceImages(images, device, augmentation=augmentation, seed=seed)


class _Frames(Dataset[Tensor | ValueError]):
    """The part of each image that the network sees, as (H, W, C); this object is sent to the workers."""

    def __init__(
        self, stream: ImageStream, size: tuple[int, int], resize: int | None, seed: int, epoch: int | None
    ) -> None:
        self._stream, self._size, self._resize, self._seed, self._epoch = stream, size, resize, seed, epoch

    def __getitem__(self, index: int) -> Tensor | ValueError:
        # An error that a worker raises would reach the user wrapped in that worker's traceback.
        try:
            return self._frame(index).permute(1, 2, 0).contiguous()
        except ValueError as error:
            return error

    def _frame(self, index: int) -> Tensor:
        pixels = torch.tensor(self._stream.image(index)).permute(2, 0, 1)
        height, width = self._size
        if self._resize is None:
            if pixels.shape[1:] != self._size:
                raise ValueError(
                    f"the images of {self._stream.where} must be of {height} x {width} pixels where `resize` is None; "
                    f"image {int(self._stream.rows[index])} is of {pixels.shape[1]} x {pixels.shape[2]}. "
                    f"Set `resize`, and `crop` in training."
                )
            return pixels
        functional = _transforms()
        resized: Tensor = functional.resize(pixels, [self._resize], antialias=True)
        if self._epoch is None:
            return functional.center_crop(resized, [height, width])
        rng = np.random.default_rng([self._seed, CROP, self._epoch, index])
        top, left = (int(rng.integers(room + 1)) for room in (resized.shape[1] - height, resized.shape[2] - width))
        return resized[:, top : top + height, left : left + width]


def _collate(items: list[Tensor | ValueError]) -> Tensor | ValueError:
    error = next((item for item in items if isinstance(item, ValueError)), None)
    return default_collate(items) if error is None else error


def _transforms() -> Any:
    return import_torchvision("transforms.v2", "resizing images").functional
