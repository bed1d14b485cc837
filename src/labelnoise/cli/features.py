"""The command that computes features of images."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from labelnoise.cli.options import Json, OutputDir, Overwrite, RandomState, print_json, print_reading, say, written

FEATURES_EXAMPLE = (
    "Examples: labelnoise features photos/ --model resnet50.a1_in1k --output-dir photos-features  |  "
    "labelnoise features cifar10 --split test --model tf_efficientnet_lite0 --weights lite0.safetensors "
    "--image-size 160 --components 256 --dtype float16"
)


class Dtype(enum.StrEnum):
    """Types of the features."""

    float32 = "float32"
    float16 = "float16"


class Format(enum.StrEnum):
    """Formats of the file of features."""

    npy = "npy"
    safetensors = "safetensors"


class Device(enum.StrEnum):
    """Devices that compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def features(
    dataset: Annotated[
        str, typer.Argument(help="Image set: hub id, folder in the hub's layout, or image folder (a folder per class).")
    ],
    model: Annotated[
        str, typer.Option(help="Pretrained model of timm, such as resnet50.a1_in1k, or a hub repository of one.")
    ],
    weights: Annotated[
        str | None, typer.Option(help="Local .safetensors file with the model's weights. Default: those of the hub.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the image set.")] = "train",
    image_column: Annotated[str | None, typer.Option(help="Column of the images, if the set has several.")] = None,
    label_column: Annotated[str | None, typer.Option(help="Column of the labels, if it is not clear.")] = None,
    sample: Annotated[
        int | None, typer.Option(help="Number of images, chosen at random, for a first try. Default: all.")
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Bring the shorter side of each image to so many pixels and take the middle square. Default: size "
            "and crop of the model."
        ),
    ] = None,
    components: Annotated[
        int | None,
        typer.Option(help="Keep so many principal components, fitted to these images. Default: all features."),
    ] = None,
    dtype: Annotated[Dtype, typer.Option(help="Type of the features.")] = Dtype.float32,
    file_format: Annotated[Format, typer.Option("--format", help="Format of the file of features.")] = Format.npy,
    batch_size: Annotated[int, typer.Option(help="Images that the network takes at once.")] = 64,
    device: Annotated[Device, typer.Option(help="Device that computes; by default, a GPU if there is one.")] = (
        Device.auto
    ),
    output_dir: OutputDir = Path("labelnoise-output/features"),
    random_state: RandomState = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compute features of images with a pretrained network, in a file that the other commands take.

    Run the same command again to resume an interrupted computation.
    """
    from labelnoise.jobs.features import FeaturesJob, run_features

    job = FeaturesJob(
        dataset=dataset,
        model=model,
        weights=weights,
        split=split,
        image_column=image_column,
        label_column=label_column,
        sample=sample,
        random_state=random_state,
        image_size=image_size,
        components=components,
        dtype=dtype.value,
        file_format=file_format.value,
        batch_size=batch_size,
        device=device.value,
    )
    result = run_features(job, output_dir, lambda reading: print_reading(reading, as_json=as_json), overwrite=overwrite)
    if as_json:
        print_json({**result.record, "files": {kind: str(path) for kind, path in result.files.items()}})
        return
    record = result.record
    n, classes = record["n_images"], record["identity"]["images"]["classes"]
    speed = f" ({record['images_per_second']:.0f} images per second)" if result.computed else ""
    before = n - result.computed
    say(
        f"{n:,} images of {len(classes)} classes, {record['n_features']} features each\n"
        + (f"computed {result.computed:,} now{speed}" if result.computed else "")
        + (f"{', ' if result.computed else ''}{before:,} were there already" if before else "")
        + "\n"
        + "\n".join(written(what, result.files[what.lower()]) for what in ("Features", "Labels", "Classes"))
        + f"\n{written('Order of the rows', result.files['csv'])}"
    )
    say("Other commands take them as --features and --labels, and the order of classes as --classes.")
