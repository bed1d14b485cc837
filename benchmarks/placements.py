"""Does concentrated noise reach the requested rho and the exact noise rate, and how long does a draw of it take?

    LABELNOISE_DATA=... python benchmarks/placements.py [--k 10 30 100] [--samples 1000000] [--quick]
        [--output FILE.json]
    python benchmarks/placements.py --large [--placements kmeans concentrated] [--rows 1281167] [--clustered 1000]
        [--queries 2000] [--folder FOLDER] [--quick] [--output FILE.json]

MNIST pixels, noise rates 0.1 to 0.5, eight concentrations. Preparing (landmarks, and the neighborhoods in which rho is
measured) is done once per data set; a draw is what follows, with the measurement of its rho. A rho counts as reached
within 0.02; where it is out of reach the row holds what was realized. With --samples also a synthetic set of so many
samples, in 16 dimensions.

The named alternative, in the same run: noise in k-means clusters (`KMeansCluster`), whose rho cannot be chosen.

--large instead: `corrupt` with both placements on made-up features of ImageNet's size, 1,281,167 x 1,024 in float16 and
1,000 classes, mapped from a file of 2.6 GB, at a noise rate of 0.25; each placement in a process of its own. Features
lie in 50 groups of 20 classes of five parts each. --folder keeps the file and uses one that is there. `peak_gb` is the
largest resident memory of the process (10^9 bytes), with the pages of the mapped file that it has read; `own_gb` is
what it allocated itself, looked at ten times a second. --rows takes the first rows only. With --clustered C, k-means
is done in C classes only (the rest of the work in all), and `all_classes_cpu_s` is extrapolated; --queries is the
number of neighborhoods that `Concentrated` searches. `prepare` seconds are its search and its landmarks.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from harness import Options, Record, Table, load_mnist, run, timed

import labelnoise as ln
from labelnoise.placement.concentrated import REACHED, Concentrated

RATES = (0.1, 0.2, 0.3, 0.4, 0.5)
LARGE = ("kmeans", "concentrated")
ASKED = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def draw(placement: Concentrated, data: tuple, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return a mask and its rho."""
    mask = placement.select(*data, rng)
    return mask, placement.realized(mask)


def draw_all(name: str, features: np.ndarray, codes: np.ndarray, k: int, rates: Sequence[float]) -> Iterator[Record]:
    prepared = timed(lambda: Concentrated(0.5, k=k).prepare(features))
    about = {"data": name, "n": len(codes), "k": k, "preparation_seconds": prepared.median}
    for rate in rates:
        data = (codes, int(codes.max()) + 1, rate, features)
        clusters = timed(partial(ln.KMeansCluster().select, *data, np.random.default_rng(0))).median
        for asked in ASKED:
            placement = replace(prepared.result, concentration=asked)
            rng = np.random.default_rng([k, round(100 * rate), round(100 * asked)])
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                drawn = timed(partial(draw, placement, data, rng))
            mask, realized = drawn.result
            row = {**about, "noise_rate": rate, "asked": asked, "realized": realized, "said_out_of_reach": bool(said)}
            row |= {"exact": bool(mask.sum() == round(rate * len(codes))), "seconds": drawn.median}
            yield {**row, "clusters_seconds": clusters}


def data_sets(options: Options) -> Iterator[tuple[str, np.ndarray, np.ndarray, int, Sequence[float]]]:
    """Yield names, features, labels, neighborhood sizes and noise rates."""
    if mnist := load_mnist(2000 if options.quick else None):
        train, _ = mnist
        for k in options.k:
            yield "MNIST", train.features, train.labels, k, RATES[:1] if options.quick else RATES
    if options.samples:
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 10, options.samples)
        features = 3 * rng.standard_normal((10, 16))[codes] + rng.standard_normal((options.samples, 16))
        yield "ten Gaussians in 16 dimensions", features.astype(np.float32), codes, options.k[0], (0.3,)


def write_large(folder: Path, n: int, width: int, n_classes: int) -> None:
    """Write features and classes, unless they are there."""
    if (folder / "codes.npy").exists():
        return
    rng = np.random.default_rng(0)
    needed, free = 2 * n * width + 2**30, shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(f"{folder} needs {needed / 1e9:.1f} GB free; it has {free / 1e9:.1f}. Name another --folder.")
    codes = rng.permutation(np.arange(n) % n_classes)
    groups = rng.standard_normal((50, width), np.float32) / 2
    classes = rng.standard_normal((n_classes, width), np.float32) / 3 + groups[np.arange(n_classes) % 50]
    parts = rng.standard_normal((n_classes, 5, width), np.float32) / 4 + classes[:, None]
    stored = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float16, (n, width))
    for start in range(0, n, 10_000):
        of = codes[start : start + 10_000]
        rows = rng.standard_normal((len(of), width), np.float32)
        rows += parts[of, rng.integers(5, size=len(of))]
        stored[start : start + 10_000] = rows
    np.save(folder / "codes.npy", codes)


@dataclass(frozen=True)
class SomeClasses(ln.KMeansCluster):
    """k-means clusters of the first classes alone; all else is done for every class."""

    clustered: int = 1
    seconds: list[float] = field(default_factory=list, compare=False)

    def fit(self, features: np.ndarray, noise_rate: float, rng: np.random.Generator) -> tuple[Any, int]:
        if len(self.seconds) == self.clustered:
            return SimpleNamespace(labels_=np.ones(len(features))), 0
        fitted = timed(lambda: ln.KMeansCluster.fit(self, features, noise_rate, rng))
        self.seconds.append(float(fitted.cpu_seconds[0]))
        return fitted.result


def corrupt_large(folder: Path, name: str, rows: int, clustered: int, queries: int) -> Record:
    """Corrupt the labels of mapped features, and return what it took."""
    features, codes = np.load(folder / "features.npy", mmap_mode="r")[:rows], np.load(folder / "codes.npy")[:rows]
    n_classes, most, done = int(codes.max()) + 1, [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            most[0] = max(most[0], _anonymous_memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    few = SomeClasses(clustered=min(clustered, n_classes))
    prepared = timed(lambda: few if name == "kmeans" else Concentrated(0.3, n_queries=queries).prepare(features))
    how = {"placement": prepared.result, "features": features, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if few.clustered < n_classes else "default")
        took = timed(lambda: ln.corrupt(codes, ln.FlipNoise(), 0.25, **how))
    done.set()
    watcher.join()
    seconds, cpu_seconds, fits = took.median, float(took.cpu_seconds[0]), float(np.sum(few.seconds))
    return {
        **{"placement": name, "n": len(codes), "width": features.shape[1], "classes": n_classes},
        "clustered": few.clustered if name == "kmeans" else None,
        "queries": queries if name == "concentrated" else None,
        "noise_rate": took.result.noise_rate,
        "concentration": took.result.concentration,
        "prepare_s": prepared.median,
        "prepare_cpu_s": float(prepared.cpu_seconds[0]),
        "corrupt_s": seconds,
        "corrupt_cpu_s": cpu_seconds,
        "all_classes_cpu_s": cpu_seconds + fits * (n_classes / few.clustered - 1) if name == "kmeans" else None,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,  # kilobytes on Linux
        "own_gb": most[0] / 1e9,
    }


def _anonymous_memory() -> int:
    """Return the bytes of this process that no file holds (Linux)."""
    status = Path(f"/proc/{os.getpid()}/status").read_text()
    return 1024 * int(status.partition("RssAnon:")[2].split()[0])


def large(options: Options) -> Record:
    size = (4000, 64, 20) if options.quick else (1_281_167, 1024, 1000)
    table = Table()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        write_large(folder, *size)
        sizes = options.rows, options.clustered, options.queries
        for name in options.placements:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                table.add(process.submit(corrupt_large, folder, name, *sizes).result())
    return {"large": table.rows}


def main(options: Options) -> Record:
    if options.large:
        return large(options)
    table = Table("data:30", "n", "k", "noise_rate", "asked", "realized", "said_out_of_reach", "exact", "seconds")
    for data in data_sets(options):
        n_before = len(table.rows)
        for row in draw_all(*data):
            table.add(row)
        draws = pd.DataFrame(table.rows[n_before:])
        missed = (draws.realized - draws.asked).abs() > REACHED
        print(
            f"{len(draws)} draws: rho missed in {missed.sum()}, silently in {sum(missed & ~draws.said_out_of_reach)}; "
            f"rate exact in {draws.exact.sum()}; preparing took {draws.preparation_seconds[0]:.1f} s, a draw "
            f"{draws.seconds.mean():.2f} s on average and {draws.seconds.max():.2f} s at most, one k-means cluster per "
            f"class {draws.clusters_seconds.mean():.1f} s"
        )
    return {"rows": table.rows}


if __name__ == "__main__":
    run(
        main,
        __doc__,
        k=((30,), (30,)),
        samples=(0, 2000),
        rows=(1_281_167, 4000),
        clustered=(1000, 1000),
        queries=(2000, 2000),
        large={"action": "store_true", "help": "both placements at ImageNet's size, on disk"},
        placements={"nargs": "+", "choices": LARGE, "default": LARGE, "help": "with --large; by default both"},
        folder={"type": Path, "help": "with --large: where the features are kept; by default a temporary folder"},
    )
