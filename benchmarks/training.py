"""How many images per second does the training loop handle, against a plain PyTorch loop over a DataLoader?

    LABELNOISE_DATA=... python benchmarks/training.py [--images N] [--rounds R] [--batch-size B] [--device cpu|cuda]
        [--quick] [--output FILE.json]

The plain loop is that of a tutorial: a TensorDataset of normalized float32 images, a DataLoader that shuffles and drops
the last batch, `torch.optim.Adam`, cross entropy, the loss read in every step. Both loops train `mnist_cnn` (256
features) on MNIST, or on noise of its shape if `LABELNOISE_DATA` names no folder with it. They train one epoch each in
turn; validation and checkpoints are not timed. A ratio is the median over rounds of the ratio of two epochs that ran
one after the other, so that whatever else the machine does weighs on both.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from harness import Options, Record, Table, run, summarize, time_in_turn
from torch.utils.data import DataLoader, TensorDataset

from labelnoise.data import load_images
from labelnoise.networks.architectures import build_network
from labelnoise.networks.network import Network
from labelnoise.progress import QUIET
from labelnoise.training import preset
from labelnoise.training.data import DeviceImages, TrainingData
from labelnoise.training.loop import Training
from labelnoise.training.single import deterministic


class Data(NamedTuple):
    """What all loops train on, in batches of which size, and where."""

    images: np.ndarray
    labels: np.ndarray
    source: str
    batch_size: int
    device: torch.device


def load_data(options: Options) -> Data:
    n_images, folder = options.images, os.environ.get("LABELNOISE_DATA")
    place = options.batch_size, torch.device(options.device)
    if folder and (Path(folder) / "mnist").is_dir():
        train = load_images("mnist", "train", limit=n_images)
        return Data(train.images, train.labels, "MNIST", *place)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n_images, 28, 28)).astype(np.uint8)
    return Data(images, rng.integers(0, 10, n_images), "synthetic", *place)


def new_network(seed: int = 0) -> Network:
    return build_network("mnist_cnn", n_classes=10, image_shape=(28, 28), random_state=seed)


class EpochOver(Exception):  # noqa: N818 (this is no error)
    """Raised after the last batch of an epoch."""


class BatchesOnly(Training):
    """A training that ends after the batches of its next epoch, before it validates and keeps a state."""

    def end_epoch(self, *_: Any) -> None:
        raise EpochOver


def start_training(data: Data, precision: str, seed: int = 0, images: DeviceImages | None = None) -> BatchesOnly:
    """Return a network at the start of its training on all images; several networks may share `images`."""
    place = {"batch_size": data.batch_size, "precision": precision, "device": data.device.type}
    specification = preset("mnist", **place, selection="last", validation_share=0, seed=seed)
    checked = TrainingData.check(data.images, data.labels, None, range(10))
    parts = np.arange(len(data.labels)), np.arange(0)
    return BatchesOnly(specification, new_network(seed), checked, parts, data.device, images)


class Plain:
    n_networks, precision = 1, "float32"

    def __init__(self, data: Data, workers: int) -> None:
        pixels = torch.from_numpy(data.images[:, None]).float() / 255
        self.loader = DataLoader(
            TensorDataset(pixels, torch.from_numpy(data.labels)),
            data.batch_size,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            pin_memory=data.device.type == "cuda",
            persistent_workers=workers > 0,
        )
        self.device, self.network = data.device, new_network().to(data.device)
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

    def __init__(self, data: Data, precision: str) -> None:
        self.training = start_training(data, precision)
        self.precision = str(self.training.precision).removeprefix("torch.")

    def epoch(self) -> None:
        with deterministic(), suppress(EpochOver):
            self.training.train(after_epoch=lambda: None)


def sizes_and_device(n_images: int, rounds: int) -> dict[str, Any]:
    """Return the options for `run`."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = {"images": (n_images, 64), "rounds": (rounds, 1), "batch_size": (256, 32)}
    return {**sizes, "device": {"choices": ("cpu", "cuda"), "default": device}}


def report(rounds: int, data: Data, loops: Mapping[str, Any], baselines: Mapping[str, str]) -> Record:
    """Measure, print and return images per second, and their ratios to baselines.

    A baseline is the fastest, in each round, of the loops whose names start with its value in `baselines`.
    """
    os.environ[QUIET] = "1"  # Progress bars would run into the table.
    on_cuda = data.device.type == "cuda"

    def train_epoch(loop: Any) -> None:
        loop.epoch()
        if on_cuda:
            torch.cuda.synchronize()

    timings = time_in_turn({name: partial(train_epoch, loop) for name, loop in loops.items()}, rounds)
    hardware = torch.cuda.get_device_name() if on_cuda else f"{torch.get_num_threads()} CPU threads"
    n_images = len(data.images) // data.batch_size * data.batch_size
    about = f"batches of {data.batch_size}, {n_images} images of {data.source}, {rounds} rounds, {hardware}"
    print(f"mnist_cnn, {about}; ratios of images per second")
    rates = {name: n_images * loops[name].n_networks / timing.seconds for name, timing in timings.items()}
    rows: list[Record] = []
    for name, rate in rates.items():
        row = {"loop": name, "precision": loops[name].precision, "n_networks": loops[name].n_networks}
        row |= {"images_per_second": float(np.median(rate)), "seconds": timings[name].seconds}
        for baseline, start in baselines.items():
            fastest = np.max([rates[other] for other in rates if other.startswith(start)], axis=0)
            row[f"ratio_to_{baseline}"] = summarize(rate / fastest)
        rows.append(row)
    Table("loop", "precision", "images_per_second", *(f"ratio_to_{baseline}" for baseline in baselines)).add(*rows)
    sizes = {"data": data.source, "n_images": n_images, "batch_size": data.batch_size}
    cudnn = {"cudnn": torch.backends.cudnn.version()} if on_cuda else {}
    return {**sizes, "hardware": hardware, **cudnn, "loops": rows}


def main(options: Options) -> Record:
    data = load_data(options)
    loops = {
        "plain DataLoader": Plain(data, workers=0),
        "train, float32": Ours(data, "float32"),
        "train, auto": Ours(data, "auto"),
    }
    if data.device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(data, workers=4)
    return report(options.rounds, data, loops, {"plain": "plain"})


if __name__ == "__main__":
    run(main, __doc__, **sizes_and_device(n_images=2560, rounds=5))
