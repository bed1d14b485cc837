"""The class of all networks of the package: a classifier in four parts that also gives its features.

The parts are a trunk, the penultimate layer, the batch norm and ReLU of that layer, and a head. The features of
appendix A are the output of the penultimate layer before its batch norm and ReLU; an option takes them after. A network
takes raw pixels and normalizes them itself, with statistics that are part of its state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

ImageShape = tuple[int, int, int]


class Network(nn.Module):
    """A classifier in four parts, ``head(activation(penultimate(trunk(x))))``.

    Parameters
    ----------
    trunk : Module
        All layers from normalized images to the input of the penultimate layer.
    penultimate : Module
        The penultimate layer alone. Its output is the features; a feature map is averaged over its positions.
    activation, head : Module
        The batch norm and ReLU after that layer, and what computes the logits from them.
    image_shape : (int, int, int)
        Channels, height, width.

    Attributes
    ----------
    shift, scale : buffers of the shape of an image
        A pixel x enters the first layer as (x - shift) * scale; 0 and 1 until training sets them.
    reduced_to : (int, int) or None
        In training mode, the height and width to which normalized images are averaged; None leaves them as they are.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, trunk: nn.Module, penultimate: nn.Module, activation: nn.Module, head: nn.Module, image_shape: ImageShape
    ) -> None:
        super().__init__()
        self.trunk, self.penultimate, self.activation, self.head = trunk, penultimate, activation, head
        self.image_shape = image_shape
        self.reduced_to: tuple[int, int] | None = None
        self.register_buffer("shift", torch.zeros(image_shape))
        self.register_buffer("scale", torch.ones(image_shape))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits of shape (N, L) from raw pixels of shape (N, C, H, W), of any real type."""
        return self.head(self.activation(self._penultimate_output(images)))

    def features(self, images: Tensor, *, after_activation: bool = False) -> Tensor:
        """Return features of shape (N, n_features), before or after their batch norm and ReLU."""
        return self.logits_and_features(images, after_activation=after_activation)[1]

    def logits_and_features(self, images: Tensor, *, after_activation: bool = False) -> tuple[Tensor, Tensor]:
        """Return logits and features, computed in one pass."""
        before = self._penultimate_output(images)
        after = self.activation(before)
        features = after if after_activation else before
        return self.head(after), features.mean((2, 3)) if features.ndim == 4 else features

    def normalize(self, images: Tensor) -> Tensor:
        """Return raw pixels as they enter the first layer."""
        return (images.to(self.shift.dtype) - self.shift) * self.scale

    def _penultimate_output(self, images: Tensor) -> Tensor:
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(
                f"`images` must have shape (N, {', '.join(map(str, self.image_shape))}), as the network was built "
                f"for; got {tuple(images.shape)}."
            )
        normalized = self.normalize(images)
        if self.training and self.reduced_to is not None:
            normalized = functional.interpolate(normalized, self.reduced_to, mode="area")
        return self.penultimate(self.trunk(normalized))


class GlobalAverage(nn.Module):
    """The mean over all positions of a feature map."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the means, of shape (N, C), of maps of shape (N, C, H, W)."""
        return maps.mean((2, 3))


class GlobalMaximum(nn.Module):
    """The greatest value over all positions of a feature map."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the greatest values, of shape (N, C), of maps of shape (N, C, H, W)."""
        return maps.amax((2, 3))
