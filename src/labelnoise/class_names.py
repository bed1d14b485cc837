"""Names of classes that are written differently, but may be meant to be the same."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from numpy.typing import NDArray


def alike(classes: NDArray[Any]) -> list[list[str]]:
    """Return the groups of class names that differ only in case, accents' encoding, spaces, hyphens or underscores.

    Names that are not text are never alike.

    Examples
    --------
    >>> import numpy as np
    >>> alike(np.array(["cat", "Cat ", "dog", "sea_lion", "sea lion"]))
    [['cat', 'Cat '], ['sea_lion', 'sea lion']]
    """
    groups: dict[str, list[str]] = {}
    for name in classes.tolist():
        if isinstance(name, str):
            plain = unicodedata.normalize("NFKC", name).casefold()
            groups.setdefault(re.sub(r"[\s_-]+", " ", plain).strip(), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def said(groups: list[list[str]], most: int = 3) -> str:
    """Return the groups as text, the first few of many."""
    texts = [" and ".join(map(repr, names)) for names in groups[:most]]
    more = f", and {len(groups) - most} more groups" if len(groups) > most else ""
    return ", ".join(texts) + more
