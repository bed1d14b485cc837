"""Does the finite model give the mean to which 1,000 measured repeats of spread noise converge?

    [LABELNOISE_DATA=...] python benchmarks/repeats.py [--repeats 1000] [--quick] [--output FILE.json]

Data: digits in 64, 4 and 2 dimensions (principal components) and, if it can be loaded, MNIST (2,000 test images);
uniform and flip noise at five rates each, K = 10, 30, 60. Columns: the largest distance over the rates between
prediction and measured mean, in points and in standard errors of that mean, for the finite model and for the i.i.d.
formula (Eq. 2). At K = 30 and the fourth rate, the calibration says whether the probabilities of single samples are
right: it is the standard deviation over samples of (share - probability) in binomial standard errors, which is 1 for a
right model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from harness import Options, Record, Table, load_mnist, run
from sklearn.decomposition import PCA

import labelnoise as ln
from labelnoise.data import load_digits

KS = (10, 30, 60)
RATES = {"uniform": (0.0, 0.3, 0.6, 0.8, 0.9), "flip": (0.0, 0.2, 0.35, 0.45, 0.55)}


def data_sets(quick: bool) -> Iterator[tuple[str, Any, np.ndarray, np.ndarray]]:
    """Yield names, neighbors, training labels and test labels."""
    train, test = load_digits()
    for dimensions in (64, 4, 2):
        components = PCA(dimensions, random_state=0).fit(train.features)
        hoods = ln.neighbors(components.transform(train.features), components.transform(test.features), k=max(KS))
        yield f"digits, {dimensions} dimensions", hoods, train.labels, test.labels
    if mnist := load_mnist(1000 if quick else None):
        train, test = mnist
        yield "MNIST", ln.neighbors(train.features, test.features[::5], k=max(KS)), train.labels, test.labels[::5]


def calibration(share: np.ndarray, probability: np.ndarray, repeats: int) -> float:
    undecided = (probability > 0.01) & (probability < 0.99)
    spread = np.sqrt(probability * (1 - probability) / repeats)
    return float(np.std((share - probability)[undecided] / spread[undecided]))


def main(options: Options) -> Record:
    worst = [f"{model}_worst_{unit}" for model in ("finite", "iid") for unit in ("points", "standard_errors")]
    table = Table("data", "noise", "k", *worst, "calibration")
    for name, hoods, labels, truth in data_sets(options.quick):
        for noise in (ln.UniformNoise(), ln.FlipNoise()):
            data = (hoods, labels, truth, noise, RATES[noise.name], KS)
            measured = ln.simulate_knn(*data, repeats=options.repeats, random_state=0)
            predicted = {model: ln.predict_knn(*data, model=model) for model in ("finite", "iid")}
            for column, k in enumerate(KS):
                row: Record = {"data": name, "noise": noise.name, "k": k, "repeats": options.repeats}
                error = np.maximum(measured.standard_error[:, column], 1e-6)
                for model, curve in predicted.items():
                    away = np.abs(measured.accuracy - curve.accuracy)[:, column]
                    row[f"{model}_worst_points"] = float(100 * away.max())
                    row[f"{model}_worst_standard_errors"] = float((away / error).max())
                row["calibration"] = None
                if k == 30:
                    curves, rate = (measured, predicted["finite"]), RATES[noise.name][3]
                    row["calibration"] = calibration(*(curve.per_sample(rate, k) for curve in curves), options.repeats)
                table.add(row)
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, repeats=(1000, 3))
