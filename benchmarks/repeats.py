"""Spread noise: does the finite model give the mean that 1,000 measured repeats converge to?

    [LABELNOISE_DATA=...] python benchmarks/repeats.py [--repeats 1000] [--output FILE.json]

Digits in 64, 4 and 2 dimensions (principal components) and, where LABELNOISE_DATA has it, MNIST (2,000 test images);
uniform and flip noise at several rates, K = 10, 30, 60. For each: the distance between prediction and measured mean in
points and in standard errors of that mean, for the finite model and for the i.i.d. formula (Eq. 2); and, at K = 30,
whether single samples' probabilities are calibrated: the standard deviation over samples of (share - probability) in
binomial standard errors, which is 1 for a right model.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

import labelnoise as ln
from labelnoise.artifacts import write_json
from labelnoise.data import load_digits, load_images

KS = (10, 30, 60)
RATES = {"uniform": (0.0, 0.3, 0.6, 0.8, 0.9), "flip": (0.0, 0.2, 0.35, 0.45, 0.55)}


def data_sets():
    train, test = load_digits()
    for dimensions in (64, 4, 2):
        components = PCA(dimensions, random_state=0).fit(train.features)
        hoods = ln.neighbors(components.transform(train.features), components.transform(test.features), k=max(KS))
        yield f"digits, {dimensions} dimensions", hoods, train.labels, test.labels
    try:
        train, test = load_images("mnist", "train"), load_images("mnist", "test")
    except (ValueError, OSError) as error:
        print(f"MNIST skipped: {error}")
        return
    yield "MNIST", ln.neighbors(train.features, test.features[::5], k=max(KS)), train.labels, test.labels[::5]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    for name, hoods, labels, truth in data_sets():
        for noise in (ln.UniformNoise(), ln.FlipNoise()):
            arguments = (hoods, labels, truth, noise, RATES[noise.name], KS)
            measured = ln.simulate_knn(*arguments, repeats=options.repeats, random_state=0)
            finite, iid = (ln.predict_knn(*arguments, model=model) for model in ("finite", "iid"))
            for column, k in enumerate(KS):
                error = np.maximum(measured.standard_error[:, column], 1e-6)
                away = {model.model: (measured.accuracy - model.accuracy)[:, column] for model in (finite, iid)}
                probability = finite.per_sample(RATES[noise.name][3], k)
                share = measured.per_sample(RATES[noise.name][3], k) if k == 30 else None
                rows.append(
                    {
                        "data": name,
                        "noise": noise.name,
                        "k": k,
                        "repeats": options.repeats,
                        "finite_worst_points": float(100 * np.abs(away["finite"]).max()),
                        "finite_worst_standard_errors": float(np.abs(away["finite"] / error).max()),
                        "iid_worst_points": float(100 * np.abs(away["iid"]).max()),
                        "iid_worst_standard_errors": float(np.abs(away["iid"] / error).max()),
                        "calibration": None if share is None else calibration(share, probability, options.repeats),
                    }
                )
                row = rows[-1]
                print(
                    f"{name:22} {noise.name:8} K={k:<3} finite: worst {row['finite_worst_points']:.3f} points, "
                    f"{row['finite_worst_standard_errors']:.1f} se;  iid: worst {row['iid_worst_points']:.2f} points, "
                    f"{row['iid_worst_standard_errors']:.0f} se"
                    + ("" if share is None else f";  calibration {row['calibration']:.3f}"),
                    flush=True,
                )
    if options.output:
        write_json({"rows": rows}, options.output)


def calibration(share: np.ndarray, probability: np.ndarray, repeats: int) -> float:
    undecided = (probability > 0.01) & (probability < 0.99)
    spread = np.sqrt(probability * (1 - probability) / repeats)
    return float(np.std((share - probability)[undecided] / spread[undecided]))


if __name__ == "__main__":
    main()
