"""The array types of annotations, defined once for the whole package."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Real numbers, often probabilities whose last axis sums to 1."""

Integers = NDArray[np.int64]
"""Counts, sizes and positions."""

Codes = NDArray[np.int64]
"""Class labels as codes 0..L-1 (`labelnoise.labels`)."""

Mask = NDArray[np.bool_]
"""One True or False per sample."""

Features = NDArray[np.floating[Any]]
"""One row of real numbers per sample, float32 or float64."""
