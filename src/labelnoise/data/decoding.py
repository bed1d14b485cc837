"""Decode images to uint8 pixels: many images of one size into one array, or a single image.

On two cores, 60,000 MNIST images decode in 1.8 s one after another, and in 3.2 s in two threads: taking turns at the
interpreter costs more than decoding 300 bytes. From about 128 x 128 pixels on, threads are faster; at 224 x 224 they
nearly double the speed. Hence `THREADED_PIXELS`.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.progress import track
from labelnoise.threads import for_each_block

if TYPE_CHECKING:
    from PIL.Image import Image

THREADED_PIXELS = 128 * 128
"""Images of at least this many pixels are decoded in several threads."""

_BLOCK = 100


def decode_images(rows: Sequence[Mapping[str, Any]], where: str) -> NDArray[np.uint8]:
    """Decode images of one size into one array: (N, H, W) if all are gray, else (N, H, W, 3).

    Black and white, gray with alpha, and 16-bit gray become 8-bit gray. Every other kind becomes RGB by Pillow's
    ``convert``, as in torchvision's image folders: transparency is dropped, not blended. Gray images among colored
    ones become RGB. A photograph's EXIF orientation is applied.

    Parameters
    ----------
    rows : sequence of mappings
        One per image, with ``bytes``, the encoded image, or else ``path``, the file that holds it.
    where : str
        Description of the images, for error messages.

    Raises
    ------
    ValueError
        Images are missing or cannot be decoded, all of which are counted, or one is of another size than the first.
    """
    damaged: dict[int, ValueError] = {}

    def decode(i: int) -> NDArray[np.uint8] | None:
        try:
            return _decode(rows[i], i, where)
        except ValueError as error:
            damaged[i] = error
            return None

    sound = ((i, image) for i in range(len(rows)) if (image := decode(i)) is not None)
    i_first, first = next(sound, (0, None))
    if first is None:
        raise _all_damaged(damaged, rows, where)
    blocks: dict[int, NDArray[np.uint8]] = {}

    def decode_block(start: int, stop: int) -> None:
        images = {i: image for i in range(start, stop) if (image := decode(i)) is not None}
        for i, image in images.items():
            if image.shape[:2] != first.shape[:2]:
                raise ValueError(
                    f"the images of {where} must all be of one size; image {i_first} is {_size(first)} (height x "
                    f"width), image {i} is {_size(image)}. Resize them first, for example with PIL.Image.Image.resize."
                )
        if not damaged:
            blocks[start] = _stack(list(images.values()))

    if first.shape[0] * first.shape[1] >= THREADED_PIXELS:
        for_each_block(decode_block, len(rows), _BLOCK, "decoding images")
    else:
        starts = range(0, len(rows), _BLOCK)
        for start in track(starts, "decoding images", total=len(starts)):
            decode_block(start, min(start + _BLOCK, len(rows)))
    if damaged:
        raise _all_damaged(damaged, rows, where)
    ordered = [blocks[start] for start in sorted(blocks)]
    if len({block.ndim for block in ordered}) > 1:
        ordered = [_as_rgb(block) if block.ndim == 3 else block for block in ordered]
    return np.concatenate(ordered)


def file_format(row: Mapping[str, Any]) -> str:
    """Return the format of an encoded image, such as "PNG"; figures should mention "JPEG", which is lossy."""
    from PIL import Image

    with Image.open(io.BytesIO(row["bytes"]) if row.get("bytes") else row["path"]) as image:
        return image.format or ""


def decode_image(row: Mapping[str, Any], index: int, where: str, channels: int) -> NDArray[np.uint8]:
    """Decode one image to shape (H, W, `channels`), whatever kind of image the file holds.

    Parameters
    ----------
    row : mapping
        As in `decode_images`.
    index, where : int, str
        Position of the image and description of its set, for error messages.
    channels : {3, 1}
        RGB or gray.

    Raises
    ------
    ValueError
        The image is missing or cannot be decoded.
    """
    pixels = _decode(row, index, where)
    if channels == 1:
        return (pixels if pixels.ndim == 2 else _as_gray(pixels))[..., np.newaxis]
    return pixels if pixels.ndim == 3 else _as_rgb(pixels)


def _decode(row: Mapping[str, Any], index: int, where: str) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    encoded, path = row.get("bytes"), row.get("path")
    if encoded is None and path is None:
        raise ValueError(f"{where} must hold an image in every row; row {index} has none. Drop such rows.")
    try:
        with Image.open(str(path) if encoded is None else io.BytesIO(encoded)) as image:
            upright = ImageOps.exif_transpose(image) if "exif" in image.info else image
            return _gray_or_rgb(upright)
    except Exception as error:  # Damaged files make Pillow's decoders raise almost any type.
        name = f"image {index} ({path})" if path else f"image {index}"
        raise ValueError(
            f"{name} of {where} must be an image that Pillow reads; it raised {type(error).__name__}: {error}. "
            f"Replace or drop it."
        ) from error


def _all_damaged(damaged: Mapping[int, ValueError], rows: Sequence[Mapping[str, Any]], where: str) -> ValueError:
    """Return one error about all damaged images, or the error of the only one."""
    first, *others = sorted(damaged)
    if not others:
        return damaged[first]
    shown = ", ".join(str(rows[i].get("path") or f"image {i}") for i in others[:4])
    more = f" and {len(others) - 4:,} more" if len(others) > 4 else ""
    return ValueError(
        f"{damaged[first]} {len(others):,} more of its {len(rows):,} images cannot be read either: {shown}{more}."
    )


def _gray_or_rgb(image: Image) -> NDArray[np.uint8]:
    if image.mode in ("L", "RGB"):
        return np.asarray(image)
    if image.mode in ("1", "LA", "La"):
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I"):  # "I;16" is 16-bit gray; some such files are opened as "I".
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 0xFFFF:
            raise ValueError(f"its pixels must be of 8 or 16 bits; they range from {values.min()} to {values.max()}")
        return (values >> 8).astype(np.uint8)
    if image.mode == "F":
        raise ValueError("its pixels must be integers of 8 or 16 bits; they are floats")
    if "transparency" in image.info:  # Pillow warns unless a transparent palette goes through RGBA.
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))


def _stack(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    if len({image.ndim for image in images}) > 1:
        images = [_as_rgb(image) if image.ndim == 2 else image for image in images]
    return np.stack(images)


def _as_rgb(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(gray[..., np.newaxis], 3, axis=-1)


def _as_gray(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).convert("L"))


def _size(image: NDArray[np.uint8]) -> str:
    return f"{image.shape[0]} x {image.shape[1]}"
