"""What every network of the package is: a classifier in four parts that also gives its features.

A trunk, the one-before-last layer, that layer's batch norm and ReLU, and a head. The features of appendix A are what
the one-before-last layer gives, before its batch norm and ReLU; an option takes them after. A network takes raw pixels
and normalizes them itself, with statistics that travel in its state.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ImageShape = tuple[int, int, int]


class Network(nn.Module):
    """A classifier in four parts, ``head(activation(penultimate(trunk(x))))``.

    Parameters
    ----------
    trunk : Module
        From normalized images to the input of the one-before-last layer.
    penultimate : Module
        The one-before-last layer alone. Its output is the features; a feature map is averaged over its positions.
    activation, head : Module
        The batch norm and ReLU after it, and the last layer, up to the logits.
    image_shape : (int, int, int)
        Channels, height, width.

    Attributes
    ----------
    shift, scale : buffers of the shape of an image
        A pixel x enters the first layer as (x - shift) * scale; 0 and 1 until training sets them.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, trunk: nn.Module, penultimate: nn.Module, activation: nn.Module, head: nn.Module, image_shape: ImageShape
    ) -> None:
        super().__init__()
        self.trunk, self.penultimate, self.activation, self.head = trunk, penultimate, activation, head
        self.image_shape = image_shape
        self.register_buffer("shift", torch.zeros(image_shape))
        self.register_buffer("scale", torch.ones(image_shape))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape (N, L) from raw pixels of shape (N, C, H, W), of any real type."""
        return self.head(self.activation(self._penultimate_output(images)))

    def features(self, images: Tensor, *, after_activation: bool = False) -> Tensor:
        """Features of shape (N, n_features), before or after their batch norm and ReLU."""
        return self.logits_and_features(images, after_activation=after_activation)[1]

    def logits_and_features(self, images: Tensor, *, after_activation: bool = False) -> tuple[Tensor, Tensor]:
        """Both in one pass."""
        before = self._penultimate_output(images)
        after = self.activation(before)
        features = after if after_activation else before
        return self.head(after), features.mean((2, 3)) if features.ndim == 4 else features

    def _penultimate_output(self, images: Tensor) -> Tensor:
        if tuple(images.shape[1:]) != self.image_shape:
            raise ValueError(
                f"`images` must have shape (N, {', '.join(map(str, self.image_shape))}), that of the images it was "
                f"built for; got {tuple(images.shape)}."
            )
        return self.penultimate(self.trunk((images.to(self.shift.dtype) - self.shift) * self.scale))


class GlobalAverage(nn.Module):
    """The mean over all positions of a feature map."""

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C)."""
        return maps.mean((2, 3))
