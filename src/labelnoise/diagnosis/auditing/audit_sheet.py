"""The cells of an audit's CSV file as a spreadsheet left them, so that one can be changed and all others kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labelnoise.artifacts import replacing
from labelnoise.spreadsheets import as_number, defused

NEEDED = ("index", "true_label", "design", "check")
"""Columns without which a file is no audit."""


@dataclass(frozen=True)
class Sheet:
    """All cells of a file.

    Attributes
    ----------
    path : Path
        The file.
    lines : list of (int, list of str)
        Line number and cells of each row, empty rows and the names of the columns among them.
    separator, encoding : str
        How the file is written.
    """

    path: Path
    lines: list[tuple[int, list[str]]]
    separator: str
    encoding: str

    @classmethod
    def read(cls, path: Path) -> Sheet:
        """Read a file; raise a ValueError if it is no audit."""
        text, encoding = _decoded(path)
        header = next((line for line in text.splitlines() if line.strip()), "")
        separators = [mark for mark in ",;\t" if set(NEEDED) <= {name.strip() for name in _split(header, mark)}]
        if not separators:
            raise ValueError(
                f"{path} must be an audit that labelnoise wrote, with the columns {', '.join(NEEDED)}; its first line "
                f"is {header[:80]!r}. Save the spreadsheet as CSV, with its first line."
            )
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separators[0])
        sheet = cls(path, [(reader.line_num, cells) for cells in reader], separators[0], encoding)
        if not sheet.rows():
            raise ValueError(f"{path} must hold at least one sample; it holds only the first line.")
        return sheet

    def rows(self) -> list[tuple[int, dict[str, str]]]:
        """Return line number and cells by column of the rows that are not empty, without the names of the columns."""
        names, filled = self._names(), [line for line in self.lines if any(cell.strip() for cell in line[1])]
        return [
            (number, {name: cells[at] if at < len(cells) else "" for at, name in enumerate(names)})
            for number, cells in filled[1:]
        ]

    def write_answers(self, answers: Mapping[int, str], column: str = "true_label") -> None:
        """Write the file again, at once or not at all, with answers in one column, by index.

        The column comes last if the file does not have it. Every other cell stays as it is, in columns that a person
        added too. The file is in UTF-8 then, or in UTF-16 if it was.

        Raises
        ------
        ValueError
            The file has characters in no known encoding, which would be lost.
        OSError
            The file cannot be written; it is unchanged then.
        """
        if self.encoding == "unknown":
            raise ValueError(
                f"{self.path} must be in UTF-8, so that no character is lost; it is in an unknown encoding. Save the "
                f"spreadsheet as CSV UTF-8."
            )
        names = self._names()
        is_new = column not in names
        index_at, answer_at = names.index("index"), len(names) if is_new else names.index(column)
        header = next(cells for _, cells in self.lines if any(cell.strip() for cell in cells))
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=self.separator, lineterminator="\r\n")
        for _, cells in self.lines:
            number = as_number(cells[index_at]) if index_at < len(cells) else None
            changed = [*cells, column] if is_new and cells is header else cells
            if number is not None and number in answers:
                changed = cells + [""] * (answer_at + 1 - len(cells))
                changed[answer_at] = defused(answers[int(number)])
            writer.writerow(changed)
        with replacing(self.path) as (target,):
            target.write(stream.getvalue().encode("utf-16" if self.encoding == "utf-16" else "utf-8-sig"))

    def _names(self) -> list[str]:
        header = next(cells for _, cells in self.lines if any(cell.strip() for cell in cells))
        return [name.strip() for name in header]


def _split(line: str, mark: str) -> list[str]:
    return next(csv.reader([line], delimiter=mark), [])


def _decoded(path: Path) -> tuple[str, str]:
    """Return text and encoding: UTF-8, UTF-16 ("Unicode text"), or the Windows encoding of older Excels."""
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("cp1252", errors="replace"), "unknown"
