"""The commands about curves: demo, curve, corrupt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from labelnoise.cli.options import (
    Classes,
    Csv,
    Dataset,
    Executor,
    Features,
    IdColumns,
    Json,
    Mapping,
    Metric,
    MissingLabels,
    Model,
    Noise,
    OutputDir,
    Overwrite,
    PartlyFailedError,
    PlacementOption,
    RandomState,
    Report,
    SearchStore,
    TestFeatures,
    TestLabels,
    TestSplit,
    Ties,
    Workers,
    accuracies,
    csv_options,
    missing_labels,
    names,
    noise_of,
    numbers,
    placement_of,
    print_json,
    print_reading,
    rates,
    sample_source,
    say,
    search_of,
    written,
)
from labelnoise.cli.recipes import print_result
from labelnoise.cli.report import check_report, write_report
from labelnoise.cli.tables import network_text, print_curve, result_record, tolerance_text

DEMO_EXAMPLE = "Example: labelnoise demo --output-dir labelnoise-output/demo"
CURVE_EXAMPLE = (
    "Examples: labelnoise curve --dataset mnist --noise flip --k 10,30,100 --simulate  |  "
    "labelnoise curve --pred-probs probs.npy --labels labels.npy --noise uniform --k 30 --network-accuracy 0.8:0.79"
)
CORRUPT_EXAMPLE = "Example: labelnoise corrupt --labels labels.npy --noise flip --noise-rate 0.3 --output-dir noisy"


def demo(
    output_dir: OutputDir = Path("labelnoise-output/demo"),
    repeats: Annotated[int, typer.Option(help="Noise draws per noise rate.")] = 10,
    random_state: RandomState = 0,
    overwrite: Overwrite = False,
    report: Report = True,
    as_json: Json = False,
) -> None:
    """Run the main job on bundled digits: corrupt labels, predict and measure accuracy, and draw both.

    The noise is uniform, flip and locally concentrated; nearest neighbors vote at several K, and a small network is
    trained. Then labels are made wrong, diagnosed without the truth, and audited. The results are tables, figures and
    HTML pages.
    """
    from labelnoise.artifacts import SCHEMA
    from labelnoise.jobs.demo import DemoSpecification, run_demo

    specification = DemoSpecification(repeats=repeats, random_state=random_state)
    result = run_demo(output_dir, specification, overwrite=overwrite, report=report)
    if as_json:
        records = [result_record(c, f) for c, f in zip(result.curves, result.files, strict=True)]
        networks = [network.summary() for network in result.networks]
        diagnosis = {
            "wrong_rate": result.wrong_rate,
            "bracket": result.bracket.summary(),
            "audited": result.audited.summary(),
            "page": None if result.diagnosis_page is None else str(result.diagnosis_page),
        }
        print_json(
            {
                "schema": SCHEMA,
                "curves": records,
                "networks": networks,
                "diagnosis": diagnosis,
                "page": None if result.page is None else str(result.page),
            }
        )
    else:
        for curve_result in result.curves:
            print_curve(curve_result)
        for network in result.networks:
            print_result(network)
        if not result.networks:
            say("PyTorch is not installed, so no network was trained: pip install 'labelnoise\\[cnn]'")
        say(
            f"\nDiagnosis of labels of which {result.wrong_rate:.1%} are wrong: between {result.bracket.low:.1%} and "
            f"{result.bracket.high:.1%} by the noisy labels alone; {result.audited.value:.1%} "
            f"({result.audited.low:.1%} to {result.audited.high:.1%}) with {result.audited.n_checked} checked."
        )
        if result.diagnosis_page is not None:
            say(written("Its report", result.diagnosis_page))
        if result.page is not None:
            say("\n" + written("Report", result.page))
    problems = [problem for network in result.networks for problem in network.problems]
    if problems:
        raise PartlyFailedError(f"the demo's networks failed: {' | '.join(problems)}")


def curve(
    dataset: Dataset = None,
    features: Features = None,
    labels: Annotated[
        str | None, typer.Option(help="Clean training labels; with --pred-probs, the true labels of its rows.")
    ] = None,
    test_features: TestFeatures = None,
    test_labels: TestLabels = None,
    pred_probs: Annotated[
        str | None,
        typer.Option(help="Predicted probabilities of a network trained on clean labels, instead of features."),
    ] = None,
    classes: Classes = None,
    id_columns: IdColumns = None,
    missing_label: MissingLabels = None,
    csv: Csv = None,
    test_split: TestSplit = None,
    noise: Noise = "uniform",
    mapping: Mapping = None,
    noise_rates: Annotated[
        str | None, typer.Option(help="Fractions of labels selected, such as 0,0.2,0.4. Default: those of the paper.")
    ] = None,
    k: Annotated[str, typer.Option("--k", "-k", help="Neighborhood sizes, such as 10,30,100.")] = "10,30,100",
    ties: Annotated[
        Ties, typer.Option(help="Which label wins a tie: one at random, the lowest class, or none (strict).")
    ] = Ties.random,
    model: Annotated[
        Model, typer.Option(help="Whether neighbors' clean labels are as given (finite), or drawn as in Eq. 2 (iid).")
    ] = Model.finite,
    concentration: Annotated[
        float | None,
        typer.Option(
            help="Concentration: 0 spread, 1 in whole regions. Default: 0.5 with --placement concentrated, else 0."
        ),
    ] = None,
    metric: Annotated[Metric, typer.Option(help="Distance between features.")] = Metric.euclidean,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Also measure the accuracy, by votes on corrupted labels.")
    ] = False,
    placement: PlacementOption = None,
    repeats: Annotated[int, typer.Option(help="Noise draws per noise rate, with --simulate.")] = 10,
    target: Annotated[
        float | None, typer.Option(help="Also find the noise rate at which this accuracy is lost, such as 0.9.")
    ] = None,
    network_accuracy: Annotated[
        str | None,
        typer.Option(
            help="With --pred-probs: the network's accuracy after one or two noisy trainings, as RATE:ACCURACY,... "
            "Finds its effective K and predicts its whole curve."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the files that are written.")] = "curve",
    title: Annotated[str, typer.Option(help="Title of the figure.")] = "",
    workers: Workers = None,
    executor: Executor = None,
    store: SearchStore = None,
    output_dir: OutputDir = Path("labelnoise-output/curve"),
    random_state: RandomState = 0,
    overwrite: Overwrite = False,
    report: Report = False,
    as_json: Json = False,
) -> None:
    """Compute accuracy over noise rate and K: predicted, and with --simulate also measured."""
    from labelnoise.jobs.curve import CurveJob, run_curve

    check_report(report, output_dir, overwrite)
    search = search_of(executor, workers, store, has_features=pred_probs is None)
    samples = sample_source(
        dataset=dataset,
        features=features,
        labels=labels,
        test_features=test_features,
        test_labels=test_labels,
        pred_probs=pred_probs,
        classes=classes,
        id_columns=id_columns,
        missing_label=missing_label,
        csv=csv,
        test_split=test_split,
    )
    job = CurveJob(
        noise=noise_of(noise, mapping, csv),
        samples=samples,
        k=tuple(dict.fromkeys(numbers(k, "--k", int))),
        noise_rates=None if noise_rates is None else tuple(rates(noise_rates, "--noise-rates")),
        ties=ties.value,
        model=model.value,
        concentration=concentration,
        metric=metric.value,
        simulate=simulate,
        placement=placement_of(placement, concentration, predicted=not simulate),
        repeats=repeats,
        random_state=random_state,
        target=target,
        network_accuracy=() if network_accuracy is None else tuple(accuracies(network_accuracy, "--network-accuracy")),
        name=name,
        title=title,
    )
    result, files = run_curve(
        job, output_dir, lambda reading: print_reading(reading, as_json=as_json), overwrite=overwrite, search=search
    )
    if report:
        files["report"] = write_report(output_dir, overwrite)
    if as_json:
        print_json(result_record(result, files))
        return
    print_curve(result)
    for row in result.tolerances():
        say(f"K = {row['k']}: {tolerance_text(row, result.target)}")
    if result.network is not None:
        say(network_text(result.network))
    say("The accuracies assume that the given labels are clean.")
    say("\n" + written("Figure", files["png"]) + "\n" + written("Table", files["csv"]))
    if report:
        say(written("Report", files["report"]))


def corrupt(
    labels: Annotated[str, typer.Option(help="File of clean labels; FILE:NAME selects an array or column.")],
    noise_rate: Annotated[float, typer.Option(help="Fraction of labels selected, in [0, 1].")],
    noise: Noise = "uniform",
    mapping: Mapping = None,
    placement: PlacementOption = None,
    concentration: Annotated[
        float | None,
        typer.Option(help="Concentration of --placement concentrated: 0 spread, 1 in whole regions. Default: 0.5."),
    ] = None,
    features: Annotated[str | None, typer.Option(help="Features; every placement except spread needs them.")] = None,
    classes: Classes = None,
    id_columns: IdColumns = None,
    missing_label: MissingLabels = None,
    csv: Csv = None,
    spreadsheet: Annotated[
        bool,
        typer.Option(
            "--spreadsheet",
            help="Write an apostrophe before class names in the CSV that a spreadsheet would take for a formula.",
        ),
    ] = False,
    output_dir: OutputDir = Path("labelnoise-output/corrupt"),
    random_state: RandomState = 0,
    overwrite: Overwrite = False,
    report: Report = False,
    as_json: Json = False,
) -> None:
    """Make noisy labels from clean ones, and record what was changed."""
    from labelnoise.artifacts import SCHEMA, check_overwrite, output_folder, write_json, write_table
    from labelnoise.corruption import corrupt as corrupt_labels
    from labelnoise.data import read_data
    from labelnoise.validation import check_noise_rate

    check_report(report, output_dir, overwrite)
    check_noise_rate(noise_rate)
    model, where = noise_of(noise, mapping, csv), placement_of(placement, concentration)
    data = read_data(
        labels,
        features=features,
        classes=classes,
        id_columns=names(id_columns),
        missing_labels=missing_labels(missing_label),
        csv=csv_options(csv),
    )
    print_reading(data.reading, as_json=as_json)
    clean, located = data.ordered_labels(), data.values
    options = {
        "labels": labels,
        "features": features,
        "classes": classes,
        "id_columns": id_columns,
        "missing_label": missing_label,
        "csv": csv,
        "spreadsheet": spreadsheet,
        "noise": model.parameters(),
        "noise_rate": noise_rate,
        "placement": where.parameters(),
        "random_state": random_state,
    }
    folder = output_folder(output_dir)
    check_overwrite(folder, "noisy_labels", {"options": options}, overwrite)
    noisy = corrupt_labels(clean, model, noise_rate, placement=where, features=located, random_state=random_state)
    noisy = replace(noisy, rows=data.rows)
    record = {
        "schema": SCHEMA,
        "options": options,
        "labels": labels,
        "features": features,
        "reading": data.reading.summary(),
        **noisy.summary(),
    }
    specification = write_json(record, folder / "noisy_labels.json")
    saved = noisy.save(folder / "noisy_labels.npz")
    parquet, table = write_table(noisy.to_frame(), folder / "noisy_labels", spreadsheets=spreadsheet)
    files = {"npz": saved, "parquet": parquet, "csv": table, "json": specification}
    if report:
        files["report"] = write_report(folder, overwrite)
    if as_json:
        print_json({**record, "files": {kind: str(path) for kind, path in files.items()}})
        return
    rho = noisy.concentration
    realized = "" if rho is None else f"concentration {rho:.3f} (requested {where.parameters()['concentration']:g}), "
    say(
        f"{len(noisy.labels):,} labels of {len(noisy.classes)} classes, {noisy.noise['name']} noise, "
        f"{noisy.placement['name']} placement\n"
        f"selected {noisy.noise_rate:.4f} (requested {noise_rate:g}), changed {noisy.changed_rate:.4f}, "
        f"{realized}seed {noisy.seed}\n" + written("Labels", table) + "\n" + written("Record", saved)
    )
    if report:
        say(written("Report", files["report"]))
