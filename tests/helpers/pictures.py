"""Fewer pictures, for tests that write many pages."""

from functools import partial

from labelnoise.artifacts import write_figure


def only_svg(patch):
    """Write the figures of a diagnosis as SVG alone, which is enough for tests; the rest takes half the time."""
    patch.setattr("labelnoise.report.diagnosis.write_figure", partial(write_figure, formats=("svg",)))
