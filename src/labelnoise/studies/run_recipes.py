"""Make recipes: do their runs, and write tables, pictures, specifications and a ledger to folders."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from labelnoise.artifacts import (
    SCHEMA,
    StrPath,
    check_overwrite,
    output_folder,
    parse_json,
    write_figure,
    write_json,
    write_table,
    write_text,
)
from labelnoise.progress import track
from labelnoise.studies.recipes import Heading, Outcome, Recipe, conclude
from labelnoise.studies.together import train_ahead
from labelnoise.sweeps.perform import StoredResults
from labelnoise.sweeps.run import describe, run_id
from labelnoise.sweeps.schedule import Failure
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import OpenExecutor, sweep, with_requirements
from labelnoise.torchrun import is_first_process, started_by_torchrun
from labelnoise.validation import check_count

PACKAGES = ("labelnoise", "numpy", "scikit-learn", "torch")


@dataclass(frozen=True, eq=False)
class RecipeResult:
    """What came out of a recipe, and the files that hold it; or why nothing came out.

    `outcome` is None where runs failed, which `failures` lists, or where finished runs did not make a figure, which
    `error` explains: one was damaged, for example, or made on other data.
    """

    heading: Heading
    scale: str
    outcome: Outcome | None
    files: tuple[Path, ...]
    failures: tuple[Failure, ...]
    error: str

    @property
    def problems(self) -> list[str]:
        """What went wrong, one line each."""
        return [*map(str, self.failures), *([self.error] if self.error else [])]

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        found = self.outcome
        return {
            "schema": SCHEMA,
            "name": self.heading.name,
            "scale": self.scale,
            "statement": self.heading.statement,
            "finding": None if found is None else found.finding,
            "agrees": None if found is None else found.agrees,
            "values": {} if found is None else found.values,
            "files": [str(path) for path in self.files],
            "failures": self.problems,
        }


def run_recipes(
    recipes: Sequence[tuple[Heading, Recipe]],
    scale: str,
    folder: StrPath,
    store: RunStore,
    open_executor: OpenExecutor,
    *,
    together: int | None = 1,
    overwrite: bool = False,
) -> list[RecipeResult]:
    """Finish the runs of all recipes in one sweep, and write the results of each to `folder`/NAME.

    Runs that recipes share are done once, and those in the `store` not again. A recipe with failed runs is reported,
    and the others are written. Unless `together` is 1, this process first trains that many networks of one shape at
    once; None leaves the number to `train_ahead`. Of torchrun's processes, only the first returns results.

    A folder that holds a result of another specification or scale is an error, unless `overwrite`.

    Raises
    ------
    ValueError
        The fields of a recipe do not go together; or `together` is not 1 under torchrun, whose processes already share
        each network.
    OSError
        A folder cannot be written. Like the errors above, this is found before anything is computed.
    """
    if together is not None:
        check_count(together, "together")
    if together != 1 and started_by_torchrun():
        raise ValueError(f"`together` must be 1 under torchrun, whose processes share each network; got {together}.")
    runs_of = [with_requirements(recipe.runs()) for _, recipe in recipes]
    folders = [output_folder(Path(folder) / heading.name) for heading, _ in recipes]
    if is_first_process():
        for (heading, recipe), target in zip(recipes, folders, strict=True):
            check_overwrite(target, heading.name, _determining(recipe, scale), overwrite)
    everything = [run for runs in runs_of for run in runs.values()]
    if together != 1:
        train_ahead(everything, store, together)
    report = sweep(everything, store, open_executor, title=recipes[0][0].name if len(recipes) == 1 else "runs")
    if not is_first_process():
        return []
    failed = {run_id(failure.run): failure for failure in report.failures}
    results = []
    for (heading, recipe), runs, target in track(list(zip(recipes, runs_of, folders, strict=True)), "figures"):
        failures = tuple(failed[key] for key in runs if key in failed)
        outcome, problem = None, ""
        files: tuple[Path, ...] = ()
        if not failures:
            try:
                outcome = conclude(recipe, StoredResults(store), heading, scale)
            except Exception as error:  # The other figures are drawn all the same.
                problem = str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
            else:
                files = _write(heading, recipe, scale, outcome, target)
        results.append(RecipeResult(replace(heading, title=recipe.title), scale, outcome, files, failures, problem))
    return results


def _write(heading: Heading, recipe: Recipe, scale: str, outcome: Outcome, folder: Path) -> tuple[Path, ...]:
    summary = {
        "schema": SCHEMA,
        **_determining(recipe, scale),
        "name": heading.name,
        "title": recipe.title,
        "statement": heading.statement,
        "finding": outcome.finding,
        "agrees": outcome.agrees,
        "values": outcome.values,
        "versions": {package: _version_of(package) for package in PACKAGES},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    # The specification goes first: with it, the same command may write the result again after a failure.
    specification = write_json(summary, folder / f"{heading.name}.json")
    files: list[Path] = []
    for part, table in outcome.tables.items():
        files += write_table(table, folder / (f"{heading.name}_{part}" if part else heading.name))
    return (*files, *write_figure(outcome.figure, folder / heading.name), specification)


def _determining(recipe: Recipe, scale: str) -> dict[str, Any]:
    """Return what determines a result: one of the same specification and scale may be written again."""
    return {"specification": describe(recipe, whole=True), "scale": scale}


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # PyTorch may be missing where no network is trained.
        return None


def read_summary(folder: StrPath, name: str) -> dict[str, Any] | None:
    """Return what came out of a recipe when it was last run, from `folder`/NAME/NAME.json; None if there is no file.

    A file that is damaged, or is something else, raises a ValueError.
    """
    path = Path(folder).expanduser() / name / f"{name}.json"
    if not path.exists():
        return None
    try:
        found: dict[str, Any] = parse_json(path.read_bytes())
        return {key: found[key] for key in ("title", "statement", "finding", "agrees", "scale")}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must be what `labelnoise run {name}` wrote; it is damaged or something else "
            f"({type(error).__name__}). Delete it, and run that again: finished runs are not done anew."
        ) from error


def write_ledger(folder: StrPath, names: Sequence[str]) -> Path:
    """Write LEDGER.md of a folder of results: the paper's statements beside what came out.

    Its rows follow `names`; recipes without a result are left out. A damaged result raises a ValueError.
    """
    rows = []
    for name in names:
        found = read_summary(folder, name)
        if found is not None:
            agrees = {True: "yes", False: "no", None: "–"}[found["agrees"]]
            cells = (f"[{name}]({name}/{name}.png)", found["title"], found["statement"], found["finding"])
            rows.append("| " + " | ".join((*cells, found["scale"], agrees)) + " |\n")
    head = "| name | shows | the paper, or the question | what came out | scale | agrees |\n" + "| --- " * 6 + "|\n"
    return write_text("# Ledger\n\n" + head + "".join(rows), Path(folder).expanduser() / "LEDGER.md")
