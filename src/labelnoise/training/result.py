"""The result of a training: the network that was kept, and the record of how it was trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.networks.network import Network
from labelnoise.training.specification import TrainingSpecification

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Epoch:
    """One pass over the training part.

    Attributes
    ----------
    epoch : int
        Counted from 1.
    learning_rate : float
    loss, train_accuracy : float
        Mean cross entropy and share of right answers on the noisy labels of the batches, each just before its step.
    noisy_accuracy, clean_accuracy : float or None
        Accuracy on the noisy and the clean labels of the validation part at the end of the epoch; None without them.
    seconds : float
        Wall-clock time, validation included.
    test_accuracy : float or None
        Accuracy on the test images at the end of the epoch, if `test_every_epoch` asks for it.
    """

    epoch: int
    learning_rate: float
    loss: float
    train_accuracy: float
    noisy_accuracy: float | None
    clean_accuracy: float | None
    seconds: float
    test_accuracy: float | None = None


def kept_epoch(history: Sequence[Epoch], selection: str) -> int:
    """Return the epoch, counted from 1, whose state a rule of selection keeps; of equals, the first."""
    measure = {"noisy": "noisy_accuracy", "clean": "clean_accuracy", "last": "epoch"}[selection]
    return 1 + int(np.argmax([getattr(epoch, measure) for epoch in history]))


@dataclass(frozen=True, eq=False, repr=False)
class TrainingResult:
    """A trained network and the record of its training.

    Attributes
    ----------
    specification : TrainingSpecification
        Settings of the training.
    device, precision : str
        Device and precision that were used, where the settings may say "auto".
    network : Network
        In evaluation mode on the CPU, with the state that `selection` chose.
    classes : array of shape (L,)
        The class that each column of `pred_probs` stands for.
    n_train, n_validation : int
        Number of images in each part.
    history : tuple of Epoch
        Every completed epoch; `to_frame` makes a table of it.
    best_epoch : int
        The epoch, counted from 1, whose state was kept.
    stopped_early : bool
        Whether `patience` ran out before `epochs`.
    diverged_at : int or None
        The step, counted from 1 over all epochs, at which the loss was no longer finite. Training stopped there.
    temperature : float or None
        The temperature that fits the softmax to the noisy labels of the validation part; None without such a part. See
        `labelnoise.softmax.temperature`. `pred_probs` are not scaled by it.
    test_accuracy : float or None
        Share of test images classified as their label.
    pred_probs : array of shape (n_test, L) or None
        Softmax of the test images.
    test_features : array of shape (n_test, n_features) or None
        Their features, before batch norm and ReLU.
    """

    specification: TrainingSpecification
    device: str
    precision: str
    network: Network
    classes: NDArray[Any]
    n_train: int
    n_validation: int
    history: tuple[Epoch, ...]
    best_epoch: int
    stopped_early: bool
    diverged_at: int | None
    temperature: float | None
    test_accuracy: float | None
    pred_probs: NDArray[np.float32] | None
    test_features: NDArray[np.float32] | None

    @property
    def seconds(self) -> float:
        """Wall-clock time of all epochs."""
        return sum(epoch.seconds for epoch in self.history)

    def to_frame(self) -> pd.DataFrame:
        """Return the history as a table, one row per epoch."""
        import pandas as pd

        return pd.DataFrame([asdict(epoch) for epoch in self.history])

    def summary(self) -> dict[str, Any]:
        """Return the record without network and arrays, ready for JSON."""
        return {
            "specification": self.specification.to_dict(),
            "device": self.device,
            "precision": self.precision,
            "n_classes": len(self.classes),
            "n_train": self.n_train,
            "n_validation": self.n_validation,
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "stopped_early": self.stopped_early,
            "diverged_at": self.diverged_at,
            "temperature": self.temperature,
            "test_accuracy": self.test_accuracy,
            "seconds": self.seconds,
            "history": [asdict(epoch) for epoch in self.history],
        }

    def __repr__(self) -> str:
        best = self.history[self.best_epoch - 1]
        measured = {"noisy validation": best.noisy_accuracy, "clean validation": best.clean_accuracy}
        accuracies = "".join(f", {name} {value:.4f}" for name, value in measured.items() if value is not None)
        test = "" if self.test_accuracy is None else f", test {self.test_accuracy:.4f}"
        ending = f", diverged at step {self.diverged_at}" if self.diverged_at else ""
        early = " (stopped early)" if self.stopped_early else ""
        return (
            f"TrainingResult({self.specification.network} on {self.n_train:,} images, {self.device} {self.precision}; "
            f"epoch {self.best_epoch} of {len(self.history)} kept{early}{accuracies}{test}{ending}; "
            f"{self.seconds:.1f} s)"
        )
