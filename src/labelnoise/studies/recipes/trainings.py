"""The trainings that recipes ask for: one way to seed them, so that recipes share what they have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.noise import NoiseModel
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingRun

if TYPE_CHECKING:
    from labelnoise.training import TrainingSpecification


def run_seed(seed: int, noise_rate: float, repeat: int) -> int:
    """The seed of one training; it stays when noise rates or repeats are added."""
    return int(np.random.SeedSequence([seed, round(noise_rate * 1e9), repeat]).generate_state(1)[0])


def clean_run(data: DataSpecification, training: TrainingSpecification, repeat: int = 0) -> TrainingRun:
    """Training on clean labels; the features are kept."""
    seeded = dataclasses.replace(training, seed=run_seed(training.seed, 0.0, repeat))
    return TrainingRun(data=data, training=seeded, keep_features=True)


def noisy_run(
    data: DataSpecification, training: TrainingSpecification, noise: NoiseModel, noise_rate: float, repeat: int = 0
) -> TrainingRun:
    """Training on labels with spread noise; at noise rate 0 the clean training."""
    if noise_rate == 0:
        return clean_run(data, training, repeat)
    seed = run_seed(training.seed, noise_rate, repeat)
    seeded = dataclasses.replace(training, seed=seed)
    return TrainingRun(data=data, training=seeded, noise=noise, noise_rate=noise_rate, noise_seed=seed)


def noisy_runs(
    data: DataSpecification,
    training: TrainingSpecification,
    noise: NoiseModel,
    noise_rates: Sequence[float],
    repeats: int,
) -> list[TrainingRun]:
    """Every noise rate, `repeats` times."""
    return [noisy_run(data, training, noise, rate, repeat) for rate in noise_rates for repeat in range(repeats)]


def region_run(
    data: DataSpecification, training: TrainingSpecification, noise_rate: float, repeat: int = 0
) -> RegionRun:
    """Training where one cluster of every class, in the clean training's features, is wrong."""
    seed = run_seed(training.seed, noise_rate, repeat)
    seeded = dataclasses.replace(training, seed=seed)
    clean = clean_run(data, training, repeat)
    return RegionRun(clean=clean, training=seeded, noise_rate=noise_rate, cluster_seed=seed)
