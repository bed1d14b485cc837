"""Write a diagnosis to a folder: JSON, tables, the samples to check next, figures, and a report that shows them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.artifacts import StrPath, check_overwrite, output_folder, write_figure, write_json, write_table
from labelnoise.diagnosis.auditing.next_audit import must_be_kept, next_name, write_next_audit
from labelnoise.diagnosis.consequences import most_confused
from labelnoise.diagnosis.embedding import embedding_table
from labelnoise.diagnosis.explained import explain
from labelnoise.diagnosis.headline import headline
from labelnoise.diagnosis.relabeling.plan import RelabelingPlan, default_plan_size
from labelnoise.report.page import write_report
from labelnoise.report.parts import summary_of
from labelnoise.report.results import read_result
from labelnoise.validation import check_count

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from labelnoise.diagnosis.diagnosis import Diagnosis
    from labelnoise.diagnosis.relabeling.automatic import Relabeled
    from labelnoise.diagnosis.relabeling.cost import CleaningCurve

NAME = "diagnosis"
PAGE = "index.html"
TABLES = ("samples", "regions", "checks", "plan", "cleaning", "transition_matrix", "embedding")
RELABELED = "relabeled"
"""The table that is written on request only."""
FIGURES = ("wrong_rate", "confusion", "suspicion", "accuracy_gained")
_MOST_CLASSES = 20  # Of more classes, the figure of T shows those that are confused most.


def save_diagnosis(
    found: Diagnosis,
    folder: StrPath,
    *,
    overwrite: bool = False,
    n_plan: int | None = None,
    n_audit: int = 200,
    relabeled: Relabeled | None = None,
) -> dict[str, Path]:
    """Write JSON, tables, figures, the samples to check next and the report, and return their paths.

    Without neighbors there is no plan, no table of regions and no figure of what cleaning gains.

    Parameters
    ----------
    found : Diagnosis
        What to write.
    folder : path
        Made if it is missing.
    overwrite : bool, default False
        Whether results of other labels in the folder are replaced.
    n_plan : int, optional
        Number of labels in the plan; `default_plan_size` unless given.
    n_audit : int, default 200
        Number of samples in the next audit.
    relabeled : Relabeled, optional
        What `Diagnosis.relabel` returned, which is written as the table ``relabeled``.

    Returns
    -------
    dict of str to Path
        ``page``, ``json``, ``audit`` (the samples to check next; missing if all are checked), and each table and figure
        by its name: of tables the CSV file, of figures the SVG file. The others lie beside them.

    Raises
    ------
    ValueError, TypeError
        `n_plan` is larger than the number of labels, or one of the numbers is none.
    FileExistsError
        The folder holds results of other labels, and `overwrite` is False; or the audit's file is something else.
    OSError
        The folder cannot be written.
    """
    files = save_files(found, folder, overwrite=overwrite, n_plan=n_plan, n_audit=n_audit, relabeled=relabeled)
    return {**files, "page": save_page(files["json"])}


def save_files(
    found: Diagnosis,
    folder: StrPath,
    *,
    overwrite: bool = False,
    n_plan: int | None = None,
    n_audit: int = 200,
    relabeled: Relabeled | None = None,
) -> dict[str, Path]:
    """Write what `save_diagnosis` writes, without the report; an earlier one, of other figures, is deleted."""
    size = len(found.data.codes)
    least = default_plan_size(size) if n_plan is None else n_plan
    n_plan = check_count(least, "n_plan", most=size, most_is="the number of labeled samples")
    n_audit = check_count(n_audit, "n_audit")
    target = output_folder(folder)
    also = [PAGE, *(f"{name}.{kind}" for name in (*TABLES, RELABELED) for kind in ("parquet", "csv"))]
    also += [f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg", "pdf")]
    check_overwrite(target, NAME, {"fingerprint": found.data.fingerprint}, overwrite, also=also)
    must_be_kept(target / next_name(found.audit), found.audit)  # This raises an error over a file that is no audit.
    has_neighbors = found.data.neighbors is not None
    plan = found.relabeling_plan(n_plan) if has_neighbors else None
    curves = [] if plan is None else _curves(found, plan)
    tables = _tables(found, plan, curves)
    if relabeled is not None:
        tables[RELABELED] = _relabeled_table(found, relabeled)
    files = {"json": write_json({**found.summary(), "explained": explain(found, plan)}, target / f"{NAME}.json")}
    (target / PAGE).unlink(missing_ok=True)
    for name, table in tables.items():
        files[name] = write_table(table, target / name)[1]
    for name, figure in _figures(found, curves, n_plan):
        files[name] = next(path for path in write_figure(figure, target / name) if path.suffix == ".svg")
    for name in (*TABLES, RELABELED, *FIGURES):
        if name not in files:  # An earlier diagnosis of these labels, by features, may have written it.
            for kind in ("parquet", "csv", "png", "svg", "pdf"):
                (target / f"{name}.{kind}").unlink(missing_ok=True)
    audit = write_next_audit(found, target, n_audit)
    if audit is not None:
        files["audit"] = audit
    return files


def save_page(record: Path) -> Path:
    """Write the report of a diagnosis beside its JSON file, from the files that are there, and return its path."""
    return write_report(summary_of([read_result(record)]), record.with_name(PAGE), overwrite=True)


def _curves(found: Diagnosis, plan: RelabelingPlan) -> list[CleaningCurve]:
    """Return what is gained in the plan's order, by gain, and at random."""
    names = dict.fromkeys(("gain", plan.order, "random"))
    return [plan.curves[name] if name in plan.curves else found.cleaning_curve(name) for name in names]


def _tables(found: Diagnosis, plan: RelabelingPlan | None, curves: list[CleaningCurve]) -> dict[str, pd.DataFrame]:
    """Return the tables by name."""
    import pandas as pd

    n_classes, names = found.data.n_classes, found.data.classes
    true, given = np.divmod(np.arange(n_classes**2), n_classes)
    matrix = {"true_label": names[true], "given_label": names[given], "probability": found.transition_matrix.ravel()}
    tables = {
        "embedding": embedding_table(found),
        "samples": found.samples,
        "checks": found.checks,
        "transition_matrix": pd.DataFrame(matrix),
    }
    if plan is not None:
        cleaning = pd.concat([curve.to_frame() for curve in curves], ignore_index=True)
        tables |= {"regions": found.regions, "plan": plan.samples, "cleaning": cleaning}
    return tables


def _relabeled_table(found: Diagnosis, relabeled: Relabeled) -> pd.DataFrame:
    """Return one row per labeled sample: index, given_label, label and whether it was changed."""
    import pandas as pd

    rows = found.data.rows
    columns = {"index": rows, "given_label": found.data.given_labels, "label": relabeled.labels[rows]}
    return pd.DataFrame({**columns, "changed": relabeled.changed[rows]})


def _figures(found: Diagnosis, curves: list[CleaningCurve], n_plan: int) -> Iterable[tuple[str, Figure]]:
    """Draw the figures one after the other, with their names."""
    from labelnoise.figures.diagnosis import cleaning_figure, suspicion_figure, transition_figure, wrong_rate_figure

    data = f"{len(found.data.codes):,} labels of {found.data.n_classes} classes, seed {found.seed}"
    rates = [("Noisy labels alone", found.bracket, f"Assumes that {found.bracket.assumption}.")]
    if found.too_weak:
        rates = [("Noisy labels alone", found.bracket, f"Not known, since {found.bracket.assumption}.")]
    if found.audit is not None:
        name, assumed = f"{found.audit.n_checked:,} checked labels", found.wrong_rate.assumption
        rates.append((name, found.wrong_rate, f"Assumes that {assumed}."))
    yield "wrong_rate", wrong_rate_figure(rates, title=headline(found), caption=data)
    shown = most_confused(found, _MOST_CLASSES)
    parts = [data, "rows: true class; in the cells: percent of its labels that say the class of the column"]
    if len(shown) < found.data.n_classes:
        parts.append(f"the {len(shown)} classes of which most labels are confused")
    matrix, names = found.transition_matrix[np.ix_(shown, shown)], found.data.classes[shown].tolist()
    yield (
        "confusion",
        transition_figure(matrix, names, title="Which label is given for which", caption="; ".join(parts)),
    )
    wrong = found.samples["wrong_probability"].to_numpy()
    suspected = found.posterior.argmax(axis=1) != found.data.codes
    parts = [data, "suspected: another class is more probable than the given one"]
    yield (
        "suspicion",
        suspicion_figure(wrong, suspected, title="How probable it is that a label is wrong", caption="; ".join(parts)),
    )
    if curves:
        parts = [data, "bands: 95 % intervals, which hold if the probabilities of wrong labels are right"]
        yield (
            "accuracy_gained",
            cleaning_figure(
                curves,
                n_shown=min(len(found.data.codes), max(2 * n_plan, len(found.data.codes) // 5)),
                title="What checking labels gains",
                caption="; ".join(parts),
            ),
        )
