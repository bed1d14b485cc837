"""HTML pages that are one file: style and scripts are inside, and a security policy allows nothing else.

The policy names style and script by their hashes, so that text from a user's files could not run even if it were not
escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files as package_files
from typing import Any


def one_file_page(package: str, scripts: Sequence[str], *, policy: str = "img-src data:", **values: Any) -> str:
    """Return the page of a package as text: its ``page.html`` with its ``style.css`` and scripts inside.

    Parameters
    ----------
    package : str
        Package that holds the files.
    scripts : sequence of str
        Names of the script files, in the order in which they run.
    policy : str
        What the page may load besides its style and script, as directives of a content security policy.
    **values : object
        Values for the template. They are escaped.

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, StrictUndefined

    script = '"use strict";\n' + "\n".join(_read(package, name) for name in scripts)
    style = _read(package, "style.css")
    own = f"script-src {_hash(script)}; style-src {_hash(style)}"
    whole = f"default-src 'none'; base-uri 'none'; form-action 'none'; {policy}; {own}"
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(_read(package, "page.html"))
    return template.render(values, policy=whole, style=style, script=script)


def _read(package: str, name: str) -> str:
    return package_files(package).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the source expression of a security policy that allows this text inside an element."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
