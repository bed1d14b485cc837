"""MNIST CNN at laptop scale: accuracy under flip noise over the analytic curves, and concentrated noise by region.

    LABELNOISE_DATA=... python benchmarks/networks.py [--work FOLDER] [--repeats 2] [--results results]

6,000 training images, 3 epochs, the state with the best noisy validation accuracy; 14 flip rates. The analytic curves
come from the softmax of the network trained on clean labels. About 30 trainings of 15 to 25 s on one core; finished
ones lie in the work folder and are not trained again. Without --results nothing but the numbers is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import labelnoise as ln
from labelnoise.artifacts import output_folder, write_figure, write_json, write_table
from labelnoise.data import load_images
from labelnoise.effective import effective_neighborhood
from labelnoise.experiments.network_regions import region_study
from labelnoise.experiments.networks import SweepSpecification, family_figure, network_sweep
from labelnoise.training import preset

RATES = (0.0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.43, 0.46, 0.48, 0.5, 0.52, 0.54, 0.57, 0.6)


def flip(train, test, work: Path, repeats: int, results: Path | None) -> dict:
    noise = ln.FlipNoise()
    specification = SweepSpecification(noise=noise, noise_rates=RATES, training=preset("mnist_laptop"), repeats=repeats)
    sweep = network_sweep(train, test, specification, work / "flip")
    found = effective_neighborhood(sweep, sweep.pred_probs, test.labels, noise)
    best = found.predicted[:, found.ks == found.k][:, 0]
    table = pd.DataFrame(
        {
            "noise_rate": sweep.noise_rates,
            "measured": sweep.accuracy,
            "std": sweep.std,
            "repeats": repeats,
            "effective_k": found.k,
            "predicted": best,
            "difference_points": 100 * (sweep.accuracy - best),
        }
    )
    print(table.round(4).to_string())
    summary = {
        "data": {"train": train.summary, "test": test.summary},
        "sweep": specification.to_dict(),
        "effective_k": found.k,
        "mean_absolute_difference": found.mean_error,
        "worst_absolute_difference": found.worst_error,
        "clean_accuracy": float(sweep.accuracy[0]),
    }
    print(f"effective K {found.k}: mean |d| {100 * found.mean_error:.2f}, worst {100 * found.worst_error:.2f} points")
    if results:
        name = "mnist_cnn_flip_laptop"
        folder = output_folder(results / name)
        write_table(table, folder / name)
        write_table(sweep.to_frame(), folder / "trainings")
        write_json(summary, folder / f"{name}.json")
        family = ln.accuracy_curve(
            sweep.pred_probs, test.labels, noise, np.linspace(0, 0.6, 61), sorted({5, 10, 100, found.k})
        )
        data = f"mnist, {len(train):,} training images, 3 epochs"
        write_figure(
            family_figure(family, sweep, title="MNIST CNN, flip noise", data=data), folder / name, ("png", "svg")
        )
    return summary


def regions(train, test, work: Path, repeats: int, results: Path | None) -> dict:
    study = region_study(train, test, preset("mnist_laptop"), work / "regions", repeats=repeats)
    frame = study.to_frame()
    print(frame.T.to_string())
    summary = {
        "data": {"train": train.summary, "test": test.summary},
        "training": preset("mnist_laptop").to_dict(),
        "repeats": repeats,
        "mean": frame.mean(numeric_only=True).to_dict(),
    }
    if results:
        name = "mnist_cnn_concentrated_laptop"
        folder = output_folder(results / name)
        write_table(frame, folder / name)
        write_json(summary, folder / f"{name}.json")
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/networks"))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--results", type=Path)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    try:
        train, test = load_images("mnist", "train", limit=6000), load_images("mnist", "test")
    except (ValueError, OSError) as error:
        print(f"skipped: {error}")
        return
    arguments = (train, test, options.work, options.repeats, options.results)
    record = {"flip": flip(*arguments), "regions": regions(*arguments)}
    if options.output:
        write_json(record, options.output)


if __name__ == "__main__":
    main()
