"""How many of the labels that are changed without a person are wrong afterwards, and how many were expected to be?

    LABELNOISE_DATA=FOLDER python benchmarks/automatic_relabeling.py [--sets 10] [--probability 0.9] [--quick]

Draws sets of digits, and of CIFAR-10's features where the folder holds them; puts noise into their labels; and changes
the labels whose suggested class has at least the given probability (`Diagnosis.relabel`). `expected` is how many of the
changes should be wrong if the probabilities are right, `high` if only the low end of the bracket of the wrong rate was
wrong; all are totals over the sets. `before` and `after` are mean shares of wrong labels, in per cent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from harness import Options, Record, Table, load_cifar10, run

import labelnoise as ln
from labelnoise.data import load_digits

NOISES = (None, ln.UniformNoise(), ln.FlipNoise())
RATES = (0.1, 0.2, 0.4)


def data_sets(options: Options) -> Iterator[tuple[str, int, int, Any, Any]]:
    """Yield name, samples in a set, number of sets, features and true labels."""
    digits = load_digits()
    features, labels = (np.concatenate([getattr(part, name) for part in digits]) for name in ("features", "labels"))
    yield "digits", 300, options.sets, features, labels
    if not options.quick:
        yield "digits", 1000, max(options.sets // 3, 1), features, labels
        if real := load_cifar10("train"):
            yield "cifar10", 1000, max(options.sets // 3, 1), *real[:2]
            yield "cifar10", 10_000, 1, *real[:2]


def measure(features: Any, labels: Any, n: int, n_sets: int, noise: Any, rate: float, probability: float) -> Record:
    """Change labels in sets of n samples, and count."""
    row = dict.fromkeys(("changed", "wrong", "expected", "high", "before", "after"), 0.0)
    for seed in range(n_sets):
        chosen = np.random.default_rng(seed).choice(len(labels), n, replace=False)
        true = labels[chosen]
        given = true if noise is None else ln.corrupt(true, noise, rate, random_state=seed).labels
        found = ln.diagnose(given, features=features[chosen], random_state=0).relabel(probability)
        n_changed, wrong = int(found.changed.sum()), found.labels != true
        row["changed"] += n_changed
        row["wrong"] += int(wrong[found.changed].sum())
        if n_changed:
            row["expected"] += n_changed * found.expected_error
            row["high"] += n_changed * found.expected_error_high
        row["before"] += 100 * float((given != true).mean()) / n_sets
        row["after"] += 100 * float(wrong.mean()) / n_sets
    return row


def main(options: Options) -> Record:
    table = Table("data", "samples", "sets", "noise:14", "changed", "wrong", "expected", "high", "before", "after")
    for name, n, n_sets, features, labels in data_sets(options):
        for noise in NOISES:
            for rate in (0.0,) if noise is None else RATES:
                row = measure(features, labels, n, n_sets, noise, rate, options.probability)
                named = "none" if noise is None else f"{noise.name} {rate:g}"
                table.add({"data": name, "samples": n, "sets": n_sets, "noise": named, **row})
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, sets=(10, 2), probability={"type": float, "default": 0.9})
