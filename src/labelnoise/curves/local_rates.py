"""The noise rate inside a neighborhood: the same everywhere for spread noise, 0 or 1 for fully concentrated noise.

The concentration rho is the intra-class correlation of the selected mask over neighborhoods. A neighborhood's own
noise rate g has mean gamma and variance rho gamma (1 - gamma); it is modeled as a Beta distribution,

    g ~ Beta(gamma (1 - rho)/rho, (1 - gamma)(1 - rho)/rho),

which degenerates to the constant gamma at rho = 0 and to Bernoulli(gamma) at rho = 1.
"""

from __future__ import annotations

import numpy as np

from labelnoise.arrays import Floats


def local_rate_distribution(noise_rate: float, concentration: float, degree: int) -> tuple[Floats, Floats]:
    """Return rates and weights whose weighted sum is the mean over g of any polynomial in g up to `degree`.

    Q(s) is a polynomial of degree K in the noise rate (q is linear in it, Eq. 3, and Q of degree K in q, Eq. 2), so the
    Gauss rule with K//2 + 1 nodes is exact, not an approximation. The rule follows from the three-term recurrence of
    the Jacobi polynomials (Golub and Welsch 1969), which for rho -> 0 stays finite where densities overflow.
    """
    if concentration < 1e-30 or noise_rate in (0.0, 1.0):  # so little variance changes no digit, and 1/rho may overflow
        return np.array([noise_rate]), np.array([1.0])
    if concentration == 1:
        return np.array([0.0, 1.0]), np.array([1 - noise_rate, noise_rate])
    from scipy.linalg import eigh_tridiagonal

    # Beta(a, b) on [0, 1] is the Jacobi weight with exponents b - 1 and a - 1 on [-1, 1], mapped by g = (1 + x)/2
    total = (1 - concentration) / concentration
    a, b = noise_rate * total, (1 - noise_rate) * total
    n = np.arange(1, degree // 2 + 1, dtype=np.float64)
    diagonal = np.empty(len(n) + 1)
    diagonal[0] = noise_rate
    m = n - 1  # written so that nothing cancels where a or b is tiny
    s = 2 * m + total
    diagonal[1:] = 0.5 + ((a - b) / s) * ((total - 2) / (s + 2)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        off = ((m + a) / s) * ((m + b) / s) * n * ((m + total - 1) / (s + 1)) / (s - 1)
    if len(off):
        off[0] = noise_rate * (1 - noise_rate) / (total + 1)  # the general form is 0/0 at total = 1
    nodes, vectors = eigh_tridiagonal(diagonal, np.sqrt(off))
    weights: Floats = vectors[0] ** 2
    return np.clip(nodes, 0.0, 1.0), weights / weights.sum()
