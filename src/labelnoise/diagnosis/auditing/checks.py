"""From an audit's answers to checks with weights, which all estimates take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Integers
from labelnoise.diagnosis.auditing.draws import OPEN, UNSURE, Draw
from labelnoise.diagnosis.auditing.survey import Checks
from labelnoise.diagnosis.inputs import LabeledSamples

MOST_DRAWN = 0.25
"""Share of all samples above which partners no longer count for means: drawing without repetition then says more."""


class Units(NamedTuple):
    """The answered checks of one draw: entry, unit 0..n_units-1 and 1 / (N E_i) of each; 1 - pi_i of each unit."""

    entries: Integers
    units: Integers
    weights: Floats
    unseen: Floats


def answered_units(draw: Draw, n_samples: int) -> Units | None:
    """Return the answered checks of one draw; None if no drawn sample has an answer.

    Answers that are missing are taken to be missing at random, among the drawn samples and among the partners. So a
    share a of the drawn samples and b of the partners was checked, and sample i is expected to be checked
    E_i = a pi_i + b pi'_i times. A partner counts only together with its drawn sample, since it may have been known
    from an earlier audit.
    """
    drawn = np.flatnonzero(draw.is_drawn & (draw.answers != OPEN))
    if not len(drawn):
        return None
    partners = draw.partner_entries[drawn]
    with_partner = (partners >= 0) & (draw.answers[partners] != OPEN)
    if draw.n_drawn > MOST_DRAWN * n_samples:
        with_partner[:] = False
    share_drawn = len(drawn) / draw.n_drawn
    share_partners = int(with_partner.sum()) / max(draw.n_partners, 1)
    expected = share_drawn * draw.probability + share_partners * draw.partner_probability
    unit = np.arange(len(drawn))
    entries = np.concatenate([drawn, partners[with_partner]])
    unseen = np.ones(len(drawn)) if with_partner.any() else 1 - share_drawn * draw.probability[drawn]
    weights = 1 / (n_samples * expected[entries])
    return Units(entries, np.concatenate([unit, unit[with_partner]]), weights, unseen)


def checks_of(data: LabeledSamples, draws: Sequence[Draw], posteriors: Sequence[NDArray[np.float32]]) -> Checks | None:
    """Return the answered checks of several draws as one; None if there are none.

    Parameters
    ----------
    data : LabeledSamples
        The samples.
    draws : sequence of Draw
        The draws.
    posteriors : sequence of (N, L) arrays
        Pr(true label) for each draw, from what was known before it.
    """
    size = len(data.codes)
    found = [answered_units(draw, size) for draw in draws]
    kept = [(draw, post, units) for draw, post, units in zip(draws, posteriors, found, strict=True) if units]
    if not kept:
        return None
    sizes = np.array([len(units.unseen) for _, _, units in kept])
    shares = sizes / sizes.sum()
    positions = [np.searchsorted(data.rows, draw.index[units.entries]) for draw, _, units in kept]
    answers = np.concatenate([draw.answers[units.entries] for draw, _, units in kept])
    starts = np.cumsum(sizes) - sizes
    return Checks(
        positions=np.concatenate(positions),
        truth=np.where(answers == UNSURE, -1, answers),
        weights=np.concatenate([share * units.weights for share, (_, _, units) in zip(shares, kept, strict=True)]),
        posterior=np.concatenate([post[at] for at, (_, post, _) in zip(positions, kept, strict=True)]).astype(float),
        units=np.concatenate([start + units.units for start, (_, _, units) in zip(starts, kept, strict=True)]),
        rounds=np.repeat(np.arange(len(kept)), sizes),
        unseen=np.concatenate([units.unseen for _, _, units in kept]),
        shares=shares,
        posteriors=tuple(post for _, post, _ in kept),
    )
