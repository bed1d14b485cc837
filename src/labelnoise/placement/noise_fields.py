"""Smooth random fields over a data set, from white noise to its largest regions, at the cost of one small graph.

A field gives every sample a height; noise lies where heights are large. A field starts as white noise on some landmark
samples. It is averaged again and again over the nearest-neighbor graph of the landmarks (a diffusion), and then each
sample gets the mean of its nearest landmarks. After a few steps there are many small hills. After many steps the
graph's largest regions are left, with borders where samples are sparse. Borders through dense regions, such as those of
k-means cells in many dimensions, would cut through most neighborhoods.

The cost is that of the distances from N samples to the landmarks; no graph of all samples is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from labelnoise.arrays import Features, Floats
from labelnoise.threads import for_each_block

STEPS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Diffusion steps of the fields, from rough to smooth."""
DEGREE = 10
"""Number of neighbors of a landmark in the graph."""
INTERPOLATED = 5
"""Number of nearest landmarks that are averaged for the height of a sample."""
_MEMORY = 2**24  # most distances held in memory at once, by each core


@dataclass(frozen=True, eq=False)
class Landmarks:
    """Each sample's nearest landmarks, (N, m), and the averaging matrix of the landmarks' graph, (M, M)."""

    nearest: NDArray[np.int32]
    averaging: Any

    @classmethod
    def of(cls, features: Features, n_landmarks: int, rng: np.random.Generator) -> Landmarks:
        """Choose landmarks at random among the samples; `features` must be checked."""
        from threadpoolctl import threadpool_limits

        chosen = np.sort(rng.choice(len(features), size=min(n_landmarks, len(features)), replace=False))
        count = len(chosen)
        # Products over several threads differ in their last bits from run to run, but one seed must give one result.
        # So each product has one thread, and several blocks of samples are done at once.
        with threadpool_limits(1):
            center = features[chosen].mean(axis=0, dtype=np.float64)
            scale = float(np.abs(features[chosen] - center).max()) or 1.0  # 1 if all landmarks are the same point
            places = ((features[chosen] - center) / scale).astype(np.float32)
            nearest = np.empty((len(features), min(INTERPOLATED, count)), dtype=np.int32)

            def find(start: int, stop: int) -> None:
                scaled = ((features[start:stop] - center) / scale).astype(np.float32)
                with threadpool_limits(1):  # Some libraries keep the limit for each thread.
                    nearest[start:stop] = _nearest(scaled, places, nearest.shape[1])

            step = max(1, _MEMORY // max(count, features.shape[1]))
            for_each_block(find, len(features), step, "finding landmarks")
            degree = min(DEGREE + 1, count)  # with the landmark itself
            linked = _nearest(places, places, degree)
        edges = (np.ones(linked.size), linked.ravel(), np.arange(0, linked.size + 1, degree))
        directed: Any = sparse.csr_array(edges, shape=(count, count))
        links = (directed + directed.T + sparse.eye_array(count)).astype(bool).astype(np.float64)
        return cls(nearest, sparse.diags_array(1 / links.sum(axis=1)) @ links)

    def fields(self, rng: np.random.Generator) -> Iterator[Floats]:
        """Yield one white noise after more and more steps; each field has normally distributed heights, (N,)."""
        from scipy.special import ndtri

        n_samples = len(self.nearest)
        quantiles: Floats = ndtri((np.arange(n_samples) + 0.5) / n_samples)
        values, done = rng.standard_normal(self.averaging.shape[0]), 0
        for steps in STEPS:
            for _ in range(steps - done):
                values = self.averaging @ values
                values -= values.mean()
                scale = values.std()
                if not scale > 1e-9:  # if all landmarks are linked, nothing is left to smooth
                    return
                values /= scale
            done = steps
            heights = np.empty(n_samples)
            heights[np.argsort(values[self.nearest].mean(axis=1), kind="stable")] = quantiles
            yield heights


def _nearest(queries: NDArray[np.float32], places: NDArray[np.float32], count: int) -> NDArray[np.int32]:
    """Return the `count` nearest places of each query, in no particular order."""
    distances = (places**2).sum(axis=1) - 2 * (queries @ places.T)
    return np.argpartition(distances, count - 1, axis=1)[:, :count].astype(np.int32)
