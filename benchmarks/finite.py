"""Finite neighborhoods: time of one vote profile (every m at once), exact engines against sampling, on one core.

    python benchmarks/finite.py [--output FILE.json] [--repeats 3]

Patterns: K clean labels in 10 classes, drawn from Dirichlet shares as mixed as a hard data set's (a pure neighborhood
is cheaper still), the largest class the label. For each noise model, tie rule and K:

- exact: milliseconds a distinct pattern, best of the repeats. For the general matrix, which has no exact engine here,
  the sampled profile at the default number of walks and its largest standard error.
- sampling to a standard error of 1e-4 at every m: the walks that this takes, by the variance seen in a sampled run,
  times the milliseconds a walk in that run. The ratio compares both in one process, exact and sampled in turn.
- the error of the exact profile: its largest deviation from sampled ones in standard errors, and of its sum over labels
  from 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # before the package is imported: times are of one core

import numpy as np

import labelnoise as ln
from labelnoise.artifacts import write_json
from labelnoise.finite import vote_profiles

N_CLASSES = 10
N_PATTERNS = {10: 40, 30: 24, 60: 8}
TARGET_ERROR = 1e-4
NOISES = {
    "uniform": ln.UniformNoise(),
    "flip": ln.FlipNoise(),
    "asymmetric": ln.MatrixNoise(0.4 * np.eye(N_CLASSES) + 0.6 * np.roll(np.eye(N_CLASSES), 1, axis=1)),
    "matrix": ln.MatrixNoise.random(N_CLASSES, random_state=0),
}


def mixed_patterns(k: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    counts = np.array([rng.multinomial(k, rng.dirichlet(np.full(N_CLASSES, 0.3))) for _ in range(N_PATTERNS[k])])
    return counts, counts.argmax(axis=1)


def timed(work) -> tuple[float, object]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(name: str, ties: str, k: int, repeats: int) -> dict:
    noise = NOISES[name]
    counts, labels = mixed_patterns(k)
    draws = 2000
    exact_times, sampled_times = [], []
    exact, sampled = None, None
    for _ in range(repeats + 1):  # the first run compiles
        if name != "matrix":
            seconds, exact = timed(lambda: vote_profiles(counts, labels, noise, ties=ties, method="exact"))
            exact_times.append(seconds)
        seconds, sampled = timed(
            lambda: vote_profiles(counts, labels, noise, ties=ties, method="sampled", draws=draws, random_state=0)
        )
        sampled_times.append(seconds)
    per_sampled = min(sampled_times[1:]) / len(counts)
    walks = draws * (sampled.standard_error.max() / TARGET_ERROR) ** 2
    row = {
        "noise": name,
        "ties": ties,
        "k": k,
        "patterns": len(counts),
        "mean_distinct_classes": float((counts > 0).sum(axis=1).mean()),
        "sampled_ms": 1e3 * per_sampled,
        "sampled_walks": draws,
        "sampled_largest_standard_error": float(sampled.standard_error.max()),
        "sampling_to_1e-4_ms": 1e3 * per_sampled * walks / draws,
    }
    if exact is not None:
        row["exact_ms"] = 1e3 * min(exact_times[1:]) / len(counts)
        row["ratio"] = row["sampling_to_1e-4_ms"] / row["exact_ms"]
        error = np.where(sampled.standard_error > 0, sampled.standard_error, np.inf)
        row["largest_deviation_in_standard_errors"] = float((np.abs(exact.win - sampled.win) / error).max())
        if ties != "strict":
            every = vote_profiles(counts[:4], None, noise, ties=ties, method="exact")
            row["largest_error_of_sum_over_labels"] = float(np.abs(every.win.sum(axis=1) - 1).max())
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    rows = []
    print("noise       ties      K   exact ms   sampled ms (2,000 walks)   sampling to 1e-4 ms     ratio")
    for name in NOISES:
        for ties in ("random", "lowest"):
            for k in N_PATTERNS:
                row = measure(name, ties, k, arguments.repeats)
                rows.append(row)
                print(
                    f"{name:11} {ties:7} {k:4d} {row.get('exact_ms', float('nan')):10.3f} {row['sampled_ms']:12.2f}"
                    f" {row['sampling_to_1e-4_ms']:31,.0f} {row.get('ratio', float('nan')):14,.0f}",
                    flush=True,
                )
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        write_json({"benchmark": "finite", "n_classes": N_CLASSES, "cores": 1, "rows": rows}, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
