"""Labels replaced by the most probable class without a person, on request, with the expected error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Mask
from labelnoise.diagnosis.estimation.label_probabilities import with_wrong_rate, wrong_probability_of
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.validation import check_fraction


@dataclass(frozen=True, eq=False)
class Relabeled:
    """Labels after automatic relabeling, and how wrong they are expected to be.

    Attributes
    ----------
    labels : (N,) array
        Labels in the user's classes, one per sample that was passed; None for samples without label.
    changed : (N,) bool array
        Which of them were changed.
    expected_error : float
        Expected share of the changed labels that are wrong afterwards; NaN if none was changed.
    wrong_rate_before, wrong_rate_after : float
        Expected share of all labels that are wrong. All three hold if the posterior is right.
    low_wrong_rate : float
        The least share of all labels that may have been wrong before: the low end of a bracket or interval.
    expected_error_high : float
        `expected_error` if no more than `low_wrong_rate` of the labels were wrong; NaN if none was changed.
    """

    labels: NDArray[Any]
    changed: Mask
    expected_error: float
    wrong_rate_before: float
    wrong_rate_after: float
    low_wrong_rate: float
    expected_error_high: float

    def summary(self) -> dict[str, Any]:
        """Return the number of changes and the expected shares of wrong labels, ready for JSON."""
        return {
            "n_changed": int(self.changed.sum()),
            "expected_error": self.expected_error if self.changed.any() else None,
            "expected_error_high": self.expected_error_high if self.changed.any() else None,
            "wrong_rate_before": self.wrong_rate_before,
            "low_wrong_rate": self.low_wrong_rate,
            "wrong_rate_after": self.wrong_rate_after,
        }


def relabel_automatically(
    data: LabeledSamples, posterior: NDArray[np.floating], low_wrong_rate: float, *, least_probability: float = 0.5
) -> Relabeled:
    """Replace each given label by the most probable class where that class is probable enough.

    `Diagnosis.relabel` calls this, and nothing does so unasked: a person who looks at the sample makes fewer mistakes.

    A sample's change is wrong with probability 1 - w. The posterior may see too many wrong labels, above all with few
    samples: errors of the classifier look like them. So the same is said of a posterior with the lowest wrong rate that
    is possible (`with_wrong_rate`).

    Parameters
    ----------
    data : LabeledSamples
        The labels.
    posterior : (n, L) array
        Pr(true = y), rows sum to 1.
    low_wrong_rate : float in [0, 1]
        The least share of the labels that may be wrong: the low end of a bracket or interval.
    least_probability : float in [0, 1], default 0.5
        Least probability of the suggested class. The higher it is, the fewer labels are changed, and the fewer of the
        changed labels are wrong.

    Returns
    -------
    Relabeled

    Raises
    ------
    ValueError, TypeError
        The probability is not in [0, 1].

    Examples
    --------
    >>> import labelnoise as ln
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> truth = np.repeat([0, 1], 100)
    >>> features = np.column_stack([10.0 * truth, np.zeros(200)]) + rng.normal(size=(200, 2))
    >>> labels = truth.copy()
    >>> labels[:5] = 1
    >>> diagnosis = ln.diagnose(labels, features=features, random_state=0)
    >>> relabeled = diagnosis.relabel()
    >>> np.flatnonzero(relabeled.changed).tolist()
    [0, 1, 2, 3, 4]
    """
    least = check_fraction(least_probability, "least_probability")
    suggested = posterior.argmax(axis=1)
    probability = posterior.max(axis=1).astype(np.float64)
    changed = (suggested != data.codes) & (probability >= least)
    before = wrong_probability_of(posterior, data.codes)
    after = np.where(changed, 1 - probability, before)
    at_low = with_wrong_rate(posterior, data.codes, min(low_wrong_rate, float(before.mean())))
    return Relabeled(
        labels=data.for_all(data.classes[np.where(changed, suggested, data.codes)], None),
        changed=data.for_all(changed, False).astype(bool),
        expected_error=_mean(after[changed]),
        wrong_rate_before=float(before.mean()),
        wrong_rate_after=float(after.mean()),
        low_wrong_rate=low_wrong_rate,
        expected_error_high=_mean(1 - at_low[changed, suggested[changed]].astype(np.float64)),
    )


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
