"""What every run is: a frozen specification that is hashed, performed and kept.

The hash is taken of the whole specification, required runs included, as JSON with sorted keys. What only says how a run
is carried out (the device) is no part of it; what is None counts as absent, and 1 in a field of type float as 1.0.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from labelnoise.artifacts import to_json

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.studies.runs.data import DataSpecification

FORMAT = 1
"""Part of every hash; raised when the same specification no longer means the same result."""

EXECUTION = frozenset({"device"})
"""Fields that change where or how fast a run is carried out, not what it is."""


@dataclass(frozen=True, eq=False)
class RunResult:
    """What a run leaves: a record of plain values, named arrays, and tables."""

    record: dict[str, Any]
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


class Results(Protocol):
    """Results of finished runs."""

    def result(self, run: Run) -> RunResult:
        """The result of a run."""
        ...


class Workspace(Results, Protocol):
    """What a run may use while it is performed: results of the runs it requires, and room to work."""

    @property
    def scratch(self) -> Path:
        """A folder of its own, which stays until the run is finished: for checkpoints."""
        ...


class Run(Protocol):
    """A unit of work: the same specification gives the same result."""

    @property
    def kind(self) -> str:
        """What sort of work this is, in a word."""
        ...

    @property
    def label(self) -> str:
        """One line for lists and messages."""
        ...

    @property
    def data(self) -> DataSpecification:
        """The images it works on; the record's `data` is their digest."""
        ...

    @property
    def requires(self) -> tuple[Run, ...]:
        """Runs that must be finished first."""
        ...

    def perform(self, workspace: Workspace) -> RunResult:
        """Do the work."""
        ...


def describe(value: Any, *, whole: bool = False) -> Any:
    """A specification as plain values, ready for JSON: field by field, noise and placement by their parameters.

    Parameters
    ----------
    value : dataclass, or anything that one holds
    whole : bool
        Every field, as a reader wants it; default: what identifies a run, without what is None and `EXECUTION`.
    """
    if hasattr(value, "parameters"):
        return describe(value.parameters(), whole=whole)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        fields = [f for f in dataclasses.fields(value) if whole or f.name not in EXECUTION]
        named = {_name(f, whole): _as_declared(getattr(value, f.name), f) for f in fields}
        return {**kind, **describe(named, whole=whole)}
    if isinstance(value, Mapping):
        return {str(key): describe(item, whole=whole) for key, item in value.items() if whole or item is not None}
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [describe(item, whole=whole) for item in value]
    return value


def _name(field: dataclasses.Field[Any], whole: bool) -> str:
    """A field's name; in a run's identity the one it had first, so that renaming it keeps finished runs."""
    return field.name if whole else field.metadata.get("identity", field.name)


def _as_declared(value: Any, field: dataclasses.Field[Any]) -> Any:
    """Whole numbers as floats where the field is of floats: 1 and 1.0 are equal, and their JSON is not."""
    if "float" not in str(field.type):
        return value
    if isinstance(value, list | tuple):
        return [_as_declared(item, field) for item in value]
    return float(value) if isinstance(value, int | np.integer) else value


def specification_hash(specification: Mapping[str, Any]) -> str:
    """The name of a run in the store: 128 bits of its specification as `describe` gives it."""
    text = json.dumps({"format": FORMAT, "specification": json.loads(to_json(specification))}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def run_id(run: Run) -> str:
    """The hash of a run's specification."""
    return specification_hash(describe(run))
