"""What a network says about images: class probabilities and features."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from labelnoise.networks import Network
from labelnoise.progress import track
from labelnoise.training.data import DeviceImages, ImageBatches, check_images
from labelnoise.training.specification import find_device

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
) -> Prediction:
    """Class probabilities and features of images, in float32.

    Parameters
    ----------
    network : Network
        For instance ``train(...).network``. Its state, mode and device are left as they are.
    images : array-like of shape (N, H, W) or (N, H, W, C)
        Raw pixels, as in training: the network normalises them.
    after_activation : bool
        Features after their batch norm and ReLU; before them (appendix A) by default.
    device : {"auto", "cpu", "cuda"}
        Where to compute.
    batch_size : int
        Images at a time.

    Returns
    -------
    Prediction
        ``pred_probs`` of shape (N, L) and ``features`` of shape (N, n_features).

    Raises
    ------
    ValueError, TypeError
        Images that are not finite, or not of the size that the network was built for; no such device.

    Examples
    --------
    >>> from labelnoise.networks import build_network
    >>> network = build_network("digits_cnn", n_classes=10, image_shape=(8, 8))
    >>> pred_probs, features = predict(network, np.zeros((3, 8, 8)))
    >>> pred_probs.shape, features.shape
    ((3, 10), (3, 64))
    """
    place = find_device(device)
    pixels = check_images(images)
    check_image_shape(network, pixels.shape[1:], "images")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1; got {batch_size}.")
    home, training = network.shift.device, network.training
    network.to(place).eval()
    try:
        return predict_batches(network, DeviceImages(pixels, place), place, after_activation, batch_size)
    finally:
        network.to(home).train(training)


def check_image_shape(network: Network, shape: tuple[int, ...], name: str) -> None:
    """Whether images of this (height, width, channels) fit the network."""
    channels, height, width = network.image_shape
    if shape != (height, width, channels):
        raise ValueError(
            f"`{name}` must be of {height} x {width} pixels and {channels} channel(s), as those the network was built "
            f"for; got {' x '.join(map(str, shape[:2]))} and {shape[2]}. Resize them, or train on that size."
        )


@torch.inference_mode()
def predict_batches(
    network: Network, images: ImageBatches, device: torch.device, after_activation: bool, batch_size: int = BATCH_SIZE
) -> Prediction:
    """`predict` on checked input, for a network in evaluation mode on the device."""
    pred_probs, features = [], []
    everything = torch.arange(len(images), device=device)
    for start in track(range(0, len(images), batch_size), "predicting"):
        chunk = everything[start : start + batch_size]
        logits, output = network.logits_and_features(images.batch(chunk), after_activation=after_activation)
        pred_probs.append(logits.softmax(1).cpu())
        features.append(output.cpu())
    return Prediction(torch.cat(pred_probs).numpy(), torch.cat(features).numpy())


@torch.inference_mode()
def classify(network: Network, images: ImageBatches, indices: Tensor) -> Tensor:
    """Class codes of the images at `indices`, all on the device of a network in evaluation mode."""
    chunks = [indices[start : start + BATCH_SIZE] for start in range(0, len(indices), BATCH_SIZE)]
    return torch.cat([network(images.batch(chunk)).argmax(1) for chunk in chunks])
