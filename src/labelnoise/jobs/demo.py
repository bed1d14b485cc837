"""What `labelnoise demo` does on scikit-learn's bundled digits: corrupt, predict, measure, draw, and write a page.

Nearest neighbors come first, and then, where PyTorch is installed, a small network. In the end the truth is hidden:
labels are made wrong, a diagnosis finds it out, and an audit, answered by the truth, measures it.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.artifacts import check_overwrite, output_folder
from labelnoise.corruption import NoisyLabels, corrupt
from labelnoise.curves.measured import simulate_knn
from labelnoise.curves.predicted import predict_as_measured, predict_knn
from labelnoise.curves.tolerance import first_crossing
from labelnoise.data import ImageSet, load_digits
from labelnoise.diagnosis.audit import Audit
from labelnoise.diagnosis.diagnose import diagnose
from labelnoise.diagnosis.diagnosis import Diagnosis
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.jobs.curve import CurveResult, Stopwatch
from labelnoise.neighborhoods.neighbors import neighbors
from labelnoise.noise import NOISE_RATES, FlipNoise, NoiseModel, UniformNoise
from labelnoise.placement import KMeansCluster
from labelnoise.progress import stage
from labelnoise.report.page import Section, write_page
from labelnoise.sweeps.run import describe
from labelnoise.validation import seed_of

if TYPE_CHECKING:
    from labelnoise.studies.recipes import Outcome, Recipe
    from labelnoise.studies.run_recipes import RecipeResult

SOURCE = {"dataset": "scikit-learn digits", "metric": "euclidean"}


@dataclass(frozen=True)
class DemoSpecification:
    """What the demo runs."""

    k: tuple[int, ...] = (5, 10, 30)
    repeats: int = 10
    ties: str = "random"
    wrong_rate: float = 0.2
    checked: int = 100
    random_state: int = 0


@dataclass(frozen=True, eq=False)
class DemoResult:
    """The three curves, the files written, the results of the networks (none without PyTorch), and the page.

    Of the diagnosis of digits with noise: what the noisy labels alone say, what the audit says, the truth, its page.
    """

    curves: tuple[CurveResult, ...]
    files: tuple[dict[str, Path], ...]
    networks: tuple[RecipeResult, ...]
    page: Path
    bracket: Estimate
    audited: Estimate
    wrong_rate: float
    diagnosis_page: Path


def run_demo(
    folder: str | Path, specification: DemoSpecification = DemoSpecification(), *, overwrite: bool = False
) -> DemoResult:
    """Run the demo and write everything below `folder`; results of another specification are replaced if `overwrite`.

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
        networks = _networks(target, seed, overwrite)
    diagnosis, noisy, written = _diagnosis(target, train, specification, overwrite)
    sections = [_section(result, written) for result, written in zip(results, files, strict=True)]
    page = write_page(
        target / "index.html",
        "What label noise does to a classifier",
        _lead(results, networks),
        [
            *sections,
            *(_network_section(n, n.outcome) for n in networks if n.outcome is not None),
            _diagnosis_section(diagnosis, noisy, written),
        ],
    )
    return DemoResult(
        results, files, networks, page, diagnosis.bracket, diagnosis.wrong_rate, noisy.changed_rate, written["page"]
    )


def _lead(results: Sequence[CurveResult], networks: Sequence[RecipeResult]) -> str:
    """Say what the curves and the networks show, from their numbers."""
    kept, ends, k = [], [], 0
    for result in results:
        measured = result.measured
        assert measured is not None
        rates, accuracy = measured.realized_noise_rates, measured.accuracy[:, -1]
        title, most, k = result.title.lower(), rates.argmax(), int(measured.k[-1])
        if rates[0] > 0:
            ends.append(f"{rates[most]:.0%} of {title} leave an accuracy of {accuracy[most]:.0%}.")
            continue
        tolerated = first_crossing(rates, accuracy, 0.9 * accuracy[0])
        least = "at least " if tolerated == rates[most] else ""
        kept.append(f"up to {least}{tolerated:.0%} of {title}")
    apart = max(result.largest_difference() or 0.0 for result in results)
    near = [
        f"{100 * network.outcome.values['mean_difference']:.1f}" for network in networks if network.outcome is not None
    ]
    return (
        f"The lines were computed without drawing one noisy label; the points are real votes on really corrupted "
        f"labels, at most {apart:.1f} points from the lines. K-NN with K = {k} keeps nine "
        f"tenths of its accuracy at {' and '.join(kept)}. {' '.join(ends)}"
        + (f" Networks lie on average {' and '.join(near)} points from what is expected of them." if near else "")
    )


def _networks(folder: Path, seed: int, overwrite: bool) -> tuple[RecipeResult, ...]:
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
    flip = NetworkCurves(data=data, training=training, noise=FlipNoise(), noise_rates=rates, repeats=2)
    regions = RegionCurves(data=data, training=training, noise_rates=(0.1, 0.2, 0.33, 0.5), repeats=2)
    recipes: list[tuple[Heading, Recipe]] = [
        (Heading("network_flip", flip.title, "It follows a curve of K-NN, and breaks near 50 %."), flip),
        (Heading("network_concentrated", regions.title, "Accuracy falls as 1 - noise rate."), regions),
    ]
    return tuple(run_recipes(recipes, "demo", folder, RunStore(folder / "runs"), executor_named(), overwrite=overwrite))


def _diagnosis(
    folder: Path, train: ImageSet, specification: DemoSpecification, overwrite: bool
) -> tuple[Diagnosis, NoisyLabels, dict[str, Path]]:
    """Make labels wrong, diagnose them without the truth, and again with an audit that is answered by the truth."""
    seed, labels = seed_of(specification.random_state), np.asarray(train.labels)
    stage(f"diagnosis: {specification.wrong_rate:.0%} of the labels are made wrong, and found out")
    noisy = corrupt(labels, FlipNoise(), specification.wrong_rate, random_state=seed)
    found = diagnose(noisy.labels, features=train.features, random_state=seed)
    audit = Audit.draw(found, specification.checked, random_state=seed)
    answered = audit.with_answers({row: labels[row] for row in audit.samples["index"].tolist()})
    audited = replace(found, audit=answered)
    return audited, noisy, audited.save(folder / "diagnosis", overwrite=overwrite)


def _diagnosis_section(found: Diagnosis, noisy: NoisyLabels, files: dict[str, Path]) -> Section:
    bracket, interval = found.bracket, found.wrong_rate
    text = (
        f"Here the truth is known: flip noise made {noisy.changed_rate:.1%} of the training labels wrong. Noisy labels "
        f"alone say {bracket.value:.1%} ({bracket.low:.1%} to {bracket.high:.1%}). A person who checks "
        f"{interval.n_checked} of them, drawn with known probabilities, finds {interval.value:.1%} "
        f"({interval.low:.1%} to {interval.high:.1%}), whatever the noise."
    )
    linked = tuple(files[name] for name in ("page", "json", "samples", "plan") if name in files)
    return Section(
        "What noise is in labels whose truth is not known", text, files["wrong_rate"], files=linked, alt=text
    )


def _network_section(result: RecipeResult, outcome: Outcome) -> Section:
    drawing = next(path for path in result.files if path.suffix == ".svg")
    text = f"Expected: {result.heading.statement} Here: {outcome.finding}"
    return Section(result.heading.title, text, drawing, outcome.tables[""], result.files)


def _section(result: CurveResult, files: dict[str, Path]) -> Section:
    return Section(
        title=result.title,
        text=f"Largest difference between measured mean and prediction: {result.largest_difference():.1f} points.",
        figure=files["svg"],
        table=result.table(),
        files=tuple(files.values()),
    )
