"""What torchrun tells the processes that it starts, in environment variables; reading them needs no PyTorch."""

from __future__ import annotations

from labelnoise.validation import check_variable


def started_by_torchrun() -> bool:
    """Return whether torchrun started several processes, which train each network together."""
    return check_variable("WORLD_SIZE", 1) > 1


def is_first_process() -> bool:
    """Return whether this process writes results: it is the only one, or the first of torchrun's."""
    return check_variable("RANK", 0, least=0) == 0


def number_on_machine() -> int:
    """Return the number of this process among those on the same machine, counted from 0."""
    return check_variable("LOCAL_RANK", 0, least=0)
