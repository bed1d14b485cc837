"""Turn the formulas of docstrings, which are reStructuredText, into LaTeX that the pages' Markdown understands."""

import re
from typing import Any

from markdown import Extension, Markdown
from markdown.preprocessors import Preprocessor

_INLINE = re.compile(r":math:`([^`]+)`")
_BLOCK = re.compile(r"^(?P<indent> *)\.\. math:: ?(?P<first>.*)$")


class _DocstringMath(Preprocessor):
    """Replace ``:math:`x``` by ``$x$``, and a ``.. math::`` block by one between ``$$``."""

    def run(self, lines: list[str]) -> list[str]:
        text, number = [], 0
        while number < len(lines):
            found = _BLOCK.match(lines[number])
            number += 1
            if found is None:
                text.append(_INLINE.sub(r"$\1$", lines[number - 1]))
                continue
            formula = [found["first"]]
            while number < len(lines) and lines[number].startswith(found["indent"] + "    "):
                formula.append(lines[number].strip())
                number += 1
            text += ["", f"{found['indent']}$${' '.join(formula).strip()}$$", ""]
        return text


class _DocstringMathExtension(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  # the name that Markdown calls
        md.preprocessors.register(_DocstringMath(md), "docstring-math", 25)


def on_config(config: Any) -> Any:
    """Add the extension to the configuration that mkdocs passes."""
    config["markdown_extensions"].append(_DocstringMathExtension())
    return config
