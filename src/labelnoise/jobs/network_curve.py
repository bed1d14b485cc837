"""The curve of a network whose accuracy is known at one or two noise rates, for `labelnoise curve`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labelnoise.noise import NoiseModel
from labelnoise.softmax.effective import fit_effective_k
from labelnoise.softmax.fitted import CurveBand, EffectiveK
from labelnoise.softmax.telling import most_telling_noise_rate
from labelnoise.validation import check_fraction, check_noise_rates

_STEPS = 26
"""Number of noise rates, evenly spaced up to the largest one asked for, at which the band is evaluated as well."""


@dataclass(frozen=True, eq=False)
class NetworkCurve:
    """The effective K that fits a network's accuracies, and the curve that it predicts.

    Attributes
    ----------
    found : EffectiveK
        The K and its interval.
    band : CurveBand
        The predicted curve from no noise to the largest noise rate asked for.
    better_rate : float or None
        The noise rate at which a training would tell most, where the accuracies given do not tell K at all.
    """

    found: EffectiveK
    band: CurveBand
    better_rate: float | None

    def summary(self) -> dict[str, Any]:
        """Return the effective K, its interval and the predicted curve, ready for JSON."""
        curve = self.band.to_frame().to_dict("records")
        return {**self.found.summary(), "most_telling_noise_rate": self.better_rate, "curve": curve}


def check_network_accuracy(
    accuracies: Sequence[tuple[float, float]], pred_probs: str | None, concentration: float
) -> None:
    """Raise a ValueError unless pairs of noise rate and accuracy are valid, and there is a softmax to start from."""
    if pred_probs is None:
        raise ValueError(
            "--network-accuracy needs the softmax of the network trained on clean labels, from which its curves start: "
            "give --pred-probs FILE with --labels FILE instead of features."
        )
    if concentration:
        raise ValueError(
            f"--network-accuracy compares with curves of spread noise; got a concentration of {concentration:g}. Leave "
            "--concentration and --placement out."
        )
    check_noise_rates([rate for rate, _ in accuracies], "--network-accuracy noise rates")
    for _, accuracy in accuracies:
        check_fraction(accuracy, "--network-accuracy accuracies")


def fit_network_curve(
    accuracies: Sequence[tuple[float, float]],
    clean_distribution: Any,
    labels: Any,
    noise: NoiseModel,
    noise_rates: Sequence[float],
    *,
    ties: str,
    classes: Any,
) -> NetworkCurve:
    """Find the effective K of checked pairs of noise rate and accuracy, and predict the curve.

    Parameters
    ----------
    accuracies : sequence of (float, float)
        Noise rates and the network's accuracy at each.
    clean_distribution, labels, noise
        As in `fit_effective_k`.
    noise_rates : sequence of float
        The noise rates asked for.
    ties, classes
        As in `fit_effective_k`.
    """
    measured = tuple(np.array(accuracies, dtype=np.float64).T)
    found = fit_effective_k(measured, clean_distribution, labels, noise, ties=ties, classes=classes)
    better = None
    if not found.determined:
        better = float(most_telling_noise_rate(clean_distribution, labels, noise, ties=ties, classes=classes))
    asked = np.union1d(noise_rates, measured[0])
    return NetworkCurve(found, found.predict(np.union1d(asked, np.linspace(0, asked.max(), _STEPS))), better)
