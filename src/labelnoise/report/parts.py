"""Make the summary of a folder: a part per result, and what they say together."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from labelnoise.artifacts import StrPath
from labelnoise.report.curve_part import curve_part
from labelnoise.report.diagnosis_part import diagnosis_part
from labelnoise.report.other_parts import corruption_part, demo_part, recipe_part
from labelnoise.report.plots import CurvePlot
from labelnoise.report.results import FoundResult, find_results
from labelnoise.report.summary import Number, Part, Summary

_PARTS: dict[str, Callable[[FoundResult], Part]] = {
    "curve": curve_part,
    "diagnosis": diagnosis_part,
    "corruption": corruption_part,
    "demo": demo_part,
    "recipe": recipe_part,
}
_WORDS = {
    "curve": ("curve", "curves"),
    "diagnosis": ("diagnosis", "diagnoses"),
    "corruption": ("set of noisy labels", "sets of noisy labels"),
    "demo": ("comparison", "comparisons"),
    "recipe": ("study", "studies"),
}
"""One and several of each kind."""
_MAIN = {"curve": 1, "diagnosis": 0, "corruption": 0}
"""Place of the main number of each kind of part; others have none."""


def summarize(folder: StrPath) -> Summary:
    """Return what the finished results in a folder say.

    Parameters
    ----------
    folder : path
        A folder that a command wrote to. A folder of several results gives a part of each.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        There is no such folder.
    ValueError
        There is no result in it, or one is unfinished or damaged; the message names it.
    """
    return summary_of(find_results(folder), Path(folder).expanduser().resolve().name)


def summary_of(results: Sequence[FoundResult], folder: str = "") -> Summary:
    """Return what results say; `folder` is the name of where several of them were found."""
    parts = _told_apart([_PARTS[result.kind](result) for result in results], results)
    if len(parts) == 1:
        only = parts[0]
        return Summary(only.answer, only.lead, only.numbers, (only,))
    kinds = list(_PARTS)
    parts.sort(key=lambda part: (kinds.index(part.kind), not _tolerates(part)))
    counts = Counter(part.kind for part in parts)
    what = ", ".join(f"{n} {_WORDS[kind][n > 1]}" for kind, n in counts.items())
    lead = f"The folder {folder} holds {what}, each with its answer:"
    return Summary(parts[0].answer, lead, _main_numbers(parts), tuple(parts))


def _told_apart(parts: list[Part], results: Sequence[FoundResult]) -> list[Part]:
    """Return the parts; titles that several of them have are followed by the place of each one's files."""
    counts = Counter(part.title for part in parts)
    root = os.path.commonpath([result.folder for result in results])
    return [
        part
        if counts[part.title] == 1
        else replace(part, title=f"{part.title} ({result.path.relative_to(root).with_suffix('').as_posix()})")
        for part, result in zip(parts, results, strict=True)
    ]


def _tolerates(part: Part) -> bool:
    plot = part.sections[0].plot
    return isinstance(plot, CurvePlot) and len(plot.tolerances) > 0


def _main_numbers(parts: list[Part]) -> tuple[Number, ...]:
    """Return the main number of three parts: one of each kind first, then the others in their order."""
    able = [place for place, part in enumerate(parts) if part.kind in _MAIN]
    first = [next(place for place in able if parts[place].kind == kind) for kind in {parts[i].kind: 0 for i in able}]
    chosen = sorted([*first, *(place for place in able if place not in first)][:3])
    numbers = []
    for place in chosen:
        part = parts[place]
        number = part.numbers[min(_MAIN[part.kind], len(part.numbers) - 1)]
        numbers.append(Number(f"{part.title}: {number.name}", number.value, number.note))
    return tuple(numbers)
