"""The documentation shows the formulas of docstrings instead of their source."""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path

import pytest

import labelnoise as ln

markdown = pytest.importorskip("markdown", reason="needs the documentation's packages")
l2m4m = pytest.importorskip("l2m4m", reason="needs the documentation's packages")


@pytest.fixture(scope="module")
def extensions():
    """The two extensions with which mkdocs renders the pages."""
    hook = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "site" / "docstring_math.py"))
    return hook["on_config"]({"markdown_extensions": [l2m4m.LaTeX2MathMLExtension()]})["markdown_extensions"]


def rendered(text, extensions):
    return markdown.markdown(text, extensions=extensions)


def test_formulas_become_mathml(extensions):
    text = "Before :math:`x_1` it.\n\n.. math:: a =\n    b, \\qquad\n    c\n\nAfter."
    page = rendered(text, extensions)
    assert page.count("<math") == 2
    assert page.count('display="block"') == 1
    assert "math::" not in page
    assert page.endswith("<p>After.</p>")


@pytest.mark.parametrize("documented", [ln.concentration, ln.AccuracyCurve.interval, ln.effective_k])
def test_all_formulas_of_real_docstrings_become_mathml(documented, extensions):
    text = inspect.getdoc(documented)
    page = rendered(text, extensions)
    assert page.count("<math") == text.count(".. math::") + text.count(":math:")
    assert "math::" not in page
    assert ":math:" not in page
