"""Fewer pictures, for tests that write many pages."""

from functools import partial

import pandas as pd

from labelnoise.artifacts import write_figure


def only_svg(patch):
    """Write the figures of a diagnosis as SVG alone, and no places of samples; the rest takes most of the time."""
    patch.setattr("labelnoise.report.diagnosis.write_figure", partial(write_figure, formats=("svg",)))
    patch.setattr("labelnoise.report.diagnosis.embedding_table", _at_one_place)


def _at_one_place(found):
    return pd.DataFrame({"index": found.data.rows, "x": 0.0, "y": 0.0})
