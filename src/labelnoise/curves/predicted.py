"""Predicted accuracy under label noise, without drawing a single noisy label.

A vote has one of two models (`vote_models`), at every noise rate that noise may have in a neighborhood
(`local_rates`); the accuracy is the mean over test samples (`expected_votes`, Eq. 1), drawn as a curve or, over noise
rate and concentration, as a `surface`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from labelnoise.curves.curve import AccuracyCurve
from labelnoise.curves.expected_votes import Prediction
from labelnoise.curves.measured import PlacedNoise, Simulation, check_knn_labels
from labelnoise.curves.vote_models import MODELS, FiniteVotes, IidVotes, VoteModel
from labelnoise.labels import encode_labels
from labelnoise.neighborhoods.neighbors import Neighbors
from labelnoise.neighborhoods.votes import label_histogram
from labelnoise.noise import NoiseModel, check_class_count, check_noise
from labelnoise.placement import Spread
from labelnoise.validation import (
    check_choice,
    check_concentration,
    check_distributions,
    check_ks,
    check_noise_rates,
    check_ties,
)


def expected_placement(concentration: float) -> dict[str, Any]:
    """The placement that a prediction stands for."""
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
    """Expected accuracy of a plurality vote under label noise, over noise rates and neighborhood sizes.

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
    labels : array-like of shape (n_test,)
        True classes of the test samples: integers 0..n_classes-1, or classes in the columns' order (see `classes`).
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
        The classes of the columns, for labels other than integers 0..n_classes-1.

    Returns
    -------
    AccuracyCurve
        Predicted accuracy, per class too; tolerance and confusion matrices on demand.

    Raises
    ------
    ValueError, TypeError
        Bad distributions, labels, rates, k or tie rule; each says what to do.

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
    clean = check_distributions(clean_distribution, "clean_distribution")
    if clean.ndim != 2 or len(clean) == 0:
        raise ValueError(f"`clean_distribution` must have shape (n_test, n_classes); got {clean.shape}.")
    n_classes = clean.shape[1]
    codes, known = encode_labels(
        labels, classes=classes, n_classes=n_classes, n_classes_is="one per column of `clean_distribution`"
    )
    if len(codes) != len(clean):
        raise ValueError(
            f"`clean_distribution` and `labels` must have one row and one label per test sample; "
            f"got {len(clean)} and {len(codes)}."
        )
    check_class_count(noise, n_classes)
    distinct_ks = tuple(np.unique(ks).tolist())
    votes = IidVotes.of(clean, codes, distinct_ks, noise, ties, rho)
    return Prediction((votes,), n_classes, None).curve(
        rates,
        ks,
        ties=ties,
        model="iid",
        noise=noise.parameters(),
        placement=expected_placement(rho),
        classes=known,
    )


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
) -> AccuracyCurve:
    """Predicted accuracy of a nearest-neighbor classifier trained on noisy labels.

    With m the number of the K neighbors that are selected, and W_s[m] the probability that the true class of test
    sample s wins the vote when m of its neighbors' labels, any m alike, are redrawn::

        A = mean over s of  sum over m of  Pr(m) W_s[m]

    Pr(m) is hypergeometric under spread noise, beta-binomial under concentrated noise. ``model="iid"`` is Eq. 1-3 with
    the clean distribution taken at each k from the labels of that many neighbors.

    Parameters
    ----------
    neighbors : Neighbors
        Of the test samples among the training samples, at least ``max(k)`` each; a scikit-learn k-NN graph or an
        array of indices will do as well.
    train_labels : array-like of shape (n_train,)
        Clean training labels.
    test_labels : array-like of shape (n_test,)
        True labels of the queries (of the training samples themselves, if those were the queries).
    noise, noise_rates, k, ties, concentration
        As in `accuracy_curve`.
    model : {"finite", "iid"}, default "finite"
        "finite": the neighbors' clean labels are what they are, and only the corruption is random; at noise rate 0
        this is the clean vote itself. Exact for uniform and flip noise; a general matrix is sampled where a
        neighborhood holds several classes (`AccuracyCurve.sampling_error`). "iid": the K labels are drawn
        independently from q(s), clean ones included (Eq. 2, the paper's curves).

    Returns
    -------
    AccuracyCurve

    Raises
    ------
    ValueError, TypeError
        As `accuracy_curve`; test labels of a class that the training set lacks; fewer neighbors than k.

    Examples
    --------
    >>> import labelnoise as ln
    >>> features, labels = [[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1]
    >>> curve = ln.predict_knn(ln.neighbors(features, k=1), labels, labels, ln.FlipNoise(), [0.0, 0.25], 1)
    >>> curve.accuracy.ravel().tolist()
    [1.0, 0.75]
    """
    check_noise(noise)
    check_ties(ties)
    check_choice(model, MODELS, "model")
    rates = check_noise_rates(noise_rates)
    rho = check_concentration(concentration)
    ks = check_ks(k)
    hoods, train_codes, test_codes, known = check_knn_labels(neighbors, train_labels, test_labels, noise, ks)
    votes: list[VoteModel] = []
    for size in np.unique(ks).tolist():
        counts = label_histogram(train_codes, hoods.indices, size, len(known))
        if model == "finite":
            votes.append(FiniteVotes.of(counts, test_codes, noise, ties, rho, len(train_codes)))
        else:
            votes.append(IidVotes.of(counts / size, test_codes, (size,), noise, ties, rho))
    simulation = None
    if rho == 0:  # the concentration alone does not say which neighborhoods are noisy together
        spread = PlacedNoise(train_codes, len(known), noise, Spread(), None)
        simulation = Simulation(hoods.indices, spread, test_codes, len(known), ties, seed=0)
    return Prediction(tuple(votes), len(known), simulation).curve(
        rates,
        ks,
        ties=ties,
        model=model,
        noise=noise.parameters(),
        placement=expected_placement(rho),
        classes=known,
        n_train=len(train_codes),
    )
