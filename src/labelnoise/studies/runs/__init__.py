"""Units of work: what a run is (a frozen specification), and how it is carried out.

`protocol` has what all runs share, `data` the images they work on, `training` networks, `voting` neighbors and their
votes, `embedding` two-dimensional maps.
"""

from labelnoise.studies.runs.concentration import ConcentrationRun
from labelnoise.studies.runs.data import DataSpecification
from labelnoise.studies.runs.embedding import EmbeddingRun
from labelnoise.studies.runs.training import RegionRun, TrainingRun, TrainingSpecification
from labelnoise.studies.runs.voting import NeighborsRun, VotingRun, measured_curve

__all__ = [
    "ConcentrationRun",
    "DataSpecification",
    "EmbeddingRun",
    "NeighborsRun",
    "RegionRun",
    "TrainingRun",
    "TrainingSpecification",
    "VotingRun",
    "measured_curve",
]
