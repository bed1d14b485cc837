"""Where the samples of a job come from: an image set, feature and label files, or predicted probabilities.

Every job that reads samples has a `SampleSource`: it checks the choice before anything is read, reads the samples, and
describes them in the job's results.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labelnoise.data import load_images, split_column
from labelnoise.data.image_folders import SplitError, split_name
from labelnoise.data.reading import Data, Reading, read_data, with_test
from labelnoise.neighborhoods.neighbors import Neighbors

NeighborSearch = Callable[..., Neighbors]
"""`labelnoise.neighbors`, or the same with an executor and a store."""

_SOURCES = ("dataset", "features", "pred_probs")


@dataclass(frozen=True)
class SampleSource:
    """The files or the image set that samples are read from, and how; one source is given, completely.

    Attributes
    ----------
    dataset : str, optional
        An image set, as `load_images` finds it, with pixels as features. All files below are then left out.
    features, labels : str, optional
        ``FILE`` or ``FILE:COLUMN,...`` of the training samples.
    test_features, test_labels : str, optional
        The same of the test samples. Without them, each training sample is tested against the others.
    pred_probs : str, optional
        Predicted probabilities, instead of features.
    classes : str, optional
        All classes in order, as ``a,b,c`` or a file that holds them.
    id_columns : tuple of str, optional
        Columns that identify rows, and are no features.
    missing_labels : tuple of str
        Labels that say that there is none; such rows are left out and counted.
    csv : dict of str to str
        How text files are written, as in `read_labels`.
    test_split : str, optional
        The split of the image set that holds the test samples; by default "test". If the set has one split only, or if
        it is that of the training samples, each training sample is tested against the others.
    """

    dataset: str | None = None
    features: str | None = None
    labels: str | None = None
    test_features: str | None = None
    test_labels: str | None = None
    pred_probs: str | None = None
    classes: str | None = None
    id_columns: tuple[str, ...] | None = None
    missing_labels: tuple[str, ...] = ()
    csv: dict[str, str] = field(default_factory=dict)
    test_split: str | None = None

    def check(self) -> None:
        """Raise a ValueError unless exactly one source is named, with all that it needs."""
        named = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(named) != 1:
            raise ValueError(
                "give one source: --dataset NAME, --features FILE with --labels FILE, or --pred-probs FILE with "
                f"--labels FILE; got {' and '.join(map(_option, named)) or 'none'}."
            )
        if self.dataset is None and self.labels is None:
            raise ValueError(f"{_option(named[0])} needs --labels FILE: the label of every row.")
        if self.test_split is not None and self.dataset is None:
            raise ValueError("--test-split names a split of an image set: give it with --dataset, or leave it out.")
        unused = [name for name in self.source() if name not in ("dataset", "test_split")]
        if self.dataset is not None and unused:
            raise ValueError(
                f"--dataset reads labels and classes from the image set; {_option(unused[0])} goes with files. "
                "Leave one of them out."
            )
        if self.pred_probs is not None and self.test_features is not None:
            raise ValueError("--test-features goes with --features; --pred-probs has no training samples.")
        if (self.test_features is None) != (self.test_labels is None):
            raise ValueError("--test-features and --test-labels go together; only one of them was given.")

    def source(self) -> dict[str, Any]:
        """Return the options that are not at their defaults, ready for JSON."""
        given, default = vars(self), vars(SampleSource())
        return {name: value for name, value in given.items() if value != default[name]}

    def read(self) -> tuple[Data, Data | None]:
        """Return the training samples, or those with probabilities, and the test samples if there are any of their own.

        The reading of the training samples says where the test samples come from.

        Raises
        ------
        ValueError, OSError
            The source cannot be read, or can be read in more than one way.
        """
        self.check()
        train, test = self._read_files() if self.dataset is None else self._read_images()
        return (train if self.pred_probs is not None else with_test(train, test)), test

    def read_training_files(self) -> Data:
        """Return the training samples, or those with probabilities, from files; test files are not opened."""
        assert self.labels is not None
        return read_data(
            self.labels, features=self.features, pred_probs=self.pred_probs, classes=self.classes, **self._how()
        )

    def description(self, train: Data) -> str:
        """Return one line about the samples, for a figure."""
        if self.pred_probs is not None:
            return f"{split_column(self.pred_probs)[0].name}: clean distribution from predicted probabilities"
        place = "" if train.reading.test is not None else ", leave one out"
        if self.dataset is not None:
            return f"{train.reading.files[0].split(',')[0]}, {train.reading.features[0]}{place}"
        assert self.features is not None
        return f"{split_column(self.features)[0].name}, {np.asarray(train.values)[0].size} features{place}"

    def _read_files(self) -> tuple[Data, Data | None]:
        train = self.read_training_files()
        if self.test_labels is None:
            return train, None
        test = read_data(self.test_labels, features=self.test_features, like=train, **self._how())
        n_train, n_test = (np.asarray(data.values)[0].size for data in (train, test))
        if n_train != n_test:
            raise ValueError(
                f"training and test features must be of the same columns; {self.features} holds {n_train} per sample "
                f"and {self.test_features} {n_test}. Pass the same features of both."
            )
        return train, test

    def _how(self) -> dict[str, Any]:
        return {"id_columns": self.id_columns, "missing_labels": self.missing_labels, "csv": self.csv}

    def _read_images(self) -> tuple[Data, Data | None]:
        """Return both splits, or None for the test samples if there is one split only or the two are the same."""
        assert self.dataset is not None
        name, asked = "train", self.test_split or "test"
        try:
            train = read_split(self.dataset, name)
        except SplitError as error:
            if len(error.splits) > 1:
                raise
            name = error.splits[0]
            train = read_split(self.dataset, name)
        if split_name(asked) == split_name(name):
            return train, None
        try:
            test = read_split(self.dataset, asked)
        except SplitError as error:
            if self.test_split is None and len(error.splits) == 1:
                return train, None
            raise ValueError(
                f"--test-split must name a split of {self.dataset}, which has {', '.join(map(repr, error.splits))}; "
                f"got {asked!r}{'' if self.test_split else ', the default'}. Name another, or {name!r} to test each "
                "sample against the others."
            ) from None
        if test.reading.classes != train.reading.classes:  # Labels are plain values, and the test split lacks some.
            test = read_split(self.dataset, asked, train.reading.classes)
        return train, test


def _option(name: str) -> str:
    return "--" + {"missing_labels": "missing-label"}.get(name, name.replace("_", "-"))


def read_split(dataset: str, split: str, classes: tuple[str, ...] | None = None) -> Data:
    """Return the pixels and labels of one split; what Python warns of on the way is part of the reading."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        images = load_images(dataset, split, classes=classes)
    pixels = images.features
    reading = Reading(
        files=(f"{images.name}, split {images.split}",),
        rows=len(pixels),
        dropped=0,
        features=(f"{pixels.shape[1]} pixel values",),
        left_out=dict(images.left_out),
        labels="class of the image",
        classes=images.classes,
        warnings=tuple(str(warning.message) for warning in caught),
    )
    return Data(pixels, images.labels, None, reading)
