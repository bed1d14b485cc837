"""What `labelnoise report` does: read the finished results of a folder, and write one page about them."""

from __future__ import annotations

from pathlib import Path

from labelnoise.artifacts import StrPath
from labelnoise.progress import stage
from labelnoise.report.page import check_replaceable, write_report
from labelnoise.report.parts import summarize
from labelnoise.report.summary import Summary

PAGE = "index.html"
"""Name of the page in the folder of the results."""


def check_page(folder: StrPath, *, overwrite: bool = False) -> None:
    """Raise a FileExistsError if the report cannot go into a folder of results, since another file has its name.

    Commands that write a report at the end call this at their beginning.
    """
    check_replaceable(Path(folder).expanduser() / PAGE, overwrite)


def run_report(folder: StrPath, output: StrPath | None = None, *, overwrite: bool = False) -> tuple[Summary, Path]:
    """Write a page about the results in a folder, and return what it says and its path.

    Parameters
    ----------
    folder : path
        A folder that a command wrote to.
    output : path, optional
        The HTML file; by default ``index.html`` in `folder`.
    overwrite : bool, default False
        Whether a file is replaced that is not a report. An earlier report always is.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        There is no such folder.
    FileExistsError
        The page's file is something else.
    ValueError
        There is no result in the folder, or one is unfinished or damaged.
    OSError
        The page cannot be written.
    """
    path = Path(folder).expanduser() / PAGE if output is None else Path(output).expanduser()
    check_replaceable(path, overwrite)
    stage("reading results and writing the report")
    summary = summarize(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    return summary, write_report(summary, path, overwrite=overwrite)
