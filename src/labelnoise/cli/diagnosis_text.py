"""A diagnosis as text in 80 columns."""

from __future__ import annotations

import shlex
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.cli.options import printable, say, written

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.diagnosis.diagnosis import Diagnosis
    from labelnoise.diagnosis.relabeling.automatic import Relabeled
    from labelnoise.jobs.diagnose import DiagnoseResult

_WIDTH = 80
_SHOWN = 5  # labels to check first


def print_diagnosis(result: DiagnoseResult) -> None:
    """Print the figures, the checks, the labels to check first, where the files are, and what to do next."""
    from rich.markup import escape

    found = result.diagnosis
    say("\n[bold]Diagnosis[/]")
    for name, text in headlines(found):
        say(f"{name:15}{escape(printable(_wrapped(text, indent=15)))}")
    say("\n[bold]Checks[/]")
    for row in found.checks.to_dict("records"):
        say(escape(printable(check_text(row))))
    _print_first(result)
    if result.sizes is not None:
        _print_sizes(result.sizes)
    if result.relabeled is not None:
        say("\n[bold]Relabeled[/] (relabeled.csv)\n" + textwrap.fill(_relabeled(result.relabeled), _WIDTH))
    say("\n" + "\n".join(written(name, path) for name, path in _places(result)))
    lines = textwrap.wrap(next_step(result), _WIDTH, break_long_words=False, break_on_hyphens=False)
    say("\n" + escape("\n".join(lines)))


def headlines(found: Diagnosis) -> list[tuple[str, str]]:
    """Return a name and a text for each of the main figures."""
    from labelnoise.diagnosis.headline import percent, rho_interval

    n_labeled = len(found.data.codes)
    missing = found.data.n_given - n_labeled
    left_out = f"; {missing:,} more samples have none" if missing else ""
    rate, accuracy, rho = found.wrong_rate, found.knn_accuracy, found.concentration
    unknown = rate.kind == "bracket" and found.too_weak
    shown = [
        ("labels", f"{n_labeled:,} of {_classes(found)}{left_out}"),
        ("wrong", f"not known: {rate.assumption}" if unknown else percent(rate)),
    ]
    if accuracy is not None and unknown and accuracy.kind == "bracket":
        shown.append((f"{found.data.k}-NN accuracy", "not known either"))
    elif accuracy is not None:
        shown.append((f"{found.data.k}-NN accuracy", f"{percent(accuracy)}, with these labels as they are"))
    if found.audited is not None and found.data.own_pred_probs:
        shown.append(("pred_probs", f"right for {percent(found.audited.pred_probs_accuracy)}"))
    n_suspected = int((found.posterior.argmax(axis=1) != found.data.codes).sum())
    if not unknown:
        shown.append(("suspected", f"{n_suspected:,} labels: another class is more probable (samples.csv)"))
    if rho is not None:
        text = rho_interval(rho)
    elif found.audit is None:
        text = "not known: only checked pairs of neighbors can tell (an audit)"
    else:
        text = "not known: too few of the checked pairs hold a wrong label"
    shown.append(("concentration", text))
    if not unknown:
        shown.append(("assumed", rate.assumption))
    return shown


def _classes(found: Diagnosis) -> str:
    """Return how many classes have labels, and how many have none."""
    n_used = len(np.unique(found.data.codes))
    unused = found.data.n_classes - n_used
    return f"{n_used} classes" + (f" ({unused} more have no label)" if unused else "")


def check_text(row: dict[Any, Any]) -> str:
    """Return a row of the checks as lines of at most 80 columns; an "ok" without what it means and what to do."""
    head = f"{row['number']:2} {row['status']:8} "
    texts = [f"{row['check']}: {row['seen']}"]
    if row["status"] != "ok":
        texts += [row["means"], f"do: {row['do']}"]
    lines = [textwrap.fill(text, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12) for text in texts]
    return "\n".join(lines).replace(" " * 12, f"{head:12}", 1)


def next_step(result: DiagnoseResult) -> str:
    """Return what to do next, in a sentence."""
    from labelnoise.diagnosis.auditing.next_audit import holds_answers

    found = result.diagnosis
    if result.next_audit is None:
        return "All labels that an audit could draw are checked."
    audit = shlex.quote(str(result.next_audit))
    given = "".join(f" --audit {shlex.quote(path)}" for path in result.specification["options"]["audits"])
    if holds_answers(result.next_audit, found.audit):
        name = result.next_audit.name
        return f"{name} holds answers that were not used: run the same command with{given} --audit {audit}."
    fill_in = (
        f"check labels with labelnoise audit {audit}, or fill in the column true_label in any spreadsheet, from the "
        f"top down, with true labels or 'unsure'"
    )
    then = f"Then run the same command with{given} --audit {audit}"
    if found.audit is None:
        return f"Next: {fill_in}. {then}: its intervals hold whatever the noise."
    return f"Next: relabel as the plan says; or, for narrower intervals, {fill_in}. {then}."


def _relabeled(relabeled: Relabeled) -> str:
    changed, before = int(relabeled.changed.sum()), f"{100 * relabeled.wrong_rate_before:.1f} %"
    if not changed:
        return f"No label was changed; {before} of the labels are expected to be wrong."
    shares = relabeled.expected_error, relabeled.expected_error_high, relabeled.low_wrong_rate
    expected, high, low = (f"{100 * share:.1f} %" for share in shares)
    return (
        f"{changed:,} labels were changed, and {expected} of the changes are expected to be wrong; {high} if "
        f"only {low} of all labels were wrong. Of all labels, {before} were wrong before and "
        f"{100 * relabeled.wrong_rate_after:.1f} % are now, if the probabilities are right: concentrated noise that no "
        f"audit found is not in them."
    )


def _wrapped(text: str, indent: int) -> str:
    return textwrap.fill(text, _WIDTH - indent).replace("\n", "\n" + " " * indent)


def _places(result: DiagnoseResult) -> list[tuple[str, Path]]:
    places = [("Page", result.files.get("page")), ("Samples to check", result.next_audit)]
    return [(name, path) for name, path in places if path is not None]


def _print_first(result: DiagnoseResult) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from labelnoise.diagnosis.explained import COMES_FIRST

    first = result.plan.head(_SHOWN)
    if first.empty:
        return
    needs = "" if "gain" in first else "; the plan needs features"
    say(f"\n[bold]Check first[/] ({COMES_FIRST[result.order]}{needs})")
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    columns = {"index": "row", "given_label": "label", "suggested_label": "suggested", "wrong_probability": "Pr(wrong)"}
    columns |= {name: name for name in ("gain", "path") if name in first}
    for name, heading in columns.items():
        table.add_column(heading, justify="left" if name.endswith("label") or name == "path" else "right", max_width=30)
    for row in first[list(columns)].itertuples(index=False):
        table.add_row(*(escape(printable(f"{cell:.3f}" if isinstance(cell, float) else str(cell))) for cell in row))
    Console(width=min(_WIDTH, Console().width)).print(table)


def _print_sizes(sizes: pd.DataFrame) -> None:
    say("\n[bold]How many to check[/] for a 95 % interval of the wrong rate")
    say(f"  {'plus or minus':>15}{'if estimates are right':>26}{'at worst':>14}")
    for width, predicted, worst in zip(*(sizes[name].tolist() for name in sizes), strict=True):
        say(f"  {50 * width:8.1f} points{predicted:26,}{worst:14,}")
