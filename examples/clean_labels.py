"""What would wrong labels cost? Predict it from clean labels, for noise that is spread and noise that is concentrated.

    python examples/clean_labels.py [FOLDER]

prints how many wrong labels each kind of noise may bring before the accuracy falls below 90 %, and writes the curves to
FOLDER (``labelnoise-output/examples`` unless given) as a table and a picture. Put your own arrays in the place of the
digits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

import labelnoise as ln
from labelnoise.data import load_digits

TARGET = 0.9


def main(folder: Path, n: int = 1347) -> pd.DataFrame:
    """Predict the accuracy of 30 nearest neighbors on the first `n` training samples; return the curves' table."""
    train, test = load_digits()
    features, labels = train.features[:n], train.labels[:n]
    neighbors = ln.neighbors(features, test.features, k=30)
    noise_rates = np.linspace(0, 0.9, 10)

    tables = []
    for noise in (ln.FlipNoise(), ln.UniformNoise()):
        for concentration in (0, 0.5):
            curve = ln.predict_knn(
                neighbors, labels, test.labels, noise, noise_rates, k=[10, 30], concentration=concentration
            )
            for k, rate in zip(curve.k, curve.tolerance(TARGET), strict=True):
                name = f"{noise.name} noise, concentration {concentration}, {k} neighbors"
                print(f"{name:48s} {TARGET:.0%} accuracy up to a noise rate of {rate:.2f}")
            tables.append(curve.to_frame().assign(concentration=concentration))
    table = pd.concat(tables, ignore_index=True)

    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "clean_labels.csv", index=False)
    ax = ln.predict_knn(neighbors, labels, test.labels, ln.FlipNoise(), noise_rates, k=[10, 30]).plot()
    ax.figure.savefig(folder / "clean_labels.png", dpi=150)
    return table


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "labelnoise-output/examples"))
