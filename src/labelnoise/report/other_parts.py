"""The parts of a report on corrupted labels, on a recipe, and on what the demo compares with the truth."""

from __future__ import annotations

import numpy as np

from labelnoise.report.curve_part import COLUMNS, curve_alt, curve_plot
from labelnoise.report.plots import MatrixPlot, RangePlot
from labelnoise.report.results import FoundResult
from labelnoise.report.summary import Number, Part, Section
from labelnoise.report.texts import made_facts, option_facts, percent, plain_table, reading_facts, share_range

MOST_CLASSES = 20
"""Of more classes, a matrix shows those that are confused most."""
_MOST_ROWS = 200
_VERDICTS = {True: "agrees", False: "differs", None: "not judged"}


def corruption_part(result: FoundResult) -> Part:
    """Return the part on a result of labelnoise corrupt."""
    import pandas as pd

    record = result.record
    labels = result.table(result.name, ("label", "clean_label", "changed"))
    names = sorted({*labels["label"].astype(str), *labels["clean_label"].astype(str)})
    counts = pd.crosstab(labels["clean_label"].astype(str), labels["label"].astype(str))
    matrix = counts.reindex(index=names, columns=names, fill_value=0).to_numpy(float)
    changed, selected, rho = record["changed_rate"], record["noise_rate"], record.get("concentration")
    noise, placement = record["noise"]["name"], record["placement"]["name"]
    third = (
        Number("classes", f"{record['n_classes']:,}", f"{record['n_samples']:,} labels")
        if rho is None
        else Number("concentration (rho)", f"{rho:.2f}", "0: spread, 1: in whole regions")
    )
    plot = matrix_plot(matrix, names, "clean label", "noisy label")
    facts = [
        *reading_facts(record.get("reading")),
        *option_facts(record.get("options")),
        ("seed", str(record.get("seed"))),
        *made_facts(record),
    ]
    sections = (
        Section(
            "Which label became which",
            "The share of labels of the class in the row that now say the class of the column."
            + _shown(len(plot.names), len(names)),
            plot,
            alt=matrix_alt(plot),
        ),
        Section(
            "How it was made",
            facts=tuple(facts),
            files=result.files(*(f"{result.name}.{kind}" for kind in ("csv", "parquet", "npz", "json"))),
        ),
    )
    answer = f"{noise.capitalize()} noise changed {percent(changed)} of {record['n_samples']:,} labels"
    numbers = (
        Number("labels changed", percent(changed), "their class is another one"),
        Number("labels selected", percent(selected), f"asked for: {percent(record['asked_noise_rate'])}"),
        third,
    )
    return Part("corruption", f"Corrupted labels, {placement} placement", answer, "", numbers, sections)


def recipe_part(result: FoundResult) -> Part:
    """Return the part on a result of labelnoise run: its finding, and its figure or interactive curves."""
    record, name = result.record, result.name
    tables = sorted(path.stem for path in result.folder.glob(f"{name}*.parquet"))
    main = result.table(name) if name in tables else None
    plot, alt = None, str(record["finding"])
    if main is not None and set(COLUMNS) <= set(main.columns) and main[["noise", "placement"]].nunique().max() == 1:
        plot = curve_plot(main)
        alt = curve_alt(plot)
    drawn = next((path for path in result.files(f"{name}.svg", f"{name}.png")), None)
    sections = [
        Section(
            "What came out",
            f"Expected: {record['statement']} Here: {record['finding']}",
            plot,
            None if plot is not None else drawn,
            alt=alt,
            table=None if main is None else plain_table(main.head(_MOST_ROWS), is_open=False),
        ),
        Section(
            "How it was made",
            facts=tuple([*option_facts(record.get("specification")), *made_facts(record)]),
            files=(*result.files(*(f"{table}.csv" for table in tables)), *result.files(f"{name}.json", f"{name}.pdf")),
        ),
    ]
    numbers = (
        Number("scale", str(record["scale"]), "size of the study"),
        Number("against the expectation", _VERDICTS.get(record.get("agrees"), "not judged"), ""),
    )
    title = str(record.get("title") or name)
    return Part("recipe", title, str(record["finding"]).rstrip("."), "", numbers, tuple(sections))


def demo_part(result: FoundResult) -> Part:
    """Return the part on the demo's diagnosis beside the truth, which a user does not know."""
    record = result.record
    truth, bracket, audited = record["true_wrong_rate"], record["bracket"], record["audited"]
    names = ("labels made wrong (the truth)", "noisy labels alone", f"{audited['n_checked']:,} checked labels")
    plot = RangePlot(
        names,
        (truth, bracket["value"], audited["value"]),
        (truth, bracket["low"], audited["low"]),
        (truth, bracket["high"], audited["high"]),
        ("truth", bracket["kind"], audited["kind"]),
    )
    answer = (
        f"{percent(truth)} of the labels were made wrong; the diagnosis, which does not know this, says "
        f"{percent(bracket['value'])}, and with {audited['n_checked']:,} labels checked {percent(audited['value'])}"
    )
    numbers = (
        Number("labels made wrong", percent(truth), "the truth"),
        Number("noisy labels alone", percent(bracket["value"]), share_range(bracket)),
        Number("with checked labels", percent(audited["value"]), share_range(audited)),
    )
    text = "In the demo the truth is known. A bracket comes from noisy labels alone; an interval from checked labels."
    section = Section(
        "Wrong labels, estimated and true", text, plot, alt=answer, files=result.files(f"{result.name}.json")
    )
    return Part("demo", "The diagnosis and the truth", answer, "", numbers, (section,))


def matrix_plot(counts: np.ndarray, names: list[str], row_title: str, column_title: str) -> MatrixPlot:
    """Return a matrix with rows that sum to 1, of at most `MOST_CLASSES` classes: those confused most.

    Parameters
    ----------
    counts : (L, L) array
        Numbers, or probabilities times the share of the class in the row.
    names : list of str
        Names of the classes.
    row_title, column_title : str
        What rows and columns are.
    """
    rows = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12)
    wrong = counts - np.diag(np.diag(counts))
    involved = wrong.sum(axis=0) + wrong.sum(axis=1)
    shown = np.sort(np.argsort(-involved, kind="stable")[:MOST_CLASSES])
    values = tuple(tuple(float(value) for value in rows[i, shown]) for i in shown)
    return MatrixPlot(values, tuple(names[i] for i in shown), row_title, column_title)


def matrix_alt(plot: MatrixPlot) -> str:
    """Return the largest entries beside the diagonal as text."""
    values = np.array(plot.values)
    np.fill_diagonal(values, 0)
    largest = np.argsort(-values, axis=None, kind="stable")[:5]
    pairs = [
        f"{plot.names[i]} as {plot.names[j]}: {percent(float(values[i, j]))}"
        for i, j in zip(*np.unravel_index(largest, values.shape), strict=True)
        if values[i, j] > 0
    ]
    return f"Matrix of {plot.row_title} by {plot.column_title}. " + ("; ".join(pairs) or "Nothing is confused.")


def _shown(n_shown: int, n_classes: int) -> str:
    return (
        "" if n_shown == n_classes else f" Shown are the {n_shown} of {n_classes:,} classes with most of the changes."
    )
