"""Small populations of labeled samples whose true labels are known, for tests of the diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

import labelnoise as ln
from labelnoise.diagnosis.inputs import LabeledSamples


@dataclass(frozen=True, eq=False)
class Population:
    """Samples, what models say of them, and the truth."""

    data: LabeledSamples
    noise: Any
    truth: np.ndarray

    @property
    def wrong(self) -> np.ndarray:
        return self.truth != self.data.codes

    def diagnosis(self, audit: Any = None) -> Any:
        """Return what `Audit.draw` takes."""
        return SimpleNamespace(data=self.data, noise=self.noise, audit=audit, paths=None)

    def answered(self, audit: Any) -> Any:
        """Return an audit with all true labels."""
        classes = self.data.classes
        return audit.with_answers({row: classes[self.truth[row]] for row in audit.samples["index"]})


def noise_of(posterior: np.ndarray, codes: np.ndarray) -> Any:
    """Return a noise estimate that has this posterior, with T as the posterior says, and p(y | x) as both say."""
    rows, n_classes = np.arange(len(codes)), posterior.shape[1]
    joint = posterior.T @ np.eye(n_classes)[codes] + 1e-6
    transition = joint / joint.sum(axis=1, keepdims=True)
    classes = posterior / transition[:, codes].T
    return SimpleNamespace(
        posterior=posterior.astype(np.float32),
        wrong_probability=1 - posterior[rows, codes].astype(float),
        transition_matrix=transition,
        class_probability=(classes / classes.sum(axis=1, keepdims=True)).astype(np.float32),
    )


def population(
    n: int = 1000, *, rate: float = 0.2, seen: float = 1.0, in_region: bool = False, k: int = 10, seed: int = 0
) -> Population:
    """Draw a population of three classes.

    Parameters
    ----------
    n, k : int
        Number of samples, and neighborhood size.
    rate : float
        Share of wrong labels, which say the next class.
    seen : float in [0, 1]
        How well the models tell wrong labels from others: 0 for not at all, as if nearly none were wrong.
    in_region : bool
        Whether wrong labels lie in one half-plane.
    seed : int
        Seed.
    """
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, 2))
    truth = rng.integers(0, 3, n)
    wrong = np.zeros(n, dtype=bool)
    order = np.argsort(-features[:, 0]) if in_region else rng.permutation(n)
    wrong[order[: round(rate * n)]] = True
    codes = np.where(wrong, (truth + 1) % 3, truth)
    doubt = np.where(wrong, rng.beta(4, 2, n), rng.beta(1, 12, n))
    errors = seen * doubt + (1 - seen) * 0.02
    posterior = np.repeat(errors[:, None] / 2, 3, axis=1)
    posterior[np.arange(n), (codes + 2) % 3] = 0.9 * errors
    posterior[np.arange(n), (codes + 1) % 3] = 0.1 * errors
    posterior[np.arange(n), codes] = 1 - errors
    data = LabeledSamples(
        codes=codes,
        classes=np.array(["cat", "dog", "=cow"]),
        rows=np.arange(n),
        n_given=n,
        features=features,
        pred_probs=np.full((n, 3), 1 / 3, dtype=np.float32),
        own_pred_probs=False,
        neighbors=ln.neighbors(features, k=k),
        k=k,
        copies=np.arange(n),
    )
    return Population(data, noise_of(posterior, codes), truth)
