"""Numbers, names of choices and seeds that functions are called with."""

from __future__ import annotations

import contextlib
import operator
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.validation.numbers import to_array

TIES = ("strict", "random", "lowest")
"""What happens when several labels share the most votes: none wins, one of them at random, or the lowest class."""


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
