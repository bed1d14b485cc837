"""How long does a diagnosis take, from files to the page, and how much memory?

    LABELNOISE_DATA=FOLDER python benchmarks/diagnose.py [--large] [--quick] [--output FILE.json]

50,000 samples of 256 features and 10 classes: CIFAR-10's features and CIFAR-10N's labels where the folder holds them,
normal clouds otherwise. With --large, 1,000,000 samples of 64 features and 100 classes as well. Each is one run of the
command line in a process of its own; `search` is the share of `labelnoise.neighbors` alone, run before it: the named
alternative, which any answer about a K-NN needs. `memory` is the peak of the process.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
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
    np.save(folder / "labels.npy", ln.corrupt(true, ln.UniformNoise(), 0.2, random_state=0).labels)
    return folder / "features.npy", folder / "labels.npy"


def row_of(features: Path, labels: Path, folder: Path) -> Record:
    """Time the command on two files."""
    table = np.load(features, mmap_mode="r")
    start = time.perf_counter()
    if len(table) <= 100_000:
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
        "seconds": seconds,
        "search": search if len(table) <= 100_000 else None,
        "memory_GB": peak / 1e6,
    }


def main(options: Options) -> Record:
    """Diagnose each data set."""
    table = Table()
    root = Path(os.environ.get("LABELNOISE_DATA", "."))
    real = root / "features/cifar10_train.npy", root / "cifar10n/random_label1.npy"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if all(file.exists() for file in real) and not options.quick:
            table.add(row_of(*real, folder))
        else:
            table.add(row_of(*made(folder, 1_000 if options.quick else 50_000, 256, 10), folder))
    if options.large:
        with tempfile.TemporaryDirectory() as name:
            table.add(row_of(*made(Path(name), 1_000_000, 64, 100), Path(name)))
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, large={"action": "store_true", "help": "a million samples as well"})
