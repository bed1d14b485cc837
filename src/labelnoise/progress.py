"""Progress bars: shown on a terminal, on work longer than a second, on standard error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

QUIET = "TQDM_DISABLE"
"""Environment variable, tqdm's own, that switches bars off: set for worker processes, which share one terminal."""


def track(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Iterate over `items`, with a bar where a person is watching; silent when output is not a terminal."""
    yield from bar(description, total, items)


def bar(description: str, total: int | None, items: Any = None, *, initial: int = 0, unit: str = "it") -> tqdm[Any]:
    """The bar itself, for work that advances it by hand."""
    from tqdm import tqdm

    # tqdm asks its variable only where `disable` is not given; None is "shown on a terminal only"
    disable = True if os.environ.get(QUIET) else None
    options: dict[str, Any] = {"delay": 1.0, "disable": disable, "leave": False, "dynamic_ncols": True}
    return tqdm(items, desc=description, total=total, initial=initial, unit=unit, **options)
