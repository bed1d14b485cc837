"""The code blocks of a page: found, run in order in one namespace, and compared with the output that the page shows.

- A ``python`` block is run. A ``text`` block right after it is what it prints.
- A ``python`` block with ``title="NAME.py"`` is a file of that name, which later blocks can import.
- Of a ``console`` block, lines that begin with ``$`` are commands, and the lines below are what they print.
- A ``sh`` block holds commands to choose from: each is run without the output folder of the one before. Both kinds may
  hold ``labelnoise`` commands only.
- Blocks in other languages are not code to run.

An HTML comment on the line before a block says more: ``<!-- not run: why -->`` leaves the block out, and so does
``<!-- needs: PACKAGE -->`` where that package is not installed; ``<!-- picture: description -->`` describes what the
block draws, or with ``picture FILE:`` the picture that it writes. ``<!-- prepare`` and Python code up to ``-->`` make
what a reader has: files, or variables. In output, a line ``...`` stands for any lines.
"""

import io
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest import mock

_PARTS = re.compile(
    r"""^(?P<indent>\ *)```(?P<language>[\w-]*)(?:\ title="(?P<title>[^"\n]*)")?[^\n]*\n(?P<code>.*?)^(?P=indent)```\ *$
    |^<!--\ prepare\n(?P<prepare>.*?)^-->$
    |^<!--\ (?P<kind>not\ run|needs|picture)(?:\ (?P<file>[\w./-]+))?:\ (?P<words>.*?)\ -->$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
TOLERANCE = 0.01
"""By what share numbers in an output may differ from those that the page shows, or else by one in their last decimal.

Processors and versions of libraries round differently.
"""


@dataclass(frozen=True)
class Block:
    """A code block, with the line on which its code begins, where it stands in the text, and the comments before it."""

    language: str
    code: str
    line: int
    end: int
    not_run: str = ""
    needs: str = ""
    picture: str = ""
    picture_file: str = ""
    shown: str | None = None
    title: str = ""

    @property
    def left_out(self) -> bool:
        """Whether the block is not to be run, or cannot be run here."""
        return bool(self.not_run) or bool(self.needs and find_spec(self.needs) is None)


def blocks_of(text: str) -> list[Block]:
    """Return the blocks to run, in order, and the preparations; what a ``python`` block prints is its ``shown``."""
    found: list[Block] = []
    comments: dict[str, str] = {}
    last = None
    for part in _PARTS.finditer(text):
        between = text[last.end() : part.start()] if last else "-"
        if last is not None and last["kind"] and between.strip():
            raise ValueError(f"the comment '{last.group()}' must stand right before a code block.")
        line = text.count("\n", 0, part.start()) + 2
        if part["kind"]:
            comments[part["kind"].replace(" ", "_")] = " ".join(part["words"].split())
            if part["file"]:
                comments["picture_file"] = part["file"]
        elif part["prepare"] is not None:
            found.append(Block("python", part["prepare"], line, part.end()))
        elif part["language"] == "text" and not between.strip() and found and found[-1].language == "python":
            found[-1] = replace(found[-1], shown=_without_indent(part))
        elif part["language"] in ("python", "console", "sh"):
            found.append(
                Block(part["language"], _without_indent(part), line, part.end(), title=part["title"] or "", **comments)
            )
        if not part["kind"]:
            comments = {}
        last = part
    return found


def _without_indent(part: re.Match[str]) -> str:
    return re.sub(f"^{part['indent']}", "", part["code"], flags=re.MULTILINE)


class PageRunner:
    """Runs the blocks of one page in a folder of its own, as if they were typed one after another."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.namespace: dict[str, Any] = {"__name__": "__main__"}

    def run(self, block: Block) -> str:
        """Run a block, compare what it prints with what the page shows, and return what it prints."""
        with chdir(self.folder), mock.patch.object(sys, "path", [str(self.folder), *sys.path]):
            if block.title:
                Path(block.title).write_text(block.code, encoding="utf-8")
                return ""
            if block.language == "python":
                printed = self._run_python(block)
                if block.shown is not None:
                    self._compare(block.shown, printed, block.line)
                return printed
            fresh = block.language == "sh"
            return "".join(self._run_command(*command, fresh=fresh) for command in _commands(block))

    def _run_python(self, block: Block) -> str:
        # Lines of a traceback are those of the page.
        code = compile("\n" * (block.line - 1) + block.code, self.name, "exec")
        with redirect_stdout(io.StringIO()) as printed:
            exec(code, self.namespace)
        return printed.getvalue()

    def _run_command(self, command: str, shown: str | None, line: int, *, fresh: bool) -> str:
        from labelnoise.cli.main import main

        words = shlex.split(command, comments=True)
        if words[:1] != ["labelnoise"]:
            raise ValueError(
                f"{self.name}, line {line}: '{command}' is no labelnoise command; say <!-- not run: why -->."
            )
        if fresh:
            shutil.rmtree(self.folder / "labelnoise-output", ignore_errors=True)
        printed = io.StringIO()
        with mock.patch.object(sys, "argv", words), redirect_stdout(printed), redirect_stderr(printed):
            try:
                main()
            except SystemExit as end:
                if end.code:
                    raise AssertionError(
                        f"{self.name}, line {line}: '{command}' failed:\n{printed.getvalue()}"
                    ) from end
        if shown is not None:
            self._compare(shown, printed.getvalue(), line)
        return printed.getvalue()

    def _compare(self, shown: str, printed: str, line: int) -> None:
        if not same_output(shown, printed):
            raise AssertionError(
                f"{self.name}, line {line}: the page shows another output than there is.\n"
                f"--- shown\n{shown}\n--- printed\n{printed}"
            )


def _commands(block: Block) -> Iterator[tuple[str, str | None, int]]:
    """Yield the commands of a block with the output that is shown (None if nothing is), and their lines."""
    code = block.code.replace("\\\n", " ")
    if block.language == "sh":
        for line in code.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield line, None, block.line
        return
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown if shown.strip() else None, block.line


def same_output(shown: str, printed: str) -> bool:
    """Return whether both are the same but for spaces, empty lines, what ``...`` stands for, and last digits."""
    wanted, there = _lines(shown), _lines(printed)
    pieces: list[list[str]] = [[]]
    for line in wanted:
        pieces.append([]) if line == "..." else pieces[-1].append(line)
    position = 0
    for number, piece in enumerate(pieces):
        last = number == len(pieces) - 1
        starts = range(position, len(there) - len(piece) + 1)
        if number == 0:
            starts = starts[:1]
        elif last:
            starts = starts[-1:] if piece else range(len(there), len(there) + 1)
        found = [at for at in starts if all(map(_same_line, piece, there[at : at + len(piece)]))]
        if not found:
            return False
        position = found[0] + len(piece)
    return position == len(there)


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _same_line(shown: str, printed: str) -> bool:
    if _NUMBER.sub("#", shown) != _NUMBER.sub("#", printed):
        return False
    return all(map(_same_number, _NUMBER.findall(shown), _NUMBER.findall(printed)))


def _same_number(shown: str, printed: str) -> bool:
    a, b = (float(number.replace(",", "")) for number in (shown, printed))
    last_decimal = 10.0 ** -len(shown.partition(".")[2]) if "." in shown else 0
    return abs(a - b) <= max(1.01 * last_decimal, TOLERANCE * a)
