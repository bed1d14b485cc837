"""What a selected label becomes: the corruption matrix P[i, j] = Pr(noisy = j | clean = i and selected).

Label noise consists of two independent choices: **what** a selected label becomes (this module), and **where** the
selected samples lie (`labelnoise.placement`). Every noise model is a `NoiseModel`, and can be combined with any
placement. Rows of P sum to 1; in cleanlab's ``noise_matrix`` the columns do (`MatrixNoise.from_cleanlab`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Codes, Floats
from labelnoise.columns import axis_names
from labelnoise.labels import class_array, encode_labels, positions
from labelnoise.validation import check_row_stochastic, to_array

NOISE_RATES: dict[str, tuple[float, ...]] = {
    "uniform": (
        *(0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.86, 0.87, 0.88, 0.89),
        *(0.9, 0.91, 0.92, 0.93, 0.95, 0.99),
    ),
    "flip": (0.0, 0.2, 0.3, 0.35, 0.4, 0.43, 0.46, 0.48, 0.5, 0.52, 0.54, 0.57, 0.6, 0.65, 0.7, 0.8),
    "matrix": (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "concentrated": (1 / 10, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2),
}
"""The noise rates at which the paper measured its curves (published code), for each name of a noise."""


class NoiseModel(ABC):
    """What a selected label becomes: the base class of every noise model, which is a frozen value.

    A model defines `name` and `matrix`. The other members follow from the matrix, and a model overrides them if there
    is a shorter way. `clean` holds distributions over L classes in its last axis.

    Attributes
    ----------
    name : str
        Short name for captions and specifications.
    """

    name: ClassVar[str]

    @property
    def n_classes(self) -> int | None:
        """The number of classes that the model is made for; None if it serves any number."""
        return None

    @property
    def classes(self) -> NDArray[Any] | None:
        """The classes of the rows and columns of P, where the model knows them by name."""
        return None

    def for_classes(self, classes: NDArray[Any]) -> NoiseModel:
        """Return the model with its rows and columns in the order of `classes`.

        Raises
        ------
        ValueError
            The model is made for other classes, or for another number of them.
        """
        check_class_count(self, len(classes))
        return self

    @abstractmethod
    def matrix(self, n_classes: int) -> Floats:
        """Return the corruption matrix P, (n_classes, n_classes); rows sum to 1."""

    def mix(self, clean: Floats) -> Floats:
        """Return ``clean @ P``."""
        return clean @ self.matrix(clean.shape[-1])

    def draw(self, codes: Codes, n_classes: int, rng: np.random.Generator) -> Codes:
        """Draw one label from row ``codes[i]`` of P for each i.

        The cumulative distribution of each row is inverted, with one uniform number per sample. Simulations call this
        in several threads at once, each with its own `rng`.
        """
        matrix = self.matrix(n_classes)
        uniforms = rng.random(len(codes))
        drawn = np.empty(len(codes), dtype=np.int64)
        for code in np.unique(codes):
            here = codes == code
            possible = np.flatnonzero(matrix[code])
            cumulative = np.cumsum(matrix[code, possible])
            # By rounding, cumulative[-1] may be below u: then the last possible class is drawn.
            index = np.searchsorted(cumulative[:-1], uniforms[here], side="right")
            drawn[here] = possible[index]
        return drawn

    def parameters(self) -> dict[str, Any]:
        """Return the parameters that determine the model, ready for JSON."""
        return {"name": self.name}


def check_noise(noise: Any) -> None:
    """Raise a TypeError unless `noise` is a noise model."""
    if not isinstance(noise, NoiseModel):
        shown = f"the class {noise.__name__}; add parentheses" if isinstance(noise, type) else repr(noise)
        raise TypeError(f"`noise` must be UniformNoise(), FlipNoise() or MatrixNoise(matrix); got {shown}.")


def encode_for_noise(
    labels: Any, noise: NoiseModel, classes: Any, name: str = "labels"
) -> tuple[Codes, NDArray[Any], NoiseModel]:
    """Return codes and classes as `encode_labels` does, and the noise model with its rows in the classes' order.

    The noise model may fix the classes or their number.
    """
    reason = f"the number that the {noise.name} noise is made for"
    codes, known = encode_labels(
        labels, classes=classes, named=noise.classes, n_classes=noise.n_classes, n_classes_is=reason, name=name
    )
    return codes, known, noise.for_classes(known)


def check_class_count(noise: NoiseModel, n_classes: int) -> None:
    """Raise a ValueError if the noise model is made for another number of classes."""
    if noise.n_classes is not None and noise.n_classes != n_classes:
        raise ValueError(
            f"the {noise.name} noise must have one row per class; it is made for {noise.n_classes} classes, "
            f"and there are {n_classes}. Build it for {n_classes}, or pass `classes` (--classes on the command line) "
            f"if labels do not show them all."
        )


def observed_distribution(clean: Floats, noise: NoiseModel, noise_rate: float) -> Floats:
    """Return the distribution of one observed label in a neighborhood, q = (1 - gamma) C + gamma C P (Eq. 3).

    `clean` has shape (..., L) and rows that sum to 1, as has the result.
    """
    if noise_rate == 0:
        return clean
    return (1 - noise_rate) * clean + noise_rate * noise.mix(clean)


@dataclass(frozen=True)
class UniformNoise(NoiseModel):
    """A selected label becomes any class with equal probability, its own included: P[i, j] = 1/L (section 3.1).

    At noise rate gamma a fraction gamma (L - 1)/L of the labels really changes (footnote 1 of the paper).

    Examples
    --------
    >>> UniformNoise().matrix(2)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    name: ClassVar[str] = "uniform"

    def matrix(self, n_classes: int) -> Floats:
        """Return P with all entries 1/L."""
        return np.full((n_classes, n_classes), 1.0 / n_classes)

    def mix(self, clean: Floats) -> Floats:
        """Return uniform rows, whatever the clean ones are."""
        return np.full_like(clean, 1.0 / clean.shape[-1])

    def draw(self, codes: Codes, n_classes: int, rng: np.random.Generator) -> Codes:
        """Draw any class, whatever the clean one is."""
        return rng.integers(n_classes, size=len(codes))


@dataclass(frozen=True)
class FlipNoise(NoiseModel):
    """A selected label of class i becomes class mapping[i]; P is a permutation matrix (section 3.1).

    Parameters
    ----------
    mapping : sequence of int, or dict, optional
        A permutation of 0..L-1, or what each class becomes by name; classes that a dict leaves out stay what they are.
        Default: i -> (i + 1) mod L.

    Attributes
    ----------
    mapping : tuple of int, or None
        The permutation.
    names : tuple or None
        The classes that it permutes, of a dict.

    Raises
    ------
    ValueError
        `mapping` is not a permutation, or the labels have another number of classes, or not the classes that it names.

    Examples
    --------
    >>> FlipNoise([1, 0]).matrix(2)
    array([[0., 1.],
           [1., 0.]])
    >>> FlipNoise({"cat": "dog", "dog": "cat"}).for_classes(np.array(["ant", "cat", "dog"]))
    FlipNoise(mapping=(0, 2, 1))
    """

    name: ClassVar[str] = "flip"

    mapping: tuple[int, ...] | None = None
    names: tuple[Any, ...] | None = field(default=None, init=False)

    def __init__(self, mapping: ArrayLike | Sequence[int] | dict[Any, Any] | None = None) -> None:
        object.__setattr__(self, "names", None)
        if mapping is None:
            object.__setattr__(self, "mapping", None)
            return
        if isinstance(mapping, dict):
            names = list(mapping)
            if not names or set(mapping.values()) != set(names):
                raise ValueError(
                    f"`mapping` must be a permutation of the classes that it names, each becoming one and becoming of "
                    f"one; got {mapping}. For anything else use MatrixNoise."
                )
            object.__setattr__(self, "names", tuple(names))
            mapping = [names.index(new) for new in mapping.values()]
        array = to_array(mapping)
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(
                f"`mapping` must be a one-dimensional sequence of class indices; "
                f"got shape {array.shape}, dtype {array.dtype}."
            )
        if not np.array_equal(np.sort(array), np.arange(len(array))):
            raise ValueError(
                f"`mapping` must be a permutation of 0..{len(array) - 1}, each class exactly once; "
                f"got {array.tolist()}. For anything else use MatrixNoise."
            )
        object.__setattr__(self, "mapping", tuple(array.tolist()))

    @classmethod
    def opposite(cls, n_classes: int) -> FlipNoise:
        """Let class c become (c + L//2) mod L, as in the published code's locally concentrated noise."""
        return cls((np.arange(n_classes) + n_classes // 2) % n_classes)

    @property
    def n_classes(self) -> int | None:
        """The number of classes that the mapping lists; None for the default, and for classes by name."""
        return None if self.mapping is None or self.names is not None else len(self.mapping)

    def for_classes(self, classes: NDArray[Any]) -> NoiseModel:
        """Return the flip of these classes in their order."""
        check_class_count(self, len(classes))
        if self.names is None:
            return self
        places = positions(list(self.names), classes)
        if places is None:
            known = {str(item) for item in classes.tolist()}
            unknown = [item for item in self.names if str(item) not in known] or list(self.names)
            raise ValueError(
                f"`mapping` must name classes of the labels, which are {classes.tolist()[:10]}; got {unknown[0]!r}. "
                f"Write the classes as the labels do."
            )
        permutation = np.arange(len(classes))
        permutation[places] = places[list(self.mapping or ())]
        return FlipNoise(permutation)

    def _permutation(self, n_classes: int) -> Codes:
        if self.mapping is None:
            return (np.arange(n_classes) + 1) % n_classes
        if self.names is not None:
            raise ValueError(f"`mapping` names classes; call for_classes with all of them first. Named: {self.names}.")
        check_class_count(self, n_classes)
        return np.array(self.mapping, dtype=np.int64)

    def matrix(self, n_classes: int) -> Floats:
        """Return P with P[i, mapping[i]] = 1, and 0 elsewhere."""
        return np.eye(n_classes)[self._permutation(n_classes)]

    def mix(self, clean: Floats) -> Floats:
        """Move the share of each class to the class that it becomes."""
        mixed = np.empty_like(clean)
        mixed[..., self._permutation(clean.shape[-1])] = clean
        return mixed

    def draw(self, codes: Codes, n_classes: int, rng: np.random.Generator) -> Codes:
        """Return ``mapping[codes]``; nothing is random."""
        return self._permutation(n_classes)[codes]

    def parameters(self) -> dict[str, Any]:
        """Return the name and the mapping, which is None for the default."""
        if self.mapping is None:
            return {"name": self.name, "mapping": None}
        if self.names is None:
            return {"name": self.name, "mapping": list(self.mapping)}
        return {"name": self.name, "mapping": {str(old): str(new) for old, new in self._pairs()}}

    def _pairs(self) -> list[tuple[Any, Any]]:
        names = self.names or ()
        return [(old, names[code]) for old, code in zip(names, self.mapping or (), strict=True)]

    def __repr__(self) -> str:
        return f"FlipNoise(mapping={self.mapping if self.names is None else dict(self._pairs())})"


@dataclass(frozen=True, eq=False)
class MatrixNoise(NoiseModel):
    """A selected label of class i is drawn from row i of any row-stochastic corruption matrix (Fig. 4g).

    Parameters
    ----------
    corruption_matrix : array of shape (L, L)
        P[i, j] = Pr(noisy = j | clean = i and selected). Rows sum to 1; rounding is normalized away. The rows and
        columns of a data frame may be named by the classes; they are then matched with the labels by name.

    Attributes
    ----------
    corruption_matrix : array of shape (L, L)
        P, normalized; its columns are in the order of its rows.
    names : tuple or None
        The classes of the rows, of a data frame that names them.

    Raises
    ------
    ValueError, TypeError
        The matrix is not square, has negative or NaN entries, or has rows that do not sum to 1; the message says if its
        columns do. Rows and columns of a data frame have other names.

    Examples
    --------
    >>> MatrixNoise([[0.9, 0.1], [0.4, 0.6]]).mix(np.array([0.5, 0.5]))
    array([0.65, 0.35])
    """

    name: ClassVar[str] = "matrix"

    corruption_matrix: Floats
    names: tuple[Any, ...] | None = field(default=None, init=False)

    def __init__(self, corruption_matrix: Any) -> None:
        if isinstance(corruption_matrix, str):
            raise TypeError(
                f"`corruption_matrix` must be a square matrix of probabilities; got the text {corruption_matrix!r}. "
                f"UniformNoise() and FlipNoise() have no matrix to give."
            )
        if hasattr(corruption_matrix, "to_pandas"):  # an Arrow table, whose columns have names
            corruption_matrix = corruption_matrix.to_pandas()
        matrix = check_row_stochastic(corruption_matrix, "corruption_matrix")
        names = None
        if hasattr(corruption_matrix, "index") and hasattr(corruption_matrix, "columns"):
            rows = axis_names(corruption_matrix.index, "corruption_matrix.index")
            columns = axis_names(corruption_matrix.columns, "corruption_matrix.columns")
            if rows is not None or columns is not None:
                order = None if rows is None or columns is None else positions(rows.tolist(), columns)
                if rows is None or order is None:
                    raise ValueError(
                        f"`corruption_matrix` must have rows and columns named by the same classes; its index is "
                        f"{list(corruption_matrix.index)}, its columns are {list(corruption_matrix.columns)}. "
                        f"Name both, or pass the array without names, rows and columns in the order of the classes."
                    )
                matrix, names = np.take(matrix, order, axis=1), tuple(rows.tolist())
        matrix.flags.writeable = False
        object.__setattr__(self, "corruption_matrix", matrix)
        object.__setattr__(self, "names", names)

    @classmethod
    def from_cleanlab(cls, noise_matrix: Any) -> MatrixNoise:
        """Convert cleanlab's ``noise_matrix``, in which *columns* sum to 1: entry [j, i] is Pr(noisy = j | clean = i).

        It describes all samples, not only the selected ones: use it at noise rate 1.
        """
        matrix = to_array(noise_matrix)
        if matrix.ndim != 2:
            raise ValueError(f"`noise_matrix` must be a square matrix; got shape {matrix.shape}.")
        if np.abs(matrix.sum(axis=0) - 1).max() > 1e-4:
            worst = int(np.argmax(np.abs(matrix.sum(axis=0) - 1)))
            raise ValueError(
                f"`noise_matrix` columns must sum to 1, as cleanlab's do; column {worst} sums to "
                f"{matrix[:, worst].sum():.6g}. A matrix whose rows sum to 1 goes to MatrixNoise as it is."
            )
        return cls(noise_matrix.T if hasattr(noise_matrix, "columns") else matrix.T)

    @classmethod
    def random(
        cls, n_classes: int, *, power: int | None = None, random_state: int | np.random.Generator | None = None
    ) -> MatrixNoise:
        """Draw each row as ``rand(L) ** power``, normalized; without `power`, each row draws one of 1, 2 and 3.

        This is the general corruption matrix of the published code. The drawn matrix is kept in the model.
        """
        rng = np.random.default_rng(random_state)
        powers = rng.integers(1, 4, size=(n_classes, 1)) if power is None else power
        weights = rng.random((n_classes, n_classes)) ** powers
        return cls(weights / weights.sum(axis=1, keepdims=True))

    @classmethod
    def two_alternatives(cls, n_classes: int) -> MatrixNoise:
        """Let class i become (i + 1) or (i + 2) mod L with probability 1/2 each (Fig. 7f); L must be at least 3."""
        if n_classes < 3:
            raise ValueError(f"`n_classes` must be at least 3, a class and its two alternatives; got {n_classes}.")
        eye = np.eye(n_classes)
        return cls((np.roll(eye, 1, axis=1) + np.roll(eye, 2, axis=1)) / 2)

    @property
    def n_classes(self) -> int | None:
        """The number of classes that the matrix has."""
        return len(self.corruption_matrix)

    @property
    def classes(self) -> NDArray[Any] | None:
        """The classes of the rows, where a data frame named them."""
        return None if self.names is None else class_array(list(self.names))

    def for_classes(self, classes: NDArray[Any]) -> NoiseModel:
        """Return the model with its rows and columns in the order of `classes`, which its names must be."""
        check_class_count(self, len(classes))
        if self.names is None or self.names == tuple(classes.tolist()):
            return self
        order = positions(classes.tolist(), class_array(list(self.names)))
        if order is None:
            raise ValueError(
                f"the {self.name} noise must be made for the classes of the labels; its rows are named "
                f"{list(self.names)}, and the classes are {classes.tolist()}. Rename the rows and columns, or pass the "
                f"array without names, rows and columns in the order of the classes."
            )
        ordered = MatrixNoise(self.corruption_matrix[np.ix_(order, order)])
        object.__setattr__(ordered, "names", tuple(classes.tolist()))
        return ordered

    def matrix(self, n_classes: int) -> Floats:
        """Return the matrix of the model."""
        check_class_count(self, n_classes)
        return self.corruption_matrix

    def parameters(self) -> dict[str, Any]:
        """Return the name, the whole matrix, and the classes of its rows where they are known by name."""
        parameters = {"name": self.name, "corruption_matrix": self.corruption_matrix.tolist()}
        if self.names is not None:
            parameters["classes"] = [name if isinstance(name, str | int) else str(name) for name in self.names]
        return parameters

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MatrixNoise) or self.names != other.names:
            return False
        return np.array_equal(self.corruption_matrix, other.corruption_matrix)

    def __hash__(self) -> int:
        return hash(self.corruption_matrix.tobytes())

    def __repr__(self) -> str:
        size = len(self.corruption_matrix)
        return f"MatrixNoise({size} x {size}, mean diagonal {np.diag(self.corruption_matrix).mean():.3f})"
