"""The part of a report on a diagnosis: how many labels are wrong, which, at what cost, and what to check first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.artifacts import parse_json
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.report.other_parts import matrix_alt, matrix_plot
from labelnoise.report.plots import EmbeddingPlot, GainLine, GainPlot, HistogramPlot, RangePlot
from labelnoise.report.results import FoundResult
from labelnoise.report.summary import Card, Number, Part, Section
from labelnoise.report.suspects import suspects_section
from labelnoise.report.texts import made_facts, option_facts, percent, plain_table, share_range

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20  # rows of the plan and of the regions
_BINS = 40
_ORDER_NAMES = {"gain": "by gain", "region": "by region", "suspicion": "by suspicion", "random": "at random"}
_SAMPLES = ("index", "given_label", "suggested_label", "wrong_probability", "region", "copies")


def diagnosis_part(result: FoundResult) -> Part:
    """Return the part on a result of labelnoise diagnose."""
    record = result.record
    if "explained" not in record:
        raise ValueError(
            f"{result.path} must hold the key 'explained'; an earlier version of labelnoise wrote it. Run labelnoise "
            "diagnose again."
        )
    said, samples = record["explained"], result.table("samples", _SAMPLES)
    checks = [
        Card(row["number"], row["check"], row["status"], tuple((name, row[name]) for name in ("seen", "means", "do")))
        for row in record["checks"]
    ]
    sections = [
        _ranges(record),
        Section("Checks", cards=tuple(checks), files=_written(result, "checks")),
        _confusion(result),
        _suspicion(result, samples),
        suspects_section(result, samples),
        *([_embedding(result, samples)] if result.has("embedding.parquet") else []),
        *([_gain(result), _plan(result), _regions(result)] if result.has("plan.parquet") else []),
        _concentration(said),
        _audit(result),
        _made(result),
    ]
    lead = f"{said['basis']} {said['accuracy']}".strip()
    return Part("diagnosis", "Diagnosis of labels", said["headline"], lead, _numbers(record), tuple(sections))


def _numbers(record: dict[str, Any]) -> tuple[Number, ...]:
    """Return the wrong rate, the accuracy now, and what to check first."""
    rate, accuracy = record["wrong_rate"], record["knn_accuracy"]
    weak = record["explained"]["too_weak"] and rate["kind"] == "bracket"
    numbers = [Number("labels wrong", "not known" if weak else percent(rate["value"]), share_range(rate))]
    if accuracy is not None:
        unknown = record["explained"]["too_weak"] and accuracy["kind"] == "bracket"
        value = "not known" if unknown else percent(accuracy["value"])
        numbers.append(Number(f"{record['k']}-NN accuracy now", value, share_range(accuracy)))
    n, n_labeled = record["n_suspected"], record["n_labeled"]
    numbers.append(Number("labels suspected", f"{n:,}", f"of {n_labeled:,}; check the top of the plan first"))
    return tuple(numbers)


def _ranges(record: dict[str, Any]) -> Section:
    rows = [(record["wrong_rate"], "checked labels")]
    if "audit" in record:
        rows.insert(0, (record["audit"]["bracket_without"], "noisy labels alone"))
    else:
        rows = [(record["wrong_rate"], "noisy labels alone")]
    rates = [rate for rate, _ in rows]
    plot = RangePlot(
        tuple(f"{rate['n_checked']:,} {name}" if rate["n_checked"] else name for rate, name in rows),
        tuple(float(rate["value"]) for rate in rates),
        tuple(float(rate["low"]) for rate in rates),
        tuple(float(rate["high"]) for rate in rates),
        tuple(str(rate["kind"]) for rate in rates),
    )
    facts = tuple((name, f"assumes that {rate['assumption']}") for name, rate in zip(plot.names, rates, strict=True))
    alt = "; ".join(
        f"{name}: {percent(rate['value'])}, {share_range(rate)}" for name, rate in zip(plot.names, rates, strict=True)
    )
    text = (
        "A bracket lies between two bounds, each right under its own assumption. An interval holds whatever the noise."
    )
    return Section("How many labels are wrong", text, plot, alt=alt, facts=facts)


def _confusion(result: FoundResult) -> Section:
    record, said = result.record, result.record["explained"]
    matrix = np.array(record["transition_matrix"]) * np.array(record["class_priors"])[:, None]
    plot = matrix_plot(matrix, [str(name) for name in record["classes"]], "true label", "given label")
    text = "The probability that a sample of the class in the row is labeled as the class in the column."
    if said["too_weak"]:
        text += " The features are too weak to tell: do not rely on it."
    n_classes, pairs = len(record["classes"]), said["confused_pairs"]
    if len(plot.names) < n_classes:
        text += f" Shown are the {len(plot.names)} of {n_classes:,} classes of which most labels are confused."
    text += " The table lists the pairs with the most wrong labels." if pairs else " No pair of classes is confused."
    table = None
    if pairs:
        import pandas as pd

        frame = pd.DataFrame(pairs)[["true_label", "given_label", "probability", "expected_labels"]]
        frame["probability"] = [percent(value) for value in frame["probability"]]
        frame["expected_labels"] = [f"{value:,.0f}" for value in frame["expected_labels"]]
        names = {"probability": "of the true class", "expected_labels": "labels"}
        table = plain_table(frame.rename(columns=names))
    return Section(
        "Which label is given for which",
        text,
        plot,
        alt=matrix_alt(plot),
        table=table,
        files=_written(result, "transition_matrix"),
    )


def _suspicion(result: FoundResult, samples: pd.DataFrame) -> Section:
    suspected = (samples["given_label"] != samples["suggested_label"]).to_numpy()
    wrong = samples["wrong_probability"].to_numpy()
    edges = np.linspace(0, 1, _BINS + 1)
    counts = [np.histogram(wrong[chosen], edges)[0] for chosen in (suspected, ~suspected)]
    n = int(suspected.sum())
    text = (
        f"Of {len(samples):,} labels, {n:,} are suspected: another class is more probable than the given one. Right "
        "labels of unusual samples are among them, and wrong labels that nothing contradicts are not."
    )
    plot = HistogramPlot(tuple(edges.tolist()), *(tuple(count.tolist()) for count in counts))
    alt = f"Numbers of labels by the probability that they are wrong; {n:,} of {len(samples):,} are suspected."
    return Section("How sure it is that a label is wrong", text, plot, alt=alt, files=_written(result, "samples"))


def _embedding(result: FoundResult, samples: pd.DataFrame) -> Section:
    places = result.table("embedding", ("index", "x", "y"))
    shown = places.merge(samples, on="index", how="inner", validate="one_to_one")
    classes = [str(name) for name in result.record["classes"]]
    code = {name: i for i, name in enumerate(classes)}
    given = tuple(code[str(label)] for label in shown["given_label"])
    suggested = tuple(code[str(label)] for label in shown["suggested_label"])
    plot = EmbeddingPlot(
        tuple(round(float(value), 3) for value in shown["x"]),
        tuple(round(float(value), 3) for value in shown["y"]),
        tuple(int(row) for row in shown["index"]),
        given,
        suggested,
        tuple(classes),
        tuple(round(float(value), 4) for value in shown["wrong_probability"]),
    )
    n = sum(a != b for a, b in zip(given, suggested, strict=True))
    text = (
        f"Each point is one of {len(shown):,} samples"
        + (f", drawn at random from {len(samples):,}" if len(shown) < len(samples) else "")
        + ", near others with like features; its color is the given label. Suspected labels are larger and outlined. "
        "Distances between groups mean little."
    )
    alt = f"Samples in two dimensions, colored by given label; {n:,} of {len(shown):,} are suspected and outlined."
    return Section("Where the samples lie", text, plot, alt=alt, files=_written(result, "embedding"))


def _gain(result: FoundResult) -> Section:
    table = result.table("cleaning", ("order", "n_cleaned", "accuracy", "lower", "upper"))
    lines = tuple(
        GainLine(
            _ORDER_NAMES.get(str(order), str(order)),
            tuple(int(n) for n in rows["n_cleaned"]),
            *(tuple(float(value) for value in rows[name]) for name in ("accuracy", "lower", "upper")),
        )
        for order, rows in table.groupby("order", sort=False)
    )
    alt = "Expected accuracy over labels checked. " + "; ".join(
        f"{line.order}: {percent(line.accuracy[0])} to {percent(line.accuracy[-1])}" for line in lines
    )
    text = f"{result.record['explained']['gain']} Bands are 95 % intervals."
    return Section("What checking labels gains", text, GainPlot(lines), alt=alt, files=_written(result, "cleaning"))


def _plan(result: FoundResult) -> Section:
    plan = result.table("plan", ("index", "given_label", "suggested_label", "wrong_probability", "gain", "region"))
    rows = plan.head(_SHOWN)
    text = (
        f"The first {len(rows)} of {len(plan):,}. {result.record['explained']['plan']} Gain is the expected number of "
        "neighbors' votes that one correction sets right."
    )
    hidden = ["expected_accuracy"] + ([] if (rows["region"] >= 0).any() else ["region"])
    shown = rows.drop(columns=hidden, errors="ignore").rename(columns={"index": "row"})
    table = plain_table(shown, {"wrong_probability": 3, "gain": 2})
    return Section("What to check first", text, table=table, files=_written(result, "plan"))


def _regions(result: FoundResult) -> Section:
    regions = result.table("regions")
    if not len(regions):
        text = "There is no region in which most labels are suspected. Regions that learned noise fills do not show"
        return Section("Regions of wrong labels", f"{text} until labels in them are checked.")
    text = (
        f"{len(regions):,} connected neighborhoods in which most labels are probably wrong; those that gain most per "
        "label come first. Gain is the expected change of the accuracy once a region is relabeled; center is the row "
        "to look at."
    )
    decimals = {"wrong_probability": 3, "expected_wrong": 0, "gain": 4}
    table = plain_table(regions.head(_SHOWN), decimals)
    return Section("Regions of wrong labels", text, table=table, files=_written(result, "regions"))


def _concentration(said: dict[str, Any]) -> Section:
    import pandas as pd

    rows = [
        {
            "rho": f"{row['concentration']:.2f}" + (" (measured)" if row["is_measured"] else ""),
            "accuracy": percent(row["accuracy"]),
            "lost to concentration": f"{100 * row['lost']:.1f} points",
        }
        for row in said["accuracy_at_concentrations"]
    ]
    table = plain_table(pd.DataFrame(rows)) if rows else None
    return Section("Whether wrong labels lie together", said["concentration"], table=table)


def _audit(result: FoundResult) -> Section:
    import pandas as pd

    rows = [
        {
            "interval of the wrong rate": f"\N{PLUS-MINUS SIGN} {50 * row['width']:.2g} points",
            "labels to check, if the estimates are right": f"{row['predicted']:,}",
            "at worst": f"{row['worst']:,}",
        }
        for row in result.record["explained"]["audit_sizes"]
    ]
    text = (
        "A person says the true label of samples that were drawn; what is estimated from them holds whatever the noise."
    )
    files = sorted(result.folder.glob("audit*.csv"), key=lambda path: (len(path.name), path.name))
    done, drawn = 0, 0
    if files:
        audit = Audit.read_csv(files[-1])
        done, drawn = audit.n_checked + audit.n_unsure, len(audit)
        text += (
            f" The samples to check next are in {files[-1].name}, {done:,} of {drawn:,} are answered: fill in its "
            "column true_label, from the top down, in any spreadsheet or with labelnoise audit, and diagnose again "
            "with it."
        )
    table = plain_table(pd.DataFrame(rows)) if rows else None
    progress = (done, drawn) if files else None
    return Section("How many labels to check", text, progress=progress, table=table, files=tuple(files[-1:]))


def _made(result: FoundResult) -> Section:
    facts = list(result.record["explained"]["read"].items())
    path = result.folder / "specification.json"
    if path.is_file():
        try:
            specification = parse_json(path.read_bytes())
            facts += option_facts(specification["options"]) + made_facts(specification)
            facts += [("warning", str(warning)) for warning in specification["warnings"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} must be what labelnoise diagnose wrote; it is damaged or something else "
                f"({type(error).__name__}). Run the command that wrote it again."
            ) from error
    return Section("How it was made", facts=tuple(facts), files=result.files("diagnosis.json", "specification.json"))


def _written(result: FoundResult, name: str) -> tuple[Path, ...]:
    return result.files(f"{name}.csv", f"{name}.parquet", f"{name}.svg")
