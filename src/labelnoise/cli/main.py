"""The program `labelnoise`; its commands import heavy packages only when they run, so that --help is instant.

The exit status is 0 on success, 1 if the work failed, 2 for bad input. Errors are one line on standard error.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from labelnoise.cli import audit, curves, diagnose, explore, features, recipes, report
from labelnoise.cli.options import PartlyFailedError, print_json, write_plainly

app = typer.Typer(
    name="labelnoise",
    help="What wrong labels do to a classifier, before you train it.",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print("labelnoise", version("labelnoise"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


app.command(epilog=curves.DEMO_EXAMPLE)(curves.demo)
app.command(epilog=curves.CURVE_EXAMPLE)(curves.curve)
app.command(epilog=curves.CORRUPT_EXAMPLE)(curves.corrupt)
app.command(epilog=diagnose.DIAGNOSE_EXAMPLE)(diagnose.diagnose)
app.command(epilog=audit.AUDIT_EXAMPLE)(audit.audit)
app.command(epilog=features.FEATURES_EXAMPLE)(features.features)
app.command(epilog=explore.EXPLORE_EXAMPLE)(explore.explore)
app.command(name="list", epilog=recipes.LIST_EXAMPLE)(recipes.list_recipes)
app.command(epilog=recipes.RUN_EXAMPLE)(recipes.run)
app.command(epilog=report.REPORT_EXAMPLE)(report.report)

BAD_INPUT = (
    *(ValueError, TypeError, ImportError),
    *(FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError),
)
"""The errors that the library raises for bad input (exit status 2); any other error means that the work failed (1)."""

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; errors become one line and an exit status."""
    write_plainly()
    try:
        status = app(sys.argv[1:] or ["--help"], prog_name="labelnoise", standalone_mode=False) or 0
        if status == _INTERRUPTED:  # Newer versions of typer return this for Ctrl-C; earlier ones raise Abort.
            raise KeyboardInterrupt
        sys.exit(status)
    except (KeyboardInterrupt, typer.Abort):
        print("labelnoise: interrupted; files already written are complete.", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BAD_INPUT as error:
        _fail(error, status=2)
    except Exception as error:
        # Only the errors of the option parser, which are bad input, have this method.
        bad_input = hasattr(error, "format_message") or getattr(error, "errno", None) == errno.ENAMETOOLONG
        _fail(error, status=2 if bad_input else 1)


def _fail(error: Exception, status: int) -> None:
    from labelnoise.artifacts import SCHEMA

    if os.environ.get("LABELNOISE_TRACEBACK"):
        raise error
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    line = " ".join(text.split()) or type(error).__name__
    if "--json" in sys.argv and not isinstance(error, PartlyFailedError):
        print_json({"schema": SCHEMA, "error": line, "status": status})
    print(f"labelnoise: {line}", file=sys.stderr)
    if status == 1:
        print("labelnoise: set LABELNOISE_TRACEBACK=1 to see where this happened.", file=sys.stderr)
    sys.exit(status)
