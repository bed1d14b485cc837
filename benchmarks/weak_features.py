"""Does a diagnosis say so where classes overlap, or does it take the overlap for wrong labels?

    python benchmarks/weak_features.py [--samples 400] [--seeds 2] [--quick] [--output FILE.json]

Classes are normal clouds of 5 features (20 of 10 classes) with standard deviation 1, whose centers lie `distance` from
the origin, each on an axis of its own. 0, 15 or 30 % of the labels are wrong, spread over all other classes. A row is
over the noise rates and seeds: "accuracy" is that of the best classifier with clean labels, "weak" the share of sets
whose features are called too weak (then the bracket begins at 0), "above" the number of brackets that lie above the
truth by more than half a point, and "error" the mean error of the estimates of the sets that are not called weak.
"""

from __future__ import annotations

import numpy as np
from harness import Options, Record, Table, run

import labelnoise as ln

RATES = (0.0, 0.15, 0.3)


def main(options: Options) -> Record:
    table = Table("classes", "distance", "sets", "accuracy", "weak", "above", "error")
    for n_classes, n_features in ((2, 5), (4, 5), (10, 20)):
        for distance in (0.6, 1.0, 1.5, 2.5):
            found = [
                one(options.samples, n_classes, n_features, distance, rate, seed)
                for rate in RATES
                for seed in range(options.seeds)
            ]
            accuracy, weak, above, error = np.array(found).T
            trusted = error[weak == 0]
            table.add(
                {
                    "classes": n_classes,
                    "distance": distance,
                    "sets": len(found),
                    "accuracy": float(accuracy.mean()),
                    "weak": float(weak.mean()),
                    "above": int(above.sum()),
                    "error": float(trusted.mean()) if len(trusted) else float("nan"),
                }
            )
    return {"rows": table.rows}


def one(
    n: int, n_classes: int, n_features: int, distance: float, rate: float, seed: int
) -> tuple[float, bool, bool, float]:
    """Return the best accuracy, whether features are called weak, whether the bracket lies above, and the error."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_classes, size=n)
    features = rng.normal(size=(n, n_features)) + distance * np.eye(n_classes, n_features)[truth]
    wrong = rng.random(n) < rate
    labels = np.where(wrong, (truth + rng.integers(1, n_classes, n)) % n_classes, truth)
    best = float((features[:, :n_classes].argmax(axis=1) == truth).mean())
    found = ln.diagnose(labels, features=features, random_state=0)
    return best, found.too_weak, found.bracket.low > wrong.mean() + 0.005, abs(found.noise.wrong_rate - wrong.mean())


if __name__ == "__main__":
    run(main, __doc__, samples=(400, 100), seeds=(2, 1))
