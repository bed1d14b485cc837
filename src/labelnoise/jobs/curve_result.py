"""One curve experiment: predict, measure where training labels allow it, and write table, figure and specification."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import write_figure, write_json, write_table
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.predicted import predict_knn
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.noise import NoiseModel
from labelnoise.placement.concentration import around_own_mean

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class CurveResult:
    """A predicted curve, a measured one, or both at the same noise rates and k; and what they were computed from."""

    name: str
    title: str
    data: str
    predicted: AccuracyCurve | None
    measured: AccuracyCurve | None
    source: dict[str, Any]
    seconds: float

    def table(self) -> pd.DataFrame:
        """One row a noise rate and k: predicted, measured mean, its spread and n, and the difference in points."""
        if self.predicted is None or self.measured is None:
            only = self.predicted or self.measured
            assert only is not None
            return only.to_frame()
        return comparison_table(self.predicted, self.measured)

    def specification(self) -> dict[str, Any]:
        """Everything that determined the result, and where it ran."""
        return {
            "name": self.name,
            "data": self.data,
            "source": self.source,
            "predicted": None if self.predicted is None else self.predicted.summary(),
            "measured": None if self.measured is None else self.measured.summary(),
            "seconds": round(self.seconds, 3),
            "versions": {package: version(package) for package in ("labelnoise", "numpy", "numba", "scikit-learn")},
            "python": platform.python_version(),
            "machine": platform.machine(),
        }

    def largest_difference(self) -> float | None:
        """Largest distance between measured mean and prediction, in percentage points."""
        if self.predicted is None or self.measured is None:
            return None
        return float(100 * np.abs(self.measured.accuracy - self.predicted.accuracy).max())

    def save(self, folder: Path) -> dict[str, Path]:
        """Write ``NAME.parquet/.csv/.json/.png/.svg/.pdf`` and return their paths; the table goes first."""
        from labelnoise.figures import curve_figure

        base = folder / self.name
        parquet, csv = write_table(self.table(), base)
        specification = write_json(self.specification(), base.with_name(base.name + ".json"))
        figure = curve_figure(self.predicted, self.measured, title=self.title, data=self.data)
        pictures = {path.suffix[1:]: path for path in write_figure(figure, base)}
        return {"parquet": parquet, "csv": csv, "json": specification, **pictures}


def comparison_table(predicted: AccuracyCurve, measured: AccuracyCurve) -> pd.DataFrame:
    """One row a noise rate and k: measured mean, its spread and n, predicted, and the difference in points."""
    frame = measured.to_frame().rename(columns={"accuracy": "measured"}).drop(columns="model")
    frame["standard_error"] = frame["std"] / np.sqrt(frame["repeats"])
    frame["predicted"] = predicted.accuracy.ravel()
    frame["difference_points"] = 100 * (frame["measured"] - frame["predicted"])
    return frame


def predict_as_realized(
    neighbors: Neighbors,
    train_labels: NDArray[Any],
    test_labels: NDArray[Any],
    noise: NoiseModel,
    measured: AccuracyCurve,
    model: str = "finite",
) -> AccuracyCurve:
    """The prediction from where the noise of a measured curve lies: its rate and rho in the neighborhoods that vote.

    A cluster's share is not the asked noise rate, hubs bring more noise into neighborhoods than the training set
    holds, and how concentrated noise is differs with the noise rate and with k: all are taken from the masks, the
    accuracy is not.
    """
    asked = np.broadcast_to(measured.realized_noise_rates[:, None], measured.accuracy.shape)
    rates = asked if measured.neighborhood_noise_rates is None else measured.neighborhood_noise_rates
    rhos = np.zeros(rates.shape) if measured.realized_concentrations is None else measured.realized_concentrations
    rhos = np.clip(np.nan_to_num(around_own_mean(rhos, asked, rates, measured.k)), 0.0, 1.0)
    rows = [
        [
            predict_knn(
                neighbors,
                train_labels,
                test_labels,
                noise,
                float(rates[row, column]),
                int(k),
                ties=measured.ties,
                model=model,
                concentration=float(rhos[row, column]),
            )
            for column, k in enumerate(measured.k)
        ]
        for row in range(len(rates))
    ]
    return replace(
        rows[0][0],
        noise_rates=measured.realized_noise_rates,
        realized_noise_rates=measured.realized_noise_rates,
        k=measured.k,
        accuracy=np.array([[curve.accuracy[0, 0] for curve in row] for row in rows]),
        per_class=np.array([[curve.per_class[0, 0] for curve in row] for row in rows]),
        placement={"name": "as measured in the neighborhoods"},
        neighborhood_noise_rates=rates,
        realized_concentrations=rhos,
        _votes=None,
    )


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Elapsed wall-clock time."""
        return time.perf_counter() - self._start
