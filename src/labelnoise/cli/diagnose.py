"""The command that diagnoses labels of unknown quality."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelnoise.cli.diagnosis_text import print_diagnosis
from labelnoise.cli.options import (
    Classes,
    Csv,
    Executor,
    Features,
    IdColumns,
    Json,
    Metric,
    MissingLabels,
    OutputDir,
    Overwrite,
    RandomState,
    Report,
    SearchStore,
    Workers,
    print_json,
    print_reading,
    sample_source,
    search_of,
)
from labelnoise.cli.tables import records

DIAGNOSE_EXAMPLE = (
    "Examples: labelnoise diagnose --features embeddings.npy --labels labels.csv:label  |  "
    "labelnoise diagnose --features embeddings.npy --labels labels.csv:label "
    "--audit labelnoise-output/diagnose/audit.csv"
)


def diagnose(
    dataset: Annotated[
        str | None, typer.Option(help="Image set: hub id, folder in the hub's layout, or image folder.")
    ] = None,
    split: Annotated[str, typer.Option(help="With --dataset: the split to diagnose.")] = "train",
    model: Annotated[
        str | None,
        typer.Option(help="With --dataset: pretrained model of timm that computes features. Default: the pixels."),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="Local .safetensors file with the model's weights. Default: those of the hub.")
    ] = None,
    features: Features = None,
    labels: Annotated[str | None, typer.Option(help="Labels of unknown quality; FILE:NAME selects a column.")] = None,
    pred_probs: Annotated[
        str | None,
        typer.Option(
            help="Predicted probabilities of the labels, from a model that was not trained on the same sample "
            "(cross-validation); instead of features or beside them."
        ),
    ] = None,
    classes: Classes = None,
    id_columns: IdColumns = None,
    missing_label: MissingLabels = None,
    csv: Csv = None,
    audit: Annotated[
        list[str] | None,
        typer.Option(help="Audit file, filled in; several (--audit A --audit B) add up. Gives intervals."),
    ] = None,
    audit_samples: Annotated[
        int, typer.Option(help="Number of samples to draw for the next audit; a neighbor of each comes along.")
    ] = 200,
    audit_size: Annotated[
        float | None,
        typer.Option(
            help="Also say how many labels to check for an interval of the wrong rate of this width (0.06: plus or "
            "minus 3 points)."
        ),
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", "-k", help="Neighborhood size of the K-NN whose accuracy is asked for.")
    ] = None,
    metric: Annotated[Metric, typer.Option(help="Distance between features.")] = Metric.euclidean,
    plan: Annotated[
        int | None, typer.Option(help="Number of labels in the plan. Default: 5 % of them, and at least 100.")
    ] = None,
    workers: Workers = None,
    executor: Executor = None,
    store: SearchStore = None,
    relabel: Annotated[
        float | None,
        typer.Option(
            help="Also write relabeled.csv: labels replaced by the suggested class where that is at least so probable "
            "(0.9), without a person, and the share of changes that is expected to be wrong."
        ),
    ] = None,
    output_dir: OutputDir = Path("labelnoise-output/diagnose"),
    random_state: RandomState = 0,
    overwrite: Overwrite = False,
    report: Report = True,
    as_json: Json = False,
) -> None:
    """Say what is wrong with labels of unknown quality: how many, which, at what cost, what to check first.

    Writes tables, figures, a report (an HTML page), and audit.csv: samples to check by hand. With their true labels
    filled in and --audit audit.csv, the same command gives intervals that hold whatever the noise.
    """
    from labelnoise.jobs.diagnose import DiagnoseJob, run_diagnose

    search = search_of(executor, workers, store, has_features=(features or dataset) is not None)
    both = features is not None and pred_probs is not None
    samples = sample_source(
        dataset=dataset,
        features=features,
        labels=labels,
        pred_probs=None if both else pred_probs,
        classes=classes,
        id_columns=id_columns,
        missing_label=missing_label,
        csv=csv,
    )
    job = DiagnoseJob(
        samples=samples,
        pred_probs=pred_probs if both else None,
        split=split,
        model=model,
        weights=weights,
        audits=tuple(audit or ()),
        audit_samples=audit_samples,
        audit_size=audit_size,
        k=k,
        metric=metric.value,
        plan=plan,
        relabel=relabel,
        random_state=random_state,
    )
    result = run_diagnose(
        job,
        output_dir,
        lambda reading: print_reading(reading, as_json=as_json),
        overwrite=overwrite,
        report=report,
        search=search,
    )
    if not as_json:
        print_diagnosis(result)
        return
    print_json(
        {
            **result.diagnosis.summary(),
            "specification": result.specification,
            "plan": records(result.plan),
            "audit_sizes": None if result.sizes is None else records(result.sizes),
            "relabeled": None if result.relabeled is None else result.relabeled.summary(),
            "files": {kind: str(path) for kind, path in result.files.items()},
        }
    )
