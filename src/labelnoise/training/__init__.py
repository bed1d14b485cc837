"""Train a network on noisy labels: from a frozen specification and data to a result.

`specification` holds the settings of a training, and `data` checks, splits and places images and labels. `single`
trains one network and `ensemble` trains many at once, both by the loop in `loop`. `streaming` reads images that do not
fit into memory, `checkpoint` keeps the state on disk, `prediction` computes a network's outputs, and `result` defines
what a training returns. Training by several processes is in `labelnoise.processes`.
"""

import labelnoise.networks.architectures  # noqa: F401  Its error says what to install if torch is missing.
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
