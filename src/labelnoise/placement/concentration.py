r"""How concentrated noise is: the correlation rho of a mask in neighborhoods, its uncertainty and its scale.

With :math:`g_s` the marked share of the K neighbors of query s, and :math:`\gamma` the marked share of all training
samples,

.. math:: \rho = \frac{\overline{(g_s - \gamma)^2} - \gamma(1-\gamma)/K}{\gamma(1-\gamma)(1 - 1/K)}

is 0 for spread and 1 for fully concentrated noise. It is the intra-class correlation of survey statistics, with design
effect 1 + (K-1) rho. Deviations are taken from :math:`\gamma`, not from the mean of :math:`g_s`. Then the mean of rho
over all ways to mark the same number of the N samples is exactly -1/(N-1), whatever the neighborhoods, however much
they overlap and however few they are. Around the mean of :math:`g_s`, rho would be biased by the variance of that mean.

Overlapping neighborhoods are not independent draws. So two questions have different answers. *Is the noise spread?* is
answered exactly, by marking other samples at random (`concentration_test`). *How precise is rho?* is answered by a
jackknife that leaves out whole regions of the neighborhood graph (`labelnoise.placement.jackknife`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labelnoise.arrays import Floats, Integers, Mask
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.placement.jackknife import jackknife_standard_error
from labelnoise.validation import check_count, check_ks, seed_of, to_array


@dataclass(frozen=True)
class ConcentrationTest:
    """The concentration of a mask, and how it compares with spread noise.

    Attributes
    ----------
    concentration : float
        The concentration rho.
    standard_error : float
        Standard error of rho over masks of the same process, by the jackknife over regions; NaN for fewer than 128
        different neighbors. It is too small if a handful of regions hold all the noise: these are one draw of a few,
        and a single mask cannot show how the next one would differ.
    p_value : float
        Share of the random masks, with this mask counted among them, that are at least as concentrated.
    z : float
        Distance of rho from the mean of the random masks, in their standard deviations.
    null_standard_deviation : float
        Standard deviation of rho over the random masks.
    noise_rate, neighborhood_rate : float
        Marked share of the training samples, and of the neighbors (hubs count as often as they occur).
    k, n_queries, n_train, permutations, seed : int
        Neighborhood size, numbers of queries, training samples and random masks, and the seed of the random masks.
    """

    concentration: float
    standard_error: float
    p_value: float
    z: float
    null_standard_deviation: float
    noise_rate: float
    neighborhood_rate: float
    k: int
    n_queries: int
    n_train: int
    permutations: int
    seed: int

    def __str__(self) -> str:
        return (
            f"concentration {self.concentration:.4f} (standard error {self.standard_error:.4f}) in neighborhoods of "
            f"{self.k}; spread noise: p = {self.p_value:.4g}, z = {self.z:.1f} ({self.permutations} permutations)"
        )


def neighborhood_rates(mask: Mask, indices: NDArray[Any], k: int) -> Floats:
    """Return the marked share g_s of each row's k nearest training samples."""
    return np.count_nonzero(mask[indices[:, :k]], axis=1) / k


def correlations_of(rates: Floats, noise_rate: float, k: int) -> Floats:
    """Return each query's term of rho, from the marked shares g_s and gamma; rho is the mean of these terms."""
    variance = noise_rate * (1 - noise_rate)
    return ((rates - noise_rate) ** 2 - variance / k) / (variance * (1 - 1 / k))


def around_own_mean(rho: ArrayLike, noise_rate: ArrayLike, neighborhood_rate: ArrayLike, k: ArrayLike) -> Floats:
    r"""Convert rho from deviations from gamma to deviations from the mean noise rate m of the neighborhoods.

    The mean of :math:`(g_s - m)^2` is that of :math:`(g_s - \gamma)^2` less :math:`(m - \gamma)^2`. Together with m,
    the result says how much local noise rates vary where neighborhoods hold more or less noise than the training set.
    It is 0 if m is 0 or 1, and NaN for k = 1.
    """
    correlation, gamma, mean, size = (np.asarray(v, dtype=np.float64) for v in (rho, noise_rate, neighborhood_rate, k))
    variance, own = gamma * (1 - gamma), mean * (1 - mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = variance * (correlation * (1 - 1 / size) + 1 / size) - (mean - gamma) ** 2
        found: Floats = np.where(own > 0, (squares - own / size) / (own * (1 - 1 / size)), 0.0)
    return found


def mask_concentration(mask: Mask, indices: NDArray[Any], k: int) -> float:
    """Return rho of a mask in each row's k nearest training samples, without checking them (`concentration` does)."""
    return float(correlations_of(neighborhood_rates(mask, indices, k), float(mask.mean()), k).mean())


def check_mask(mask: Any, neighbors: Any, k: Any) -> tuple[Mask, Neighbors, Integers]:
    """Return a checked mask that marks some samples and not all, its neighbors, and sizes of at least 2."""
    values = to_array(mask)
    if values.ndim != 1 or not (values.dtype == bool or np.isin(values, (0, 1)).all()):
        raise ValueError(
            f"`mask` must be one True or False per training sample; got {values.dtype} of shape {values.shape}. "
            f"From labels: noisy_labels != clean_labels."
        )
    marked = values.astype(bool)
    count = np.count_nonzero(marked)
    if count in (0, len(marked)):
        raise ValueError(
            f"`mask` must mark some of the samples and not all: without variation there is no correlation; "
            f"{count} of {len(marked)} are marked."
        )
    hoods = as_neighbors(neighbors, n_train=len(marked), k=k)
    sizes = hoods.check_ks(k)
    if sizes.min() < 2:
        raise ValueError(f"`k` must be at least 2: one neighbor correlates with no other; got {sizes.min()}.")
    return marked, hoods, sizes


def _check_one(mask: Any, neighbors: Any, k: Any) -> tuple[Mask, NDArray[Any]]:
    size = check_count(k, "k")
    marked, hoods, _ = check_mask(mask, neighbors, size)
    return marked, np.ascontiguousarray(hoods.indices[:, :size])


def concentration(mask: ArrayLike, neighbors: Any, k: int) -> float:
    r"""Return the correlation of a noise mask in neighborhoods: 0 if spread, 1 if fully concentrated.

    .. math:: \rho = \frac{\overline{(g_s - \gamma)^2} - \gamma(1-\gamma)/K}{\gamma(1-\gamma)(1 - 1/K)}

    with :math:`g_s` the marked share of the K neighbors of query s, and :math:`\gamma` that of all training samples.
    Spread noise of an exact count has mean -1/(n_train - 1). Values below 0 mean that marked samples avoid each other.

    Parameters
    ----------
    mask : (n_train,) bool array
        True for the samples that were selected, or for those whose label changed.
    neighbors : Neighbors, (n_queries, K) int array or sparse graph
        Neighbors of the queries among the training samples. To predict test accuracy, the queries are the test samples.
    k : int
        Neighborhood size, at least 2: the scale on which concentration is measured.

    Returns
    -------
    float
        rho; at most 1 if the marked share of the neighbors is that of the training set.

    Raises
    ------
    ValueError, TypeError
        The mask marks nothing or everything, or is of another training set; k is below 2 or too large for `neighbors`.

    Examples
    --------
    >>> hoods = [[0, 1, 2], [1, 2, 0], [3, 4, 5], [5, 3, 4]]
    >>> concentration([True, True, True, False, False, False], hoods, k=3)
    1.0
    >>> round(concentration([True, False, True, False, True, False], hoods, k=3), 3)
    -0.333
    """
    marked, indices = _check_one(mask, neighbors, k)
    return mask_concentration(marked, indices, indices.shape[1])


def concentration_profile(mask: ArrayLike, neighbors: Any, ks: Iterable[int]) -> Floats:
    """Return `concentration` at several neighborhood sizes, which shows the scale on which the noise is concentrated.

    Noise in tiny clusters has a large rho at small k, which falls quickly with k. Noise in large regions keeps its rho
    over many k. A prediction for some k needs the rho of that k.

    Parameters
    ----------
    mask, neighbors
        As in `concentration`.
    ks : sequence of int
        Neighborhood sizes, each at least 2, in any order.

    Returns
    -------
    (len(ks),) array
        rho at each size.

    Raises
    ------
    ValueError, TypeError
        As `concentration`.

    Examples
    --------
    >>> hoods = [[0, 1, 2, 3], [2, 3, 0, 1]]
    >>> concentration_profile([True, True, False, False], hoods, [2, 4]).round(3).tolist()
    [1.0, -0.333]
    """
    marked, hoods, sizes = check_mask(mask, neighbors, check_ks(ks, name="ks").tolist())
    return np.array([mask_concentration(marked, hoods.indices, int(size)) for size in sizes])


def concentration_test(
    mask: ArrayLike,
    neighbors: Any,
    k: int,
    *,
    permutations: int = 199,
    random_state: int | np.random.Generator | None = None,
) -> ConcentrationTest:
    """Return `concentration` with a standard error, and a permutation test against spread noise.

    Under spread noise, every mask with the same number of samples is equally likely. So with R random masks
    p = (1 + number of them at least as concentrated) / (1 + R) is exact, however much neighborhoods overlap.

    Parameters
    ----------
    mask, neighbors, k
        As in `concentration`.
    permutations : int, default 199
        Number of random masks, R; the smallest possible p is 1/(R + 1).
    random_state : int, numpy.random.Generator or None
        Seed of the random masks; the result holds the seed that was used.

    Returns
    -------
    ConcentrationTest

    Raises
    ------
    ValueError, TypeError
        As `concentration`.

    Examples
    --------
    >>> import numpy as np
    >>> positions = np.arange(200)
    >>> hoods = (positions[:, None] + np.arange(1, 11)) % 200  # on a circle
    >>> result = concentration_test(positions < 60, hoods, 10, random_state=0)
    >>> round(result.concentration, 2), result.p_value
    (0.91, 0.005)
    """
    n_random = check_count(permutations, "permutations")
    marked, indices = _check_one(mask, neighbors, k)
    size = indices.shape[1]
    rho = mask_concentration(marked, indices, size)
    seed = seed_of(random_state)
    rng = np.random.default_rng(seed)
    null = np.array([mask_concentration(rng.permutation(marked), indices, size) for _ in range(n_random)])
    null_deviation = float(null.std())
    return ConcentrationTest(
        concentration=rho,
        standard_error=jackknife_standard_error(marked, indices),
        p_value=float((1 + np.count_nonzero(null >= rho)) / (1 + n_random)),
        z=float((rho - null.mean()) / null_deviation) if null_deviation > 0 else np.nan,
        null_standard_deviation=null_deviation,
        noise_rate=float(marked.mean()),
        neighborhood_rate=float(neighborhood_rates(marked, indices, size).mean()),
        k=size,
        n_queries=len(indices),
        n_train=len(marked),
        permutations=n_random,
        seed=seed,
    )
