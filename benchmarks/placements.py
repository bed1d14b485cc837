"""The generator of concentrated noise: is the asked rho reached, is the rate exact, and how long does a draw take?

    LABELNOISE_DATA=... python benchmarks/placements.py [--k 10 30 100] [--samples 1000000] [--output FILE.json]

MNIST pixels, noise rates 0.1 to 0.5, eight concentrations. Preparing (landmarks, and the neighborhoods in which rho is
measured) is done once a data set; a draw is what follows. A rho counts as reached within 0.02; where it is out of reach
the table says what came out. With --samples also a synthetic set of so many samples, in 16 dimensions.

The named alternative, in the same run: noise in k-means clusters (`KMeansCluster`), which has no dial.
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

import labelnoise as ln
from labelnoise.artifacts import write_json
from labelnoise.data import load_images
from labelnoise.placement.concentrated import REACHED, Concentrated

RATES = (0.1, 0.2, 0.3, 0.4, 0.5)
ASKED = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def draw_all(name: str, features, codes, k: int, rates) -> list[dict]:
    n_classes, rows = int(codes.max()) + 1, []
    start = time.perf_counter()
    prepared = Concentrated(0.5, k=k).prepare(features)
    preparation = time.perf_counter() - start
    for rate in rates:
        start = time.perf_counter()
        ln.KMeansCluster().select(codes, n_classes, rate, features, np.random.default_rng(0))
        clusters = time.perf_counter() - start
        for asked in ASKED:
            rng = np.random.default_rng([k, round(100 * rate), round(100 * asked)])
            start = time.perf_counter()
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                mask = replace(prepared, concentration=asked).select(codes, n_classes, rate, features, rng)
            rows.append(
                {
                    "data": name,
                    "n": len(codes),
                    "k": k,
                    "noise_rate": rate,
                    "asked": asked,
                    "realized": prepared.realized(mask),
                    "said_out_of_reach": bool(said),
                    "exact": bool(mask.sum() == round(rate * len(codes))),
                    "seconds": time.perf_counter() - start,
                    "preparation_seconds": preparation,
                    "clusters_seconds": clusters,
                }
            )
    return rows


def report(rows: list[dict]) -> None:
    near = [abs(row["realized"] - row["asked"]) <= REACHED for row in rows]
    silent = [row for row, reached in zip(rows, near, strict=True) if not reached and not row["said_out_of_reach"]]
    slowest, clusters = max(row["seconds"] for row in rows), [row["clusters_seconds"] for row in rows]
    first = rows[0]
    print(
        f"{first['data']}, {first['n']:,} samples, K = {first['k']}: reached {sum(near)} of {len(rows)}; the others "
        f"were out of reach and said so, but for {len(silent)}; rate exact in all: {all(r['exact'] for r in rows)}; "
        f"prepared in {first['preparation_seconds']:.1f} s, a draw {np.mean([r['seconds'] for r in rows]):.2f} s on "
        f"average, {slowest:.2f} s at most; one k-means cluster a class: {np.mean(clusters):.1f} s",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, nargs="+", default=(30,))
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows: list[dict] = []
    try:
        train = load_images("mnist", "train")
    except (ValueError, OSError) as error:
        print(f"MNIST skipped: {error}")
    else:
        for k in options.k:
            rows += draw_all("MNIST", train.features, train.labels, k, RATES)
            report(rows[-len(RATES) * len(ASKED) :])
    if options.samples:
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 10, options.samples)
        features = (3 * rng.standard_normal((10, 16))[codes] + rng.standard_normal((options.samples, 16))).astype(
            np.float32
        )
        rows += draw_all("ten Gaussians in 16 dimensions", features, codes, options.k[0], (0.3,))
        report(rows[-len(ASKED) :])
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        write_json(rows, options.output)


if __name__ == "__main__":
    main()
