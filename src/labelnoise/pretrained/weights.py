"""Weights of a network in a local file, compared with the network tensor by tensor.

timm itself accepts a file that lacks tensors once the classifier is taken off, and leaves these tensors random. Here
every tensor is compared by name and shape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelnoise.data.damage import reading

if TYPE_CHECKING:
    from torch import Tensor, nn

SHOWN = 3
"""Number of tensors or models that an error names."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a ``.safetensors`` file by name.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is of another format, or damaged.
    """
    if path.suffix.lower() != ".safetensors":
        raise ValueError(
            f"`weights` must be a .safetensors file, which holds no program code; got {path.name!r}. Convert it with "
            "safetensors.torch.save_file(model.state_dict(), path)."
        )
    if not path.is_file():
        raise FileNotFoundError(f"`weights` must name a file that exists; there is no file {path}. Correct the path.")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    with reading(path, SafetensorError, OSError):
        tensors: dict[str, Tensor] = load_file(path)
    return tensors


def fill(network: Any, tensors: Mapping[str, Tensor], path: Path, name: str) -> None:
    """Copy tensors into the network; raise a ValueError unless they are those of this network, with any classifier."""
    wanted = network.state_dict()
    heads = network.pretrained_cfg.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    found = {key: value for key, value in tensors.items() if not key.startswith(tuple(f"{head}." for head in heads))}
    # Batch norm counts its batches for training only, and many files leave the counts out.
    missing = [key for key in wanted if key not in tensors and not key.endswith(".num_batches_tracked")]
    others = [key for key in found if key not in wanted]
    shapes = [
        f"{key} {tuple(tensors[key].shape)} instead of {tuple(wanted[key].shape)}"
        for key in wanted
        if key in tensors and tensors[key].shape != wanted[key].shape
    ]
    problems = [
        f"{verb} {len(keys)} {what} ({', '.join(keys[:SHOWN])}{', ...' if len(keys) > SHOWN else ''})"
        for verb, what, keys in (
            ("lacks", "of them", missing),
            ("has in another shape", "of them", shapes),
            ("has", "others", others),
        )
        if keys
    ]
    if problems:
        raise ValueError(
            f"{path} must hold the {len(wanted)} tensors of {name!r} under timm's names; it {', '.join(problems)}. "
            f"Name the model that these weights are of."
        )
    network.load_state_dict({key: tensors[key] for key in wanted if key in tensors}, strict=False)


def hash_of_tensors(network: nn.Module) -> str:
    """Return a hash of the names, types, shapes and values of all tensors, except for counts of batches."""
    import torch

    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        if key.endswith(".num_batches_tracked"):
            continue
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
