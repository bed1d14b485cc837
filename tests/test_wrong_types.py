"""A value of the wrong type is a ValueError or TypeError that says what was wrong, in every public function."""

from __future__ import annotations

import decimal
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import labelnoise as ln
from labelnoise.sample_noise import noise_rows, softmax_rows

LABELS = np.arange(12) % 3
FEATURES = np.random.default_rng(0).normal(size=(12, 2))
PROBS = np.where(np.eye(3)[LABELS] == 1, 0.8, 0.1)
NEAR = ln.neighbors(FEATURES, k=3)
CURVE = ln.accuracy_curve(PROBS, LABELS, ln.FlipNoise(), [0.0, 0.3], [1, 3])
FLIP = ln.FlipNoise()

VALUES = {
    "text": "abc",
    "bytes": b"a",
    "a huge integer": 10**30,
    "a huge integer in a list": [2**70],
    "a complex number": 1j,
    "a decimal": decimal.Decimal("0.5"),
    "a date": np.datetime64("2020"),
    "pandas.NA": pd.NA,
    "an object": object(),
    "a function": len,
    "a class": int,
    "a dictionary": {},
    "a generator": (i for i in range(3)),
    "an empty list": [],
    "lists of unequal lengths": [[1], [2, 3]],
    "a sparse matrix": sparse.csr_matrix(np.eye(5)),
    "a structured array": np.zeros(5, dtype=[("a", "i4")]),
    "a data frame of text": pd.DataFrame({"a": ["x", "y"]}),
}
if find_spec("torch"):
    import torch

    VALUES |= {
        "a tensor": torch.tensor([0.5, 7.5]),
        "a sparse tensor": torch.eye(5).to_sparse(),
        "a tensor without data": torch.empty(5, device="meta"),
    }

CALLS = {
    "labels of accuracy_curve": lambda v: ln.accuracy_curve(PROBS, v, FLIP, 0.3, 3),
    "clean_distribution of accuracy_curve": lambda v: ln.accuracy_curve(v, LABELS, FLIP, 0.3, 3),
    "noise_rates of accuracy_curve": lambda v: ln.accuracy_curve(PROBS, LABELS, FLIP, v, 3),
    "k of accuracy_curve": lambda v: ln.accuracy_curve(PROBS, LABELS, FLIP, 0.3, v),
    "ties of accuracy_curve": lambda v: ln.accuracy_curve(PROBS, LABELS, FLIP, 0.3, 3, ties=v),
    "concentration of accuracy_curve": lambda v: ln.accuracy_curve(PROBS, LABELS, FLIP, 0.3, 3, concentration=v),
    "curve of accuracy_surface": lambda v: ln.accuracy_surface(v, [0.0, 0.5], 3),
    "concentrations of accuracy_surface": lambda v: ln.accuracy_surface(CURVE, v, 3),
    "k of accuracy_surface": lambda v: ln.accuracy_surface(CURVE, [0.5], v),
    "neighbors of predict_knn": lambda v: ln.predict_knn(v, LABELS, LABELS, FLIP, 0.3, 3),
    "train_labels of predict_knn": lambda v: ln.predict_knn(NEAR, v, LABELS, FLIP, 0.3, 3),
    "noise of predict_knn": lambda v: ln.predict_knn(NEAR, LABELS, LABELS, v, 0.3, 3),
    "model of predict_knn": lambda v: ln.predict_knn(NEAR, LABELS, LABELS, FLIP, 0.3, 3, model=v),
    "repeats of simulate_knn": lambda v: ln.simulate_knn(NEAR, LABELS, LABELS, FLIP, 0.3, 3, repeats=v),
    "placement of simulate_knn": lambda v: ln.simulate_knn(NEAR, LABELS, LABELS, FLIP, 0.3, 3, placement=v),
    "features of neighbors": lambda v: ln.neighbors(v, k=1),
    "k of neighbors": lambda v: ln.neighbors(FEATURES, k=v),
    "metric of neighbors": lambda v: ln.neighbors(FEATURES, k=1, metric=v),
    "labels of corrupt": lambda v: ln.corrupt(v, FLIP, 0.2),
    "noise_rate of corrupt": lambda v: ln.corrupt(LABELS, FLIP, v),
    "placement of corrupt": lambda v: ln.corrupt(LABELS, FLIP, 0.2, placement=v),
    "random_state of corrupt": lambda v: ln.corrupt(LABELS, FLIP, 0.2, random_state=v),
    "indices of Neighbors": lambda v: ln.Neighbors(v, None, 12, "euclidean", False),
    "distances of Neighbors": lambda v: ln.Neighbors(NEAR.indices, v, 12, "euclidean", False),
    "n_train of Neighbors": lambda v: ln.Neighbors(NEAR.indices, None, v, "euclidean", False),
    "is_self of Neighbors": lambda v: ln.Neighbors(NEAR.indices, None, 12, "euclidean", v),
    "concentration of Concentrated": ln.Concentrated,
    "n_clusters of KMeansCluster": ln.KMeansCluster,
    "tolerance of KMeansCluster": lambda v: ln.KMeansCluster(tolerance=v),
    "floor of ClassBoundary": lambda v: ln.ClassBoundary(floor=v),
    "corruption_matrix of MatrixNoise": ln.MatrixNoise,
    "selection of noise_rows": lambda v: noise_rows(LABELS, FLIP, v),
    "codes of softmax_rows": lambda v: softmax_rows(PROBS, v, 0.2),
    "pred_probs of softmax_rows": lambda v: softmax_rows(v, LABELS, 0.2),
    "k of concentration": lambda v: ln.concentration(LABELS == 0, NEAR, v),
}
VALID = {
    ("random_state of corrupt", "a huge integer"),  # Seeds have no largest value.
    ("labels of corrupt", "a data frame of text"),
}


@pytest.mark.parametrize("argument", CALLS)
def test_a_value_of_the_wrong_type_is_an_error_that_says_so(argument):
    for kind, value in VALUES.items():
        if (argument, kind) in VALID:
            continue
        # A message in the library's grammar says "must", and is not one that NumPy or Python wrote.
        with pytest.raises((ValueError, TypeError), match=r"must|may|are integers from 0") as error:
            CALLS[argument](value)
        assert "ufunc" not in str(error.value), kind


def test_codes_of_no_column_are_refused():
    for codes in (LABELS - 1, LABELS + 1):
        with pytest.raises(ValueError, match=r"`codes` must be integers in 0\.\.2"):
            softmax_rows(PROBS, codes, 0.2)


def test_a_huge_seed_is_one():
    first, again = (ln.corrupt(LABELS, FLIP, 0.5, random_state=10**30) for _ in range(2))
    np.testing.assert_array_equal(first.labels, again.labels)
    assert first.seed == 10**30
