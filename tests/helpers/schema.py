"""The names that docs/schema.md promises."""

import re
from pathlib import Path


def documented(title):
    """Return the names in the first column of a section's table in docs/schema.md."""
    text = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()
    (section,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`[^|]*) \|", section, flags=re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
