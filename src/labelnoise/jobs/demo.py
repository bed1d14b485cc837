"""What `labelnoise demo` does on scikit-learn's bundled digits: corrupt, predict, measure, draw, and write a report.

Nearest neighbors come first, and then, where PyTorch is installed, a small network. In the end the truth is hidden:
labels are made wrong, a diagnosis finds it out, and an audit, answered by the truth, measures it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.artifacts import SCHEMA, check_overwrite, output_folder, write_json
from labelnoise.corruption import NoisyLabels, corrupt
from labelnoise.curves.measured import simulate_knn
from labelnoise.curves.predicted import predict_as_measured, predict_knn
from labelnoise.data import ImageSet, load_digits
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.diagnose import diagnose
from labelnoise.diagnosis.diagnosis import Diagnosis
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.jobs.curve import CurveResult, Stopwatch
from labelnoise.jobs.report import run_report
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.noise import NOISE_RATES, FlipNoise, NoiseModel, UniformNoise
from labelnoise.placement import KMeansCluster
from labelnoise.progress import stage
from labelnoise.report.diagnosis import save_files, save_page
from labelnoise.sweeps.run import describe
from labelnoise.validation import seed_of

if TYPE_CHECKING:
    from labelnoise.studies.recipes import Recipe
    from labelnoise.studies.run_recipes import RecipeResult

SOURCE = {"dataset": "scikit-learn digits", "metric": "euclidean"}


@dataclass(frozen=True)
class DemoSpecification:
    """What the demo runs; networks are trained twice per noise rate, or once if `repeats` is 1."""

    k: tuple[int, ...] = (5, 10, 30)
    repeats: int = 10
    ties: str = "random"
    wrong_rate: float = 0.2
    checked: int = 100
    random_state: int = 0


@dataclass(frozen=True, eq=False)
class DemoResult:
    """The three curves, the files written, the results of the networks (none without PyTorch), and the report.

    Of the diagnosis of digits with noise: what the noisy labels alone say, what the audit says, the truth, its report.
    There are no reports if none was asked for.
    """

    curves: tuple[CurveResult, ...]
    files: tuple[dict[str, Path], ...]
    networks: tuple[RecipeResult, ...]
    page: Path | None
    bracket: Estimate
    audited: Estimate
    wrong_rate: float
    diagnosis_page: Path | None


def run_demo(
    folder: str | Path,
    specification: DemoSpecification = DemoSpecification(),
    *,
    overwrite: bool = False,
    report: bool = True,
) -> DemoResult:
    """Run the demo and write everything below `folder`; results of another specification are replaced if `overwrite`.

    Unless `report` is False, a report on all results is written, and one on the diagnosis.

    Raises
    ------
    OSError
        The folder cannot be written; nothing has been computed by then.
    """
    target, options = output_folder(folder), describe(specification, whole=True)
    for name, also in (("uniform", ["index.html"]), ("flip", []), ("concentrated", [])):
        check_overwrite(target, name, {"options": options}, overwrite, also=also)
    seed = seed_of(specification.random_state)
    train, test = load_digits()
    hoods = neighbors(train.features, test.features, k=max(specification.k))
    data = f"digits, {train.features.shape[1]} pixels"

    def curve(name: str, title: str, noise: NoiseModel) -> CurveResult:
        stage(f"{name} noise: predicting, and voting on {specification.repeats} noise draws per noise rate")
        watch = Stopwatch()
        rates, k, ties = NOISE_RATES[noise.name], specification.k, specification.ties
        predicted = predict_knn(hoods, train.labels, test.labels, noise, rates, k, ties=ties)
        measured = simulate_knn(
            hoods,
            train.labels,
            test.labels,
            noise,
            rates,
            k,
            ties=ties,
            repeats=specification.repeats,
            random_state=seed,
        )
        return CurveResult(name, title, data, predicted, measured, SOURCE, watch.seconds, options)

    def concentrated_curve() -> CurveResult:
        stage(f"concentrated noise: voting on {specification.repeats} noise draws per noise rate, and predicting")
        watch = Stopwatch()
        noise, k, ties = FlipNoise.opposite(len(train.classes)), specification.k, specification.ties
        measured = simulate_knn(
            hoods,
            train.labels,
            test.labels,
            noise,
            NOISE_RATES["concentrated"],
            k,
            placement=KMeansCluster(),
            features=train.features,
            ties=ties,
            repeats=specification.repeats,
            random_state=seed,
        )
        predicted = predict_as_measured(hoods, train.labels, test.labels, noise, measured)
        return CurveResult(
            "concentrated", "Locally concentrated noise", data, predicted, measured, SOURCE, watch.seconds, options
        )

    with warnings.catch_warnings():
        # Clusters of digits differ in size; curves and tables show the noise rates that were realized.
        warnings.filterwarnings("ignore", "KMeansCluster was asked for", UserWarning)
        results = (
            curve("uniform", "Uniform noise", UniformNoise()),
            curve("flip", "Flip noise", FlipNoise()),
            concentrated_curve(),
        )
        files = tuple(result.save(target) for result in results)
        networks = _networks(target, seed, min(2, specification.repeats), overwrite)
    diagnosis, noisy, written = _diagnosis(target, train, specification, overwrite, report)
    record = {
        "schema": SCHEMA,
        "options": options,
        "true_wrong_rate": noisy.changed_rate,
        "bracket": diagnosis.bracket.summary(),
        "audited": diagnosis.wrong_rate.summary(),
    }
    write_json(record, target / "demo.json")
    page = run_report(target, overwrite=True)[1] if report else None
    return DemoResult(
        results,
        files,
        networks,
        page,
        diagnosis.bracket,
        diagnosis.wrong_rate,
        noisy.changed_rate,
        written.get("page"),
    )


def _networks(folder: Path, seed: int, repeats: int, overwrite: bool) -> tuple[RecipeResult, ...]:
    """Train a small network under flip and under concentrated noise; none without PyTorch."""
    if find_spec("torch") is None:
        return ()
    from labelnoise.studies.recipes import Heading
    from labelnoise.studies.recipes.network_curves import NetworkCurves, RegionCurves
    from labelnoise.studies.run_recipes import run_recipes
    from labelnoise.studies.runs import DataSpecification
    from labelnoise.sweeps.executors import executor_named
    from labelnoise.sweeps.store import RunStore
    from labelnoise.training import preset

    stage("training small networks, and measuring how they do")
    data = DataSpecification(name="digits")
    training = preset("digits", epochs=3, batch_size=32, step_every=1, seed=seed)

    rates = (0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5, 0.6)
    flip = NetworkCurves(data=data, training=training, noise=FlipNoise(), noise_rates=rates, repeats=repeats)
    regions = RegionCurves(data=data, training=training, noise_rates=(0.1, 0.2, 0.33, 0.5), repeats=repeats)
    recipes: list[tuple[Heading, Recipe]] = [
        (Heading("network_flip", flip.title, "It follows a curve of K-NN, and breaks near 50 %."), flip),
        (Heading("network_concentrated", regions.title, "Accuracy falls as 1 - noise rate."), regions),
    ]
    return tuple(run_recipes(recipes, "demo", folder, RunStore(folder / "runs"), executor_named(), overwrite=overwrite))


def _diagnosis(
    folder: Path, train: ImageSet, specification: DemoSpecification, overwrite: bool, report: bool
) -> tuple[Diagnosis, NoisyLabels, dict[str, Path]]:
    """Make labels wrong, diagnose them without the truth, and again with an audit that is answered by the truth."""
    seed, labels = seed_of(specification.random_state), np.asarray(train.labels)
    stage(f"diagnosis: {specification.wrong_rate:.0%} of the labels are made wrong, and found out")
    noisy = corrupt(labels, FlipNoise(), specification.wrong_rate, random_state=seed)
    found = diagnose(noisy.labels, features=train.features, random_state=seed)
    audit = Audit.draw(found, specification.checked, random_state=seed)
    answered = audit.with_answers({row: labels[row] for row in audit.samples["index"].tolist()})
    audited = replace(found, audit=answered)
    files = save_files(audited, folder / "diagnosis", overwrite=overwrite)
    return audited, noisy, {**files, "page": save_page(files["json"])} if report else files
