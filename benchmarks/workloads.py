"""How fast is the exact win probability on real softmax outputs, with ten classes and with a thousand?

    python benchmarks/workloads.py [--rows 10000] [--repeats 5] [--works A B C] [--noises uniform flip dense]
        [--ties strict random lowest] [--prototype FOLDER] [--quick] [--output FILE.json]

Needs softmax/mnist_test.npz and softmax/thousand_classes.npz in the folder that LABELNOISE_DATA names. Workload A: 6
noise levels, every K = 1..80. B: 21 levels, K = 10, 30, 60, 100, 300. C: the same with 1,000 classes, as
`accuracy_curve` does it, also with a dense random corruption matrix. A is compared with the convolution, the package's
second engine. --prototype compares A and B with another implementation: a folder with a module `engnb`, whose
function `plural` takes groups of k. Each round times all ways in turn, every other round in reverse order, after one
round that compiles (none for C, which is timed once). `cpu_seconds` is the median of the processor seconds of
all threads, on which other load on the machine weighs less than on the least elapsed `seconds`; the ratio is that of
labelnoise to the way, in processor seconds of the same round. All results must agree to 1e-12.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, run, summarize, time_in_turn

import labelnoise as ln
from labelnoise.noise import observed_distribution
from labelnoise.plurality.convolution import convolution_plurality
from labelnoise.threads import for_each_block

KS = [10, 30, 60, 100, 300]
NOISES = {"uniform": ln.UniformNoise(), "flip": ln.FlipNoise()}
TIES = ("strict", "random", "lowest")


def load(name: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return softmax outputs and labels."""
    with np.load(Path(os.environ["LABELNOISE_DATA"]) / "softmax" / name) as file:
        values = file["logits" if "logits" in file else "pred_probs"][:rows].astype(float)
        if "logits" in file:
            values = np.exp(values - values.max(axis=1, keepdims=True))
        return values / values.sum(axis=1, keepdims=True), file["labels"][:rows].astype(np.int64)


def convolved(q: np.ndarray, labels: np.ndarray, ks: list[int], ties: str) -> np.ndarray:
    out = np.empty((len(q), 1, len(ks)))

    def work(start: int, stop: int) -> None:
        out[start:stop] = convolution_plurality(q[start:stop], labels[start:stop, None], np.array(ks), ties)

    for_each_block(work, len(q), 500, "convolving")
    return out[:, 0]


def prototype(folder: Path) -> Callable[..., np.ndarray]:
    """Return the function of another implementation; it is told which k share their points."""
    sys.path.insert(0, str(folder))
    from engnb import plural

    def probabilities(q: np.ndarray, labels: np.ndarray, ks: list[int], ties: str) -> np.ndarray:
        shared = [list(range(1, 11)), list(range(11, 33)), list(range(33, 81))]
        return plural(q, groups=shared if len(ks) == 80 else [[k] for k in ks], cls=labels, rule=ties)

    return probabilities


def main(options: Options) -> Record:
    other = prototype(options.prototype) if options.prototype else None
    table = Table("work:7", "noise:8", "ties:7", "way:12", "cpu_seconds", "seconds", "us_per_row_and_level", "ratio")

    def report(about: Record, ways: dict[str, Callable[[], np.ndarray]], rows: int, repeats: int, warm_up: int) -> None:
        timings = time_in_turn(ways, repeats, warm_up=warm_up)
        ours = timings["labelnoise"]
        assert all(np.abs(ours.result - timing.result).max() < 1e-12 for timing in timings.values())
        for way, timing in timings.items():
            cpu = float(np.median(timing.cpu_seconds))
            row = {"way": way, "cpu_seconds": cpu, "seconds": timing.minimum, "us_per_row_and_level": cpu / rows * 1e6}
            table.add({**about, **row, "ratio": summarize(ours.cpu_seconds / timing.cpu_seconds)})

    softmax, labels = load("mnist_test.npz", options.rows)
    for work, noise, levels, ks in (
        ("A", "uniform", [0, 0.15, 0.3, 0.45, 0.6, 0.75], list(range(1, 81))),
        ("B", "uniform", np.linspace(0, 1, 21), KS),
        ("B", "flip", np.linspace(0, 1, 21), KS),
    ):
        if work not in options.works or noise not in options.noises:
            continue
        q = np.concatenate([observed_distribution(softmax, NOISES[noise], float(g)) for g in levels])
        every = np.tile(labels, len(levels))
        for ties in options.ties:
            ways = {"labelnoise": partial(ln.plurality_probability, q, ks, every, ties=ties)}
            if other is not None:
                ways["prototype"] = partial(other, q, every, ks, ties)
            elif work == "A":
                ways["convolution"] = partial(convolved, q, every, ks, ties)
            report({"work": work, "noise": noise, "ties": ties}, ways, len(q), options.repeats, 1)

    if "C" not in options.works:
        return {"rows": table.rows}
    softmax, labels = load("thousand_classes.npz", options.rows)
    rates = np.linspace(0, 1, 21)
    for noise in options.noises:
        model = NOISES[noise] if noise in NOISES else ln.MatrixNoise.random(softmax.shape[1], random_state=0)
        for ties in options.ties:
            curve = partial(ln.accuracy_curve, softmax, labels, model, rates, KS, ties=ties)
            ways = {"labelnoise": lambda curve=curve: curve().accuracy}
            report({"work": "C", "noise": noise, "ties": ties}, ways, len(rates) * len(softmax), 1, 0)
    return {"rows": table.rows}


if __name__ == "__main__":
    run(
        main,
        __doc__,
        rows=(10_000, 100),
        repeats=(5, 1),
        works={"nargs": "+", "choices": "ABC", "default": "ABC"},
        noises={"nargs": "+", "choices": (*NOISES, "dense"), "default": (*NOISES, "dense")},
        ties={"nargs": "+", "choices": TIES, "default": TIES},
        prototype={"type": Path, "metavar": "FOLDER", "help": "another implementation to compare with"},
    )
