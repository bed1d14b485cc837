"""The softmax of a network trained on noisy labels, beside the neighborhoods of its features (section 3.2).

`aggregate` averages it over the test samples of a class, `histograms` compares it with neighborhoods' label histograms,
`effective` finds the K whose curve a network's accuracy follows.
"""

from labelnoise.softmax.aggregate import AggregatedSoftmax, aggregate_relative, aggregate_softmax, expected_peak
from labelnoise.softmax.effective import effective_k, effective_neighborhood
from labelnoise.softmax.histograms import chi_square_distance, softmax_neighborhoods

__all__ = [
    "AggregatedSoftmax",
    "aggregate_relative",
    "aggregate_softmax",
    "chi_square_distance",
    "effective_k",
    "effective_neighborhood",
    "expected_peak",
    "softmax_neighborhoods",
]
