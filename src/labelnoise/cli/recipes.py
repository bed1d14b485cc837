"""The commands about the paper's figures and further studies: list and run."""

from __future__ import annotations

import dataclasses
import enum
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelnoise.cli.options import (
    STORE,
    Executor,
    Json,
    Overwrite,
    PartlyFailedError,
    Report,
    Workers,
    is_utf8,
    print_json,
    printable,
    say,
    written,
)
from labelnoise.cli.report import check_report, write_report

if TYPE_CHECKING:
    from rich.console import OverflowMethod

    from labelnoise.studies.run_recipes import RecipeResult

LIST_EXAMPLE = "Examples: labelnoise list  |  labelnoise list fig4a  |  labelnoise list --runs"
RUN_EXAMPLE = (
    "Examples: labelnoise run fig4a --workers 2  |  labelnoise run fig3a fig4h --set repeats=5  |  "
    "labelnoise run all --scale smoke"
)

RESULTS = Path("labelnoise-output/figures")
VERDICTS: dict[bool | None, str] = {True: "agrees", False: "differs"}
Store = Annotated[Path, typer.Option(help="Folder that keeps finished runs; any number of processes may share it.")]


class Scale(enum.StrEnum):
    """Sizes in which figures can be made."""

    smoke = "smoke"
    laptop = "laptop"
    paper = "paper"


def _complete(beginning: str) -> list[str]:
    from labelnoise.studies.recipes.costs import COSTS

    return [name for name in (*COSTS, "all") if name.startswith(beginning)]


def list_recipes(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names to show in detail. Default: all, one line each.", autocompletion=_complete),
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="List the runs in the store and their status instead.")] = False,
    output_dir: Annotated[Path, typer.Option(help="Folder of results, which are marked in the list.")] = RESULTS,
    store: Store = STORE,
    as_json: Json = False,
) -> None:
    """List the paper's figures and further studies; with --runs, the runs that were done for them."""
    if runs:
        _list_runs(store, as_json)
        return
    from labelnoise.artifacts import SCHEMA
    from labelnoise.studies.recipes import CATALOG
    from labelnoise.studies.recipes.costs import COSTS
    from labelnoise.studies.run_recipes import read_summary
    from labelnoise.validation import check_choice

    rows: list[dict[str, Any]] = []
    for name in names or CATALOG:
        entry = CATALOG[check_choice(name, list(CATALOG), "name")]
        found = read_summary(output_dir, entry.name) or {}
        data, cost = COSTS[entry.name]
        rows.append(
            {
                "schema": SCHEMA,
                "name": entry.name,
                "panels": entry.panels,
                "title": entry.title,
                "statement": entry.statement,
                "data": data,
                "cost": cost,
                "result": found.get("scale"),
                "agrees": found.get("agrees"),
                "finding": found.get("finding"),
            }
        )
    if as_json:
        print_json(rows)
    elif names:
        for row in rows:
            _print_details(row)
    else:
        _print_rows(rows)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console, table = Console(), Table(box=None, padding=(0, 1, 0, 0))
    cells = [
        (row["name"], printable(row["title"]), _in_short(row["data"]), _result(row) or row["cost"]) for row in rows
    ]
    heads = ("name", "shows", "data", "cost or result")
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    widths[1] = min(widths[1], max(10, console.width - sum(widths) + widths[1] - len(widths)))  # Titles may be cut.
    overflow: OverflowMethod = "ellipsis" if is_utf8(sys.stdout) else "crop"
    for head, width in zip(heads, widths, strict=True):
        table.add_column(head, no_wrap=True, width=width, overflow=overflow)
    for row in cells:
        table.add_row(*map(escape, row))
    console.print(table)
    say("The cost is that at laptop scale. Details: labelnoise list NAME. Make one: labelnoise run NAME")


def _print_details(row: dict[str, Any]) -> None:
    from rich.markup import escape

    say(f"[bold]{row['name']}[/]  {escape(row['title'])}")
    say(f"  expected: {escape(row['statement'])}")
    say(f"  data:     {row['data']}, at laptop and paper scale; smoke takes the bundled digits")
    say(f"  cost:     {row['cost']} at laptop scale")
    if row["panels"]:
        say(f"  panels:   {', '.join(row['name'] + letter for letter in row['panels'])}")
    if row["result"]:
        say(f"  found:    {escape(row['finding'])} [bold]({_result(row)})[/]")
    say(f"  make it:  labelnoise run {row['name']}")


def _in_short(data: str) -> str:
    return "several" if "," in data else data


def _result(row: dict[str, Any]) -> str:
    return f"{row['result'] or ''} {VERDICTS.get(row['agrees'], '')}".strip()


def _list_runs(store: Path, as_json: bool) -> None:
    from labelnoise.sweeps.store import RunStore

    rows = RunStore(store).list() if store.expanduser().is_dir() else []
    if as_json:
        from labelnoise.artifacts import SCHEMA

        print_json([{"schema": SCHEMA, **dataclasses.asdict(row)} for row in rows])
        return
    if not rows:
        say("none yet")
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for column in ("run", "status", "kind", "what", "time, or error"):
        table.add_column(column, no_wrap=column in ("run", "status"), overflow="fold")
    for row in rows:
        table.add_row(escape(row.id[:8]), row.status, *map(escape, (row.kind, row.label, row.detail)))
    Console().print(table)
    counts = Counter(row.status for row in rows)
    say(", ".join(f"{count} {status}" for status, count in counts.items()))


def run(
    names: Annotated[
        list[str],
        typer.Argument(help="Names from `labelnoise list`, such as fig4a or fig2c; or all.", autocompletion=_complete),
    ],
    scale: Annotated[
        Scale, typer.Option(help="smoke: seconds, on bundled digits; laptop: minutes, on two cores; paper: full size.")
    ] = Scale.laptop,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a field, such as repeats=5, noise_rates=0,0.2,0.4 or training.epochs=10."),
    ] = None,
    workers: Workers = None,
    executor: Executor = None,
    together: Annotated[
        int | None,
        typer.Option(help="Number of networks of one shape to train at once. Default: 32 if there is a GPU."),
    ] = None,
    output_dir: Annotated[Path, typer.Option(help="Folder of results, with a folder for each of them.")] = RESULTS,
    store: Store = STORE,
    random_state: Annotated[int | None, typer.Option(help="Seed of every random draw. Default: the recipe's.")] = None,
    overwrite: Overwrite = False,
    report: Report = False,
    show: Annotated[bool, typer.Option("--show", help="Print the resolved specifications and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Make figures of the paper: load data, train networks, compute curves, write tables and pictures.

    Finished runs are kept and not done again. Run the same command again to resume a stopped sweep.
    """
    from labelnoise.progress import QUIET
    from labelnoise.studies.overrides import override, reseeded
    from labelnoise.studies.recipes import CATALOG, recipe_named
    from labelnoise.studies.run_recipes import run_recipes, write_ledger
    from labelnoise.sweeps.executors import executor_named
    from labelnoise.sweeps.run import describe
    from labelnoise.sweeps.store import RunStore
    from labelnoise.torchrun import is_first_process, started_by_torchrun

    if not is_first_process():
        os.environ[QUIET] = "1"
    if started_by_torchrun() and (workers, executor) != (None, None):
        raise ValueError("torchrun's processes share each run; start them without --workers and --executor.")
    asked = list(CATALOG) if names == ["all"] else list(dict.fromkeys(names))
    recipes = [recipe_named(name, scale.value) for name in asked]
    if random_state is not None:
        recipes = [(entry, reseeded(recipe, random_state)) for entry, recipe in recipes]
    recipes = [(entry, override(recipe, changes or [])) for entry, recipe in recipes]
    if show:
        print_json({entry.name: describe(recipe, whole=True) for entry, recipe in recipes})
        return
    check_report(report, output_dir, overwrite)
    open_executor = executor_named(executor, workers, log_folder=store.expanduser() / "slurm-logs")
    if together is None and ((executor, workers) != (None, None) or started_by_torchrun()):
        together = 1
    results = run_recipes(
        recipes, scale.value, output_dir, RunStore(store), open_executor, together=together, overwrite=overwrite
    )
    if not is_first_process():
        return
    if as_json:
        print_json([result.summary() for result in results])
    else:
        for result in results:
            print_result(result)
    panels = [entry.name + letter for entry in CATALOG.values() for letter in entry.panels]
    ledger = write_ledger(output_dir, [*CATALOG, *panels])
    if not as_json:
        say(written("Ledger", ledger))
    if report and any(result.outcome is not None for result in results):
        page = write_report(output_dir, overwrite)
        if not as_json:
            say(written("Report", page))
    failed = [result.heading.name for result in results if result.problems]
    if failed:
        raise PartlyFailedError(
            f"{', '.join(failed)} failed, see above; finished runs are kept. "
            f"`labelnoise list --runs --store {store}` lists all runs; run the same command again to retry."
        )


def print_result(result: RecipeResult) -> None:
    """Print what was expected, what was found, and where the picture is."""
    from rich.markup import escape

    say(f"[bold]{escape(result.heading.name)}[/]  {escape(result.heading.title)} ({result.scale})")
    for problem in result.problems:
        say(f"  failed: {escape(problem)}")
    if result.outcome is None:
        return
    say(f"  expected: {escape(result.heading.statement)}")
    say(f"  found:    {escape(result.outcome.finding)} [bold]({VERDICTS.get(result.outcome.agrees, 'no verdict')})[/]")
    pictures = [path for path in result.files if path.suffix == ".png"]
    say("".join(f"  {written('Figure', path)}\n" for path in pictures))
