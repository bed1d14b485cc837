"""Ensembles: images per second of networks that train together, against one after another and a plain PyTorch loop.

    LABELNOISE_DATA=... python benchmarks/ensembles.py [--members 1 8 32] [--images N] [--rounds R] [--output FILE.json]

On a machine with a CUDA device, the tests that need it and this, in one go:

    python -m pytest -m gpu tests && python benchmarks/convolutions.py --output build/convolutions.json &&
        python benchmarks/ensembles.py --images 25600 --output build/ensembles.json

The target there: 32 together handle at least 10 times as many images per second as the plain loop. Where grouped
convolutions fall short of it, `benchmarks/convolutions.py` says which layer does, and what would be faster.

The plain loop and the single run are those of `benchmarks/training.py`, as are data and timing. The images of an
ensemble are those of all its members; networks that train one after another handle as many per second as one does.

Three ways to train together are measured: `train_together`, whose layers are grouped convolutions; `torch.func.vmap`
over the members' own networks, both in float32; and the members side by side, each with convolutions of its own. On
CUDA these run on a few streams, and the step of all of them is captured once in a CUDA graph, so that the host launches
it as one: it would have 32 times as many kernels to launch as for one network.

On CUDA, variants of the largest ensemble show whether the choices of `train_together` pay: the order in which maps lie
in memory, one Adam for all members, and deterministic kernels against the fastest that cuDNN finds. A graph of grouped
convolutions is not among them: a step of 32 members launches hardly more than a step of one, while the device has 32
times the work.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm
from training import Loop, Ours, Plain, mnist, new_network, parser_for, report

from labelnoise.networks.stacked import StackedNetwork
from labelnoise.training import ensemble, preset
from labelnoise.training.data import DeviceImages, TrainingData, normalization_of
from labelnoise.training.loop import Training
from labelnoise.training.single import deterministic, start_run


def start_runs(
    n_networks: int, images: np.ndarray, labels: np.ndarray, batch_size: int, device: torch.device, precision: str
) -> tuple[list[Training], DeviceImages]:
    changes = {"batch_size": batch_size, "precision": precision, "device": device.type}
    data = TrainingData.check(images, labels, None, range(10))
    shared = DeviceImages(data.pixels, device)
    return [
        start_run(data, preset("mnist", **changes, selection="last", validation_share=0, seed=e), device, shared, e)
        for e in range(n_networks)
    ], shared


def orders(n_networks: int, n_images: int, batch_size: int, device: torch.device) -> torch.Tensor:
    """An epoch's batches as indices, (steps, members, batch size): each member has an order of its own."""
    rng, steps = np.random.default_rng(0), n_images // batch_size
    found = np.stack([rng.permutation(n_images)[: steps * batch_size] for _ in range(n_networks)])
    return torch.from_numpy(found).to(device).view(n_networks, steps, batch_size).transpose(0, 1).contiguous()


class Together:
    """What `train_together` does, or a variant of it."""

    def __init__(
        self,
        n_networks: int,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        device: torch.device,
        precision: str,
        *,
        memory_format: torch.memory_format = torch.channels_last,
        fastest: bool = False,
        one_adam_on: tuple[str, ...] = ensemble.ONE_ADAM_ON,
    ) -> None:
        runs, shared = start_runs(n_networks, images, labels, batch_size, device, precision)
        self.n_networks, self.fastest, self.one_adam_on = n_networks, fastest, one_adam_on
        self.precision = str(runs[0].precision).removeprefix("torch.")
        self.ensemble = ensemble.Ensemble(runs, np.stack([labels] * n_networks), shared, memory_format)

    def epoch(self) -> None:
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False)
        before, ensemble.ONE_ADAM_ON = ensemble.ONE_ADAM_ON, self.one_adam_on
        with flags if self.fastest else deterministic():
            self.ensemble._train_epoch(list(range(self.n_networks)), tqdm(disable=True))
        ensemble.ONE_ADAM_ON = before


class Vmapped:
    """The members' own networks under `torch.func.vmap`, whose batch norm takes no bfloat16; one Adam for all."""

    precision = "float32"

    def __init__(
        self, n_networks: int, images: np.ndarray, labels: np.ndarray, batch_size: int, device: torch.device
    ) -> None:
        networks = [new_network(seed) for seed in range(n_networks)]
        shift, scale = normalization_of(images[..., None], "range")
        for network in networks:
            network.shift.copy_(shift)
            network.scale.copy_(scale)
            network.to(device)
        self.n_networks, self.batch_size, self.device = n_networks, batch_size, device
        self.images, self.labels = DeviceImages(images[..., None], device), torch.from_numpy(labels).to(device)
        self.parameters, self.buffers = torch.func.stack_module_state(networks)
        self.optimizer = torch.optim.Adam(self.parameters.values(), lr=0.01, weight_decay=1e-7, fused=True)
        self.logits = torch.func.vmap(lambda *state: torch.func.functional_call(networks[0], state[:2], state[2]))

    def epoch(self) -> None:
        for indices in orders(self.n_networks, len(self.labels), self.batch_size, self.device):
            batch = self.images.batch(indices.flatten())
            logits = self.logits(self.parameters, self.buffers, batch.view(*indices.shape, *batch.shape[1:]))
            losses = functional.cross_entropy(logits.flatten(0, 1), self.labels[indices].flatten(), reduction="none")
            self.optimizer.zero_grad()
            losses.view(indices.shape).mean(1).sum().backward()
            self.optimizer.step()


class SideBySide:
    """The members' steps, each with convolutions of its own; on CUDA on several streams, and launched as one graph."""

    def __init__(
        self,
        n_networks: int,
        images: np.ndarray,
        labels: np.ndarray,
        batch_size: int,
        device: torch.device,
        precision: str,
        n_streams: int = 4,
    ) -> None:
        runs, self.images = start_runs(n_networks, images, labels, batch_size, device, precision)
        self.n_networks, self.batch_size, self.device, self.dtype = n_networks, batch_size, device, runs[0].precision
        self.precision = str(self.dtype).removeprefix("torch.")
        self.labels = torch.from_numpy(labels).to(device)
        # Stacks of one: their gradients and the weight of a batch in batch norm lie where a graph finds them again.
        self.stacks = [StackedNetwork([run.network]) for run in runs]
        self.momentum = torch.full((1,), 0.01, device=device)
        for stack in self.stacks:
            stack.set_batch_norm_momentum(self.momentum)
        on_cuda = device.type == "cuda"
        parameters = [parameter for stack in self.stacks for parameter in stack.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=0.01, weight_decay=1e-7, fused=True, capturable=on_cuda)
        self.indices = torch.zeros(n_networks, batch_size, dtype=torch.int64, device=device)
        self.losses = torch.zeros(n_networks, device=device)
        self.streams = [torch.cuda.Stream() for _ in range(min(n_streams, n_networks))] if on_cuda else []
        self.step = self._capture if on_cuda else self._step

    def epoch(self) -> None:
        with deterministic():
            for indices in orders(self.n_networks, len(self.labels), self.batch_size, self.device):
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
        if self.streams:
            main = torch.cuda.current_stream()
            for stream in self.streams:
                stream.wait_stream(main)
            for e in range(self.n_networks):
                with torch.cuda.stream(self.streams[e % len(self.streams)]):
                    self._member_step(e)
            for stream in self.streams:
                main.wait_stream(stream)
        else:
            for e in range(self.n_networks):
                self._member_step(e)
        self.optimizer.step()

    def _capture(self) -> None:
        """The first step: a few to warm up, as a capture needs it, and the graph that all later ones replay."""
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


def build_loops(arguments: argparse.Namespace, images: np.ndarray, labels: np.ndarray) -> dict[str, Loop]:
    device, precision, most = torch.device(arguments.device), arguments.precision, max(arguments.members)
    common = (images, labels, arguments.batch_size, device)
    loops: dict[str, Loop] = {
        "plain DataLoader": Plain(*common, workers=0),
        "one after another": Ours(*common, precision),
    }
    for n_networks in arguments.members:
        loops[f"{n_networks} together"] = Together(n_networks, *common, precision)
    loops[f"{most} together, float32"] = Together(most, *common, "float32")
    loops[f"{most} together, vmap"] = Vmapped(most, *common)
    loops[f"{most} side by side"] = SideBySide(most, *common, precision)
    if device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(*common, workers=4)
        first = torch.contiguous_format
        loops[f"{most} together, channels first"] = Together(most, *common, precision, memory_format=first)
        loops[f"{most} together, channels first, float32"] = Together(most, *common, "float32", memory_format=first)
        loops[f"{most} together, an Adam each"] = Together(most, *common, precision, one_adam_on=())
        loops[f"{most} together, fastest kernels"] = Together(most, *common, precision, fastest=True)
    return loops


def main() -> None:
    on_cuda = torch.cuda.is_available()
    parser = parser_for(__doc__, n_images=12800 if on_cuda else 512, rounds=3)
    parser.add_argument("--members", type=int, nargs="+", default=[1, 8, 32] if on_cuda else [1, 4, 8])
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    arguments = parser.parse_args()
    images, labels, source = mnist(arguments.images)
    loops = build_loops(arguments, images, labels)
    report("ensembles", arguments, loops, source, {"plain": "plain", "one_after_another": "one after another"})


if __name__ == "__main__":
    main()
