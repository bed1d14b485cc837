"""The paper's title in one figure: predicted accuracy over noise rate and concentration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelnoise.curves.predicted import predict_knn
from labelnoise.curves.surface import accuracy_surface
from labelnoise.figures import surface_figure
from labelnoise.noise import NoiseModel, UniformNoise
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.runs import DataSpecification, NeighborsRun
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_count


@dataclass(frozen=True, kw_only=True)
class Surface:
    """Accuracy of K-NN over noise rate and concentration.

    Parameters
    ----------
    data : DataSpecification
    noise : NoiseModel
    k : int
    n_rates, n_concentrations : int
        Points of the grid, from 0 to 1 either way; at least 2.
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

    @property
    def _neighbors(self) -> NeighborsRun:
        return NeighborsRun(data=self.data, k=self.k)

    def runs(self) -> list[Run]:
        """The neighbors."""
        return [self._neighbors]

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """The surface, and the noise that can be borne at either end."""
        train, test = self.data.load()
        hoods = self._neighbors.neighbors(results)
        rates = np.linspace(0, 1, self.n_rates)
        curve = predict_knn(hoods, train.labels, test.labels, self.noise, rates, self.k)
        surface = accuracy_surface(curve, np.linspace(0, 1, self.n_concentrations))
        target = 0.9 * surface.accuracy[0, 0]
        borne = surface.tolerance(target)
        finding = (
            f"The noise rate that keeps nine tenths of the accuracy without noise falls from {borne[0]:.2f} where "
            f"noise is spread to {borne[self.n_concentrations // 2]:.2f} half way and {borne[-1]:.2f} where it is "
            f"concentrated."
        )
        values = {
            "target": float(target),
            "tolerance": dict(zip(surface.concentrations.tolist(), borne.tolist(), strict=True)),
        }
        caption = f"{self.data.caption()}, pixels, {scale} scale; finite neighborhoods."
        figure = surface_figure(surface, title=title, caption=caption)
        return Outcome(finding, bool(np.all(np.diff(borne) <= 1e-9)), {"": surface.to_frame()}, {"": figure}, values)
