"""List the files of image folders, ``<split>/<class>/*.JPEG``, with the class of each.

Only names are read. This takes seconds for ImageNet's 1.3 million files, and is enough to find class folders that the
training split lacks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Folder names that mean the same split, as in the ``datasets`` library."""

_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".pgm", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ImageFiles:
    """The images of one split, by class and then by name.

    Attributes
    ----------
    root : Path
        The split's folder.
    names : list of str
        Files below `root`: ``<class>/<file>``.
    codes : list of int
        Positions in `classes`, one per file.
    classes : tuple of str
        The class folders of the training split, in sorted order, as `load_images` numbers them.
    """

    root: Path
    names: list[str]
    codes: list[int]
    classes: tuple[str, ...]


def is_image_folder(place: Path) -> bool:
    """Return whether `place` holds image files, and no Parquet or metadata files that describe them."""
    described = ("*.parquet", "*/*.parquet", "metadata.*", "*/metadata.*")
    if any(next(place.glob(pattern), None) for pattern in described):
        return False
    return next(_images_below(place), None) is not None


def find_image_files(place: Path, split: str) -> ImageFiles:
    """Find the image files of one split of an image folder.

    Raises
    ------
    ValueError
        There is no such split, it holds no images in class folders, or it has a class that the training split lacks.
    """
    folders = {_split_name(folder.name): folder for folder in _folders(place) if _split_name(folder.name) in _SPLITS}
    folders = folders or {"train": place}  # Without splits, the class folders lie in `place` itself.
    root = folders.get(_split_name(split))
    if root is None:
        raise ValueError(f"`split` must be one of {_listed(folders)}, which {place} has; got {split!r}.")
    own = [folder.name for folder in _folders(root)]
    classes = [folder.name for folder in _folders(folders["train"])] if "train" in folders else own
    unknown = sorted(set(own) - set(classes))
    if unknown:
        raise ValueError(
            f"the class folders of {root} must be among those of {folders['train']}; {len(unknown)} of {len(own)} are "
            f"not: {_listed(unknown[:3])}{', ...' if len(unknown) > 3 else ''}. Rename or move them."
        )
    names, codes = [], []
    for code, name in enumerate(classes):
        found = [f"{name}/{file}" for file in sorted(_images_below(root / name))]
        names += found
        codes += [code] * len(found)
    if not names:
        loose = " Images lie in it directly: sort them into such folders." if any(_images_below(root)) else ""
        raise ValueError(f"{root} must hold images in one folder per class, <class>/*.jpg; it has none.{loose}")
    return ImageFiles(root, names, codes, tuple(classes))


def _split_name(name: str) -> str:
    return next((split for split, names in _SPLITS.items() if name.lower() in names), name)


def _folders(place: Path) -> list[Path]:
    with os.scandir(place) as entries:
        return sorted(Path(entry) for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def _images_below(folder: Path) -> Iterator[str]:
    for place, _, files in os.walk(folder, followlinks=True):
        below = os.path.relpath(place, folder)
        yield from (file if below == "." else f"{below}/{file}" for file in files if _is_image(file))


def _is_image(name: str) -> bool:
    return name.lower().endswith(_ENDINGS) and not name.startswith(".")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
