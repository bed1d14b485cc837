"""Do the intervals of an audit hold the truth, and how much shorter are they than those of a simple random sample?

    LABELNOISE_DATA=FOLDER python benchmarks/audit.py [--n 200] [--draws 400] [--k 30] [--quick] [--output FILE.json]

Digits, and CIFAR-10's features with CIFAR-10N's labels where the folder holds them. The models are those of
`labelnoise.diagnose`. A setting's true labels answer `draws` audits of n samples, without and with pairs. `cover` is
the share of the 95 % intervals that hold the truth (its own standard error is 1.1 points at 400 draws), `ratio` their
mean width over that of Wilson's interval for a simple random sample of n: the named alternative. With pairs up to 2n
labels are checked. Of the concentration: its true value, mean and standard deviation of its estimates, and the
coverage.

In the rows "conc" flip noise of 25 % lies in patches of this rho, in "clusters" in whole k-means clusters. The models
learn such noise, and see little of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from harness import Options, Record, Table, load_cifar10, run
from scipy.stats import binomtest

import labelnoise as ln
from labelnoise.data import load_digits
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audited import AuditedNoise
from labelnoise.diagnosis.estimation.noise_estimation import estimate_noise
from labelnoise.diagnosis.inputs import LabeledSamples


def data_sets(quick: bool) -> Iterator[tuple]:
    """Yield name, features, true labels, and human labels where there are any."""
    train, _ = load_digits()
    yield "digits", train.features, np.asarray(train.labels), None
    if not quick and (real := load_cifar10("train")):
        yield "cifar10", *real


def settings(features: np.ndarray, labels: np.ndarray, human: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each noise and the given labels."""
    matrix = np.random.default_rng(5).random((10, 10)) ** 2 * (1 - np.eye(10))
    yield "none", labels
    for noise, rate in (
        (ln.UniformNoise(), 0.2),
        (ln.FlipNoise(), 0.2),
        (ln.MatrixNoise(matrix / matrix.sum(axis=1, keepdims=True)), 0.3),
    ):
        yield f"{noise.name} {rate:g}", ln.corrupt(labels, noise, rate, random_state=1).labels
    if human is not None:
        yield "human", human
    places = {f"conc {rho:g}": ln.Concentrated(concentration=rho) for rho in (0.1, 0.2, 0.4, 0.7)}
    for name, placement in {"clusters": ln.KMeansCluster(), **places}.items():
        where = {"placement": placement, "features": features, "random_state": 1}
        yield name, ln.corrupt(labels, ln.FlipNoise(), 0.25, **where).labels


def row_of(data: LabeledSamples, noise: object, true: np.ndarray, pairs: bool, options: Options) -> Record:
    """Draw many audits of one setting."""
    diagnosis = SimpleNamespace(data=data, noise=noise, audit=None, paths=None)
    wrong, found = true != data.codes, []
    census = AuditedNoise(data, noise, answered(Audit.draw(diagnosis, len(true), pairs=False), true))
    truth = {"wrong_rate": float(wrong.mean()), "knn_accuracy": census.knn_accuracy.value}
    rho = ln.concentration(wrong, data.neighbors, data.k) if wrong.any() else None
    for seed in range(options.draws):
        audited = AuditedNoise(
            data, noise, answered(Audit.draw(diagnosis, options.n, pairs=pairs, random_state=seed), true)
        )
        found.append({name: getattr(audited, name) for name in (*truth, "concentration")})
    row: Record = {"pairs": pairs}
    for name, value in truth.items():
        short = name.partition("_")[0]
        share = round(value * options.n)
        alone = binomtest(share, options.n).proportion_ci(method="wilson")
        estimates = [estimates[name] for estimates in found]
        row[f"{short}_true"] = value
        row[f"{short}_mean"] = float(np.mean([e.value for e in estimates]))
        row[f"{short}_cover"] = float(np.mean([e.low - 1e-9 <= value <= e.high + 1e-9 for e in estimates]))
        row[f"{short}_ratio"] = float(np.mean([e.width for e in estimates]) / (alone.high - alone.low))
    if known := [e["concentration"] for e in found if e["concentration"] is not None]:
        row |= {"rho_true": rho, "rho_mean": float(np.mean([e.value for e in known]))}
        row |= {"rho_sd": float(np.std([e.value for e in known]))}
        row["rho_cover"] = float(np.mean([e.low <= rho <= e.high for e in known]))
    return row


def answered(audit: Audit, true: np.ndarray) -> Audit:
    return audit.with_answers(true[audit.samples["index"]])


def main(options: Options) -> Record:
    figures = (f"{name}_{part}" for name in ("wrong", "knn") for part in ("true", "mean", "cover", "ratio"))
    table = Table("data", "noise:12", "pairs:5", *figures, *(f"rho_{part}" for part in ("true", "mean", "sd", "cover")))
    for name, features, true, human in data_sets(options.quick):
        hoods, rows = ln.neighbors(features, k=options.k), np.arange(len(true))
        for noise_name, codes in settings(features, true, human):
            rng = np.random.default_rng(0)
            found = estimate_noise(codes, 10, features=features, pred_probs=None, copies=rows, rng=rng)
            probs = found.noise.class_probability  # These are not used: nobody passed any.
            data = LabeledSamples(codes, np.arange(10), rows, len(rows), None, probs, False, hoods, options.k, rows)
            noise = replace(found.noise, posterior=found.posterior(data))
            for pairs in (False, True):
                table.add({"data": name, "noise": noise_name, **row_of(data, noise, true, pairs, options)})
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, n=(200, 50), draws=(400, 3), k=(30, 5))
