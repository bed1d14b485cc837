"""Trainings of one shape done at once: what a GPU wants. Each leaves the result it would leave alone, up to rounding.

A sweep that follows finds them finished, and does whatever could not be done together; it also reports what failed.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from labelnoise.data import ImageSet
from labelnoise.progress import track
from labelnoise.studies.runs import RegionRun, TrainingRun
from labelnoise.sweeps.perform import StoreWorkspace, raise_if_disk_full
from labelnoise.sweeps.run import Run, run_id
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import with_requirements
from labelnoise.validation import check_count

Training = TrainingRun | RegionRun

TOGETHER_ON_GPU = 32
"""Networks in a group where nobody says how many."""


def train_ahead(runs: Iterable[Run], store: RunStore, together: int | None = None) -> int:
    """Do the trainings among `runs`, and those they require, in groups of the same network, data and settings.

    A group for which the memory does not suffice, or in which a loss diverges before any state could be kept, is tried
    again in two halves. A group that fails otherwise (missing data) is left to the sweep. Both with a warning.

    Parameters
    ----------
    runs : iterable of Run
    store : RunStore
        Trainings that it has are not done again; those that another process is at are left to it.
    together : int, optional
        Networks in a group, at most. By default `TOGETHER_ON_GPU` of those that a GPU trains; on a CPU processes that
        train a network each are faster, and those trainings are left to the sweep.

    Returns
    -------
    int
        Trainings done.

    Raises
    ------
    ValueError
        `together` is below 1.
    OSError
        The store cannot be written.
    """
    if together is not None:
        check_count(together, "together")
    store.prepare()
    done, everything = 0, with_requirements(runs)
    while groups := list(_groups(everything, store.finished(), together)):
        before = done
        for group in track(groups, "groups of networks"):
            trained, left = _train_in_parts(group, store)
            done += trained
            for run in left:
                del everything[run_id(run)]
        if done == before:  # other processes are at all of them
            break
    return done


def _groups(runs: dict[str, Run], finished: set[str], together: int | None) -> Iterator[list[Training]]:
    """Trainings that can start, alike but for seeds and labels."""
    alike: dict[object, list[Training]] = {}
    for key, run in runs.items():
        if (
            isinstance(run, Training)
            and key not in finished
            and not run.data.streamed
            and all(run_id(required) in finished for required in run.requires)
            and _can_be_stacked(run, on_cpu=together is not None)
        ):
            alike.setdefault((run.data, replace(run.training, seed=0)), []).append(run)
    size = together or TOGETHER_ON_GPU
    for members in alike.values():
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _can_be_stacked(run: Training, *, on_cpu: bool) -> bool:
    import torch

    from labelnoise.networks.stacked import STACKABLE_NETWORKS

    device_will_do = on_cpu or (run.training.device != "cpu" and torch.cuda.is_available())
    return device_will_do and run.training.network in STACKABLE_NETWORKS


def _train_in_parts(group: list[Training], store: RunStore) -> tuple[int, list[Training]]:
    """How many of a group were trained, together or by halves, and those that are left to the sweep."""
    try:
        return _train(group, store), []
    except Exception as error:
        raise_if_disk_full(error, group[0])
        in_halves = len(group) > 1 and _fewer_may_do(error)
        warnings.warn(
            f"{len(group)} trainings like {group[0].label!r} failed together, and are done "
            f"{'in two halves' if in_halves else 'one by one'}: {type(error).__name__}: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
    if not in_halves:
        return 0, group
    # after the handler: the error kept what the group had in memory
    middle = len(group) // 2
    parts = [_train_in_parts(part, store) for part in (group[:middle], group[middle:])]
    return sum(trained for trained, _ in parts), [run for _, left in parts for run in left]


def _fewer_may_do(error: Exception) -> bool:
    """Whether memory ran out, or one member ended the training of all."""
    from torch import OutOfMemoryError

    return isinstance(error, MemoryError | OutOfMemoryError | FloatingPointError)


def _train(group: list[Training], store: RunStore) -> int:
    """Train those of a group that nobody else is at, and keep their results."""
    from labelnoise.training import train_together

    with contextlib.ExitStack() as claims:
        claimed = [(run, claims.enter_context(store.claim(run))) for run in group]
        mine = [(run, scratch) for run, scratch in claimed if scratch is not None and not store.has(run)]
        if not mine:
            return 0
        given = [run.given_labels(StoreWorkspace(store, scratch)) for run, scratch in mine]
        first, scratch = mine[0]
        train, test = first.data.load()
        assert isinstance(train, ImageSet)
        assert isinstance(test, ImageSet)
        trained = train_together(
            train.images,
            [member.labels for member in given],
            [run.training for run, _ in mine],
            clean_labels=train.labels,
            test_images=test.images,
            test_labels=test.labels,
            classes=np.arange(len(train.classes)),
            checkpoint=_checkpoint(scratch, [run for run, _ in mine]),
        )
        for (run, _), labels, result in zip(mine, given, trained, strict=True):
            store.save(run, run.conclude(labels, result))
    return len(mine)


def _checkpoint(scratch: Path, members: list[Training]) -> Path:
    """The group's own: the same members find it again."""
    names = "".join(run_id(run) for run in members)
    return scratch / f"together-{hashlib.blake2b(names.encode(), digest_size=8).hexdigest()}.pt"
