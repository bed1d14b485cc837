"""How many images per second do networks handle that train together, against one after another and a plain loop?

    LABELNOISE_DATA=... python benchmarks/ensembles.py [--members 1 8 32] [--precision auto|float32|bfloat16]
        [options of training.py]

On a machine with a CUDA device, this runs the tests that need it and this benchmark:

    python -m pytest -m gpu tests && python benchmarks/convolutions.py --output build/convolutions.json &&
        python benchmarks/ensembles.py --images 25600 --output build/ensembles.json

The target there: 32 networks together handle at least 10 times as many images per second as the plain loop. If grouped
convolutions fall short of it, `benchmarks/convolutions.py` says which layer does, and what would be faster.

The plain loop and the single training are those of `benchmarks/training.py`, as are data and timing. The images of an
ensemble are those of all its members; networks that train one after another handle as many per second as one does.
Three ways to train together are measured: `train_together`, whose layers are grouped convolutions; `torch.func.vmap`
over the members' own networks, both in float32; and the members side by side, each with convolutions of its own. On
CUDA the last run on a few streams, and the step of all members is captured once in a CUDA graph, so that the host
launches it as one: otherwise it would launch 32 times as many kernels as for one network.

On CUDA, variants of the largest ensemble show whether the choices of `train_together` pay: the order in which maps lie
in memory, one Adam for all members, and deterministic kernels against the fastest that cuDNN finds. A graph of grouped
convolutions is not among them: a step of 32 members launches hardly more kernels than a step of one, while the device
has 32 times the work.
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from typing import Any
from unittest import mock

import numpy as np
import torch
from harness import Options, Record, run
from torch.nn import functional
from training import Data, EpochOver, Ours, Plain, load_data, new_network, report, sizes_and_device, start_training

from labelnoise.networks.stacked import StackedNetwork
from labelnoise.training import ensemble
from labelnoise.training.data import DeviceImages, normalization_of
from labelnoise.training.single import deterministic


def orders(n_networks: int, data: Data) -> torch.Tensor:
    """Return an epoch's batches as indices (steps, members, batch size): each member has an order of its own."""
    rng, (n_images, size) = np.random.default_rng(0), (len(data.labels), data.batch_size)
    found = np.stack([rng.permutation(n_images)[: n_images // size * size] for _ in range(n_networks)])
    return torch.from_numpy(found).to(data.device).view(n_networks, -1, size).transpose(0, 1).contiguous()


class Together:
    """What `train_together` does, or a variant of it."""

    def __init__(
        self,
        n_networks: int,
        data: Data,
        precision: str,
        memory_format: torch.memory_format = torch.channels_last,
        one_adam_on: tuple[str, ...] = ensemble.ONE_ADAM_ON,
        fastest: bool = False,
    ) -> None:
        images = DeviceImages(data.images[..., None], data.device)
        members = [start_training(data, precision, seed, images) for seed in range(n_networks)]
        self.n_networks, self.fastest, self.one_adam_on = n_networks, fastest, one_adam_on
        self.precision = str(members[0].precision).removeprefix("torch.")
        self.ensemble = ensemble.Ensemble(members, np.stack([data.labels] * n_networks), images, memory_format)

    def epoch(self) -> None:
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False)
        one_adam = mock.patch.object(ensemble, "ONE_ADAM_ON", self.one_adam_on)
        with flags if self.fastest else deterministic(), one_adam, suppress(EpochOver):
            self.ensemble.train(after_epoch=lambda: None)


class Vmapped:
    """The members' own networks under `torch.func.vmap`, whose batch norm takes no bfloat16; one Adam for all."""

    precision = "float32"

    def __init__(self, n_networks: int, data: Data) -> None:
        networks = [new_network(seed) for seed in range(n_networks)]
        shift, scale = normalization_of(data.images[..., None], "range")
        for network in networks:
            network.shift.copy_(shift)
            network.scale.copy_(scale)
            network.to(data.device)
        self.n_networks, self.data = n_networks, data
        self.images = DeviceImages(data.images[..., None], data.device)
        self.labels = torch.from_numpy(data.labels).to(data.device)
        self.parameters, self.buffers = torch.func.stack_module_state(networks)
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=0.01, weight_decay=1e-7, fused=True)
        self.logits = torch.func.vmap(lambda *state: torch.func.functional_call(networks[0], state[:2], state[2]))

    def epoch(self) -> None:
        for indices in orders(self.n_networks, self.data):
            batch = self.images.batch(indices.flatten())
            logits = self.logits(self.parameters, self.buffers, batch.view(*indices.shape, *batch.shape[1:]))
            losses = functional.cross_entropy(logits.flatten(0, 1), self.labels[indices].flatten(), reduction="none")
            self.optimizer.zero_grad()
            losses.view(indices.shape).mean(1).sum().backward()
            self.optimizer.step()


class SideBySide:
    """The members' steps, each with convolutions of its own; on CUDA on several streams, and launched as one graph."""

    def __init__(self, n_networks: int, data: Data, precision: str, n_streams: int = 4) -> None:
        self.n_networks, self.data, self.device = n_networks, data, data.device
        self.images = DeviceImages(data.images[..., None], data.device)
        members = [start_training(data, precision, seed, self.images) for seed in range(n_networks)]
        self.dtype = members[0].precision
        self.precision = str(self.dtype).removeprefix("torch.")
        self.labels = torch.from_numpy(data.labels).to(self.device)
        # In a stack of one, gradients and the weight of a batch in batch norm keep their place, where a graph needs it.
        self.stacks = [StackedNetwork([member.network]) for member in members]
        self.momentum = torch.full((1,), 0.01, device=self.device)
        for stack in self.stacks:
            stack.set_batch_norm_momentum(self.momentum)
        on_cuda = self.device.type == "cuda"
        parameters = [parameter for stack in self.stacks for parameter in stack.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=0.01, weight_decay=1e-7, fused=True, capturable=on_cuda)
        self.indices = torch.zeros(n_networks, data.batch_size, dtype=torch.int64, device=self.device)
        self.losses = torch.zeros(n_networks, device=self.device)
        self.streams = [torch.cuda.Stream() for _ in range(min(n_streams, n_networks))] if on_cuda else []
        self.step = self._capture if on_cuda else self._step

    def epoch(self) -> None:
        with deterministic():
            for indices in orders(self.n_networks, self.data):
                self.indices.copy_(indices)
                self.step()

    def _member_step(self, e: int) -> None:
        stack, indices = self.stacks[e], self.indices[e]
        stack.zero_grad(set_to_none=False)
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits = stack(self.images.batch(indices)[:, None])
        loss = functional.cross_entropy(logits[:, 0].float(), self.labels[indices])
        loss.backward()
        self.losses[e] = loss.detach()

    def _step(self) -> None:
        main = torch.cuda.current_stream() if self.streams else None
        for stream in self.streams:
            stream.wait_stream(main)
        for e in range(self.n_networks):
            with torch.cuda.stream(self.streams[e % len(self.streams)]) if self.streams else nullcontext():
                self._member_step(e)
        for stream in self.streams:
            main.wait_stream(stream)
        self.optimizer.step()

    def _capture(self) -> None:
        """Take a few steps to warm up, which a capture needs, then capture a step and replay it from now on."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                self._step()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._step()
        self.step = graph.replay
        self.step()


def build_loops(options: Options, data: Data) -> dict[str, Any]:
    precision, most = options.precision, max(options.members)
    loops: dict[str, Any] = {"plain DataLoader": Plain(data, workers=0), "one after another": Ours(data, precision)}
    for n_networks in options.members:
        loops[f"{n_networks} together"] = Together(n_networks, data, precision)
    loops[f"{most} together, float32"] = Together(most, data, "float32")
    loops[f"{most} together, vmap"] = Vmapped(most, data)
    loops[f"{most} side by side"] = SideBySide(most, data, precision)
    if data.device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(data, workers=4)
        first = torch.contiguous_format
        loops[f"{most} together, channels first"] = Together(most, data, precision, memory_format=first)
        loops[f"{most} together, channels first, float32"] = Together(most, data, "float32", memory_format=first)
        loops[f"{most} together, an Adam each"] = Together(most, data, precision, one_adam_on=())
        loops[f"{most} together, fastest kernels"] = Together(most, data, precision, fastest=True)
    return loops


def main(options: Options) -> Record:
    data = load_data(options)
    baselines = {"plain": "plain", "one_after_another": "one after another"}
    return report(options.rounds, data, build_loops(options, data), baselines)


if __name__ == "__main__":
    n_images, members = (12800, (1, 8, 32)) if torch.cuda.is_available() else (512, (1, 4, 8))
    precision = {"choices": ("auto", "float32", "bfloat16"), "default": "auto"}
    run(main, __doc__, **sizes_and_device(n_images, rounds=3), members=(members, (1, 2)), precision=precision)
