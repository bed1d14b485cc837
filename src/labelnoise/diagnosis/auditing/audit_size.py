"""How many labels to check for an interval of a wanted width, said before anyone checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.diagnosis.auditing.design import LEAST, drawing_probabilities

if TYPE_CHECKING:
    from pandas import DataFrame

    from labelnoise.diagnosis.estimation.transition import NoiseEstimate

WIDTHS = (0.02, 0.04, 0.06, 0.1, 0.15, 0.2)
"""Widths of the table: plus or minus 1 to 10 points."""

_Z = 1.96


def audit_size(noise: NoiseEstimate, width: float) -> tuple[int, int]:
    """Return how many labels to check for a 95 % interval of the wrong rate of this width, without pairs.

    The width is 2 z sqrt(V / n), with V the mean of v_i / (N p_i) over the N samples and p_i = pi_i / n (`design`). It
    is never below z^2 / n, which is what an audit that finds nothing leaves open.

    Parameters
    ----------
    noise : NoiseEstimate
        What the models say; only Pr(label i is wrong), e_i, is used.
    width : float in (0, 1)
        Wanted width, high - low: 0.06 for plus or minus 3 points.

    Returns
    -------
    predicted, worst : int
        Number if the models are right, v_i = e_i (1 - e_i); and if they see nothing, and half of the labels may be
        wrong, v_i = 1/4. Both are at most N, since nothing is open when all labels are checked.

    Raises
    ------
    ValueError
        The width does not lie between 0 and 1.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> audit_size(SimpleNamespace(wrong_probability=np.full(10_000, 0.1)), 0.1)
    (139, 385)
    """
    if not 0 < width < 1:
        cure = " In points? Divide it by 100." if width >= 1 else ""
        raise ValueError(
            f"`width` must lie between 0 and 1, such as 0.06 for plus or minus 3 points; got {width}.{cure}"
        )
    errors = np.clip(np.asarray(noise.wrong_probability, dtype=np.float64), LEAST, 1 - LEAST)
    size = len(errors)
    shares = drawing_probabilities(errors, 1)
    sizes = []
    for variances in (errors * (1 - errors), np.full(size, 0.25)):
        needed = float((variances / shares).sum()) / size**2 * (2 * _Z / width) ** 2
        sizes.append(min(size, int(np.ceil(max(needed, _Z**2 / width)))))
    return sizes[0], sizes[1]


def audit_sizes(noise: NoiseEstimate, widths: Sequence[float] = WIDTHS) -> DataFrame:
    """Return `audit_size` for several widths, with columns width, predicted and worst.

    Examples
    --------
    >>> import labelnoise as ln
    >>> diagnosis = ln.diagnose([0, 0, 1, 1] * 50, pred_probs=[[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.2, 0.8]] * 50)
    >>> sizes = audit_sizes(diagnosis.noise, [0.1, 0.2])
    >>> list(sizes), bool((sizes["predicted"] <= sizes["worst"]).all())
    (['width', 'predicted', 'worst'], True)
    """
    import pandas as pd

    sizes = np.array([audit_size(noise, width) for width in widths])
    return pd.DataFrame({"width": list(widths), "predicted": sizes[:, 0], "worst": sizes[:, 1]})
