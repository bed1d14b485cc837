"""The accuracy curve: accuracy over noise rate and k, whether predicted or measured.

`curve` is the result of all functions, and `source` what it comes from; `storage` keeps it in a file, and `comparison`
makes a table of two. `predicted`, `measured` and `from_rows` compute it from `inputs`, which are checked once.
`vote_models` says how a neighborhood votes, `local_rates` which noise rates it may have inside, and `prediction` takes
the mean over test samples (Eq. 1). `trainings` are those of a classifier without neighbors (`labelnoise.classifiers`).
`surface` adds the concentration as a second axis, `intervals` says how far a curve may be off, and `tolerance` how much
noise it tolerates.
"""

from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.from_rows import predict_with_rows, simulate_with_rows
from labelnoise.curves.intervals import Interval
from labelnoise.curves.measured import simulate_knn
from labelnoise.curves.predicted import accuracy_curve, predict_knn
from labelnoise.curves.surface import AccuracySurface, accuracy_surface

__all__ = [
    "AccuracyCurve",
    "AccuracySurface",
    "Interval",
    "accuracy_curve",
    "accuracy_surface",
    "predict_knn",
    "predict_with_rows",
    "simulate_knn",
    "simulate_with_rows",
]
