"""A tiny pretrained network with weights in a file, and image folders to compute features of."""

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

NAME = "test_byobnet"
"""A model of timm with 200,000 parameters."""

SIZE = 64
CLASSES = ("ant", "bee", "cow")


def save_weights(timm, path, name=NAME, n_classes=7):
    """Save random weights of a model, with a classifier; return the tensors."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tensors = timm.create_model(name, num_classes=n_classes).state_dict()
    save_file(tensors, path)
    return tensors


def write_photos(root, n, split="train", size=None):
    """Write n noisy photographs of three classes; without `size`, each has its own."""
    rng = np.random.default_rng(0)
    for i in range(n):
        height, width = size or rng.integers(20, 60, 2)
        center = np.roll([200, 60, 60], i % 3)
        folder = root / split / CLASSES[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(rng.normal(center, 40, (height, width, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.png")
    return root
