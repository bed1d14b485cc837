"""Training loop: images per second against a plain PyTorch loop over a DataLoader, on the same network.

    LABELNOISE_DATA=... python benchmarks/training.py [--images N] [--rounds R] [--device cpu|cuda] [--output FILE.json]

The plain loop is what a tutorial writes: a TensorDataset of normalized float32 images, a DataLoader that shuffles and
drops the last batch, `torch.optim.Adam`, cross entropy, the loss looked at in every step. Both train `mnist_cnn`
(256 features) on MNIST, or on noise of its shape where `LABELNOISE_DATA` names no folder with it, for an epoch in turn;
validation and checkpoints are not timed. A ratio is the median over rounds of the two epochs that ran one after the
other, so that whatever else the machine does weighs on both.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from labelnoise.artifacts import write_json
from labelnoise.data import load_images
from labelnoise.networks.architectures import Network, build_network
from labelnoise.training import preset
from labelnoise.training.data import TrainingData
from labelnoise.training.loop import Run
from labelnoise.training.single import deterministic


class Loop(Protocol):
    n_networks: int
    precision: str

    def epoch(self) -> None: ...


def mnist(n_images: int) -> tuple[np.ndarray, np.ndarray, str]:
    folder = os.environ.get("LABELNOISE_DATA")
    if folder and (Path(folder) / "mnist").is_dir():
        images = load_images("mnist", "train", limit=n_images)
        return images.images, images.labels, "MNIST"
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n_images, 28, 28)).astype(np.uint8), rng.integers(0, 10, n_images), "synthetic"


def new_network(seed: int = 0) -> Network:
    return build_network("mnist_cnn", n_classes=10, image_shape=(28, 28), random_state=seed)


class Plain:
    n_networks, precision = 1, "float32"

    def __init__(self, images: np.ndarray, labels: np.ndarray, batch_size: int, device: torch.device, workers: int):
        pixels = torch.from_numpy(images[:, None]).float() / 255
        self.loader = DataLoader(
            TensorDataset(pixels, torch.from_numpy(labels)),
            batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            pin_memory=device.type == "cuda",
            persistent_workers=workers > 0,
        )
        self.device, self.network = device, new_network().to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.01, weight_decay=1e-7)

    def epoch(self) -> None:
        self.network.train()
        for images, labels in self.loader:
            images, labels = images.to(self.device), labels.to(self.device)
            loss = torch.nn.functional.cross_entropy(self.network(images), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()


class Ours:
    n_networks = 1

    def __init__(self, images: np.ndarray, labels: np.ndarray, batch_size: int, device: torch.device, precision: str):
        specification = preset(
            "mnist",
            batch_size=batch_size,
            precision=precision,
            device=device.type,
            selection="last",
            validation_share=0,
        )
        data = TrainingData.check(images, labels, None, range(10))
        parts = np.arange(len(images)), np.arange(0)
        self.run = Run(specification, new_network(), data, parts, device)
        self.precision = str(self.run.precision).removeprefix("torch.")
        self.n_epochs = 0

    def epoch(self) -> None:
        self.n_epochs += 1
        with deterministic():
            self.run._train_epoch(self.n_epochs, tqdm(disable=True))


def parser_for(description: str, *, n_images: int, rounds: int) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--images", type=int, default=n_images)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path)
    return parser


def measure(loops: Mapping[str, Loop], rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Seconds of each loop's epochs, in turn; a first round, to warm up, is left out."""
    times: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(rounds + 1):
        for name, loop in loops.items():
            start = time.perf_counter()
            loop.epoch()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[name].append(time.perf_counter() - start)
    return {name: measured[1:] for name, measured in times.items()}


def report(
    benchmark: str,
    arguments: argparse.Namespace,
    loops: Mapping[str, Loop],
    source: str,
    baselines: Mapping[str, str],
) -> None:
    """Measure, print and write images per second, and their ratios to the loops whose names start with a baseline's."""
    device = torch.device(arguments.device)
    times = measure(loops, arguments.rounds, device)
    n_images = arguments.images // arguments.batch_size * arguments.batch_size
    rates = {name: n_images * loops[name].n_networks / np.array(seconds) for name, seconds in times.items()}
    hardware = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(
        f"mnist_cnn, batch {arguments.batch_size}, {n_images} images of {source}, {arguments.rounds} rounds, {hardware}"
    )
    rows: list[dict[str, Any]] = []
    for name, measured in rates.items():
        row = {
            "loop": name,
            "precision": loops[name].precision,
            "n_networks": loops[name].n_networks,
            "images_per_second": float(np.median(measured)),
            "seconds": times[name],
        }
        said = f"{name:32} {row['precision']:8} {row['images_per_second']:11,.0f} images/s"
        for baseline, start in baselines.items():
            ratios = measured / np.max([rates[other] for other in rates if other.startswith(start)], axis=0)
            ratio = {"median": float(np.median(ratios)), "lowest": float(ratios.min()), "highest": float(ratios.max())}
            row[f"ratio_to_{baseline}"] = ratio
            said += f"   {ratio['median']:5.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f}) x {start}"
        rows.append(row)
        print(said)
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "benchmark": benchmark,
            "data": source,
            "n_images": n_images,
            "batch_size": arguments.batch_size,
            "hardware": hardware,
            "processor": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            **({"cudnn": torch.backends.cudnn.version()} if device.type == "cuda" else {}),
            "loops": rows,
        }
        write_json(record, arguments.output)


def main() -> None:
    arguments = parser_for(__doc__, n_images=2560, rounds=5).parse_args()
    device = torch.device(arguments.device)
    images, labels, source = mnist(arguments.images)
    common = (images, labels, arguments.batch_size, device)
    loops: dict[str, Loop] = {
        "plain DataLoader": Plain(*common, workers=0),
        "train, float32": Ours(*common, precision="float32"),
        "train, auto": Ours(*common, precision="auto"),
    }
    if device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(*common, workers=4)
    report("training", arguments, loops, source, {"plain": "plain"})


if __name__ == "__main__":
    main()
