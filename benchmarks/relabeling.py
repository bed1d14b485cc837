"""Which labels should be checked first, and does it gain what was predicted?

    LABELNOISE_DATA=FOLDER python benchmarks/relabeling.py [--k 10 30 100] [--quick] [--output FILE.json]

Digits, and CIFAR-10's features with CIFAR-10N's labels where the folder holds them. T is read off 400 labels that are
drawn at random and checked; the other true labels serve for measuring alone. P(z | x) is that of an out-of-fold
logistic regression. "concentrated" is flip noise of 40 % at rho 0.3.

The K-NN accuracy with the given labels, predicted and true. Then 5 % of the labels are corrected, in the order that the
plan takes, by suspicion (the most probably wrong first) and at random (mean of 5 orders): the points gained on test
samples. `ratio` is that of the plan's order over the random ones, `predicted` what the plan says it gains. The curve
error is the largest difference, in points, between the predicted and the true curve from no to all labels cleaned, by
suspicion; there the accuracy is the leave-one-out one, of the training samples.
"""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, run
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

import labelnoise as ln
from labelnoise.data import load_digits
from labelnoise.data.files import read_labels
from labelnoise.diagnosis.cost import cleaning_curve, knn_accuracy
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.diagnosis.orders import cleaning_order
from labelnoise.diagnosis.plan import relabeling_plan
from labelnoise.diagnosis.posterior import combine_views
from labelnoise.neighborhoods.votes import vote_accuracy

SHARE, CHECKED, STEPS = 0.05, 400, 100
PRIOR = 20  # checked labels per class that the shrinkage counts as


def data_sets(folder: str | None):
    """Yield name, features, labels, test features and test labels, and human labels where there are any."""
    train, test = load_digits()
    yield "digits", train.features, np.asarray(train.labels), test.features, np.asarray(test.labels), None
    if folder and (Path(folder) / "features/cifar10_train.npy").exists():
        root = Path(folder)
        features = [np.load(root / f"features/cifar10_{part}.npy").astype(np.float32) for part in ("train", "test")]
        files = [root / f"cifar10/{part}-00000-of-00001.parquet:label" for part in ("train", "test")]
        labels = [np.asarray(read_labels(file)) for file in files]
        yield "cifar10", features[0], labels[0], features[1], labels[1], np.load(root / "cifar10n/random_label1.npy")


def settings(features, labels, human):
    """Yield the name of each noise and the given labels."""
    for noise, rate in (
        (ln.UniformNoise(), 0.2),
        (ln.UniformNoise(), 0.4),
        (ln.FlipNoise(), 0.2),
        (ln.FlipNoise(), 0.4),
    ):
        yield f"{noise.name} {rate:g}", ln.corrupt(labels, noise, rate, random_state=1).labels
    where = {"placement": ln.Concentrated(0.3), "features": features, "random_state": 1}
    yield "concentrated", ln.corrupt(labels, ln.FlipNoise(), 0.4, **where).labels
    if human is not None:
        yield "human", human.astype(np.int64)


def posterior_of(data: LabeledSamples, true: np.ndarray) -> np.ndarray:
    """Return Pr(true = y) with T from checked labels, shrunk towards uniform noise, and p(y | x) by deconvolution."""
    checked = np.random.default_rng(0).choice(len(true), CHECKED, replace=False)
    wrong = (true[checked] != data.codes[checked]).mean()
    matrix = np.full((data.n_classes, data.n_classes), PRIOR * wrong / (data.n_classes - 1))
    np.fill_diagonal(matrix, PRIOR * (1 - wrong))
    np.add.at(matrix, (true[checked], data.codes[checked]), 1)
    matrix /= matrix.sum(axis=1, keepdims=True)
    classes = np.full(data.pred_probs.shape, 1 / data.n_classes)
    for _ in range(STEPS):
        classes *= (data.pred_probs / (classes @ matrix)) @ matrix.T
    posterior = combine_views(data, matrix, classes)
    posterior[checked] = np.eye(data.n_classes)[true[checked]]
    return posterior


def row_of(data: LabeledSamples, true: np.ndarray, test: tuple[np.ndarray, np.ndarray]) -> Record:
    """Measure one setting."""
    start, n, classes = time.perf_counter(), len(true), np.eye(data.n_classes, dtype=np.float32)
    posterior = posterior_of(data, true)
    plan = relabeling_plan(data, posterior, round(SHARE * n), random_state=0)
    seconds = time.perf_counter() - start

    def on_test(order: np.ndarray) -> float:
        codes = data.codes.copy()
        codes[order] = true[order]
        rng = np.random.default_rng(0)
        return 100 * float(vote_accuracy(codes, test[0], test[1], data.k, data.n_classes, ties="random", rng=rng)[0])

    before, n_cleaned = on_test(np.arange(0)), round(SHARE * n)
    suspicion = cleaning_order(data, posterior, "suspicion")
    at_random = [cleaning_order(data, posterior, "random", random_state=seed)[:n_cleaned] for seed in range(5)]
    gains = {
        "gained": on_test(plan.samples["index"].to_numpy()) - before,
        "by_suspicion": on_test(suspicion[:n_cleaned]) - before,
        "at_random": float(np.mean([on_test(order) for order in at_random])) - before,
    }
    curve = plan.curves[plan.order]
    predicted = cleaning_curve(data, posterior, suspicion, name="suspicion", random_state=0)
    real = cleaning_curve(data, classes[true], suspicion, name="suspicion", random_state=0)
    return {
        "now": 100 * knn_accuracy(data, posterior),
        "truly": 100 * knn_accuracy(data, classes[true]),
        "order": plan.order,
        "predicted": 100 * float(curve.at(n_cleaned) - curve.accuracy[0]),
        **gains,
        "ratio": gains["gained"] / gains["at_random"] if gains["at_random"] > 0.1 else None,
        "curve_error": 100 * float(np.abs(predicted.accuracy - real.accuracy).max()),
        "seconds": seconds,
    }


def main(options: Options) -> Record:
    table = Table(
        *("data", "noise:14", "k", "now", "truly", "order:10", "predicted", "gained", "by_suspicion", "at_random"),
        *("ratio", "curve_error", "seconds"),
    )
    sets = data_sets(None if options.quick else os.environ.get("LABELNOISE_DATA"))
    for name, features, true, test_features, test_labels, human in sets:
        hoods = ln.neighbors(features, k=max(options.k))
        test = ln.neighbors(features, test_features, k=max(options.k)).indices, test_labels
        scaled, rows = StandardScaler().fit_transform(features), np.arange(len(true))
        for noise, codes in settings(features, true, human):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # A fit that has not converged serves as well.
                folds = StratifiedKFold(4, shuffle=True, random_state=0)
                model = LogisticRegression(max_iter=100)
                probs = cross_val_predict(model, scaled, codes, cv=folds, method="predict_proba").astype(np.float32)
            for k in options.k:
                data = LabeledSamples(codes, np.arange(10), rows, len(rows), None, probs, False, hoods, k, rows)
                table.add({"data": name, "noise": noise, "k": k, **row_of(data, true, test)})
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, k=((10, 30, 100), (10,)))
