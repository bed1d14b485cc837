"""The mean over test samples of the probability that the true class wins the vote (Eq. 1), and the curve it draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labelnoise.arrays import Floats, Integers
from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.measured import Draws
from labelnoise.curves.source import CurveSource
from labelnoise.curves.vote_models import RowVotes, VoteModel
from labelnoise.progress import track


@dataclass(frozen=True, eq=False)
class Prediction(CurveSource):
    """Expected votes: a model for every k.

    Attributes
    ----------
    models : sequence of VoteModel
        Each k is served by one of them.
    n_classes : int
        Number of classes, L.
    draws : Draws or None
        Draws of the same noise, for intervals; None where the neighbors, or where the noise lies, are not known.
    """

    models: Sequence[VoteModel]
    n_classes: int
    draws: Draws | None

    @property
    def any_rate(self) -> bool:
        """Whether a noise rate acts on the votes."""
        return self.models[0].any_rate

    @property
    def class_counts(self) -> Integers:
        """Number of test samples per class."""
        model = self.models[0]
        return np.bincount(model.codes[model.inverse], minlength=self.n_classes)

    def _model(self, k: int) -> VoteModel:
        return next(model for model in self.models if k in model.ks)

    def per_sample(self, noise_rate: float, k: int) -> Floats:
        """Return the probability that the vote is correct, for each test sample."""
        model = self._model(k)
        return model.correct(noise_rate)[model.inverse, model.ks.index(k)]

    def confusion(self, noise_rate: float, k: int) -> Floats:
        """Return the mean over each class's test samples of the probability that each label wins."""
        model, sums = self._model(k), np.zeros((self.n_classes, self.n_classes))
        weights = model.weights
        for block, wins in model.wins(noise_rate, k):
            np.add.at(sums, model.codes[block], weights[block, None] * wins)
        with np.errstate(invalid="ignore"):
            return sums / self.class_counts[:, None]

    def redraw(self, noise_rate: float, ks: Integers, repeats: int) -> Floats | None:
        """Return measured accuracies of the same noise, drawn afresh."""
        return None if self.draws is None else self.draws.accuracies(noise_rate, ks, repeats)

    def surface(self, noise_rates: Floats, concentrations: Floats, k: int) -> Floats:
        """Return the mean accuracy, (n_rates, n_concentrations)."""
        model = self._model(k)
        assert not isinstance(model, RowVotes), "no noise rate acts on rows"
        mean = model.mean_accuracy(k)  # type: ignore[attr-defined]
        surface = [[mean(float(rate), float(rho)) for rho in concentrations] for rate in noise_rates]
        return np.clip(surface, 0.0, 1.0)

    def curve(self, rates: Floats, ks: Integers, setting: CurveSetting) -> AccuracyCurve:
        """Evaluate the models at every noise rate and k."""
        sums = np.empty((len(rates), len(ks), self.n_classes))
        errors = np.zeros((len(rates), len(ks)))
        for row, rate in enumerate(track(rates, "predicting", total=len(rates))):
            for model in self.models:
                weights, n_classes = model.weights, self.n_classes
                correct, error = model.correct(float(rate)), model.standard_error(float(rate))
                for column in np.flatnonzero(np.isin(ks, model.ks)):
                    of_k = model.ks.index(int(ks[column]))
                    sums[row, column] = np.bincount(model.codes, weights * correct[:, of_k], minlength=n_classes)
                    if error is not None:  # neighborhoods are sampled independently of each other
                        errors[row, column] = np.sqrt(np.sum((weights * error[:, of_k]) ** 2)) / weights.sum()
        counts = self.class_counts
        with np.errstate(invalid="ignore"):
            per_class = sums / counts
        return AccuracyCurve(
            noise_rates=rates,
            k=ks,
            accuracy=sums.sum(axis=2) / counts.sum(),
            per_class=per_class,
            setting=setting,
            realized_noise_rates=rates,
            source=self,
            sampling_error=errors if errors.any() else None,
        )
