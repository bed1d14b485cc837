"""Join networks of one shape into a single network: each layer computes for all of them at once.

The members' maps lie side by side in the channels, (B, E C, H, W). A convolution becomes a grouped convolution, and a
linear layer a batched matrix product. Batch norm, pooling and activation stay as they are, because they do not mix
channels. The members therefore do not affect each other, and each trains as it would alone, up to rounding.

The parameters and running statistics of a layer lie in one tensor, and those of the members become its rows. Training
the stack therefore trains the members, and a state that is loaded into a member is also in the stack.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from labelnoise.networks.architectures import NETWORKS
from labelnoise.networks.network import GlobalAverage, Network

STACKABLE_NETWORKS = tuple(name for name in NETWORKS if name not in ("densenet121", "whitened_cnn"))
"""The names of networks that can be stacked. DenseNet cannot: it concatenates maps, which would mix the members."""

_BY_CHANNEL = nn.ReLU | nn.MaxPool2d | nn.Flatten | GlobalAverage | nn.Identity


class StackedNetwork(nn.Module):
    """E networks of one shape that compute together.

    Parameters
    ----------
    networks : sequence of Network
        The members, on one device. Their parameters, gradients and buffers become rows of the stack's; `unstack` gives
        them memory of their own again.
    memory_format : torch.memory_format
        Memory format of the maps between the layers.

    Raises
    ------
    ValueError
        A layer cannot be stacked.

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
        """Return logits, (B, E, L), from raw pixels, (B, E, C, H, W), with different images for each member."""
        maps = ((images.to(self.shift.dtype) - self.shift) * self.scale).flatten(1, 2)
        logits: Tensor = self.layers(maps.contiguous(memory_format=self.memory_format))
        return logits.view(len(logits), self.n_members, -1)

    def set_batch_norm_momentum(self, momentum: Tensor) -> None:
        """Set each member's weight of the next batch in its running statistics; 0 leaves them unchanged."""
        for norm in self._norms:
            norm.momentum = momentum.to(norm.running_mean.dtype)


def unstack(network: Network) -> None:
    """Give a member's parameters and buffers memory of their own, and drop its gradients."""
    for parameter in network.parameters():
        parameter.data, parameter.grad = parameter.data.clone(), None
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.clone())


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers in the order in which they compute."""
    if isinstance(module, Network | nn.Sequential):
        for child in module.children():
            yield from _layers(child)
    else:
        yield module


def _stack(layers: list[nn.Module]) -> nn.Module:
    """Return one layer that computes what the members' `layers` compute."""
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
        f"`networks` must consist of convolutions, batch norm, linear layers, ReLU, pooling and flattening; "
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
    """Batch norm with a momentum of its own for each member, which PyTorch's batch norm does not offer."""

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
        # PyTorch writes the statistics of each batch here; `forward` moves the running ones by each member's momentum.
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
    """Join the members' parameters into one, and make them its rows; return None if they have none."""
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
    """Join the members' buffers into one, and make them its rows."""
    shared = torch.stack([getattr(module, name) for module in modules])
    for module, values in zip(modules, shared, strict=True):
        setattr(module, name, values)
    return shared
