"""Compute a network's outputs for images: class probabilities and features."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelnoise.data.streaming import ImageStream
from labelnoise.networks.network import Network
from labelnoise.processes import ALONE, Processes, find_device
from labelnoise.progress import track
from labelnoise.training.data import ImageBatches, check_images
from labelnoise.training.streaming import place_images

BATCH_SIZE = 500


class Prediction(NamedTuple):
    """Softmax and features of images."""

    pred_probs: NDArray[np.float32]
    features: NDArray[np.float32]


def predict(
    network: Network,
    images: Any,
    *,
    after_activation: bool = False,
    device: str = "auto",
    batch_size: int = BATCH_SIZE,
    resize: int | None = None,
    loader_workers: int | None = None,
) -> Prediction:
    """Compute class probabilities and features of images, in float32.

    Parameters
    ----------
    network : Network
        For instance ``train(...).network``. Its state, mode and device are left as they are.
    images : array-like of shape (N, H, W) or (N, H, W, C), or ImageStream
        Raw pixels, as in training: the network normalizes them. Of a stream, only a few batches are in memory at once.
    after_activation : bool
        Whether features are taken after their batch norm and ReLU; by default before them (appendix A).
    device : {"auto", "cpu", "cuda"}
        Where to compute.
    batch_size : int
        Images per batch.
    resize : int, optional
        For a stream: the length to which the shorter side is resized, as in training, before the network's size is cut
        out of the center. None for images of that size.
    loader_workers : int, optional
        For a stream: the number of processes that read it; by default one per core.

    Returns
    -------
    Prediction
        ``pred_probs`` of shape (N, L) and ``features`` of shape (N, n_features).

    Raises
    ------
    ValueError, TypeError
        The images are not finite or not of the size that the network was built for, or there is no such device.

    Examples
    --------
    >>> from labelnoise.networks.architectures import build_network
    >>> network = build_network("digits_cnn", n_classes=10, image_shape=(8, 8))
    >>> pred_probs, features = predict(network, np.zeros((3, 8, 8)))
    >>> pred_probs.shape, features.shape
    ((3, 10), (3, 64))
    """
    place = find_device(device)
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {batch_size}.")
    if resize is not None and not isinstance(images, ImageStream):
        raise ValueError(f"`resize` must be None for images in memory, which are taken as they are; got {resize}.")
    served = images_for(network, images, "images", place, resize=resize, workers=loader_workers)
    home, training = network.shift.device, network.training
    network.to(place).eval()
    try:
        return predict_batches(network, served, place, after_activation, batch_size)
    finally:
        network.to(home).train(training)


def images_for(
    network: Network, images: Any, name: str, device: torch.device, *, resize: int | None, workers: int | None
) -> ImageBatches:
    """Check that the images fit the network, and serve them on the device; only streams are resized."""
    channels, height, width = network.image_shape
    if isinstance(images, ImageStream):
        shape: tuple[int, ...] = (height, width, images.channels)
    else:
        images = check_images(images, name)
        shape = images.shape[1:]
    if shape != (height, width, channels):
        raise ValueError(
            f"`{name}` must be of {height} x {width} pixels and {channels} channel(s), as the network was built "
            f"for; got {' x '.join(map(str, shape[:2]))} and {shape[2]}. Resize them, or train on that size."
        )
    return place_images(images, device, (height, width), resize=resize, workers=workers)


@torch.inference_mode()
def predict_batches(
    network: Network,
    images: ImageBatches,
    device: torch.device,
    after_activation: bool,
    batch_size: int = BATCH_SIZE,
    processes: Processes = ALONE,
) -> Prediction:
    """Predict with a network in evaluation mode on the device; all `processes` must call this together."""
    pred_probs, features = [], []
    mine = processes.share(torch.arange(len(images), device=device))
    total = -(-len(mine) // batch_size)
    for batch in track(images.batches(mine, batch_size), "predicting", total=total):
        logits, output = network.logits_and_features(batch, after_activation=after_activation)
        pred_probs.append(logits.softmax(1).cpu())
        features.append(output.cpu())
    rows = (processes.gather(torch.cat(parts), len(images), device) for parts in (pred_probs, features))
    return Prediction(*(part.numpy() for part in rows))


@torch.inference_mode()
def logits_at(network: Network, images: ImageBatches, indices: Tensor, processes: Processes = ALONE) -> Tensor:
    """Return the logits of the images at `indices`, for a network in evaluation mode; all are on its device."""
    batches = images.batches(processes.share(indices), BATCH_SIZE)
    rows = torch.cat([network(batch) for batch in batches])
    return processes.gather(rows, len(indices), indices.device)
