"""Temperature scaling undoes a known temperature, and takes softmax outputs that are 0 or 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnoise.softmax.temperature import RANGE, fit_temperature, scale_softmax


def drawn(seed, n=20_000, n_classes=5):
    """Softmax rows and labels drawn from them."""
    random = np.random.default_rng(seed)
    rows = random.dirichlet(np.ones(n_classes), n)
    return rows, (rows.cumsum(axis=1) > random.random((n, 1))).argmax(axis=1)


@settings(max_examples=10)
@given(st.floats(0.3, 4.0), st.integers(0, 100))
def test_a_known_temperature_is_found(temperature, seed):
    rows, labels = drawn(seed)
    distorted = scale_softmax(rows, 1 / temperature)
    assert fit_temperature(distorted, labels) == pytest.approx(temperature, rel=0.05)
    np.testing.assert_allclose(scale_softmax(distorted, temperature), rows, atol=1e-9)


def test_certain_rows_stay_certain_and_extreme_temperatures_are_bounded():
    certain = np.eye(3, dtype=np.float32)
    np.testing.assert_allclose(scale_softmax(certain, 0.5), np.eye(3), atol=1e-12)
    assert fit_temperature(certain * 0.9 + 0.1 / 3, [0, 1, 2]) < 0.2
    assert fit_temperature(certain, [1, 2, 0]) == pytest.approx(RANGE[1], rel=0.01)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_bad_temperatures_are_refused(temperature):
    with pytest.raises(ValueError, match="`temperature` must be a positive number"):
        scale_softmax([[0.5, 0.5]], temperature)


def test_bad_rows_and_labels_are_refused():
    with pytest.raises(ValueError, match="pred_probs"):
        scale_softmax([[0.5, 0.6]], 1)
    with pytest.raises(ValueError, match="labels"):
        fit_temperature([[0.5, 0.5]], [2])
