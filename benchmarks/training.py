"""Training loop: images per second against a plain PyTorch loop over a DataLoader, on the same network.

    LABELNOISE_DATA=... python benchmarks/training.py [--images N] [--rounds R] [--device cpu|cuda] [--output FILE.json]

The plain loop is what a tutorial writes: a TensorDataset of normalised float32 images, a DataLoader that shuffles and
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
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from labelnoise.artifacts import write_json
from labelnoise.data import load_images
from labelnoise.networks import build_network
from labelnoise.training import preset
from labelnoise.training.data import TrainingData
from labelnoise.training.loop import Run


def mnist(n_images: int) -> tuple[np.ndarray, np.ndarray, str]:
    folder = os.environ.get("LABELNOISE_DATA")
    if folder and (Path(folder) / "mnist").is_dir():
        images = load_images("mnist", "train", limit=n_images)
        return images.images, images.labels, "MNIST"
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n_images, 28, 28)).astype(np.uint8), rng.integers(0, 10, n_images), "synthetic"


def new_network() -> torch.nn.Module:
    return build_network("mnist_cnn", n_classes=10, image_shape=(28, 28))


class Plain:
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
        self.n_epochs = 0

    def epoch(self) -> None:
        self.n_epochs += 1
        self.run._train_epoch(self.n_epochs, tqdm(disable=True))


def seconds(loop: Plain | Ours, device: torch.device) -> float:
    start = time.perf_counter()
    loop.epoch()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=2560)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    images, labels, source = mnist(arguments.images)
    common = (images, labels, arguments.batch_size, device)
    loops = {
        "plain DataLoader": Plain(*common, workers=0),
        "train, float32": Ours(*common, precision="float32"),
        "train, auto": Ours(*common, precision="auto"),
    }
    if device.type == "cuda":
        loops["plain DataLoader, 4 workers"] = Plain(*common, workers=4)
    for loop in loops.values():
        seconds(loop, device)  # warm-up
    times = {name: [] for name in loops}
    for _ in range(arguments.rounds):
        for name, loop in loops.items():
            times[name].append(seconds(loop, device))
    n_images = len(images) // arguments.batch_size * arguments.batch_size
    baseline = np.min([times[name] for name in loops if name.startswith("plain")], axis=0)
    hardware = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(
        f"mnist_cnn, batch {arguments.batch_size}, {n_images} images of {source}, {arguments.rounds} rounds, {hardware}"
    )
    rows = []
    for name, measured in times.items():
        ratios = baseline / np.array(measured)
        precision = (
            f" ({str(loops[name].run.precision).removeprefix('torch.')})" if isinstance(loops[name], Ours) else ""
        )
        rows.append(
            {
                "loop": name + precision,
                "images_per_second": n_images / float(np.median(measured)),
                "ratio": float(np.median(ratios)),
                "lowest_ratio": float(ratios.min()),
                "highest_ratio": float(ratios.max()),
                "seconds": measured,
            }
        )
        row = rows[-1]
        print(
            f"{row['loop']:30} {row['images_per_second']:9,.0f} images/s   {row['ratio']:.2f} x the plain loop "
            f"({row['lowest_ratio']:.2f} to {row['highest_ratio']:.2f})"
        )
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "benchmark": "training",
            "data": source,
            "n_images": n_images,
            "batch_size": arguments.batch_size,
            "hardware": hardware,
            "processor": platform.processor() or platform.machine(),
            "torch": torch.__version__,
            "loops": rows,
        }
        write_json(record, arguments.output)


if __name__ == "__main__":
    main()
