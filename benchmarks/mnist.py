"""Do measured curves of MNIST pixels lie on predicted ones, and how long does figure 3a take from files to picture?

    LABELNOISE_DATA=... python benchmarks/mnist.py [--figures FOLDER] [--quick] [--output FILE.json]

Agreement: flip and uniform noise, K = 10, 30, 100, every noise rate of the paper, tie rules "random" and "lowest";
the predicted accuracy (the i.i.d. model of Eq. 1-3, and the finite one) against the mean of 10 measured repeats, in
points. The allowance at each noise rate (level) is 0.5 points plus two standard errors of the measured mean.

Time: the whole of figure 3a in one fresh process, with compiled kernels in the cache, against scikit-learn's
KNeighborsClassifier, fitted and evaluated anew for each noise draw (one draw and K is timed and scaled to all of them).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, load_mnist, run, timed
from sklearn.neighbors import KNeighborsClassifier

import labelnoise as ln
from labelnoise.noise import NOISE_RATES

KS = (10, 30, 100)
REPEATS = 10


def agreement(train, test, hoods, every: int, repeats: int) -> Table:
    table = Table(
        *("noise", "ties", "model", "k", "mean_difference", "worst_difference", "at_noise_rate"),
        *("two_standard_errors_there", "levels_within_allowance", "levels"),
    )
    for noise in (ln.FlipNoise(), ln.UniformNoise()):
        for ties in ("random", "lowest"):
            data = (hoods, train.labels, test.labels, noise, NOISE_RATES[noise.name][::every], KS)
            measured = ln.simulate_knn(*data, ties=ties, repeats=repeats, random_state=0)
            for model in ("iid", "finite"):
                predicted = ln.predict_knn(*data, ties=ties, model=model)
                for column, k in enumerate(KS):
                    about = {"noise": noise.name, "ties": ties, "model": model, "k": k}
                    table.add({**about, **compare_curves(predicted, measured, column)})
    return table


def compare_curves(predicted: ln.AccuracyCurve, measured: ln.AccuracyCurve, column: int) -> Record:
    difference = 100 * (measured.accuracy - predicted.accuracy)[:, column]
    two_errors = 200 * measured.standard_error[:, column]
    outside = np.flatnonzero(np.abs(difference) > 0.5 + two_errors)
    worst = int(np.argmax(np.abs(difference)))
    return {
        "levels": len(difference),
        "mean_difference": float(np.abs(difference).mean()),
        "worst_difference": float(difference[worst]),
        "at_noise_rate": float(measured.noise_rates[worst]),
        "two_standard_errors_there": float(two_errors[worst]),
        "levels_within_allowance": len(difference) - len(outside),
        "outside": {f"{measured.noise_rates[i]:g}": float(difference[i]) for i in outside},
    }


def figure_3a(folder: Path) -> None:
    command = [
        *(sys.executable, "-m", "labelnoise", "curve", "--dataset", "mnist", "--noise", "flip", "-k", "10,30,100"),
        *("--simulate", "--name", "figure3a", "--title", "MNIST, flip noise (figure 3a)", "--output-dir", str(folder)),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def refit(train, test, labels: np.ndarray) -> None:
    """Measure the accuracy for one noise draw at one K without stored neighbors."""
    classifier = KNeighborsClassifier(30, algorithm="brute", n_jobs=-1).fit(train.features, labels)
    np.mean(classifier.predict(test.features) == test.labels)


def main(options: Options) -> Record | None:
    mnist = load_mnist(1000 if options.quick else None)
    if mnist is None:
        return None
    train, test = mnist
    hoods = ln.neighbors(train.features, test.features, k=max(KS))
    table = agreement(train, test, hoods, *((8, 2) if options.quick else (1, REPEATS)))
    with tempfile.TemporaryDirectory() as scratch:
        # The first of two runs compiles the kernels.
        seconds = timed(lambda: figure_3a(options.figures or Path(scratch)), warm_up=0 if options.quick else 1).median
    noisy = ln.corrupt(train.labels, ln.FlipNoise(), 0.3, random_state=0).labels
    draw = timed(lambda: refit(train, test, noisy)).median
    draws = len(NOISE_RATES["flip"]) * REPEATS * len(KS)
    print(f"figure 3a, files to picture: {seconds:.1f} s (allowed: 60 s)")
    print(
        f"KNeighborsClassifier refitted for each draw: {draw:.1f} s per draw and K, {draws} of them: "
        f"{draw * draws / 60:.0f} min, without predictions; ratio {draw * draws / seconds:.0f}"
    )
    return {"agreement": table.rows, "figure_3a_seconds": seconds, "refit_seconds_a_draw": draw, "draws": draws}


if __name__ == "__main__":
    run(main, __doc__, figures={"type": Path, "metavar": "FOLDER", "help": "keep figure 3a in this folder"})
