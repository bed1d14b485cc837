"""What `labelnoise curve` does: read files, search neighbors, predict, measure, write."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import output_folder, write_figure, write_json, write_table
from labelnoise.curves.curve import AccuracyCurve, comparison_table
from labelnoise.curves.measured import simulate_knn
from labelnoise.curves.predicted import accuracy_curve, predict_as_measured, predict_knn
from labelnoise.data import load_train_test, read_features, read_labels, read_pred_probs, split_column
from labelnoise.neighborhoods.neighbors import neighbors
from labelnoise.noise import NOISE_RATES, NoiseModel
from labelnoise.placement import Placement, Spread
from labelnoise.placement.concentrated import Concentrated
from labelnoise.validation import check_count, check_ks

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CurveJob:
    """What to compute, and from which files: an image set, feature and label files, or predicted probabilities."""

    noise: NoiseModel
    k: tuple[int, ...] = (10, 30, 100)
    noise_rates: tuple[float, ...] | None = None
    ties: str = "random"
    model: str = "finite"
    concentration: float = 0.0
    metric: str = "euclidean"
    simulate: bool = False
    placement: Placement = field(default_factory=Spread)
    repeats: int = 10
    random_state: int = 0
    dataset: str | None = None
    features: str | None = None
    labels: str | None = None
    test_features: str | None = None
    test_labels: str | None = None
    pred_probs: str | None = None
    name: str = "curve"
    title: str = ""

    def check(self) -> None:
        """Raise a ValueError unless one source is named, completely, and the noise predicted is the noise measured."""
        sources = [s for s in ("dataset", "features", "pred_probs") if getattr(self, s) is not None]
        if len(sources) != 1:
            raise ValueError(
                "give one source: --dataset NAME, --features FILE with --labels FILE, or --pred-probs FILE with "
                f"--labels FILE; got {' and '.join('--' + s.replace('_', '-') for s in sources) or 'none'}."
            )
        if sources != ["dataset"] and self.labels is None:
            raise ValueError(f"--{sources[0].replace('_', '-')} needs --labels FILE: the true label of every row.")
        if (self.test_features is None) != (self.test_labels is None):
            raise ValueError("--test-features and --test-labels go together; only one of them was given.")
        if self.simulate and self.pred_probs is not None:
            raise ValueError(
                "--simulate needs training samples to vote: give --features or --dataset, not --pred-probs."
            )
        self._check_placement()
        check_ks(self.k)
        check_count(self.repeats, "repeats")

    def _check_placement(self) -> None:
        spread, dialed = isinstance(self.placement, Spread), isinstance(self.placement, Concentrated)
        if self.concentration and self.simulate and not dialed:
            raise ValueError(
                f"--concentration {self.concentration:g} is not what {self.placement.name} placement measures: give "
                "--placement concentrated as well, or leave --concentration out."
            )
        if not (spread or dialed or self.simulate):
            raise ValueError(
                f"{self.placement.name} placement needs --simulate: the noise it brings into neighborhoods is seen "
                "from drawn masks. Give --simulate, or --concentration alone for a prediction."
            )

    def source(self) -> dict[str, str]:
        """Return the files or the image set, and the distance, ready for JSON."""
        names = ("dataset", "features", "labels", "test_features", "test_labels", "pred_probs")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return given if self.pred_probs is not None else {**given, "metric": self.metric}


@dataclass(frozen=True, eq=False)
class TrainTest:
    """Training and test samples; without test features, the training samples are tested themselves."""

    train_features: NDArray[Any]
    train_labels: NDArray[Any]
    test_features: NDArray[Any] | None
    test_labels: NDArray[Any]
    description: str


def _read(reader: Any, source: str, keyword: str) -> NDArray[Any]:
    path, column = split_column(source)
    return reader(path, **{keyword: column})


def _load(job: CurveJob) -> TrainTest:
    if job.dataset is not None:
        train, test = load_train_test(job.dataset)
        description = f"{train.name}, {train.features.shape[1]} pixel values"
        return TrainTest(train.features, train.labels, test.features, test.labels, description)
    assert job.features is not None
    assert job.labels is not None
    features = _read(read_features, job.features, "columns")
    labels = _read(read_labels, job.labels, "column")
    description = f"{Path(job.features).name}, {features[0].size} features"
    if job.test_features is None or job.test_labels is None:
        return TrainTest(features, labels, None, labels, f"{description}, leave one out")
    return TrainTest(
        features,
        labels,
        _read(read_features, job.test_features, "columns"),
        _read(read_labels, job.test_labels, "column"),
        description,
    )


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
        """Return one row per noise rate and k (`comparison_table`, or the table of the only curve)."""
        if self.predicted is None or self.measured is None:
            only = self.predicted or self.measured
            assert only is not None
            return only.to_frame()
        return comparison_table(self.predicted, self.measured)

    def specification(self) -> dict[str, Any]:
        """Return everything that determined the result, and where it ran."""
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
        """Return the largest distance between measured mean and prediction, in percentage points."""
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


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Elapsed wall-clock time."""
        return time.perf_counter() - self._start


def run_curve(job: CurveJob, folder: str | Path) -> tuple[CurveResult, dict[str, Path]]:
    """Run the job, write its table, figure and specification below `folder`, and return the result and the paths.

    Raises
    ------
    ValueError, TypeError
        Bad input, found before the neighbor search where that is possible.
    OSError
        The folder cannot be written; nothing has been computed by then.
    """
    job.check()
    target = output_folder(folder)
    watch = Stopwatch()
    rates = job.noise_rates or NOISE_RATES[job.noise.name]
    title = job.title or f"{job.noise.name.capitalize()} noise"
    if job.pred_probs is not None:
        assert job.labels is not None
        clean = _read(read_pred_probs, job.pred_probs, "columns")
        truth = _read(read_labels, job.labels, "column")
        predicted = accuracy_curve(
            clean, truth, job.noise, rates, job.k, ties=job.ties, concentration=job.concentration
        )
        description = f"{Path(job.pred_probs).name}: clean distribution from predicted probabilities"
        result = CurveResult(job.name, title, description, predicted, None, job.source(), watch.seconds)
        return result, result.save(target)
    data = _load(job)
    hoods = neighbors(data.train_features, data.test_features, k=max(job.k), metric=job.metric)
    labeled = (hoods, data.train_labels, data.test_labels, job.noise)
    measured = None
    if job.simulate:
        measured = simulate_knn(
            *labeled,
            rates,
            job.k,
            placement=job.placement,
            features=data.train_features,
            ties=job.ties,
            repeats=job.repeats,
            random_state=job.random_state,
        )
    if measured is not None and measured.realized_concentrations is not None:
        predicted = predict_as_measured(*labeled, measured, model=job.model)
    else:
        predicted = predict_knn(*labeled, rates, job.k, ties=job.ties, model=job.model, concentration=job.concentration)
    result = CurveResult(job.name, title, data.description, predicted, measured, job.source(), watch.seconds)
    return result, result.save(target)
