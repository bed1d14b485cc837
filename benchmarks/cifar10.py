"""What accuracy does a network reach on CIFAR-10 with clean labels on this machine, and in how much time?

    LABELNOISE_DATA=... python benchmarks/cifar10.py [--network cifar10_fast|all_cnn] [--images N] [--epochs E]
        [--quick] [--output FILE.json]

Trains once, with all cores, on 90 % of the training images, and keeps the state that is best on the clean labels of the
rest, as the recipes do. "cifar10_fast" is the preset; "all_cnn" is the paper's network with the schedule, optimizer and
augmentation of that preset. Decoding the images is not timed; whitening, training, validation and the predictions for
the test images are. "Operations" are multiplications and additions in convolutions and the last layer, of which a
training step takes three times as many as a prediction.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from harness import Options, Record, Table, run, timed

from labelnoise.data import load_train_test
from labelnoise.networks.architectures import build_network
from labelnoise.networks.network import Network
from labelnoise.training import preset, train
from labelnoise.training.loop import REDUCTION

NETWORKS: dict[str, dict[str, Any]] = {"cifar10_fast": {}, "all_cnn": {"network": "all_cnn"}}


def main(options: Options) -> Record:
    images, test = load_train_test("cifar10")
    chosen = np.random.default_rng(0).permutation(len(images))[: options.images]
    pixels, labels = images.images[chosen], images.labels[chosen]
    specification = preset("cifar10_fast", epochs=options.epochs, selection="clean", **NETWORKS[options.network])
    classes = np.arange(len(images.classes))
    timing = timed(
        lambda: train(
            pixels,
            labels,
            specification,
            clean_labels=labels,
            test_images=test.images,
            test_labels=test.labels,
            classes=classes,
        )
    )
    result, seconds = timing.result, float(timing.seconds[0])
    at_truth = result.pred_probs[np.arange(len(test)), test.labels]
    network = build_network(specification.network, n_classes=len(classes), image_shape=pixels.shape[1:])
    steps = result.n_train // specification.batch_size * len(result.history)
    reduced = specification.reduced_share or 0.0
    per_image = (1 - reduced) * operations(network) + reduced * operations(network, REDUCTION)
    row = {
        "network": specification.network,
        "images": len(pixels),
        "epochs": len(result.history),
        "test_accuracy": result.test_accuracy,
        "median_at_truth": float(np.median(at_truth)),
        "cross_entropy": float(-np.log(at_truth).mean()),
        "minutes": seconds / 60,
        "cpu_minutes": float(timing.cpu_seconds[0]) / 60,
        "giga_operations_per_second": 3 * per_image * steps * specification.batch_size / seconds / 1e9,
    }
    table = Table("network:14", "images:8", "epochs", "test_accuracy:14", "minutes", "cpu_minutes:12")
    table.add(row)
    print(f"{row['giga_operations_per_second']:.0f}e9 operations per second in {result.precision}")
    history = [{"epoch": e.epoch, "clean_accuracy": e.clean_accuracy, "seconds": e.seconds} for e in result.history]
    return {"rows": [row], "history": history}


def operations(network: Network, size: float = 1.0) -> int:
    """Return the multiplications and additions of one prediction for images of this part of the height and width."""
    counted = []

    def count(layer: Any, _given: Any, output: torch.Tensor) -> None:
        counted.append(2 * output[0].numel() * layer.weight[0].numel())

    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        _, height, width = network.image_shape
        network.reduced_to = round(size * height), round(size * width)
        network.train()(torch.zeros(1, *network.image_shape))
    return sum(counted)


if __name__ == "__main__":
    run(
        main,
        __doc__,
        network={"choices": list(NETWORKS), "default": "cifar10_fast"},
        images=(50_000, 1_000),
        epochs=(12, 1),
    )
