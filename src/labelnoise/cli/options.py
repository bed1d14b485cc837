"""What commands share: options, and how their values become models and their results text."""

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
    """Tie rules."""

    random = "random"
    lowest = "lowest"
    strict = "strict"


class Model(enum.StrEnum):
    """Models of a neighborhood's votes."""

    finite = "finite"
    iid = "iid"


class Metric(enum.StrEnum):
    """Distances."""

    euclidean = "euclidean"
    cosine = "cosine"


class Where(enum.StrEnum):
    """Placements."""

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
    typer.Option(help="[bold]uniform[/], [bold]flip[/], or a file that holds a corruption matrix whose rows sum to 1."),
]
Mapping = Annotated[
    str | None,
    typer.Option(help="With flip: what classes 0, 1, ... become, for example 1,2,0. Default: the next class."),
]
PlacementName = Annotated[
    Where,
    typer.Option(
        help="Where the noise lies: spread, in one k-means cluster of every class, at a chosen concentration, near "
        "class boundaries, or at hubs."
    ),
]


def numbers(text: str, name: str, kind: Callable[[str], T]) -> list[T]:
    """Values separated by commas."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"`{name}` must be numbers separated by commas, such as 10,30,100; got {text!r}.") from None


def noise_of(text: str, mapping: str | None) -> NoiseModel:
    """The noise model that --noise and --mapping name."""
    from labelnoise.data import read_noise

    return read_noise(text, None if mapping is None else numbers(mapping, "--mapping", int))


def placement_of(where: Where, concentration: float) -> Placement:
    """The placement that --placement and --concentration name."""
    import labelnoise as ln

    if where is Where.concentrated:
        return ln.Concentrated(concentration)
    others: dict[Where, Callable[[], Placement]] = {
        Where.spread: ln.Spread,
        Where.kmeans: ln.KMeansCluster,
        Where.boundary: ln.ClassBoundary,
        Where.hubs: ln.HubnessProportional,
    }
    return others[where]()


def say(text: str) -> None:
    """Print, with rich markup; what comes from outside is escaped."""
    from rich.console import Console

    Console().print(text, highlight=False, soft_wrap=True)


def written(what: str, path: Path) -> str:
    """A line that says where a file is, in rich markup."""
    from rich.markup import escape

    return f"[bold]{what}:[/] {escape(str(path.resolve()))}"


def print_json(value: Any) -> None:
    """Print as JSON."""
    from labelnoise.artifacts import to_json

    typer.echo(to_json(value), nl=False)
