"""Small data sets with given labels, for tests of the diagnosis; and votes counted by plain loops."""

from __future__ import annotations

import numpy as np

from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.neighbors import Neighbors


def samples_of(codes, indices, n_classes, *, classes=None, rows=None) -> LabeledSamples:
    """Return samples with these labels and neighbors, and probabilities that say nothing."""
    n, k = len(codes), np.shape(indices)[1]
    even = np.full((n, n_classes), 1 / n_classes, dtype=np.float32)
    hoods = Neighbors(indices, None, n, "unknown", True)
    rows = np.arange(n) if rows is None else rows
    classes = np.arange(n_classes) if classes is None else classes
    given = np.asarray(codes, dtype=np.int64)
    return LabeledSamples(given, classes, rows, int(rows.max()) + 1, None, even, False, hoods, k, np.arange(n))


def random_samples(rng, *, n=30, k=4, n_classes=3) -> tuple[LabeledSamples, np.ndarray]:
    """Return random labels with random neighbors, and a random posterior."""
    others = np.array([np.delete(np.arange(n), i)[rng.permutation(n - 1)[:k]] for i in range(n)])
    posterior = rng.dirichlet(np.full(n_classes, 0.5), size=n).astype(np.float32)
    return samples_of(rng.integers(n_classes, size=n), others, n_classes), posterior


def blobs(rng, *, per_class=200, n_classes=3, spread=0.5, k=10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true codes, features and neighbors of normal clouds whose centers lie on a circle of radius 1."""
    true = np.repeat(np.arange(n_classes), per_class)
    angle = 2 * np.pi * true / n_classes
    features = np.column_stack([np.cos(angle), np.sin(angle)]) + spread * rng.standard_normal((len(true), 2))
    return true, features, neighbors(features, k=k).indices


def one_hot(codes, n_classes) -> np.ndarray:
    """Return the posterior of one who knows the true classes."""
    return np.eye(n_classes, dtype=np.float32)[codes]


def right_votes(codes, indices, posterior) -> float:
    """Return the expected number of right votes, neighborhood by neighborhood; ties are settled at random."""
    total = 0.0
    for row, hood in enumerate(indices):
        counts = [int((codes[hood] == code).sum()) for code in range(posterior.shape[1])]
        leaders = [code for code, count in enumerate(counts) if count == max(counts)]
        total += sum(float(posterior[row, code]) for code in leaders) / len(leaders)
    return total
