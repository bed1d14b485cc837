"""The table of a prediction beside a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labelnoise.curves.curve import AccuracyCurve

if TYPE_CHECKING:
    import pandas as pd

COMPARISON_COLUMNS = [
    *("noise", "placement", "model", "ties", "k", "noise_rate", "realized_noise_rate", "neighborhood_noise_rate"),
    *("concentration", "accuracy", "predicted", "sampling_error", "measured", "std", "repeats", "standard_error"),
    *("difference_points", "n_test", "seed"),
]
"""The columns of `comparison_table`."""


def comparison_table(predicted: AccuracyCurve | None, measured: AccuracyCurve | None) -> pd.DataFrame:
    """Return one row per noise rate and k, prediction beside measurement; docs/schema.md describes the columns.

    The columns are always the same; those of a curve that is None are empty.
    """
    shown = measured or predicted
    if shown is None:
        raise ValueError("one of `predicted` and `measured` must be a curve; both are None.")
    frame = shown.to_frame()
    frame["measured"] = np.nan if measured is None else measured.accuracy.ravel()
    frame["model"] = None if predicted is None else predicted.setting.model
    frame["predicted"] = np.nan if predicted is None else predicted.accuracy.ravel()
    error = None if predicted is None else predicted.sampling_error
    frame["sampling_error"] = np.nan if error is None else error.ravel()
    frame = frame.reindex(columns=COMPARISON_COLUMNS)
    frame = frame.astype({"repeats": "Int64", "seed": "Int64"})  # whole numbers also where they are empty
    frame["standard_error"] = frame["std"] / np.sqrt(frame["repeats"].astype(float))
    frame["difference_points"] = 100 * (frame["measured"] - frame["predicted"])
    return frame
