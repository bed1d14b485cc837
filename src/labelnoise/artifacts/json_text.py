"""Values as JSON text, and back."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np


def to_json(value: Any, *, ascii_only: bool = False) -> str:
    """Return the text that `write_json` writes; with `ascii_only`, other characters are escaped."""
    plain = _plain(value, "value")
    text = json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=ascii_only, allow_nan=False) + "\n"
    # A file name that is not valid UTF-8 can be written only with the escapes that JSON has.
    return text if text.isascii() or _is_unicode(text) else to_json(value, ascii_only=True)


def parse_json(text: str | bytes) -> Any:
    """Return what a JSON text holds; raise a ValueError over one that is damaged or too deeply nested to be read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any, where: str) -> Any:
    """Return `value` in the types that JSON has; in an error, `where` says which part of the whole it is."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        items = {str(_plain(key, where)): _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
        if len(items) != len(value):
            raise TypeError(f"{where} must have keys that differ as text; some do not: {list(value)}. Rename them.")
        return items
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    raise TypeError(
        f"{where} must be numbers, text, lists, mappings or dataclasses to become JSON; it is a {type(value).__name__}."
    )
