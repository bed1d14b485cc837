"""How long do `predict_knn` (finite model) and `simulate_knn` take?

    [LABELNOISE_DATA=...] python benchmarks/predictions.py [--queries 1000] [--part 20] [--repeats 3] [--quick]
        [--output FILE.json]

Many classes: uniform noise at three rates, K = 10 and 100, queries in mixed neighborhoods of 100 classes (clean labels
drawn from Dirichlet shares 0.3 for each query) among 1,000,000 training samples. The alternative is the engine `redraw`
alone, timed at K = 100 on as many of the neighborhoods as --part says, and scaled to all. Both must agree to 1e-12.

MNIST: a general corruption matrix, which is sampled in mixed neighborhoods; at most 10,000 queries, 21 rates, K = 10,
30 and 100, neighbors searched before. The alternative is `simulate_knn`, from two noise draws at one rate: scaled to 21
rates, and to as many draws as give the standard error that the prediction has there (its mean over k).

Simulation: the same neighbors, uniform noise, 21 rates, 100 draws each. The alternative keeps the largest count and its
classes at every neighbor, as is done where classes or k are many; timed with 5 draws per rate and scaled. Both give the
same accuracies.

By number of classes: milliseconds of processor time per neighborhood of K labels, drawn evenly from so many of 100
classes, uniform noise, with ties at random and to the lowest class.

`cpu_seconds` are those of all threads, the median of the repeats. The ratio is that of the alternative to the subject.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from harness import Options, Record, Table, load_mnist, run, time_in_turn, timed

import labelnoise as ln
from labelnoise.finite import vote_profiles
from labelnoise.finite.patterns import LabelPairs
from labelnoise.finite.redraw import redraw_profiles
from labelnoise.finite.uniform import uniform_profiles
from labelnoise.neighborhoods import votes

N_CLASSES, N_TRAIN = 100, 1_000_000


def mixed_neighborhoods(queries: int, k: int) -> tuple[ln.Neighbors, np.ndarray, np.ndarray]:
    """Return neighbors, training labels, and test labels drawn from the same shares."""
    rng = np.random.default_rng(0)
    train_labels = np.arange(N_TRAIN) % N_CLASSES
    shares = rng.dirichlet(np.full(N_CLASSES, 0.3), size=queries)
    drawn = np.array([rng.choice(N_CLASSES, size=k + 1, p=row) for row in shares])
    of_class = rng.permuted(np.tile(np.arange(N_TRAIN // N_CLASSES), (queries, 1)), axis=1)[:, :k]
    indices = drawn[:, :k] + N_CLASSES * of_class
    hoods = ln.Neighbors(indices, None, n_train=N_TRAIN, metric="unknown", is_self=False)
    return hoods, train_labels, drawn[:, k]


def many_classes(options: Options, table: Table) -> None:
    hoods, train_labels, test_labels = mixed_neighborhoods(options.queries, 100)
    noise, rates = ln.UniformNoise(), [0.2, 0.4, 0.6]
    part = slice(min(options.part, options.queries))
    members = train_labels[hoods.indices[part]]
    counts = np.array([np.bincount(row, minlength=N_CLASSES) for row in members])
    pairs = LabelPairs(counts, np.arange(len(counts)), test_labels[part])

    def redraw() -> np.ndarray:
        win = np.empty((len(counts), 101))
        one_row = np.full((1, N_CLASSES), 1 / N_CLASSES)
        redraw_profiles(pairs, one_row, np.zeros(len(counts), dtype=np.int64), "random", win)
        return win

    ways = {
        "predict_knn": lambda: ln.predict_knn(hoods, train_labels, test_labels, noise, rates, [10, 100]),
        "redraw": redraw,
    }
    timings = time_in_turn(ways, options.repeats)
    win = np.empty((len(counts), 101))
    uniform_profiles(pairs, "random", win)
    assert np.abs(win - timings["redraw"].result).max() < 1e-12
    assert timings["predict_knn"].result.sampling_error is None
    scaled = np.median(timings["redraw"].cpu_seconds) * options.queries / len(counts)
    add(table, "many classes", timings["predict_knn"], float(scaled))


def mnist_curves(options: Options, table: Table) -> None:
    mnist = load_mnist(1000 if options.quick else None)
    if mnist is None:
        return
    train, test = mnist
    hoods = ln.neighbors(train.features, test.features, k=100)
    noise, rates, ks = ln.MatrixNoise.random(10, random_state=0), np.linspace(0, 1, 21), [10, 30, 100]
    data = (hoods, train.labels, test.labels, noise)
    predicted = timed(lambda: ln.predict_knn(*data, rates, ks), options.repeats, warm_up=1)
    simulated = timed(lambda: ln.simulate_knn(*data, rates[8], ks, repeats=2, random_state=0), warm_up=1)
    spread = ln.simulate_knn(*data, rates[8], ks, repeats=20, random_state=1).std.mean()
    draws = (spread / predicted.result.sampling_error[8].mean()) ** 2
    scaled = float(np.median(simulated.cpu_seconds)) / 2 * draws * len(rates)
    add(table, "general matrix", predicted, scaled, float(predicted.result.sampling_error.mean()))

    def simulate(repeats: int) -> ln.AccuracyCurve:
        return ln.simulate_knn(*data[:3], ln.UniformNoise(), rates, ks, repeats=repeats, random_state=0)

    few = simulate(5)
    compared = timed(lambda: simulate(5 if options.quick else 100))
    votes.COMPARED_PER_STEP = 0
    tracked = timed(lambda: simulate(5), warm_up=1)
    assert (tracked.result.runs == few.runs).all()
    scaled = tracked.cpu_seconds[0] * len(compared.result.runs[0]) / 5
    add(table, "simulation", compared, float(scaled))


def by_number_of_classes(options: Options) -> Table:
    table = Table("k", "classes", "random_ms", "lowest_ms")
    rng, n = np.random.default_rng(0), options.part
    for k in (10, 30, 100):
        for classes in (2, 5, 10, 30, 100):
            counts = np.zeros((n, N_CLASSES), dtype=np.int64)
            counts[:, :classes] = rng.multinomial(k, np.full(classes, 1 / classes), size=n)
            row = {"k": k, "classes": classes}
            for ties in ("random", "lowest"):
                profiles = partial(vote_profiles, counts, counts.argmax(axis=1), ln.UniformNoise(), ties=ties)
                timing = timed(profiles, max(3, options.repeats), warm_up=1)
                row[f"{ties}_ms"] = 1e3 * float(np.median(timing.cpu_seconds)) / n
            table.add(row)
    return table


def add(table: Table, work: str, timing, alternative: float, error: float = 0.0) -> None:
    cpu = float(np.median(timing.cpu_seconds))
    row = {"work": work, "cpu_seconds": cpu, "seconds": timing.minimum, "alternative_cpu_seconds": alternative}
    table.add({**row, "ratio": alternative / cpu, "mean_standard_error": error})


def main(options: Options) -> Record:
    table = Table("work:15", "cpu_seconds", "seconds", "alternative_cpu_seconds", "ratio", "mean_standard_error")
    many_classes(options, table)
    mnist_curves(options, table)
    return {"rows": table.rows, "by_number_of_classes": by_number_of_classes(options).rows}


if __name__ == "__main__":
    run(main, __doc__, queries=(1000, 10), part=(20, 2), repeats=(3, 1))
