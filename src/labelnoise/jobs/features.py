"""What `labelnoise features` does: open an image set, compute features with a pretrained network, write them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import SCHEMA, check_overwrite, output_folder, replacing, to_json, write_json, write_table
from labelnoise.data import Reading, open_images
from labelnoise.data.streaming import ImageStream
from labelnoise.jobs.curve import Stopwatch
from labelnoise.pretrained.extraction import blocks, feature_blocks, in_type
from labelnoise.pretrained.models import PretrainedModel, load_model
from labelnoise.pretrained.parts import Parts
from labelnoise.progress import stage
from labelnoise.validation import check_choice, check_count

NAME = "features"
DTYPES = ("float32", "float16")
FORMATS = ("npy", "safetensors")
_PARTS = "features.parts"


@dataclass(frozen=True)
class FeaturesJob:
    """Which images, which network, and how the features are kept."""

    dataset: str
    model: str
    weights: str | None = None
    split: str = "train"
    image_column: str | None = None
    label_column: str | None = None
    sample: int | None = None
    random_state: int = 0
    image_size: int | None = None
    components: int | None = None
    dtype: str = "float32"
    file_format: str = "npy"
    batch_size: int = 64
    device: str = "auto"

    def check(self) -> None:
        """Raise an error unless all options have a meaning."""
        check_choice(self.dtype, DTYPES, "dtype")
        check_choice(self.file_format, FORMATS, "format")
        check_count(self.batch_size, "batch_size")
        for name in ("sample", "image_size", "components"):
            if getattr(self, name) is not None:
                check_count(getattr(self, name), name)

    def options(self) -> dict[str, Any]:
        """Return all options that determine the result."""
        execution = ("batch_size", "device")
        return {name: value for name, value in asdict(self).items() if name not in execution}


@dataclass(frozen=True, eq=False)
class FeaturesResult:
    """The record of the features, which is also ``features.json``, and the files.

    Attributes
    ----------
    record : dict
        Model, weights, preprocessing, rows, classes, speed, versions.
    files : dict of str to Path
        ``features``, ``labels``, ``classes``, ``parquet`` and ``csv`` (the order of rows), ``json``.
    computed : int
        Number of images whose features were computed now, and not by an earlier, interrupted call.
    """

    record: dict[str, Any]
    files: dict[str, Path]
    computed: int


def run_features(
    job: FeaturesJob,
    folder: str | Path,
    tell: Callable[[Reading], None] = lambda _: None,
    *,
    overwrite: bool = False,
) -> FeaturesResult:
    """Compute the features of an image set into `folder`, or return those that are there already.

    `tell` is called with what was read, before the work.

    Raises
    ------
    OSError
        The folder cannot be written or holds another result; nothing has been computed by then.
    ValueError
        An option, the model, its weights, or the images cannot be used.
    """
    job.check()
    target = output_folder(folder)
    images, reading = _open(job)
    model = load_model(job.model, weights=job.weights, image_size=job.image_size, device=job.device)
    most = min(len(images), model.n_features)
    if job.components is not None:
        check_count(job.components, "components", most=most, most_is="the smaller of images and features")
    identity = {"images": {**images.summary, "digest": images.digest()}, "model": model.summary()}
    content = {"identity": identity, "options": job.options()}
    kept_as = "float32" if job.components else job.dtype
    parts = Parts(target / _PARTS, {**identity, "dtype": kept_as}, len(images), model.n_features, kept_as)
    files = _files(target, job)
    tell(reading)
    if not overwrite and (finished := _finished(files, content)) is not None:
        if parts.begun():  # The call that finished them was killed before it could tidy up.
            parts.remove()
        return FeaturesResult(finished, files, 0)
    # An interrupted call may have left some of the files, but never the record, which is written last.
    if files["json"].exists() or not parts.begun():
        check_overwrite(target, NAME, content, overwrite, also=[path.name for path in files.values()])
    parts.begin(overwrite=overwrite)
    watch = Stopwatch()
    computed = _compute(images, model, parts, job)
    seconds = watch.seconds
    record = {
        "schema": SCHEMA,
        **content,
        "reading": reading.summary(),
        "weights": model.weights,
        "license": model.license,
        "n_images": len(images),
        "n_features": job.components or model.n_features,
        **_write(images, model, parts, files, job),
        "order": f"image by image as in the split {job.split!r}; {files['csv'].name} lists them",
        "device": str(model.device),
        "seconds": seconds,
        "images_per_second": computed / seconds if computed else None,
        "versions": {name: version(name) for name in ("labelnoise", "timm", "torch", "numpy")},
    }
    write_json(record, files["json"])
    parts.remove()
    return FeaturesResult(record, files, computed)


def _open(job: FeaturesJob) -> tuple[ImageStream, Reading]:
    """Return all images, or a random sample of them in their order, and what was read."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        images = open_images(job.dataset, job.split, image_column=job.image_column, label_column=job.label_column)
    n_found = len(images)
    if job.sample is not None:
        check_count(job.sample, "sample", most=n_found, most_is="the number of images")
        rng = np.random.default_rng(job.random_state)
        images = images.select(np.sort(rng.choice(n_found, job.sample, replace=False)))
    reading = Reading(
        files=(f"{images.name}, split {images.split}",),
        rows=len(images),
        dropped=0,
        features=(),
        left_out=dict(images.left_out),
        labels="class of the image",
        classes=images.classes,
        notes=() if job.sample is None else (f"a random sample of {n_found:,} images",),
        warnings=tuple(str(warning.message) for warning in caught),
    )
    return images, reading


def _files(folder: Path, job: FeaturesJob) -> dict[str, Path]:
    names = {
        "features": f"{NAME}.{job.file_format}",
        "labels": "labels.npy",
        "classes": "classes.npy",
        "parquet": "samples.parquet",
        "csv": "samples.csv",
        "json": f"{NAME}.json",
    }
    return {kind: folder / name for kind, name in names.items()}


def _finished(files: Mapping[str, Path], content: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record of a finished result of this content, whose features are unchanged; None if there is none."""
    try:
        record: dict[str, Any] = json.loads(files["json"].read_bytes())
        if any(record[key] != json.loads(to_json(value)) for key, value in content.items()):
            return None
        if not all(path.is_file() for path in files.values()):
            return None
        with files["features"].open("rb") as stream:
            same = hashlib.file_digest(stream, "sha256").hexdigest() == record["features_sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if same else None


def _compute(images: ImageStream, model: PretrainedModel, parts: Parts, job: FeaturesJob) -> int:
    """Compute the blocks that are missing; return their number of images."""
    missing = parts.missing()
    computed = sum(stop - start for start, stop in missing)
    resumed = f"; {len(images) - computed:,} are there already" if computed < len(images) else ""
    stage(f"{len(images):,} images, {model}{resumed}")
    for start, features in feature_blocks(images, model, missing, batch_size=job.batch_size):
        parts.write(start, in_type(features, parts.dtype.name, start, images))
    return computed


def _write(
    images: ImageStream, model: PretrainedModel, parts: Parts, files: Mapping[str, Path], job: FeaturesJob
) -> dict[str, Any]:
    """Write all files except the record; return what the record says of them."""
    import pandas as pd

    found: dict[str, Any] = {}
    rows = parts.read()
    if job.components is not None:
        rows, found["explained_variance"] = _principal_components(parts, job, images)
    shape = (len(images), job.components or model.n_features)
    with replacing(files["features"]) as (stream,):
        _write_features(stream, rows, shape, job)
    with files["features"].open("rb") as stream:
        found["features_sha256"] = hashlib.file_digest(stream, "sha256").hexdigest()
    classes = class_values(images.classes)
    labels = classes[images.labels]
    for kind, array in (("labels", labels), ("classes", classes)):
        with replacing(files[kind]) as (stream,):
            np.save(stream, array, allow_pickle=False)
    samples = pd.DataFrame({"index": images.rows, "label": labels, "file": images.file_names()})
    write_table(samples, files["csv"].with_suffix(""))
    return found


def class_values(classes: tuple[str, ...]) -> NDArray[Any]:
    """Return class names as an array: integers if all are whole numbers, else text.

    Labels are written as classes and not as codes, because a code can be read as the name of another class: of the
    folders 1, 2, ..., 10, in sorted order, the one called 10 has the code 1.

    Examples
    --------
    >>> class_values(("0", "1", "2")), class_values(("cat", "1"))
    (array([0, 1, 2]), array(['cat', '1'], dtype='<U3'))
    """
    whole = all(name.removeprefix("-").isdecimal() and str(int(name)) == name for name in classes)
    return np.array([int(name) for name in classes], dtype=np.int64) if whole else np.array(classes)


def _principal_components(
    parts: Parts, job: FeaturesJob, images: ImageStream
) -> tuple[Iterator[NDArray[Any]], list[float]]:
    """Return blocks of the first principal components, fitted to all features, and the variance that each explains."""
    from sklearn.decomposition import PCA

    stage(f"fitting {job.components} principal components to {len(images):,} images")
    # This solver neither copies the features nor draws random numbers, as others would.
    components = PCA(job.components, svd_solver="covariance_eigh").fit(np.concatenate(list(parts.read())))
    reduced = (
        in_type(components.transform(block), job.dtype, start, images)
        for (start, _), block in zip(blocks(len(images)), parts.read(), strict=True)
    )
    return reduced, components.explained_variance_ratio_.tolist()


def _write_features(stream: BinaryIO, rows: Iterator[NDArray[Any]], shape: tuple[int, int], job: FeaturesJob) -> None:
    if job.file_format == "safetensors":
        from safetensors.numpy import save

        stream.write(save({NAME: np.concatenate(list(rows))}))
        return
    descr = np.lib.format.dtype_to_descr(np.dtype(job.dtype))
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    for block in rows:  # One block is in memory at a time.
        stream.write(np.ascontiguousarray(block).data)
