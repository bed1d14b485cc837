"""The paper's networks, and a faster one for CIFAR-10, built by their names.

A layer before a batch norm has no bias, because the norm would subtract it again.
"""

from __future__ import annotations

import importlib
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from labelnoise.networks.network import GlobalAverage, GlobalMaximum, ImageShape, Network
from labelnoise.networks.whitening import WhiteningLayer
from labelnoise.validation import check_choice, seed_of


def _block(n_in: int, n_out: int, size: int, *, stride: int = 1, padded: bool = True) -> list[nn.Module]:
    padding = size // 2 if padded else 0
    convolution = nn.Conv2d(n_in, n_out, size, stride=stride, padding=padding, bias=False)
    return [convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]


def _pooled(block: list[nn.Module], window: int) -> list[nn.Module]:
    # Max pooling and ReLU commute. After pooling, ReLU has only a quarter of the work.
    return [*block[:-1], nn.MaxPool2d(window, stride=2, padding=(window - 1) // 2), block[-1]]


@dataclass(frozen=True)
class _Shape:
    n_classes: int
    channels: int
    height: int
    width: int
    n_features: int | None
    max_pool: int

    @property
    def image(self) -> ImageShape:
        return self.channels, self.height, self.width

    def pooled_pixels(self, times: int) -> int:
        """Return how many positions are left after so many poolings; with a padded window of 3, sides round up."""
        sides, step = (self.height, self.width), 2**times
        return math.prod(side // step if self.max_pool == 2 else -(-side // step) for side in sides)


def _with_feature_layer(trunk: nn.Module, n_inputs: int, n_features: int, shape: _Shape) -> Network:
    layer, head = nn.Linear(n_inputs, n_features, bias=False), nn.Linear(n_features, shape.n_classes)
    return Network(trunk, layer, nn.Sequential(nn.BatchNorm1d(n_features), nn.ReLU(inplace=True)), head, shape.image)


def _pooling_cnn(shape: _Shape, stages: Sequence[Sequence[int]], size: int, default_features: int) -> Network:
    trunk, n_channels = [], shape.channels
    for stage in stages:
        for i, n_out in enumerate(stage, 1):
            block = _block(n_channels, n_out, size)
            trunk += _pooled(block, shape.max_pool) if i == len(stage) else block
            n_channels = n_out
    n_features = shape.n_features or default_features
    n_inputs = n_channels * shape.pooled_pixels(len(stages))
    return _with_feature_layer(nn.Sequential(*trunk, nn.Flatten()), n_inputs, n_features, shape)


def _all_cnn(shape: _Shape) -> Network:
    # This is All-CNN-C of Springenberg et al., with batch norm instead of dropout. The last convolution, to L channels,
    # has batch norm and ReLU too, as in the authors' code; a global average follows before the softmax.
    convolutions = [
        *_block(shape.channels, 96, 3),
        *_block(96, 96, 3),
        *_block(96, 96, 3, stride=2),
        *_block(96, 192, 3),
        *_block(192, 192, 3),
        *_block(192, 192, 3, stride=2),
        *_block(192, 192, 3, padded=False),
    ]
    penultimate, *activation = _block(192, 192, 1)
    n_features, n_classes = shape.n_features, shape.n_classes
    if n_features is None:
        head = nn.Sequential(*_block(192, n_classes, 1), GlobalAverage())
        return Network(nn.Sequential(*convolutions), penultimate, nn.Sequential(*activation), head, shape.image)
    trunk = nn.Sequential(*convolutions, penultimate, *activation, *_block(192, n_features, 1), GlobalAverage())
    return _with_feature_layer(trunk, n_features, n_features, shape)


def _whitened_cnn(shape: _Shape) -> Network:
    # The layout is that of airbench (K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024), narrower and
    # with ReLU: a fixed whitening layer, three groups of two convolutions, the first of each group pooled.
    n_features = shape.n_features or 128
    if n_features % 4:
        raise ValueError(f"`n_features` of whitened_cnn must be divisible by 4; got {n_features}.")
    whitening = WhiteningLayer(shape.channels)
    trunk, n_channels = [whitening, nn.ReLU(inplace=True)], whitening.n_outputs
    for n_out in (n_features // 4, n_features, n_features):
        convolution, *norm_and_activation = _block(n_channels, n_out, 3)
        trunk += [convolution, nn.MaxPool2d(2), *norm_and_activation, *_block(n_out, n_out, 3)]
        n_channels = n_out
    # The features are the greatest value of each channel of the last map.
    return Network(nn.Sequential(*trunk), GlobalMaximum(), nn.Identity(), _SmallLogits(n_features, shape), shape.image)


class _SmallLogits(nn.Linear):
    """A fully connected layer whose output is divided by 9, so that the first steps of a high rate stay small."""

    def __init__(self, n_features: int, shape: _Shape) -> None:
        super().__init__(n_features, shape.n_classes)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return super().forward(features) / 9


def _densenet121(shape: _Shape) -> Network:
    if shape.channels != 3:
        raise ValueError(
            f"`image_shape` must be (height, width, 3) for densenet121; got {shape.channels} channel(s). "
            f"Repeat the channel of gray images three times."
        )
    if shape.n_features not in (None, 1024):
        raise ValueError(f"`n_features` of densenet121 must be 1024, the width of its pooling; got {shape.n_features}.")
    library = import_torchvision("models", "densenet121").densenet121(weights=None, num_classes=shape.n_classes)
    # The features are the output of the last pooling. Batch norm and ReLU come before it; no activation is left.
    pooling = nn.Sequential(nn.ReLU(inplace=True), GlobalAverage())
    return Network(library.features, pooling, nn.Identity(), library.classifier, shape.image)


def import_torchvision(module: str, needed_for: str) -> Any:
    """Import a module of torchvision; if it is missing or does not fit, the error says what to install."""
    try:
        return importlib.import_module(f"torchvision.{module}")
    except (ImportError, RuntimeError) as error:  # RuntimeError means that it was built for another torch.
        raise ImportError(
            f"{needed_for} needs torchvision, installed and built for the same torch (CPU or CUDA alike); importing it "
            f"failed: {error}. Install both from one index: pip install 'labelnoise[cnn]'"
        ) from error


@dataclass(frozen=True)
class _Architecture:
    build: Callable[[_Shape], Network]
    smallest: int  # A smaller image side would leave no position before the head.
    pools: bool = True  # This says whether the window of max pooling can be chosen.
    starts_as_identity: bool = False
    any_size: bool = False  # This says whether its head takes maps of any size.


_MNIST_CNN = partial(_pooling_cnn, stages=[(20, 20), (50, 50)], size=5, default_features=256)
_DIGITS_CNN = partial(_pooling_cnn, stages=[(16, 32), (64,)], size=3, default_features=64)
_ARCHITECTURES = {
    "mnist_cnn": _Architecture(_MNIST_CNN, 4),
    "appendix_cnn": _Architecture(_MNIST_CNN, 4),
    "all_cnn": _Architecture(_all_cnn, 9, pools=False, any_size=True),
    "whitened_cnn": _Architecture(_whitened_cnn, 9, pools=False, starts_as_identity=True, any_size=True),
    "densenet121": _Architecture(_densenet121, 29, pools=False, any_size=True),
    "digits_cnn": _Architecture(_DIGITS_CNN, 4),
}

NETWORKS = tuple(_ARCHITECTURES)
"""The names that `build_network` knows."""

NETWORKS_OF_ANY_SIZE = tuple(name for name, architecture in _ARCHITECTURES.items() if architecture.any_size)
"""Those whose head takes maps of any size, so that they can train on reduced images."""


def build_network(
    name: str,
    *,
    n_classes: int,
    image_shape: Sequence[int],
    n_features: int | None = None,
    max_pool: int = 2,
    batch_norm_decay: float = 0.99,
    random_state: int | None = 0,
) -> Network:
    """Build a network by its name, with He initialization unless its line says otherwise.

    - ``mnist_cnn``: conv5x5@20 twice, pool, conv5x5@50 twice, pool, fc@n_features (256), fc@L.
    - ``appendix_cnn``: the same on CIFAR-10 (appendix A).
    - ``all_cnn``: 3x3@96, 96, 96/2, 192, 192, 192/2, 192 valid, 1x1@192, 1x1@L, global average. With `n_features`, in
      place of the last two: 1x1@n_features, global average, fc@n_features, fc@L.
    - ``whitened_cnn``: fixed whitening conv2x2, then (conv3x3@w, pool, conv3x3@w) for w = n_features/4, n_features,
      n_features (128), greatest value of each channel, fc@L; convolutions start as the identity. Not of the paper:
      it learns CIFAR-10 in minutes.
    - ``densenet121``: torchvision's; features are the 1024-d output of its last pooling.
    - ``digits_cnn``: conv3x3@16, conv3x3@32, pool, conv3x3@64, pool, fc@n_features (64), fc@L, for 8x8 images.

    Batch norm and ReLU follow every layer except a last fc.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    n_classes : int
        L, at least 2.
    image_shape : (height, width) or (height, width, channels)
        As ``images.shape[1:]``.
    n_features : int, optional
        Width of the feature layer. ``all_cnn`` has such a layer only if this is given (the paper: 256); without it,
        its features are the 192-d output of the penultimate convolution, averaged over the image.
    max_pool : {2, 3}
        Window of the max pooling, stride 2: 2 in the paper, 3 in the authors' code.
    batch_norm_decay : float
        Share of the running statistics that a step keeps: 1 - momentum in torch's sense.
    random_state : int or None
        Seed of the initialization. The global random state is left as it was.

    Returns
    -------
    Network
        On the CPU, in training mode.

    Raises
    ------
    ValueError, ImportError
        Unknown name, only one class, or images that the network cannot take; torchvision missing or broken.

    Examples
    --------
    >>> network = build_network("digits_cnn", n_classes=10, image_shape=(8, 8))
    >>> network.features(torch.zeros(5, 1, 8, 8)).shape
    torch.Size([5, 64])
    """
    architecture = _ARCHITECTURES[check_choice(name, NETWORKS, "name")]
    if len(image_shape) not in (2, 3) or min(map(operator.index, image_shape)) < 1:
        raise ValueError(f"`image_shape` must be (height, width) or (height, width, channels); got {image_shape}.")
    height, width, channels = (*image_shape, 1)[:3]
    shape = _Shape(n_classes, channels, height, width, n_features, max_pool)
    _check_shape(name, architecture, shape)
    if not 0 <= batch_norm_decay < 1:
        raise ValueError(f"`batch_norm_decay` must lie in [0, 1), 0.99 in the paper's runs; got {batch_norm_decay:g}.")
    seed = seed_of(random_state)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed % 2**63)  # torch.manual_seed would also seed the GPU.
        network = architecture.build(shape)
        for module in network.modules():
            if architecture.starts_as_identity and isinstance(module, nn.Conv2d):
                # The first filters pass the input on, and torch has initialized the others (Jordan 2024).
                nn.init.dirac_(module.weight.data[: module.in_channels])
            elif isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = 1 - batch_norm_decay
    return network


def _check_shape(name: str, architecture: _Architecture, shape: _Shape) -> None:
    if shape.n_classes < 2:
        raise ValueError(f"`n_classes` must be at least 2, or there is nothing to tell apart; got {shape.n_classes}.")
    if min(shape.height, shape.width) < architecture.smallest:
        channels_first = shape.height <= 4 < shape.channels
        hint = " If the channels come first, move them last: images.transpose(0, 2, 3, 1)." if channels_first else ""
        raise ValueError(
            f"`image_shape` must be at least {architecture.smallest} x {architecture.smallest} pixels for {name}; "
            f"got {shape.height} x {shape.width}. Enlarge the images or choose another network.{hint}"
        )
    if shape.n_features is not None and shape.n_features < 1:
        raise ValueError(f"`n_features` must be at least 1; got {shape.n_features}.")
    if shape.max_pool not in (2, 3):
        raise ValueError(f"`max_pool` must be 2 (the paper) or 3 (the authors' code); got {shape.max_pool}.")
    if shape.max_pool != 2 and not architecture.pools:
        raise ValueError(f"`max_pool` must be left at 2 for {name}, which has no such pooling; got {shape.max_pool}.")
