"""An image set as samples: pixels or features of a network, labels as class names, and paths of the images."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.reading import Data, Reading
from labelnoise.data.sources import folder_rows, locate
from labelnoise.jobs.features import FeaturesJob, class_values, run_features
from labelnoise.jobs.samples import read_split

Paths = NDArray[Any] | None
"""The file of each image; None if the images do not lie in files of their own."""


def read_pixels(dataset: str, split: str) -> tuple[Data, Paths]:
    """Return pixels and class names of one split, and the paths of its images.

    Raises
    ------
    ValueError, OSError
        The image set cannot be read, or its images differ in size.
    """
    data = read_split(dataset, split)
    classes = class_values(tuple(map(str, data.reading.classes)))
    note = "the features are the pixels; those of a pretrained network (--model) usually tell classes apart far better"
    reading = replace(data.reading, warnings=(*data.reading.warnings, note))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # They are in the reading already.
        listed = folder_rows(locate(dataset), split, None, None)
    paths = None if listed is None else np.array([str(listed[1].root / name) for name in listed[1].names], dtype=object)
    return Data(data.values, classes[data.labels], classes, reading), paths


def read_network_features(
    dataset: str, split: str, model: str, weights: str | None, folder: Path, *, overwrite: bool = False
) -> tuple[Data, Paths]:
    """Return features and class names of one split, and the paths of its images.

    The features are computed into `folder`, as by ``labelnoise features``, unless they are there already.

    Parameters
    ----------
    dataset, split : str
        The image set and its part.
    model : str
        A pretrained network of timm.
    weights : str or None
        A local file of its weights.
    folder : Path
        Where the features are kept.
    overwrite : bool
        Whether features of another set or network in `folder` are replaced.

    Raises
    ------
    ValueError, OSError
        The image set, the model or its weights cannot be read, or `folder` holds other features.
    """
    import pandas as pd

    job = FeaturesJob(dataset=dataset, model=model, weights=weights, split=split)
    readings: list[Reading] = []
    result = run_features(job, folder, readings.append, overwrite=overwrite)
    arrays = {name: np.load(result.files[name], allow_pickle=False) for name in ("features", "labels", "classes")}
    names = pd.read_parquet(result.files["parquet"])["file"].to_numpy(dtype=object)
    reading = replace(
        readings[0],
        features=(f"{arrays['features'].shape[1]} features of {model}",),
        classes=tuple(arrays["classes"].tolist()),
    )
    paths = None if all(name == "" for name in names) else names
    return Data(arrays["features"], arrays["labels"], arrays["classes"], reading), paths
