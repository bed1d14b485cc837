"""Predicted accuracy under label noise, without drawing a single noisy label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.arrays import Codes
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.inputs import KnnInputs, check_clean_distribution
from labelnoise.curves.measured import Draws, PlacedNoise
from labelnoise.curves.prediction import Prediction
from labelnoise.curves.vote_models import MODELS, FiniteVotes, IidVotes
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.votes import label_histogram
from labelnoise.noise import NoiseModel, check_noise
from labelnoise.placement.concentration import around_own_mean
from labelnoise.placement.spread import Spread
from labelnoise.validation import (
    check_choice,
    check_concentration,
    check_ks,
    check_noise_rates,
    check_ties,
)


def _expected_placement(concentration: float) -> dict[str, Any]:
    """Return the placement that a prediction stands for."""
    if concentration == 0:
        return {"name": "spread"}
    return {"name": "fully concentrated" if concentration == 1 else "concentrated", "concentration": concentration}


def accuracy_curve(
    clean_distribution: ArrayLike,
    labels: ArrayLike,
    noise: NoiseModel,
    noise_rates: float | Iterable[float],
    k: int | Iterable[int],
    *,
    ties: str = "random",
    concentration: float = 0.0,
    classes: ArrayLike | None = None,
) -> AccuracyCurve:
    """Predict the accuracy of a plurality vote under label noise, over noise rates and neighborhood sizes.

    For every test sample s with true class y::

        q_j(s) = (1 - gamma) C_s(j) + gamma sum_i P[i, j] C_s(i)        (Eq. 3)
        Q(s)   = Pr(label y wins the plurality of K draws from q(s))    (Eq. 2)
        A      = mean of Q(s) over the test samples                     (Eq. 1)

    Under concentrated noise Q is averaged over a local noise rate that varies from neighborhood to neighborhood with
    mean gamma (`concentration`; section 3.4 of the paper is its end point 1).

    Parameters
    ----------
    clean_distribution : array-like of shape (n_test, n_classes)
        C, rows sum to 1: from `clean_distribution`, or the softmax (`pred_probs`) of a network trained on clean labels.
        The named columns of a data frame are matched with the classes by name.
    labels : array-like of shape (n_test,)
        True classes of the test samples: integers 0..n_classes-1, or classes that the columns are named by, or that
        pandas' categories or `classes` list in the columns' order. Integers without 0 may count from 1, which the rows
        decide if they are clear.
    noise : NoiseModel
        What a selected label becomes.
    noise_rates : float or sequence of float in [0, 1]
        gamma, the fractions selected.
    k : int or sequence of int
        Neighborhood sizes K, each at least 1.
    ties : {"random", "lowest", "strict"}, default "random"
        What happens when labels share the largest count: one of them at random, the lowest class (scikit-learn's
        vote), or an error (Eq. 2 as printed).
    concentration : float in [0, 1], default 0
        rho: 0 for spread noise, 1 where neighborhoods lie wholly inside or outside the corrupted region, so that
        A is (1 - gamma) times the accuracy without noise plus gamma times the accuracy at noise rate 1.
    classes : sequence, optional
        All classes in code order: that of the columns, unless these are named.

    Returns
    -------
    AccuracyCurve
        Predicted accuracy, per class too; tolerance and confusion matrices on demand.

    Raises
    ------
    ValueError, TypeError
        Bad distributions, labels, rates, k or tie rule; labels that could be meant in two ways, or that are the most
        probable class of their row less often than by chance, beyond doubt. Each says what to do.

    References
    ----------
    Drory, Ratzon, Avidan and Giryes, "The Resistance to Label Noise in K-NN and CNN Depends on its Concentration".

    Examples
    --------
    >>> import labelnoise as ln
    >>> curve = ln.accuracy_curve([[1.0, 0.0]], [0], ln.FlipNoise(), [0.0, 0.25, 0.5], 3)
    >>> curve.accuracy.ravel().round(6).tolist()
    [1.0, 0.84375, 0.5]
    """
    check_noise(noise)
    check_ties(ties)
    rates = check_noise_rates(noise_rates)
    rho = check_concentration(concentration)
    ks = check_ks(k)
    clean, codes, known = check_clean_distribution(clean_distribution, labels, classes)
    noise = noise.for_classes(known)
    votes = IidVotes.of(clean, codes, tuple(np.unique(ks).tolist()), noise, ties, rho)
    setting = CurveSetting(ties, "iid", noise.parameters(), _expected_placement(rho), known, len(codes))
    return Prediction((votes,), len(known), None).curve(rates, ks, setting)


def predict_knn(
    neighbors: Neighbors,
    train_labels: ArrayLike,
    test_labels: ArrayLike,
    noise: NoiseModel,
    noise_rates: float | Iterable[float],
    k: int | Iterable[int],
    *,
    ties: str = "random",
    model: str = "finite",
    concentration: float = 0.0,
    classes: ArrayLike | None = None,
) -> AccuracyCurve:
    """Predict the accuracy of a nearest-neighbor classifier trained on noisy labels.

    Let m be the number of selected samples among the K neighbors, and W_s[m] the probability that the true class of
    test sample s wins the vote when the labels of m of its neighbors, chosen at random, are redrawn. Then::

        A = mean over s of  sum over m of  Pr(m) W_s[m]

    Pr(m) is hypergeometric under spread noise, beta-binomial under concentrated noise. ``model="iid"`` is Eq. 1-3 with
    the clean distribution taken at each k from the labels of that many neighbors.

    Parameters
    ----------
    neighbors : Neighbors
        Of the test samples among the training samples, at least ``max(k)`` each; or a scikit-learn k-NN graph, or an
        array of indices.
    train_labels : array-like of shape (n_train,)
        Clean training labels.
    test_labels : array-like of shape (n_test,)
        True labels of the queries (of the training samples themselves, if those were the queries).
    noise, noise_rates, k, ties
        As in `accuracy_curve`.
    model : {"finite", "iid"}, default "finite"
        "finite": the neighbors' clean labels are what they are, and only the corruption is random; at noise rate 0
        this is the clean vote itself. Exact for uniform and flip noise in all but large mixed neighborhoods; there,
        and for a general matrix where a neighborhood holds many labels of several classes, it is sampled
        (`AccuracyCurve.sampling_error`). "iid": the K labels are
        drawn independently from q(s), clean ones included (Eq. 2, the paper's curves). See the notes for the cost.
    concentration : float in [0, 1], default 0
        As in `accuracy_curve`.
    classes : sequence, optional
        All classes in code order, where the training labels alone do not show them.

    Returns
    -------
    AccuracyCurve

    Raises
    ------
    ValueError, TypeError
        As `accuracy_curve`; test labels of a class that the training set lacks; fewer neighbors than k.

    Notes
    -----
    The finite model takes time once for each distinct neighborhood (clean label counts and true class), whatever the
    number of noise rates. Under uniform noise with ties at random, that is about 0.1 ms of processor time at K = 10. It
    grows with the number of classes in the neighborhood: at K = 30 from 0.1 ms for two to 0.9 ms for thirty, at K = 100
    from 0.5 ms for two over 4 ms for ten to 9 ms for a hundred. Ties to the lowest class take about 1 ms at K = 100.
    Above K = 200, neighborhoods of many classes are sampled. A general matrix takes about 0.015 ms per neighbor for
    each distinct mixed neighborhood, or at most 2 ms where it is exact.

    Examples
    --------
    >>> import labelnoise as ln
    >>> features, labels = [[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1]
    >>> curve = ln.predict_knn(ln.neighbors(features, k=1), labels, labels, ln.FlipNoise(), [0.0, 0.25], 1)
    >>> curve.accuracy.ravel().tolist()
    [1.0, 0.75]
    """
    check_ties(ties)
    check_choice(model, MODELS, "model")
    rates, rho = check_noise_rates(noise_rates), check_concentration(concentration)
    inputs, train_codes, noise = KnnInputs.of_labels(neighbors, train_labels, test_labels, noise, k, classes)
    models = _models(inputs, train_codes, noise, ties, model, rho)
    draws = None
    if rho == 0:  # the concentration alone does not say which neighborhoods are noisy together
        draws = Draws(inputs, PlacedNoise(train_codes, inputs.n_classes, noise, Spread(), None), ties, seed=0)
    setting = inputs.setting(ties, model, noise.parameters(), _expected_placement(rho))
    return Prediction(models, inputs.n_classes, draws).curve(rates, inputs.ks, setting)


def _models(
    inputs: KnnInputs, train_codes: Codes, noise: NoiseModel, ties: str, model: str, concentration: float
) -> list[FiniteVotes] | list[IidVotes]:
    """Return a model of the votes for each k."""
    sizes, codes = np.unique(inputs.ks).tolist(), inputs.test_codes
    counts = [label_histogram(train_codes, inputs.indices, size, inputs.n_classes) for size in sizes]
    if model == "finite":
        return [FiniteVotes.of(of_k, codes, noise, ties, concentration, inputs.n_train) for of_k in counts]
    return [
        IidVotes.of(of_k / size, codes, (size,), noise, ties, concentration)
        for size, of_k in zip(sizes, counts, strict=True)
    ]


def predict_as_measured(
    neighbors: Neighbors,
    train_labels: ArrayLike,
    test_labels: ArrayLike,
    noise: NoiseModel,
    measured: AccuracyCurve,
    model: str = "finite",
) -> AccuracyCurve:
    """Predict a measured curve from where its noise lies: its rate and rho in the neighborhoods that vote.

    The noise rate that was asked for does not say enough. A cluster's share differs from it, hubs bring more noise into
    neighborhoods than the training set holds, and how concentrated the noise is differs with the noise rate and with k.
    All of this is taken from the masks that were drawn; the measured accuracy is not used.

    Parameters
    ----------
    neighbors, train_labels, test_labels, noise
        As given to `simulate_knn`.
    measured : AccuracyCurve
        Its result.
    model : {"finite", "iid"}, default "finite"
        As in `predict_knn`.

    Returns
    -------
    AccuracyCurve
        At the measured curve's realized noise rates and k.
    """
    classes, ties = measured.setting.classes, measured.setting.ties
    if ties is None:
        raise ValueError(
            "`measured` must be of neighbors that vote (simulate_knn); got the curve of "
            f"{measured.setting.classifier}. Draw it over accuracy_curve of its clean probabilities."
        )
    inputs, train_codes, noise = KnnInputs.of_labels(neighbors, train_labels, test_labels, noise, measured.k, classes)
    asked = np.broadcast_to(measured.realized_noise_rates[:, None], measured.accuracy.shape)
    rates = asked if measured.neighborhood_noise_rates is None else measured.neighborhood_noise_rates
    rhos = np.zeros(rates.shape) if measured.realized_concentrations is None else measured.realized_concentrations
    rhos = np.clip(np.nan_to_num(around_own_mean(rhos, asked, rates, measured.k)), 0.0, 1.0)
    placement = {"name": "as measured in the neighborhoods"}
    setting = inputs.setting(ties, model, noise.parameters(), placement)
    votes = {v.ks[0]: v for v in _models(inputs, train_codes, noise, ties, model, 0.0)}

    def cell(row: int, column: int) -> AccuracyCurve:
        k, rho = int(measured.k[column]), float(rhos[row, column])
        prediction = Prediction([replace(votes[k], concentration=rho)], inputs.n_classes, None)
        return prediction.curve(rates[row, column : column + 1], measured.k[column : column + 1], setting)

    cells = [[cell(row, column) for column in range(len(measured.k))] for row in range(len(rates))]
    return AccuracyCurve(
        noise_rates=measured.realized_noise_rates,
        k=measured.k,
        accuracy=np.array([[found.accuracy[0, 0] for found in row] for row in cells]),
        per_class=np.array([[found.per_class[0, 0] for found in row] for row in cells]),
        setting=setting,
        realized_noise_rates=measured.realized_noise_rates,
        neighborhood_noise_rates=rates,
        realized_concentrations=rhos,
    )
