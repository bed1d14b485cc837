"""Progress bars: shown on a terminal, on work longer than a second, on standard error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Iterate over `items`, with a bar where a person is watching; silent when output is not a terminal."""
    from tqdm import tqdm

    yield from tqdm(items, desc=description, total=total, delay=1.0, disable=None, leave=False, dynamic_ncols=True)
