"""The public interface: exactly these names, a fast import, and correct examples in all docstrings."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import labelnoise as ln

NAMES = {
    *("AccuracyCurve", "FlipNoise", "KMeansCluster", "MatrixNoise", "Neighbors", "NoisyLabels", "Spread"),
    *("UniformNoise", "accuracy_curve", "clean_distribution", "corrupt", "neighbors", "plurality_probability"),
    *("predict_knn", "simulate_knn", "AccuracySurface", "accuracy_surface"),
    *("AccuracyCurveDisplay", "NoisyLabelsClassifier", "measure"),
    *("Audit", "Diagnosis", "Estimate", "diagnose"),
    *("ClassBoundary", "Concentrated", "HubnessProportional", "Patches", "concentration", "concentration_profile"),
    *("concentration_test", "corrupt_with_rows", "softmax_rows", "effective_k"),
    *("EffectiveK", "fit_effective_k", "most_telling_noise_rate"),
    *("noise_rows", "predict_with_rows", "simulate_with_rows"),
}
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(ln.__path__, "labelnoise.")
    if not module.name.endswith("__main__")  # importing it runs the program
)


def test_public_names_are_exactly_those_defined():
    assert set(ln.__all__) == NAMES
    stub = ast.parse(Path(ln.__file__).with_suffix(".pyi").read_text())
    imported = {alias.name for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_public_name_is_documented(name):
    thing = getattr(ln, name)
    assert callable(thing)
    assert thing.__module__.startswith("labelnoise.")
    first, _, rest = thing.__doc__.partition("\n")
    assert first.strip().endswith(".") or "." in rest
    if not isinstance(thing, type):
        for heading in ("Parameters", "Returns", "Raises", "Examples"):
            assert f"{heading}\n    ---" in thing.__doc__, f"{name} lacks {heading}"


def test_functions_are_not_hidden_by_modules_of_the_same_name():
    code = "import labelnoise as ln; ln.predict_knn, ln.simulate_knn; import labelnoise.cli.main; " + "; ".join(
        f"assert callable(ln.{name}), '{name}'" for name in sorted(NAMES)
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_importing_the_package_imports_no_large_library():
    code = (
        "import sys, labelnoise; heavy = {'numpy', 'torch', 'matplotlib', 'plotly', 'pandas', 'sklearn', 'numba'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_nothing_public_loads_torch_or_a_plotting_library():
    code = (
        "import sys, labelnoise as ln; [getattr(ln, name) for name in ln.__all__]; "
        "heavy = {'torch', 'matplotlib', 'plotly', 'datasets'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_are_correct(module):
    failures, _ = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failures == 0


def test_the_version_is_that_of_the_installed_package():
    assert ln.__version__ == importlib.metadata.version("labelnoise")
    with pytest.raises(AttributeError, match="no_such_name"):
        ln.no_such_name  # noqa: B018
