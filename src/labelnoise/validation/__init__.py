"""Argument checks shared by every public function.

All errors have one grammar: what was wrong, what it must be, what came, and what to do. They come before any work.
`arguments` are numbers, choices and seeds. `numbers` turns what users pass into arrays; `distributions` are rows of
probabilities, and `features` hold one row per sample.
"""

from labelnoise.validation.arguments import (
    TIES,
    check_choice,
    check_concentration,
    check_count,
    check_fraction,
    check_ks,
    check_noise_rate,
    check_noise_rates,
    check_not_negative,
    check_ties,
    check_variable,
    seed_of,
)
from labelnoise.validation.distributions import (
    BEYOND_DOUBT,
    SUM_TOLERANCE,
    argmax_agreement,
    check_agreement,
    check_distributions,
    check_row_stochastic,
)
from labelnoise.validation.features import (
    as_features,
    check_feature_rows,
    check_features,
    check_features_or_keep,
    check_finite,
    needs_large_copy,
)
from labelnoise.validation.numbers import check_numeric, is_frame, to_array

__all__ = [
    "BEYOND_DOUBT",
    "SUM_TOLERANCE",
    "TIES",
    "argmax_agreement",
    "as_features",
    "check_agreement",
    "check_choice",
    "check_concentration",
    "check_count",
    "check_distributions",
    "check_feature_rows",
    "check_features",
    "check_features_or_keep",
    "check_finite",
    "check_fraction",
    "check_ks",
    "check_noise_rate",
    "check_noise_rates",
    "check_not_negative",
    "check_numeric",
    "check_row_stochastic",
    "check_ties",
    "check_variable",
    "is_frame",
    "needs_large_copy",
    "seed_of",
    "to_array",
]
