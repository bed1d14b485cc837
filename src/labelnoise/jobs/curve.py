"""What `labelnoise curve` does: read files, search neighbors, predict, measure, write."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.artifacts import (
    SCHEMA,
    check_name,
    check_overwrite,
    output_folder,
    write_figure,
    write_json,
    write_table,
)
from labelnoise.curves.comparison import comparison_table
from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.measured import simulate_knn
from labelnoise.curves.predicted import accuracy_curve, predict_as_measured, predict_knn
from labelnoise.curves.prediction import Prediction
from labelnoise.curves.tolerance import CLOSE, enclosing_rates, tolerance
from labelnoise.data.reading import Reading
from labelnoise.jobs.doubts import class_doubts, label_doubts, scale_doubts
from labelnoise.jobs.network_curve import NetworkCurve, check_network_accuracy, fit_network_curve
from labelnoise.jobs.samples import NeighborSearch, SampleSource
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.noise import NOISE_RATES, NoiseModel
from labelnoise.placement import Placement, Spread
from labelnoise.placement.concentrated import Concentrated
from labelnoise.progress import stage
from labelnoise.sweeps.run import describe
from labelnoise.validation import check_concentration, check_count, check_fraction, check_ks, check_noise_rates

if TYPE_CHECKING:
    import pandas as pd

LINE_COLUMNS = ["k", "ties", "realized_noise_rate", "accuracy"]
"""Columns of the table of predicted lines, which are evaluated at many noise rates."""


@dataclass(frozen=True)
class CurveJob:
    """What to compute, and from which samples."""

    noise: NoiseModel
    samples: SampleSource
    k: tuple[int, ...] = (10, 30, 100)
    noise_rates: tuple[float, ...] | None = None
    ties: str = "random"
    model: str = "finite"
    concentration: float | None = None
    metric: str = "euclidean"
    simulate: bool = False
    placement: Placement = field(default_factory=Spread)
    repeats: int = 10
    random_state: int = 0
    target: float | None = None
    network_accuracy: tuple[tuple[float, float], ...] = ()
    name: str = "curve"
    title: str = ""

    def check(self) -> None:
        """Raise a ValueError unless one source is named, completely, and the values of all options fit together."""
        self.samples.check()
        if self.simulate and self.samples.pred_probs is not None:
            raise ValueError(
                "--simulate needs training samples to vote: give --features or --dataset, not --pred-probs."
            )
        check_name(self.name)
        self._check_placement()
        if self.network_accuracy:
            check_network_accuracy(self.network_accuracy, self.samples.pred_probs, self.predicted_concentration)
        check_ks(self.k)
        if self.noise_rates is not None:
            check_noise_rates(self.noise_rates)
        check_concentration(self.predicted_concentration)
        check_count(self.repeats, "repeats")
        if self.target is not None:
            check_fraction(self.target, "target")

    def _check_placement(self) -> None:
        if not (self.simulate or isinstance(self.placement, Spread | Concentrated)):
            raise ValueError(
                f"{self.placement.name} placement needs --simulate: the noise it brings into neighborhoods is seen "
                "from drawn masks. Give --simulate, or --concentration alone for a prediction."
            )

    @property
    def predicted_concentration(self) -> float:
        """Concentration of a prediction without --simulate: the placement's, or --concentration, or 0."""
        if isinstance(self.placement, Concentrated):
            return self.placement.concentration
        return self.concentration or 0.0

    def source(self) -> dict[str, Any]:
        """Return the files or the image set, and the distance, ready for JSON."""
        given = self.samples.source()
        return given if self.samples.pred_probs is not None else {**given, "metric": self.metric}

    def options(self) -> dict[str, Any]:
        """Return all options in one level, ready for JSON."""
        options = describe(self, whole=True)
        return {**options.pop("samples"), **options}


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
    options: dict[str, Any]
    reading: Reading | None = None
    target: float | None = None
    network: NetworkCurve | None = None

    def tolerances(self) -> list[dict[str, Any]]:
        """Return for each k the noise rate at which the accuracy falls below the target.

        ``at_least`` says that it does not, up to the largest noise rate asked for; None that it is below at the
        smallest one, or that only the noise rates ``between`` which it falls are known: the curve could be computed at
        the noise rates asked for alone, and these are far apart.
        """
        curve = self.predicted or self.measured
        if curve is None or self.target is None:
            return []
        source = curve.source if curve.source is not None and curve.source.any_rate else None
        found = []
        for k, column in zip(curve.k.tolist(), curve.accuracy.T, strict=True):
            low, high = enclosing_rates(curve.noise_rates, column, self.target)
            is_coarse = source is None and high - low > CLOSE
            rate = tolerance(curve.noise_rates, column, self.target, source, k)
            found.append(
                {
                    "k": k,
                    "noise_rate": None if is_coarse or np.isnan(rate) else rate,
                    "between": [low, high] if is_coarse else None,
                    "at_least": bool(np.all(column >= self.target)),
                }
            )
        return found

    def table(self) -> pd.DataFrame:
        """Return one row per noise rate and k; the columns are the same whatever was computed."""
        return comparison_table(self.predicted, self.measured)

    def specification(self) -> dict[str, Any]:
        """Return everything that determined the result, and where it ran."""
        return {
            "schema": SCHEMA,
            "options": self.options,
            "name": self.name,
            "data": self.data,
            "source": self.source,
            "reading": None if self.reading is None else self.reading.summary(),
            "assumption": "the given labels are clean",
            "target": self.target,
            "tolerance": self.tolerances(),
            "network": None if self.network is None else self.network.summary(),
            "predicted": None if self.predicted is None else self.predicted.summary(),
            "measured": None if self.measured is None else self.measured.summary(),
            "per_class": self.per_class(),
            "seconds": round(self.seconds, 3),
            "versions": {package: version(package) for package in ("labelnoise", "numpy", "numba", "scikit-learn")},
            "python": platform.python_version(),
            "machine": platform.machine(),
        }

    def per_class(self) -> dict[str, Any]:
        """Return the accuracy of each class, the measured one where there is one, by noise rate, k and class."""
        curve = self.measured or self.predicted
        assert curve is not None
        return {"classes": curve.setting.classes, "accuracy": curve.per_class.round(6)}

    def largest_difference(self) -> float | None:
        """Return the largest distance between measured mean and prediction, in percentage points."""
        if self.predicted is None or self.measured is None:
            return None
        return float(100 * np.abs(self.measured.accuracy - self.predicted.accuracy).max())

    def save(self, folder: Path) -> dict[str, Path]:
        """Write ``NAME.parquet/.csv/.json/.png/.svg/.pdf``, and the predicted lines; return the paths.

        The specification goes first: with it, the same command may write the result again after a failure.
        """
        from labelnoise.figures import curve_figure, network_figure
        from labelnoise.figures.curves import densely

        base = folder / self.name
        specification = write_json(self.specification(), base.with_name(base.name + ".json"))
        parquet, csv = write_table(self.table(), base)
        if self.network is not None and self.predicted is not None:
            found, band = self.network.found, self.network.band
            figure = network_figure(self.predicted, found, band, title=self.title, caption=self.data)
        else:
            figure = curve_figure(self.predicted, self.measured, title=self.title, data=self.data)
        lines: dict[str, Path] = {}
        if self.predicted is not None:
            dense = densely(self.predicted)
            lines["lines"] = write_table(dense.to_frame()[LINE_COLUMNS], folder / f"{self.name}_lines")[0]
        pictures = {path.suffix[1:]: path for path in write_figure(figure, base)}
        return {"parquet": parquet, "csv": csv, "json": specification, **lines, **pictures}


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Elapsed wall-clock time."""
        return time.perf_counter() - self._start


def run_curve(
    job: CurveJob,
    folder: str | Path,
    tell: Callable[[Reading], None] = lambda _: None,
    *,
    overwrite: bool = False,
    search: NeighborSearch = neighbors,
) -> tuple[CurveResult, dict[str, Path]]:
    """Run the job, write its table, figure and specification below `folder`, and return the result and the paths.

    Parameters
    ----------
    job : CurveJob
        What to compute.
    folder : path
        Where the files go.
    tell : callable
        Is given what was read, before the search and the predictions.
    overwrite : bool
        Whether another result of the same name in `folder` is replaced; otherwise it is an error.
    search : callable
        `labelnoise.neighbors`, or the same with an executor and a store.

    Raises
    ------
    ValueError, TypeError
        Bad input, found before the neighbor search where that is possible.
    OSError
        The folder cannot be written; nothing has been computed by then.
    """
    job.check()
    options = job.options()
    target = output_folder(folder)
    check_overwrite(target, job.name, {"options": options}, overwrite)
    watch = Stopwatch()
    rates = job.noise_rates or NOISE_RATES[job.noise.name]
    title = job.title or f"{job.noise.name.capitalize()} noise"
    rho = job.predicted_concentration
    train, test = job.samples.read()
    reading = train.reading
    tell(reading)

    def result_of(
        predicted: AccuracyCurve | None, measured: AccuracyCurve | None, network: NetworkCurve | None = None
    ) -> CurveResult:
        data, source = job.samples.description(train), job.source()
        if source.get("metric", "euclidean") != "euclidean":
            data += f", {job.metric} distance"
        known = (source, watch.seconds, options, reading, job.target, network)
        return CurveResult(job.name, title, data, predicted, measured, *known)

    def saved(result: CurveResult) -> tuple[CurveResult, dict[str, Path]]:
        check_overwrite(
            target, job.name, {"options": options}, overwrite
        )  # Another process may have finished meanwhile.
        return result, result.save(target)

    if job.samples.pred_probs is not None:
        clean = np.asarray(train.values) if train.classes is not None else train.values
        given = (clean, train.labels, job.noise)
        network, ks = None, job.k
        if job.network_accuracy:
            stage("looking for the K of the network")
            network = fit_network_curve(job.network_accuracy, *given, rates, ties=job.ties, classes=train.classes)
            ks = tuple(dict.fromkeys((*ks, network.found.value)))
        stage("predicting the accuracy")
        predicted = accuracy_curve(*given, rates, ks, ties=job.ties, concentration=rho, classes=train.classes)
        assert isinstance(predicted.source, Prediction)
        without_noise = predicted.source.curve(np.zeros(1), predicted.k, predicted.setting)
        reading = _warned(reading, class_doubts(without_noise, predicted.source.class_counts), tell)
        return saved(result_of(predicted, None, network))
    stage(f"{len(train.values if test is None else test.values):,} test samples read; searching neighbors")
    hoods = search(train.values, None if test is None else test.values, k=max(job.k), metric=job.metric)
    test_labels = train.labels if test is None else test.labels
    labeled = (hoods, train.ordered_labels(), test_labels, job.noise)
    clean = simulate_knn(*labeled, 0.0, job.k, ties=job.ties, repeats=1, random_state=job.random_state)
    truth, _ = encode_labels(test_labels, classes=clean.setting.classes, name="test_labels")
    counts = np.bincount(truth, minlength=len(clean.setting.classes))
    doubts = scale_doubts(train, job.metric) + label_doubts(hoods, train, test_labels) + class_doubts(clean, counts)
    reading = _warned(reading, doubts, tell)
    measured = None
    if job.simulate:
        stage(f"{max(job.k)} neighbors of each test sample found; voting on {job.repeats} noise draws per noise rate")
        measured = simulate_knn(
            *labeled,
            rates,
            job.k,
            placement=job.placement,
            features=train.values,
            ties=job.ties,
            repeats=job.repeats,
            random_state=job.random_state,
        )
    stage("predicting the accuracy")
    if measured is not None and measured.realized_concentrations is not None:
        predicted = predict_as_measured(*labeled, measured, model=job.model)
    else:
        predicted = predict_knn(*labeled, rates, job.k, ties=job.ties, model=job.model, concentration=rho)
    return saved(result_of(predicted, measured))


def _warned(reading: Reading, doubts: tuple[str, ...], tell: Callable[[Reading], None]) -> Reading:
    """Return what was read with further warnings, which are told as well."""
    if not doubts:
        return reading
    tell(replace(reading, warnings=doubts, files=()))
    return replace(reading, warnings=reading.warnings + doubts)
