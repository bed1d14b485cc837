"""How well do one or two noisy trainings predict a network's accuracy at all other noise rates?

    python benchmarks/effective_k.py [--results FOLDER] [--output FILE.json]

Reads the sweeps of trainings in results/ and trains nothing. For each of them, the effective K is found from the whole
curve; from the one noise rate that tells most, and from the two that do, with each repeat as the training that a user
has; and from two trainings at that one noise rate ("twice"), where there are repeats. The errors are absolute
differences, in points, between the predicted curve and the measured means at the noise rates that were not used; those
of the whole curve, and of the guess K = 30 without any training, are over all noise rates. The interval is that of the
first repeat. "in band" is the share of single trainings at the other noise rates within the 95 % band. "misfit" is the
root mean square distance of single trainings from the nearest curve, in units of sqrt(a (1 - a)).

Tables hold the analytic curves for some K, and those between are interpolated in log K. Where a sweep has no
NAME_family.csv with many K, those that its figure shows must do: K from 3 to 100, which puts curves 0.3 points off on
average, at most 3 near K = 5.
"""

import json
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness import Options, Record, Table, run
from scipy.interpolate import PchipInterpolator

from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.softmax.fitted import EffectiveK
from labelnoise.softmax.misfit import MISFIT, accuracy_variance
from labelnoise.softmax.telling import most_separating, separations

N_TEST, GUESS = 10_000, 30
SHOWN_BY_ANOTHER = {
    ("selection_rules", "clean"),  # fig4a
    ("selection_rules", "noisy"),  # noisy_selection
    ("selection_rules_cifar10", "clean"),  # fig4b
    ("selection_rules_cifar10", "noisy"),  # its last epochs
}


def main(options: Options) -> Record:
    columns = ("sweep:30", "rule:5", "from:6", "noise_rates:13", "k:12", "interval:9", "mean", "worst", "in_band")
    table = Table(*columns, "misfit")
    folders = [file.parent for file in sorted(options.results.glob("*/*_trainings.csv"))]
    for folder in folders:
        family = read_family(folder)
        for name, rule, mean, single in read_trainings(folder):
            for row in (guess(family, mean), whole(family, mean, single), *few(family, mean, single)):
                table.add({"sweep": name, "rule": rule, **row})
    frame = pd.DataFrame(table.rows)
    for which, some in (("all", frame), ("last, noisy", frame[frame["rule"] != "clean"])):
        for way, rows in some.groupby("from", sort=False):
            errors = {"mean": rows["mean"].mean(), "worst": rows["worst"].max(), "in_band": rows["in_band"].mean()}
            table.add({"sweep": f"{which}: {len(rows)}", "rule": "", "from": str(way), **errors})
    return {"rows": table.rows}


def read_family(folder: Path) -> AccuracyCurve:
    """Return the analytic curves from the smallest to the largest K in a sweep's tables."""
    many = folder / f"{folder.name}_family.csv"
    table = pd.read_csv(many if many.exists() else folder / f"{folder.name}.csv")
    known = sorted(int(name.removeprefix("predicted_k")) for name in table if name.startswith("predicted_k"))
    ks = np.arange(known[0], known[-1] + 1)
    curves = table[[f"predicted_k{k}" for k in known]].to_numpy()
    accuracy = PchipInterpolator(np.log(known), curves, axis=1)(np.log(ks))
    rates, setting = table["noise_rate"].to_numpy(), CurveSetting("random", "iid", {}, {}, np.arange(10), N_TEST)
    return AccuracyCurve(rates, ks, accuracy, accuracy[..., None], setting, rates)


def read_trainings(folder: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Return for each rule of selection the sweep's name, the rule, mean accuracies, and those of single trainings."""
    trainings = pd.read_csv(folder / f"{folder.name}_trainings.csv")
    name, n_rates = folder.name, trainings["noise_rate"].nunique()
    by_rule = trainings.groupby("rule") if "rule" in trainings else [(selection_of(folder), trainings)]
    for rule, rows in by_rule:
        if (name, rule) not in SHOWN_BY_ANOTHER:
            single = rows["test_accuracy"].to_numpy().reshape(n_rates, -1)
            yield name if "rule" not in trainings else f"{name} {rule}", str(rule), single.mean(axis=1), single


def selection_of(folder: Path) -> str:
    """Return the rule by which all trainings of a sweep chose the state of their network."""
    specification = json.loads((folder / f"{folder.name}.json").read_text())
    return str(specification["specification"]["training"]["selection"])


def guess(family: AccuracyCurve, mean: np.ndarray) -> Record:
    off = 100 * np.abs(family.accuracy[:, GUESS - family.k[0]] - mean)
    return {"from": "guess", "k": GUESS, "mean": off.mean(), "worst": off.max()}


def whole(family: AccuracyCurve, mean: np.ndarray, single: np.ndarray) -> Record:
    found, noisy = fit(family, np.arange(len(mean)), mean), family.noise_rates > 0
    nearest = family.accuracy[:, family.k == found.value]
    distance = ((single - nearest) / np.sqrt(mean * (1 - mean))[:, None])[noisy]
    about = {"from": "whole", "k": found.value, "interval": f"{found.low}-{found.high}"}
    errors = {"mean": 100 * found.mean_error, "worst": 100 * found.worst_error}
    return {**about, **errors, "misfit": float(np.sqrt((distance**2).mean()))}


def few(family: AccuracyCurve, mean: np.ndarray, single: np.ndarray) -> Iterator[Record]:
    # Beyond the breaking point, where the curve of the largest K is not the highest, no training is planned.
    best = family.accuracy[:, -1] >= family.accuracy.max(axis=1) - 1e-3
    before = np.flatnonzero((family.noise_rates > 0) & best)
    ks = np.unique(np.geomspace(3, family.k[-1], 20).astype(int))
    apart = separations(family.accuracy[before][:, ks - family.k[0]], N_TEST, MISFIT)
    one, two = (before[list(most_separating(apart, trainings))] for trainings in (1, 2))
    yield {"from": "one", **predict(family, mean, single, one, single[one].T)}
    yield {"from": "two", **predict(family, mean, single, two, single[two].T)}
    if single.shape[1] > 1:
        pairs = list(combinations(single[one[0]], 2))
        yield {"from": "twice", **predict(family, mean, single, np.repeat(one, 2), np.array(pairs))}


def predict(family: AccuracyCurve, mean: np.ndarray, single: np.ndarray, rows: np.ndarray, used: Any) -> Record:
    """Predict all noise rates but `rows` from each of the accuracies `used` there."""
    others = np.setdiff1d(np.arange(len(mean)), rows)
    fits = [fit(family, rows, accuracy) for accuracy in used]
    bands = [found.band(at(family, others)) for found in fits]
    off = 100 * np.array([np.abs(band.accuracy - mean[others]) for band in bands])
    inside = [(band.lower <= one) & (one <= band.upper) for band in bands for one in single[others].T]
    about = {"noise_rates": ", ".join(f"{rate:g}" for rate in family.noise_rates[rows])}
    values = {"k": ", ".join(str(found.value) for found in fits), "interval": f"{fits[0].low}-{fits[0].high}"}
    return {**about, **values, "mean": off.mean(), "worst": off.max(), "in_band": float(np.mean(inside))}


def fit(family: AccuracyCurve, rows: np.ndarray, accuracy: np.ndarray) -> EffectiveK:
    return EffectiveK(at(family, rows), accuracy, accuracy_variance(accuracy, N_TEST, MISFIT), MISFIT, 0.95)


def at(curve: AccuracyCurve, rows: np.ndarray) -> AccuracyCurve:
    """Return a curve at some of its noise rates."""
    rates, parts = curve.noise_rates[rows], (curve.accuracy[rows], curve.per_class[rows])
    return AccuracyCurve(rates, curve.k, *parts, curve.setting, rates)


if __name__ == "__main__":
    run(main, __doc__, results={"type": Path, "default": Path(__file__).parents[1] / "results", "metavar": "FOLDER"})
