"""The settings of a training: every choice that its result depends on, apart from the data."""

from __future__ import annotations

import dataclasses
import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from labelnoise.networks.architectures import NETWORKS, NETWORKS_OF_ANY_SIZE
from labelnoise.processes import DEVICES
from labelnoise.validation import check_choice

SELECTIONS = ("noisy", "clean", "last")
NORMALIZATIONS = ("range", "pixel", "channel")
PRECISIONS = ("auto", "float32", "bfloat16")
AUGMENTATIONS = ("flip_shift",)

_CYCLE_START, _CYCLE_END = 0.2, 0.01
"""The learning rate at the start and at the end of a cycle, over the highest."""


@dataclass(frozen=True, kw_only=True)
class TrainingSpecification:
    """Everything but the data that decides how a network is trained.

    The defaults are those of the paper and its authors' code for MNIST, except `selection`: the code keeps the state
    that is best on clean validation labels, which a user does not have. `preset` has the settings of each data set.

    Parameters
    ----------
    network : str
        A name that `labelnoise.networks.architectures.build_network` knows.
    n_features, max_pool : int
        As in `build_network`.
    epochs : int
        Passes over the training part; the incomplete batch at the end of each is left out.
    batch_size : int
        At least 2, which batch norm needs.
    learning_rate : float
        Highest learning rate: that of the start, or of the end of `warm_up`.
    step_every, step_factor : int, float
        The learning rate is multiplied by `step_factor` every `step_every` epochs, or never if that is 0.
    warm_up : float, optional
        Share of all steps, below 1, in which the learning rate rises in a straight line from a fifth of `learning_rate`
        to all of it; after them it falls in a straight line to a hundredth (one cycle). None is for the steps of
        `step_every`.
    momentum : float, optional
        Momentum of stochastic gradient descent with Nesterov's step; None is for Adam.
    filter_rate : float, optional
        Highest learning rate of convolution filters, if their steps are to be made orthogonal (Muon): the length of a
        step relative to that of the filters. It rises and falls with `learning_rate`, which is then that of the other
        parameters only, as is `weight_decay`. None treats all parameters alike.
    augmentation : {"flip_shift"}, optional
        Random changes of the images in training, which do not depend on the labels: every image is mirrored in every
        second epoch, and shifted by up to two pixels in both directions, its border mirrored. None leaves images as
        they are. Images on disk are not changed so; see `crop`.
    reduced_share : float, optional
        Share of all steps, at the start, that are taken on images of three quarters of the height and width, each step
        in about half of the time (progressive resizing). None is for whole images from the start.
    weight_decay : float
        Factor of the L2 penalty, whose gradient is added to that of the loss.
    batch_norm_decay : float
        Share of batch norm's running statistics that a step keeps. Their initial values, which are not measured, are
        left out of the average, so that it is right from the first step.
    selection : {"noisy", "clean", "last"}
        Which state is kept: the best on the noisy or on the clean validation labels, or that of the last epoch.
    test_every_epoch : bool, optional
        Whether the history also has the accuracy on the test images after each epoch, which nothing in the training
        depends on: it shows what other ways of choosing the state would have kept. None is for no.
    patience : int, optional
        Stop after this many epochs without a better state; None trains all epochs. Either way the best is restored.
    validation_share : float
        Share of each class that is held out; it may be 0 only if `selection` is "last".
    normalization : {"range", "pixel", "channel"}
        Training pixels are scaled to [0, 1]; or each pixel, or each channel as a whole, gets mean 0 and standard
        deviation 1. For images on disk, "range" assumes that pixels are bytes, and "channel" is estimated from 5,000
        training images, drawn at random with the seed.
    resize, crop : int, optional
        For images on disk, an `ImageStream`: the length to which the shorter side is resized, and the side of the
        square that is then cut out, at random in training and from the center otherwise. Both or neither; without them
        all images must be of one size.
    seed : int
        Seed of the split, the initialization, the order of the batches, and the crops.
    device : {"auto", "cpu", "cuda"}
        "auto" is CUDA if there is such a device.
    precision : {"auto", "float32", "bfloat16"}
        Precision of the training step; "auto" is bfloat16 if the hardware computes in it. Predictions are always
        float32. On CUDA, PyTorch rounds the inputs of float32 convolutions to TensorFloat-32, unless its settings say
        otherwise.

    Raises
    ------
    ValueError, TypeError
        A value out of its range or not a number; the message says which and what it must be.
    """

    network: str = "mnist_cnn"
    n_features: int | None = None
    max_pool: int = 2
    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 0.01
    step_every: int = 10
    step_factor: float = 0.5
    warm_up: float | None = None
    momentum: float | None = None
    filter_rate: float | None = None
    augmentation: str | None = None
    reduced_share: float | None = None
    weight_decay: float = 1e-7
    batch_norm_decay: float = 0.99
    selection: str = "noisy"
    test_every_epoch: bool | None = None
    patience: int | None = None
    validation_share: float = 0.1
    normalization: str = dataclasses.field(default="range", metadata={"identity": "normalisation"})  # codespell:ignore
    resize: int | None = None
    crop: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            self._check_type(field.name, str(field.type))
        check_choice(self.network, NETWORKS, "network")
        check_choice(self.selection, SELECTIONS, "selection")
        check_choice(self.normalization, NORMALIZATIONS, "normalization")
        check_choice(self.device, DEVICES, "device")
        check_choice(self.precision, PRECISIONS, "precision")
        self._check("test_every_epoch", self.test_every_epoch in (None, True, False), "True, False or None")
        if self.augmentation is not None:
            check_choice(self.augmentation, AUGMENTATIONS, "augmentation")
        self._check("warm_up", self.warm_up is None or 0 <= self.warm_up < 1, "None or in [0, 1)")
        self._check("momentum", self.momentum is None or 0 < self.momentum < 1, "None or between 0 and 1")
        if self.reduced_share is not None:
            self._check("reduced_share", 0 < self.reduced_share < 1, "None or between 0 and 1")
            fits, known = self.network in NETWORKS_OF_ANY_SIZE, ", ".join(NETWORKS_OF_ANY_SIZE)
            self._check("reduced_share", fits, f"None for {self.network}; only {known} take images of any size")
        if self.filter_rate is not None:
            self._check("filter_rate", 0 < self.filter_rate < math.inf, "None or a positive number")
            self._check("filter_rate", self.momentum is not None, "None without `momentum`: Adam makes all steps alike")
        self._check("epochs", self.epochs >= 1, "at least 1")
        self._check("batch_size", self.batch_size >= 2, "at least 2, which batch norm needs")
        self._check("learning_rate", 0 < self.learning_rate < math.inf, "a positive number")
        self._check("step_every", self.step_every >= 0, "a number of epochs, 0 for a constant learning rate")
        self._check("step_factor", 0 < self.step_factor <= 1, "in (0, 1]")
        self._check("weight_decay", 0 <= self.weight_decay < math.inf, "0 or a positive number")
        self._check("batch_norm_decay", 0 <= self.batch_norm_decay < 1, "in [0, 1)")
        self._check("validation_share", 0 <= self.validation_share < 1, "in [0, 1)")
        self._check("resize", (self.resize is None) == (self.crop is None), "given together with `crop`, or neither")
        if self.resize is not None and self.crop is not None:
            self._check("crop", self.crop >= 1, "at least 1")
            self._check("crop", self.crop <= self.resize, f"at most `resize`, {self.resize}")
        self._check("seed", 0 <= self.seed < 2**63, "at least 0 and below 2**63")
        if self.selection == "last":
            self._check("patience", self.patience is None, 'None if `selection` is "last", which compares no states')
        else:
            self._check("patience", self.patience is None or self.patience >= 1, "None or at least 1")
            self._check("validation_share", self.validation_share > 0, f'positive for `selection` "{self.selection}"')

    def _check_type(self, name: str, kind: str) -> None:
        value = getattr(self, name)
        if isinstance(value, np.generic):  # JSON does not take NumPy's numbers.
            value = value.item()
            object.__setattr__(self, name, value)
        allowed = {"int": numbers.Integral, "float": numbers.Real}.get(kind.partition(" ")[0])
        if allowed is None or (value is None and kind.endswith("None")):
            return
        if isinstance(value, bool) or not isinstance(value, allowed):
            a_number = "an integer" if allowed is numbers.Integral else "a number"
            raise TypeError(f"`{name}` must be {a_number}{' or None' * kind.endswith('None')}; got {value!r}.")

    def _check(self, name: str, holds: bool, must_be: str) -> None:
        if not holds:
            raise ValueError(f"`{name}` must be {must_be}; got {getattr(self, name)}.")

    def learning_rate_at(self, epochs: float) -> float:
        """Return the learning rate after so many epochs, which need not be whole."""
        if self.warm_up is None:
            return self.learning_rate * self.step_factor ** (epochs // self.step_every if self.step_every else 0)
        peak = self.warm_up * self.epochs
        if epochs < peak:
            return self.learning_rate * (_CYCLE_START + (1 - _CYCLE_START) * epochs / peak)
        return self.learning_rate * (1 - (1 - _CYCLE_END) * (epochs - peak) / (self.epochs - peak))

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name, ready for JSON."""
        return dataclasses.asdict(self)


_IMAGENET: dict[str, Any] = {"epochs": 30, "learning_rate": 0.001, "step_every": 15, "step_factor": 0.1}
_CIFAR10: dict[str, Any] = {"epochs": 60, "learning_rate": 0.007, "step_every": 30, "normalization": "pixel"}

PRESETS: dict[str, dict[str, Any]] = {
    "mnist": {},
    "mnist_laptop": {"epochs": 3, "batch_size": 32, "step_every": 1, "step_factor": 0.2},
    "cifar10": {"network": "all_cnn", **_CIFAR10},
    "cifar10_features": {"network": "all_cnn", "n_features": 256, **_CIFAR10},
    "cifar10_fast": {
        "network": "whitened_cnn",
        "epochs": 12,
        "batch_size": 500,
        "learning_rate": 0.8,
        "warm_up": 0.2,
        "momentum": 0.85,
        "filter_rate": 0.1,
        "augmentation": "flip_shift",
        "reduced_share": 0.5,
        "weight_decay": 0.0003,
        "batch_norm_decay": 0.6,
        "normalization": "channel",
    },
    "appendix": {"network": "appendix_cnn", **_CIFAR10},
    "imagenet": {"network": "densenet121", **_IMAGENET, "normalization": "channel", "resize": 256, "crop": 224},
    "digits": {"network": "digits_cnn", "batch_size": 64},
}
"""The changes that each preset makes to the defaults.

The paper gives no settings for the appendix's network; these are those of CIFAR-10. ``mnist_laptop`` is for a few
thousand images and three epochs. At batch size 256, these would be too few steps for the running statistics to settle;
and label noise does not average out unless the learning rate falls. ``cifar10_fast`` is not of the paper: it is for
two cores, where the paper's 60 epochs of all-CNN would take many hours.
"""


def preset(name: str, **changes: Any) -> TrainingSpecification:
    """Return the specification for a data set, with any field changed.

    Examples
    --------
    >>> preset("cifar10", epochs=30).learning_rate
    0.007
    """
    return TrainingSpecification(**{**PRESETS[check_choice(name, tuple(PRESETS), "name")], **changes})


def check_specification(specification: TrainingSpecification) -> TrainingSpecification:
    """Return `specification`; raise a TypeError if it is anything else, such as the name of a preset."""
    if not isinstance(specification, TrainingSpecification):
        raise TypeError(
            f"`specification` must be a TrainingSpecification, for example preset('mnist'); got {specification!r}."
        )
    return specification


def find_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the type in which layers compute during training."""
    if precision == "auto":
        precision = "bfloat16" if _computes_bfloat16(device) else "float32"
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _computes_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # On other CPUs torch emulates bfloat16, slower than float32. These tests are private, and may be missing.
    supported = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
    return any(test is not None and test() for test in supported)
