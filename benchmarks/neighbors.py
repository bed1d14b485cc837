"""Nearest neighbors and votes: what the reproducible order costs, and what searching only once saves.

    [LABELNOISE_DATA=...] python benchmarks/neighbors.py [--queries 2000] [--repeats 5]

Search: `neighbors` against scikit-learn's `kneighbors` (brute force, the same candidates' source) on the same data, run
in turn; "overhead" is the median of the pairs' ratios. "swept" is the share of queries that ties sent through the
second pass. Data: MNIST pixels where they can be loaded, and made-up data, some of it full of ties on purpose.

Votes: `plurality_vote` on neighbors already found, against KNeighborsClassifier fitted to new labels and evaluated, as
a simulation without stored neighbors would. Both at every k of 10, 30 and 100, ties to the lowest class.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from importlib import import_module

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from labelnoise.data import load_images
from labelnoise.neighborhoods.neighbors import neighbors
from labelnoise.neighborhoods.votes import plurality_vote

KS = (10, 30, 100)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def data_sets(n_queries: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, training samples, queries."""
    rng = np.random.default_rng(0)
    try:
        train, test = load_images("mnist", "train"), load_images("mnist", "test")
        pixels = [images.images.reshape(len(images.images), -1).astype(np.float32) for images in (train, test)]
        yield "MNIST pixels", pixels[0], pixels[1][:n_queries]
    except (ValueError, OSError, ImportError) as error:
        print(f"MNIST skipped: {error}")
    for width in (784, 64, 10):
        centers = rng.normal(size=(100, width))
        train, query = (
            (centers[rng.integers(0, 100, n)] + rng.normal(size=(n, width))).astype(np.float32)
            for n in (60_000, n_queries)
        )
        yield f"clusters, {width} features", train, query
    noise = rng.integers(0, 256, (60_000, 784)).astype(np.float32)
    noise[rng.random(60_000) < 0.1] = 0
    yield "pixels, 10 % blank images", noise, noise[:n_queries]
    bits = rng.integers(0, 2, (60_000, 20)).astype(np.float32)
    yield "20 binary features", bits, bits[:n_queries]


def search(name: str, train: np.ndarray, query: np.ndarray, k: int, repeats: int) -> None:
    module = import_module("labelnoise.neighborhoods.search")
    swept = []
    sweep = module._Search.sweep
    module._Search.sweep = lambda self, rows: (swept.append(len(rows)), sweep(self, rows))
    model = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train)
    plain, ours = [], []
    neighbors(train[:500], query[:2], k=k)  # compiled kernels are loaded
    for _ in range(repeats):
        plain.append(seconds(lambda: model.kneighbors(query)))
        ours.append(seconds(lambda: neighbors(train, query, k=k)))
    module._Search.sweep = sweep
    overhead = statistics.median(b / a for a, b in zip(plain, ours, strict=True))
    print(
        f"| {name} | {len(train)} x {len(query)} | {k} | {statistics.median(plain):.2f} s | "
        f"{statistics.median(ours):.2f} s | {overhead:.2f} | {swept[-1] / len(query):.1%} |"
    )


def votes(repeats: int, n_classes: int) -> None:
    rng = np.random.default_rng(0)
    train = rng.normal(size=(60_000, 64)).astype(np.float32)
    query = rng.normal(size=(10_000, 64)).astype(np.float32)
    found = neighbors(train, query, k=max(KS))
    ks = np.array(KS)
    for ties in ("lowest", "strict", "random"):
        tie_breaker = rng.random((len(query), len(ks)))
        times, same = [], ""
        for _ in range(repeats + 1):  # the first one compiles
            codes = rng.integers(0, n_classes, len(train))
            start = time.perf_counter()
            got = plurality_vote(codes, found.indices, ks, n_classes, ties=ties, tie_breaker=tie_breaker)
            times.append(time.perf_counter() - start)
        ours = statistics.median(times[1:])
        refit = 0.0
        if ties == "lowest":
            predicted = []
            refit = seconds(
                lambda codes=codes, out=predicted: out.extend(
                    KNeighborsClassifier(k, algorithm="brute").fit(train, codes).predict(query) for k in KS
                )
            )
            same = f"{np.mean(np.column_stack(predicted) == got):.4%}"
        speed = f"{refit:.2f} s | {refit / ours:.0f}x | {same}" if refit else "| | "
        print(f"| {ties} | {n_classes} | {1e3 * ours:.1f} ms | {speed} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print("| data | train x queries | k | scikit-learn | neighbors | overhead | swept |\n" + "| --- " * 7 + "|")
    for name, train, query in data_sets(arguments.queries):
        search(name, train, query, arguments.k, arguments.repeats)
    print("\n| ties | classes | vote | refit and predict | faster | same |\n" + "| --- " * 6 + "|")
    for n_classes in (10, 1000):
        votes(arguments.repeats, n_classes)


if __name__ == "__main__":
    main()
