"""Checks of numbers: probabilities that were rounded, logits, and data frames of several types."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import labelnoise as ln
from labelnoise.validation import argmax_agreement, check_distributions, check_features, check_row_stochastic

LOGITS = 3 * np.random.default_rng(0).normal(size=(500, 10))
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def bfloat16(values):
    """Round to the upper half of float32."""
    bits = np.asarray(values, dtype=np.float32).view(np.uint32)
    return ((bits + 0x8000) & 0xFFFF0000).astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("n_classes", [2, 10, 100])
@pytest.mark.parametrize(
    ("rounded", "atol"),
    [
        (lambda p: p.astype(np.float32), 1e-6),
        (lambda p: p.astype(np.float16), 1e-3),
        (lambda p: p.astype(np.float16).astype(np.float64), 1e-3),
        (bfloat16, 1e-2),
        (lambda p: p.round(5), 1e-3),
        (lambda p: p.round(4), 1e-2),
        (lambda p: p.round(3).astype(np.float32), 5e-2),
    ],
    ids=["float32", "float16", "float16 in float64", "bfloat16", "5 decimals", "4 decimals", "3 decimals"],
)
def test_rounded_rows_are_normalized(n_classes, rounded, atol):
    p = np.random.default_rng(1).dirichlet(np.full(n_classes, 0.5), size=300)
    found = check_distributions(rounded(p), "p")
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(found, p, atol=atol)


def test_tensors_of_half_precision():
    torch = pytest.importorskip("torch")
    labels = SOFTMAX.argmax(axis=1)
    expected = ln.accuracy_curve(SOFTMAX, labels, ln.FlipNoise(), [0.3], 11).accuracy
    for kind in (torch.float16, torch.bfloat16):
        found = ln.accuracy_curve(torch.tensor(SOFTMAX).to(kind), labels, ln.FlipNoise(), [0.3], 11).accuracy
        np.testing.assert_allclose(found, expected, atol=5e-3)
    features = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.bfloat16, requires_grad=True)
    assert check_features(features).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert check_features(features).dtype == np.float32


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[2.0, -1.0], [0.5, 1.5]], "must not be negative; row 0 holds -1. Logits.*softmax"),
        (np.log(SOFTMAX), "Logarithms"),
        (np.abs(LOGITS), "must sum to 1.*Logits.*softmax"),
        (100 * SOFTMAX, "Percentages"),
        ([[3, 1], [2, 5]], "counts or scores, divide"),
        (0.98 * SOFTMAX, "must sum to 1"),
        ([[0.5, 0.4]], "must sum to 1"),
        ([[0.5, 0.49]] * 2 + [[0.51, 0.47]], "row 2 sums to 0.98"),
        ([[0.5, 0.5], [1.0]], "rows have one length; got lengths 1, 2"),
    ],
)
def test_rows_that_are_no_probabilities(rows, message):
    with pytest.raises(ValueError, match=message):
        check_distributions(rows, "p")


def test_a_transposed_matrix_is_told_even_if_rounding_would_explain_it():
    with pytest.raises(ValueError, match="Pass its transpose"):
        check_row_stochastic([[0.9, 0.11], [0.1, 0.89]], "matrix")


@pytest.mark.parametrize(
    ("matrix", "error"), [("uniform", TypeError), ([[1], [0, 1]], ValueError), ([[1]] * 2, ValueError)]
)
def test_what_is_no_matrix(matrix, error):
    with pytest.raises(error, match="`corruption_matrix` must be a square matrix"):
        ln.MatrixNoise(matrix)


class TestFrames:
    def test_booleans_and_nullable_numbers_are_numbers(self):
        frame = pd.DataFrame(
            {
                "a": [1.5, 2.5],
                "b": [True, False],
                "c": pd.array([1, 2], dtype="Int64"),
                "d": pd.array([True, False], dtype="boolean"),
                "e": pd.array([0.5, 1.0], dtype="Float64"),
            }
        )
        assert check_features(frame).tolist() == [[1.5, 1, 1, 1, 0.5], [2.5, 0, 2, 0, 1.0]]

    def test_missing_values_and_text_are_named(self):
        frame = pd.DataFrame({"a": [1.0, 2.0], "b": pd.array([1, None], dtype="Int64")})
        with pytest.raises(ValueError, match="`features` must be finite; row 1"):
            check_features(frame)
        frame["kind"] = ["x", "y"]
        with pytest.raises(TypeError, match=r"column 'kind' is of dtype.*Leave this column out"):
            check_features(frame)

    def test_ragged_features(self):
        with pytest.raises(ValueError, match="`features` must have rows of one length"):
            check_features([[1.0], [1.0, 2.0]])


def test_agreement_is_the_share_of_right_guesses():
    assert argmax_agreement(np.array([[0.9, 0.1], [0.4, 0.6], [0.8, 0.2]]), np.array([0, 1, 1])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("kind", [int, float, bool])
def test_masked_numbers_are_missing_also_in_a_list_of_rows(kind):
    masked = np.ma.array(np.eye(3, dtype=kind), mask=np.eye(3) == 1)
    for given in (masked, list(masked), tuple(masked)):
        with pytest.raises(ValueError, match="`features` must be finite; row 0 holds NaN"):
            check_features(given)
    assert check_features(list(np.ma.array(np.eye(3, dtype=kind)))).tolist() == np.eye(3).tolist()


def test_durations_and_text_in_arrow_tables_are_no_numbers():
    for given in (np.eye(2).astype("m8[s]"), pa.table({"a": ["1", "2"], "b": [1, 2]})):
        with pytest.raises(TypeError, match="`features` must be numeric"):
            check_features(given)


def test_rounding_does_not_excuse_sums_that_it_cannot_explain():
    rows = np.zeros((1, 10))
    rows[0, :2] = 0.5, 0.51
    check_distributions(rows, "rows")
    rows[0, 1] = 0.52  # Two rounded entries are off by 0.01 at most, however many zeros stand beside them.
    with pytest.raises(ValueError, match=r"row 0 sums to 1\.02"):
        check_distributions(rows, "rows")
    with pytest.raises(ValueError, match=r"row 0 sums to 1\.03"):
        check_distributions([[1.03125, 2.0**-30]], "rows")  # These are numbers of bfloat16, but not of float16.
