"""What recipes have in common: the images and trainings of each scale, and the seed of each training.

Recipes make their trainings here, with the same seeds, so that figures share the trainings that they have in common.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from labelnoise.noise import NOISE_RATES, NoiseModel
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingRun, TrainingSpecification
from labelnoise.validation import check_choice

SCALES = ("smoke", "laptop", "paper")
"""Seconds, in tests, on bundled digits; minutes on two cores; the paper's whole table, on a GPU."""

IMAGENET = "ILSVRC/imagenet-1k"
_LAPTOP_IMAGES = {"mnist": 6_000, IMAGENET: 50_000}
_LAPTOP_TRAININGS: dict[str, dict[str, Any]] = {
    "mnist": {"name": "mnist_laptop"},
    "cifar10": {"name": "cifar10_fast", "epochs": 8},
}
_LAPTOP_LEVELS = {
    ("cifar10", "uniform"): (0.0, 0.3, 0.6, 0.8, 0.86, 0.9, 0.95),
    ("cifar10", "flip"): (0.0, 0.2, 0.4, 0.46, 0.5, 0.54, 0.6),
}
"""Noise rates where a training takes a quarter of an hour: fewer than the paper's, of which they are a part."""


def images(dataset: str, scale: str) -> DataSpecification:
    """Return the images of a data set at a scale: bundled digits at smoke, fewer training images at laptop."""
    check_choice(scale, SCALES, "scale")
    if scale == "smoke":
        return DataSpecification(name="digits")
    n_train = _LAPTOP_IMAGES.get(dataset) if scale == "laptop" else None
    return DataSpecification(name=dataset, n_train=n_train, streamed=True if dataset == IMAGENET else None)


def training(dataset: str, scale: str, *, n_features: int | None = 256) -> TrainingSpecification:
    """Return how a network is trained on these images.

    As in the authors' code, clean validation labels choose which state of the network is kept.
    """
    from labelnoise.training import preset

    if scale == "smoke":
        return preset("digits", epochs=3, batch_size=32, step_every=1, selection="clean")
    if dataset == IMAGENET:
        shorter = {"epochs": 6, "step_every": 3} if scale == "laptop" else {}
        return preset("imagenet", selection="clean", **shorter)
    if scale == "laptop":
        # The network that replaces all-CNN at this scale has features of one width.
        width = n_features if dataset == "mnist" else None
        return preset(**_LAPTOP_TRAININGS[dataset], n_features=width, selection="clean")
    if dataset == "mnist":
        return preset("mnist", n_features=n_features, selection="clean")
    return preset("cifar10_features" if n_features else "cifar10", selection="clean")


def repeats(dataset: str, scale: str) -> int:
    """Return the number of trainings per noise rate."""
    laptop, paper = {"mnist": (3, 10), "cifar10": (1, 7)}.get(dataset, (3, 1))
    return {"smoke": 2, "laptop": laptop, "paper": paper}[scale]


def trained_levels(dataset: str, noise: str, scale: str) -> tuple[float, ...]:
    """Return the noise rates at which networks are trained."""
    some_of_them = _LAPTOP_LEVELS.get((dataset, noise)) if scale == "laptop" else None
    return some_of_them or levels(noise, scale)


def levels(noise: str, scale: str) -> tuple[float, ...]:
    """Return the paper's noise rates for a kind of noise, or at smoke the first, the middle and the last one."""
    all_levels = NOISE_RATES[noise]
    return all_levels if scale != "smoke" else (all_levels[0], all_levels[len(all_levels) // 2], all_levels[-1])


def run_seed(seed: int, noise_rate: float, repeat: int) -> int:
    """Return the seed of one training, which stays the same when noise rates or repeats are added."""
    return int(np.random.SeedSequence([seed, round(noise_rate * 1e9), repeat]).generate_state(1)[0])


def clean_run(data: DataSpecification, training: TrainingSpecification, repeat: int = 0) -> TrainingRun:
    """Return a training on clean labels that keeps its features."""
    seeded = replace(training, seed=run_seed(training.seed, 0.0, repeat))
    return TrainingRun(data=data, training=seeded, keep_features=True)


def noisy_run(
    data: DataSpecification, training: TrainingSpecification, noise: NoiseModel, noise_rate: float, repeat: int = 0
) -> TrainingRun:
    """Return a training on labels with spread noise; at noise rate 0, the training on clean labels."""
    if noise_rate == 0:
        return clean_run(data, training, repeat)
    seed = run_seed(training.seed, noise_rate, repeat)
    seeded = replace(training, seed=seed)
    return TrainingRun(data=data, training=seeded, noise=noise, noise_rate=noise_rate, noise_seed=seed)


def region_run(
    data: DataSpecification, training: TrainingSpecification, noise_rate: float, repeat: int = 0
) -> RegionRun:
    """Return a training on concentrated noise: of each class, one cluster in the clean network's features is wrong."""
    seed = run_seed(training.seed, noise_rate, repeat)
    seeded, clean = replace(training, seed=seed), clean_run(data, training, repeat)
    return RegionRun(clean=clean, training=seeded, noise_rate=noise_rate, cluster_seed=seed)
