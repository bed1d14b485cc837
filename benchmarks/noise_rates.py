"""How close are the wrong rate, T and the wrong labels found without any clean label, beside cleanlab?

    LABELNOISE_DATA=FOLDER python benchmarks/noise_rates.py [--data digits cifar10 mnist] [--quick] [--output FILE.json]

By default digits, and CIFAR-10's features with made noise and CIFAR-10N's labels, where the folder holds them; MNIST's
pixels where --data names them. "clusters" is flip noise in whole k-means clusters, which no estimate without checked
labels sees. Both are given the same held-out probabilities: those that `labelnoise.diagnose` fits. cleanlab estimates
the joint from them (`estimate_joint`) and ranks labels by each of its three scores, of which the best is shown.

`true` is the wrong rate, `ours` and `cleanlab` the estimates, `low` and `high` our bracket; `T` the mean absolute error
of an entry; `AP` the average precision of finding the wrong labels. Without cleanlab its columns are empty.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from harness import Options, Record, Table, load_cifar10, load_mnist, run
from sklearn.metrics import average_precision_score

import labelnoise as ln
from labelnoise.data import load_digits

RATES = (0.1, 0.2, 0.3, 0.4)


def data_sets(options: Options) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield name, features, true labels, and human labels or None."""
    if "digits" in options.data:
        digits = load_digits()
        yield "digits", np.concatenate([p.features for p in digits]), np.concatenate([p.labels for p in digits]), None
    if "cifar10" in options.data and not options.quick and (real := load_cifar10("train")):
        yield "cifar10", *real
    if "mnist" in options.data and (mnist := load_mnist()):
        train = mnist[0]
        yield "mnist", train.features, np.asarray(train.labels), None


def settings(features: Any, labels: Any, human: Any, quick: bool) -> Iterator[tuple[str, Any]]:
    """Yield the name of each noise and the given labels."""
    yield "none", labels
    for rate in RATES[:1] if quick else RATES:
        yield f"uniform {rate}", ln.corrupt(labels, ln.UniformNoise(), rate, random_state=1).labels
        yield f"flip {rate}", ln.corrupt(labels, ln.FlipNoise(), rate, random_state=1).labels
    rng = np.random.default_rng(5)
    matrix = rng.random((10, 10)) ** 2
    np.fill_diagonal(matrix, 0)
    noise = ln.MatrixNoise(matrix / matrix.sum(axis=1, keepdims=True))
    yield "matrix 0.3", ln.corrupt(labels, noise, 0.3, random_state=1).labels
    if human is not None:
        yield "human", human
        where = {"placement": ln.KMeansCluster(), "features": features}
        yield "clusters 0.25", ln.corrupt(labels, ln.FlipNoise(), 0.25, random_state=1, **where).labels


def precision(wrong: Any, score: Any) -> float | None:
    """Return the average precision; None where nothing is wrong."""
    return float(average_precision_score(wrong, score)) if wrong.any() else None


def of_cleanlab(given: Any, pred_probs: Any, wrong: Any, truth: Any) -> Record:
    """Return what cleanlab finds in the same probabilities."""
    try:
        from cleanlab.count import estimate_joint
        from cleanlab.rank import get_label_quality_scores
    except ImportError:
        return {"cleanlab": None, "T_cleanlab": None, "AP_cleanlab": None}
    joint = estimate_joint(given, pred_probs)  # rows are given labels, columns true ones
    matrix = (joint / joint.sum(axis=0)).T
    methods = ("self_confidence", "normalized_margin", "confidence_weighted_entropy")
    scores = [1 - get_label_quality_scores(given, pred_probs, method=method) for method in methods]
    found = [precision(wrong, score) for score in scores]
    return {
        "cleanlab": float(1 - np.trace(joint)),
        "T_cleanlab": float(np.abs(matrix - truth).mean()),
        "AP_cleanlab": max(found) if wrong.any() else None,
    }


def main(options: Options) -> Record:
    """Diagnose every setting."""
    table = Table()
    for name, features, labels, human in data_sets(options):
        for noise, given in settings(features, labels, human, options.quick):
            pair = ln.NoisyLabels.from_pair(labels, given)
            start = time.perf_counter()
            found = ln.diagnose(given, features=features, k=10, random_state=0)
            seconds = time.perf_counter() - start
            wrong = pair.changed
            probabilities = found.data.pred_probs.astype(np.float64)
            probabilities /= probabilities.sum(axis=1, keepdims=True)
            table.add(
                {
                    "data": name,
                    "noise": noise,
                    "true": pair.changed_rate,
                    "ours": found.wrong_rate.value,
                    "low": found.wrong_rate.low,
                    "high": found.wrong_rate.high,
                    "T": float(np.abs(found.transition_matrix - pair.transition_matrix).mean()),
                    "AP": precision(wrong, found.wrong_probability),
                    **of_cleanlab(given, probabilities, wrong, pair.transition_matrix),
                    "seconds": seconds,
                }
            )
    return {"rows": table.rows}


if __name__ == "__main__":
    known = ("digits", "cifar10", "mnist")
    run(main, __doc__, data={"nargs": "+", "choices": known, "default": known[:2], "help": "default: digits cifar10"})
