"""How far a network's accuracy lies from the family of analytic curves, as measured on networks.

A training is a draw: at one noise rate, repeated trainings differ by more than a finite test set explains, and their
mean departs from every curve of the family. Both are small where the accuracy is near 0 or 1, as a share's variance is,
so one number describes them: the variance of an accuracy a is a (1 - a) (1 / n_test + misfit^2), that of a share of
test samples whose errors are correlated by misfit^2 (`MISFIT`).
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats

MISFIT = 0.13
"""Standard deviation of one training around the nearest curve of the family, in units of sqrt(a (1 - a)).

For each of six measured sweeps it is, over single trainings at noise rates above 0: 0.10 (CIFAR-10, uniform), 0.11
(MNIST, matrix), 0.11 (MNIST, flip, state chosen by noisy validation labels), 0.15 (MNIST, uniform), 0.14 and 0.22
(CIFAR-10 and MNIST, flip, state chosen by clean validation labels, which departs from the family beyond 50 % noise).
The number lies between the root mean square of all, 0.145, and that of the first four, 0.12.
`benchmarks/effective_k.py` computes them.
"""


def accuracy_variance(accuracy: Floats, n_test: int, misfit: float) -> Floats:
    r"""Return the variance of measured accuracies around a network's curve in the family.

    .. math:: v = a (1 - a) (1 / n_{test} + m^2)

    The accuracy is drawn toward 1/2 as if two more samples were right and two wrong, so that v is never 0.

    Parameters
    ----------
    accuracy : array of shape (n_rates,)
        a, in [0, 1].
    n_test : int
        Number of test samples.
    misfit : float
        m, at least 0.
    """
    share = (accuracy * n_test + 2) / (n_test + 4)
    return np.asarray(share * (1 - share) * (1 / n_test + misfit**2))
