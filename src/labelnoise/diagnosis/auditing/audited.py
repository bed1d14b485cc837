"""What an audit says about labels: every figure with an interval that holds whatever the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Integers
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.checks import checks_of
from labelnoise.diagnosis.auditing.pairs import pair_concentration
from labelnoise.diagnosis.auditing.survey import Checks, Quantity, mean_interval, ratio_interval
from labelnoise.diagnosis.auditing.updating import updated_posterior
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.neighborhoods.votes import label_histogram

if TYPE_CHECKING:
    from labelnoise.diagnosis.estimation.transition import NoiseEstimate


@dataclass(frozen=True, eq=False)
class AuditedNoise:
    """The estimates of an audit, each computed when it is asked for.

    The models' posterior only makes intervals short. A draw is judged by the posterior from before it: that of the
    noisy labels alone, or updated by earlier rounds.

    Attributes
    ----------
    data : LabeledSamples
        The samples.
    noise : NoiseEstimate
        What the models say, from the noisy labels alone.
    audit : Audit
        An audit of these data with an answer for at least one drawn sample.

    Raises
    ------
    ValueError
        The audit was drawn from other data, or has no answers.
    """

    data: LabeledSamples
    noise: NoiseEstimate
    audit: Audit

    def __post_init__(self) -> None:
        self.audit.check_data(self.data)
        self.audit.check_answered()

    @cached_property
    def posteriors(self) -> list[NDArray[np.float32]]:
        """Pr(true label) of all samples as it was known before each draw."""
        found: dict[int, NDArray[np.float32]] = {}
        for draw in self.audit.draws:
            if draw.round not in found:
                earlier = tuple(other for other in self.audit.draws if other.round < draw.round)
                before = (
                    updated_posterior(self.data, self.noise, replace(self.audit, draws=earlier)) if earlier else None
                )
                found[draw.round] = self.noise.posterior if before is None else before
        return [found[draw.round] for draw in self.audit.draws]

    @cached_property
    def checks(self) -> Checks:
        """The answered checks, with their weights."""
        checks = checks_of(self.data, self.audit.draws, self.posteriors)
        assert checks is not None
        return checks

    def mean(self, quantity: Quantity) -> Estimate:
        """Return the mean over all samples of a quantity that depends on the true label.

        Parameters
        ----------
        quantity : callable
            Takes positions of samples, (m,), and returns the quantity in [0, 1] for every true label, (m, L).
        """
        return self._estimate(*mean_interval(self.checks, quantity))

    @property
    def wrong_rate(self) -> Estimate:
        """Share of labels that are wrong."""
        return self.mean(lambda rows: 1.0 - self._is_given(rows))

    @property
    def wrong_rates_of_given(self) -> list[Estimate]:
        """Share of wrong labels among those that say each class, 1 - Pr(true = z | given = z)."""
        return [self._of_given(code) for code in range(self.data.n_classes)]

    @property
    def class_priors(self) -> list[Estimate]:
        """Share of samples that truly are of each class."""
        everyone, found = np.ones_like(self.checks.posterior), []
        for code, mean in enumerate(self._joint.sum(axis=1)):
            of_class = _indicator(code, self.data.n_classes)(self.checks.positions)
            found.append(self._estimate(*ratio_interval(self.checks, of_class, everyone, float(mean), 1.0)))
        return found

    def transition_entry(self, true: int, given: int) -> Estimate:
        """Return T[true, given] = Pr(given label | true label), of two codes."""
        of_true = _indicator(true, self.data.n_classes)(self.checks.positions)
        both = of_true * (self.data.codes[self.checks.positions] == given)[:, None]
        joint = self._joint
        return self._estimate(
            *ratio_interval(self.checks, both, of_true, float(joint[true, given]), float(joint[true].sum()))
        )

    @property
    def knn_accuracy(self) -> Estimate | None:
        """Share of samples whose K nearest others vote for the true label, ties at random; None without neighbors."""
        return None if self.data.neighbors is None else self.mean(self._vote_shares)

    @property
    def pred_probs_accuracy(self) -> Estimate:
        """Share of samples whose true label is the most probable class of `pred_probs`."""
        return self.mean(lambda rows: np.eye(self.data.n_classes)[self.data.pred_probs[rows].argmax(axis=1)])

    @property
    def concentration(self) -> Estimate | None:
        """Concentration rho of the wrong labels among neighbors (section 8).

        None where the audit cannot say: it has no pairs for this k, or fewer than `pairs.LEAST_WRONG` pairs with a
        wrong drawn label.
        """
        found = pair_concentration(self.data, self.audit.draws, self.posteriors)
        return None if found is None else self._estimate(*found[:3])

    @cached_property
    def _joint(self) -> Floats:
        """Pr(true = y, given = z) as the models see it, the draws by their shares."""
        size, n_classes = len(self.data.codes), self.data.n_classes
        joint = np.zeros((n_classes, n_classes))
        for share, posterior in zip(self.checks.shares, self.checks.posteriors, strict=True):
            for code in range(n_classes):
                joint[:, code] += share * posterior[self.data.codes == code].sum(axis=0, dtype=np.float64) / size
        return joint

    def _of_given(self, code: int) -> Estimate:
        share = float((self.data.codes == code).mean())
        if share == 0:
            return self._estimate(0.0, 0.0, 1.0)
        is_given = self._is_given(self.checks.positions)
        bottom = np.repeat((self.data.codes[self.checks.positions] == code)[:, None], self.data.n_classes, axis=1)
        top = bottom * (1.0 - is_given)
        mean_top = float(self._joint[:, code].sum() - self._joint[code, code])
        return self._estimate(*ratio_interval(self.checks, top, bottom.astype(np.float64), mean_top, share))

    def _is_given(self, rows: Integers) -> Floats:
        return np.eye(self.data.n_classes)[self.data.codes[rows]]

    def _vote_shares(self, rows: Integers) -> Floats:
        """Return the probability that the vote of the K nearest other labels elects each class."""
        assert self.data.neighbors is not None
        counts = label_histogram(self.data.codes, self.data.neighbors.indices[rows], self.data.k, self.data.n_classes)
        leads = counts == counts.max(axis=1, keepdims=True)
        return leads / leads.sum(axis=1, keepdims=True)

    def _estimate(self, value: float, low: float, high: float) -> Estimate:
        value = float(np.clip(value, low, high))
        return Estimate(value, low, high, "interval", self.audit.n_checked, self.assumption)

    @property
    def assumption(self) -> str:
        """What must be true for the intervals to hold, and how samples without a true label count."""
        text = "the checked labels are true, and nothing else: samples were drawn with known probabilities"
        if self.audit.n_open:
            text += f"; {self.audit.n_open} without an answer were left out by chance"
        if self.audit.n_absent:
            text += f"; {self.audit.n_absent} drawn ones that are not in the file are missing by chance"
        if self.audit.n_unsure:
            text += f"; the range holds whatever the {self.audit.n_unsure} unsure ones are"
        return text


def _indicator(code: int, n_classes: int) -> Callable[[Integers], Floats]:
    """Return the quantity that is 1 where the true label is one class."""
    return lambda rows: np.broadcast_to(np.eye(n_classes)[code], (len(rows), n_classes))
