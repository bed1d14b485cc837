"""Ensembles: images per second of networks that train together, against one after another and a plain PyTorch loop.

    LABELNOISE_DATA=... python benchmarks/ensembles.py [--members 1 8 32] [--images N] [--rounds R] [--output FILE.json]

On a machine with a CUDA device, the tests that need it and this, in one go:

    python -m pytest -m gpu tests && python benchmarks/ensembles.py --images 25600 --output build/ensembles.json

The target there: 32 together handle at least 10 times as many images per second as the plain loop.

The plain loop and the single run are those of `benchmarks/training.py`, as are data and timing. The images of an
ensemble are those of all its members; networks that train one after another handle as many per second as one does.

Two ways to train together are measured: `train_together`, whose layers are grouped convolutions, and `torch.func.vmap`
over the members' own networks, both in float32.

On CUDA, variants of the largest ensemble show whether the choices of `train_together` pay: the order in which maps lie
in memory, one Adam for all members, and deterministic kernels against the fastest that cuDNN finds. A captured CUDA
graph is not among them: it saves the host's launches, and a step of 32 members launches hardly more than a step of one,
while the device has 32 times the work.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch.nn import functional
from tqdm import tqdm
from training import Loop, Ours, Plain, mnist, new_network, parser_for, report

from labelnoise.training import ensemble, preset
from labelnoise.training.data import DeviceImages, TrainingData, normalisation_of
from labelnoise.training.run import deterministic, start_run


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
        changes = {"batch_size": batch_size, "precision": precision, "device": device.type}
        data = TrainingData.check(images, labels, None, range(10))
        shared = DeviceImages(data.pixels, device)
        runs = [
            start_run(data, preset("mnist", **changes, selection="last", validation_share=0, seed=e), device, shared, e)
            for e in range(n_networks)
        ]
        self.n_networks, self.fastest, self.one_adam_on = n_networks, fastest, one_adam_on
        self.precision = str(runs[0].precision).removeprefix("torch.")
        self.ensemble = ensemble.Ensemble(runs, np.stack([data.noisy] * n_networks), shared, memory_format)

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
        shift, scale = normalisation_of(images[..., None], "range")
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
        rng, steps = np.random.default_rng(0), len(self.labels) // self.batch_size
        orders = [rng.permutation(len(self.labels))[: steps * self.batch_size] for _ in range(self.n_networks)]
        batches = torch.from_numpy(np.stack(orders)).to(self.device).view(self.n_networks, steps, -1)
        for indices in batches.unbind(1):
            batch = self.images.batch(indices.flatten())
            logits = self.logits(self.parameters, self.buffers, batch.view(*indices.shape, *batch.shape[1:]))
            losses = functional.cross_entropy(logits.flatten(0, 1), self.labels[indices].flatten(), reduction="none")
            self.optimizer.zero_grad()
            losses.view(indices.shape).mean(1).sum().backward()
            self.optimizer.step()


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
    if device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(*common, workers=4)
        first = torch.contiguous_format
        loops[f"{most} together, channels first"] = Together(most, *common, precision, memory_format=first)
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
