"""Ensembles: images per second of networks that train together, against one after another and a plain PyTorch loop.

    LABELNOISE_DATA=... python benchmarks/ensembles.py [--members 1 8 32] [--images N] [--rounds R] [--output FILE.json]

On a machine with a CUDA device, the tests that need it and this, in one go:

    python -m pytest -m gpu tests && python benchmarks/ensembles.py --images 25600 --output build/ensembles.json

The plain loop and the single run are those of `benchmarks/training.py`. All train `mnist_cnn` (256 features) on MNIST,
or on noise of its shape where `LABELNOISE_DATA` names no folder with it, for an epoch in turn; validation and
checkpoints are not timed. The images of an ensemble are those of all its members; networks that train one after another
handle as many per second as one does. A ratio is the median over rounds of epochs of the same round, so that whatever
else the machine does weighs on all.

On CUDA, variants of the largest ensemble show whether its choices pay there: the order in which maps lie in memory,
and deterministic kernels against the fastest that cuDNN finds.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from training import Ours, Plain, mnist

from labelnoise.artifacts import write_json
from labelnoise.stacked_networks import StackedNetwork
from labelnoise.training import preset
from labelnoise.training.data import DeviceImages, TrainingData
from labelnoise.training.ensemble import Ensemble
from labelnoise.training.run import deterministic, start_run


class Single:
    """What `train` does for one network, deterministic kernels included."""

    n_networks = 1

    def __init__(self, *arguments) -> None:
        self.loop = Ours(*arguments)

    def epoch(self) -> None:
        with deterministic():
            self.loop.epoch()


class Together:
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
    ) -> None:
        changes = {"batch_size": batch_size, "precision": precision, "device": device.type}
        data = TrainingData.check(images, labels, None, range(10))
        shared = DeviceImages(data.pixels, device)
        runs = [
            start_run(data, preset("mnist", **changes, selection="last", validation_share=0, seed=e), device, shared, e)
            for e in range(n_networks)
        ]
        self.n_networks, self.fastest = n_networks, fastest
        self.ensemble = Ensemble(runs, np.stack([data.noisy] * n_networks), shared)
        self.stack = StackedNetwork([run.network for run in runs], memory_format=memory_format)

    def epoch(self) -> None:
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False)
        with flags if self.fastest else deterministic():
            self.ensemble._train_epoch(list(range(self.n_networks)), self.stack, tqdm(disable=True))


def seconds(loop: Plain | Single | Together, device: torch.device) -> float:
    start = time.perf_counter()
    loop.epoch()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def build_loops(arguments: argparse.Namespace, common: tuple) -> dict[str, Plain | Single | Together]:
    device, precision = common[3], arguments.precision
    loops = {"plain DataLoader": Plain(*common, workers=0), "one after another": Single(*common, precision)}
    for n_networks in arguments.members:
        loops[f"{n_networks} together"] = Together(n_networks, *common, precision)
    if device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(*common, workers=4)
        most = max(arguments.members)
        first = torch.contiguous_format
        loops[f"{most} together, channels first"] = Together(most, *common, precision, memory_format=first)
        loops[f"{most} together, fastest kernels"] = Together(most, *common, precision, fastest=True)
        loops[f"{most} together, float32"] = Together(most, *common, "float32")
    return loops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    on_cuda = torch.cuda.is_available()
    parser.add_argument("--members", type=int, nargs="+", default=[1, 8, 32] if on_cuda else [1, 4, 8])
    parser.add_argument("--images", type=int, default=12800 if on_cuda else 512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if on_cuda else "cpu")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    images, labels, source = mnist(arguments.images)
    loops = build_loops(arguments, (images, labels, arguments.batch_size, device))
    times = {name: [] for name in loops}
    for round_ in range(arguments.rounds + 1):
        for name, loop in loops.items():
            measured = seconds(loop, device)
            if round_:  # the first is warm-up
                times[name].append(measured)
    n_images = len(images) // arguments.batch_size * arguments.batch_size
    rates = {
        name: n_images * getattr(loops[name], "n_networks", 1) / np.array(measured) for name, measured in times.items()
    }
    plain = np.max([rates[name] for name in loops if name.startswith("plain")], axis=0)
    hardware = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    precision = str(loops["one after another"].loop.run.precision).removeprefix("torch.")
    print(
        f"mnist_cnn in {precision}, plain loop in float32, batch {arguments.batch_size}, {n_images} images of "
        f"{source}, {arguments.rounds} rounds, {hardware}"
    )
    rows = []
    for name, of_rounds in rates.items():
        to_plain, to_single = of_rounds / plain, of_rounds / rates["one after another"]
        rows.append(
            {
                "loop": name,
                "n_networks": getattr(loops[name], "n_networks", 1),
                "images_per_second": float(np.median(of_rounds)),
                "ratio_to_plain": float(np.median(to_plain)),
                "lowest_ratio_to_plain": float(to_plain.min()),
                "highest_ratio_to_plain": float(to_plain.max()),
                "ratio_to_one_after_another": float(np.median(to_single)),
                "seconds": times[name],
            }
        )
        print(
            f"{name:32} {np.median(of_rounds):11,.0f} images/s   {np.median(to_plain):5.2f} x the plain loop "
            f"({to_plain.min():.2f} to {to_plain.max():.2f})   {np.median(to_single):5.2f} x one after another"
        )
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "benchmark": "ensembles",
            "data": source,
            "n_images": n_images,
            "batch_size": arguments.batch_size,
            "precision": precision,
            "hardware": hardware,
            "processor": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "loops": rows,
        }
        write_json(record, arguments.output)


if __name__ == "__main__":
    main()
