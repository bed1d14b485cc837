"""Argument checks shared by every public function.

All errors have one grammar: what was wrong, what it must be, what came, and what to do. They come before any work.
"""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from labelnoise.arrays import Codes, Features, Floats, Integers

TIES = ("strict", "random", "lowest")
"""What happens when several labels share the most votes: none wins, one of them at random, or the lowest class."""

SUM_TOLERANCE = 1e-4
"""Largest deviation of a probability row's sum from 1 that is normalized away, unless the entries are rounded."""

LARGE = 2**30
"""Bytes above which no copy of all features is made; they are turned into floats in parts."""

_ROWS = 8192  # checked at once

BEYOND_DOUBT = 1e-6
"""A probability so small that what has it is not put down to chance."""


def to_array(values: Any) -> NDArray[Any]:
    """Return anything that ``np.asarray`` takes as an array; torch tensors may be on a GPU or carry a gradient.

    Types that NumPy lacks (bfloat16) become float32, which holds them exactly. A data frame of numbers and booleans,
    nullable ones too, becomes float64 if its columns share no type; pandas.NA becomes NaN. So do masked numbers, also
    in a list of masked rows.
    """
    if hasattr(values, "toarray"):
        raise TypeError(f"an array must be dense; got a sparse {type(values).__name__}. Pass its toarray().")
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        layout, device = (str(getattr(values, name, "")) for name in ("layout", "device"))
        if layout not in ("", "torch.strided") or device == "meta":
            raise TypeError(
                f"a tensor must be dense and hold data; got layout {layout} on {device}. Pass its to_dense()."
            )
        values = values.detach().cpu()
        if _is_small_float(values):
            values = values.float()
    if isinstance(values, list | tuple) and any(map(np.ma.isMaskedArray, values)):
        values = np.ma.array(values)
    if np.ma.isMaskedArray(values) and values.dtype.kind in "biuf" and np.ma.is_masked(values):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            "an array must have rows of one length; got rows of different lengths. Pad or cut them."
        ) from None
    if _is_small_float(array):
        array = array.astype(np.float32)
    if array.dtype == object and is_frame(values) and not _columns_of_no_numbers(values):
        array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return array


def _is_small_float(array: Any) -> bool:
    """Return whether the type is a small floating type of torch or ml_dtypes, which NumPy cannot compute with."""
    return str(getattr(array, "dtype", "")).removeprefix("torch.").startswith(("bfloat16", "float8"))


def is_frame(values: Any) -> bool:
    """Return whether values are a data frame, whose columns have names and types."""
    return hasattr(values, "columns") and hasattr(values, "dtypes")


def _columns_of_no_numbers(table: Any) -> list[tuple[Any, Any]]:
    """Return name and type of the columns of a data frame that are neither numbers nor booleans."""
    columns = zip(table.columns, table.dtypes, strict=True)
    return [(name, kind) for name, kind in columns if getattr(kind, "kind", "O") not in "biuf"]


def check_ties(ties: str) -> str:
    """Return a tie rule; raise a ValueError unless it is one of `TIES`."""
    return check_choice(ties, TIES, "ties")


def check_choice(value: str, allowed: Sequence[str], name: str) -> str:
    """Return `value`; raise a ValueError unless it is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, allowed))}; got {value!r}.")
    return value


def check_variable(name: str, default: int, *, least: int = 1) -> int:
    """Return the integer that an environment variable holds, at least `least`; `default` if it is not set."""
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise ValueError(
            f"the environment variable {name} must be an integer, at least {least}; got {text!r}. Unset it, or set it "
            "to such a number."
        )
    return int(text)


def check_count(value: Any, name: str, *, least: int = 1, most: int | None = None, most_is: str = "") -> int:
    """Return one integer in least..most, of at most 64 bits; `most_is` says in an error what `most` is."""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"`{name}` must be an integer; got the boolean {value}.")
    try:
        count = operator.index(value)
    except (TypeError, RuntimeError):  # torch raises the latter over tensors that are sparse or without data
        kind = "one integer" if isinstance(value, Iterable) and not isinstance(value, str) else "an integer"
        raise TypeError(f"`{name}` must be {kind}; got {value!r} of type {type(value).__name__}.") from None
    if count < least:
        raise ValueError(f"`{name}` must be at least {least}; got {count}.")
    if most is None:
        most, most_is = 2**63 - 1, "the largest integer of 64 bits"
    if count > most:
        raise ValueError(f"`{name}` must be at most {most}, {most_is}; got {count}.")
    return count


def check_ks(
    k: int | Iterable[int],
    *,
    limit: int | None = None,
    limit_is: str = "the number of neighbors available",
    name: str = "k",
) -> Integers:
    """Return the neighborhood sizes as a one-dimensional array; one size gives an array of one.

    Parameters
    ----------
    k : int or sequence of int
        Each at least 1; duplicates and any order are allowed.
    limit : int, optional
        The largest possible k.
    limit_is : str
        What `limit` is, for errors.
    name : str
        Name of the argument, for errors.
    """
    given: list[Any] = [k]
    with contextlib.suppress(TypeError, RuntimeError):  # One number is no sequence, perhaps as an array without axes.
        given = given if isinstance(k, str | bytes) else list(k)  # type: ignore[arg-type]
    if not given:
        raise ValueError(f"`{name}` must name at least one neighborhood size; got an empty sequence.")
    return np.array([check_count(size, name, most=limit, most_is=limit_is) for size in given], dtype=np.int64)


def check_noise_rates(noise_rates: float | Iterable[float], name: str = "noise_rates") -> Floats:
    """Return noise rates in [0, 1] as a one-dimensional float array."""
    given = np.atleast_1d(to_array(noise_rates))
    if given.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must be numbers in [0, 1]; got {noise_rates!r}.")
    rates = given.astype(np.float64)
    if rates.ndim != 1 or rates.size == 0:
        raise ValueError(f"`{name}` must be one number or a non-empty sequence; got shape {rates.shape}.")
    bad = ~((rates >= 0) & (rates <= 1))  # NaN fails both comparisons
    if bad.any():
        value = rates[bad][0]
        hint = " A percentage? Divide it by 100." if value > 1 else ""
        raise ValueError(f"`{name}` must lie in [0, 1]; got {value:g}.{hint}")
    return rates


def check_fraction(value: float, name: str) -> float:
    """Return one number in [0, 1] as a float."""
    given = to_array(value)
    if given.ndim != 0 or given.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must be one number in [0, 1]; got {value!r}.")
    return float(check_noise_rates(value, name)[0])


def check_not_negative(value: float, name: str) -> float:
    """Return one number of at least 0, perhaps infinity, as a float."""
    given = to_array(value)
    if given.ndim != 0 or given.dtype.kind not in "fiu":
        raise TypeError(f"`{name}` must be one number of at least 0; got {value!r}.")
    if not given >= 0:  # NaN fails the comparison
        raise ValueError(f"`{name}` must not be negative; got {value}.")
    return float(given)


def check_noise_rate(noise_rate: float) -> float:
    """Return one noise rate in [0, 1] as a float."""
    return check_fraction(noise_rate, "noise_rate")


def check_concentration(concentration: float) -> float:
    """Return one concentration rho in [0, 1] as a float; 0 is spread noise."""
    return check_fraction(concentration, "concentration")


def check_distributions(values: Any, name: str, *, n_columns: int | None = None) -> Floats:
    """Return rows of probabilities of shape (..., L), each normalized to sum to 1 up to rounding.

    A sum may deviate from 1 by `SUM_TOLERANCE`, or by what rounding explains: two machine epsilons if all entries are
    numbers of float16 or of bfloat16, whatever type holds them now; half a unit of the last decimal per entry, at most
    0.05, if all have the same 2 to 5 decimals. A larger deviation is an error that names the row, as are an entry that
    is negative or NaN.
    """
    rows = _as_floats(values, name, "an array of probabilities")
    if rows.ndim == 0 or rows.shape[-1] == 0:
        raise ValueError(f"`{name}` must have shape (..., n_classes) with at least one class; got {rows.shape}.")
    if n_columns is not None and rows.shape[-1] != n_columns:
        raise ValueError(f"`{name}` must have {n_columns} columns, one per class; got {rows.shape[-1]}.")
    flat = rows.reshape(-1, rows.shape[-1])
    sums = flat.sum(axis=1)
    if not np.isfinite(sums).all():
        row = int(np.flatnonzero(~np.isfinite(sums))[0])
        raise ValueError(f"`{name}` must hold finite probabilities; row {row} holds NaN or infinity.")
    lowest = flat.min(axis=1, initial=0.0)
    if (lowest < 0).any():
        row = int(np.flatnonzero(lowest < 0)[0])
        logarithms = (flat <= 0).all() and (np.abs(np.exp(flat).sum(axis=1) - 1) < 0.05).all()
        cure = "Logarithms? Pass np.exp of them." if logarithms else "Logits? Apply a softmax to each row first."
        raise ValueError(f"`{name}` must not be negative; row {row} holds {lowest[row]:g}. {cure}")
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        too_low, too_high = _rounding(flat)
        off &= (sums < 1 - too_low) | (sums > 1 + too_high)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise ValueError(
            f"`{name}` rows must sum to 1 (within {SUM_TOLERANCE:g}, or what rounding explains); row {row} sums to "
            f"{sums[row]:.6g}. {_cure_of_sums(flat, sums)}"
        )
    return rows / sums.reshape((*rows.shape[:-1], 1))


def _as_floats(values: Any, name: str, what: str) -> Floats:
    """Return an array of float64; errors say that the argument must be `what`."""
    try:
        array = to_array(values)
        if array.dtype.kind == "c":  # NumPy would drop the imaginary part.
            raise TypeError
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError):
        if isinstance(values, list | tuple) and len({len(row) for row in values if hasattr(row, "__len__")}) > 1:
            lengths = sorted({len(row) for row in values if hasattr(row, "__len__")})
            raise ValueError(
                f"`{name}` must be {what} whose rows have one length; got lengths {', '.join(map(str, lengths))}."
            ) from None
        shown = repr(values) if isinstance(values, str) else type(values).__name__
        raise TypeError(f"`{name}` must be {what}; got {shown}.") from None


def _rounding(flat: Floats) -> tuple[Any, Any]:
    """Return how much less, and more, than 1 rows may sum to because their entries were rounded."""
    with np.errstate(over="ignore"):
        single = flat.astype(np.float32)
        if (single.astype(np.float16) == flat).all():
            return (2 * float(np.finfo(np.float16).eps),) * 2
    if (single == flat).all() and not (single.view(np.uint32) & 0xFFFF).any():  # bfloat16 is the upper half of float32
        return 2 * 2.0**-7, 2 * 2.0**-7
    for decimals in (2, 3, 4, 5):
        whole = flat * 10**decimals
        if (np.abs(whole - np.round(whole)) <= 1e-7 * 10**decimals).all():
            unit = 0.5 * 10**-decimals + 1e-7
            return min(unit * flat.shape[1], 0.05), np.minimum(unit * (flat > 0).sum(axis=1), 0.05)
    return 0.0, 0.0


def _cure_of_sums(flat: Floats, sums: Floats) -> str:
    """Return what to do with rows that do not sum to 1."""
    if np.allclose(sums, 100, atol=2):
        return "Percentages? Divide them by 100."
    if (flat == np.round(flat)).all() or np.allclose(sums, sums[0], rtol=0.01):
        return "If these are counts or scores, divide each row by its sum."
    return "Logits? Apply a softmax to each row first. Scores or counts? Divide each row by its sum."


def argmax_agreement(pred_probs: Floats, codes: Codes) -> float:
    """Return the share of samples whose label is the most probable class of their row.

    Parameters
    ----------
    pred_probs : (n_samples, n_classes) array
        Probabilities, columns in code order.
    codes : (n_samples,) int array
        Labels 0..n_classes-1.
    """
    return float((pred_probs.argmax(axis=1) == codes).mean())


def check_agreement(pred_probs: Floats, codes: Codes, name: str, labels_name: str = "labels") -> None:
    """Raise a ValueError if labels agree with the rows' most probable classes less often than by chance, beyond doubt.

    By chance, labels would agree as often as if the rows were shuffled. A weak model is at chance, not below.
    """
    n, n_classes = pred_probs.shape
    agreement = argmax_agreement(pred_probs, codes)
    predicted = np.bincount(pred_probs.argmax(axis=1), minlength=n_classes) / n
    chance = float(predicted @ np.bincount(codes, minlength=n_classes)) / n
    if bdtr(round(agreement * n), n, chance) < BEYOND_DOUBT:
        raise ValueError(
            f"`{name}` must have the columns of the classes in order, and rows of the same samples as `{labels_name}`; "
            f"the labels are the most probable class of their row for {agreement:.1%} of {n} samples, and would be for "
            f"{chance:.1%} by chance. Check the order of the columns (pass classes=[...], the classes in this order, "
            f"or a data frame whose columns are named) and of the samples."
        )


def check_row_stochastic(matrix: Any, name: str) -> Floats:
    """Return a square matrix with distributions as rows: entry [i, j] is Pr(noisy = j | clean = i)."""
    array = _as_floats(matrix, name, "a square matrix of probabilities")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.shape[0] == 0:
        raise ValueError(
            f"`{name}` must be a square matrix, one row and one column per class; got shape {array.shape}."
        )
    rows, columns = array.sum(axis=1), array.sum(axis=0)
    if (np.abs(rows - 1) > SUM_TOLERANCE).any() and (np.abs(columns - 1) <= SUM_TOLERANCE).all():
        row = int(np.argmax(np.abs(rows - 1)))
        raise ValueError(
            f"`{name}` rows must sum to 1; row {row} sums to {rows[row]:.6g}, and it is the columns that sum to 1 "
            f"(cleanlab's noise_matrix does). Pass its transpose."
        )
    return check_distributions(array, name)


def check_numeric(values: Any, name: str) -> NDArray[Any]:
    """Return `values` as an array of real numbers, whose type and shape are kept."""
    try:
        array = to_array(values)
    except ValueError:
        raise ValueError(f"`{name}` must have rows of one length; got rows of different lengths.") from None
    if array.dtype.kind not in "biufc":
        if is_frame(values) and (bad := _columns_of_no_numbers(values)):
            raise TypeError(
                f"`{name}` must be numeric; column {bad[0][0]!r} is of dtype {bad[0][1]}. "
                f"Leave this column out, or turn it into numbers."
            )
        raise TypeError(f"`{name}` must be numeric; got dtype {array.dtype}.")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise TypeError(f"`{name}` must be real; got dtype {array.dtype}.")
    return array


def check_features(features: Any, name: str = "features") -> Features:
    """Return finite features of shape (n_samples, n_features), as C-contiguous float32 or float64.

    Samples with several axes (images) are flattened. float16, float32, 8-bit integers and booleans become float32,
    others float64.
    """
    return as_features(*check_feature_rows(features, name), name)


def check_feature_rows(features: Any, name: str = "features") -> tuple[NDArray[Any], np.dtype[np.floating[Any]]]:
    """Return features of shape (n_samples, n_features) in their own type, and the type of floats they are to have.

    `check_features` says which types these are. Values are not looked at, and those of a file that is mapped into
    memory are not read.
    """
    if hasattr(features, "toarray"):
        raise TypeError(f"`{name}` must be a dense array; got a sparse one. Pass {name}.toarray().")
    array = check_numeric(features, name)
    if array.ndim < 2 or array.shape[0] == 0 or 0 in array.shape[1:]:
        raise ValueError(
            f"`{name}` must have shape (n_samples, n_features), both at least 1; got {array.shape}."
            + (" A single feature? Pass features.reshape(-1, 1)." if array.ndim == 1 else "")
        )
    single = array.dtype in (np.float32, np.float16, np.uint8, np.int8, bool)
    return array.reshape(len(array), -1), np.dtype(np.float32 if single else np.float64)


def needs_large_copy(rows: NDArray[Any], dtype: np.dtype[np.floating[Any]]) -> bool:
    """Return whether rows become C-contiguous and of a type only by a copy of more than `LARGE` bytes."""
    return rows.size * dtype.itemsize > LARGE and not (rows.dtype == dtype and rows.flags.c_contiguous)


def check_features_or_keep(features: Any, name: str = "features") -> NDArray[Any]:
    """Return what `check_features` does, but features whose copy would exceed `LARGE` bytes in their own type.

    Whoever uses them turns the rows that it needs into floats.
    """
    rows, dtype = check_feature_rows(features, name)
    if not needs_large_copy(rows, dtype):
        return as_features(rows, dtype, name)
    for start in range(0, len(rows), _ROWS):
        check_finite(rows[start : start + _ROWS].astype(dtype), name, start)
    return rows


def as_features(rows: NDArray[Any], dtype: np.dtype[np.floating[Any]], name: str) -> Features:
    """Return rows that `check_feature_rows` returned in a type of floats; raise a ValueError over NaN or infinity."""
    flat: Features = np.ascontiguousarray(rows, dtype=dtype)
    for start in range(0, len(flat), _ROWS):  # A mask of all features would take a quarter of their memory.
        check_finite(flat[start : start + _ROWS], name, start)
    return flat


def check_finite(features: Features, name: str, first: int = 0) -> None:
    """Raise a ValueError if features hold NaN or infinity; `first` is the number of their first row."""
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        row = first + int(np.flatnonzero(~finite)[0])
        raise ValueError(
            f"`{name}` must be finite; row {row} holds NaN or infinity. Drop or impute such samples first."
        )


def seed_of(random_state: int | np.random.Generator | None) -> int:
    """Return the integer seed that a `random_state` stands for, so that every result can record how to repeat it.

    An int is its own seed, a Generator draws one (and advances), and for None the operating system supplies one.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> 1)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63 - 1))
    if isinstance(random_state, bool | np.bool_):
        raise TypeError("`random_state` must be an int, a numpy.random.Generator or None; got a boolean.")
    try:
        seed = operator.index(random_state)
    except TypeError:
        raise TypeError(
            f"`random_state` must be an int, a numpy.random.Generator or None; got {type(random_state).__name__}."
        ) from None
    if seed < 0:
        raise ValueError(f"`random_state` must not be negative; got {seed}.")
    return seed
