"""Which images and which training each scale stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labelnoise.studies.runs import DataSpecification
from labelnoise.validation import check_choice

if TYPE_CHECKING:
    from labelnoise.training import TrainingSpecification

SCALES = ("smoke", "laptop", "paper")
"""Seconds, in tests, on bundled digits; minutes on two cores; the full table, with a GPU."""

IMAGENET = "ILSVRC/imagenet-1k"
_LAPTOP_IMAGES = {"mnist": 6_000, "cifar10": 10_000, IMAGENET: 50_000}
_LAPTOP: dict[str, dict[str, Any]] = {
    "mnist": {"name": "mnist_laptop"},
    # batches of 64 and a falling rate, for the reason that holds for mnist_laptop
    "cifar10": {"name": "appendix", "epochs": 8, "batch_size": 64, "learning_rate": 0.005, "step_every": 2},
}


def images(dataset: str, scale: str) -> DataSpecification:
    """The images of a data set at a scale: bundled digits at smoke, fewer training images at laptop."""
    check_choice(scale, SCALES, "scale")
    if scale == "smoke":
        return DataSpecification(name="digits")
    n_train = _LAPTOP_IMAGES.get(dataset) if scale == "laptop" else None
    return DataSpecification(name=dataset, n_train=n_train, streamed=True if dataset == IMAGENET else None)


def training(dataset: str, scale: str, *, n_features: int | None = 256) -> TrainingSpecification:
    """How a network is trained on them; the validation labels that select are clean, as in the authors' code."""
    from labelnoise.training import preset

    if scale == "smoke":
        return preset("digits", epochs=3, batch_size=32, step_every=1, selection="clean")
    if dataset == IMAGENET:
        shorter = {"epochs": 6, "step_every": 3} if scale == "laptop" else {}
        return preset("imagenet", selection="clean", **shorter)
    if scale == "laptop":
        # the network that stands for all-CNN always has a feature layer
        width = n_features if dataset == "mnist" else 256
        return preset(**_LAPTOP[dataset], n_features=width, selection="clean")
    if dataset == "mnist":
        return preset("mnist", n_features=n_features, selection="clean")
    return preset("cifar10_features" if n_features else "cifar10", selection="clean")


def repeats(dataset: str, scale: str) -> int:
    """Trainings a noise level."""
    return {"smoke": 2, "laptop": 3, "paper": {"mnist": 10, "cifar10": 7}.get(dataset, 1)}[scale]


def some(levels: tuple[float, ...], scale: str) -> tuple[float, ...]:
    """All noise levels, or at smoke the first, the middle and the last."""
    return levels if scale != "smoke" else tuple(levels[i] for i in sorted({0, len(levels) // 2, len(levels) - 1}))
