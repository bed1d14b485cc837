"""Fixtures shared by the tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import labelnoise as ln
from labelnoise.data import load_digits

# Test processes share the cores. Threads that wait in busy loops would keep the other process from working.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

settings.register_profile("untimed", deadline=None)  # A busy machine is no failure.
settings.load_profile("untimed")

REGISTERED: list[Any] = []  # torch.library.Library objects; when one is collected, its operators are gone.


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with MNIST and CIFAR-10; without it, tests that need it are skipped."""
    folder = os.environ.get("LABELNOISE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LABELNOISE_DATA does not name a folder with mnist/ and cifar10/")
    return Path(folder)


@pytest.fixture(scope="session")
def digits():
    """Train and test features and labels of scikit-learn's digits, and their neighbors."""
    train, test = load_digits()
    hoods = ln.neighbors(train.features, test.features, k=60)
    return train.features, np.asarray(train.labels), test.features, np.asarray(test.labels), hoods


@pytest.fixture(scope="session")
def torchvision():
    """Torchvision, importable even if its operators were built for another torch (beside a CPU-only one)."""
    try:
        import torchvision
    except RuntimeError:
        import torch

        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        REGISTERED.append(library)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]  # The failed import left it behind.
        import torchvision
    return torchvision


@pytest.fixture(scope="session")
def timm(torchvision):
    """The library timm, which imports torchvision; without it, tests that need it are skipped."""
    return pytest.importorskip("timm", reason="needs the package `timm`")
