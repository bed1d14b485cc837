"""Change the fields of a specification by name, with values as they are typed on a command line."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from labelnoise.data.noise_models import read_matrix, read_noise
from labelnoise.noise import NoiseModel
from labelnoise.studies.runs import DataSpecification, TrainingSpecification
from labelnoise.validation import check_choice, seed_of

T = TypeVar("T")


def override(specification: T, assignments: list[str]) -> T:
    """Return a copy with fields changed: ``repeats=3``, ``noise_rates=0,0.2,0.4``, ``training.epochs=5``.

    Commas separate the numbers of a tuple. ``none`` empties a field that may be empty. ``settings.a.region=noisy``
    reaches into a mapping. Noise is ``uniform``, ``flip`` or a file that holds a corruption matrix. A training is one
    of `labelnoise.training.PRESETS`.

    Raises
    ------
    ValueError
        There is no such field, or it cannot take the value; the message names the fields that there are.
    """
    changes = _Changes()
    for assignment in assignments:
        path, found, text = assignment.partition("=")
        if not found or not path.strip():
            raise ValueError(f"a change must be FIELD=VALUE, such as repeats=3; got {assignment!r}.")
        change = changes
        for name in path.strip().split("."):
            change = change.inner.setdefault(name, _Changes())
        change.text = text.strip()
    return _changed(specification, changes, "")


@dataclass
class _Changes:
    """The new value of a field, and then the changes of that value's own fields."""

    text: str | None = None
    inner: dict[str, _Changes] = field(default_factory=dict)


def _changed(value: Any, changes: _Changes, where: str) -> Any:
    """Make all changes of one specification at once, because some are valid only together."""
    if not changes.inner:
        return value
    if isinstance(value, Mapping):
        known, hints = list(value), {}
    elif dataclasses.is_dataclass(value) and not isinstance(value, type) and dataclasses.fields(value):
        known, hints = [f.name for f in dataclasses.fields(value) if f.init], get_type_hints(type(value))
    else:
        raise ValueError(f"`{where}{next(iter(changes.inner))}` goes too deep: {value!r} has no fields.")
    replaced = {}
    for name, change in changes.inner.items():
        whole = where + name
        if name not in known:
            raise ValueError(f"`{whole}` must name a field; there is no {name!r}, but {', '.join(known)}.")
        before = getattr(value, name) if hints else value[name]
        if change.text is not None and not hints:
            raise ValueError(f"`{whole}` has fields of its own; change one of them, such as {whole}.FIELD=VALUE.")
        after = before if change.text is None else _parse(change.text, hints[name], whole)
        replaced[name] = _changed(after, change, whole + ".")
    return dataclasses.replace(value, **replaced) if hints else {**value, **replaced}


def _parse(text: str, hint: Any, name: str) -> Any:
    """Return the value of type `hint` that a text stands for."""
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if types.NoneType in options and text.lower() in ("none", "null"):  # These are the names in Python and in JSON.
        return None
    kind = next(option for option in options if option is not types.NoneType)
    if get_origin(kind) is tuple:
        return tuple(_parse(part.strip(), get_args(kind)[0], name) for part in text.split(",") if part.strip())
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind in (int, float, str):
            return kind(text)
    except (ValueError, KeyError):
        wanted = "true or false" if kind is bool else f"of type {kind.__name__}"
        wanted += ", or none" if types.NoneType in options else ""
        raise ValueError(f"`{name}` must be {wanted}; got {text!r}.") from None
    if kind is NoiseModel:
        return read_noise(text)
    if get_origin(kind) is np.ndarray:
        return read_matrix(text)
    if kind is TrainingSpecification:
        from labelnoise.training import PRESETS, preset  # Without PyTorch, the error says what to install.

        return preset(check_choice(text, tuple(PRESETS), name))
    raise ValueError(f"`{name}` has fields of its own; change one of them, such as {name}.FIELD=VALUE.")


def reseeded(specification: T, seed: int) -> T:
    """Return a copy with another seed for everything that is random, except the choice of images."""
    if isinstance(specification, Mapping):
        return {key: reseeded(value, seed) for key, value in specification.items()}  # type: ignore[return-value]
    if not dataclasses.is_dataclass(specification) or isinstance(specification, type | DataSpecification):
        return specification
    fields = {f.name: getattr(specification, f.name) for f in dataclasses.fields(specification) if f.init}
    changes = {name: seed_of(seed) if name == "seed" else reseeded(value, seed) for name, value in fields.items()}
    changes = {name: value for name, value in changes.items() if value is not fields[name]}
    return dataclasses.replace(specification, **changes) if changes else specification
