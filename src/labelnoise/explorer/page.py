"""The explorer: one self-contained HTML page that computes accuracy curves in the browser.

The page is put together from the files beside this module. ``votes.js`` and ``mathematics.js`` compute and know nothing
of the page, ``drawing.js`` draws values, and ``controls.js`` holds the state. It can load nothing and send nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from labelnoise.pages import one_file_page

GENERATOR = "labelnoise explore"
"""The name in the page's head by which it is recognized."""
_SCRIPTS = ("memoized.js", "votes.js", "mathematics.js", "drawing.js", "controls.js")


def explorer_page(state: Mapping[str, object] | None = None) -> str:
    """Return the page as text.

    Parameters
    ----------
    state : mapping of str to object, optional
        Values that the page starts with, named as in its address (`address_part`); others keep their defaults.

    Returns
    -------
    str
        HTML, about 50 kB.
    """
    return one_file_page("labelnoise.explorer", _SCRIPTS, state=address_part(state or {}), generator=GENERATOR)


def address_part(state: Mapping[str, object]) -> str:
    """Return values as the page's address holds them, after the ``#``.

    Examples
    --------
    >>> address_part({"classes": 5, "k": [10, 30], "noise": "flip"})
    'classes=5&k=10,30&noise=flip'
    """
    written = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in state.items()}
    return urlencode(written, safe=",")
