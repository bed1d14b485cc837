"""Train many networks of one shape together: every step computes for all members at once.

A member is a `Training` with its own split, order of batches, history, validation and selection. The members share the
forward and backward passes, in a `StackedNetwork` whose rows are their parameters and gradients. On a GPU they share
Adam as well, if they take the same number of steps per epoch. A member therefore differs only by rounding from a
network that is trained alone. A member that has finished or diverged leaves the stack, and the others continue.

A step never waits for the device: batches and learning rate are known at the start of the epoch, and the losses are
read at its end.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from labelnoise.arrays import Codes
from labelnoise.artifacts import StrPath
from labelnoise.labels import encode_labels
from labelnoise.networks.stacked import STACKABLE_NETWORKS, StackedNetwork, unstack
from labelnoise.processes import find_device
from labelnoise.progress import bar
from labelnoise.training.checkpoint import keep_checkpoints
from labelnoise.training.data import DeviceImages, ImageBatches, Pixels, TrainingData, check_images, encode_like
from labelnoise.training.loop import Training, mean_of
from labelnoise.training.result import TrainingResult
from labelnoise.training.single import TestImages, deterministic, identity_of, result_of, start_training
from labelnoise.training.specification import TrainingSpecification, check_specification
from labelnoise.validation import to_array

ONE_ADAM_ON = ("cuda",)
"""Types of device on which one Adam updates all members. With one Adam per member, the host launches E times as many
updates, and the device may have to wait for it. On a CPU, one Adam would gain nothing.
"""


def train_together(
    images: Any,
    noisy_labels: Any,
    specifications: Sequence[TrainingSpecification],
    *,
    clean_labels: Any = None,
    test_images: Any = None,
    test_labels: Any = None,
    classes: Any = None,
    checkpoint: StrPath | None = None,
) -> tuple[TrainingResult, ...]:
    r"""Train E networks on E sets of noisy labels for the same images, in one batched step for all.

    With member e's loss :math:`\ell_e(\theta_e)`, a step follows the gradient of :math:`\sum_e \ell_e(\theta_e)`, whose
    part for :math:`\theta_e` is that of :math:`\ell_e` alone. Member e's result is therefore, up to rounding, that of
    ``train(images, noisy_labels[e], specifications[e], ...)``: its split, initialization, batches, stopping and kept
    state are its own. On a GPU, this keeps the device busy where one small network cannot. On a CPU, it is faster to
    train each network in a process of its own.

    The device holds the images once. The memory for the backward pass grows with E times the batch size: for 32
    ``mnist_cnn`` at batch 256, it is about 2 GB in bfloat16 and 4 GB in float32 (calculated, not measured).

    Parameters
    ----------
    images : array-like of shape (N, H, W) or (N, H, W, C)
        Raw pixels, which are copied to the device once.
    noisy_labels : array-like of shape (E, N), or sequence of E array-likes of shape (N,)
        Each member's labels. Without `classes`, the classes are those of all members together.
    specifications : sequence of E TrainingSpecification
        Equal except for `seed`, with a network in `labelnoise.networks.stacked.STACKABLE_NETWORKS`.
    clean_labels, test_images, test_labels, classes
        As in `train`, the same for all members.
    checkpoint : path, optional
        A file that keeps the state of all members after each epoch. If it exists, training continues from it.

    Returns
    -------
    tuple of TrainingResult
        One per member. The `seconds` of an epoch are those of the training of all members, and of the validation of the
        members up to this one.

    Raises
    ------
    ValueError, TypeError
        As in `train`; or the specifications differ in more than the seed, are not one per set of labels, or name a
        network that cannot be stacked.
    FloatingPointError
        The loss of a member stopped being finite before the first epoch ended. If this happens later, only that member
        stops, with a RuntimeWarning and its result's `diverged_at`.

    Examples
    --------
    >>> from labelnoise.data import load_digits
    >>> digits, test = load_digits()
    >>> from labelnoise.training import preset, train_together
    >>> specifications = [preset("digits", epochs=2, device="cpu", precision="float32", seed=seed) for seed in (0, 1)]
    >>> labels = [digits.labels, digits.labels]
    >>> [result.best_epoch <= 2 for result in train_together(digits.images, labels, specifications)]
    [True, True]
    """
    first = _check_specifications(specifications)
    device = find_device(first.device)
    pixels = check_images(images)
    data = _check_labels(pixels, noisy_labels, clean_labels, classes, len(specifications))
    shared = DeviceImages(pixels, device)
    members = [
        start_training(labeled, specification, device, shared, e)
        for e, (labeled, specification) in enumerate(zip(data, specifications, strict=True))
    ]
    test = TestImages.check(test_images, test_labels, members[0], data[0].classes)
    for member in members:
        test.follow(member)
    noisy = np.stack([labeled.noisy for labeled in data])

    def identify() -> dict[str, Any]:
        everything = dataclasses.replace(data[0], noisy=noisy)
        seeds = [specification.seed for specification in specifications]
        return {**identity_of(members[0], everything), "seed": seeds}

    with deterministic():
        ensemble = Ensemble(members, noisy, shared)
        ensemble.train(keep_checkpoints(ensemble, identify, checkpoint, device))
        return tuple(result_of(member, data[0].classes, test) for member in members)


class Ensemble:
    """Networks that train together, at the end of an epoch.

    Parameters
    ----------
    members : sequence of Training
        At their start, on one device, with specifications equal except for the seed.
    noisy : codes of shape (E, N)
    images : ImageBatches
        The images of all members, on the device.
    memory_format : torch.memory_format
        Memory format of the maps between the stack's layers.
    """

    def __init__(
        self,
        members: Sequence[Training],
        noisy: Codes,
        images: ImageBatches,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:
        self.members, self.device, self.memory_format = list(members), members[0].device, memory_format
        self._images = images
        self._noisy = torch.from_numpy(noisy).to(self.device)
        self._active: list[int] = []

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of the training depends on."""
        return {"members": [member.state() for member in self.members]}

    def restore(self, state: dict[str, Any]) -> None:
        """Set all members to a state that was saved; this must come before `train`."""
        for member, member_state in zip(self.members, state["members"], strict=True):
            member.restore(member_state)

    def train(self, after_epoch: Callable[[], None]) -> None:
        """Train every member to its end, with a call of `after_epoch` after each epoch."""
        specification = self.members[0].specification
        steps = max(member.steps for member in self.members)
        done = max(len(member.history) for member in self.members)
        name = f"training {len(self.members)} {specification.network}"
        with bar(name, steps * specification.epochs, initial=steps * done, unit="step") as progress:
            while active := [e for e, member in enumerate(self.members) if not member.is_finished]:
                start = time.perf_counter()
                for e, losses, right in self._train_epoch(active, progress):
                    member = self.members[e]
                    member.end_epoch(losses, right, start)
                    if member.is_finished:
                        _leave_stack(member)
                progress.set_postfix_str(mean_of([self.members[e].history[-1] for e in active]), refresh=False)
                after_epoch()

    def _stack(self, active: list[int]) -> None:
        """Build the stack of the active members."""
        members = [self.members[e] for e in active]
        networks = [member.network for member in members]
        self._active, self._network = active, StackedNetwork(networks, self.memory_format)
        one_for_all = self.device.type in ONE_ADAM_ON and len({member.steps for member in members}) == 1
        self._optimizer = _StackedAdam(members, self._network) if one_for_all else None

    def _train_epoch(self, active: list[int], progress: Any) -> list[tuple[int, NDArray[np.float32], int]]:
        """Train one epoch; return each active member's index, its steps' losses, and its number of right answers."""
        if active != self._active:
            self._stack(active)
        stack, members = self._network, [self.members[e] for e in active]
        epoch, precision = len(members[0].history) + 1, members[0].precision
        # Splits may differ in the number of whole batches; a member with fewer of them skips the last step.
        batches = pad_sequence([member.begin_epoch(epoch) for member in members]).transpose(1, 2)  # (steps, B, E)
        steps = len(batches)
        images = self._images.batches(batches.flatten(), batches[0].numel(), epoch)
        takes_part = torch.tensor([[step < m.steps for m in members] for step in range(steps)], device=self.device)
        momenta = [
            [m.batch_norm_momentum((epoch - 1) * m.steps + step) for m in members] for step in range(1, steps + 1)
        ]
        momentum = torch.tensor(momenta, device=self.device) * takes_part
        noisy = self._noisy[active].T
        losses = torch.zeros(steps, len(members), device=self.device)
        right = torch.zeros(len(members), dtype=torch.int64, device=self.device)
        for step, (indices, batch) in enumerate(zip(batches, images, strict=True)):
            stack.set_batch_norm_momentum(momentum[step])
            target = noisy.gather(0, indices)
            with torch.autocast(self.device.type, precision, enabled=precision != torch.float32):
                logits = stack(batch.view(*target.shape, *batch.shape[1:]))
            loss = functional.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="none")
            loss = loss.view(target.shape).mean(0)
            # With an Adam per member, gradients are set to zero instead of None: they must stay rows of the stack's.
            stack.zero_grad(set_to_none=self._optimizer is not None)
            torch.autograd.backward(loss.sum())
            if self._optimizer is not None:
                self._optimizer.step()
            else:
                for member in members:
                    if step < member.steps:
                        member.optimizer.step()
            losses[step] = loss.detach()
            right += ((logits.detach().argmax(2) == target) & takes_part[step, None]).sum(0)
            progress.update()
        if self._optimizer is not None:
            self._optimizer.share_state()
        return [
            (e, member_losses[: self.members[e].steps], int(n))
            for e, member_losses, n in zip(active, losses.T.cpu().numpy(), right.tolist(), strict=True)
        ]


class _StackedAdam:
    """One Adam for the members of a stack that take all steps together.

    Adam treats each number separately. It therefore updates a row of the stack as a member's own would, up to rounding.
    """

    def __init__(self, members: Sequence[Training], stack: StackedNetwork) -> None:
        self._members = members
        decay = members[0].specification.weight_decay
        self._optimizer = torch.optim.Adam(stack.parameters(), weight_decay=decay, fused=True)
        self._rows = list(zip(*(member.network.parameters() for member in members), strict=True))
        for parameter, rows in zip(stack.parameters(), self._rows, strict=True):
            states = [member.optimizer.state[row] for member, row in zip(members, rows, strict=True)]
            # Moments are stacked by member; the number of steps, a scalar, is the same for all.
            self._optimizer.state[parameter] = {
                name: torch.stack([state[name] for state in states]) if value.ndim else value.clone()
                for name, value in states[0].items()
            }

    def step(self) -> None:
        """Update all members with the learning rate of their own optimizers."""
        self._optimizer.param_groups[0]["lr"] = self._members[0].optimizer.param_groups[0]["lr"]
        self._optimizer.step()

    def share_state(self) -> None:
        """Make the moments of the members' own optimizers rows of this one's, and copy its number of steps."""
        for state, rows in zip(self._optimizer.state.values(), self._rows, strict=True):
            for e, (member, row) in enumerate(zip(self._members, rows, strict=True)):
                member.optimizer.state[row] = {
                    name: value[e] if value.ndim else value.clone() for name, value in state.items()
                }


def _leave_stack(member: Training) -> None:
    """Give a member memory of its own, so that neither it nor its checkpoints keep that of the whole stack."""
    unstack(member.network)
    state = member.optimizer.state
    for parameter in state:
        state[parameter] = {name: value.clone() for name, value in state[parameter].items()}


def _check_specifications(specifications: Sequence[TrainingSpecification]) -> TrainingSpecification:
    """Check that the specifications are equal except for the seed, and return the first."""
    if len(specifications) == 0:
        raise ValueError("`specifications` must hold at least one; got none.")
    first = specifications[0]
    for e, specification in enumerate(specifications):
        here, there = check_specification(specification).to_dict(), first.to_dict()
        differences = [name for name in here if name != "seed" and here[name] != there[name]]
        if differences:
            said = "; ".join(f"`{n}` is {there[n]!r} in number 0 and {here[n]!r} in number {e}" for n in differences)
            raise ValueError(
                f"`specifications` must be equal except for `seed`; {said}. Train those that differ in another call."
            )
    if (reason := why_alone(first)) is not None:
        raise ValueError(f"{reason}. Pass the specifications to `train`, one after another.")
    return first


def why_alone(specification: TrainingSpecification) -> str | None:
    """Return what about a specification `train_together` cannot do, or None if there is nothing."""
    if specification.network not in STACKABLE_NETWORKS:
        known = ", ".join(map(repr, STACKABLE_NETWORKS))
        return f"`network` must be one of {known} to train together; got {specification.network!r}"
    for name in ("warm_up", "momentum", "filter_rate", "augmentation", "reduced_share"):
        if (value := getattr(specification, name)) is not None:
            return f"`{name}` must be None to train together; got {value!r}"
    return None


def _check_labels(
    pixels: Pixels, noisy_labels: Any, clean_labels: Any, classes: Any, n_members: int
) -> list[TrainingData]:
    """Return the images with each member's labels; all share the pixels and the classes."""
    rows = [to_array(labels) for labels in noisy_labels]
    if len(rows) != n_members or any(row.shape != (len(pixels),) for row in rows):
        shapes = sorted({row.shape for row in rows})
        raise ValueError(
            f"`noisy_labels` must hold one label per image for each specification, shape ({n_members}, {len(pixels)}); "
            f"got {len(rows)} entries of shape {' and '.join(map(str, shapes))}. "
            f"If all members learn the same labels, repeat them: [labels] * {n_members}."
        )
    _, known = encode_labels(np.concatenate(rows), classes=classes, name="noisy_labels")
    first = TrainingData.check(pixels, rows[0], clean_labels, known)
    others = (encode_like(row, known, len(pixels), "noisy_labels", "images") for row in rows[1:])
    return [first, *(dataclasses.replace(first, noisy=codes) for codes in others)]
