"""The loop that trains a network: batches, optimizer, validation, and the choice of the state that is kept.

Nothing random is carried from one epoch to the next: split, initialization and the order of each epoch's batches follow
from the seed alone. The state at the end of an epoch is therefore network, optimizer and history, and a training that
continues from it repeats an uninterrupted one bit by bit on the same device.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from labelnoise.arrays import Integers
from labelnoise.networks.network import Network
from labelnoise.networks.whitening import WhiteningLayer
from labelnoise.processes import ALONE, Processes
from labelnoise.progress import bar
from labelnoise.training.data import ORDER, ImageBatches, TrainingData
from labelnoise.training.optimizers import optimizer_of
from labelnoise.training.prediction import logits_at
from labelnoise.training.result import Epoch, kept_epoch
from labelnoise.training.specification import TrainingSpecification, find_precision
from labelnoise.training.streaming import place_images

WHITENING_SAMPLE = 2000
"""Number of training images, evenly spaced so that all classes are among them, from which whitening is computed."""

REDUCTION = 0.75
"""Height and width of reduced images, over those of the images."""


class Training:
    """A network in training, at the end of an epoch.

    Parameters
    ----------
    specification : TrainingSpecification
    network : Network
        Moved to the device and trained in place.
    data : TrainingData
    parts : indices, indices
        The training and the validation part.
    device : torch.device
    images : ImageBatches, optional
        The images of `data` on the device, if several trainings share them.
    member : int, optional
        Index among networks that train together, for messages.
    processes : Processes
        The processes that train this network together.
    loader_workers : int, optional
        Processes that read images from disk.
    """

    def __init__(
        self,
        specification: TrainingSpecification,
        network: Network,
        data: TrainingData,
        parts: tuple[Integers, Integers],
        device: torch.device,
        images: ImageBatches | None = None,
        member: int | None = None,
        processes: Processes = ALONE,
        loader_workers: int | None = None,
    ) -> None:
        self.specification, self.device, self.member, self.processes = specification, device, member, processes
        self.precision = find_precision(specification.precision, device)
        if images is None:
            images = place_images(
                data.pixels,
                device,
                network.image_shape[1:],
                resize=specification.resize,
                augmentation=specification.augmentation,
                seed=specification.seed,
                workers=loader_workers,
            )
        self._images = images
        shift, scale = images.normalization(parts[0], specification.normalization)
        network.shift.copy_(shift)
        network.scale.copy_(scale)
        _fit_whitening(network, images, parts[0])
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._parallel = processes.parallel(self.network)
        self.optimizer = optimizer_of(network, specification)
        self.history: list[Epoch] = []
        self.best_epoch = 0
        self.best_state: dict[str, Tensor] = {}
        self.diverged_at: int | None = None
        self.test: tuple[ImageBatches, Tensor] | None = None
        """Test images and their codes, on the device, if accuracy on them is to be measured after every epoch."""
        self.n_train, self.n_validation = map(len, parts)
        self._train = parts[0]
        self._validation = torch.from_numpy(parts[1]).to(device)
        self._noisy = torch.from_numpy(data.noisy).to(device)
        self._clean = None if data.clean is None else torch.from_numpy(data.clean).to(device)
        self._norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
        self.steps = len(parts[0]) // specification.batch_size
        # Reading the loss makes the host wait for a GPU, but costs nothing on the CPU.
        self._check_every = 50 if device.type == "cuda" else 1

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, patience has run out, or the loss is no longer finite."""
        done, patience = len(self.history), self.specification.patience
        impatient = patience is not None and done - self.best_epoch >= patience
        return done == self.specification.epochs or impatient or self.diverged_at is not None

    @property
    def stopped_early(self) -> bool:
        """Whether patience has run out before the last epoch."""
        return self.is_finished and self.diverged_at is None and len(self.history) < self.specification.epochs

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of the training depends on."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": [asdict(epoch) for epoch in self.history],
            "best_epoch": self.best_epoch,
            "best_state": self.best_state,
            "diverged_at": self.diverged_at,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Set the training to a state that was saved."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]
        self.best_epoch, self.best_state = state["best_epoch"], state["best_state"]
        self.diverged_at = state.get("diverged_at")  # Older checkpoints lack "diverged_at".

    def train(self, after_epoch: Callable[[], None]) -> None:
        """Train to the end, or until the loss is no longer finite, with a call of `after_epoch` after each epoch."""
        total, done = self.steps * self.specification.epochs, self.steps * len(self.history)
        name = f"training {self.specification.network}"
        with bar(name, total, initial=done, unit="step") as progress:
            while not self.is_finished:
                start = time.perf_counter()
                losses, right = self._train_epoch(len(self.history) + 1, progress)
                self.end_epoch(losses, right, start)
                if self.diverged_at is not None:
                    return
                progress.set_postfix_str(mean_of(self.history[-1:]), refresh=False)
                after_epoch()

    def begin_epoch(self, epoch: int) -> Tensor:
        """Set the first learning rate, and return the epoch's batches: indices, (steps, batch size), on the device."""
        self.set_learning_rate(epoch - 1)
        order = np.random.default_rng([self.specification.seed, ORDER, epoch]).permutation(self._train)
        batches = torch.from_numpy(order[: self.steps * self.specification.batch_size]).to(self.device)
        return batches.view(self.steps, -1)

    def set_learning_rate(self, epochs: float) -> None:
        """Set the learning rate of the next step, after so many epochs."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.specification.learning_rate_at(epochs)

    def end_epoch(self, losses: NDArray[np.float32], right: int, start: float) -> None:
        """Validate, extend the history and keep the best state; or record a divergence that the losses show.

        Parameters
        ----------
        losses : array of shape (steps,)
            The losses of the epoch's steps, which may end with the first that is not finite.
        right : int
            Number of the batches' images that were classified as their noisy label.
        start : float
            Time at which the epoch began, by `time.perf_counter`.
        """
        epoch = len(self.history) + 1
        bad = int(np.argmax(~np.isfinite(losses))) if not np.isfinite(losses).all() else None
        if bad is None and not self._state_is_finite():
            bad = self.steps - 1  # The last step's loss was computed before that step spoilt the state.
        if bad is not None:
            self.diverged_at = (epoch - 1) * self.steps + bad + 1
            self._report_divergence(epoch)
            return
        noisy, clean = self._validate()
        n_seen = self.steps * self.specification.batch_size
        rate = self.specification.learning_rate_at(epoch - 1)
        seconds = self.processes.mean_number(time.perf_counter() - start, self.device)
        test = None if self.test is None else self._test_accuracy(*self.test)
        self.history.append(Epoch(epoch, rate, float(losses.mean()), right / n_seen, noisy, clean, seconds, test))
        self._select()

    def _train_epoch(self, epoch: int, progress: Any) -> tuple[NDArray[np.float32], int]:
        """Train one epoch; return its steps' losses, up to one that is not finite, and the number of right answers."""
        batches = self.processes.share_of_batches(self.begin_epoch(epoch))
        images = self._images.batches(batches.flatten(), batches.shape[1], epoch)
        losses = torch.zeros(self.steps, device=self.device)
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        self.network.train()
        for step, (indices, batch) in enumerate(zip(batches, images, strict=True)):
            done = (epoch - 1) * self.steps + step
            self.set_learning_rate(done / self.steps)
            self._reduce_images(done)
            self._set_batch_norm_momentum(done + 1)
            target = self._noisy[indices]
            with torch.autocast(self.device.type, self.precision, enabled=self.precision != torch.float32):
                logits = self._parallel(batch)
            loss = functional.cross_entropy(logits.float(), target)
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimizer.step()
            losses[step] = loss.detach()
            right += (logits.detach().argmax(1) == target).sum()
            progress.update()
            # All processes check the mean of their losses, so that they stop at the same step.
            if step % self._check_every == 0 and not math.isfinite(self.processes.mean(losses[step]).item()):
                losses = losses[: step + 1]
                break
        self.network.reduced_to = None  # Whoever trains the result further has whole images.
        self.processes.average_running_statistics(self._norms)
        return self.processes.mean(losses).cpu().numpy(), int(self.processes.sum(right))

    def _reduce_images(self, done: int) -> None:
        share, sides = self.specification.reduced_share or 0.0, self.network.image_shape[1:]
        reduced = done < share * self.steps * self.specification.epochs
        self.network.reduced_to = (round(REDUCTION * sides[0]), round(REDUCTION * sides[1])) if reduced else None

    def _set_batch_norm_momentum(self, step: int) -> None:
        momentum = self.batch_norm_momentum(step)
        for norm in self._norms:
            norm.momentum = momentum

    def batch_norm_momentum(self, step: int) -> float:
        """Return the weight of a batch in batch norm's running statistics; `step` counts from 1 over all epochs."""
        # The running statistics are a weighted mean of all batches seen, with weights that fall by the decay at each
        # step. With a fixed momentum of 0.01, half of them would still be their arbitrary start after 69 steps.
        decay = self.specification.batch_norm_decay
        return (1 - decay) / (1 - decay**step)

    def _validate(self) -> tuple[float | None, float | None]:
        """Return the accuracy on the noisy and on the clean labels of the validation part."""
        if len(self._validation) == 0:
            return None, None
        self.network.eval()
        found = self._validation_logits().argmax(1)
        noisy, clean = (
            None if labels is None else float((found == labels[self._validation]).float().mean())
            for labels in (self._noisy, self._clean)
        )
        return noisy, clean

    def _test_accuracy(self, images: ImageBatches, codes: Tensor) -> float:
        self.network.eval()
        everything = torch.arange(len(images), device=self.device)
        found = logits_at(self.network, images, everything, self.processes).argmax(1)
        return float((found == codes).float().mean())

    def validation_softmax(self) -> tuple[NDArray[np.float32], Integers]:
        """Return softmax and noisy codes of the validation part, which must not be empty."""
        self.network.eval()
        return self._validation_logits().softmax(1).cpu().numpy(), self._noisy[self._validation].cpu().numpy()

    @torch.inference_mode()
    def _validation_logits(self) -> Tensor:
        return logits_at(self.network, self._images, self._validation, self.processes)

    def _select(self) -> None:
        """Keep the last epoch's state if it is better than all before."""
        self.best_epoch = kept_epoch(self.history, self.specification.selection)
        if self.best_epoch == len(self.history):
            self.best_state = {name: value.clone() for name, value in self.network.state_dict().items()}

    def _state_is_finite(self) -> bool:
        return bool(torch.stack([value.isfinite().all() for value in self.network.state_dict().values()]).all())

    def _report_divergence(self, epoch: int) -> None:
        of_member = "" if self.member is None else f" of member {self.member}"
        message = (
            f"the loss{of_member} must stay finite; it did not at step {self.diverged_at} "
            f"(epoch {epoch} of {self.specification.epochs})."
        )
        advice = f"Lower `learning_rate` ({self.specification.learning_rate:g})"
        if not self.history:
            raise FloatingPointError(f"{message} No epoch was completed, so there is no state to keep. {advice}.")
        kept = f"Training stopped; the state of epoch {self.best_epoch} was kept."
        # This level is that of the line that called `train` or `train_together`.
        warnings.warn(f"{message} {kept} {advice} to train longer.", RuntimeWarning, stacklevel=5)


def _fit_whitening(network: Network, images: ImageBatches, indices: Integers) -> None:
    """Fit a network's whitening layer, if it has one, to a sample of the training images."""
    for layer in network.modules():
        if isinstance(layer, WhiteningLayer):
            n = min(len(indices), WHITENING_SAMPLE)
            sample = torch.from_numpy(indices[np.arange(n) * len(indices) // n])
            batch = next(iter(images.batches(sample, n))).cpu()
            layer.fit(network.normalize(batch))


def mean_of(epochs: Sequence[Epoch]) -> str:
    """Return the mean loss and accuracy on the noisy validation labels as text, for a progress bar."""
    accuracies = [epoch.noisy_accuracy for epoch in epochs if epoch.noisy_accuracy is not None]
    measured = f", validation {np.mean(accuracies):.4f}" if accuracies else ""
    return f"loss {np.mean([epoch.loss for epoch in epochs]):.3f}{measured}"
