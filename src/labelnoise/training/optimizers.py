"""The optimizers: Adam, as in the paper, and gradient descent, which may orthogonalize the steps of filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from labelnoise.training.specification import TrainingSpecification

_COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Jordan's polynomial a s + b s^3 + c s^5, which brings singular values s in (0, 1] near 1 when applied repeatedly."""
_ITERATIONS = 3


def optimizer_of(network: nn.Module, specification: TrainingSpecification) -> torch.optim.Optimizer:
    """Return the optimizer of a network's parameters that a specification describes."""
    decay = specification.weight_decay
    if specification.momentum is None:
        return torch.optim.Adam(network.parameters(), weight_decay=decay, fused=True)
    sgd: dict[str, Any] = {"lr": specification.learning_rate, "momentum": specification.momentum, "weight_decay": decay}
    if specification.filter_rate is None:
        return torch.optim.SGD(network.parameters(), nesterov=True, fused=True, **sgd)
    filters = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    among_filters = {id(weight) for weight in filters}
    others = [parameter for parameter in network.parameters() if id(parameter) not in among_filters]
    return SGDWithOrthogonalFilters(filters, others, specification.filter_rate / specification.learning_rate, **sgd)


class SGDWithOrthogonalFilters(torch.optim.SGD):
    r"""Nesterov's gradient descent, in which the steps of convolution filters are made orthogonal: Muon (Jordan 2024).

    A layer's filters are a matrix W with one row per output channel. With :math:`U \Sigma V^\top` the singular value
    decomposition of what would be its step, the new W is
    :math:`\sqrt{c_\mathrm{out}}\, W / \lVert W \rVert_F - r \eta\, U V^\top`, where :math:`U V^\top` is found
    approximately by Newton-Schulz iterations. All directions are then learned at one speed. As batch norm follows,
    the norm of W has no meaning; fixing it keeps the relative size of steps at that of the learning rate. torch's own
    Muon takes no convolutions, and computes in bfloat16, which most CPUs emulate.

    Parameters
    ----------
    filters, others : iterables of parameters
        Convolution filters, which get no weight decay, and all other parameters.
    rate_ratio : float
        r, the learning rate of filters over that of the other parameters.
    lr, momentum, weight_decay : float
        As in `torch.optim.SGD`.

    References
    ----------
    K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon/
    """

    def __init__(
        self,
        filters: Iterable[Tensor],
        others: Iterable[Tensor],
        rate_ratio: float,
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {"params": list(filters), "rate_ratio": rate_ratio},
            {"params": list(others), "rate_ratio": None},
        ]
        super().__init__(groups, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=True)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step."""
        orthogonalized = self.param_groups[0]
        for weight in orthogonalized["params"]:
            if weight.grad is not None:
                self._step_filters(weight, weight.grad, orthogonalized)
                weight.grad = None  # The step below leaves out parameters without a gradient.
        return super().step(closure)

    def _step_filters(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        mean = state["momentum_buffer"].mul_(group["momentum"]).add_(gradient)
        step = gradient.add(mean, alpha=group["momentum"])
        weight.mul_(len(weight) ** 0.5 / weight.norm().clamp(min=torch.finfo(weight.dtype).tiny))
        weight.sub_(orthogonalize(step.flatten(1)).view_as(weight), alpha=group["rate_ratio"] * group["lr"])


def orthogonalize(matrix: Tensor) -> Tensor:
    r"""Return about :math:`U V^\top` of a matrix :math:`U \Sigma V^\top`; small singular values stay below 1."""
    a, b, c = _COEFFICIENTS
    wide = len(matrix) <= matrix.shape[1]
    found = matrix if wide else matrix.T
    found = found / found.norm().clamp(min=torch.finfo(matrix.dtype).tiny)
    for _ in range(_ITERATIONS):
        square = found @ found.T
        found = a * found + (b * square + c * (square @ square)) @ found
    return found if wide else found.T
