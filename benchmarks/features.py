"""How many images per second become features, against a plain loop over timm?

    python benchmarks/features.py [--images N] [--image-size S] [--repeats R] [--model NAME] [--weights FILE]
        [--dataset NAME] [--quick] [--output FILE.json]

The plain loop is that of timm's documentation: one image after another is opened, transformed and stacked, and the
network takes 64 at a time. The images are noise in JPEG files of 32 x 32 pixels, as in CIFAR-10, or the test split of
--dataset. Without --weights the weights are random, which changes no time. With --dataset and --weights, the last line
is the accuracy of 30-NN, each image against the others.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from harness import Options, Record, Table, compare, run
from PIL import Image
from safetensors.torch import save_file

import labelnoise as ln
from labelnoise.data import ImageStream, open_images
from labelnoise.pretrained import PretrainedModel, image_features, load_model
from labelnoise.pretrained.models import import_timm


def write_noise(folder: Path, n_images: int) -> Path:
    rng = np.random.default_rng(0)
    for i in range(n_images):
        place = folder / "test" / f"class{i % 2}"
        place.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(place / f"{i:05}.jpg")
    return folder


def plain_loop(images: ImageStream, model: PretrainedModel) -> np.ndarray:
    features = []
    with torch.inference_mode():
        for start in range(0, len(images), 64):
            rows = range(start, min(start + 64, len(images)))
            batch = torch.stack([model.transform(Image.fromarray(images.image(row))) for row in rows])
            features.append(model.network(batch.to(model.device)).cpu().numpy())
    return np.concatenate(features)


def main(options: Options) -> Record:
    with tempfile.TemporaryDirectory() as name:
        weights = options.weights or str(Path(name) / "random.safetensors")
        if options.weights is None:
            save_file(import_timm().create_model(options.model).state_dict(), weights)
        source = options.dataset or write_noise(Path(name) / "noise", options.images)
        images = open_images(source, "test")
        images = images.select(np.random.default_rng(0).choice(len(images), options.images, replace=False))
        model = load_model(options.model, weights=weights, image_size=options.image_size)
        ways = {
            "plain loop": partial(plain_loop, images, model),
            "image_features": partial(image_features, images, model),
        }
        rows = compare({"device": str(model.device)}, ways, against="plain loop", repeats=options.repeats)
        for row in rows:
            row["images_per_second"] = len(images) / row["median_s"]
        table = Table()
        table.add(*rows)
        record = {"rows": table.rows}
        if options.dataset and options.weights:
            hoods = ln.neighbors(image_features(images, model), k=30)
            shares = ln.clean_distribution(images.labels, hoods, 30)
            record["accuracy"] = float(np.mean(shares.argmax(axis=1) == images.labels))
            print(f"accuracy of 30-NN: {record['accuracy']:.4f}")
        return record


if __name__ == "__main__":
    run(
        main,
        __doc__,
        images=(512, 16),
        image_size=(160, 64),
        repeats=(3, 1),
        model={"default": "tf_efficientnet_lite0"},
        weights={"default": None},
        dataset={"default": None},
    )
