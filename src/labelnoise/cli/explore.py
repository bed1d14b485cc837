"""The command that writes the interactive page."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from labelnoise.cli.options import Json, Ties, numbers, print_json, say, written

EXPLORE_EXAMPLE = "Example: labelnoise explore --classes 5 --k 5,15,50 --noise flip --concentration 0.2"


class NoiseKind(enum.StrEnum):
    """Noise models that the page offers."""

    uniform = "uniform"
    flip = "flip"
    two_alternatives = "two_alternatives"


def explore(
    output: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("labelnoise-output/explorer.html"),
    classes: Annotated[int, typer.Option(help="Number of classes: 2 to 20, or 100.")] = 10,
    k: Annotated[str, typer.Option("--k", "-k", help="Up to three numbers of neighbors, at most 100.")] = "10,30,100",
    noise: Annotated[NoiseKind, typer.Option(help="What a selected label becomes.")] = NoiseKind.uniform,
    ties: Annotated[Ties, typer.Option(help="What happens when labels share the most votes.")] = Ties.random,
    concentration: Annotated[float, typer.Option(help="0 for spread noise, 1 for fully concentrated noise.")] = 0.0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Write the file, and do not open a browser.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace whatever file is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a page on which noise, concentration and K are chosen, and the accuracy curve moves at once.

    It is one file that computes in the browser and needs no network. The options are the setting that it starts with.
    """
    from labelnoise.artifacts import SCHEMA
    from labelnoise.jobs.explore import ExplorerSetting, open_address, page_address, write_explorer

    setting = ExplorerSetting(classes, tuple(numbers(k, "--k", int)), noise.value, ties.value, concentration)
    path = write_explorer(output, setting, overwrite=overwrite)
    opened = not no_open and not as_json and open_address(path.resolve().as_uri())
    if as_json:
        record = {"schema": SCHEMA, "setting": setting, "address": page_address(path, setting)}
        print_json({**record, "files": {"page": str(path.resolve())}})
        return
    say(written("Explorer", path))
    if not opened:
        say("Open this file in a browser.")
