"""Train networks of one shape at once, as a GPU does best; each leaves the result of a training alone, up to rounding.

The sweep that follows finds these results. It does whatever could not be done together, and reports what failed.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace

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
"""The number of networks per group where the caller names none."""


def train_ahead(runs: Iterable[Run], store: RunStore, together: int | None = None) -> int:
    """Do the trainings among `runs` and those they require, in groups of one shape, and return how many were done.

    The trainings of a group have the same network, data and settings; only their seeds and labels differ.

    A group is tried again in two halves, with a warning, if memory runs out, or if a loss diverges before any state
    could be kept. A group that fails otherwise (missing data) is left to the sweep, also with a warning.

    Parameters
    ----------
    runs : iterable of Run
    store : RunStore
        Trainings that it holds are not done again; those that another process has claimed are left to that process.
    together : int, optional
        Largest number of networks per group. By default it is `TOGETHER_ON_GPU`, and only the trainings that run on a
        GPU are done here: on a CPU, processes that train one network each are faster, so those are left to the sweep.

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
        if done == before:  # Other processes have claimed all of them.
            break
    return done


def _groups(runs: dict[str, Run], finished: set[str], together: int | None) -> Iterator[list[Training]]:
    """Yield groups of trainings that can start and differ only in their seeds and labels."""
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

    from labelnoise.training.ensemble import why_alone

    on_gpu = run.training.device != "cpu" and torch.cuda.is_available()
    return (on_cpu or on_gpu) and why_alone(run.training) is None


def _train_in_parts(group: list[Training], store: RunStore) -> tuple[int, list[Training]]:
    """Train a group, in halves if need be; return how many were trained, and those that are left to the sweep."""
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
    # The halves are trained after the handler, because the error kept alive what the group had in memory.
    middle = len(group) // 2
    parts = [_train_in_parts(part, store) for part in (group[:middle], group[middle:])]
    return sum(trained for trained, _ in parts), [run for _, left in parts for run in left]


def _fewer_may_do(error: Exception) -> bool:
    """Return whether memory ran out, or one member ended the training of all."""
    from torch import OutOfMemoryError

    return isinstance(error, MemoryError | OutOfMemoryError | FloatingPointError)


def _train(group: list[Training], store: RunStore) -> int:
    """Train the members of a group that no other process has claimed, and keep their results."""
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
        # The same members find their checkpoint again.
        members = "".join(run_id(run) for run, _ in mine)
        group_id = hashlib.blake2b(members.encode(), digest_size=8).hexdigest()
        trained = train_together(
            train.images,
            [member.labels for member in given],
            [run.training for run, _ in mine],
            clean_labels=train.labels,
            test_images=test.images,
            test_labels=test.labels,
            classes=np.arange(len(train.classes)),
            checkpoint=scratch / f"together-{group_id}.pt",
        )
        for (run, _), labels, result in zip(mine, given, trained, strict=True):
            concluded = run.conclude(labels, result)
            # Networks that train together differ from one that trains alone by rounding, which training amplifies.
            store.save(run, replace(concluded, record={**concluded.record, "together": len(mine)}))
    return len(mine)
