"""How long does one vote profile (every m at once) take in finite neighborhoods, exact engines against sampling?

    python benchmarks/finite.py [--repeats 3] [--quick] [--output FILE.json]

Patterns: K clean labels in 10 classes, drawn from Dirichlet shares as mixed as a hard data set's (a pure neighborhood
costs less still); the label is the largest class. All times are those of one core. For each noise model, tie rule, K:

- exact: milliseconds per distinct pattern, the minimum over the repeats. The general matrix has no exact engine here,
  so that its rows hold only the sampled profile and its largest standard error.
- sampling to a standard error of 1e-4 at every m: the number of walks that this takes, by the variance seen in a
  sampled run, times the milliseconds per walk in that run. The ratio compares both in one process, exact and sampled in
  turn.
- the error of the exact profile: its largest deviation from sampled ones in standard errors, and of its sum over labels
  from 1.
"""

from __future__ import annotations

import itertools
import os

import numpy as np
from harness import Options, Record, Table, run, time_in_turn

import labelnoise as ln
from labelnoise.finite import vote_profiles

N_CLASSES = 10
N_PATTERNS = {10: 40, 30: 24, 60: 8}
N_WALKS = 2000
TARGET_ERROR = 1e-4
NOISES = {
    "uniform": ln.UniformNoise(),
    "flip": ln.FlipNoise(),
    "asymmetric": ln.MatrixNoise(0.4 * np.eye(N_CLASSES) + 0.6 * np.roll(np.eye(N_CLASSES), 1, axis=1)),
    "matrix": ln.MatrixNoise.random(N_CLASSES, random_state=0),
}


def mixed_patterns(k: int, n_patterns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    counts = np.array([rng.multinomial(k, rng.dirichlet(np.full(N_CLASSES, 0.3))) for _ in range(n_patterns)])
    return counts, counts.argmax(axis=1)


def measure(name: str, ties: str, counts: np.ndarray, labels: np.ndarray, repeats: int) -> Record:
    given = (counts, labels, NOISES[name])
    sampling = {"method": "sampled", "draws": N_WALKS, "random_state": 0}
    ways = {"sampled": lambda: vote_profiles(*given, ties=ties, **sampling)}
    if name != "matrix":
        ways = {"exact": lambda: vote_profiles(*given, ties=ties, method="exact"), **ways}
    timings = time_in_turn(ways, repeats)
    sampled, sampled_ms = timings["sampled"].result, 1e3 * timings["sampled"].minimum / len(counts)
    row = {
        "noise": name,
        "ties": ties,
        "k": int(counts[0].sum()),
        "patterns": len(counts),
        "mean_distinct_classes": float((counts > 0).sum(axis=1).mean()),
        "sampled_ms": sampled_ms,
        "sampled_walks": N_WALKS,
        "sampled_largest_standard_error": float(sampled.standard_error.max()),
        "sampling_to_1e-4_ms": sampled_ms * (sampled.standard_error.max() / TARGET_ERROR) ** 2,
    }
    if "exact" in timings:
        exact = timings["exact"].result
        row["exact_ms"] = 1e3 * timings["exact"].minimum / len(counts)
        row["ratio"] = row["sampling_to_1e-4_ms"] / row["exact_ms"]
        error = np.where(sampled.standard_error > 0, sampled.standard_error, np.inf)
        row["largest_deviation_in_standard_errors"] = float((np.abs(exact.win - sampled.win) / error).max())
        every = vote_profiles(counts[:4], None, NOISES[name], ties=ties, method="exact")
        row["largest_error_of_sum_over_labels"] = float(np.abs(every.win.sum(axis=1) - 1).max())
    return row


def main(options: Options) -> Record:
    os.environ["LOKY_MAX_CPU_COUNT"] = "1"  # The package then uses one core.
    table = Table("noise:10", "ties", "k", "exact_ms", "sampled_ms", "sampling_to_1e-4_ms", "ratio")
    for name, ties, (k, n_patterns) in itertools.product(NOISES, ("random", "lowest"), N_PATTERNS.items()):
        patterns = mixed_patterns(k, 2 if options.quick else n_patterns)
        table.add(measure(name, ties, *patterns, options.repeats))
    return {"n_classes": N_CLASSES, "rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, repeats=(3, 1))
