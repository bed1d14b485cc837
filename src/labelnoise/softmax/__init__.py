"""The softmax of a network trained on noisy labels, compared with neighborhoods (section 3.2).

`aggregate` summarizes it over the test samples of each class, `histograms` compares it with the label histograms of
neighborhoods in the network's features, and `effective` finds the K whose curve a network's accuracy follows, also from
one training at the noise rate that `telling` names; `misfit` says how sure that is.
"""

from labelnoise.softmax.aggregate import AggregatedSoftmax, aggregate_relative, aggregate_softmax, expected_peak
from labelnoise.softmax.effective import effective_k, fit_effective_k
from labelnoise.softmax.fitted import CurveBand, EffectiveK
from labelnoise.softmax.histograms import chi_square_distance, softmax_neighborhoods
from labelnoise.softmax.telling import most_telling_noise_rate

__all__ = [
    "AggregatedSoftmax",
    "CurveBand",
    "EffectiveK",
    "aggregate_relative",
    "aggregate_softmax",
    "chi_square_distance",
    "effective_k",
    "expected_peak",
    "fit_effective_k",
    "most_telling_noise_rate",
    "softmax_neighborhoods",
]
