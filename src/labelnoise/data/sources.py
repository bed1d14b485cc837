"""Find an image set, and read its rows with the images still encoded.

The Hugging Face hub and a folder in the hub's layout share one code path: the ``datasets`` library reads them, and
takes the class names from a Parquet file's metadata. The files of an image folder are listed by `image_folders`.

`read_rows` streams a local folder, with a temporary folder as the library's cache. The library's Arrow cache would be a
second copy of the data and would need a writable home; without it, MNIST's 60,000 rows are read in 0.3 s. A set from
the hub is downloaded and cached as usual, so that the next time it can be read without a network.

`stored_rows` is for rows that are read one at a time in any order. Parquet gives no single row without its whole group
of rows, a hundred images or more. This function therefore lets the library write its Arrow cache once, also for a local
folder. The cache file is mapped into memory, and a row costs no more than its own bytes.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from labelnoise.arrays import Integers
from labelnoise.artifacts import check_regular
from labelnoise.data.image_folders import ImageFiles, SplitError, find_image_files, is_image_folder
from labelnoise.labels import encode_labels

DATA_VARIABLE = "LABELNOISE_DATA"
_LABEL_NAMES = ("label", "labels", "fine_label")
_HUB_ID = r"[\w-][\w.-]*(/[\w-][\w.-]*)?"


@dataclass(frozen=True)
class Rows:
    """Encoded images with their labels."""

    name: str
    where: str
    images: list[Mapping[str, Any]]
    """One mapping per row: `bytes`, or else the `path` of a file."""
    labels: list[Any]
    classes: tuple[str, ...] | None
    """The class names if `labels` are codes; None if `labels` are the classes themselves."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Files that are not used, and why."""

    def encode(self, classes: Sequence[str] | None) -> tuple[Integers, tuple[str, ...]]:
        """Return the codes of the labels and the class names in code order: `classes`, or else those of the set."""
        values = self.labels
        if self.classes is not None:
            known = range(len(self.classes))
            bad = next((row for row, code in enumerate(values) if code not in known), None)
            if bad is not None:
                raise ValueError(
                    f"{self.where} must have a label in every row; row {bad} has {values[bad]!r}, which is not a class."
                    f" Splits without labels cannot be used."
                )
            if classes is None:
                return np.array(values, dtype=np.int64), self.classes
            values = [self.classes[code] for code in values]
        elif classes is not None:
            values = [value if value is None else str(value) for value in values]
        codes, found = encode_labels(values, classes=classes, name="labels")
        return codes, tuple(map(str, found.tolist()))


def read_rows(source: str, split: str, image_column: str | None, label_column: str | None, limit: int | None) -> Rows:
    """Read the first `limit` rows of one split of the image set `source`."""
    import_datasets()
    place = locate(source)
    listed = folder_rows(place, split, image_column, label_column)
    if listed is not None:
        rows, files = listed
        chosen: list[Mapping[str, Any]] = [{"path": str(files.root / name)} for name in files.names[:limit]]
        return replace(rows, images=chosen, labels=rows.labels[:limit])
    with _open_split(place, split, image_column, label_column, streaming=isinstance(place, Path)) as found:
        images: list[Mapping[str, Any]] = []
        labels: list[Any] = []
        with _library_errors(place):
            for batch in found.table.with_format("arrow").iter(batch_size=1000):
                images += batch[found.image].to_pylist()
                labels += batch[found.label].to_pylist()
                if limit is not None and len(images) >= limit:
                    break
    if not images:
        raise ValueError(f"{found.where} must hold at least one image; it has none.")
    return Rows(name_of(place), found.where, [row or {} for row in images[:limit]], labels[:limit], found.classes)


def folder_rows(
    place: Path | str, split: str, image_column: str | None, label_column: str | None
) -> tuple[Rows, ImageFiles] | None:
    """Return the rows of an image folder without images, and its files; None if `place` is something else."""
    if not isinstance(place, Path) or not is_image_folder(place):
        return None
    if image_column is not None or label_column is not None:
        raise ValueError(f"`image_column` and `label_column` must be None for an image folder, which {place} is.")
    files = find_image_files(place, split)
    return Rows(name_of(place), describe(place, split), [], files.codes, files.classes, files.left_out), files


def stored_rows(place: Path | str, split: str, image_column: str | None, label_column: str | None) -> tuple[Rows, Any]:
    """Return the rows of one split without images, and its images as a `datasets.Dataset` of one column."""
    with _open_split(place, split, image_column, label_column, streaming=False) as found:
        with _library_errors(place):
            labels = found.table.data.column(found.label).to_pylist()
        if not labels:
            raise ValueError(f"{found.where} must hold at least one image; it has none.")
        images = found.table.select_columns([found.image])
    return Rows(name_of(place), found.where, [], labels, found.classes), images


def name_of(place: Path | str) -> str:
    """Return the name of an image set: that of its folder, or the last part of its hub id."""
    return place.name if isinstance(place, Path) else place.rpartition("/")[2]


class _Split(NamedTuple):
    """One split as a table of the ``datasets`` library, with the names of its image and label columns."""

    table: Any
    image: str
    label: str
    where: str
    classes: tuple[str, ...] | None


@contextlib.contextmanager
def _open_split(
    place: Path | str, split: str, image_column: str | None, label_column: str | None, *, streaming: bool
) -> Iterator[_Split]:
    datasets = import_datasets()
    where = describe(place, split)
    for file in place.rglob("*") if isinstance(place, Path) else ():
        check_regular(file)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet(datasets))
        if streaming:
            cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="labelnoise-"))
            with _library_errors(place):
                splits = datasets.load_dataset(str(place), streaming=True, cache_dir=cache)
        else:
            with _library_errors(place):
                splits = datasets.load_dataset(str(place))
        if split not in splits:
            raise SplitError(tuple(map(str, splits)), place, split)
        table, features = splits[split], splits[split].features or {}
        image = _image_column(features, image_column, where, datasets)
        label = _label_column(features, label_column, where, datasets)
        kind = features[label]
        classes = tuple(kind.names) if isinstance(kind, datasets.ClassLabel) else None
        with _library_errors(place):
            table = table.select_columns([image, label]).cast_column(image, datasets.Image(decode=False))
        yield _Split(table, image, label, where, classes)


def describe(place: Path | str, split: str) -> str:
    """Return a description of one split of an image set, for error messages."""
    return f"image set {place}, split {split!r}"


def locate(source: str) -> Path | str:
    """Return the folder that `source` names, or `source` itself if it may be a hub id.

    A folder is looked for inside the one that the environment variable ``LABELNOISE_DATA`` names (by the whole name,
    then by the last part of a hub id), and then at the path itself.
    """
    hub_like = re.fullmatch(_HUB_ID, source) is not None
    candidates = _candidates(source)
    for folder in candidates:
        if os.path.isdir(folder):  # noqa: PTH112  names may be too long
            return folder.resolve()
        if os.path.exists(folder):  # noqa: PTH110
            raise NotADirectoryError(f"`source` must be a folder or a hub id; {folder} is a file. Name its folder.")
    if not hub_like:
        raise FileNotFoundError(
            f"`source` must be a folder that exists, or a hub id such as 'ylecun/mnist'; there is no "
            f"{' nor '.join(map(str, candidates))}. Correct the path."
        )
    return source


def _candidates(source: str) -> list[Path]:
    path, root = Path(source).expanduser(), os.environ.get(DATA_VARIABLE)
    if not root or re.fullmatch(_HUB_ID, source) is None:
        return [path]
    return list(dict.fromkeys([Path(root, source), Path(root, source.rpartition("/")[2]), path]))


def import_datasets() -> Any:
    """Import the ``datasets`` library; if it or Pillow is missing, the error says what to install."""
    try:
        import datasets
        import PIL.Image  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"loading images needs the packages `datasets` and `pillow`; {error}. "
            f"Install them: pip install 'labelnoise[data]'"
        ) from error
    return datasets


@contextlib.contextmanager
def _library_errors(place: Path | str) -> Iterator[None]:
    """Turn any error of the library into one line that says where the set was looked for and what to do."""
    try:
        yield
    except Exception as error:
        said = f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}"
        if isinstance(place, Path):
            raise ValueError(
                f"{place} must be a folder of Parquet files (train-*.parquet, ...) or of images "
                f"(train/<class>/*.png, ...) that can be read; reading it failed: {said}"
            ) from error
        from huggingface_hub.constants import HF_HUB_OFFLINE

        where = ", ".join(map(str, _candidates(place)))
        unset = "" if os.environ.get(DATA_VARIABLE) else f" ({DATA_VARIABLE}, the folder to search first, is not set)"
        cure = (
            "HF_HUB_OFFLINE is set: unset it to download, or name a folder."
            if HF_HUB_OFFLINE
            else "Check the name; a hub id needs the network. Without it, name a folder."
        )
        raise FileNotFoundError(
            f"`source` must be a folder or a dataset of the Hugging Face hub; there is no folder {where}{unset}, "
            f"and the hub's {place!r} could not be loaded: {said.rstrip('.')}. {cure}"
        ) from error


@contextlib.contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Hide progress bars of these libraries unless they go to a terminal; a setting of the user is left alone."""
    from huggingface_hub import utils as hub

    with contextlib.ExitStack() as stack:
        for library, variable in (
            (datasets, "HF_DATASETS_DISABLE_PROGRESS_BARS"),
            (hub, "HF_HUB_DISABLE_PROGRESS_BARS"),
        ):
            shown = not library.are_progress_bars_disabled()
            if shown and not sys.stderr.isatty() and not os.environ.get(variable):
                library.disable_progress_bars()
                stack.callback(library.enable_progress_bars)
        yield


def _image_column(features: Mapping[str, Any], named: str | None, where: str, datasets: Any) -> str:
    if named is not None:
        return _named(features, named, "image_column", where)
    images = [name for name, kind in features.items() if isinstance(kind, datasets.Image)]
    images = images or [name for name, kind in features.items() if isinstance(kind, dict) and "bytes" in kind]
    if len(images) != 1:
        raise ValueError(
            f"{where} must have one column of images; it has {len(images) or 'none'}. "
            f"Name it in `image_column`; columns: {_described(features)}."
        )
    return images[0]


def _label_column(features: Mapping[str, Any], named: str | None, where: str, datasets: Any) -> str:
    if named is not None:
        return _named(features, named, "label_column", where)
    labels = [name for name, kind in features.items() if isinstance(kind, datasets.ClassLabel)]
    if len(labels) == 1:
        return labels[0]
    for usual in _LABEL_NAMES:
        if usual in features:
            return usual
    raise ValueError(
        f"{where} must have a column of labels; none is marked as one or called {', '.join(_LABEL_NAMES)}. "
        f"Name it in `label_column`, or put the images into one folder per class; columns: {_described(features)}."
    )


def _named(features: Mapping[str, Any], name: str, parameter: str, where: str) -> str:
    if name not in features:
        raise ValueError(f"`{parameter}` must be a column of {where}; got {name!r}. Columns: {_described(features)}.")
    return name


def _described(features: Mapping[str, Any]) -> str:
    return ", ".join(f"{name!r} ({type(kind).__name__})" for name, kind in features.items()) or "none"
