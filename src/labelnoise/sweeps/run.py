"""Runs: frozen specifications that are hashed, performed and kept.

A run's hash is taken of its whole specification, required runs included, as JSON with sorted keys. Fields that only say
how a run is carried out (the device) do not enter. A field that is None counts as absent, and 1 in a field of type
float counts as 1.0.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import to_json

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
"""A part of every hash, to be raised when the same specification no longer means the same result."""

EXECUTION = frozenset({"device"})
"""Names of fields that change where or how fast a run is carried out, but not its result."""


@dataclass(frozen=True, eq=False)
class RunResult:
    """The result of a run: a record of plain values, named arrays, and tables."""

    record: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


class Results(Protocol):
    """The results of finished runs."""

    def result(self, run: Run) -> RunResult:
        """Return the result of a finished run."""


class Workspace(Results, Protocol):
    """What a run may use while it is performed: the results of the runs that it requires, and a folder."""

    @property
    def scratch(self) -> Path:
        """A folder of the run's own, for checkpoints; it stays until the run is finished."""


class DataSource(Protocol):
    """The data that a run works on, as far as its stored result depends on them."""

    @property
    def name(self) -> str:
        """The name of the data set."""

    def digest(self) -> str:
        """Return a fingerprint of the data, which differs when the data do."""


class Run(Protocol):
    """A unit of work: a specification that always gives the same result."""

    kind: ClassVar[str]
    """The sort of work, in a word or two."""

    uses_all_processes: ClassVar[bool]
    """Whether torchrun's processes perform the run together, or the first of them alone."""

    @property
    def label(self) -> str:
        """One line that describes the run in lists and messages."""

    @property
    def data(self) -> DataSource:
        """The data it works on; the result's record holds their digest as `data`."""

    @property
    def requires(self) -> tuple[Run, ...]:
        """The runs that must be finished first."""

    def perform(self, workspace: Workspace) -> RunResult:
        """Do the work and return its result."""


def describe(value: Any, *, whole: bool = False) -> Any:
    """Return a specification as plain values, ready for JSON.

    Dataclasses become dictionaries of their fields; noise models and placements, those of their parameters.

    Parameters
    ----------
    value : dataclass, or a value that one holds
    whole : bool
        Return every field, for a reader. By default return what identifies a run: neither fields that are None nor
        those in `EXECUTION`.
    """
    if hasattr(value, "parameters"):
        return describe(value.parameters(), whole=whole)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        fields = [f for f in dataclasses.fields(value) if whole or f.name not in EXECUTION]
        types = _field_types(type(value))
        named = {_name(f, whole): _as_declared(getattr(value, f.name), types[f.name]) for f in fields}
        return {**kind, **describe(named, whole=whole)}
    if isinstance(value, Mapping):
        return {str(key): describe(item, whole=whole) for key, item in value.items() if whole or item is not None}
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [describe(item, whole=whole) for item in value]
    return value


_field_types = functools.cache(get_type_hints)


def _name(field: dataclasses.Field[Any], whole: bool) -> str:
    """Return a field's name; in a run's identity, its first name, so that renamed fields keep finished runs."""
    return field.name if whole else field.metadata.get("identity", field.name)


def _as_declared(value: Any, declared: Any) -> Any:
    """Return whole numbers as floats where the type is of floats: 1 and 1.0 are equal, but their JSON differs."""
    if not _is_of_floats(declared):
        return value
    if isinstance(value, list | tuple):
        return [_as_declared(item, declared) for item in value]
    return float(value) if isinstance(value, int | np.integer) else value


def _is_of_floats(declared: Any) -> bool:
    return declared is float or any(_is_of_floats(part) for part in get_args(declared))


def specification_hash(specification: Mapping[str, Any]) -> str:
    """Return the name of a run in the store: 128 bits of its specification as `describe` gives it."""
    text = json.dumps({"format": FORMAT, "specification": json.loads(to_json(specification))}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def run_id(run: Run) -> str:
    """Return the hash of a run's specification."""
    return specification_hash(describe(run))


class RunIds:
    """The hashes of runs, taken once per object."""

    def __init__(self) -> None:
        # The runs are kept too: as long as an object is alive, no other one has its `id`.
        self._known: dict[int, tuple[Run, str]] = {}

    def __getitem__(self, run: Run) -> str:
        if id(run) not in self._known:
            self._known[id(run)] = run, run_id(run)
        return self._known[id(run)][1]
