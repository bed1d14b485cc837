"""What `labelnoise diagnose` does: read samples and audits, diagnose the labels, write tables, figures and a report."""

from __future__ import annotations

import functools
import operator
import platform
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import SCHEMA, output_folder, write_json
from labelnoise.data.reading import Reading
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audit_size import WIDTHS, audit_sizes
from labelnoise.diagnosis.auditing.next_audit import must_be_kept, next_name
from labelnoise.diagnosis.diagnose import Origin, diagnose_rows
from labelnoise.diagnosis.diagnosis import Diagnosis
from labelnoise.diagnosis.relabeling.automatic import Relabeled
from labelnoise.diagnosis.relabeling.plan import default_plan_size
from labelnoise.jobs.curve import Stopwatch
from labelnoise.jobs.image_samples import read_network_features, read_pixels
from labelnoise.jobs.samples import NeighborSearch, SampleSource
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.progress import stage
from labelnoise.report.diagnosis import save_files, save_page
from labelnoise.sweeps.run import describe
from labelnoise.validation import check_count, check_fraction

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DiagnoseJob:
    """What to diagnose, and how.

    Attributes
    ----------
    samples : SampleSource
        Labels with features, predicted probabilities or images.
    pred_probs : str, optional
        Out-of-sample probabilities beside the features of `samples`.
    split : str
        The split of an image set.
    model, weights : str, optional
        A pretrained network that computes the features of an image set, and a local file of its weights. Without them
        the pixels are the features.
    audits : tuple of str
        Answered audit files, which add up.
    audit_samples : int
        Number of samples to draw for the next audit.
    audit_size : float, optional
        Wanted width of the interval of the wrong rate, for which the number of checks is asked.
    k : int, optional
        Neighborhood size.
    metric : str
        Distance between features.
    plan : int, optional
        Number of rows of the plan; by default 5 % of the labels, and at least 100.
    relabel : float, optional
        Labels are replaced where the suggested class is at least so probable, in a table of their own.
    random_state : int
        Seed of all draws.
    """

    samples: SampleSource
    pred_probs: str | None = None
    split: str = "train"
    model: str | None = None
    weights: str | None = None
    audits: tuple[str, ...] = ()
    audit_samples: int = 200
    audit_size: float | None = None
    k: int | None = None
    metric: str = "euclidean"
    plan: int | None = None
    relabel: float | None = None
    random_state: int = 0

    def check(self) -> None:
        """Raise a ValueError unless the options go together; no file is opened."""
        self.samples.check()
        if self.samples.test_features is not None:
            raise ValueError("--test-features is no option of diagnose, which judges the labels of one set of samples.")
        for name in ("model", "weights"):
            if getattr(self, name) is not None and self.samples.dataset is None:
                raise ValueError(
                    f"--{name} computes features of an image set: give it with --dataset, or leave it out."
                )
        if self.weights is not None and self.model is None:
            raise ValueError("--weights are those of a network: name it with --model.")
        if self.split != "train" and self.samples.dataset is None:
            raise ValueError("--split names a split of an image set: give it with --dataset, or leave it out.")
        if self.audit_size is not None and not 0 < self.audit_size < 1:
            raise ValueError(
                f"--audit-size must be a width between 0 and 1, such as 0.06 for plus or minus 3 points; got "
                f"{self.audit_size:g}."
            )
        if self.relabel is not None:
            check_fraction(self.relabel, "--relabel")
        for name in ("audit_samples", "k", "plan"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), f"--{name.replace('_', '-')}")

    def options(self) -> dict[str, Any]:
        """Return all options in one level, ready for JSON."""
        options = describe(self, whole=True)
        samples = options.pop("samples")
        given = {name: value for name, value in samples.items() if not name.startswith("test_")}
        return {**options, **given, "pred_probs": self.pred_probs or self.samples.pred_probs}


@dataclass(frozen=True, eq=False)
class DiagnoseResult:
    """A diagnosis, what it was made from, and the files written.

    Attributes
    ----------
    diagnosis : Diagnosis
        The diagnosis.
    readings : tuple of Reading
        What was read.
    plan : data frame
        The labels to check first: the plan, or without neighbors the most suspicious samples.
    order : str
        The order of the plan: "gain", "region" or "suspicion".
    sizes : data frame or None
        How many labels to check for some widths, where this was asked for.
    relabeled : Relabeled or None
        The labels after automatic relabeling, where this was asked for.
    next_audit : Path or None
        The file of samples to check next.
    files : dict of str to Path
        All files.
    specification : dict
        Options, what was read, versions; content of ``specification.json``.
    """

    diagnosis: Diagnosis
    readings: tuple[Reading, ...]
    plan: pd.DataFrame
    order: str
    sizes: pd.DataFrame | None
    relabeled: Relabeled | None
    next_audit: Path | None
    files: dict[str, Path]
    specification: dict[str, Any]


def run_diagnose(
    job: DiagnoseJob,
    folder: str | Path,
    tell: Callable[[Reading], None] = lambda _: None,
    *,
    overwrite: bool = False,
    report: bool = True,
    search: NeighborSearch = neighbors,
) -> DiagnoseResult:
    """Diagnose the labels, and write everything below `folder`.

    Parameters
    ----------
    job : DiagnoseJob
        What to diagnose.
    folder : path
        Where the files go. The same labels may be diagnosed again into it, for instance with an audit.
    tell : callable
        Is given what was read, before the work, and what Python warned of afterwards.
    overwrite : bool
        Whether results of other labels in `folder` are replaced. Answers in audit files never are.
    report : bool
        Whether the report is written.
    search : callable
        `labelnoise.neighbors`, or the same with an executor and a store.

    Raises
    ------
    ValueError, TypeError
        Bad input, found before the work where that is possible.
    OSError
        A file cannot be read, or the folder cannot be written; nothing has been computed by then.
    """
    job.check()
    target = output_folder(folder)
    watch = Stopwatch()
    audits = [Audit.read_csv(path) for path in job.audits]
    audit = functools.reduce(operator.add, audits) if audits else None
    must_be_kept(target / next_name(audit), audit)  # A file that is no audit is an error before the work.
    samples = _read(job, target, overwrite)
    for reading in samples.readings:
        tell(reading)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        found = diagnose_rows(
            samples.labels,
            samples.origin,
            features=samples.features,
            pred_probs=samples.pred_probs,
            audit=audit,
            k=job.k,
            classes=samples.classes,
            metric=job.metric,
            random_state=job.random_state,
            search=search,
        )
        relabeled = None if job.relabel is None else found.relabel(job.relabel)
        stage("writing tables and figures")
        files = save_files(
            found,
            target,
            overwrite=overwrite,
            n_plan=job.plan,
            n_audit=job.audit_samples,
            relabeled=relabeled,
        )
    said = tuple(dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning))
    if said:
        tell(replace(samples.readings[0], files=(), warnings=said))
    specification = {
        "schema": SCHEMA,
        "options": job.options(),
        "reading": [reading.summary() for reading in samples.readings],
        "warnings": said,
        "seconds": round(watch.seconds, 3),
        "versions": {package: version(package) for package in ("labelnoise", "numpy", "numba", "scikit-learn")},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    files["specification"] = write_json(specification, target / "specification.json")
    if report:
        stage("writing the report")
        files["page"] = save_page(files["json"])
    widths = None if job.audit_size is None else sorted({*WIDTHS, job.audit_size})
    plan, order = _plan(found, job.plan)
    return DiagnoseResult(
        diagnosis=found,
        readings=samples.readings,
        plan=plan,
        order=order,
        sizes=None if widths is None else audit_sizes(found.noise, widths),
        relabeled=relabeled,
        next_audit=files.get("audit"),
        files=files,
        specification=specification,
    )


class _Samples(NamedTuple):
    """Labels with what they are judged by, where they come from, and what was read."""

    labels: Any
    classes: NDArray[Any] | None
    features: Any
    pred_probs: Any
    origin: Origin
    readings: tuple[Reading, ...]


def _read(job: DiagnoseJob, folder: Path, overwrite: bool) -> _Samples:
    """Read the samples of a job."""
    dataset, paths = job.samples.dataset, None
    if dataset is None:
        data = job.samples.read_training_files()
    elif job.model is None:
        data, paths = read_pixels(dataset, job.split)
    else:
        data, paths = read_network_features(
            dataset, job.split, job.model, job.weights, folder / "features", overwrite=overwrite
        )
    n_rows = data.reading.rows + data.reading.dropped
    origin = Origin(np.arange(n_rows) if data.rows is None else data.rows, n_rows, paths)
    if job.samples.pred_probs is None and job.pred_probs is None:
        return _Samples(data.labels, data.classes, data.values, None, origin, (data.reading,))
    features = None
    readings: tuple[Reading, ...] = (data.reading,)
    if job.pred_probs is not None:
        features = data.values
        source = replace(job.samples, features=None, id_columns=None, pred_probs=job.pred_probs)
        data = source.read_training_files()
        readings = (*readings, data.reading)
    pred_probs = data.values if data.classes is None else np.asarray(data.values)
    return _Samples(data.labels, data.classes, features, pred_probs, origin, readings)


def _plan(found: Diagnosis, n: int | None) -> tuple[pd.DataFrame, str]:
    """Return the labels to check first and their order: the plan's, or without neighbors the most suspicious first."""
    samples = found.samples
    size = min(len(samples), default_plan_size(len(samples)) if n is None else n)
    if found.data.neighbors is None:
        unanswered = samples[~found.answered]
        ordered = unanswered.sort_values("wrong_probability", ascending=False, kind="stable")
        return ordered.head(size).reset_index(drop=True), "suspicion"
    plan = found.relabeling_plan(size)
    return plan.samples, plan.order
