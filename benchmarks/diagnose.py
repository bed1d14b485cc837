"""How long does a diagnosis take, from files to the page, and how much memory?

    LABELNOISE_DATA=FOLDER python benchmarks/diagnose.py [--classes] [--large] [--quick] [--output FILE.json]

50,000 samples of 256 features and 10 classes: CIFAR-10's features and CIFAR-10N's labels where the folder holds them,
normal clouds otherwise. With --classes, instead of these, 10,000 samples of 256 features and 1,000 classes, in normal
clouds. Each is one run of the command line in a process of its own; `search` is the time of `labelnoise.neighbors`
alone, run before it: the named alternative, which any answer about a K-NN needs. `memory` is the peak of the process.

With --large, instead of these, 1,000,000 samples of 64 features and 100 classes in a process of its own, by
`labelnoise.diagnose` and `Diagnosis.save`. An exact search among a million samples takes most of an hour on two cores.
So neighbors are searched within each cloud, where they lie; `search` is the time that the search among all samples
would take, from that of 5,000 queries among all, and is not in `seconds`.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, run

import labelnoise as ln


def made(folder: Path, n: int, width: int, n_classes: int) -> tuple[Path, Path]:
    """Write features of normal clouds, and labels of which 20 % were drawn at random."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(n_classes, width)).astype(np.float32)
    true = rng.integers(n_classes, size=n)
    features = centers[true]
    for start in range(0, n, 50_000):
        part = features[start : start + 50_000]
        part += 0.8 * rng.standard_normal(part.shape, dtype=np.float32)
    np.save(folder / "features.npy", features)
    np.save(folder / "clouds.npy", true)
    np.save(folder / "labels.npy", ln.corrupt(true, ln.UniformNoise(), 0.2, random_state=0).labels)
    return folder / "features.npy", folder / "labels.npy"


def row_of(features: Path, labels: Path, folder: Path) -> Record:
    """Time the command on two files."""
    table = np.load(features, mmap_mode="r")
    start = time.perf_counter()
    ln.neighbors(np.asarray(table, dtype=np.float32), k=10)
    search = time.perf_counter() - start
    command = [sys.executable, "-m", "labelnoise", "diagnose", "--features", features, "--labels", labels]
    start = time.perf_counter()
    subprocess.run([*map(str, command), "--output-dir", str(folder / "out")], check=True, capture_output=True)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "samples": len(table),
        "features": table.shape[1],
        "classes": len(np.unique(np.load(labels))),
        "seconds": seconds,
        "search": search,
        "memory_GB": peak / 1e6,
        "wrong": json.loads((folder / "out/diagnosis.json").read_text())["wrong_rate"]["value"],
    }


def row_of_many(features: Path, labels: Path, folder: Path) -> Record:
    """Time the library on two files of many samples, in this process."""
    table, given = np.load(features), np.load(labels)
    queries = table[:5_000]
    start = time.perf_counter()
    ln.neighbors(table, queries, k=10)
    search = (time.perf_counter() - start) * len(table) / len(queries)
    hoods = neighbors_in_clouds(table, np.load(folder / "clouds.npy"))
    start = time.perf_counter()
    found = ln.diagnose(given, features=table, neighbors=hoods, random_state=0)
    diagnosed = time.perf_counter() - start
    found.save(folder / "out")
    return {
        "samples": len(table),
        "features": table.shape[1],
        "classes": found.data.n_classes,
        "seconds": time.perf_counter() - start,
        "diagnosed": diagnosed,
        "search": search,
        "memory_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "wrong": found.wrong_rate.value,
    }


def neighbors_in_clouds(features: np.ndarray, clouds: np.ndarray, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Return indices and distances of the nearest other samples of the same cloud."""
    indices, distances = np.empty((len(features), k), np.int64), np.empty((len(features), k))
    for cloud in np.unique(clouds):
        rows = np.flatnonzero(clouds == cloud)
        found = ln.neighbors(features[rows], k=k)
        indices[rows], distances[rows] = rows[found.indices], found.distances
    return indices, distances


def main(options: Options) -> Record:
    """Diagnose each data set."""
    table, quick = Table(), options.quick
    root = Path(os.environ.get("LABELNOISE_DATA", "."))
    real = root / "features/cifar10_train.npy", root / "cifar10n/random_label1.npy"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.large:
            files = *made(folder, *((2_000, 16, 5) if quick else (1_000_000, 64, 100))), folder
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                table.add(pool.submit(row_of_many, *files).result())
        elif options.classes:
            table.add(row_of(*made(folder, *((600, 16, 50) if quick else (10_000, 256, 1_000))), folder))
        elif all(file.exists() for file in real) and not quick:
            table.add(row_of(*real, folder))
        else:
            table.add(row_of(*made(folder, 1_000 if quick else 50_000, 256, 10), folder))
    return {"rows": table.rows}


if __name__ == "__main__":
    run(
        main,
        __doc__,
        classes={"action": "store_true", "help": "10,000 samples of 1,000 classes"},
        large={"action": "store_true", "help": "a million samples"},
    )
