"""Pretrained networks of timm without their classifier, and how their images are prepared.

timm and torch are imported when a model is loaded. Weights come from the Hugging Face hub or from a local file.
"""

from __future__ import annotations

import difflib
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelnoise.pretrained.weights import SHOWN, fill, hash_of_tensors, read_tensors
from labelnoise.validation import check_count

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor, nn

_FROM_CONFIG = ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")
"""What timm's configuration says of images."""


@dataclass(frozen=True, eq=False, repr=False)
class PretrainedModel:
    """A pretrained network without its classifier.

    Attributes
    ----------
    name : str
        Name of the model in timm.
    network : torch.nn.Module
        Network in evaluation mode, from images of shape (N, 3, H, W) to pooled features of shape (N, `n_features`).
    transform : callable
        Function from a Pillow image to the tensor of shape (3, H, W) that the network takes.
    preprocessing : dict
        What `transform` does: size of the images, interpolation, share and kind of the crop, mean and standard
        deviation of the channels.
    weights : str
        Where the weights come from: a file, or the hub (by the model's name, or a repository's).
    weights_hash : str
        Hash of the names, shapes and values of all tensors of the network, whatever file they come from.
    license : str or None
        License of the hub's weights, where timm names one.
    n_features : int
        Number of features.
    device : torch.device
        Device that holds the network.
    """

    name: str
    network: nn.Module
    transform: Callable[[Image], Tensor]
    preprocessing: dict[str, Any]
    weights: str
    weights_hash: str
    license: str | None
    n_features: int
    device: torch.device

    def __repr__(self) -> str:
        _, height, width = self.preprocessing["input_size"]
        return f"PretrainedModel({self.name!r}: images of {height} x {width}, {self.n_features} features)"

    @property
    def memory_format(self) -> torch.memory_format:
        """Order of the values of a batch in memory. With channels last, a CPU computes convolutions faster."""
        import torch

        return torch.channels_last if self.device.type == "cpu" else torch.preserve_format

    def summary(self) -> dict[str, Any]:
        """Return what determines the features of an image, ready for JSON."""
        return {
            "name": self.name,
            "weights_hash": self.weights_hash,
            "n_features": self.n_features,
            "preprocessing": self.preprocessing,
        }


def load_model(
    name: str,
    *,
    weights: str | os.PathLike[str] | None = None,
    image_size: int | None = None,
    device: str = "auto",
) -> PretrainedModel:
    """Load a pretrained network of timm, and say how its images are prepared.

    Parameters
    ----------
    name : str
        Name of a model, such as ``"resnet50"`` or ``"resnet50.a1_in1k"``, or a repository of the Hugging Face hub,
        ``"timm/resnet50.a1_in1k"``. ``timm.list_pretrained()`` lists the names.
    weights : path, optional
        A ``.safetensors`` file with the tensors of this model under timm's names, for example
        ``safetensors.torch.save_file(model.state_dict(), path)``. A classifier in it is left out. Default: the
        weights that timm names, from the hub or its cache.
    image_size : int, optional
        Bring the shorter side of each image to so many pixels, and cut the middle square out. Default: as timm says
        of this model, often with a border cut off, which suits photographs.
    device : {"auto", "cpu", "cuda"}
        Device that computes. By default, a GPU if there is one.

    Returns
    -------
    PretrainedModel

    Raises
    ------
    FileNotFoundError
        There is no such file, or the hub's weights cannot be reached.
    ValueError
        timm has no such model, or no weights for it; the weights are not those of this model; or it cannot take
        images of this size.
    ImportError
        torch or timm is missing: ``pip install 'labelnoise[features]'``.

    Examples
    --------
    >>> load_model("resnet18.a1_in1k")  # doctest: +SKIP
    PretrainedModel('resnet18.a1_in1k': images of 224 x 224, 512 features)
    """
    if image_size is not None:
        check_count(image_size, "image_size")
    timm = import_timm()
    from labelnoise.processes import find_device

    target = find_device(device)
    network: Any
    known = _known_name(timm, name, has_file=weights is not None)
    if weights is None:
        source = known if ":" in known else "hub"
        network = _from_hub(timm, known)
    else:
        source = str(Path(weights).expanduser())
        tensors = read_tensors(Path(source))
        network = timm.create_model(known, pretrained=False, num_classes=0)
        fill(network, tensors, Path(source), name)
    config = timm.data.resolve_model_data_config(network)
    if image_size is not None:
        _resize_input(network, image_size, name)
        config = {**config, "input_size": (3, image_size, image_size), "crop_pct": 1.0, "crop_mode": "center"}
    preprocessing = {key: _plain(config[key]) for key in _FROM_CONFIG}
    transform = timm.data.create_transform(**{key: config[key] for key in _FROM_CONFIG}, is_training=False)
    network = network.eval().requires_grad_(False).to(target)
    model = PretrainedModel(
        name,
        network,
        transform,
        preprocessing,
        source,
        hash_of_tensors(network),
        network.pretrained_cfg.get("license"),
        _n_features(network, config["input_size"], name, target),
        target,
    )
    network.to(memory_format=model.memory_format)
    return model


def import_timm() -> Any:
    """Import timm; if it or what it needs is missing, the error says what to install."""
    try:
        timm = importlib.import_module("timm")
        importlib.import_module("timm.data")
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision was built for another torch.
        raise ImportError(
            f"features of images need PyTorch, torchvision (built for the same torch) and timm; importing them "
            f"failed: {error}. Install them from one index: pip install 'labelnoise[features]'"
        ) from error
    return timm


def _known_name(timm: Any, name: str, *, has_file: bool) -> str:
    """Return the name as timm takes it; raise a ValueError with similar names unless timm has it, with weights."""
    if ":" in name:  # "hf-hub:" and "local-dir:" name the place of a configuration, which timm reads.
        return name
    if "/" in name:
        return f"hf-hub:{name}"
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        known = timm.list_models()
        close = difflib.get_close_matches(base, known, n=SHOWN, cutoff=0.5) or known[:SHOWN]
        raise ValueError(
            f"`model` must be a model of timm; got {name!r}. Did you mean {', '.join(map(repr, close))}? "
            f"timm.list_pretrained() lists all {len(known)}."
        )
    tagged = [full for full in timm.list_pretrained() if full.partition(".")[0] == base]
    if tag and name not in tagged:
        raise ValueError(
            f"`model` must name weights that timm has; got {name!r}. Those of {base} are "
            f"{', '.join(map(repr, tagged[:8])) or 'none: leave the part after the point out'}."
        )
    if not tagged and not has_file:
        raise ValueError(
            f"`model` must be one with pretrained weights; timm has none for {name!r}. Give a file of its weights "
            f"with --weights (load_model: weights=), or another model."
        )
    return name


def _from_hub(timm: Any, name: str) -> Any:
    """Return the network with the weights that timm names, from the hub or its cache."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # Network, hub and cache raise errors of many types.
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        cure = "HF_HUB_OFFLINE is set: unset it to download" if HF_HUB_OFFLINE else "Check the network and the name"
        raise FileNotFoundError(
            f"the weights of {name!r} must be on the Hugging Face hub, in its cache or in the folder; loading "
            f"them failed: {said.rstrip('.')}. {cure}, or give a file of weights with --weights (load_model: weights=)."
        ) from error


def _resize_input(network: Any, size: int, name: str) -> None:
    """Let a network with one fixed image size take another; others take any size as they are."""
    if not network.pretrained_cfg.get("fixed_input_size"):
        return
    native = network.pretrained_cfg["input_size"][-1]
    if native == size:
        return
    resize = getattr(network, "set_input_size", None)
    try:
        if resize is None:
            raise ValueError("its size is fixed")
        resize(img_size=size)
    except (ValueError, AssertionError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"`image_size` must be one that {name!r} takes; got {size}: {error}. Leave it out for its own, {native}."
        ) from error


def _n_features(network: nn.Module, shape: tuple[int, int, int], name: str, device: torch.device) -> int:
    """Return the number of features of one empty image, which the network must be able to take."""
    import torch

    try:
        with torch.inference_mode():
            found = tuple(network(torch.zeros(1, *shape, device=device)).shape)
    except (RuntimeError, AssertionError, ValueError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"`image_size` must be one that {name!r} takes; got {shape[1]} x {shape[2]} pixels and the error {said!r}. "
            f"Choose a larger one, a multiple of 32."
        ) from error
    if len(found) != 2:
        raise ValueError(
            f"`model` must give one vector of features per image; {name!r} gives shape {found[1:]}. Choose another."
        )
    return found[1]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
