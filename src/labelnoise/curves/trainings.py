"""Where the curve of a trained classifier comes from: what it predicted after every noise draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelnoise.arrays import Codes, Floats
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.source import CurveSource


@dataclass(frozen=True, eq=False)
class Trainings(CurveSource):
    """Trainings on noisy labels that have been made: what each of the classifiers predicted.

    Attributes
    ----------
    predicted : array of shape (n_rates, repeats, n_test)
        Predicted codes; -1 for what is none of the classes.
    test_codes : array of shape (n_test,)
        True classes.
    noise_rates : array of shape (n_rates,)
    n_classes : int
    """

    predicted: Codes
    test_codes: Codes
    noise_rates: Floats
    n_classes: int

    def _at(self, noise_rate: float) -> Codes:
        return self.predicted[int(np.flatnonzero(self.noise_rates == noise_rate)[0])]

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Return the mean confusion matrix of the repeats."""
        predicted, counts = self._at(noise_rate), np.zeros((self.n_classes, self.n_classes))
        truth = np.broadcast_to(self.test_codes, predicted.shape)
        known = predicted >= 0
        np.add.at(counts, (truth[known], predicted[known]), 1)
        with np.errstate(invalid="ignore"):
            return counts / np.bincount(truth.ravel(), minlength=self.n_classes)[:, None]

    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Return the share of the repeats in which each test sample is classified correctly."""
        return (self._at(noise_rate) == self.test_codes).mean(axis=0)

    def curve(self, setting: CurveSetting, realized: Floats) -> AccuracyCurve:
        """Return the mean over the repeats as a curve with one column."""
        right = self.predicted == self.test_codes
        runs = right.mean(axis=2)[:, :, None]
        counts = right.shape[1] * np.bincount(self.test_codes, minlength=self.n_classes)
        sums = [np.bincount(self.test_codes, n, minlength=self.n_classes) for n in right.sum(axis=1)]
        with np.errstate(invalid="ignore"):
            per_class = (np.array(sums) / counts)[:, None, :]
        return AccuracyCurve(
            noise_rates=self.noise_rates,
            k=np.array([0]),
            accuracy=runs.mean(axis=1),
            per_class=per_class,
            setting=setting,
            realized_noise_rates=realized,
            source=self,
            runs=runs,
        )
