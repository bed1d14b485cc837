"""Networks of one shape as a single network, whose every layer computes for all of them at once.

The members' maps lie side by side in the channels, (B, E C, H, W). A convolution becomes a grouped one, a linear layer
a batched matrix product, and batch norm, pooling and activation stay what they are: none of them mixes channels. So the
members never meet, and each trains as it would alone, up to rounding.

Parameters and running statistics lie in one tensor a layer, of which the members' own become rows: what trains the
stack trains the members, and what is loaded into a member is in the stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from labelnoise.networks.architectures import NETWORKS
from labelnoise.networks.network import GlobalAverage, Network

STACKABLE_NETWORKS = tuple(name for name in NETWORKS if name != "densenet121")
"""The names of networks that can be stacked. A dense block concatenates maps, which would no longer lie by member."""

_BY_CHANNEL = nn.ReLU | nn.MaxPool2d | nn.Flatten | GlobalAverage | nn.Identity


class StackedNetwork(nn.Module):
    """E networks of one shape that compute together.

    Parameters
    ----------
    networks : sequence of Network
        The members, on one device. Their parameters, gradients and buffers become rows of the stack's; `unstack` gives
        them memory of their own again.
    memory_format : torch.memory_format
        Of the maps between the layers.

    Raises
    ------
    ValueError
        A layer that cannot be stacked.

    Examples
    --------
    >>> from labelnoise.networks.architectures import build_network
    >>> build = lambda seed: build_network("digits_cnn", n_classes=10, image_shape=(8, 8), random_state=seed)
    >>> networks = [build(seed) for seed in range(3)]
    >>> StackedNetwork(networks)(torch.zeros(5, 3, 1, 8, 8)).shape
    torch.Size([5, 3, 10])
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, networks: Sequence[Network], memory_format: torch.memory_format = torch.channels_last) -> None:
        super().__init__()
        self.n_members, self.memory_format = len(networks), memory_format
        members = zip(*(_layers(network) for network in networks), strict=True)
        self.layers = nn.Sequential(*(_stack(list(layers)) for layers in members))
        for name in ("shift", "scale"):
            self.register_buffer(name, _share_buffer(networks, name))
        self._norms = [layer for layer in self.layers if isinstance(layer, _StackedBatchNorm)]

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape (B, E, L) from raw pixels of shape (B, E, C, H, W), other images for each member."""
        maps = ((images.to(self.shift.dtype) - self.shift) * self.scale).flatten(1, 2)
        logits: Tensor = self.layers(maps.contiguous(memory_format=self.memory_format))
        return logits.view(len(logits), self.n_members, -1)

    def set_batch_norm_momentum(self, momentum: Tensor) -> None:
        """The weight, one a member, of the next batch in the running statistics; 0 leaves a member's as they are."""
        for norm in self._norms:
            norm.momentum = momentum.to(norm.running_mean.dtype)


def unstack(network: Network) -> None:
    """Give a member's parameters and buffers memory of their own; its gradients are dropped."""
    for parameter in network.parameters():
        parameter.data, parameter.grad = parameter.data.clone(), None
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.clone())


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """The layers in the order in which they compute."""
    for child in module.children() if isinstance(module, Network | nn.Sequential) else ():
        yield from _layers(child)
    if not isinstance(module, Network | nn.Sequential):
        yield module


def _stack(layers: list[nn.Module]) -> nn.Module:
    """The layer that computes what the members' `layers` do."""
    first = layers[0]
    if isinstance(first, nn.Conv2d) and first.padding_mode == "zeros":
        return _StackedConv2d(layers)
    if isinstance(first, nn.BatchNorm1d | nn.BatchNorm2d):
        return _StackedBatchNorm(layers)
    if isinstance(first, nn.Linear):
        return _StackedLinear(layers)
    if isinstance(first, _BY_CHANNEL):
        return first
    raise ValueError(
        f"`networks` must be of convolutions, batch norm, linear layers, ReLU, pooling and flattening to be stacked; "
        f"got a {type(first).__name__}. Train such networks one after another."
    )


class _StackedConv2d(nn.Module):
    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        first = layers[0]
        assert isinstance(first, nn.Conv2d)
        self.weight, self.bias = _share_parameter(layers, "weight"), _share_parameter(layers, "bias")
        self.stride, self.padding, self.dilation = first.stride, first.padding, first.dilation
        self.groups = first.groups * len(layers)

    def forward(self, maps: Tensor) -> Tensor:
        assert self.weight is not None
        bias = None if self.bias is None else self.bias.flatten()
        weight = self.weight.flatten(0, 1)
        return functional.conv2d(maps, weight, bias, self.stride, self.padding, self.dilation, self.groups)


class _StackedLinear(nn.Module):
    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.weight, self.bias = _share_parameter(layers, "weight"), _share_parameter(layers, "bias")

    def forward(self, values: Tensor) -> Tensor:
        assert self.weight is not None
        by_member = values.view(len(values), len(self.weight), -1).transpose(0, 1)
        weight = self.weight.transpose(1, 2)
        if self.bias is None:
            product = torch.bmm(by_member, weight)
        else:
            product = torch.baddbmm(self.bias[:, None], by_member, weight)
        return product.transpose(0, 1).flatten(1)


class _StackedBatchNorm(nn.Module):
    """Batch norm whose running statistics move by a weight of each member's own, which the library's cannot."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    batch_statistics: Tensor

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        first = layers[0]
        assert isinstance(first, nn.BatchNorm1d | nn.BatchNorm2d)
        self.eps = first.eps
        self.weight, self.bias = _share_parameter(layers, "weight"), _share_parameter(layers, "bias")
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, _share_buffer(layers, name))
        # What the library's moves wholly to each batch, from which ours are moved by the weight.
        self.register_buffer("batch_statistics", torch.stack([self.running_mean, self.running_var]))
        self.momentum = self.running_mean.new_full((len(layers),), first.momentum or 0.0)

    def forward(self, values: Tensor) -> Tensor:
        assert self.weight is not None
        assert self.bias is not None
        mean, variance = self.running_mean, self.running_var
        if self.training:
            mean, variance = self.batch_statistics.zero_()
        output = functional.batch_norm(
            values,
            mean.flatten(),
            variance.flatten(),
            self.weight.flatten(),
            self.bias.flatten(),
            self.training,
            1.0,
            self.eps,
        )
        if self.training:
            self.running_mean.lerp_(mean, self.momentum[:, None])
            self.running_var.lerp_(variance, self.momentum[:, None])
            self.num_batches_tracked += self.momentum > 0
        return output


def _share_parameter(modules: Sequence[nn.Module], name: str) -> nn.Parameter | None:
    """The members' parameters in one, of which they become rows; None where they have none."""
    members: list[nn.Parameter | None] = [getattr(module, name) for module in modules]
    present = [parameter for parameter in members if parameter is not None]
    if not present:
        return None
    shared = nn.Parameter(torch.stack([parameter.detach() for parameter in present]))
    shared.grad = torch.zeros_like(shared)
    for parameter, values, gradient in zip(present, shared.detach(), shared.grad, strict=True):
        parameter.data, parameter.grad = values, gradient
    return shared


def _share_buffer(modules: Sequence[nn.Module], name: str) -> Tensor:
    """The members' buffers in one, of which they become rows."""
    shared = torch.stack([getattr(module, name) for module in modules])
    for module, values in zip(modules, shared, strict=True):
        setattr(module, name, values)
    return shared
