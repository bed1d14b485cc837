"""How fast is measure against a plain loop, and do classifiers other than K-NN follow the curves of K-NN?

    python benchmarks/own_classifier.py [--repeats 5] [--n-jobs 2] [--trees 100] [--rounds 3] [--quick]
        [--output FILE.json]

Data: digits (1,347 training and 450 test samples), uniform noise at six rates, `--repeats` noise draws each. Timed: all
trainings, by a loop over corrupt, fit and score; by measure in one process; and by measure in `--n-jobs` processes,
which have started before. Ratio: time over that of the loop in the same round. Then: the effective K, and the mean and
largest distance of the measured curve from the analytic curve of that K, in points.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from harness import Options, Record, Table, compare, run
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import labelnoise as ln
from labelnoise.data import load_digits

RATES = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9)
NOISE = ln.UniformNoise()


def plain_loop(estimator: Any, data: tuple[Any, ...], repeats: int) -> np.ndarray:
    """Return the accuracy of every rate and repeat."""
    features, labels, queries, truth = data
    runs = np.empty((len(RATES), repeats))
    for row, rate in enumerate(RATES):
        for repeat in range(repeats):
            noisy = ln.corrupt(labels, NOISE, rate, random_state=1000 * row + repeat)
            runs[row, repeat] = clone(estimator).fit(features, noisy.labels).score(queries, truth)
    return runs


def main(options: Options) -> Record:
    train, test = load_digits()
    data = (train.features, train.labels, test.features, test.labels)
    estimators = {
        "10 nearest neighbors": KNeighborsClassifier(10),
        "logistic regression, C = 1": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "logistic regression, C = 0.01": make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)),
        "random forest": RandomForestClassifier(options.trees),
    }
    times, fits = Table("classifier:30", "way", "median_s", "spread", "ratio"), []
    for name, estimator in estimators.items():
        measure = partial(ln.measure, estimator, *data, NOISE, RATES, repeats=options.repeats, random_state=0)
        parallel = f"measure, {options.n_jobs} processes"
        ways = {
            "plain loop": partial(plain_loop, estimator, data, options.repeats),
            "measure": measure,
            parallel: partial(measure, n_jobs=options.n_jobs),
        }
        times.add(*compare({"classifier": name}, ways, against="plain loop", repeats=options.rounds))
        curve = measure(n_jobs=options.n_jobs)
        assert np.array_equal(curve.runs, measure().runs), "n_jobs changed the result"
        clean = clone(estimator).fit(train.features, train.labels).predict_proba(test.features)
        k = ln.effective_k(curve, clean, test.labels, NOISE)
        away = 100 * np.abs(curve.accuracy - ln.accuracy_curve(clean, test.labels, NOISE, RATES, k).accuracy)
        fits.append({"classifier": name, "effective_k": k, "mean_points": away.mean(), "worst_points": away.max()})
    print()
    Table("classifier:30", *list(fits[0])[1:]).add(*fits)
    return {"rows": times.rows, "fits": fits}


if __name__ == "__main__":
    run(main, __doc__, repeats=(5, 2), n_jobs=(2, 2), trees=(100, 5), rounds=(3, 1))
