"""Features of the images of a stream: worker processes decode and resize, the device computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.data.streaming import ImageStream
from labelnoise.pretrained.models import PretrainedModel
from labelnoise.progress import bar
from labelnoise.threads import core_count
from labelnoise.validation import check_count

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

BLOCK = 1024
"""Number of images whose features are computed, kept and written together.

At 50 images per second on two cores this is 20 seconds, the most that an interruption costs.
"""


def image_features(
    images: ImageStream, model: PretrainedModel, *, batch_size: int = 64, workers: int | None = None
) -> NDArray[np.float32]:
    """Compute the features of all images of a stream.

    Parameters
    ----------
    images : ImageStream
        Images of any sizes, opened by `labelnoise.data.open_images` with three channels: gray images become RGB, and
        transparency is dropped.
    model : PretrainedModel
        Network, from `load_model`.
    batch_size : int
        Number of images that the network takes at once. Features do not depend on it, except for rounding.
    workers : int, optional
        Number of processes that decode and resize. With 0, this process does. Default: the number of cores for a GPU;
        one for a CPU, which the network keeps busy.

    Returns
    -------
    features : (N, d) float32 array
        One row per image, in the order of the stream.

    Raises
    ------
    ValueError
        An image is missing or damaged, or its features are not finite; the message names it.

    Examples
    --------
    >>> from labelnoise.data import open_images
    >>> from labelnoise.pretrained import load_model
    >>> images = open_images("cifar10", "test")  # doctest: +SKIP
    >>> image_features(images, load_model("resnet18"))  # doctest: +SKIP
    """
    features = np.empty((len(images), model.n_features), dtype=np.float32)
    for start, rows in feature_blocks(images, model, blocks(len(images)), batch_size=batch_size, workers=workers):
        features[start : start + len(rows)] = rows
    return features


def blocks(n_images: int) -> list[tuple[int, int]]:
    """Return start and stop of consecutive blocks of `BLOCK` images."""
    return [(start, min(start + BLOCK, n_images)) for start in range(0, n_images, BLOCK)]


def feature_blocks(
    images: ImageStream,
    model: PretrainedModel,
    wanted: Sequence[tuple[int, int]],
    *,
    batch_size: int = 64,
    workers: int | None = None,
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the start and the features of each block of images in `wanted`.

    A batch never holds images of two blocks, so that a block's features do not depend on which others are wanted.
    """
    import torch
    from torch.utils.data import DataLoader

    check_count(batch_size, "batch_size")
    if images.channels != 3:
        raise ValueError(f"`images` must have three channels; got {images.channels}. Open them with channels=3.")
    if workers is None:
        workers = core_count() if model.device.type == "cuda" else 1
    check_count(workers, "workers", least=0)
    batches = [range(at, min(at + batch_size, stop)) for start, stop in wanted for at in range(start, stop, batch_size)]
    loader: Any = DataLoader(
        _Prepared(images, model.transform),  # type: ignore[arg-type]
        batch_sampler=[list(batch) for batch in batches],
        num_workers=min(workers, len(batches)),
        collate_fn=_collate,
        pin_memory=model.device.type == "cuda",
        generator=torch.Generator(),  # Without one, the loader draws from the global generator.
    )
    starts, stops = (set(edges) for edges in zip(*wanted, strict=True)) if wanted else (set(), set())
    done: list[NDArray[np.float32]] = []
    start = 0
    already = len(images) - sum(map(len, batches))
    with bar("features", len(images), initial=already, unit=" images") as progress:
        for batch, tensors in zip(batches, loader, strict=True):
            if isinstance(tensors, ValueError):
                raise tensors
            if batch.start in starts:
                start, done = batch.start, []
            with torch.inference_mode():
                placed = tensors.to(model.device, non_blocking=True, memory_format=model.memory_format)
                found = model.network(placed).float().cpu().numpy()
            _check_finite(found, batch, images, np.float32)
            done.append(found)
            progress.update(len(batch))
            if batch.stop in stops:
                yield start, np.concatenate(done)


def in_type(features: NDArray[np.float32], dtype: str, start: int, images: ImageStream) -> NDArray[Any]:
    """Return features as float16 or float32; raise a ValueError if one is too large for float16."""
    with np.errstate(over="ignore"):
        converted = features.astype(dtype)
    _check_finite(converted, range(start, start + len(features)), images, converted.dtype.type)
    return converted


def _check_finite(features: NDArray[Any], rows: range, images: ImageStream, kind: type) -> None:
    finite = np.isfinite(features).all(axis=1)
    if finite.all():
        return
    at = rows[int(np.argmin(finite))]
    cure = "Use --dtype float32." if kind is np.float16 else "Check the weights, or drop the image."
    raise ValueError(
        f"features must be finite {np.dtype(kind).name} numbers; those of image {int(images.rows[at])} of "
        f"{images.where} are not. {cure}"
    )


class _Prepared:
    """The images of a stream as the network takes them; this object is sent to the workers."""

    def __init__(self, images: ImageStream, transform: Callable[[Image], Tensor]) -> None:
        self._images, self._transform = images, transform

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Tensor | ValueError:
        from PIL import Image

        # An error that a worker raises would reach the user wrapped in that worker's traceback.
        try:
            return self._transform(Image.fromarray(self._images.image(index)))
        except ValueError as error:
            return error


def _collate(items: list[Tensor | ValueError]) -> Tensor | ValueError:
    import torch

    error = next((item for item in items if isinstance(item, ValueError)), None)
    return torch.stack(items) if error is None else error  # type: ignore[arg-type]
