"""Neighbors of each query: how they are found, and how they vote.

`neighbors` holds them in one form, however they were found. `search` finds the nearest exactly, `parts` among features
that are not floats, `blocks` over an executor, and `knn_graph` reads them off a graph. `votes` counts their labels and
finds the plurality label.
"""

from labelnoise.neighborhoods.neighbors import Neighbors, as_neighbors, clean_distribution, neighbors
from labelnoise.neighborhoods.votes import label_histogram, plurality_vote

__all__ = ["Neighbors", "as_neighbors", "clean_distribution", "label_histogram", "neighbors", "plurality_vote"]
