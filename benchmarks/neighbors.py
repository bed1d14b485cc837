"""What does the reproducible order of neighbors cost, and what does it save to search only once?

    [LABELNOISE_DATA=...] python benchmarks/neighbors.py [--queries 2000] [--k 100] [--repeats 5] [--mnist]
        [--large] [--quick] [--output FILE.json]

Search: `neighbors` against the library's own search on the same data, in turn: faiss' exact one where it is installed
(its order of equal distances is left to chance), and scikit-learn's `kneighbors`, brute force. "swept" is the share of
queries that ties sent through the last pass. Data: MNIST pixels if they can be loaded, and, without --mnist, made-up
data, some of it full of ties on purpose. `cpu_s` are processor seconds of all threads, for machines that do other work
at the same time.

--large: 1,281,167 x 1,024 features in float16, memory-mapped from a temporary file, k = 300: peak memory, and
the time of 50,000 queries extrapolated from 256.

Votes: `plurality_vote` on neighbors already found, against KNeighborsClassifier fitted to new labels and evaluated (for
one tie rule, the lowest class), as a simulation without stored neighbors would do. Both at every k of 10, 30 and 100.
"same" is the share of equal votes.
"""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

import numpy as np
from harness import Options, Record, Table, compare, load_mnist, run, timed
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from labelnoise.neighborhoods import search
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.votes import plurality_vote

KS = (10, 30, 100)
N_TRAIN = 60_000


def data_sets(n_train: int, n_queries: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield names, training samples and queries."""
    rng = np.random.default_rng(0)
    if mnist := load_mnist(None if n_train == N_TRAIN else n_train):
        train, test = mnist
        yield "MNIST pixels", train.features, test.features[:n_queries]
    for width in (784, 64, 10):
        centers = rng.normal(size=(100, width))
        samples, queries = (
            (centers[rng.integers(0, 100, n)] + rng.normal(size=(n, width))).astype(np.float32)
            for n in (n_train, n_queries)
        )
        yield f"clusters, {width} features", samples, queries
    noise = rng.integers(0, 256, (n_train, 784)).astype(np.float32)
    noise[rng.random(n_train) < 0.1] = 0
    yield "pixels, 10 % blank images", noise, noise[:n_queries]
    bits = rng.integers(0, 2, (n_train, 20)).astype(np.float32)
    yield "20 binary features", bits, bits[:n_queries]


def search_rows(name: str, train: np.ndarray, queries: np.ndarray, k: int, repeats: int) -> list[Record]:
    model = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train)
    ways = {"kneighbors": lambda: model.kneighbors(queries), "neighbors": lambda: neighbors(train, queries, k=k)}
    against = "kneighbors"
    if find_spec("faiss"):
        from faiss import knn

        ways, against = {"faiss": lambda: knn(queries, train, k), **ways}, "faiss"
    about = {"data": name, "n_train": len(train), "n_queries": len(queries), "k": k}
    with mock.patch.object(search._Search, "sweep", autospec=True, side_effect=search._Search.sweep) as sweep:
        rows = compare(about, ways, against=against, repeats=repeats)
    swept = len(sweep.call_args.args[1]) / len(queries)
    return [{**row, "swept": swept} for row in rows]


def large_row(n_train: int = 1_281_167, width: int = 1024, n_queries: int = 264, k: int = 300) -> Record:
    """Search among features of ImageNet's size that lie on disk."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npy"
        stored = np.lib.format.open_memmap(path, "w+", np.float16, (n_train, width))
        centers = rng.normal(size=(1000, width)).astype(np.float32)
        for start in range(0, n_train, 10_000):
            rows = min(10_000, n_train - start)
            noise = rng.standard_normal((rows, width), np.float32)
            stored[start : start + rows] = centers[rng.integers(1000, size=rows)] + noise
        del stored
        train = np.load(path, mmap_mode="r")
        queries = np.asarray(train[rng.choice(n_train, n_queries, replace=False)]) + np.float16(0.5)
        first = timed(lambda: neighbors(train, queries[:8], k=k)).median  # reads the file
        all_of_them = timed(lambda: neighbors(train, queries, k=k)).median
    per_query = (all_of_them - first) / (n_queries - 8)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kilobytes on Linux
    return {
        "n_train": n_train,
        "width": width,
        "k": k,
        "ms_per_query": 1e3 * per_query,
        "hours_of_50000": 50_000 * per_query / 3600,
        "peak_gib": peak,
    }


def refit_and_predict(train: np.ndarray, codes: np.ndarray, queries: np.ndarray) -> np.ndarray:
    models = [KNeighborsClassifier(k, algorithm="brute") for k in KS]
    return np.column_stack([model.fit(train, codes).predict(queries) for model in models])


def vote_rows(n_train: int, n_queries: int, n_classes: int, repeats: int) -> Iterator[Record]:
    rng, ks = np.random.default_rng(0), np.array(KS)
    train = rng.normal(size=(n_train, 64)).astype(np.float32)
    queries = rng.normal(size=(n_queries, 64)).astype(np.float32)
    indices = neighbors(train, queries, k=max(KS)).indices
    for ties in ("lowest", "strict", "random"):
        rule = {"ties": ties, "tie_breaker": rng.random((n_queries, len(KS)))}
        draws = [rng.integers(0, n_classes, n_train) for _ in range(repeats + 1)]
        votes = map(partial(plurality_vote, indices=indices, ks=ks, n_classes=n_classes, **rule), draws)
        vote = timed(partial(next, votes), repeats, warm_up=1)
        row = {"ties": ties, "classes": n_classes, "vote_ms": 1e3 * vote.median}
        if ties == "lowest":
            refit = timed(partial(refit_and_predict, train, draws[-1], queries))
            same = float(np.mean(refit.result == vote.result))
            row |= {"refit_and_predict_s": refit.median, "ratio": refit.median / vote.median, "same": same}
        yield row


def main(options: Options) -> Record:
    n_train, n_voters = (3000, 100) if options.quick else (N_TRAIN, 10_000)
    if options.large:
        table = Table("n_train", "width", "k", "ms_per_query", "hours_of_50000", "peak_gib")
        table.add(large_row())
        return {"large": table.rows}
    searches = Table(
        "data:25", "n_train", "n_queries", "k", "way:10", "median_s", "ratio", "cpu_s", "cpu_ratio", "swept"
    )
    for name, train, queries in data_sets(n_train, options.queries):
        searches.add(*search_rows(name, train, queries, options.k, options.repeats))
        if options.mnist:
            return {"search": searches.rows}
    print()
    votes = Table("ties", "classes", "vote_ms", "refit_and_predict_s", "ratio", "same")
    for n_classes in (10, 1000):
        for row in vote_rows(n_train, n_voters, n_classes, options.repeats):
            votes.add(row)
    return {"search": searches.rows, "votes": votes.rows}


if __name__ == "__main__":
    run(
        main,
        __doc__,
        queries=(2000, 20),
        k=(100, 100),
        repeats=(5, 1),
        mnist={"action": "store_true", "help": "search among MNIST's pixels only"},
        large={"action": "store_true", "help": "ImageNet's size, on disk"},
    )
