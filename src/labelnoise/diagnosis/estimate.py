"""A figure with its range, and what the range rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labelnoise.validation import check_choice

KINDS = ("bracket", "interval")


@dataclass(frozen=True)
class Estimate:
    """A figure, its range, and the assumption under which the range holds the truth.

    Attributes
    ----------
    value : float
        The best single figure.
    low, high : float
        The range. A bracket lies between two bounds, each right under its own assumption. An interval holds the truth
        with probability 95 %, over repeated draws of the samples that were checked.
    kind : {"bracket", "interval"}
        Which of the two it is.
    n_checked : int
        Number of checked labels that it rests on; 0 for a bracket.
    assumption : str
        What must be true for the range to hold, in one sentence.
    """

    value: float
    low: float
    high: float
    kind: str
    n_checked: int
    assumption: str

    def __post_init__(self) -> None:
        check_choice(self.kind, KINDS, "kind")
        if not self.low <= self.value <= self.high:
            raise ValueError(f"`value` must lie in low..high = {self.low:g}..{self.high:g}; got {self.value:g}.")

    @property
    def width(self) -> float:
        """Width of the range, high - low."""
        return self.high - self.low

    def __str__(self) -> str:
        checked = f"95 % interval, {self.n_checked} checked" if self.kind == "interval" else "bracket, none checked"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}; {checked})"

    def summary(self) -> dict[str, Any]:
        """Return all fields, ready for JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "kind": self.kind,
            "n_checked": self.n_checked,
            "assumption": self.assumption,
        }
