"""Where the selected samples lie: randomly spread, or concentrated in the feature space.

A placement only selects samples; the noise model says what their labels become (`labelnoise.noise`). Every placement is
a frozen value with the members of `Placement`. Import `concentrated` (any concentration) and `graph` (class boundaries,
hubs, patches) from their modules: they alone need the neighbor search.
"""

from labelnoise.placement.base import Placement
from labelnoise.placement.clusters import ClassClusters, KMeansCluster
from labelnoise.placement.spread import Spread

__all__ = ["ClassClusters", "KMeansCluster", "Placement", "Spread"]
