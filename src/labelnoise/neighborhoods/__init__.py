"""Neighbors of each query: how they are found, and how they vote.

`neighbors` holds them in one form, and `given` takes them in any. `nearest` finds them: exactly, by `search`; among
features that are not floats, by `parts`; over an executor, by `blocks`; among standardized columns, with `scales`.
`knn_graph` reads them off a graph. `distribution` is the share of each class among them, and `votes` finds the
plurality label.
"""

from labelnoise.neighborhoods.distribution import clean_distribution
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.votes import label_histogram, plurality_vote

__all__ = ["Neighbors", "as_neighbors", "clean_distribution", "label_histogram", "neighbors", "plurality_vote"]
