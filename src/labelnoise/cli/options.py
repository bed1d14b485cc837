"""Options that commands share, and functions that turn their values into models, and results into text."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from labelnoise.noise import NoiseModel
    from labelnoise.placement import Placement

T = TypeVar("T")


class Ties(enum.StrEnum):
    """Rules for labels that share the most votes."""

    random = "random"
    lowest = "lowest"
    strict = "strict"


class Model(enum.StrEnum):
    """Models of the votes of a neighborhood."""

    finite = "finite"
    iid = "iid"


class Metric(enum.StrEnum):
    """Distances between features."""

    euclidean = "euclidean"
    cosine = "cosine"


class PlacementName(enum.StrEnum):
    """Names of placements, which say where noise lies."""

    spread = "spread"
    kmeans = "kmeans"
    concentrated = "concentrated"
    boundary = "boundary"
    hubs = "hubs"


OutputDir = Annotated[Path, typer.Option(help="Folder for tables, figures and specifications; made if missing.")]
RandomState = Annotated[int, typer.Option(help="Seed of every random draw.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output, and nothing else.")]
Noise = Annotated[
    str,
    typer.Option(help="[bold]uniform[/], [bold]flip[/], or a file with a corruption matrix whose rows sum to 1."),
]
Mapping = Annotated[
    str | None,
    typer.Option(help="With flip: what classes 0, 1, ... become, such as 1,2,0. Default: each becomes the next."),
]
PlacementOption = Annotated[
    PlacementName,
    typer.Option(
        help="Where the noise lies: spread over all samples, in one k-means cluster per class, concentrated as "
        "--concentration says, near class boundaries, or at hubs (samples that are neighbors of many others)."
    ),
]


def numbers(text: str, name: str, kind: Callable[[str], T]) -> list[T]:
    """Parse numbers separated by commas."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"`{name}` must be numbers separated by commas, such as 10,30,100; got {text!r}.") from None


def noise_of(text: str, mapping: str | None) -> NoiseModel:
    """Return the noise model that --noise and --mapping name."""
    from labelnoise.data import read_noise

    return read_noise(text, None if mapping is None else numbers(mapping, "--mapping", int))


def placement_of(name: PlacementName, concentration: float) -> Placement:
    """Return the placement that --placement and --concentration name."""
    import labelnoise as ln

    if name is PlacementName.concentrated:
        return ln.Concentrated(concentration)
    others: dict[PlacementName, Callable[[], Placement]] = {
        PlacementName.spread: ln.Spread,
        PlacementName.kmeans: ln.KMeansCluster,
        PlacementName.boundary: ln.ClassBoundary,
        PlacementName.hubs: ln.HubnessProportional,
    }
    return others[name]()


def say(text: str) -> None:
    """Print text with rich markup; text from outside must be escaped before."""
    from rich.console import Console

    Console().print(text, highlight=False, soft_wrap=True)


def written(what: str, path: Path) -> str:
    """Return a line with rich markup that says where a file is."""
    from rich.markup import escape

    return f"[bold]{what}:[/] {escape(str(path.resolve()))}"


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    from labelnoise.artifacts import to_json

    typer.echo(to_json(value), nl=False)
