"""Read text tables (.csv, .tsv, also compressed) as columns of text, with pyarrow.

Separator, encoding, comments and the header are taken from the caller's options. Where there are none, they are decided
by looking at the file, but only if it can be read in one way; otherwise an error names the option that decides.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from labelnoise.data.damage import reading

COMPRESSED: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "NaT", "None", "n/a", "nan", "null"),
)
"""Entries that say that there is no value: those of pandas, and NaT."""

_WORDS = {
    **{"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " ", "pipe": "|", "bar": "|"},
    **{"point": ".", "dot": ".", "apostrophe": "'", "underscore": "_", "none": "", "no": ""},
}
_SEPARATORS = (",", ";", "\t", "|")
_COMMENTS = ("#", "%", "//")
_NAMES = {value: word for word, value in reversed(_WORDS.items()) if word != "\\t"}
_MAGIC = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}
_LINES = 100  # This many lines are compared to find the separator.


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
    lines = [line for line in content[: 1 << 20].decode("utf-8", "ignore").splitlines()[:_LINES] if line.strip()]
    if not lines:
        raise ValueError(f"{path} must hold at least one row; it holds blank lines only. Write it again.")
    sep = options.sep or _separator(path, lines)
    if sep != "," and options.sep is None and path_suffix(path) != ".tsv":
        notes.append(f"separated by {word_for(sep)}")
    table = _parsed(path, content, sep, named=options.header is not False)
    if len(table.column_names) > 1 and content.endswith((b"\n\n", b"\n\r\n", b"\r\r")):
        # A blank line at the end is no row of a table with several columns.
        table = _parsed(path, content.rstrip(b"\r\n"), sep, named=options.header is not False)
    if options.header is None:
        _check_header(path, table)
    names = [name.strip() for name in table.column_names]
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        twice = next(name for name in named if named.count(name) > 1)
        raise ValueError(f"{path} must name each column once; {twice!r} comes twice. Rename one of them.")
    if table.num_rows == 0:
        raise ValueError(f"{path} must hold at least one row; it holds column names only.")
    if options.comment is None:
        _check_comments(path, table)
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
        comment = re.compile(re.escape(options.comment.encode()) + rb"(?!(?<=#)N/?A\b)")
        return b"".join(line for line in content.splitlines(keepends=True) if not comment.match(line.lstrip()))
    first = content.lstrip()[:80].decode("utf-8", "ignore").splitlines()
    mark = next((mark for mark in _COMMENTS if first and first[0].startswith(mark)), "")
    if mark and options.comment is None and options.header is None:
        raise ValueError(
            f"{path} must name its columns in its first line; that line begins like a comment: {first[0][:60]!r}. "
            f"Give comment={mark} to skip such lines, or header=yes if it names the columns (--csv comment={mark})."
        )
    return content


def _separator(path: Path, lines: Sequence[str]) -> str:
    """Return the only separator in the first line; of several, the one that all lines hold equally often."""
    if path_suffix(path) == ".tsv":
        return "\t"
    counts = {sep: _outside_quotes(lines[0], sep) for sep in _SEPARATORS}
    found = [sep for sep, count in counts.items() if count]
    if len(found) > 1:
        even = [sep for sep in found if all(_outside_quotes(line, sep) == counts[sep] for line in lines)]
        found = even if len(even) == 1 else found
    if len(found) == 1:
        return found[0]
    blanks = _outside_quotes(lines[0].strip(), " ")
    if found or (blanks and len(lines) > 1 and all(_outside_quotes(line.strip(), " ") == blanks for line in lines)):
        may = " or ".join(word_for(sep) for sep in (*found, *((" ", ",") if not found else ())))
        raise ValueError(
            f"{path} must be separated by one character; it may be {may}. "
            f"Give sep={word_for(found[0] if found else ' ')} (--csv sep=...)."
        )
    return ","


def _outside_quotes(line: str, character: str) -> int:
    return sum(part.count(character) for part in line.split('"')[::2])


def _parsed(path: Path, content: bytes, sep: str, *, named: bool) -> Any:
    """Return the table with every entry as text."""
    import pyarrow as pa
    from pyarrow import csv

    size = min(max(1 << 24, len(content) + 1), (1 << 31) - 1)
    options: dict[str, Any] = {
        "read_options": csv.ReadOptions(block_size=1 << 24, autogenerate_column_names=not named),
        "parse_options": csv.ParseOptions(delimiter=sep, newlines_in_values=True, ignore_empty_lines=False),
    }
    try:
        with csv.open_csv(io.BytesIO(content), **options) as reader:
            names = reader.schema.names
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.large_string()), null_values=[], strings_can_be_null=False
        )
        if len(set(names)) < len(names):  # Columns of one name twice are told apart by the caller.
            options["read_options"] = csv.ReadOptions(block_size=size, column_names=[str(i) for i in range(len(names))])
            convert.column_types = dict.fromkeys(map(str, range(len(names))), pa.large_string())
            table = csv.read_csv(io.BytesIO(content), convert_options=convert, **options)
            return table.slice(1).rename_columns(names)
        table = csv.read_csv(io.BytesIO(content), convert_options=convert, **options)
        return table if named else table.rename_columns([str(i) for i in range(len(names))])
    except pa.ArrowException as error:
        raise ValueError(
            f"{path} must hold equally many entries in every line; reading it failed: {str(error).splitlines()[0]}. "
            f"Correct it, or say how it is written, for example sep=semicolon or comment=# (--csv sep=semicolon)."
        ) from error


def _check_header(path: Path, table: Any) -> None:
    """Raise a ValueError if the first line may be a row of data rather than names."""
    import pyarrow.compute as pc

    names = [name.strip() for name in table.column_names]
    numeric = [i for i, name in enumerate(names) if _is_number(name)]
    why = ""
    if numeric:
        columns = {i: _floats(table.column(i)) for i in numeric}
        as_data = [i for i in numeric if columns[i] is not None]
        running = [names[i] for i in numeric] in ([str(i) for i in range(s, s + len(numeric))] for s in (0, 1))
        values_occur = all(bool((columns[i] == float(names[i])).any()) for i in as_data)
        if as_data and "" not in names and (not running or values_occur or len(names) == 1):
            why = f"{names[as_data[0]]!r} is a number, as are the entries below it"
    if not why:
        for i, name in enumerate(names):
            if name and i not in numeric and pc.index(pc.utf8_trim_whitespace(table.column(i)), name).as_py() >= 0:
                why = f"{name!r} occurs again below"
                break
    if why:
        raise ValueError(
            f"{path} must name its columns in its first line; that line looks like data: {why}. Give header=no if it "
            f"is data (columns are then called 0, 1, ...), or header=yes if it names the columns (--csv header=no)."
        )


def _check_comments(path: Path, table: Any) -> None:
    """Raise a ValueError if some lines, but not all, begin with #."""
    import pyarrow as pa
    import pyarrow.compute as pc

    first = pc.utf8_ltrim_whitespace(table.column(0))
    missing = pc.is_in(first, value_set=pa.array(MISSING, first.type))
    marked = pc.and_not(pc.starts_with(first, "#"), missing)
    row = pc.index(marked, True).as_py()
    if row >= 0 and not pc.all(marked).as_py():
        raise ValueError(
            f"{path} must hold data in every line; row {row} (counted from 0) begins like a comment: "
            f"{first[row].as_py()[:60]!r}. Give comment=# to skip such lines, or comment=none (--csv comment=#)."
        )


def _floats(column: Any) -> Any:
    """Return a column of text as numbers, or None if an entry is neither a number nor missing."""
    entries = np.array(column.to_pylist(), dtype=object)
    try:
        return np.array([np.nan if entry.strip() in MISSING else float(entry) for entry in entries])
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
