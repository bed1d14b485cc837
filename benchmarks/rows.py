"""Do predictions from the neighbors' own noise rows match drawn votes, and do intervals hold single noise draws?

    python benchmarks/rows.py [--repeats 400] [--quick] [--output FILE.json]

Digits. First, rows of a realized mask of every placement at noise rate 0.4, under three noise models: the accuracy
predicted by `predict_with_rows`, neighbor by neighbor ("finite") and by Eq. 2 with the mean row ("iid"), minus the mean
of draws (`simulate_with_rows`), in points. Then intervals: how often the accuracy of a single noise draw lies in the
95 % interval over draws, from a prediction and from 20 measured draws; and the standard deviation over draws divided by
that of independent test samples.
"""

from __future__ import annotations

import warnings

import numpy as np
from harness import Options, Record, Table, run

import labelnoise as ln
from labelnoise.data import load_digits

KS = (10, 30, 60)
RATES = (0.1, 0.3, 0.45, 0.6)
PLACEMENTS = (
    *(ln.Spread(), ln.KMeansCluster(), ln.Concentrated(0.5), ln.ClassBoundary(), ln.HubnessProportional()),
    ln.Patches(30),
)


def rows_against_draws(train, test, hoods, repeats: int) -> list[Record]:
    table = Table("noise", "placement:20", "k", "drawn", "standard_error", "finite_points", "iid_points")
    for noise in (ln.UniformNoise(), ln.FlipNoise.opposite(10), ln.MatrixNoise.random(10, random_state=0)):
        for placement in PLACEMENTS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # A concentration may be out of reach.
                where = {"placement": placement, "features": train.features, "random_state": 0}
                selected = ln.corrupt(train.labels, noise, 0.4, **where).selected
            data = (hoods, ln.noise_rows(train.labels, noise, selected), test.labels, KS)
            drawn = ln.simulate_with_rows(*data, repeats=repeats, random_state=1)
            finite, iid = (
                100 * (ln.predict_with_rows(*data, model=model).accuracy - drawn.accuracy)
                for model in ("finite", "iid")
            )
            for column, k in enumerate(KS):
                row = {"noise": noise.name, "placement": placement.name, "k": k, "drawn": drawn.accuracy[0, column]}
                row |= {"finite_points": finite[0, column], "iid_points": iid[0, column]}
                table.add({**row, "standard_error": drawn.standard_error[0, column]})
    return table.rows


def coverage(train, test, hoods, repeats: int) -> list[Record]:
    found = []
    for noise in (ln.UniformNoise(), ln.FlipNoise()):
        ks = (1, *KS)
        data = (hoods, train.labels, test.labels, noise, RATES, ks)
        predicted = ln.predict_knn(*data)
        single = ln.simulate_knn(*data, repeats=repeats, random_state=9)
        twenty = ln.simulate_knn(*data, repeats=20, random_state=10)
        shares = {}
        for name, curve in (("predicted", predicted), ("measured", twenty)):
            interval = curve.interval(of="draws")
            inside = (single.runs >= interval.lower[:, None]) & (single.runs <= interval.upper[:, None])
            shares[name] = inside.mean(axis=1)
        q = np.array([[predicted.per_sample(rate, k) for k in ks] for rate in RATES])
        ratio = single.std / (np.sqrt(np.sum(q * (1 - q), axis=2)) / q.shape[2])
        print(
            f"{noise.name}: single draws in the 95 % interval: predicted {100 * shares['predicted'].mean():.1f} % "
            f"(cells {100 * shares['predicted'].min():.1f} to {100 * shares['predicted'].max():.1f}), from 20 draws "
            f"{100 * shares['measured'].mean():.1f} %; standard deviation over draws {ratio.min():.2f} to "
            f"{ratio.max():.2f} times that of independent samples",
            flush=True,
        )
        found.append({"noise": noise.name, **shares, "ratio_to_independent": ratio})
    return found


def main(options: Options) -> Record:
    train, test = load_digits()
    hoods = ln.neighbors(train.features, test.features, k=max(KS))
    rows = rows_against_draws(train, test, hoods, options.repeats)
    intervals = coverage(train, test, hoods, options.repeats)
    points = max(abs(row["finite_points"]) for row in rows)
    errors = max(abs(row["finite_points"]) / (100 * row["standard_error"]) for row in rows if row["standard_error"])
    print(f"finite: at most {points:.2f} points, {errors:.1f} standard errors")
    return {"rows": rows, "intervals": intervals}


if __name__ == "__main__":
    run(main, __doc__, repeats=(400, 3))
