"""The commands about the paper's figures and further studies: list and run."""

from __future__ import annotations

import enum
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labelnoise.cli.options import Json, print_json, say, written

if TYPE_CHECKING:
    from labelnoise.studies.run_recipes import RecipeResult

LIST_EXAMPLE = "Examples: labelnoise list  |  labelnoise list --runs"
RUN_EXAMPLE = (
    "Examples: labelnoise run fig4a --workers 2  |  labelnoise run fig3a fig4h --set repeats=5  |  "
    "labelnoise run all --scale smoke"
)

RESULTS = Path("labelnoise-output/figures")
STORE = Path("labelnoise-output/runs")
VERDICTS: dict[bool | None, str] = {True: "agrees", False: "differs"}
Store = Annotated[Path, typer.Option(help="Folder that keeps finished runs; any number of processes may share it.")]


class Scale(enum.StrEnum):
    """Sizes in which figures can be made."""

    smoke = "smoke"
    laptop = "laptop"
    paper = "paper"


def list_recipes(
    runs: Annotated[bool, typer.Option("--runs", help="List the runs in the store and their status instead.")] = False,
    output_dir: Annotated[Path, typer.Option(help="Folder of results, which are marked in the list.")] = RESULTS,
    store: Store = STORE,
    as_json: Json = False,
) -> None:
    """List the paper's figures and further studies; with --runs, the runs that were done for them."""
    if runs:
        _list_runs(store, as_json)
        return
    from labelnoise.studies.recipes import CATALOG
    from labelnoise.studies.run_recipes import read_summary

    rows: list[dict[str, Any]] = []
    for entry in CATALOG.values():
        found = read_summary(output_dir, entry.name) or {}
        rows.append(
            {
                "name": entry.name,
                "panels": entry.panels,
                "title": entry.title,
                "statement": entry.statement,
                "result": found.get("scale"),
                "agrees": found.get("agrees"),
            }
        )
    if as_json:
        print_json(rows)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for column in ("name", "shows", "the paper, or the question", "result"):
        table.add_column(column, no_wrap=column == "name")
    for row in rows:
        name = row["name"] + (f" ({row['panels'][0]}-{row['panels'][-1]})" if row["panels"] else "")
        result = VERDICTS.get(row["agrees"], "")
        table.add_row(name, row["title"], row["statement"], f"{row['result'] or ''} {result}".strip())
    Console().print(table)
    say("Make one with: labelnoise run NAME")


def _list_runs(store: Path, as_json: bool) -> None:
    from labelnoise.sweeps.store import RunStore

    if not store.expanduser().is_dir():
        raise FileNotFoundError(f"`--store` must be a folder of runs; there is no {store}. `labelnoise run` makes one.")
    rows = RunStore(store).list()
    if as_json:
        print_json(rows)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for column in ("run", "status", "kind", "what", "time, or error"):
        table.add_column(column, no_wrap=column in ("run", "status", "kind"), overflow="fold")
    for row in rows:
        table.add_row(row.id[:8], row.status, row.kind, escape(row.label), escape(row.detail))
    Console().print(table)
    counts = Counter(row.status for row in rows)
    say(", ".join(f"{count} {status}" for status, count in counts.items()) or "no runs yet")


def run(
    names: Annotated[list[str], typer.Argument(help="Names from `labelnoise list`, such as fig4a or fig2c; or all.")],
    scale: Annotated[
        Scale, typer.Option(help="smoke: seconds, on bundled digits; laptop: minutes, on two cores; paper: full size.")
    ] = Scale.laptop,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a field, such as repeats=5, noise_rates=0,0.2,0.4 or training.epochs=10."),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Number of worker processes, which share the cores.")] = None,
    executor: Annotated[
        str | None, typer.Option(help="Cluster to use: dask://HOST:PORT, or slurm://?partition=NAME&timeout_min=600.")
    ] = None,
    together: Annotated[
        int | None,
        typer.Option(help="Number of networks of one shape to train at once. Default: 32 if there is a GPU."),
    ] = None,
    output_dir: Annotated[Path, typer.Option(help="Folder of results, with a folder for each of them.")] = RESULTS,
    store: Store = STORE,
    random_state: Annotated[int | None, typer.Option(help="Seed of every random draw. Default: the recipe's.")] = None,
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
    open_executor = executor_named(executor, workers, log_folder=store.expanduser() / "slurm-logs")
    if together is None and ((executor, workers) != (None, None) or started_by_torchrun()):
        together = 1
    results = run_recipes(recipes, scale.value, output_dir, RunStore(store), open_executor, together=together)
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
    failed = [result.heading.name for result in results if result.problems]
    if failed:
        raise RuntimeError(
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
