"""The inputs of a nearest-neighbor vote, checked once: what predictions, measurements and intervals share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Codes, Floats, Integers
from labelnoise.columns import encode_for_columns
from labelnoise.curves.curve import CurveSetting
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.knn_graph import MOST, stores_diagonal
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.noise import NoiseModel, check_noise, encode_for_noise
from labelnoise.sample_noise import check_rows
from labelnoise.validation import check_agreement, check_distributions, check_ks


@dataclass(frozen=True, eq=False)
class KnnInputs:
    """Neighbors and labels that fit together.

    Attributes
    ----------
    indices : int array of shape (n_test, max_k)
        Each test sample's neighbors among the training samples, nearest first.
    test_codes : array of shape (n_test,)
        True classes of the test samples.
    ks : array of shape (n_k,)
        Neighborhood sizes, in the order asked for.
    classes : array of shape (n_classes,)
        The classes that the codes stand for.
    n_train : int
        Number of training samples.
    train_codes : array of shape (n_train,) or None
        Clean training labels, where they are known.
    """

    indices: NDArray[np.integer[Any]]
    test_codes: Codes
    ks: Integers
    classes: NDArray[Any]
    n_train: int
    train_codes: Codes | None

    @property
    def n_classes(self) -> int:
        """Number of classes, L."""
        return len(self.classes)

    def setting(
        self, ties: str, model: str, noise: dict[str, Any], placement: dict[str, Any], seed: int | None = None
    ) -> CurveSetting:
        """Return the setting of a curve of these inputs."""
        return CurveSetting(ties, model, noise, placement, self.classes, len(self.test_codes), self.n_train, seed)

    @classmethod
    def of_labels(
        cls, neighbors: Any, train_labels: Any, test_labels: Any, noise: NoiseModel, k: Any, classes: Any = None
    ) -> tuple[KnnInputs, Codes, NoiseModel]:
        """Check neighbors, clean labels, noise model, k and classes.

        Return the inputs, the codes of the training labels, and the noise model in the order of the classes.
        """
        check_noise(noise)
        ks = check_ks(k)
        train_codes, known, noise = encode_for_noise(train_labels, noise, classes, "train_labels")
        hoods = as_neighbors(neighbors, k=ks, n_train=len(train_codes))
        test_codes, _ = encode_labels(test_labels, classes=known, name="test_labels")
        _check_queries(neighbors, hoods, test_codes, train_codes)
        return cls(hoods.indices, test_codes, ks, known, len(train_codes), train_codes), train_codes, noise

    @classmethod
    def of_rows(
        cls, neighbors: Any, rows: Any, test_labels: Any, k: Any, train_labels: Any, classes: Any
    ) -> tuple[KnnInputs, Floats]:
        """Check neighbors, a row of probabilities per training sample, labels and k; return the inputs and the rows."""
        ks = check_ks(k)
        noisy = check_rows(rows)
        hoods = as_neighbors(neighbors, k=ks)
        # An array of indices shows only the largest index that occurs, not the number of training samples.
        exact = isinstance(neighbors, Neighbors) or sparse.issparse(neighbors)
        if hoods.n_train > len(noisy) or (exact and hoods.n_train != len(noisy)):
            raise ValueError(
                f"`rows` must have one row per training sample, {hoods.n_train} of them; got {len(noisy)}. "
                f"Pass the rows of the samples that were searched, in the same order."
            )
        train_codes, columns = None, {"classes": classes, "table_name": "rows", "same_samples": False}
        if train_labels is None:
            noisy, test_codes, known = encode_for_columns(test_labels, rows, noisy, name="test_labels", **columns)
        else:  # The training labels show more of the classes than those of a few test samples.
            noisy, train_codes, known = encode_for_columns(train_labels, rows, noisy, name="train_labels", **columns)
            test_codes, _ = encode_labels(test_labels, classes=known, name="test_labels")
            if len(train_codes) != len(noisy):
                raise ValueError(
                    f"`train_labels` and `rows` must have one entry per training sample; got {len(train_codes)} and "
                    f"{len(noisy)}."
                )
        _check_queries(neighbors, hoods, test_codes, train_codes)
        return cls(hoods.indices, test_codes, ks, known, len(noisy), train_codes), noisy


def check_clean_distribution(clean_distribution: Any, labels: Any, classes: Any) -> tuple[Floats, Codes, NDArray[Any]]:
    """Check a clean distribution and true labels that fit each other.

    Return the rows with their columns in code order, the codes of the labels, and the classes.
    """
    rows = check_distributions(clean_distribution, "clean_distribution")
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"`clean_distribution` must have shape (n_test, n_classes); got {rows.shape}.")
    clean, codes, known = encode_for_columns(
        labels, clean_distribution, rows, classes=classes, table_name="clean_distribution"
    )
    check_agreement(clean, codes, "clean_distribution")
    return clean, codes, known


def _check_queries(neighbors: Any, hoods: Neighbors, test_codes: Codes, train_codes: Codes | None) -> None:
    """Check that there is a label per query, and that samples are left out of their own neighbors, and no others are.

    A graph's diagonal must have been dropped from the training samples only, and training samples that were searched as
    queries are warned of.
    """
    if len(test_codes) != len(hoods.indices):
        raise ValueError(
            f"`test_labels` must have one label per query of `neighbors`; "
            f"got {len(test_codes)} labels and {len(hoods.indices)} queries."
        )
    if train_codes is None or len(test_codes) != hoods.n_train:
        return
    n_different = int((train_codes != test_codes).sum())
    if n_different and hoods.is_self and sparse.issparse(neighbors) and stores_diagonal(neighbors):
        raise ValueError(
            f"`neighbors` is a square graph, whose diagonal is each sample itself only where the queries are the "
            f"training samples; {n_different} of {len(test_codes)} `test_labels` differ from `train_labels`. Pass "
            f"Neighbors.from_graph(graph, exclude_self=False) if the queries are other samples, or exclude_self=True "
            f"if they are the same."
        )
    if not n_different and not hoods.is_self and hoods.distances is not None:
        own = (hoods.indices == np.arange(hoods.n_train)[:, None]) & (hoods.distances == 0)
        if own.any(axis=1).sum() >= MOST * hoods.n_train:
            warnings.warn(
                "`neighbors` and `test_labels` are of the training samples, each of them among its own neighbors, so "
                "the accuracy is too high for other samples. To leave them out, search without a query: "
                "neighbors(features, k=k).",
                UserWarning,
                stacklevel=4,
            )
