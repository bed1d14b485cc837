"""Progress bars on standard error, for work that takes longer than a second; shown on a terminal only."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

QUIET = "TQDM_DISABLE"
"""tqdm's environment variable that switches bars off; it is set for workers, which share one terminal."""


def track(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` with a progress bar, which is shown on a terminal only."""
    yield from bar(description, total, items)


def bar(description: str, total: int | None, items: Any = None, *, initial: int = 0, unit: str = "it") -> tqdm[Any]:
    """Return a progress bar, for work that advances it by hand."""
    from tqdm import tqdm

    # tqdm reads its variable only if `disable` is not given; None means "shown on a terminal only"
    disable = True if os.environ.get(QUIET) else None
    options: dict[str, Any] = {"delay": 1.0, "disable": disable, "leave": False, "dynamic_ncols": True}
    return tqdm(items, desc=description, total=total, initial=initial, unit=unit, **options)
