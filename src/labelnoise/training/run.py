"""From images, noisy labels and a specification to a trained network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from labelnoise.artifacts import StrPath
from labelnoise.networks import build_network
from labelnoise.training.checkpoint import prepare_checkpoint, read_checkpoint, write_checkpoint
from labelnoise.training.data import (
    DeviceImages,
    Indices,
    TrainingData,
    check_images,
    encode_like,
    stratified_split,
)
from labelnoise.training.loop import SPLIT, Run
from labelnoise.training.prediction import check_image_shape, predict_batches
from labelnoise.training.result import TrainingResult
from labelnoise.training.specification import TrainingSpecification, find_device


def train(
    images: Any,
    noisy_labels: Any,
    specification: TrainingSpecification,
    *,
    clean_labels: Any = None,
    test_images: Any = None,
    test_labels: Any = None,
    classes: Any = None,
    checkpoint: StrPath | None = None,
) -> TrainingResult:
    """Train a network on noisy labels with Adam and cross entropy, and keep its best state (section 4 of the paper).

    Parameters
    ----------
    images : array-like of shape (N, H, W) or (N, H, W, C)
        Raw pixels.
    noisy_labels : array-like of shape (N,)
        Integers 0..L-1, or any hashable classes.
    specification : TrainingSpecification
        Everything else that the result depends on; see `preset`.
    clean_labels : array-like of shape (N,), optional
        For ``selection="clean"`` and the history's clean validation accuracy; never trained on.
    test_images, test_labels : array-like, optional
        Images for the result's `pred_probs` and `test_features`, and labels for its `test_accuracy`.
    classes : sequence, optional
        All classes in code order, where the noisy labels alone do not show them.
    checkpoint : path, optional
        A file that keeps the run's state after each epoch. If it exists, the run goes on from it.

    Returns
    -------
    TrainingResult
        The same for the same specification and data on one device, whether or not the run was interrupted.

    Raises
    ------
    ValueError, TypeError
        Bad images or labels, a batch larger than the data, no such device, a checkpoint that is damaged or belongs
        to another run.
    FloatingPointError
        The loss was no longer finite before the first epoch ended, so that there is no state to keep. Later, it is a
        RuntimeWarning and the result's `diverged_at`.

    Examples
    --------
    >>> from labelnoise.data import load_digits
    >>> digits, test = load_digits()
    >>> from labelnoise.training import preset, train
    >>> specification = preset("digits", epochs=3, device="cpu", precision="float32")
    >>> result = train(digits.images, digits.labels, specification, test_images=test.images, test_labels=test.labels)
    >>> result.test_accuracy > 0.9
    True
    """
    device = find_device(specification.device)
    data = TrainingData.check(images, noisy_labels, clean_labels, classes)
    if specification.selection == "clean" and data.clean is None:
        raise ValueError('`selection` "clean" needs `clean_labels`; got None. Pass them, or select on "noisy" labels.')
    parts = _split(data, specification)
    network = build_network(
        specification.network,
        n_classes=len(data.classes),
        image_shape=data.pixels.shape[1:],
        n_features=specification.n_features,
        max_pool=specification.max_pool,
        batch_norm_decay=specification.batch_norm_decay,
        random_state=specification.seed,
    )
    test_pixels = test_codes = None
    if test_images is not None:
        test_pixels = check_images(test_images, "test_images")
        check_image_shape(network, test_pixels.shape[1:], "test_images")
    if test_labels is not None:
        if test_pixels is None:
            raise ValueError("`test_labels` need `test_images`, which is None. Pass both, or neither.")
        test_codes = encode_like(test_labels, data.classes, len(test_pixels), "test_labels", "test_images")
    # Deterministic algorithms; the caller's choice is back in force afterwards.
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        run = Run(specification, network, data, parts, device)
        save = _keep_checkpoints(run, data, checkpoint)
        diverged_at = run.train(save)
        network.load_state_dict(run.best_state)
        network.eval()
        prediction = None
        if test_pixels is not None:
            prediction = predict_batches(network, DeviceImages(test_pixels, device), device, after_activation=False)
    test_accuracy = None
    if prediction is not None and test_codes is not None:
        test_accuracy = float((prediction.pred_probs.argmax(1) == test_codes).mean())
    return TrainingResult(
        specification=specification,
        device=run.device.type,
        precision=str(run.precision).removeprefix("torch."),
        network=network.cpu(),
        classes=data.classes,
        n_train=len(parts[0]),
        n_validation=len(parts[1]),
        history=tuple(run.history),
        best_epoch=run.best_epoch,
        stopped_early=run.is_finished and len(run.history) < specification.epochs,
        diverged_at=diverged_at,
        test_accuracy=test_accuracy,
        pred_probs=None if prediction is None else prediction.pred_probs,
        test_features=None if prediction is None else prediction.features,
    )


def _split(data: TrainingData, specification: TrainingSpecification) -> tuple[Indices, Indices]:
    share, batch_size = specification.validation_share, specification.batch_size
    parts = stratified_split(data.noisy, share, np.random.default_rng([specification.seed, SPLIT]))
    if len(parts[0]) < batch_size:
        raise ValueError(
            f"`batch_size` must be at most {len(parts[0])}, the images left to train on of {len(data.noisy)} with "
            f"`validation_share` {share:g}; got {batch_size}. Lower it or pass more images."
        )
    if share > 0 and len(parts[1]) == 0:
        raise ValueError(
            f"`validation_share` must hold out at least one image; {share:g} of each class of these {len(data.noisy)} "
            f"rounds to none. Raise it or pass more images."
        )
    return parts


def _keep_checkpoints(run: Run, data: TrainingData, checkpoint: StrPath | None) -> Callable[[], None]:
    """Put the run where its checkpoint left it; what is returned writes the next one."""
    if checkpoint is None:
        return lambda: None
    path = prepare_checkpoint(checkpoint)
    identity = {
        **run.specification.to_dict(),
        "device": run.device.type,  # what "auto" means here
        "precision": str(run.precision).removeprefix("torch."),
        "data": data.digest(),
    }
    state = read_checkpoint(path, identity, run.device)
    if state is not None:
        run.restore(state)
    return lambda: write_checkpoint(path, identity, run.state())
