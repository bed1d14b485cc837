"""Write and read one result on disk: a folder with a record, arrays and tables, complete and with checksums."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelnoise.artifacts import parse_json, to_json
from labelnoise.sweeps.run import Run, RunResult, describe

if TYPE_CHECKING:
    import pandas as pd

_RECORD, _ARRAYS, _TABLE = "run.json", "arrays.safetensors", ".parquet"


class DamagedRunError(ValueError):
    """Raised for a stored result that is not what was written."""


def _damaged(path: Path, problem: str, folder: Path) -> DamagedRunError:
    return DamagedRunError(f"{path} {problem}. Delete the folder {folder}, and the run is done again.")


def write_result(folder: Path, identity: str, run: Run, result: RunResult) -> None:
    """Write a result to an empty folder, and wait until it is on the disk."""
    from safetensors.numpy import save

    if result.arrays:
        # `save_file` hides the error number, and writes files that only their owner can read; `save` does not.
        contiguous = {name: np.asarray(array, order="C") for name, array in result.arrays.items()}
        (folder / _ARRAYS).write_bytes(save(contiguous))
    for name, table in result.tables.items():
        with (folder / f"{name}{_TABLE}").open("xb") as stream:
            table.to_parquet(stream, index=False)
    content = {
        "id": identity,
        "kind": run.kind,
        "label": run.label,
        "specification": describe(run),
        "record": result.record,
        "files": {path.name: _file_checksum(path) for path in sorted(folder.iterdir())},
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "version": _version(),
    }
    content = json.loads(to_json(content))
    (folder / _RECORD).write_text(to_json({**content, "checksum": _content_checksum(content)}), encoding="utf-8")
    flush([*folder.iterdir(), folder])


def read_record(folder: Path) -> dict[str, Any]:
    """Return what ``run.json`` holds; if it is missing, changed or another run's, raise a `DamagedRunError`."""
    path = folder / _RECORD
    try:
        content: dict[str, Any] = parse_json(path.read_bytes())
        checksum = content.pop("checksum")
        check_texts(content, "id", "kind", "label", "finished")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _damaged(path, f"is missing, truncated or damaged ({type(error).__name__})", folder) from error
    if _content_checksum(content) != checksum:
        raise _damaged(path, "is not what was written", folder)
    if content["id"] != folder.name:
        raise _damaged(path, f"is of the run {content['id']}", folder)
    return content


def check_texts(content: dict[str, Any], *names: str) -> None:
    """Raise a KeyError or a TypeError unless a record has these entries, and they are text."""
    wrong = [name for name in names if not isinstance(content[name], str)]
    if wrong:
        raise TypeError(f"{wrong[0]} is no text")


def read_result(folder: Path) -> RunResult:
    """Return the result in a folder, or raise a `DamagedRunError` that names a file with the wrong checksum."""
    content = read_record(folder)
    for name, checksum in content["files"].items():
        path = folder / name
        if not path.is_file():
            raise _damaged(path, "is missing", folder)
        if _file_checksum(path) != checksum:
            raise _damaged(path, "is not what was written", folder)
    return RunResult(content["record"], *_read_files(folder, content["files"]))


def _read_files(folder: Path, names: dict[str, str]) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    import pandas as pd
    from safetensors.numpy import load_file

    arrays = load_file(folder / _ARRAYS) if _ARRAYS in names else {}
    tables = [folder / name for name in names if name.endswith(_TABLE)]
    return arrays, {path.name.removesuffix(_TABLE): pd.read_parquet(path) for path in tables}


def _content_checksum(content: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _file_checksum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, functools.partial(hashlib.blake2b, digest_size=16)).hexdigest()


@functools.cache
def _version() -> str:
    return version("labelnoise")  # Without the cache, this reads a file each time.


def flush(paths: list[Path]) -> None:
    """Wait until files and folders are on the disk; in parallel, because each wait alone costs one disk write."""
    with ThreadPoolExecutor(len(paths)) as threads:
        list(threads.map(_flush_one, paths))


def _flush_one(path: Path) -> None:
    if path.is_dir() and os.name != "posix":  # Elsewhere, folders cannot be opened.
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
