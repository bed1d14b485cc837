"""What all benchmarks share: options, a timer, tables, and the JSON file with the machine in it.

A benchmark is a script whose docstring begins with the question that it answers. It times its subject and a named
alternative in turn in one run, prints a table, and returns what the JSON file is to hold. A new one looks like this::

    \"""Is numpy.sort faster than Python's sorted?

        python benchmarks/sorting.py [--values 100000] [--repeats 5] [--quick] [--output FILE.json]

    Here: what the data are, what is timed and what is not, and what the columns mean.
    \"""

    from functools import partial

    import numpy as np
    from harness import Options, Record, Table, compare, run


    def main(options: Options) -> Record:
        table = Table()
        for dtype in ("float32", "float64"):
            values = np.random.default_rng(0).random(options.values).astype(dtype)
            ways = {"sorted": partial(sorted, values), "numpy.sort": partial(np.sort, values)}
            table.add(*compare({"dtype": dtype}, ways, against="sorted", repeats=options.repeats))
        return {"rows": table.rows}


    if __name__ == "__main__":
        run(main, __doc__, values=(100_000, 100), repeats=(5, 1))  # The second of each pair is for --quick.

If a row needs more than `compare` gives, `timed` and `time_in_turn` return the times themselves.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import re
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from joblib import cpu_count

from labelnoise.artifacts import write_json
from labelnoise.data import ImageSet, load_images
from labelnoise.data.files import read_labels

PACKAGES = ("labelnoise", "numpy", "scipy", "numba", "scikit-learn", "torch")

Options = argparse.Namespace
Record = dict[str, Any]  # This is a row of a table, or what the JSON file is to hold.
Work = Callable[[], Any]


def run(main: Callable[[Options], Record | None], description: str, **options: Any) -> None:
    """Parse the command line, call `main` with the options, and write what it returns to the file of --output.

    Parameters
    ----------
    main : callable
        Returns what the file is to hold, beside the script's name, its options and the machine; None for no file.
    description : str
        The script's docstring.
    **options : (default, default with --quick) or mapping
        A number by its defaults, or several numbers by tuples; anything else by the arguments of `add_argument`.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="smallest sizes: only shows that the script works")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="write the result as JSON")
    sizes = {name: given for name, given in options.items() if not isinstance(given, Mapping)}
    for name, (default, quick) in sizes.items():
        kind, number = (type(default[0]), "+") if isinstance(default, tuple) else (type(default), None)
        note = f"default {default}, with --quick {quick}"
        options[name] = {"type": kind, "nargs": number, "default": default, "help": note}
    for name, settings in options.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **settings)
    if parser.parse_args().quick:
        parser.set_defaults(**{name: quick for name, (_, quick) in sizes.items()})
    given = parser.parse_args()
    record = main(given)
    if given.output is not None and record is not None:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        about = {"benchmark": Path(sys.argv[0]).stem, "options": vars(given), **machine()}
        write_json({**about, **record}, given.output)


def machine() -> Record:
    """Return what results depend on besides the code: processor, cores and versions."""
    cpuinfo = Path("/proc/cpuinfo")  # Linux names the processor nowhere else.
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else [platform.processor()]
    processor = {"processor": (names or [""])[0] or platform.machine(), "machine": platform.machine()}
    versions = {"python": platform.python_version(), **{package: version(package) for package in PACKAGES}}
    return {**processor, "cores": cpu_count(), **versions}


class Timing(NamedTuple):
    """The seconds of each call, also those of the processor for all threads, and what the last call returned."""

    seconds: np.ndarray
    cpu_seconds: np.ndarray
    result: Any

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))

    @property
    def minimum(self) -> float:
        return float(self.seconds.min())


def time_in_turn(works: Mapping[str, Work], repeats: int, *, warm_up: int = 1) -> dict[str, Timing]:
    """Time several pieces of work in rounds, so that whatever else the machine does weighs on all of them.

    Every other round is in reverse order. The first `warm_up` rounds, which compile and fill caches, are left out.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    results: dict[str, Any] = {}
    for turn in range(warm_up + repeats):
        for name, work in list(works.items())[:: -1 if turn % 2 else 1]:
            start, cpu_start = time.perf_counter(), time.process_time()
            results[name] = work()
            times[name].append((time.perf_counter() - start, time.process_time() - cpu_start))
    return {name: Timing(*np.array(times[name][warm_up:]).T, results[name]) for name in works}


def timed(work: Work, repeats: int = 1, *, warm_up: int = 0) -> Timing:
    """Time one piece of work, by default a single call of it."""
    return time_in_turn({"": work}, repeats, warm_up=warm_up)[""]


def compare(about: Record, ways: Mapping[str, Work], *, against: str, repeats: int) -> list[Record]:
    """Time several ways to do one thing, after a round to warm up, and return one row per way.

    Each row begins with `about`. Its spread is the difference between the slowest and the fastest call over the median.
    Its ratio is the time of this way over that of the way `against` in the same round: below 1, this way is faster.
    `cpu_s` and `cpu_ratio` say the same of processor seconds of all threads, which other work on the machine hardly
    changes.
    """
    rows, timings = [], time_in_turn(ways, repeats)
    for way, timing in timings.items():
        spread = float(np.ptp(timing.seconds)) / timing.median
        row = {**about, "way": way, "median_s": timing.median, "minimum_s": timing.minimum, "spread": spread}
        ratio = summarize(timing.seconds / timings[against].seconds)
        cpu = {
            "cpu_s": float(np.median(timing.cpu_seconds)),
            "cpu_ratio": summarize(timing.cpu_seconds / timings[against].cpu_seconds),
        }
        rows.append({**row, "against": against, "ratio": ratio, **cpu})
    return rows


def summarize(values: np.ndarray) -> dict[str, float]:
    """Return the median, the lowest and the highest value."""
    return {"median": float(np.median(values)), "lowest": float(values.min()), "highest": float(values.max())}


class Table:
    """Rows that are printed in columns as they come, and kept for the JSON file.

    Parameters
    ----------
    *columns : str
        Keys of the rows to be printed, by default those of the first row. "data:25" makes a column 25 wide, for texts
        that are longer than the first.
    """

    def __init__(self, *columns: str) -> None:
        self.rows: list[Record] = []
        self._columns = dict(column.partition(":")[::2] for column in columns)
        self._formats: list[str] = []

    def add(self, *rows: Record) -> None:
        """Keep some rows and print them, the first one under a heading."""
        columns = self._columns = self._columns or dict.fromkeys(rows[0], "")
        lines: list[Sequence[str]] = [[_cell(row.get(column)) for column in columns] for row in rows]
        if not self.rows:
            # The words of a heading stand below one another, so that a column is about as wide as its numbers.
            headings = [textwrap.wrap(column.replace("_", " "), 12)[::-1] for column in columns]
            lines = [*list(zip_longest(*headings, fillvalue=""))[::-1], *lines]
            sides = ["<" if isinstance(rows[0].get(column), str) else ">" for column in columns]
            widths = [max(7, *map(len, cells)) for cells in zip(*lines, strict=True)]
            formats = zip(sides, columns.values(), widths, strict=True)
            self._formats = [f"{side}{fixed or width}" for side, fixed, width in formats]
        for line in lines:
            print("  ".join(map(format, line, self._formats)).rstrip(), flush=True)
        self.rows += map(dict, rows)


def _cell(value: Any) -> str:
    if isinstance(value, dict) and "median" in value:  # `summarize` returns such.
        return f"{value['median']:.3g} ({value['lowest']:.3g} to {value['highest']:.3g})"
    if isinstance(value, float) and not math.isnan(value):
        return f"{value:,.0f}" if 1e3 <= abs(value) < 1e9 else f"{value:.4g}"
    return "-" if value is None or value != value else str(value)


def load_mnist(limit: int | None = None) -> tuple[ImageSet, ImageSet] | None:
    """Return MNIST's training and test images, at most `limit` of each; None where they cannot be read."""
    try:
        return load_images("mnist", "train", limit=limit), load_images("mnist", "test", limit=limit)
    except (ValueError, OSError, ImportError) as error:
        print(f"MNIST skipped: {error}")
        return None


def load_cifar10(part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
    """Return features, labels and CIFAR-10N's labels (of "train") from the folder LABELNOISE_DATA; None without it."""
    root = Path(os.environ.get("LABELNOISE_DATA", "."))
    if not (root / f"features/cifar10_{part}.npy").exists():
        return None
    features = np.load(root / f"features/cifar10_{part}.npy").astype(np.float32)
    labels = np.asarray(read_labels(root / f"cifar10/{part}-00000-of-00001.parquet", column="label"))
    human = np.load(root / "cifar10n/random_label1.npy").astype(np.int64) if part == "train" else None
    return features, labels, human


def import_test_helper(name: str) -> ModuleType:
    """Return the module `name` of tests/helpers, which processes that are spawned later can import as well."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    return import_module(f"helpers.{name}")
