"""Runs: units of work, each a frozen specification that says how it is carried out.

`data` has the images that they work on, `training` the networks, `voting` the neighbors and their votes,
`concentration` votes under concentrated noise, and `embedding` two-dimensional maps.
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
