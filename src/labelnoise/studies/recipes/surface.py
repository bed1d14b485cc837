"""The paper's title in one figure: predicted accuracy over noise rate and concentration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from labelnoise.curves.predicted import predict_knn
from labelnoise.curves.surface import AccuracySurface, accuracy_surface
from labelnoise.figures import surface_figure
from labelnoise.noise import NoiseModel, UniformNoise
from labelnoise.studies.recipes.recipe import Drawing, Measured
from labelnoise.studies.runs import DataSpecification, NeighborsRun
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_count


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Accuracy of K-NN over noise rate and concentration.

    Both go from 0 to 1, in `n_rates` and `n_concentrations` points, at least 2 each.
    """

    data: DataSpecification
    noise: NoiseModel = UniformNoise()  # noqa: RUF009  a frozen value
    k: int = 30
    n_rates: int = 51
    n_concentrations: int = 41

    def __post_init__(self) -> None:
        for name in ("n_rates", "n_concentrations"):
            check_count(getattr(self, name), name)
            if getattr(self, name) < 2:
                raise ValueError(f"`{name}` must be at least 2, both ends of the grid; got 1.")

    def runs(self) -> list[NeighborsRun]:
        """Return the search for neighbors."""
        return [NeighborsRun(data=self.data, k=self.k)]

    def measure(self, results: Results) -> Measured[AccuracySurface]:
        """Predict the surface, and the noise rate that it tolerates at each concentration."""
        (neighbors,), (train, test) = self.runs(), self.data.load()
        rates, rhos = np.linspace(0, 1, self.n_rates), np.linspace(0, 1, self.n_concentrations)
        curve = predict_knn(neighbors.neighbors(results), train.labels, test.labels, self.noise, rates, self.k)
        surface = accuracy_surface(curve, rhos)
        target = 0.9 * surface.accuracy[0, 0]
        tolerated = surface.tolerance(target)
        by_rho = dict(zip(surface.concentrations.tolist(), tolerated.tolist(), strict=True))
        values, falls = {"target": float(target), "tolerance": by_rho}, bool(np.all(np.diff(tolerated) <= 1e-9))
        return Measured({"": surface.to_frame()}, values, falls, surface)

    def finding(self, measured: Measured[AccuracySurface]) -> str:
        """Say how much noise is tolerated at either end and half way."""
        tolerated = list(measured.values["tolerance"].values())
        return (
            f"The noise rate that keeps nine tenths of the accuracy without noise falls from {tolerated[0]:.2f} where "
            f"noise is spread to {tolerated[self.n_concentrations // 2]:.2f} half way and {tolerated[-1]:.2f} where it "
            f"is concentrated."
        )

    def figure(self, measured: Measured[AccuracySurface]) -> Drawing:
        """Draw the surface."""
        draw = partial(surface_figure, measured.shown)
        return Drawing(draw, f"{self.data.caption()}, pixels", "finite neighborhoods.")
