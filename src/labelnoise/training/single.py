"""Train one network, in steps that `ensemble` also takes for each of its members."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Integers
from labelnoise.artifacts import StrPath
from labelnoise.networks.architectures import build_network
from labelnoise.processes import ALONE, Processes, find_device, join_processes
from labelnoise.softmax.temperature import fit_temperature
from labelnoise.training.checkpoint import keep_checkpoints
from labelnoise.training.data import SPLIT, ImageBatches, TrainingData, encode_like, stratified_split
from labelnoise.training.loop import Training
from labelnoise.training.prediction import images_for, predict_batches
from labelnoise.training.result import TrainingResult
from labelnoise.training.specification import TrainingSpecification, check_specification
from labelnoise.training.streaming import image_shape


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
    loader_workers: int | None = None,
) -> TrainingResult:
    """Train a network on noisy labels with Adam and cross entropy, and keep its best state (section 4 of the paper).

    If ``torchrun`` starts the program, its processes train one network together, each on a GPU of its own; see
    `labelnoise.processes`.

    Parameters
    ----------
    images : array-like of shape (N, H, W) or (N, H, W, C), or ImageStream
        Raw pixels. Those of a stream are read from disk when they are needed.
    noisy_labels : array-like of shape (N,)
        Integers 0..L-1, or any hashable classes.
    specification : TrainingSpecification
        Everything else that the result depends on; see `preset`.
    clean_labels : array-like of shape (N,), optional
        Labels for ``selection="clean"`` and for the clean validation accuracy in the history, never for training.
    test_images, test_labels : array-like, or ImageStream and array-like, optional
        Images for the result's `pred_probs` and `test_features`, and labels for its `test_accuracy`.
    classes : sequence, optional
        All classes in code order, needed if some are not among the noisy labels.
    checkpoint : path, optional
        A file that keeps the state of the training after each epoch. If it exists, training continues from it.
    loader_workers : int, optional
        Number of processes that read streams; by default one per core. With 0, this process reads them. The result does
        not depend on it.

    Returns
    -------
    TrainingResult
        The same for the same specification and data on one device, whether or not the training was interrupted; and the
        same in all processes.

    Raises
    ------
    ValueError, TypeError
        Bad images or labels, a batch larger than the data, no such device, a checkpoint that is damaged or belongs
        to another training.
    FloatingPointError
        The loss stopped being finite before the first epoch ended, so that there is no state to keep. If this happens
        later, training stops with a RuntimeWarning and the result's `diverged_at`.

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
    device = find_device(check_specification(specification).device)
    data = TrainingData.check(images, noisy_labels, clean_labels, classes)
    processes = join_processes(device)
    training = start_training(data, specification, device, processes=processes, loader_workers=loader_workers)
    test = TestImages.check(test_images, test_labels, training, data.classes, loader_workers)
    test.follow(training)
    with deterministic():
        save = keep_checkpoints(training, lambda: identity_of(training, data), checkpoint, device)
        processes.check_resumed(len(training.history), device)
        training.train(save if processes.rank == 0 else lambda: None)
        return result_of(training, data.classes, test)


@contextmanager
def deterministic() -> Iterator[None]:
    """Use deterministic algorithms; restore the caller's choice afterwards."""
    # `cudnn.flags` would also set TensorFloat-32, and fails if the caller has chosen that by the newer settings.
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = before


class TestImages(NamedTuple):
    """Checked test images and the codes of their labels; either may be None."""

    images: ImageBatches | None
    codes: Codes | None

    @classmethod
    def check(
        cls, test_images: Any, test_labels: Any, training: Training, classes: NDArray[Any], workers: int | None = None
    ) -> TestImages:
        """Check the test images and labels given to `train`, and serve the images on the training's device."""
        if test_images is None:
            if test_labels is not None:
                raise ValueError("`test_labels` need `test_images`, which is None. Pass both, or neither.")
            return cls(None, None)
        network, resize = training.network, training.specification.resize
        images = images_for(network, test_images, "test_images", training.device, resize=resize, workers=workers)
        codes = None
        if test_labels is not None:
            codes = encode_like(test_labels, classes, len(images), "test_labels", "test_images")
        return cls(images, codes)

    def follow(self, training: Training) -> None:
        """Have the accuracy measured after every epoch of the training, if its specification asks for it."""
        if training.specification.test_every_epoch:
            if self.images is None or self.codes is None:
                needs = "`test_every_epoch` needs `test_images` and `test_labels`"
                raise ValueError(f"{needs}. Pass both, or set it to None.")
            training.test = self.images, torch.from_numpy(self.codes).to(training.device)


def start_training(
    data: TrainingData,
    specification: TrainingSpecification,
    device: torch.device,
    images: ImageBatches | None = None,
    member: int | None = None,
    processes: Processes = ALONE,
    loader_workers: int | None = None,
) -> Training:
    """Split the data, initialize the network and return its `Training`, which explains the optional parameters."""
    processes.check_batch_size(specification.batch_size)
    if specification.selection == "clean" and data.clean is None:
        raise ValueError('`selection` "clean" needs `clean_labels`; got None. Pass them, or select on "noisy" labels.')
    parts = _split(data, specification)
    network = build_network(
        specification.network,
        n_classes=len(data.classes),
        image_shape=image_shape(data.pixels, specification),
        n_features=specification.n_features,
        max_pool=specification.max_pool,
        batch_norm_decay=specification.batch_norm_decay,
        random_state=specification.seed,
    )
    return Training(specification, network, data, parts, device, images, member, processes, loader_workers)


def identity_of(training: Training, data: TrainingData) -> dict[str, Any]:
    """Return what a checkpoint must have in common with the training that continues from it."""
    return {
        **training.specification.to_dict(),
        "device": training.device.type,  # This is what "auto" stands for here.
        "precision": str(training.precision).removeprefix("torch."),
        "data": data.digest(),
        **({"processes": training.processes.size} if training.processes.size > 1 else {}),
    }


def result_of(training: Training, classes: NDArray[Any], test: TestImages) -> TrainingResult:
    """Return the result of a finished training; its network goes to the CPU with the state that was kept."""
    training.network.load_state_dict(training.best_state)
    training.network.eval()
    prediction = test_accuracy = None
    if test.images is not None:
        prediction = predict_batches(
            training.network, test.images, training.device, after_activation=False, processes=training.processes
        )
        if test.codes is not None:
            test_accuracy = float((prediction.pred_probs.argmax(1) == test.codes).mean())
    return TrainingResult(
        specification=training.specification,
        device=training.device.type,
        precision=str(training.precision).removeprefix("torch."),
        network=training.network.cpu(),
        classes=classes,
        n_train=training.n_train,
        n_validation=training.n_validation,
        history=tuple(training.history),
        best_epoch=training.best_epoch,
        stopped_early=training.stopped_early,
        diverged_at=training.diverged_at,
        temperature=_temperature(training),
        test_accuracy=test_accuracy,
        pred_probs=None if prediction is None else prediction.pred_probs,
        test_features=None if prediction is None else prediction.features,
    )


def _temperature(training: Training) -> float | None:
    if not training.n_validation:
        return None
    rows, codes = training.validation_softmax()
    return fit_temperature(rows, codes, classes=np.arange(rows.shape[1]))  # Not every class need be among the codes.


def _split(data: TrainingData, specification: TrainingSpecification) -> tuple[Integers, Integers]:
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
