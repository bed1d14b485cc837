"""The softmax of a network trained on noisy labels, compared with neighborhoods (section 3.2).

`aggregate` summarizes it over the test samples of each class, `histograms` compares it with the label histograms of
neighborhoods in the network's features, and `effective` finds the K whose curve a network's accuracy follows.
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
