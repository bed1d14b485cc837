"""An audit as a CSV file that people fill in with any spreadsheet, and that says itself how it was drawn.

One row per sample. A person needs the first columns; ``design`` and ``check`` hold what the estimates need, in a form
that spreadsheets leave alone: text that is no number, date or formula. ``design`` is the same in a draw's rows but for
the sample's own part. ``check`` is a checksum over the row and its design, so that a changed one is noticed.
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import write_text
from labelnoise.diagnosis.auditing.answers import UNSURE_WORD, Answers
from labelnoise.diagnosis.auditing.audit_sheet import Sheet
from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE, Draw
from labelnoise.labels import class_array
from labelnoise.spreadsheets import as_number, defused

_COLUMNS = (
    "index",
    "given_label",
    "suggested_label",
    "true_label",
    "second_opinion",
    "path",
    "design",
    "check",
    "classes",
)
_DESIGN = re.compile(
    r"(?P<data>data-\w+) (?P<name>draw-\w+) round (?P<round>\d+) of (?P<n_drawn>\d+) pairs (?P<n_partners>\d+) "
    r"k (?P<k>\d+) labels (?P<given>\d+) (?P<suggested>\d+) (?P<role>drawn|partner) p (?P<p>\S+) q (?P<q>\S+) "
    r"reverse (?P<reverse>\d+) with (?P<partner>-?\d+)"
)
_MOST_CHARACTERS = 30_000
"""Spreadsheets cut a cell off after 32,767 characters."""
_SHORT = 500
"""A list of classes of at most this many characters is in every row, so that each part of a divided file has it."""
_PART = re.compile(r"part (?P<number>\d+) of (?P<count>\d+): (?P<text>.*)", re.DOTALL)
"""One of several cells that list the classes together."""


def write_audit(draws: Sequence[Draw], classes: NDArray[Any], fingerprint: str, path: Path) -> Path:
    """Write draws to `path`; raise a FileExistsError if that would lose an answer (`Audit.to_csv`)."""
    _check_nothing_lost(draws, classes, path)
    with_paths = any(draw.paths is not None for draw in draws)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([column for column in _COLUMNS if column != "path" or with_paths])
    names = [str(item) for item in classes.tolist()]
    listed = json.dumps(
        [item if isinstance(item, bool | int | float | str) else str(item) for item in classes.tolist()]
    )
    parts = [listed[start : start + _MOST_CHARACTERS] for start in range(0, len(listed), _MOST_CHARACTERS)]
    if len(parts) > 1:
        parts = [f"part {number} of {len(parts)}: {part}" for number, part in enumerate(parts, 1)]
    lists = itertools.repeat(listed) if len(listed) <= _SHORT else iter(parts)
    for draw in draws:
        for row, design in enumerate(_designs(draw, fingerprint)):
            cells = [
                str(draw.index[row]),
                names[draw.given[row]],
                names[draw.suggested[row]],
                *(
                    {OPEN: "", UNSURE: UNSURE_WORD}.get(answer, names[answer])
                    for answer in (int(draw.answers[row]), int(draw.second[row]))
                ),
                *([str(draw.paths[row]) if draw.paths is not None else ""] if with_paths else []),
                design,
                _checksum(int(draw.index[row]), design),
                next(lists, ""),
            ]
            writer.writerow([defused(cell) for cell in cells])
    return write_text("\ufeff" + stream.getvalue(), path)


def read_audit(path: Path, classes: NDArray[Any] | None) -> tuple[tuple[Draw, ...], NDArray[Any], str]:
    """Return draws, classes and fingerprint from a file that `write_audit` wrote (`Audit.read_csv`)."""
    rows = Sheet.read(path).rows()
    if classes is None:
        classes = _listed_classes(rows, path)
    reader = Answers(classes)
    draws: dict[tuple[str, str], dict[int, _Row]] = {}
    for line, cells in rows:
        row = _read_row(f"{path} line {line}", cells, reader)
        found = draws.setdefault((row.design["data"], row.design["name"]), {})
        found[row.index] = found[row.index].merged(row) if row.index in found else row
    prints = sorted({fingerprint for fingerprint, _ in draws})
    if len(prints) > 1:
        raise ValueError(
            f"{path} must hold an audit of one data set; it has rows of {' and '.join(prints)}. Keep those of one."
        )
    read = [_draw(list(found.values())) for found in draws.values()]
    return tuple(sorted(read, key=lambda draw: (draw.round, draw.name))), classes, prints[0].removeprefix("data-")


def holds_more_columns(path: Path) -> bool:
    """Return whether an audit file holds text in columns that `write_audit` does not write, such as notes."""
    return any(
        name not in _COLUMNS and cell.strip() for _, cells in Sheet.read(path).rows() for name, cell in cells.items()
    )


@dataclass(frozen=True)
class _Row:
    """A row of the file, read."""

    where: str
    index: int
    answer: int
    second: int
    path: str | None
    design: Mapping[str, str]

    def merged(self, other: _Row) -> _Row:
        """Return two rows of a sample as one; raise a ValueError if their answers differ."""
        answer, second = {self.answer, other.answer} - {OPEN}, {self.second, other.second} - {OPEN}
        if len(answer) > 1 or len(second) > 1:
            raise ValueError(
                f"{other.where} must not contradict {self.where.rpartition(' ')[2]}; index {self.index} has two "
                f"answers. Keep one of the lines."
            )
        answered = other if self.answer == OPEN else self
        return replace(answered, answer=next(iter(answer), OPEN), second=next(iter(second), OPEN))


def _read_row(where: str, cells: Mapping[str, str], reader: Answers) -> _Row:
    """Return a checked row; raise a ValueError that says where it is and what is wrong with it."""
    number = as_number(cells["index"])
    if number is None or number != int(number):
        raise ValueError(f"{where}: index must be a whole number; got {cells['index']!r}. Restore it from a copy.")
    index = int(number)
    design = _DESIGN.fullmatch(" ".join(cells["design"].split()))
    if design is None:
        raise ValueError(
            f"{where}: index {index} must be one of the samples that were drawn, with its design; got "
            f"{cells['design'][:40]!r}. Remove this line: samples that a person chose would make the estimates wrong."
        )
    if cells["check"].strip() != _checksum(index, design[0]):
        raise ValueError(
            f"{where}: index and design must be as they were written; they were changed, or the line is made of two "
            f"(index {index}). Restore the line from a copy, or remove it."
        )
    try:
        answer, second = (reader.code(cells.get(column)) for column in ("true_label", "second_opinion"))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return _Row(where, index, answer, second, cells.get("path"), design.groupdict())


def _draw(rows: list[_Row]) -> Draw:
    """Return the draw that some rows are of."""
    design = rows[0].design
    paths = [row.path for row in rows]
    return Draw(
        index=np.array([row.index for row in rows], dtype=np.int64),
        given=np.array([int(row.design["given"]) for row in rows], dtype=np.int64),
        suggested=np.array([int(row.design["suggested"]) for row in rows], dtype=np.int64),
        answers=np.array([row.answer for row in rows], dtype=np.int64),
        second=np.array([row.second for row in rows], dtype=np.int64),
        is_drawn=np.array([row.design["role"] == "drawn" for row in rows]),
        probability=np.array([float(row.design["p"]) for row in rows]),
        partner=np.array([int(row.design["partner"]) for row in rows], dtype=np.int64),
        partner_probability=np.array([float(row.design["q"]) for row in rows]),
        reverse=np.array([int(row.design["reverse"]) for row in rows], dtype=np.int64),
        **{name: int(design[name]) for name in ("k", "n_drawn", "n_partners", "round")},
        name=design["name"],
        paths=None if None in paths else np.array(paths, dtype=object),
    )


def _designs(draw: Draw, fingerprint: str) -> list[str]:
    """Return what the estimates need of each row, as text."""
    head = f"data-{fingerprint} {draw.name} round {draw.round} of {draw.n_drawn} pairs {draw.n_partners} k {draw.k}"
    columns = (
        draw.given,
        draw.suggested,
        draw.is_drawn,
        draw.probability,
        draw.partner_probability,
        draw.reverse,
        draw.partner,
    )
    return [
        f"{head} labels {given} {suggested} {'drawn' if drawn else 'partner'} p {p:.9g} q {q:.9g} reverse {reverse} "
        f"with {partner}"
        for given, suggested, drawn, p, q, reverse, partner in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def _checksum(index: int, design: str) -> str:
    return f"ok-{hashlib.sha256(f'{index} {design}'.encode()).hexdigest()[:10]}"


def _listed_classes(rows: Sequence[tuple[int, Mapping[str, str]]], path: Path) -> NDArray[Any]:
    """Return the classes that one of the rows lists, or several in parts."""
    cells = [text for text in (cells.get("classes", "").strip() for _, cells in rows) if text]
    found = [_PART.fullmatch(text) for text in cells]
    parts = {int(part["number"]): part["text"] for part in found if part is not None}
    counts = {int(part["count"]) for part in found if part is not None}
    whole = {max(counts)} == counts and sorted(parts) == list(range(1, max(counts) + 1)) if counts else False
    listed = "".join(parts[number] for number in sorted(parts)) if whole else next(iter(cells), "[]")
    try:
        return class_array(json.loads(listed))
    except ValueError:
        raise ValueError(
            f"{path} must list the classes in its column 'classes'; it does not, or only in part. Restore the rows "
            f"that do, the first of the file, or pass classes=[...], all classes in order."
        ) from None


def _check_nothing_lost(draws: Sequence[Draw], classes: NDArray[Any], path: Path) -> None:
    """Raise a FileExistsError if `path` holds answers that the draws do not hold, or is something else."""
    if not path.exists():
        return
    try:
        there, _, _ = read_audit(path, classes)
    except ValueError as error:
        raise FileExistsError(
            f"{path} must not exist, or be an audit whose answers are kept; it cannot be read as one ({error}) "
            f"Choose another name."
        ) from None
    kept = set[tuple[str, str, int, int]]().union(*(draw.typed for draw in draws))
    lost = sorted({index for draw in there for _, _, index, _ in draw.typed - kept})
    if lost:
        raise FileExistsError(
            f"{path} must not exist, or hold no answers that would be lost; it holds {len(lost)} that this audit does "
            f"not, the first for index {lost[0]}. Read it with Audit.read_csv and add it, or choose another name."
        )
