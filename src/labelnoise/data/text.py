"""Read text tables (.csv, .tsv, also compressed) as columns of text, with pyarrow.

pyarrow parses, since pandas would fill short lines, rename columns of one name and cut entries at comment characters.
The caller's options say how a file is written. Without them it is UTF-8 (or UTF-16 with its mark) with column names in
the first line, separated by the only separator in that line. A file that may be written in another way is an error that
names the option which decides.
"""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from labelnoise.data.damage import reading
from labelnoise.labels import NO_LABEL_WORDS

COMPRESSED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
MISSING = (*sorted(NO_LABEL_WORDS), "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN")
"""Entries that say that there is no value: those of pandas, and NaT."""

_WORDS = {
    **{"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " ", "pipe": "|", "bar": "|"},
    **{"point": ".", "dot": ".", "apostrophe": "'", "underscore": "_", "none": "", "no": ""},
}
_SEPARATORS = (",", ";", "\t", "|")
_COMMENTS = ("#", "%", "//")
_NAMES = {value: word for word, value in reversed(_WORDS.items()) if word != "\\t"}
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}


@dataclass(frozen=True)
class CsvOptions:
    """How a text table is written; None means that the file is looked at.

    Attributes
    ----------
    sep : str, optional
        Character between entries.
    decimal : str
        Character before the fraction of a number.
    thousands : str
        Character between groups of three digits; empty for none.
    encoding : str, optional
        Name of the encoding.
    header : bool, optional
        Whether the first line names the columns. Without a header, their names are 0, 1, 2, ...
    comment : str, optional
        Beginning of lines to skip; empty for none.
    """

    sep: str | None = None
    decimal: str = "."
    thousands: str = ""
    encoding: str | None = None
    header: bool | None = None
    comment: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any] | CsvOptions | None) -> CsvOptions:
        """Return the options that a mapping names, with characters as such or as words (`comma`, `tab`, `none`)."""
        if options is None or isinstance(options, CsvOptions):
            return options or cls()
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, given in options.items():
            if name not in known:
                raise ValueError(f"`csv` must be options among {', '.join(sorted(known))}; got {name!r}.")
            value = _WORDS.get(given, given) if name not in ("header", "encoding") else given
            if name == "header" and not isinstance(value, bool):
                if value not in ("yes", "no"):
                    raise ValueError(f"`csv` option header must be yes or no; got {value!r}.")
                value = value == "yes"
            if name in ("sep", "decimal", "thousands") and (not isinstance(value, str) or len(value) > 1):
                raise ValueError(f"`csv` option {name} must be one character or its name, as comma; got {given!r}.")
            values[name] = value
        made = cls(**values)
        if made.decimal == made.thousands or not made.decimal:
            raise ValueError(
                f"`csv` options decimal and thousands must differ; both are {made.decimal!r}. "
                f"Give, for example, decimal=comma,thousands=point."
            )
        return made


def word_for(character: str) -> str:
    """Return the word that names a character in the options, or the character."""
    return _NAMES.get(character, character)


def read_text(path: Path, options: CsvOptions) -> tuple[Any, tuple[str, ...]]:
    """Return a text table with columns of text, and what was decided by looking, as phrases.

    Raises
    ------
    ValueError
        The file is damaged, its lines differ in length, or it can be read in more than one way.
    """
    content, notes = _decoded(path, options)
    content = _without_comments(path, content, options)
    lines = (line.decode("utf-8", "ignore").strip("\r\n") for line in io.BytesIO(content) if line.strip())
    top = list(itertools.islice(lines, 2))
    if not top:
        raise ValueError(f"{path} must hold at least one row; it holds blank lines only. Write it again.")
    sep = options.sep or ("\t" if path_suffix(path) == ".tsv" else _separator(path, top))
    if not options.sep and sep not in (",", "\t"):
        notes.append(f"separated by {word_for(sep)}")
    table = _parsed(path, content, sep)
    names = [str(i) for i in range(table.num_columns)]
    if options.header is not False:
        names = [column[0].as_py().strip() for column in table.columns]
        table = table.slice(1)
    named = [name for name in names if name]
    if table.num_rows == 0:
        raise ValueError(f"{path} must hold at least one row; it holds column names only.")
    if options.header is None:
        _check_header(path, names, table)
    if len(set(named)) != len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise ValueError(f"{path} must name each column once; {twice!r} comes twice. Rename one of them.")
    if options.comment is None:
        _check_comments(path, table.column(0))
    return table.rename_columns(names), tuple(notes)


def path_suffix(path: Path) -> str:
    """Return the suffix that names a format: that before the suffix of a compressed file."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in COMPRESSED and len(suffixes) > 1:
        return suffixes[0]
    return suffixes[-1] if suffixes else ""


def read_bytes(path: Path) -> bytes:
    """Return the content of a file, decompressed as its last suffix says."""
    opener = COMPRESSED.get(path.suffix.lower())
    with (
        reading(path, OSError, EOFError, lzma.LZMAError, ValueError),
        opener(path) if opener else path.open("rb") as stream,
    ):
        content: bytes = stream.read()
    for magic, suffix in _MAGIC.items():
        if content.startswith(magic):
            cure = "Unpack it." if suffix == "zip" else f"Name it {path.name}.{suffix}, or unpack it."
            raise ValueError(f"{path} must be text, as its name says; it is compressed ({suffix}). {cure}")
    return content


def _decoded(path: Path, options: CsvOptions) -> tuple[bytes, list[str]]:
    """Return the text as UTF-8 without a byte order mark, and a phrase if it was of another encoding."""
    content = read_bytes(path)
    encoding = options.encoding
    if encoding is None and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    if encoding is None and b"\0" in content[:1000]:
        raise ValueError(
            f"{path} must be text in UTF-8; it holds zero bytes, as UTF-16 without a mark does. "
            f"Save it as UTF-8, or give encoding=utf-16-le (--csv encoding=utf-16-le)."
        )
    try:
        text = content.decode(encoding or "utf-8-sig") if encoding or not content.isascii() else None
    except LookupError:
        raise ValueError(f"`csv` option encoding must be a known one, as latin-1; got {encoding!r}.") from None
    except UnicodeError as error:
        cure = "Give its encoding, for example encoding=latin-1 or encoding=cp1252 (--csv encoding=latin-1)"
        raise ValueError(
            f"{path} must be text in {encoding or 'UTF-8'}; reading it failed: {error}. {cure}, or save it as UTF-8."
        ) from None
    notes = [f"encoding {encoding}"] if encoding and options.encoding is None else []
    return (content if text is None else text.removeprefix("\ufeff").encode("utf-8")), notes


def _without_comments(path: Path, content: bytes, options: CsvOptions) -> bytes:
    if options.comment:
        # A spreadsheet's #N/A at the beginning of a line is an entry.
        comment = re.compile(rb"\s*" + re.escape(options.comment.encode()) + rb"(?!(?<=#)N/?A\b)")
        return b"".join(line for line in content.splitlines(keepends=True) if not comment.match(line))
    first = content.lstrip()[:80].decode("utf-8", "ignore").partition("\n")[0].strip()
    mark = next((mark for mark in _COMMENTS if first.startswith(mark)), "")
    if mark and options.comment is None and options.header is None:
        raise ValueError(
            f"{path} must name its columns in its first line; that line begins like a comment: {first[:60]!r}. "
            f"Give comment={mark} to skip such lines, or header=yes if it names the columns (--csv comment={mark})."
        )
    return content


def _separator(path: Path, top: Sequence[str]) -> str:
    """Return the only separator in the first line, or a comma; blanks count if the next line holds as many."""
    found = [sep for sep in _SEPARATORS if _outside_quotes(top[0], sep)]
    blanks = [_outside_quotes(line.strip(), " ") for line in top]
    if not found and blanks[0] and blanks[1:] == blanks[:1]:
        found = [" ", ","]
    if len(found) > 1:
        raise ValueError(
            f"{path} must be separated by one character; it may be {' or '.join(map(word_for, found))}. "
            f"Give sep={word_for(found[0])} (--csv sep=...)."
        )
    return found[0] if found else ","


def _outside_quotes(line: str, character: str) -> int:
    return sum(part.count(character) for part in line.split('"')[::2])


def _parsed(path: Path, content: bytes, sep: str) -> Any:
    """Return the lines as rows of a table with every entry as text."""
    import pyarrow as pa
    from pyarrow import csv

    options = csv.ParseOptions(delimiter=sep, newlines_in_values=True, ignore_empty_lines=False)
    # A block must hold a whole line, and may hold 2 GB.
    read = csv.ReadOptions(autogenerate_column_names=True, block_size=1 << 24)
    try:
        with csv.open_csv(io.BytesIO(content), read, options) as reader:
            names = reader.schema.names
        if len(names) > 1:  # Blank lines at the end are no rows of a table with several columns.
            content = content.rstrip(b"\r\n") + b"\n"
        convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False)
        return csv.read_csv(io.BytesIO(content), read, options, convert)
    except pa.ArrowException as error:
        raise ValueError(
            f"{path} must hold equally many entries in every line; reading it failed: {str(error).splitlines()[0]}. "
            f"Correct it, or say how it is written, for example sep=semicolon or comment=# (--csv sep=semicolon)."
        ) from error


def _check_header(path: Path, names: Sequence[str], table: Any) -> None:
    """Raise a ValueError if the first line may be a row of data rather than names."""
    import pyarrow.compute as pc

    def occurs(i: int) -> bool:
        return bool(pc.index(pc.utf8_trim_whitespace(table.column(i)), names[i]).as_py() >= 0)

    numbers = [i for i, name in enumerate(names) if name not in MISSING and _is_number(name)]
    as_data = [i for i in numbers if all(map(_is_number, table.column(i)[:1000].to_pylist()))]
    why = ""
    if as_data and "" not in names:
        # Frames without names write 0, 1, 2, ..., which are names unless they occur as values too.
        running = [names[i] for i in numbers] in ([str(i) for i in range(s, s + len(numbers))] for s in (0, 1))
        if not running or len(names) == 1 or all(map(occurs, as_data)):
            why = f"{names[as_data[0]]!r} is a number, as are the entries below it"
    again = (name for i, name in enumerate(names) if name and i not in numbers and occurs(i))
    if not why and (name := next(again, "")):
        why = f"{name!r} occurs again below"
    if why:
        raise ValueError(
            f"{path} must name its columns in its first line; that line looks like data: {why}. Give header=no if it "
            f"is data (columns are then called 0, 1, ...), or header=yes if it names the columns (--csv header=no)."
        )


def _check_comments(path: Path, column: Any) -> None:
    """Raise a ValueError if some lines, but not all, begin with #."""
    lines = [text.lstrip() for text in column.to_pylist()]
    marked = [row for row, text in enumerate(lines) if text.startswith("#") and text not in MISSING]
    if marked and len(marked) < len(lines):
        raise ValueError(
            f"{path} must hold data in every line; row {marked[0]} (counted from 0) begins like a comment: "
            f"{lines[marked[0]][:60]!r}. Give comment=# to skip such lines, or comment=none (--csv comment=#)."
        )


def _is_number(text: str) -> bool:
    """Return whether a text writes a number, or says that there is none."""
    try:
        return text.strip() in MISSING or float(text) is not None
    except ValueError:
        return False
