"""Options that commands share, and functions that turn their values into models, and results into text."""

from __future__ import annotations

import codecs
import enum
import functools
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

if TYPE_CHECKING:
    from labelnoise.data.reading import Reading
    from labelnoise.jobs.samples import NeighborSearch, SampleSource
    from labelnoise.noise import NoiseModel
    from labelnoise.placement import Placement

T = TypeVar("T")


class PartlyFailedError(RuntimeError):
    """Raised after results were printed, some of which are missing."""


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
    standardized = "standardized"


class PlacementName(enum.StrEnum):
    """Names of placements, which say where noise lies."""

    spread = "spread"
    kmeans = "kmeans"
    concentrated = "concentrated"
    boundary = "boundary"
    hubs = "hubs"


OutputDir = Annotated[Path, typer.Option(help="Folder for tables, figures and specifications; made if missing.")]
RandomState = Annotated[int, typer.Option(help="Seed of every random draw.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results of another specification in the folder.")]
Report = Annotated[
    bool,
    typer.Option("--report/--no-report", help="Also write index.html: a page about all results in the output folder."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output, and nothing else.")]
Executor = Annotated[
    str | None, typer.Option(help="Cluster to use: dask://HOST:PORT, or slurm://?partition=NAME&timeout_min=600.")
]
Workers = Annotated[int | None, typer.Option(help="Number of worker processes, which share the cores.")]
SearchStore = Annotated[
    Path | None,
    typer.Option(
        "--store",
        help="Folder that keeps finished blocks of the neighbor search, so that the same command resumes it; all "
        "workers must see it. Default with --workers or --executor: labelnoise-output/runs.",
    ),
]
STORE = Path("labelnoise-output/runs")
"""The folder that keeps finished runs by default."""

Noise = Annotated[
    str,
    typer.Option(help="[bold]uniform[/], [bold]flip[/], or a file with a corruption matrix whose rows sum to 1."),
]
Mapping = Annotated[
    str | None,
    typer.Option(
        help="With flip: what classes 0, 1, ... become, such as 1,2,0, or pairs of class names, such as "
        "cat=dog,dog=cat, in which case other classes stay. Default: each becomes the next."
    ),
]
PlacementOption = Annotated[
    PlacementName | None,
    typer.Option(
        help="Where the noise lies: spread over all samples (the default), in one k-means cluster per class, "
        "concentrated as --concentration says, near class boundaries, or at hubs (samples that are neighbors of many "
        "others)."
    ),
]

Dataset = Annotated[
    str | None,
    typer.Option(help="Image set with pixels as features: hub id, folder in the hub's layout, or image folder."),
]
Features = Annotated[
    str | None,
    typer.Option(
        help="Training features: .npy, .npz, .csv, .tsv, .jsonl, .parquet or .safetensors; FILE:NAME,... selects "
        "an array or columns."
    ),
]
TestFeatures = Annotated[
    str | None, typer.Option(help="Test features. Without them, each training sample is tested against the others.")
]
TestLabels = Annotated[str | None, typer.Option(help="True labels of the test samples.")]
TestSplit = Annotated[
    str | None,
    typer.Option(
        help="With --dataset: the split of the test samples. Default: test, or none if the set has one split only; "
        "each sample is then tested against the others, as with train."
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(help="All classes in order: such as cat,dog,bird, or a file that holds them."),
]
IdColumns = Annotated[
    str | None,
    typer.Option(help="Columns that identify rows and are no features, such as id,patient; none if there is none."),
]
MissingLabels = Annotated[
    list[str] | None,
    typer.Option("--missing-label", help="Label that says that there is none: such rows are left out and counted."),
]
Csv = Annotated[
    list[str] | None,
    typer.Option(
        help="How text files are written, such as sep=semicolon,decimal=comma; also thousands, encoding, header=no, "
        "comment."
    ),
]


def csv_options(texts: list[str] | None) -> dict[str, str]:
    """Parse ``NAME=VALUE,NAME=VALUE``."""
    options: dict[str, str] = {}
    for part in ",".join(texts or []).split(",") if texts else []:
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise ValueError(
                f"`--csv` must be NAME=VALUE, such as sep=semicolon,decimal=comma; got {part!r}. "
                f"Write a comma as the word comma."
            )
        options[name.strip()] = value if value.isspace() else value.strip()
    return options


def sample_source(
    *, id_columns: str | None, missing_label: list[str] | None, csv: list[str] | None, **given: Any
) -> SampleSource:
    """Return the source of samples that the options name; `given` are those that need no parsing."""
    from labelnoise.jobs.samples import SampleSource

    return SampleSource(
        id_columns=names(id_columns),
        missing_labels=missing_labels(missing_label),
        csv=csv_options(csv),
        **given,
    )


def names(text: str | None) -> tuple[str, ...] | None:
    """Parse names separated by commas; ``none`` is none of them."""
    if text is None:
        return None
    return () if text == "none" else tuple(part.strip() for part in text.split(","))


def missing_labels(texts: list[str] | None) -> tuple[str, ...]:
    """Parse labels separated by commas; the empty text is a label too."""
    return tuple(part.strip() for text in texts or [] for part in text.split(","))


def numbers(text: str, name: str, kind: Callable[[str], T], example: str = "10,30,100") -> list[T]:
    """Parse numbers separated by commas; an error gives the example."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"`{name}` must be numbers separated by commas, such as {example}; got {text!r}.") from None


def rates(text: str, name: str) -> list[float]:
    """Parse noise rates separated by commas."""
    return numbers(text, name, float, "0,0.1,0.2 (0.2 is 20 %)")


def _mapping(text: str) -> list[int] | dict[str, str]:
    """Parse positions of classes separated by commas, or pairs of class names ``OLD=NEW,OLD=NEW``."""
    if "=" not in text:
        return numbers(text, "--mapping", int, "1,2,0, or pairs of class names, such as cat=dog,dog=cat")
    pairs = [part.partition("=") for part in text.split(",")]
    mapping = {old.strip(): new.strip() for old, _, new in pairs}
    if not all(equals and new for _, equals, new in pairs) or len(mapping) < len(pairs):
        raise ValueError(
            f"`--mapping` must be pairs OLD=NEW separated by commas, each class once before a =, such as "
            f"cat=dog,dog=cat; got {text!r}."
        )
    return mapping


def accuracies(text: str, name: str) -> list[tuple[float, float]]:
    """Parse pairs of noise rate and accuracy, ``RATE:ACCURACY,RATE:ACCURACY``."""
    try:
        parts = [part.split(":") for part in text.split(",")]
        return [(float(rate), float(accuracy)) for rate, accuracy in parts]
    except ValueError:
        raise ValueError(
            f"`{name}` must be RATE:ACCURACY, separated by commas, such as 0.4:0.86 or 0.3:0.95,0.4:0.86; got {text!r}."
        ) from None


def noise_of(text: str, mapping: str | None, csv: list[str] | None) -> NoiseModel:
    """Return the noise model that --noise and --mapping name; --csv says how a file of it is written."""
    from labelnoise.data import read_noise

    return read_noise(text, None if mapping is None else _mapping(mapping), csv=csv_options(csv))


def search_of(executor: str | None, workers: int | None, store: Path | None, *, has_features: bool) -> NeighborSearch:
    """Return the neighbor search that --executor, --workers and --store name, checked before anything is read."""
    from labelnoise.neighborhoods.nearest import neighbors
    from labelnoise.sweeps.executors import executor_named

    executor_named(executor, workers)
    if executor is None and workers is None and store is None:
        return neighbors
    if not has_features:
        raise ValueError(
            "--executor, --workers and --store are for the search of neighbors among features; --pred-probs alone "
            "needs none. Leave them out, or give --features."
        )
    return functools.partial(neighbors, executor=executor or workers, store=store or STORE)


def placement_of(name: PlacementName | None, concentration: float | None, *, predicted: bool = False) -> Placement:
    """Return the placement that --placement (by default spread) and --concentration (by default 0.5) name.

    If the accuracy is only `predicted`, no placement is drawn, and a concentration may be given alone.

    Raises
    ------
    ValueError
        A concentration beside a placement that does not take one.
    """
    import labelnoise as ln

    if name is PlacementName.concentrated:
        return ln.Concentrated(0.5 if concentration is None else concentration)
    others: dict[PlacementName, Callable[[], Placement]] = {
        PlacementName.spread: ln.Spread,
        PlacementName.kmeans: ln.KMeansCluster,
        PlacementName.boundary: ln.ClassBoundary,
        PlacementName.hubs: ln.HubnessProportional,
    }
    given = name or PlacementName.spread
    alone = predicted and name is None
    if concentration is not None and not alone and (concentration != 0 or given is not PlacementName.spread):
        raise ValueError(
            f"--concentration {concentration:g} does not go with {given.value} placement: give --placement "
            "concentrated as well, or leave --concentration out."
        )
    return others[given]()


def say(text: str) -> None:
    """Print text with rich markup; text from outside must be escaped before."""
    from rich.console import Console

    Console().print(text, highlight=False, soft_wrap=True)


def written(what: str, path: Path) -> str:
    """Return a line with rich markup that says where a file is."""
    from rich.markup import escape

    return f"[bold]{what}:[/] {escape(str(path.resolve()))}"


def print_reading(reading: Reading, *, as_json: bool) -> None:
    """Print what was read as a small table, on standard error if standard output is for JSON; then the warnings."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(stderr=as_json)
    for part, heading in ((reading, "Read"), (reading.test, "Test")):
        if part is None:
            continue
        if part.files:
            table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), title=heading, title_justify="left")
            for name, text in part.lines():
                table.add_row(name, escape(text))
            console.print(table)
        for warning in part.warnings:
            Console(stderr=True).print(f"[bold]warning:[/] {escape(warning)}", soft_wrap=True, highlight=False)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output; where that is not UTF-8, other characters are escaped."""
    from labelnoise.artifacts import to_json

    sys.stdout.write(to_json(value, ascii_only=not is_utf8(sys.stdout)))


_PLAIN = {"ρ": "rho", "γ": "gamma", "χ": "chi", "±": "+-", "×": "x", "…": "...", "–": "-", "—": "-", "→": "->"}


def is_utf8(stream: TextIO) -> bool:
    """Return whether a stream takes every character."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def printable(text: str) -> str:
    """Return text as standard output will show it, which a table must know to be as wide as its cells."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "labelnoise.plain").decode(encoding)


def write_plainly() -> None:
    """Let standard output and error write plain characters for those that their encoding lacks, never an error."""
    codecs.register_error("labelnoise.plain", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="labelnoise.plain")


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    refused = error.object[error.start : error.end]
    return "".join(_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in refused), error.end
