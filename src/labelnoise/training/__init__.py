"""Train a network on noisy labels: from a frozen specification and data to a result.

`specification` says what a run is, `data` checks, splits and places what it works on, `run` puts it together, `loop`
trains, `ensemble` trains many at once, `distributed` trains one with many processes, `streaming` reads images that do
not fit into memory, `checkpoint` keeps the state on disk, `prediction` asks the network, and `result` is what comes
out.
"""

import labelnoise.networks.architectures  # noqa: F401  first: without torch, its message says what to install
from labelnoise.training.ensemble import train_together
from labelnoise.training.predict import Prediction, predict
from labelnoise.training.result import Epoch, TrainingResult
from labelnoise.training.specification import PRESETS, TrainingSpecification, preset
from labelnoise.training.train import train

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
