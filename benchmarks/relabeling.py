"""Which labels should be checked first, and does it gain what was predicted?

    LABELNOISE_DATA=FOLDER python benchmarks/relabeling.py [--samples 10000] [--k 10 30 100] [--checked 400] [--quick]

Digits, and CIFAR-10's features with CIFAR-10N's labels where the folder holds them. The noise is estimated from the
noisy labels alone, and again with an audit of `checked` labels, half of them drawn and half their neighbors; the other
true labels serve for measuring alone. "concentrated" is flip noise of 40 % at rho 0.3.

The K-NN accuracy with the given labels, predicted and true. Then 5 % of the labels are corrected, in the order that the
plan takes, by suspicion (the most probably wrong first) and at random (mean of 5 orders): the points gained on test
samples. `ratio` is that of the plan's order over the random ones, `predicted` what the plan says it gains. The curve
error is the largest difference, in points, between the predicted and the true curve from no to all labels cleaned, by
suspicion; there the accuracy is the leave-one-out one, of the training samples.
"""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np
from harness import Options, Record, Table, load_cifar10, run

import labelnoise as ln
from labelnoise.data import load_digits
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.updating import updated_posterior
from labelnoise.diagnosis.estimation.noise_estimation import Estimation, estimate_noise
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.diagnosis.relabeling.cost import cleaning_curve, knn_accuracy
from labelnoise.diagnosis.relabeling.orders import cleaning_order
from labelnoise.diagnosis.relabeling.plan import relabeling_plan
from labelnoise.neighborhoods.votes import vote_accuracy

SHARE = 0.05


def data_sets(quick: bool):
    """Yield name, features, labels, test features and test labels, and human labels where there are any."""
    train, test = load_digits()
    yield "digits", train.features, np.asarray(train.labels), test.features, np.asarray(test.labels), None
    if not quick and (known := load_cifar10("train")) and (new := load_cifar10("test")):
        yield "cifar10", *known[:2], *new[:2], known[2]


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
        yield "human", human


def row_of(
    data: LabeledSamples, found: Estimation, true: np.ndarray, test: tuple[np.ndarray, np.ndarray], n_checked: int
) -> Record:
    """Measure one setting."""
    start, n, classes = time.perf_counter(), len(true), np.eye(data.n_classes, dtype=np.float32)
    posterior = found.posterior(data)
    if n_checked:
        noise = replace(found.noise, posterior=posterior)
        diagnosis = SimpleNamespace(data=data, noise=noise, audit=None, paths=None)
        audit = Audit.draw(diagnosis, n_checked // 2, random_state=0)
        posterior = updated_posterior(data, noise, audit.with_answers(true[audit.samples["index"]]))
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
        *(
            "data",
            "noise:14",
            "checked",
            "k",
            "now",
            "truly",
            "order:10",
            "predicted",
            "gained",
            "by_suspicion",
            "at_random",
        ),
        *("ratio", "curve_error", "seconds"),
    )
    sets = data_sets(options.quick)
    for name, features, true, test_features, test_labels, human in sets:
        features, true = features[: options.samples], true[: options.samples]
        hoods = ln.neighbors(features, k=max(options.k))
        test = ln.neighbors(features, test_features, k=max(options.k)).indices, test_labels
        n = len(true)
        for name_of_noise, codes in settings(features, true, None if human is None else human[: options.samples]):
            about = {"features": features, "pred_probs": None, "copies": np.arange(n), "rng": np.random.default_rng(0)}
            found = estimate_noise(codes, 10, **about)
            probs = (found.noise.class_probability @ found.noise.transition_matrix).astype(np.float32)
            for n_checked, k in product((0, options.checked), options.k):
                data = LabeledSamples(codes, np.arange(10), np.arange(n), n, None, probs, False, hoods, k, np.arange(n))
                about = {"data": name, "noise": name_of_noise, "checked": n_checked, "k": k}
                table.add({**about, **row_of(data, found, true, test, n_checked)})
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, k=((10, 30, 100), (10,)), samples=(10_000, 1_000), checked=(400, 200))
