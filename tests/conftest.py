"""Fixtures shared by the tests."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.data import load_digits


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder with MNIST and CIFAR-10; tests that need it are skipped where it is not."""
    folder = os.environ.get("LABELNOISE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LABELNOISE_DATA does not name a folder with mnist/ and cifar10/")
    return Path(folder)


@pytest.fixture(scope="session")
def digits():
    """Train and test features and labels of scikit-learn's digits, and their neighbours."""
    train, test = load_digits()
    hoods = ln.neighbors(train.features, test.features, k=60)
    return train.features, np.asarray(train.labels), test.features, np.asarray(test.labels), hoods
