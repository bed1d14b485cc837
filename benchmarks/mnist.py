"""MNIST pixels: do measured curves lie on predicted ones, and how long does figure 3a take from files to picture?

    LABELNOISE_DATA=... python benchmarks/mnist.py [--output FILE.json] [--figures FOLDER]

Agreement: flip and uniform noise, K = 10, 30, 100, every noise level of the paper, tie rules "random" and "lowest";
the predicted accuracy (the i.i.d. model of Eq. 1-3, and the finite one) against the mean of 10 measured repeats. The
allowance at each level is 0.5 points plus two standard errors of the measured mean.

Time: the whole of figure 3a in one fresh process, compiled kernels cached, against scikit-learn's
KNeighborsClassifier fitted and evaluated anew for each noise draw (one draw and K is timed and scaled to all of them).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

import labelnoise as ln
from labelnoise.artifacts import write_json
from labelnoise.data import load_images
from labelnoise.noise import NOISE_RATES

KS = (10, 30, 100)
REPEATS = 10


def agreement(train, test, hoods) -> list[dict]:
    rows = []
    for noise in (ln.FlipNoise(), ln.UniformNoise()):
        for ties in ("random", "lowest"):
            arguments = (hoods, train.labels, test.labels, noise, NOISE_RATES[noise.name], KS)
            measured = ln.simulate_knn(*arguments, ties=ties, repeats=REPEATS, random_state=0)
            for model in ("iid", "finite"):
                predicted = ln.predict_knn(*arguments, ties=ties, model=model)
                rows += [compare(predicted, measured, column) for column in range(len(KS))]
    return rows


def compare(predicted: ln.AccuracyCurve, measured: ln.AccuracyCurve, column: int) -> dict:
    difference = 100 * (measured.accuracy - predicted.accuracy)[:, column]
    two_errors = 200 * measured.standard_error[:, column]
    outside = np.flatnonzero(np.abs(difference) > 0.5 + two_errors)
    worst = int(np.argmax(np.abs(difference)))
    row = {
        "noise": measured.setting.noise["name"],
        "ties": measured.setting.ties,
        "model": predicted.setting.model,
        "k": int(measured.k[column]),
        "levels": len(difference),
        "mean_difference": float(np.abs(difference).mean()),
        "worst_difference": float(difference[worst]),
        "at_noise_rate": float(measured.noise_rates[worst]),
        "two_standard_errors_there": float(two_errors[worst]),
        "levels_within_allowance": len(difference) - len(outside),
        "outside": {f"{measured.noise_rates[i]:g}": float(difference[i]) for i in outside},
    }
    print(
        f"{row['noise']:8} {row['ties']:7} {row['model']:7} K={row['k']:<4} mean |d| {row['mean_difference']:.3f}  "
        f"worst {row['worst_difference']:+.3f} at {row['at_noise_rate']:g} "
        f"(2 se {row['two_standard_errors_there']:.3f})  within allowance "
        f"{row['levels_within_allowance']}/{row['levels']} {row['outside'] or ''}",
        flush=True,
    )
    return row


def figure_3a(folder: Path) -> float:
    command = [
        *(sys.executable, "-m", "labelnoise", "curve", "--dataset", "mnist", "--noise", "flip", "-k", "10,30,100"),
        *("--simulate", "--name", "figure3a", "--title", "MNIST, flip noise (figure 3a)", "--output-dir", str(folder)),
    ]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def refitted(train, test) -> float:
    """Seconds of one noise draw at one K, done the plain way."""
    noisy = ln.corrupt(train.labels, ln.FlipNoise(), 0.3, random_state=0).labels
    start = time.perf_counter()
    classifier = KNeighborsClassifier(30, algorithm="brute", n_jobs=-1).fit(train.features, noisy)
    np.mean(classifier.predict(test.features) == test.labels)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--figures", type=Path)
    options = parser.parse_args()
    try:
        train, test = load_images("mnist", "train"), load_images("mnist", "test")
    except (ValueError, OSError) as error:
        print(f"skipped: {error}")
        return
    hoods = ln.neighbors(train.features, test.features, k=max(KS))
    rows = agreement(train, test, hoods)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.figures or Path(scratch)
        figure_3a(folder)  # compiles, once and for all
        seconds = figure_3a(folder)
    draw = refitted(train, test)
    draws = len(NOISE_RATES["flip"]) * REPEATS * len(KS)
    print(f"figure 3a, files to picture: {seconds:.1f} s (allowed: 60 s)")
    print(
        f"KNeighborsClassifier refitted for each draw: {draw:.1f} s a draw and K, {draws} of them: "
        f"{draw * draws / 60:.0f} min, without predictions; ratio {draw * draws / seconds:.0f}"
    )
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        record = {"agreement": rows, "figure_3a_seconds": seconds, "refit_seconds_a_draw": draw, "draws": draws}
        write_json(record, options.output)


if __name__ == "__main__":
    main()
