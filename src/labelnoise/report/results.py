"""Find the finished results in a folder, by what their JSON holds, and read their tables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labelnoise.artifacts import SCHEMA, StrPath, check_regular, parse_json

if TYPE_CHECKING:
    import pandas as pd

_KEYS = {
    "curve": ("predicted", "measured", "assumption", "versions"),
    "diagnosis": ("fingerprint", "wrong_rate", "checks", "transition_matrix"),
    "corruption": ("changed_rate", "noise", "placement", "n_classes"),
    "demo": ("true_wrong_rate", "bracket", "audited"),
    "recipe": ("statement", "finding", "specification", "scale"),
}
"""Keys that the JSON of each kind of result has, and no other kind."""
_NAMES = ("curve", "diagnosis", "noisy_labels")
"""Usual names of results."""
_DEPTH = 2
"""Levels of folders below the one that is named."""


@dataclass(frozen=True)
class FoundResult:
    """A finished result on disk.

    Attributes
    ----------
    kind : {"curve", "diagnosis", "corruption", "demo", "recipe"}
        What it is.
    path : Path
        Its JSON file.
    record : dict
        What that file holds.
    """

    kind: str
    path: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of its files, without a suffix."""
        return self.path.stem

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self.path.parent

    def table(self, name: str, columns: tuple[str, ...] = ()) -> pd.DataFrame:
        """Return a table beside the JSON file.

        Parameters
        ----------
        name : str
            Of the file, without a suffix.
        columns : tuple of str
            Columns that it must have.

        Raises
        ------
        ValueError
            It is missing, damaged, or lacks a column.
        """
        import pandas as pd

        path = self.folder / f"{name}.parquet"
        try:
            check_regular(path)
            table = pd.read_parquet(path)
        except FileNotFoundError:
            raise ValueError(self._unfinished(f"its table {path.name} is missing")) from None
        except Exception as error:  # pyarrow raises many types for damaged files.
            raise ValueError(self._unfinished(f"its table {path.name} is damaged ({type(error).__name__})")) from error
        lacking = [column for column in columns if column not in table.columns]
        if lacking:
            raise ValueError(self._unfinished(f"its table {path.name} lacks the column {lacking[0]}"))
        return table

    def has(self, name: str) -> bool:
        """Return whether a file of this name lies beside the JSON file."""
        return (self.folder / name).is_file()

    def files(self, *names: str) -> tuple[Path, ...]:
        """Return those of the named files that are there."""
        return tuple(self.folder / name for name in names if self.has(name))

    def _unfinished(self, why: str) -> str:
        return f"{self.path} must be a finished result: {why}. Run the command that wrote it again."


def find_results(folder: StrPath) -> list[FoundResult]:
    """Return the results in a folder and two levels below it: curves, diagnoses, corruptions, demos, recipes.

    Parameters
    ----------
    folder : path
        A folder that a command wrote to.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        There is no such folder.
    ValueError
        There is no result in it, or a file is damaged or of another version of the schema.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        wanted = f"DIR must be a folder with results of labelnoise; {root} is"
        if root.exists():
            raise NotADirectoryError(f"{wanted} a file. Name its folder.")
        raise FileNotFoundError(f"{wanted} not there. Name the --output-dir of a command that has finished.")
    found = [result for path in _json_files(root) if (result := _read(path)) is not None]
    if not found:
        raise ValueError(
            f"{root} must hold results: NAME.json of labelnoise curve, noisy_labels.json of corrupt, diagnosis.json of "
            "diagnose, or NAME/NAME.json of run. None was found there or in the folders below. Name the --output-dir "
            "of one of these commands."
        )
    order = list(_KEYS)
    return sorted(found, key=lambda result: (order.index(result.kind), len(result.path.parts)))


def _json_files(root: Path) -> list[Path]:
    """Return the JSON files in a folder and those below it, without stores of runs and hidden folders."""
    paths = []
    for folder, below, files in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        below[:] = sorted(name for name in below if depth < _DEPTH and name != "runs" and not name.startswith("."))
        paths += [Path(folder) / name for name in sorted(files) if name.endswith(".json")]
    return paths


def read_result(path: Path) -> FoundResult:
    """Return the result of a JSON file that a command wrote; raise a ValueError if it is something else."""
    found = _read(path)
    if found is None:
        raise ValueError(f"{path} must be a finished result of labelnoise; it is something else.")
    return found


def _read(path: Path) -> FoundResult | None:
    """Return the result of a JSON file; None if the file is something else."""
    check_regular(path)
    try:
        record = parse_json(path.read_bytes())
    except ValueError as error:
        beside = (path.with_suffix(suffix) for suffix in (".parquet", ".npz", ".svg"))
        if path.stem not in _NAMES and not any(other.exists() for other in beside):
            return None  # This is a file of somebody else.
        raise ValueError(
            f"{path} must be a finished result; it is damaged ({error}). Delete it, or run the command that wrote it "
            "again."
        ) from error
    if not isinstance(record, dict):
        return None
    kind = next((kind for kind, keys in _KEYS.items() if all(key in record for key in keys)), None)
    if kind is None or "schema" not in record:
        return None
    if record["schema"] != SCHEMA:
        raise ValueError(
            f"{path} must be of version {SCHEMA} of the schema of results; it is of version {record['schema']!r}. "
            "Run the command that wrote it again."
        )
    return FoundResult(kind, path, record)
