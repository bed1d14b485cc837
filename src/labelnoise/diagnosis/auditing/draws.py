"""One drawing of samples to check: the samples, their probabilities, who is whose partner, and the answers so far."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Codes, Floats, Integers, Mask
from labelnoise.diagnosis.auditing.design import (
    draw_partners,
    draw_positions,
    drawing_probabilities,
    partner_probabilities,
    reverse_counts,
)
from labelnoise.diagnosis.inputs import LabeledSamples

OPEN, UNSURE = -1, -2
"""Codes of answers: none yet, and "unsure"."""


@dataclass(frozen=True, eq=False)
class Draw:
    """Samples to check, one entry each, in the order in which they are to be checked: pairs together, random otherwise.

    Attributes
    ----------
    index : (m,) int array
        Rows of the samples in what the user passed.
    given, suggested : (m,) int array
        Codes of the given label, and of the one that the models take to be most probable.
    answers : (m,) int array
        Codes of the true labels; `OPEN` where nobody has answered yet, `UNSURE` where the checker could not say.
    second : (m,) int array
        Codes of the answers that another person gave to the same question, `OPEN` where nobody was asked again.
    is_drawn : (m,) bool array
        Whether the sample was drawn itself, and is not here only as a partner.
    probability : (m,) array
        Probability of being drawn, pi_i.
    partner : (m,) int array
        Row of the drawn sample's partner in what the user passed; -1 for none.
    partner_probability : (m,) array
        Expected number of times that the sample is drawn as a partner, pi'_i.
    reverse : (m,) int array
        Number of samples that have this one among their K neighbors, R_i; 0 in a draw without pairs.
    k : int
        Neighborhood size of the pairs, K; 0 in a draw without pairs.
    n_drawn, n_partners : int
        Number of samples that were drawn, and of those with a partner. Some may not be among the entries, as when a
        file was divided among several people.
    name : str
        Name of the draw, by which parts and copies of one file are recognized.
    round : int
        1 for a draw that rests on the noisy labels alone; one more than the last round that it was drawn given.
    paths : (m,) str array or None
        Paths of the images.
    """

    index: Integers
    given: Codes
    suggested: Codes
    answers: Codes
    second: Codes
    is_drawn: Mask
    probability: Floats
    partner: Integers
    partner_probability: Floats
    reverse: Integers
    k: int
    n_drawn: int
    n_partners: int
    name: str
    round: int
    paths: NDArray[Any] | None = None

    @cached_property
    def partner_entries(self) -> Integers:
        """Entry of each sample's partner; -1 if there is none, or not among the entries."""
        order = np.argsort(self.index)
        found = order[np.searchsorted(self.index, self.partner, sorter=order) % len(order)]
        return np.where(self.index[found] == self.partner, found, -1)

    @cached_property
    def typed(self) -> set[tuple[str, str, int, int]]:
        """All that people said: the draw's name, "answers" or "second", the sample's index, and the answer's code."""
        return {
            (self.name, whose, index, code)
            for whose in ("answers", "second")
            for index, code in zip(self.index.tolist(), getattr(self, whose).tolist(), strict=True)
            if code != OPEN
        }

    def merged(self, other: Draw) -> Draw:
        """Return this draw with the entries and answers of another part of it; raise a ValueError where both differ."""
        at = {index: entry for entry, index in enumerate(other.index.tolist())}
        found: dict[str, Any] = {}
        for name in ("answers", "second"):
            mine, listed = getattr(self, name), getattr(other, name)
            theirs = np.array([listed[at[i]] if i in at else OPEN for i in self.index.tolist()], dtype=np.int64)
            both = (mine != OPEN) & (theirs != OPEN) & (mine != theirs)
            if both.any():
                raise ValueError(
                    f"audits of the same samples must not contradict each other; they do at index "
                    f"{self.index[both][0]}{f' and {both.sum() - 1} more' if both.sum() > 1 else ''}. Settle the "
                    f"answers in one of them, or copy one person's into the other's column second_opinion."
                )
            found[name] = np.where(mine == OPEN, theirs, mine)
        answered = replace(self, **found)
        more = ~np.isin(other.index, self.index)
        joined: dict[str, Any] = {
            name: np.concatenate([mine, getattr(other, name)[more]])
            for name, mine in vars(answered).items()
            if isinstance(mine, np.ndarray) and getattr(other, name) is not None
        }
        return replace(answered, **joined)


def draw_samples(
    data: LabeledSamples,
    error_probability: Floats,
    suggested: Codes,
    n: int,
    rng: np.random.Generator,
    *,
    pairs: bool,
    number: int = 1,
    known: Mask | None = None,
    paths: NDArray[Any] | None = None,
) -> Draw:
    """Draw n samples, and a partner of each if `pairs` (`labelnoise.diagnosis.auditing.design`).

    Parameters
    ----------
    data : LabeledSamples
        The samples.
    error_probability : (N,) array
        Pr(label i is wrong).
    suggested : (N,) int array
        Most probable true label of each sample.
    n : int
        Number of samples to draw, partners not counted.
    rng : numpy.random.Generator
        Source of randomness.
    pairs : bool
        Whether partners are drawn; this needs neighbors, and k of at least 2.
    number : int, default 1
        Number of the round.
    known : (N,) bool array, optional
        Samples that earlier rounds checked. They are not drawn again, but may be partners.
    paths : (N,) array, optional
        Paths of the images.
    """
    size = len(data.codes)
    reverse, as_partner = np.zeros(size, dtype=np.int64), np.zeros(size)
    if pairs:
        assert data.neighbors is not None
        indices = data.neighbors.indices[:, : data.k]
        reverse = reverse_counts(indices, size)
    probabilities = drawing_probabilities(error_probability, n, reverse=reverse if pairs else None, known=known)
    drawn = draw_positions(probabilities, rng)
    partners = np.full(len(drawn), -1, dtype=np.int64)
    if pairs:
        as_partner = partner_probabilities(probabilities, indices)
        partners = draw_partners(drawn, indices, rng)
    together = np.stack([drawn, partners], axis=1).ravel()
    together = together[together >= 0]
    _, first = np.unique(together, return_index=True)
    positions = together[np.sort(first)]
    partner_of = np.full(size, -1, dtype=np.int64)
    partner_of[drawn] = np.where(partners >= 0, data.rows[partners], -1)
    design = (number, drawn.tolist(), partners.tolist(), [f"{p:.6g}" for p in probabilities[drawn]])
    return Draw(
        index=data.rows[positions],
        given=data.codes[positions],
        suggested=suggested[positions],
        answers=np.full(len(positions), OPEN, dtype=np.int64),
        second=np.full(len(positions), OPEN, dtype=np.int64),
        is_drawn=np.isin(positions, drawn),
        probability=probabilities[positions],
        partner=partner_of[positions],
        partner_probability=as_partner[positions],
        reverse=reverse[positions],
        k=data.k if pairs else 0,
        n_drawn=len(drawn),
        n_partners=int(np.count_nonzero(partners >= 0)),
        name=f"draw-{hashlib.sha256(repr(design).encode()).hexdigest()[:8]}",
        round=number,
        paths=None if paths is None else np.asarray(paths)[positions],
    )
