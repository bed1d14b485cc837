"""Accuracy under concentrated noise for single draws: measured, and predicted from the mask."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Mask
from labelnoise.curves.vote_models import FiniteVotes
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.votes import label_histogram, vote_accuracy
from labelnoise.noise import NoiseModel, check_noise
from labelnoise.placement.base import Placement, check_placement
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.concentration import around_own_mean, concentration
from labelnoise.studies.runs.voting import NeighborVotes
from labelnoise.sweeps.run import RunResult, Workspace
from labelnoise.validation import check_count


@dataclass(frozen=True, kw_only=True)
class ConcentrationRun(NeighborVotes):
    """Votes under concentrated noise at one noise rate and K, and four predictions for the same draws.

    All noise models share the masks. The concentration is measured in the neighborhoods of the test samples, from the
    mask alone. The first prediction is the one from this concentration (`labelnoise.predict_knn`, finite
    neighborhoods). Three others know more, and so show what its error is made of: one takes the mean noise rate of
    those neighborhoods, which differs from that of the training set where hubs are noisy; one takes the local noise
    rates as found instead of a Beta distribution; and one takes each test sample's own local noise rate.

    The result's table `draws` has one row per placement, noise model and draw.
    """

    kind: ClassVar[str] = "concentrated votes"

    noises: tuple[NoiseModel, ...]
    placements: tuple[Placement, ...]
    k: int
    draws: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        for noise in self.noises:
            check_noise(noise)
        for placement in self.placements:
            check_placement(placement)
        check_count(self.k, "k", most=self.neighbors.k, most_is="the neighbors searched")
        check_count(self.draws, "draws")

    @property
    def label(self) -> str:
        """The data, noise rate, K and draws."""
        return (
            f"{len(self.placements)} placements on {self.data.label}, noise rate {self.noise_rate:g}, K = {self.k}, "
            f"{self.draws} draws"
        )

    def perform(self, workspace: Workspace) -> RunResult:
        """Place and draw noise, vote, and predict."""
        train, test = self.data.load()
        hoods, features = self.neighbors.neighbors(workspace), self.neighbors.features(workspace)[0]
        n_classes = len(train.classes)
        counts = label_histogram(train.labels, hoods.indices, self.k, n_classes)
        models = [FiniteVotes.of(counts, test.labels, n, self.ties, 0.0, len(train)) for n in self.noises]
        rows = []
        for number, placement in enumerate(_prepared(self.placements, hoods, features)):
            asked = self.placements[number].parameters()
            for draw in range(self.draws):
                rng = np.random.default_rng([self.seed, self.k, round(1e9 * self.noise_rate), number, draw])
                with warnings.catch_warnings():
                    # A concentration may be out of reach; the row has the one that is realized.
                    warnings.simplefilter("ignore", UserWarning)
                    mask = placement.select(train.labels, n_classes, self.noise_rate, features, rng)
                of_mask = {
                    "placement": asked["name"],
                    "asked": asked.get("concentration", asked.get("k")),
                    "k": self.k,
                    "noise_rate": float(mask.mean()),
                    "concentration": concentration(mask, hoods, self.k),
                    "draw": draw,
                    "n_classes": n_classes,
                    "n_test": len(test),
                }
                for votes in models:
                    measured = self._measure(votes.noise, mask, hoods, (train.labels, test.labels), rng)
                    found = {"measured": measured, **_predictions(votes, mask, hoods, of_mask)}
                    rows.append({"noise": votes.noise.name, **of_mask, **found})
        return RunResult({"data": self.data.digest()}, tables={"draws": pd.DataFrame(rows)})

    def _measure(
        self, noise: NoiseModel, mask: Mask, hoods: Neighbors, codes: tuple[Codes, Codes], rng: np.random.Generator
    ) -> float:
        """Return the accuracy of the votes of training codes whose masked part is noisy, for given test codes."""
        train, test = codes
        n_classes, noisy = int(train.max()) + 1, train.copy()
        noisy[mask] = noise.draw(train[mask], n_classes, rng)
        return float(vote_accuracy(noisy, hoods.indices, test, self.k, n_classes, ties=self.ties, rng=rng)[0])


def _prepared(placements: tuple[Placement, ...], hoods: Neighbors, features: NDArray[Any]) -> Iterator[Placement]:
    """Prepare each placement on the features; `Concentrated` is calibrated in the test samples' neighborhoods."""
    dial: Concentrated | None = None
    for placement in placements:
        if isinstance(placement, Concentrated):
            if dial is None or dial.k != placement.k:
                dial = replace(placement, neighbors=hoods).prepare(features)
            yield replace(dial, concentration=placement.concentration)
        else:
            yield placement.prepare(features)


def _predictions(votes: FiniteVotes, mask: Mask, hoods: Neighbors, of_mask: dict[str, Any]) -> dict[str, float]:
    """Return the predictions that `ConcentrationRun` explains, and the noise rate of the neighborhoods."""
    k = of_mask["k"]
    found = np.count_nonzero(mask[hoods.indices[:, :k]], axis=1)
    seen, share = found.mean() / k, np.bincount(found, minlength=k + 1) / len(found)
    around = float(around_own_mean(of_mask["concentration"], of_mask["noise_rate"], seen, k))
    win = votes.profiles.win[votes.inverse]

    def on_beta(noise_rate: float, rho: float) -> float:
        model = replace(votes, concentration=min(max(rho, 0.0), 1.0))
        return float(model.correct(noise_rate)[votes.inverse].mean())

    return {
        "neighborhood_rate": float(seen),
        "predicted": on_beta(of_mask["noise_rate"], of_mask["concentration"]),
        "from_neighborhood_rate": on_beta(float(seen), around),
        "from_rates_found": float((win @ share).mean()),
        "from_own_rate": float(win[np.arange(len(win)), found].mean()),
    }
