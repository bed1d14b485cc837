"""How long do the plurality engines take, against Eq. 4 written as nested sums, and how large is their error?

    python benchmarks/plurality.py [--softmax predictions.npz] [--repeats 3] [--quick] [--output FILE.json]

The softmax file holds `pred_probs` (rows x classes) and `labels`; the default is softmax/mnist_test.npz in the folder
named by the environment variable LABELNOISE_DATA, else a synthetic Dirichlet softmax. A time is the minimum over the
repeats, after one call that compiles. Eq. 4 is timed at the largest k where that is possible; its time per term is
scaled to the number of terms, and to all cores, where it is not. The error is that against 300-bit arithmetic.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import comb
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, import_test_helper, run, timed
from joblib import cpu_count
from numba import njit

from labelnoise.plurality.contour import contour_plurality
from labelnoise.plurality.convolution import convolution_plurality
from labelnoise.plurality.probability import plurality_probability

LEVELS = np.array([0, 0.15, 0.3, 0.45, 0.6, 0.75])


@njit(nogil=True)
def _nested_sums(p, i, rest, most, factorial):
    """Return the sums over n_i, ..., n_L of Eq. 4, with the bounds of appendix B, divided by rest!."""
    left = len(p) - 1 - i
    if left == 0:
        return p[i] ** rest / factorial[rest] if rest <= most else 0.0
    total = 0.0
    for n in range(max(0, rest - left * most), min(rest, most) + 1):
        total += p[i] ** n / factorial[n] * _nested_sums(p, i + 1, rest - n, most, factorial)
    return total


@njit(nogil=True)
def equation_4(q, labels, k, factorial):
    """Return Eq. 4 as printed, for strict ties, one row after another."""
    out = np.zeros(len(q))
    n_classes = q.shape[1]
    for row in range(len(q)):
        p = q[row].copy()
        p[0], p[labels[row]] = p[labels[row]], p[0]
        for n in range((k + 2 * n_classes - 2) // n_classes, k + 1):
            out[row] += p[0] ** n / factorial[n] * _nested_sums(p, 1, k - n, n - 1, factorial)
        out[row] *= factorial[k]
    return out


def innermost_terms(n_classes: int, k: int) -> int:
    """Return how many products the nested sums of Eq. 4 add up: the outcomes in which one class beats all others."""
    total = 0
    for n in range(-(-(k + n_classes - 1) // n_classes), k + 1):
        rest, others = k - n, n_classes - 1  # Inclusion-exclusion over the classes that reach n.
        total += sum(
            (-1) ** m * comb(others, m) * comb(rest - m * n + others - 1, others - 1)
            for m in range(others + 1)
            if rest >= m * n
        )
    return total


def load_softmax(path: Path | None) -> tuple[np.ndarray, np.ndarray, str]:
    if path is None and "LABELNOISE_DATA" in os.environ:
        path = Path(os.environ["LABELNOISE_DATA"]) / "softmax" / "mnist_test.npz"
    if path is not None and path.exists():
        with np.load(path) as file:
            softmax, labels = file["pred_probs"].astype(float), file["labels"].astype(np.int64)
        return softmax / softmax.sum(axis=1, keepdims=True), labels, f"{path.name}, {len(labels)} rows"
    rng = np.random.default_rng(0)
    softmax = rng.dirichlet(np.full(10, 0.01), size=10_000)
    labels = np.array([rng.choice(10, p=row) for row in softmax])
    return softmax, labels, "synthetic: 10,000 rows of Dirichlet(0.01), labels drawn from them (no softmax file found)"


def with_uniform_noise(softmax: np.ndarray, labels: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Eq. 3 for uniform noise at every rate, one block of rows after another."""
    return np.concatenate([(1 - g) * softmax + g / softmax.shape[1] for g in rates]), np.tile(labels, len(rates))


def largest_error(q: np.ndarray, labels: np.ndarray) -> float:
    exact = import_test_helper("reference").plurality_fixed_point
    return max(
        abs(plurality_probability(row, k, label, ties=ties) - float(exact(row, k, int(label), ties)))
        for row, label in zip(q, labels, strict=True)
        for ties in ("strict", "lowest", "random")
        for k in (5, 30, 80)
    )


def main(options: Options) -> Record:
    softmax, labels, source = load_softmax(options.softmax)
    if options.quick:
        softmax, labels = softmax[:100], labels[:100]
    n_classes, n_cores = softmax.shape[1], cpu_count()
    print(f"softmax: {source}; {n_cores} cores")
    table = Table("work:42", "rows", "seconds", "us_per_row", "times_faster")

    def report(name: str, work: Callable[[], object], rows: int, baseline: float | None = None) -> float:
        """Time some work, and return its microseconds per row."""
        seconds = timed(work, options.repeats, warm_up=1).minimum
        per_row = seconds / rows * 1e6
        ratio = None if baseline is None else baseline / per_row
        table.add({"work": name, "seconds": seconds, "rows": rows, "us_per_row": per_row, "times_faster": ratio})
        return per_row

    rng = np.random.default_rng(0)
    q6, labels6 = with_uniform_noise(softmax, labels, LEVELS)
    sample = rng.choice(len(q6), 4, replace=False)
    factorial = np.cumprod(np.concatenate([[1.0], np.arange(1.0, 171)]))
    timed_k = max(k for k in range(2, 31) if innermost_terms(n_classes, k) <= 2_000_000)
    nested = equation_4(q6[sample], labels6[sample], timed_k, factorial)
    ours = plurality_probability(q6[sample], timed_k, labels6[sample], ties="strict")
    print(f"Eq. 4 and this package at k = {timed_k} differ by {np.abs(nested - ours).max():.1e}")
    name = f"Eq. 4, nested sums, 1 core, k = {timed_k}"
    per_row = report(name, lambda: equation_4(q6[sample], labels6[sample], timed_k, factorial), len(sample))
    ns_per_term = per_row * 1e3 / innermost_terms(n_classes, timed_k)

    def scaled(ks: Iterable[int]) -> float:
        """Return the microseconds per row that Eq. 4 would take on all cores for every k of `ks`."""
        return ns_per_term * 1e-3 * sum(innermost_terms(n_classes, k) for k in ks) / n_cores

    def report_ours(what: str, q: np.ndarray, labels: np.ndarray, k: Sequence[int], ties: str) -> None:
        work = partial(plurality_probability, q, k, labels, ties=ties)
        report(f"  here, {what}, {ties}", work, len(q), scaled(k) if ties == "strict" else None)

    report_ours(f"k = {timed_k}", q6, labels6, [timed_k], "strict")
    q21, labels21 = with_uniform_noise(softmax, labels, np.linspace(0, 1, 21))
    for ties in ("strict", "lowest", "random"):
        report_ours("6 levels, every k = 1..80", q6, labels6, range(1, 81), ties)
        report_ours("21 levels, k = 30", q21, labels21, [30], ties)

    some = rng.choice(len(q6), min(3000, len(q6)), replace=False)
    data = (q6[some], labels6[some][:, None])
    for k in (10, 30, 80, 200):
        engines = {
            "convolution": partial(convolution_plurality, *data, np.array([k]), "strict"),
            "contour": partial(contour_plurality, *data, np.array([k]), "strict"),
        }
        for name, engine in engines.items():
            report(f"  {name}, 1 core, k = {k}, strict", engine, len(some))

    print(f"Eq. 4 costs {ns_per_term:.2f} ns per term; above it is scaled to the number of terms and {n_cores} cores")
    rows = rng.choice(len(q6), 4, replace=False)
    worst = largest_error(q6[rows], labels6[rows])
    print(f"largest error against 300-bit arithmetic, 4 rows, k = 5, 30, 80, all tie rules: {worst:.1e}")
    return {"softmax": source, "error": worst, "results": table.rows}


if __name__ == "__main__":
    run(main, __doc__, repeats=(3, 1), softmax={"type": Path, "help": "npz file with pred_probs and labels"})
