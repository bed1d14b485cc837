"""What a diagnosis is given, checked once; every function of this package takes it from here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Features, Integers
from labelnoise.neighborhoods.neighbors import Neighbors


@dataclass(frozen=True, eq=False, repr=False)
class LabeledSamples:
    """The samples that have a label, as codes, with features, probabilities and neighbors where there are any.

    Attributes
    ----------
    codes : (n,) int array
        Given labels as codes 0..L-1.
    classes : (L,) array
        The classes in code order; some may be without samples.
    rows : (n,) int array
        Positions of these samples in what the user passed; samples without label are left out.
    n_given : int
        Number of samples that the user passed.
    features : (n, d) array or None
        Features.
    pred_probs : (n, L) float32 array
        Out-of-sample probabilities of the given label, P(z | x).
    own_pred_probs : bool
        Whether these were passed by the user, and not fitted to the features.
    neighbors : Neighbors or None
        The K nearest other samples of each sample, as positions among these n.
    k : int
        Neighborhood size of the K-NN whose accuracy is asked for.
    copies : (n,) int array
        Samples with the same number are exact or near copies of each other.
    """

    codes: Codes
    classes: NDArray[Any]
    rows: Integers
    n_given: int
    features: Features | None
    pred_probs: NDArray[np.float32]
    own_pred_probs: bool
    neighbors: Neighbors | None
    k: int
    copies: Integers

    @property
    def n_classes(self) -> int:
        """Number of classes, L."""
        return len(self.classes)

    @property
    def given_labels(self) -> NDArray[Any]:
        """Given labels in the user's classes, (n,)."""
        return self.classes[self.codes]

    @property
    def nearest(self) -> NDArray[np.integer]:
        """Positions of each sample's k nearest other samples, (n, k); a ValueError without neighbors."""
        if self.neighbors is None:
            raise ValueError(
                "plans, regions and what relabeling gains are counted in votes of neighbors, so the samples must have "
                "neighbors; got none. Pass features=... (or neighbors=...) to `diagnose`, also beside pred_probs; "
                "without them, `samples` sorted by wrong_probability is a list of what to check first."
            )
        return np.ascontiguousarray(self.neighbors.indices[:, : self.k])

    def for_all(self, values: NDArray[Any], missing: Any) -> NDArray[Any]:
        """Return one value per sample that was passed, from one per labeled sample."""
        if len(values) == self.n_given:
            return values
        everyone = np.full(self.n_given, missing, dtype=values.dtype if missing is not None else object)
        everyone[self.rows] = values
        return everyone

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the labels, their rows and classes, by which an audit is recognized as one of these data."""
        return label_fingerprint(self.codes, self.classes, self.rows, self.n_given)


def label_fingerprint(codes: Codes, classes: NDArray[Any], rows: Integers, n_given: int) -> str:
    """Return the hash that is `LabeledSamples.fingerprint`, which needs nothing but the labels."""
    digest = hashlib.sha256(repr([n_given, *map(str, classes.tolist())]).encode())
    for array in (rows, codes):
        digest.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return digest.hexdigest()[:16]
