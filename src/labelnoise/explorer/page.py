"""The explorer: one self-contained HTML page that computes accuracy curves in the browser.

The page is put together from the files beside this module. ``votes.js`` and ``mathematics.js`` compute and know nothing
of the page, ``drawing.js`` draws values, and ``controls.js`` holds the state. The page's security policy allows its own
style and script alone, which it names by their hashes: it can load nothing and send nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files as package_files
from urllib.parse import urlencode

_SCRIPTS = ("memoized.js", "votes.js", "mathematics.js", "drawing.js", "controls.js")
GENERATOR = "labelnoise explore"
"""The name in the page's head by which it is recognized."""
_NOTHING = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"


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
    from jinja2 import Environment, StrictUndefined

    script = '"use strict";\n' + "\n".join(_read(name) for name in _SCRIPTS)
    style = _read("style.css")
    policy = f"{_NOTHING}; script-src {_hash(script)}; style-src {_hash(style)}"
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_read("page.html"))
    return template.render(
        state=address_part(state or {}), generator=GENERATOR, policy=policy, style=style, script=script
    )


def address_part(state: Mapping[str, object]) -> str:
    """Return values as the page's address holds them, after the ``#``.

    Examples
    --------
    >>> address_part({"classes": 5, "k": [10, 30], "noise": "flip"})
    'classes=5&k=10,30&noise=flip'
    """
    written = {name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in state.items()}
    return urlencode(written, safe=",")


def _read(name: str) -> str:
    return package_files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the source expression of a security policy that allows this text inside an element."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
