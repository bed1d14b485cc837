"""Noise that depends on the sample, and intervals: predictions from the neighbors' own rows against drawn votes.

    python benchmarks/rows.py [--repeats 400] [--output FILE.json]

Digits. First, rows of a realized mask of every placement at noise rate 0.4, under three noise models: accuracy
predicted by `predict_with_rows`, neighbor by neighbor ("finite") and by Eq. 2 with the mean row ("iid"), minus the
mean of draws (`simulate_with_rows`), in points. Then intervals: how often the accuracy of a single noise draw lies in
the 95 % interval over draws, from a prediction and from 20 measured draws; and how much wider draws spread than
independent test samples would.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

import labelnoise as ln
from labelnoise.artifacts import write_json
from labelnoise.data import load_digits

KS = (10, 30, 60)
RATES = (0.1, 0.3, 0.45, 0.6)
PLACEMENTS = (
    *(ln.Spread(), ln.KMeansCluster(), ln.Concentrated(0.5), ln.ClassBoundary(), ln.HubnessProportional()),
    ln.Patches(30),
)


def rows_against_draws(train, test, hoods, repeats: int) -> list[dict]:
    found = []
    for noise in (ln.UniformNoise(), ln.FlipNoise.opposite(10), ln.MatrixNoise.random(10, random_state=0)):
        for placement in PLACEMENTS:
            where = {"placement": placement, "features": train.features, "random_state": 0}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # a concentration out of reach
                selected = ln.corrupt(train.labels, noise, 0.4, **where).selected
            rows = ln.noise_rows(train.labels, noise, selected)
            finite = ln.predict_with_rows(hoods, rows, test.labels, KS)
            iid = ln.predict_with_rows(hoods, rows, test.labels, KS, model="iid")
            drawn = ln.simulate_with_rows(hoods, rows, test.labels, KS, repeats=repeats, random_state=1)
            found += [
                {
                    "noise": noise.name,
                    "placement": placement.name,
                    "k": k,
                    "drawn": drawn.accuracy[0, column],
                    "standard_error": drawn.standard_error[0, column],
                    "finite_points": 100 * (finite.accuracy - drawn.accuracy)[0, column],
                    "iid_points": 100 * (iid.accuracy - drawn.accuracy)[0, column],
                }
                for column, k in enumerate(KS)
            ]
            of_finite, of_iid = ([row[name] for row in found[-len(KS) :]] for name in ("finite_points", "iid_points"))
            shown = [" ".join(f"{value:+6.2f}" for value in values) for values in (of_finite, of_iid)]
            print(f"{noise.name:8} {placement.name:22} finite {shown[0]}   iid {shown[1]}", flush=True)
    return found


def coverage(train, test, hoods, repeats: int) -> list[dict]:
    found = []
    for noise in (ln.UniformNoise(), ln.FlipNoise()):
        data = (hoods, train.labels, test.labels, noise, RATES, (1, *KS))
        predicted = ln.predict_knn(*data)
        single = ln.simulate_knn(*data, repeats=repeats, random_state=9)
        twenty = ln.simulate_knn(*data, repeats=20, random_state=10)
        shares = {}
        for name, curve in (("predicted", predicted), ("measured", twenty)):
            interval = curve.interval(of="draws")
            inside = (single.runs >= interval.lower[:, None]) & (single.runs <= interval.upper[:, None])
            shares[name] = inside.mean(axis=1)
        independent = np.array(
            [
                [np.sqrt(np.sum(q * (1 - q))) / len(q) for q in map(lambda k: predicted.per_sample(rate, k), (1, *KS))]
                for rate in RATES
            ]
        )
        ratio = single.std / independent
        print(
            f"{noise.name}: single draws in the 95 % interval: predicted {100 * shares['predicted'].mean():.1f} % "
            f"(cells {100 * shares['predicted'].min():.1f} to {100 * shares['predicted'].max():.1f}), from 20 draws "
            f"{100 * shares['measured'].mean():.1f} %; spread over draws {ratio.min():.2f} to {ratio.max():.2f} times "
            f"that of independent samples",
            flush=True,
        )
        found.append({"noise": noise.name, **shares, "ratio_to_independent": ratio})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    train, test = load_digits()
    hoods = ln.neighbors(train.features, test.features, k=max(KS))
    print("points, predicted minus drawn, K = " + ", ".join(map(str, KS)))
    results = {"rows": rows_against_draws(train, test, hoods, options.repeats)}
    results["intervals"] = coverage(train, test, hoods, options.repeats)
    worst = max(
        abs(row["finite_points"]) / (100 * row["standard_error"]) for row in results["rows"] if row["standard_error"]
    )
    print(
        f"finite: at most {max(abs(row['finite_points']) for row in results['rows']):.2f} points, "
        f"{worst:.1f} standard errors"
    )
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        write_json(results, options.output)


if __name__ == "__main__":
    main()
