"""Train one network on several devices: torchrun starts one process per device, each with its share of every batch.

    torchrun --nproc-per-node 8 train.py

Every process runs the same program on the same data and gets the same result; only the first process writes.
`batch_size` is that of all processes together. PyTorch's `DistributedDataParallel` averages the gradients in each step.
As usual there, batch norm normalizes each share by the share's own statistics; the running statistics are averaged
after each epoch. A result therefore depends on the number of processes, as it does on the seed: it has the distribution
of a single process's results, but not the same bits. A single process is `ALONE`, and exchanges nothing.
"""

from __future__ import annotations

import atexit
import datetime
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

from labelnoise.torchrun import number_on_machine, started_by_torchrun
from labelnoise.validation import check_choice

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Processes:
    """The `size` processes that train one network together, as the process number `rank` sees them."""

    rank: int = 0
    size: int = 1

    def share_of_batches(self, batches: Tensor) -> Tensor:
        """Return this process's part of every batch, for batches of shape (steps, batch size)."""
        return batches.chunk(self.size, dim=1)[self.rank]

    def share(self, indices: Tensor) -> Tensor:
        """Return this process's part of a sequence; all parts have one length, the last ones repeat the last entry."""
        if self.size == 1 or len(indices) == 0:
            return indices
        length = -(-len(indices) // self.size)
        places = torch.arange(self.rank * length, (self.rank + 1) * length, device=indices.device)
        return indices[places.clamp(max=len(indices) - 1)]

    def gather(self, rows: Tensor, n: int, device: torch.device) -> Tensor:
        """Return all n rows, in order, from the rows that each process has for its `share`; `device` transfers them."""
        if self.size == 1:
            return rows
        mine = rows.to(device).contiguous()
        parts = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(parts, mine)
        return torch.cat(parts)[:n].to(rows.device)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over processes of a tensor on the device."""
        if self.size == 1:
            return values
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over processes of a tensor on the device."""
        return self.sum(values) / self.size if self.size > 1 else values

    def mean_number(self, value: float, device: torch.device) -> float:
        """Return the mean over processes of one number from each."""
        return float(self.mean(torch.tensor(value, dtype=torch.float64, device=device))) if self.size > 1 else value

    def average_running_statistics(self, norms: Iterable[nn.Module]) -> None:
        """Set the running statistics of each batch norm to their mean over all processes."""
        if self.size == 1:
            return
        for norm in norms:
            for statistic in (norm.running_mean, norm.running_var):
                if isinstance(statistic, Tensor):
                    statistic.copy_(self.mean(statistic))

    def parallel(self, network: nn.Module) -> nn.Module:
        """Return the network for the training step: it shares the parameters of `network` and averages gradients."""
        if self.size == 1:
            return network
        kind = nn.parallel.DistributedDataParallel
        # Newer versions of PyTorch have another name for this option.
        names = inspect.signature(kind).parameters
        option = "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers"
        options: dict[str, Any] = {option: False}
        return kind(network, **options)

    def agree(self, value: Any) -> Any:
        """Return, in every process, the `value` that the first one passes: any object that can be pickled."""
        if self.size == 1:
            return value
        shared = [value]
        distributed.broadcast_object_list(shared, src=0)
        return shared[0]

    def check_batch_size(self, batch_size: int) -> None:
        """Raise a ValueError unless every process gets the same number of images, at least 2 for batch norm."""
        if batch_size % self.size or batch_size < 2 * self.size:
            raise ValueError(
                f"`batch_size` must be a multiple of the {self.size} processes, at least 2 for each; got {batch_size}."
            )

    def check_resumed(self, n_epochs: int, device: torch.device) -> None:
        """Raise a ValueError unless all processes resume from the same epoch."""
        if self.size == 1:
            return
        mine = torch.tensor([n_epochs], device=device)
        found = self.gather(mine, self.size, device).tolist()
        if len(set(found)) > 1:
            raise ValueError(
                f"`checkpoint` must be the same file for all processes; they have read {found} epochs from it. "
                f"Name a file on a disk that all machines share."
            )


def find_device(device: str) -> torch.device:
    """Return the device that "auto", "cpu" or "cuda" stands for on this machine."""
    check_choice(device, DEVICES, "device")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        cpu_only = torch.version.cuda is None and torch.version.hip is None
        reason = f"torch {torch.__version__} is built for the CPU only" if cpu_only else "torch finds no CUDA device"
        raise ValueError(
            f"`device` must be one that this machine has; got 'cuda', but {reason}. "
            f"Use device='cpu' or 'auto', or install a torch built for CUDA on a machine with a GPU."
        )
    return torch.device("cuda" if device != "cpu" and available else "cpu")


ALONE = Processes()
"""A process that trains a network by itself."""


def join_processes(device: torch.device) -> Processes:
    """Connect to the other processes that torchrun started, and return all of them; without torchrun, return `ALONE`.

    Raises
    ------
    ValueError
        There are more processes on this machine than it has GPUs.
    """
    if not started_by_torchrun():
        return ALONE
    if device.type == "cuda":
        local, n_devices = number_on_machine(), torch.cuda.device_count()
        if local >= n_devices:
            raise ValueError(
                f"every process must have a GPU of its own; this is the process {local} (counted from 0) of a machine "
                f"with {n_devices}. Start at most {n_devices}: torchrun --nproc-per-node {n_devices}"
            )
        torch.cuda.set_device(local)  # From here on, "cuda" means this device.
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        # The first process may prepare for hours while the others wait. If one of them dies, torchrun stops the rest.
        distributed.init_process_group(backend, timeout=datetime.timedelta(days=2))
        atexit.register(distributed.destroy_process_group)  # Later runs of this program use the group again.
    return Processes(distributed.get_rank(), distributed.get_world_size())
