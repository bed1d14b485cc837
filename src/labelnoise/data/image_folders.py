"""List the files of image folders, ``<split>/<class>/*.JPEG``, with the class of each.

A folder is a split or a class by its place and its whole name, never by a part of its name: "test tube" is a class. As
in torchvision's ImageFolder, files in folders below a class folder belong to that class. Only names are read. This
takes seconds for ImageNet's 1.3 million files, and is enough to find class folders that the training split lacks.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""Folder names that mean the same split, as in the ``datasets`` library."""

_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".avif"),
    *(".pbm", ".pgm", ".ppm", ".pnm", ".tif", ".tiff", ".tga", ".ico"),
)
_OF_SYSTEMS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN")
"""Folders that macOS, Synology and Windows make, with copies of images or thumbnails. They are left out."""

_DESCRIPTIONS = re.compile(
    rf"metadata\.(csv|jsonl|parquet)|({'|'.join(sum(_SPLITS.values(), ()))}|\d)[^/]*\.parquet", re.IGNORECASE
)
"""Names of files that hold or describe images in the hub's layout."""


class SplitError(ValueError):
    """There is no such split.

    Parameters
    ----------
    splits : tuple of str
        The splits that there are.
    place : Path or str
        The image set.
    split : str
        The split that was asked for.
    """

    def __init__(self, splits: tuple[str, ...], place: Path | str, split: str) -> None:
        self.splits = splits
        super().__init__(f"`split` must be one of {_listed(splits)}, which {place} has; got {split!r}.")


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
        The class folders of the training split, in sorted order.
    left_out : dict of str to str
        What else lies in the split's folder, such as "2 files, such as cat/notes.txt", and why it is not used.
    """

    root: Path
    names: list[str]
    codes: list[int]
    classes: tuple[str, ...]
    left_out: dict[str, str] = field(default_factory=dict)


def is_image_folder(place: Path) -> bool:
    """Return whether `place` holds image files, and no Parquet or metadata files that describe them."""
    near = (file for pattern in ("*", "*/*") for file in place.glob(pattern))
    return not any(_DESCRIPTIONS.fullmatch(file.name) for file in near) and _holds_images(place)


def find_image_files(place: Path, split: str) -> ImageFiles:
    """Find the image files of one split of an image folder.

    Hidden files and folders are left out. So are files that are not regular: to open a named pipe would wait forever.
    Empty class folders, and images directly in the split's folder or in folders below class folders, are warned of.

    Raises
    ------
    ValueError
        There is no such split, it holds no images in class folders, it has a class that the training split lacks, or a
        folder may be a split as well as a class.
    """
    splits = _split_folders(place)
    root = place if not splits and split_name(split) == "train" else _chosen(place, splits, split)
    trained = [folder for folder in splits if split_name(folder.name) == "train"]
    training = root if root in trained or not trained else _chosen(place, splits, "train")
    own, classes = ([folder.name for folder in _folders(at)] for at in (root, training))
    unknown = sorted(set(own) - set(classes))
    if unknown:
        raise ValueError(
            f"the class folders of {root} must be among those of {training}; {len(unknown)} of {len(own)} are "
            f"not: {_listed(unknown[:3])}{', ...' if len(unknown) > 3 else ''}. Rename or move them."
        )
    names, codes, empty = [], [], []
    top = _look(root)
    unused = [*top.unused, *((str(root / name), "outside class folders") for name in top.images)]
    for code, name in enumerate(classes):
        found = [f"{name}/{file}" for file in sorted(_images_below(root / name, unused))] if name in own else []
        names += found
        codes += [code] * len(found)
        if name in own and not found:
            empty.append(name)
    loose = len(top.images)
    if not names:
        sort = " Images lie in it directly: sort them into such folders." if loose else ""
        raise ValueError(f"{root} must hold images in one folder per class, <class>/*.jpg; it has none.{sort}")
    _check_layout(root, training, classes)
    deep = [name for name in names if name.count("/") > 1]
    notes = []
    if empty:
        notes.append(
            f"{root} has class folders without images: {_listed(empty)}. They count as classes without samples; remove "
            f"a folder that is not a class."
        )
    if loose:
        notes.append(f"{root} holds images outside class folders ({loose}), which are left out; sort or remove them.")
    if deep:
        notes.append(
            f"{root} holds images in folders below class folders ({len(deep)}), such as {deep[0]}; their class is "
            f"{deep[0].partition('/')[0]!r}, the upper folder."
        )
    for note in notes:
        warnings.warn(note, stacklevel=4)
    return ImageFiles(root, names, codes, tuple(classes), _left_out(root, unused))


def _split_folders(place: Path) -> list[Path]:
    """Return the folders of splits; none if the class folders lie in `place` itself.

    A set of classes may have one that is called "train". Its folder then holds images, and not class folders.
    """
    folders = [folder for folder in _folders(place) if _holds_images(folder)]
    named = [folder for folder in folders if split_name(folder.name) in _SPLITS]
    of_classes = [folder for folder in named if any(map(_holds_images, _folders(folder)))]
    others = [folder for folder in folders if folder not in named]
    if not named or (others and not of_classes):
        return []
    if others and len(of_classes) == 1:
        raise ValueError(
            f"{place} must hold folders of splits (train, test, ...) or of classes; {of_classes[0].name!r} may be a "
            f"split, which has class folders, or a class beside {_listed(folder.name for folder in others[:3])}. Move "
            f"or rename one of them, or name the folder of the split."
        )
    return folders


def _chosen(place: Path, splits: list[Path], split: str) -> Path:
    """Return the folder called `split`, or else the one with a name that means the same."""
    same = [folder for folder in splits if split_name(folder.name) == split_name(split)]
    found = [folder for folder in same if folder.name == split] or same
    if not found:
        known = tuple(dict.fromkeys(split_name(folder.name) for folder in splits))
        raise SplitError(known or ("train",), place, split)
    if len(found) > 1:
        names = _listed(folder.name for folder in found)
        raise ValueError(f"`split` must name one folder of {place}; {split!r} may be {names}. Give one of these names.")
    return found[0]


def _check_layout(root: Path, training: Path, classes: list[str]) -> None:
    """Raise a ValueError if the folders taken for classes hold classes or splits themselves."""
    below = {folder.name for name in classes for folder in _folders(training / name) if _holds_images(folder)}
    if len(classes) == 1:
        inner = f" Its folder holds {_listed(sorted(below)[:3])}: name that folder instead." if below else ""
        raise ValueError(
            f"{training} must hold at least two class folders, <class>/*.jpg; it has only {classes[0]!r}.{inner}"
        )
    if below and all(split_name(name) in _SPLITS for name in below) and len(below) > 1:
        raise ValueError(
            f"the splits of {root} must lie above its classes, <split>/<class>/*.jpg; its class folders hold "
            f"{_listed(sorted(below))}. Move them."
        )


def split_name(name: str) -> str:
    """Return the name of the split that a folder's name means, or the name itself if it means none."""
    return next((split for split, names in _SPLITS.items() if name.lower() in names), name)


class _Folder(NamedTuple):
    """What lies in a folder, by name: folders, image files, and other paths with why they are not used."""

    folders: list[Path]
    images: list[str]
    unused: list[tuple[str, str]]


def _look(place: Path) -> _Folder:
    folders, images, unused = [], [], []
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith(".") or entry.name in _OF_SYSTEMS:
                unused.append((entry.path, "hidden, or of an operating system"))
            elif entry.is_dir():
                folders.append(Path(entry))
            elif not entry.name.lower().endswith(_ENDINGS):
                unused.append((entry.path, "no image by its name"))
            elif entry.is_file():
                images.append(entry.name)
            elif entry.is_symlink() and not Path(entry).exists():
                raise ValueError(
                    f"the links of an image folder must lead to files; {entry.path} leads nowhere. Fetch its file."
                )
            else:
                unused.append((entry.path, "no regular file"))
    return _Folder(folders, images, unused)


def _folders(place: Path) -> list[Path]:
    return _look(place).folders


def _images_below(
    folder: Path, unused: list[tuple[str, str]] | None = None, above: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yield the names of all images, relative to `folder`, and add what is not used to `unused`.

    A link to a folder above it is not followed again.
    """
    real = os.path.realpath(folder)
    if real in above:
        return
    found = _look(folder)
    yield from found.images
    if unused is not None:
        unused += found.unused
    for below in found.folders:
        yield from (f"{below.name}/{file}" for file in _images_below(below, unused, (*above, real)))


def _left_out(root: Path, unused: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each reason the number of files and folders, and the first of them."""
    by_reason: dict[str, list[str]] = {}
    for path, why in unused:
        by_reason.setdefault(why, []).append(path)
    return {
        f"{len(paths):,} file{'s, such as' if len(paths) > 1 else ''} {Path(min(paths)).relative_to(root)}": why
        for why, paths in by_reason.items()
    }


def _holds_images(place: Path) -> bool:
    return next(_images_below(place), None) is not None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
