"""Train a network on noisy labels: from a frozen specification and data to a result.

`specification` says what a training is, and `data` checks, splits and places what it works on. `single` trains one
network and `ensemble` many at once, both by the loop in `loop`. `streaming` reads images that do not fit into memory,
`checkpoint` keeps the state on disk, `prediction` asks a network for its outputs, and `result` is what comes out.
Training by several processes is in `labelnoise.processes`.
"""

import labelnoise.networks.architectures  # noqa: F401  first: without torch, its message says what to install
from labelnoise.training.ensemble import train_together
from labelnoise.training.prediction import Prediction, predict
from labelnoise.training.result import Epoch, TrainingResult
from labelnoise.training.single import train
from labelnoise.training.specification import PRESETS, TrainingSpecification, preset

__all__ = [
    "PRESETS",
    "Epoch",
    "Prediction",
    "TrainingResult",
    "TrainingSpecification",
    "predict",
    "preset",
    "train",
    "train_together",
]
