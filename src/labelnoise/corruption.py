"""Noisy labels from clean ones: a noise model (what), a placement (where), and a record of what was done."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Codes, Features, Floats, Integers, Mask
from labelnoise.columns import check_same_order
from labelnoise.labels import encode_labels
from labelnoise.noise import NoiseModel, check_noise, encode_for_noise
from labelnoise.placement.base import Placement, check_placement, check_placement_features
from labelnoise.placement.spread import Spread
from labelnoise.records import read_record, write_record
from labelnoise.validation import check_noise_rate, seed_of

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "labelnoise.NoisyLabels/1"


@dataclass(frozen=True, eq=False, repr=False)
class NoisyLabels:
    """Noisy labels and everything needed to repeat, describe and share them.

    Attributes
    ----------
    labels : array of shape (n_samples,)
        The noisy labels, in the classes of the clean ones.
    clean_labels : array of shape (n_samples,)
        The labels before corruption.
    selected : bool array of shape (n_samples,)
        The samples whose labels were redrawn; under uniform noise some of them keep their label.
    classes : array of shape (n_classes,)
        All classes, in the order of the rows of `transition_matrix`.
    asked_noise_rate : float
        The noise rate that was asked for.
    noise, placement : dict
        Name and parameters of the noise model and of the placement.
    concentration : float or None
        Realized rho (section 8 of the theory) where the placement sets one; the asked rho is in `placement`. For any
        other placement, `labelnoise.concentration` measures it.
    seed : int or None
        ``corrupt(..., random_state=seed)`` gives the same labels again; None if the labels were not drawn here.
    rows : int array of shape (n_samples,), or None
        Rows of these samples in the file that they come from, where rows without a label were left out of it.
    """

    labels: NDArray[Any]
    clean_labels: NDArray[Any]
    selected: Mask
    classes: NDArray[Any]
    asked_noise_rate: float
    noise: dict[str, Any]
    placement: dict[str, Any]
    seed: int | None
    concentration: float | None
    _codes: tuple[Codes, Codes] = field(repr=False)
    rows: Integers | None = None

    @property
    def index(self) -> Integers:
        """Row of each sample, from 0, in the file that the labels come from, or in the labels passed; (n_samples,)."""
        return np.arange(len(self.labels)) if self.rows is None else self.rows

    @property
    def noise_rate(self) -> float:
        """Realized fraction of samples selected."""
        return float(self.selected.mean())

    @property
    def changed(self) -> Mask:
        """The samples whose label really differs from the clean one."""
        clean, noisy = self._codes
        return clean != noisy

    @property
    def changed_rate(self) -> float:
        """Realized fraction of samples whose label really differs (uniform noise: about gamma (L - 1)/L)."""
        return float(self.changed.mean())

    @property
    def transition_matrix(self) -> Floats:
        """Realized transition matrix T[i, j]: the share of clean class i that became j, (L, L), rows sum to 1.

        A class without samples has the identity's row: nothing of it changed.
        """
        clean, noisy = self._codes
        n_classes = len(self.classes)
        counts = np.bincount(clean * n_classes + noisy, minlength=n_classes**2).reshape(n_classes, n_classes)
        totals = counts.sum(axis=1, keepdims=True)
        return np.where(totals > 0, counts / np.maximum(totals, 1), np.eye(n_classes))

    def _repr_html_(self) -> str:
        from labelnoise.report.notebook import noisy_labels_html

        return noisy_labels_html(self)

    def __repr__(self) -> str:
        rho = "" if self.concentration is None else f", concentration {self.concentration:.3f}"
        return (
            f"NoisyLabels({len(self.labels)} labels of {len(self.classes)} classes; {self.noise['name']} noise, "
            f"{self.placement['name']} placement; noise_rate {self.noise_rate:.4f} "
            f"(asked {self.asked_noise_rate:g}), changed_rate {self.changed_rate:.4f}{rho}, "
            f"{'not drawn here' if self.seed is None else f'seed {self.seed}'})"
        )

    def summary(self) -> dict[str, Any]:
        """Return the record without the arrays, ready for JSON."""
        return {
            "n_samples": len(self.labels),
            "n_classes": len(self.classes),
            "asked_noise_rate": self.asked_noise_rate,
            "noise_rate": self.noise_rate,
            "changed_rate": self.changed_rate,
            "concentration": self.concentration,
            "noise": self.noise,
            "placement": self.placement,
            "seed": self.seed,
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per sample: its row in the source (`index`), noisy label, clean label, selected, changed."""
        import pandas as pd

        return pd.DataFrame(
            {
                "index": self.index,
                "label": self.labels,
                "clean_label": self.clean_labels,
                "selected": self.selected,
                "changed": self.changed,
            }
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write everything to one ``.npz`` file (plain arrays and JSON, no pickles), whole or not at all."""
        clean, noisy = self._codes
        record = {
            "asked_noise_rate": self.asked_noise_rate,
            "noise": self.noise,
            "placement": self.placement,
            "seed": self.seed,
            "concentration": self.concentration,
        }
        arrays = {"noisy_codes": noisy, "clean_codes": clean, "selected": self.selected, "index": self.index}
        return write_record(path, FORMAT, self.classes, record, **arrays)

    @classmethod
    def from_pair(cls, clean: ArrayLike, noisy: ArrayLike, *, classes: ArrayLike | None = None) -> NoisyLabels:
        """Return the record of an existing pair: the true labels of some samples, and noisy ones of the same samples.

        Selected are the samples whose label changed, so `noise_rate` equals `changed_rate`.

        Parameters
        ----------
        clean, noisy : array-like of shape (n_samples,)
            True and noisy labels in the same classes and the same order of samples.
        classes : sequence, optional
            All classes in order; by default those of both.

        Raises
        ------
        ValueError, TypeError
            The lengths differ, both have an index with the same entries in other orders, labels are missing, or the
            labels of the two are not of the same kind.

        Examples
        --------
        >>> pair = NoisyLabels.from_pair(["cat", "cat", "dog", "dog"], ["cat", "dog", "dog", "dog"])
        >>> pair.changed_rate, pair.transition_matrix.tolist()
        (0.25, [[0.5, 0.5], [0.0, 1.0]])
        """
        check_same_order(clean, noisy, "clean", "noisy")
        true, known = encode_labels(clean, classes=classes, name="clean")
        others = known if classes is not None else encode_labels(noisy, name="noisy")[1]
        if set(others.tolist()) - set(known.tolist()):
            if known.dtype.kind != others.dtype.kind:
                raise TypeError(
                    f"`clean` and `noisy` must be labels of the same kind; got {known.dtype} and {others.dtype}. "
                    f"Convert one of them, or pass classes=[...]."
                )
            known = np.unique(np.concatenate([known, others]))
            true, _ = encode_labels(clean, classes=known, name="clean")
        given, _ = encode_labels(noisy, classes=known, name="noisy")
        if len(true) != len(given):
            raise ValueError(
                f"`clean` and `noisy` must be of the same samples; got {len(true)} and {len(given)} labels."
            )
        changed = true != given
        return cls(
            labels=known[given],
            clean_labels=known[true],
            selected=changed,
            classes=known,
            asked_noise_rate=float(changed.mean()),
            noise={"name": "given pair"},
            placement={"name": "given pair"},
            seed=None,
            concentration=None,
            _codes=(true, given),
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> NoisyLabels:
        """Read a file that `save` wrote.

        Raises
        ------
        FileNotFoundError
            No such file.
        ValueError
            The file is not one that `save` wrote, or is truncated or damaged.
        """
        names = ("clean_codes", "noisy_codes", "selected")
        record, classes, arrays = read_record(path, FORMAT, "NoisyLabels.save", set(names))
        clean, noisy, selected = (arrays[name] for name in names)
        index = arrays.get("index", np.arange(len(clean)))  # Files of earlier versions have none.
        if not len(clean) == len(noisy) == len(selected) == len(index):
            raise ValueError(f"{path} must hold one entry per sample in each array; it is damaged. Save it again.")
        return cls(
            labels=classes[noisy],
            clean_labels=classes[clean],
            selected=selected,
            classes=classes,
            asked_noise_rate=record["asked_noise_rate"],
            noise=record["noise"],
            placement=record["placement"],
            seed=record["seed"],
            concentration=record["concentration"],
            _codes=(clean, noisy),
            rows=index,
        )


def check_several_classes(codes: Codes, classes: NDArray[Any], name: str = "labels") -> None:
    """Raise a ValueError if there is only one class, of which noise can make no other."""
    if len(classes) == 1:
        raise ValueError(
            f"`{name}` must be of at least two classes, or noise changes nothing; got one class, "
            f"{classes.tolist()[0]!r}, {len(codes)} times. Pass classes=[...] (--classes on the command line) if "
            f"there are classes that do not occur."
        )


def corrupt_codes(
    codes: Codes,
    n_classes: int,
    noise: NoiseModel,
    noise_rate: float,
    placement: Placement,
    features: Features | None,
    rng: np.random.Generator,
) -> tuple[Codes, Mask]:
    """Corrupt checked codes; return the noisy codes and the selected mask."""
    selected = placement.select(codes, n_classes, noise_rate, features, rng)
    noisy = codes.copy()
    noisy[selected] = noise.draw(codes[selected], n_classes, rng)
    return noisy, selected


def corrupt(
    labels: ArrayLike,
    noise: NoiseModel,
    noise_rate: float,
    *,
    placement: Placement = Spread(),  # noqa: B008  a frozen value
    features: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    random_state: int | np.random.Generator | None = None,
) -> NoisyLabels:
    """Draw noisy labels from clean ones, by the two-step process behind Eq. 3 (section 3.1).

    `placement` selects a fraction gamma of the samples; each selected label i is redrawn from row i of the noise
    model's corruption matrix P. Under spread placement Pr(noisy = j | clean = i) = T[i, j] with
    T = (1 - gamma) I + gamma P (footnote 2).

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        Clean labels: integers 0..L-1, or any hashable classes; the categories of pandas' categorical data are the
        classes in their order. Missing labels are an error.
    noise : NoiseModel
        What a selected label becomes: `UniformNoise`, `FlipNoise`, `MatrixNoise`. A matrix whose rows and columns are
        named is matched with the labels by name. One without names, or a mapping, is in the order of the classes.
    noise_rate : float in [0, 1]
        gamma, the fraction *selected*; how many really change is the result's `changed_rate`.
    placement : Placement, default Spread()
        Where the selected samples lie: `Spread`, `KMeansCluster`, `Concentrated`, `ClassBoundary`,
        `HubnessProportional`.
    features : array-like of shape (n_samples, n_features), optional
        Needed by placements that select samples by where they lie.
    classes : sequence, optional
        All classes in code order, where `labels` alone does not show them: text beside a matrix without names, integers
        that may count from 0 or from 1, -1 if it is a class.
    random_state : int, numpy.random.Generator or None
        Never touches global state. The seed used is in the result.

    Returns
    -------
    NoisyLabels

    Raises
    ------
    ValueError, TypeError
        Bad labels, rate, matrix, mapping or features, labels of one class only, or labels that could be meant in two
        ways; each says what to do.

    Examples
    --------
    >>> import labelnoise as ln
    >>> noisy = ln.corrupt([0, 1, 2, 0, 1, 2, 0, 1, 2, 0], ln.FlipNoise(), 0.3, random_state=0)
    >>> int(noisy.selected.sum()), noisy.changed_rate
    (3, 0.3)
    """
    check_noise(noise)
    check_placement(placement)
    rate = check_noise_rate(noise_rate)
    codes, known, noise = encode_for_noise(labels, noise, classes)
    if rate > 0:
        check_several_classes(codes, known)
    check_same_order(features, labels, "features")
    checked_features = check_placement_features(placement, features, len(codes))
    seed = seed_of(random_state)
    prepared = placement.prepare(checked_features)
    noisy, selected = corrupt_codes(
        codes, len(known), noise, rate, prepared, checked_features, np.random.default_rng(seed)
    )
    realized = prepared.realized(selected)
    return NoisyLabels(
        labels=known[noisy],
        clean_labels=known[codes],
        selected=selected,
        classes=known,
        asked_noise_rate=rate,
        noise=noise.parameters(),
        placement=placement.parameters(),
        seed=seed,
        concentration=None if realized is None or np.isnan(realized) else realized,
        _codes=(codes, noisy),
    )
