"""Does concentrated noise reach the requested rho and the exact noise rate, and how long does a draw of it take?

    LABELNOISE_DATA=... python benchmarks/placements.py [--k 10 30 100] [--samples 1000000] [--quick]
        [--output FILE.json]

MNIST pixels, noise rates 0.1 to 0.5, eight concentrations. Preparing (landmarks, and the neighborhoods in which rho is
measured) is done once per data set; a draw is what follows, with the measurement of its rho. A rho counts as reached
within 0.02; where it is out of reach the row holds what was realized. With --samples also a synthetic set of so many
samples, in 16 dimensions.

The named alternative, in the same run: noise in k-means clusters (`KMeansCluster`), whose rho cannot be chosen.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from harness import Options, Record, Table, load_mnist, run, timed

import labelnoise as ln
from labelnoise.placement.concentrated import REACHED, Concentrated

RATES = (0.1, 0.2, 0.3, 0.4, 0.5)
ASKED = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def draw(placement: Concentrated, data: tuple, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return a mask and its rho."""
    mask = placement.select(*data, rng)
    return mask, placement.realized(mask)


def draw_all(name: str, features: np.ndarray, codes: np.ndarray, k: int, rates: Sequence[float]) -> Iterator[Record]:
    prepared = timed(lambda: Concentrated(0.5, k=k).prepare(features))
    about = {"data": name, "n": len(codes), "k": k, "preparation_seconds": prepared.median}
    for rate in rates:
        data = (codes, int(codes.max()) + 1, rate, features)
        clusters = timed(partial(ln.KMeansCluster().select, *data, np.random.default_rng(0))).median
        for asked in ASKED:
            placement = replace(prepared.result, concentration=asked)
            rng = np.random.default_rng([k, round(100 * rate), round(100 * asked)])
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                drawn = timed(partial(draw, placement, data, rng))
            mask, realized = drawn.result
            row = {**about, "noise_rate": rate, "asked": asked, "realized": realized, "said_out_of_reach": bool(said)}
            row |= {"exact": bool(mask.sum() == round(rate * len(codes))), "seconds": drawn.median}
            yield {**row, "clusters_seconds": clusters}


def data_sets(options: Options) -> Iterator[tuple[str, np.ndarray, np.ndarray, int, Sequence[float]]]:
    """Yield names, features, labels, neighborhood sizes and noise rates."""
    if mnist := load_mnist(2000 if options.quick else None):
        train, _ = mnist
        for k in options.k:
            yield "MNIST", train.features, train.labels, k, RATES[:1] if options.quick else RATES
    if options.samples:
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 10, options.samples)
        features = 3 * rng.standard_normal((10, 16))[codes] + rng.standard_normal((options.samples, 16))
        yield "ten Gaussians in 16 dimensions", features.astype(np.float32), codes, options.k[0], (0.3,)


def main(options: Options) -> Record:
    table = Table("data:30", "n", "k", "noise_rate", "asked", "realized", "said_out_of_reach", "exact", "seconds")
    for data in data_sets(options):
        n_before = len(table.rows)
        for row in draw_all(*data):
            table.add(row)
        draws = pd.DataFrame(table.rows[n_before:])
        missed = (draws.realized - draws.asked).abs() > REACHED
        print(
            f"{len(draws)} draws: rho missed in {missed.sum()}, silently in {sum(missed & ~draws.said_out_of_reach)}; "
            f"rate exact in {draws.exact.sum()}; preparing took {draws.preparation_seconds[0]:.1f} s, a draw "
            f"{draws.seconds.mean():.2f} s on average and {draws.seconds.max():.2f} s at most, one k-means cluster per "
            f"class {draws.clusters_seconds.mean():.1f} s"
        )
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, k=((30,), (30,)), samples=(0, 2000))
