"""Units of work: what a run is (a frozen specification), and how it is carried out.

`protocol` has what all runs share, `data` the images they work on, `training` networks, `voting` neighbours and their
votes, `embedding` two-dimensional maps.
"""

from labelnoise.experiments.runs.concentration import ConcentrationRun
from labelnoise.experiments.runs.data import DataSpecification
from labelnoise.experiments.runs.embedding import EmbeddingRun
from labelnoise.experiments.runs.protocol import (
    Results,
    Run,
    RunResult,
    Workspace,
    describe,
    run_id,
    specification_hash,
)
from labelnoise.experiments.runs.training import RegionRun, TrainingRun
from labelnoise.experiments.runs.voting import NeighborsRun, VotingRun, measured_curve

__all__ = [
    "ConcentrationRun",
    "DataSpecification",
    "EmbeddingRun",
    "NeighborsRun",
    "RegionRun",
    "Results",
    "Run",
    "RunResult",
    "TrainingRun",
    "VotingRun",
    "Workspace",
    "describe",
    "measured_curve",
    "run_id",
    "specification_hash",
]
