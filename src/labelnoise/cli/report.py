"""The command that makes a page of finished results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelnoise.cli.options import Json, print_json, printable, say, written

REPORT_EXAMPLE = "Examples: labelnoise report labelnoise-output/curve  |  labelnoise report results --output page.html"


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of results: the --output-dir of a command.")],
    output: Annotated[Path | None, typer.Option(help="The HTML file. Default: index.html in DIR.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file that is not an earlier report.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make one HTML page of finished results: the answer, interactive plots, tables, and how they were made.

    The page holds all that it shows and loads nothing, so it can be sent to others as it is.
    """
    from rich.markup import escape

    from labelnoise.artifacts import SCHEMA
    from labelnoise.jobs.report import run_report

    summary, page = run_report(folder, output, overwrite=overwrite)
    if as_json:
        print_json({"schema": SCHEMA, **vars(summary), "files": {"report": str(page)}})
        return
    say(f"{escape(printable(summary.title))}\n" + written("Report", page))


def check_report(report: bool, folder: Path, overwrite: bool) -> None:
    """Raise a FileExistsError before the work if --report is given, and a file that is no report has its name."""
    if report:
        from labelnoise.jobs.report import check_page

        check_page(folder, overwrite=overwrite)


def write_report(folder: Path, overwrite: bool) -> Path:
    """Write the report that another command asks for with --report, on all results in its folder; return its path."""
    from labelnoise.jobs.report import run_report

    return run_report(folder, overwrite=overwrite)[1]
