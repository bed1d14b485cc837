"""Time and check the plurality engines against Eq. 4 written as nested sums, in one run.

    python benchmarks/plurality.py [--softmax predictions.npz] [--output results.json]

The softmax file holds `pred_probs` (rows x classes) and `labels`; the default is softmax/mnist_test.npz in the folder
named by the environment variable LABELNOISE_DATA, else a synthetic Dirichlet softmax. Compilation is not timed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from joblib import cpu_count
from numba import njit

from labelnoise import plurality
from labelnoise.plurality.probability import plurality_probability

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from helpers.reference import plurality_fixed_point

LEVELS = np.array([0, 0.15, 0.3, 0.45, 0.6, 0.75])


@njit(nogil=True)
def _nested_sums(p, i, rest, most, factorial):  # type: ignore[no-untyped-def]
    """The sums over n_i, ..., n_L of Eq. 4, with the bounds of appendix B, divided by rest!."""
    left = len(p) - 1 - i
    if left == 0:
        return p[i] ** rest / factorial[rest] if rest <= most else 0.0
    total = 0.0
    for n in range(max(0, rest - left * most), min(rest, most) + 1):
        total += p[i] ** n / factorial[n] * _nested_sums(p, i + 1, rest - n, most, factorial)
    return total


@njit(nogil=True)
def equation_4(q, labels, k, factorial):  # type: ignore[no-untyped-def]
    """Eq. 4 as printed, strict ties, one row after another."""
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
    """How many products the nested sums of Eq. 4 add up: the outcomes in which one class beats all others."""
    total = 0
    for n in range(-(-(k + n_classes - 1) // n_classes), k + 1):
        rest, others = k - n, n_classes - 1  # inclusion-exclusion over the classes that reach n
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
    """Eq. 3 for uniform noise at every rate, one block of rows after another."""
    return np.concatenate([(1 - g) * softmax + g / softmax.shape[1] for g in rates]), np.tile(labels, len(rates))


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """The least of several wall times, after one run that compiles."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--softmax", type=Path, help="npz file with pred_probs and labels")
    parser.add_argument("--output", type=Path, help="write the figures as JSON")
    parser.add_argument("--repeats", type=int, default=3, help="the least of so many times counts (default 3)")
    args = parser.parse_args()
    softmax, labels, source = load_softmax(args.softmax)
    n_classes = softmax.shape[1]
    print(f"softmax: {source}\n{cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n")
    results: list[dict[str, Any]] = []

    def report(name: str, took: float, rows: int, baseline: float | None = None) -> float:
        per_row = took / rows * 1e6
        ratio = baseline / per_row if baseline else None
        results.append({"work": name, "seconds": took, "rows": rows, "us_per_row": per_row, "times_faster": ratio})
        print(
            f"{name:58s} {rows:8d} rows {took:10.3f} s {per_row:12.2f} us/row" + (f" {ratio:12.3g}x" if ratio else "")
        )
        return per_row

    # Eq. 4: timed where it can be, and scaled by the number of terms to where it cannot
    rng = np.random.default_rng(0)
    q6, labels6 = with_uniform_noise(softmax, labels, LEVELS)
    sample = rng.choice(len(q6), 4, replace=False)
    factorial = np.cumprod(np.concatenate([[1.0], np.arange(1.0, 171)]))
    timed_k = max(k for k in range(2, 31) if innermost_terms(n_classes, k) <= 2_000_000)
    took = seconds(lambda: equation_4(q6[sample], labels6[sample], timed_k, factorial), args.repeats)
    nested = equation_4(q6[sample], labels6[sample], timed_k, factorial)
    ours = plurality_probability(q6[sample], timed_k, labels6[sample], ties="strict")
    print(f"Eq. 4 and this package at k = {timed_k} differ by {np.abs(nested - ours).max():.1e}")
    per_row = report(f"Eq. 4, nested sums, 1 core, k = {timed_k}", took, len(sample))
    report(
        f"  here, k = {timed_k}, strict",
        seconds(lambda: plurality_probability(q6, timed_k, labels6, ties="strict"), args.repeats),
        len(q6),
        per_row / cpu_count(),
    )
    ns_per_term = per_row * 1e3 / innermost_terms(n_classes, timed_k)
    print(
        f"Eq. 4 costs {ns_per_term:.2f} ns a term; below it is scaled to the number of terms and to {cpu_count()} cores"
    )

    def scaled(ks: range | list[int]) -> float:
        return ns_per_term * 1e-3 * sum(innermost_terms(n_classes, k) for k in ks) / cpu_count()

    every_k = range(1, 81)
    q21, labels21 = with_uniform_noise(softmax, labels, np.linspace(0, 1, 21))
    for ties in ("strict", "lowest", "random"):
        name = f"  here, 6 levels, every k = 1..80, {ties}"
        took = seconds(lambda ties=ties: plurality_probability(q6, every_k, labels6, ties=ties), args.repeats)
        report(name, took, len(q6), scaled(every_k) if ties == "strict" else None)
        took = seconds(lambda ties=ties: plurality_probability(q21, 30, labels21, ties=ties), args.repeats)
        report(f"  here, 21 levels, k = 30, {ties}", took, len(q21), scaled([30]) if ties == "strict" else None)

    some = rng.choice(len(q6), 3000, replace=False)
    one_label = labels6[some][:, None]
    for k in (10, 30, 80, 200):
        for name, engine in {
            "convolution": lambda k=k: plurality.convolution_plurality(q6[some], one_label, np.array([k]), "strict"),
            "contour": lambda k=k: plurality.contour_plurality(q6[some], one_label, k, "strict"),
        }.items():
            report(f"  {name}, 1 core, k = {k}, strict", seconds(engine, args.repeats), len(some))

    worst = 0.0
    for row in rng.choice(len(q6), 4, replace=False):
        for ties in ("strict", "lowest", "random"):
            for k in (5, 30, 80):
                exact = float(plurality_fixed_point(q6[row], k, int(labels6[row]), ties))
                worst = max(worst, abs(plurality_probability(q6[row], k, labels6[row], ties=ties) - exact))
    print(f"\nlargest error against 300-bit arithmetic, 4 rows, k = 5, 30, 80, all tie rules: {worst:.1e}")
    if args.output:
        summary = {"softmax": source, "cores": cpu_count(), "machine": platform.machine(), "error": worst}
        args.output.write_text(json.dumps({**summary, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
