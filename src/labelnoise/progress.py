"""Progress on standard error: bars for work that takes longer than a second, and a line per stage.

They are shown on a terminal and in notebooks; nothing is written where output goes to a file or pipe.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

T = TypeVar("T")

QUIET = "TQDM_DISABLE"
"""tqdm's environment variable that switches bars off; it is set for workers, which share one terminal."""


def track(items: Iterable[T], description: str, *, total: int | None = None) -> Iterator[T]:
    """Iterate over `items` with a progress bar."""
    yield from bar(description, total, items)


def bar(description: str, total: int | None, items: Any = None, *, initial: int = 0, unit: str = "it") -> tqdm[Any]:
    """Return a progress bar, for work that advances it by hand."""
    from tqdm.auto import tqdm

    # The delay is less than the second after which a bar must be seen, since a bar is drawn only when it advances.
    options: dict[str, Any] = {"delay": 0.5, "disable": not _is_shown(), "leave": False, "dynamic_ncols": True}
    return tqdm(items, desc=description, total=total, initial=initial, unit=unit, **options)


def stage(text: str) -> None:
    """Say in one line what was done and what comes next, such as "60,000 images read; searching neighbors"."""
    if _is_shown() and not _in_notebook():
        print(text, file=sys.stderr, flush=True)


def _is_shown() -> bool:
    return not os.environ.get(QUIET) and (_in_notebook() or sys.stderr.isatty())


def _in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, where output goes to a page and not to a terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
