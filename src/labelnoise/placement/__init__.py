"""Where the selected samples lie: randomly spread, or concentrated in the feature space.

A placement only selects; what the selected labels become is the noise model's (`labelnoise.noise`). Every placement is
a frozen value with the members of `Placement`. `concentrated` (any concentration) and `graph` (class boundaries, hubs)
are imported by themselves: they need the neighbor search.
"""

from labelnoise.placement.base import Placement
from labelnoise.placement.clusters import ClassClusters, KMeansCluster
from labelnoise.placement.spread import Spread

__all__ = ["ClassClusters", "KMeansCluster", "Placement", "Spread"]
