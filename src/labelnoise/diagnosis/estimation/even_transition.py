"""A transition matrix of one number, for classes that are too many to tell the entries of T apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from labelnoise.arrays import Codes, Floats
from labelnoise.diagnosis.estimation.forward import softmax
from labelnoise.diagnosis.estimation.level import BLOCK_CELLS, Level, even_matrix
from labelnoise.threads import for_each_block


def fit_even_transition(scores: NDArray[np.floating], codes: Codes, start: Level, iterations: int = 150) -> Level:
    r"""Return the fit of the greatest likelihood in which all labels are wrong at one rate r, and evenly.

    .. math:: P(z \mid x) = (1 - r)\, p_z + \frac{r}{L - 1} (1 - p_z), \qquad p = \mathrm{softmax}(\tau\, s(x) + b)

    Where samples are too few for L x L entries, these would explain labels that happen to be wrong by confusions that
    are not there, and the wrong rate would be too high.

    Parameters
    ----------
    scores, codes, start, iterations
        As in `fit_transition`.
    """
    from scipy.optimize import minimize

    n, n_classes = scores.shape
    s, rows = scores.astype(np.float32), np.arange(n)
    s -= s.mean(axis=1, keepdims=True)
    block = max(1, BLOCK_CELLS // n_classes)

    def moments(scale: float, b: Floats, rate: float) -> tuple[float, float, float, Floats]:
        """Return the log-likelihood, and its slopes by scale, rate and offsets."""
        found: list[Any] = [None] * -(-n // block)
        even, factor = rate / (n_classes - 1), 1 - rate - rate / (n_classes - 1)

        def work(start: int, stop: int) -> None:
            part, z, at = s[start:stop], codes[start:stop], rows[: stop - start]
            p = softmax(part * np.float32(scale) + b.astype(np.float32))
            own = p[at, z].astype(np.float64)
            given = np.maximum(even + factor * own, 1e-300)
            pull = (factor * own / given).astype(np.float32)
            found[start // block] = (
                float(np.log(given).sum()),
                float(pull @ (part[at, z] - np.einsum("ij,ij->i", p, part))),
                float((((1 - own) / (n_classes - 1) - own) / given).sum()),
                np.bincount(z, pull, n_classes) - pull @ p,
            )

        for_each_block(work, n, block, "fitting the wrong rate")
        logs, by_scale, by_rate, by_b = zip(*found, strict=True)
        return sum(logs), sum(by_scale), sum(by_rate), np.sum(by_b, axis=0, dtype=np.float64)

    def loss(flat: Floats) -> tuple[float, Floats]:
        scale, b, rate = float(np.exp(flat[0])), flat[2:], float(expit(flat[1]))
        likelihood, by_scale, by_rate, by_b = moments(scale, b, rate)
        slopes = [scale * by_scale, rate * (1 - rate) * by_rate, *(by_b - b)]
        return 0.5 * float(b @ b) / n - likelihood / n, -np.array(slopes) / n

    before = np.clip(1 - np.diag(start.transition).mean(), 1e-6, 1 - 1e-6)
    first = [np.log(start.inverse_temperature), logit(before), *start.offsets]
    bounds = [(-3.0, 3.0), (-16.0, 16.0), *[(None, None)] * n_classes]
    found = minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations, "ftol": 1e-9}
    )
    scale, b, rate = float(np.exp(found.x[0])), found.x[2:], float(expit(found.x[1]))
    return Level(even_matrix(rate, n_classes), scale, b, moments(scale, b, rate)[0] / n)
