"""The result of a diagnosis: every figure with its range, tables of samples, regions, checks and what to do first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labelnoise.arrays import Floats, Mask
from labelnoise.artifacts import SCHEMA, StrPath, to_json
from labelnoise.diagnosis.auditing.audit import Audit
from labelnoise.diagnosis.auditing.audited import AuditedNoise
from labelnoise.diagnosis.auditing.updating import updated_posterior
from labelnoise.diagnosis.estimate import Estimate
from labelnoise.diagnosis.estimation.bracket import EVEN, TOO_WEAK, wrong_rate_bracket
from labelnoise.diagnosis.estimation.label_probabilities import with_wrong_rate, wrong_probability_of
from labelnoise.diagnosis.estimation.transition import NoiseEstimate, enough_labels
from labelnoise.diagnosis.inputs import LabeledSamples
from labelnoise.diagnosis.relabeling.automatic import Relabeled, relabel_automatically
from labelnoise.diagnosis.relabeling.cost import CleaningCurve, knn_accuracy
from labelnoise.diagnosis.relabeling.orders import predicted_curve
from labelnoise.diagnosis.relabeling.plan import RelabelingPlan, relabeling_plan
from labelnoise.diagnosis.relabeling.regions import Regions, suspicious_regions

if TYPE_CHECKING:
    import pandas as pd

    from labelnoise.curves.curve import AccuracyCurve


LEAST_GAIN, LEAST_CERTAIN, MOST_UNCERTAIN, NEARLY_ALL = 3.0, 0.1, 0.1, 0.9
"""Limits of `Diagnosis.too_weak`."""


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis:
    """What is wrong with labels of unknown quality.

    Attributes
    ----------
    data : LabeledSamples
        The samples with labels.
    noise : NoiseEstimate
        What noisy labels alone say.
    standard_error : float
        Of the wrong rate that they say, over samples.
    view : str
        The columns in which the estimate's regression was fitted.
    audit : Audit or None
        The checked labels, if there are any.
    seed : int
        ``diagnose(..., random_state=seed)`` gives the same again.
    paths : array or None
        File of each labeled sample, for images.
    """

    data: LabeledSamples
    noise: NoiseEstimate
    standard_error: float
    view: str
    audit: Audit | None
    seed: int
    paths: NDArray[Any] | None = field(default=None, repr=False)

    @cached_property
    def audited(self) -> AuditedNoise | None:
        """Estimates from the checked labels; None without an audit."""
        return None if self.audit is None else AuditedNoise(self.data, self.noise, self.audit)

    @property
    def certain_share(self) -> float:
        """Share of the samples whose class is certain by the features (above 0.9)."""
        return float((self.noise.class_probability.max(axis=1) > 0.9).mean())

    @cached_property
    def uncertain_classes(self) -> NDArray[np.intp]:
        """Codes of the classes with labels of whose expected samples at most `LEAST_CERTAIN` are certain, (n,)."""
        probability, labels = self.noise.class_probability, np.bincount(self.data.codes, minlength=self.data.n_classes)
        hardly = (probability > 0.9).sum(axis=0) <= LEAST_CERTAIN * probability.sum(axis=0)
        return np.flatnonzero(hardly & (labels > 0))

    @cached_property
    def too_weak(self) -> bool:
        """Whether the features tell the classes apart so badly that wrong labels cannot be seen in them.

        This is so if they predict held-out labels hardly better than the class frequencies do, by less than
        `LEAST_GAIN` nats per class over all samples; if more than `MOST_UNCERTAIN` of the labels are of classes with
        hardly a certain sample (`uncertain_classes`), for classes that overlap look like wrong labels there; or if
        nearly as many labels seem wrong as labels drawn at random would be.
        """
        shares = np.bincount(self.data.codes, minlength=self.data.n_classes) / len(self.data.codes)
        uncertain = shares[self.uncertain_classes].sum()
        shares = shares[shares > 0]
        gain = (self.noise.log_likelihood - float(shares @ np.log(shares))) * len(np.unique(self.data.copies))
        weak = gain < LEAST_GAIN * len(shares) or uncertain > MOST_UNCERTAIN
        return bool(weak) or self.noise.wrong_rate > NEARLY_ALL * (1 - float(shares @ shares))

    @cached_property
    def posterior(self) -> NDArray[np.float32]:
        """Pr(true class | all that is known), one row per labeled sample; an audit's answers included."""
        return self.noise.posterior if self.audit is None else updated_posterior(self.data, self.noise, self.audit)

    @cached_property
    def wrong_rate(self) -> Estimate:
        """Share of labels that are wrong: a bracket, or an interval if there is an audit."""
        if self.audited is not None:
            return self.audited.wrong_rate
        return self.bracket

    @cached_property
    def bracket(self) -> Estimate:
        """What the noisy labels alone say of the wrong rate; from 0 up if the features are too weak."""
        found = wrong_rate_bracket(self.noise.wrong_rate, self.standard_error, self.data.pred_probs, self.data.codes)
        if self.too_weak:
            return replace(found, low=0.0, assumption=TOO_WEAK)
        if len(np.unique(self.data.copies)) < enough_labels(self.data.n_classes):
            return replace(found, assumption=f"{found.assumption}; and {EVEN}")
        return found

    @cached_property
    def concentration(self) -> Estimate | None:
        """Concentration rho of the wrong labels (section 8); None without checked pairs: nothing else tells."""
        return None if self.audited is None else self.audited.concentration

    @property
    def concentration_by_class(self) -> float:
        r"""Concentration rho of noise that is spread within each class, since wrong rates differ by class.

        .. math:: \rho = \frac{\sum_y \pi_y (w_y - \gamma)^2}{\gamma (1 - \gamma)}, \qquad w_y = 1 - T_{yy}, \quad
           \gamma = \sum_y \pi_y w_y

        In [0, 1]; 0 without noise. It is the rho of section 8 where neighbors are of one true class.
        """
        wrong, priors = 1 - np.diag(self.transition_matrix), self.class_priors
        rate = float(priors @ wrong)
        return float(priors @ (wrong - rate) ** 2) / (rate * (1 - rate)) if 0 < rate < 1 else 0.0

    @cached_property
    def knn_accuracy(self) -> Estimate | None:
        """Share of samples whose k nearest others vote for the true label; None without neighbors.

        Without an audit its bracket is what it would be at both ends of the bracket of the wrong rate.
        """
        if self.data.neighbors is None:
            return None
        if self.audited is not None:
            return self.audited.knn_accuracy
        value = knn_accuracy(self.data, self.noise.posterior)
        ends = [
            knn_accuracy(self.data, with_wrong_rate(self.noise.posterior, self.data.codes, rate))
            for rate in (self.bracket.low, self.bracket.high)
        ]
        return Estimate(value, min(value, *ends), max(value, *ends), "bracket", 0, self.bracket.assumption)

    @cached_property
    def answered(self) -> Mask:
        """Which labeled samples a person has checked, (n_labeled,); also those of which they were unsure."""
        checked = {} if self.audit is None else self.audit.checked_codes()
        return np.isin(self.data.rows, list(checked))

    @property
    def transition_matrix(self) -> Floats:
        """T[y, z] = Pr(given label z | true class y), (L, L); rows sum to 1."""
        return self.noise.transition_matrix

    @property
    def class_priors(self) -> Floats:
        """Shares of the true classes, (L,)."""
        found: Floats = self.posterior.mean(axis=0, dtype=np.float64)
        return found

    @property
    def wrong_probability(self) -> Floats:
        """Pr(label is wrong) of each sample that was passed, (N,); NaN for samples without label."""
        return self.data.for_all(wrong_probability_of(self.posterior, self.data.codes), np.nan)

    @property
    def suggested_labels(self) -> NDArray[Any]:
        """Most probable true class of each sample that was passed, (N,); None for samples without label."""
        return self.data.for_all(self.data.classes[self.posterior.argmax(axis=1)], None)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per labeled sample.

        Columns: index (row in what was passed), given_label, suggested_label, wrong_probability,
        suggested_probability, copies (number of samples that are copies of this one, itself included), region (-1 for
        none), and path if there are paths.
        """
        import pandas as pd

        columns: dict[str, Any] = {
            "index": self.data.rows,
            "given_label": self.data.given_labels,
            "suggested_label": self.data.classes[self.posterior.argmax(axis=1)],
            "wrong_probability": wrong_probability_of(self.posterior, self.data.codes),
            "suggested_probability": self.posterior.max(axis=1).astype(np.float64),
            "copies": np.bincount(self.data.copies)[self.data.copies],
            "region": -1 if self._regions is None else self._regions.of_sample,
        }
        if self.paths is not None:
            columns["path"] = self.paths
        return pd.DataFrame(columns)

    @property
    def regions(self) -> pd.DataFrame:
        """Connected neighborhoods of mostly wrong labels, those that gain most per relabeled sample first."""
        import pandas as pd

        return pd.DataFrame() if self._regions is None else self._regions.table

    @cached_property
    def _regions(self) -> Regions | None:
        return None if self.data.neighbors is None else suspicious_regions(self.data, self.posterior)

    @cached_property
    def checks(self) -> pd.DataFrame:
        """Numbered checks: what was seen, what it means, what to do."""
        from labelnoise.diagnosis.checklist import run_checks

        return run_checks(self)

    def plan(self, n: int) -> pd.DataFrame:
        """Return the n labels to check first; `relabeling_plan` describes the columns, and says more.

        Samples that an audit has answered are left out.

        Parameters
        ----------
        n : int
            Number of labels, at most that of the labeled samples.

        Raises
        ------
        ValueError
            n is out of range, or there are no neighbors.
        """
        return self.relabeling_plan(n).samples

    def relabeling_plan(self, n: int) -> RelabelingPlan:
        """Return the n labels to check first, the order taken and why, and what the plan does not know."""
        if n not in self._plans:
            plan = relabeling_plan(
                self.data,
                self.posterior,
                n,
                concentration=self.concentration,
                concentration_by_class=self.concentration_by_class,
                regions=self._regions,
                answered=self.answered,
                random_state=np.random.default_rng(self.seed),
            )
            if self.paths is not None:
                paths = self.paths[np.searchsorted(self.data.rows, plan.samples["index"])]
                plan = replace(plan, samples=plan.samples.assign(path=paths))
            self._plans[n] = plan
        return self._plans[n]

    @cached_property
    def _plans(self) -> dict[int, RelabelingPlan]:
        return {}

    def cleaning_curve(self, order: str = "gain") -> CleaningCurve:
        """Return the expected K-NN accuracy after cleaning n labels in one order.

        Parameters
        ----------
        order : {"gain", "suspicion", "region", "random"}, default "gain"
            Which labels are cleaned first.
        """
        return predicted_curve(
            self.data, self.posterior, order, regions=self._regions, random_state=np.random.default_rng(self.seed)
        )

    def relabel(self, least_probability: float = 0.5) -> Relabeled:
        """Return the labels with suspected ones replaced by the most probable class, and the expected error of that.

        Parameters
        ----------
        least_probability : float in [0, 1], default 0.5
            Least probability of the suggested class. The higher it is, the fewer labels are changed, and the fewer of
            the changed labels are wrong.

        Returns
        -------
        Relabeled
            Its expected errors hold if the probabilities are right; concentrated noise that no audit found is not in
            them. `expected_error_high` is that of the low end of `wrong_rate`.
        """
        return relabel_automatically(
            self.data, self.posterior, self.wrong_rate.low, least_probability=least_probability
        )

    def curve(self, order: str = "gain") -> AccuracyCurve:
        """Return what cleaning gains, as a curve over the wrong rate that is left.

        Parameters
        ----------
        order : {"gain", "suspicion", "region", "random"}, default "gain"
            Which labels are cleaned first.
        """
        return self.cleaning_curve(order).to_accuracy_curve()

    def summary(self) -> dict[str, Any]:
        """Return all figures, ready for JSON; the tables are not in it."""
        found: dict[str, Any] = {
            "schema": SCHEMA,
            "n_samples": self.data.n_given,
            "n_labeled": len(self.data.codes),
            "n_unlabeled": self.data.n_given - len(self.data.codes),
            "n_distinct": len(np.unique(self.data.copies)),
            "classes": [str(label) for label in self.data.classes.tolist()],
            "fingerprint": self.data.fingerprint,
            "k": self.data.k,
            "seed": self.seed,
            "estimated_in": self.view,
            "wrong_rate": self.wrong_rate.summary(),
            "knn_accuracy": None if self.knn_accuracy is None else self.knn_accuracy.summary(),
            "concentration": None if self.concentration is None else self.concentration.summary(),
            "transition_matrix": self.transition_matrix.tolist(),
            "class_priors": self.class_priors.tolist(),
            "n_suspected": int((self.posterior.argmax(axis=1) != self.data.codes).sum()),
            "n_regions": len(self.regions),
            "checks": self.checks.to_dict("records"),
        }
        if self.audited is not None and self.audit is not None:
            found["audit"] = {
                "n_samples": len(self.audit),
                "n_checked": self.audit.n_checked,
                "n_unsure": self.audit.n_unsure,
                "n_open": self.audit.n_open,
                "disagreement": None if self.audit.disagreement is None else self.audit.disagreement.summary(),
                "bracket_without": self.bracket.summary(),
                "wrong_rate_by_given_class": [e.summary() for e in self.audited.wrong_rates_of_given],
                "class_priors": [e.summary() for e in self.audited.class_priors],
            }
            if self.data.own_pred_probs:
                found["audit"]["pred_probs_accuracy"] = self.audited.pred_probs_accuracy.summary()
        return found

    def to_json(self) -> str:
        """Return `summary` as JSON."""
        return to_json(self.summary())

    def save(
        self,
        folder: StrPath,
        *,
        overwrite: bool = False,
        n_plan: int | None = None,
        n_audit: int = 200,
        relabel: float | None = None,
    ) -> dict[str, Path]:
        """Write the page, tables, figures and JSON to a folder, and return their paths.

        Parameters
        ----------
        folder : path
            Made if it is missing.
        overwrite : bool, default False
            Whether results of other labels in the folder are replaced. Answers in an audit file never are.
        n_plan : int, optional
            Number of labels in the plan, `default_plan_size` unless given.
        n_audit : int, default 200
            Number of samples in the next audit.
        relabel : float in [0, 1], optional
            Also write the table `relabeled`: labels replaced where the suggested class is at least so probable.
        """
        from labelnoise.report.diagnosis import save_diagnosis

        return save_diagnosis(
            self,
            folder,
            overwrite=overwrite,
            n_plan=n_plan,
            n_audit=n_audit,
            relabeled=None if relabel is None else self.relabel(relabel),
        )

    def _repr_html_(self) -> str:
        from labelnoise.report.notebook import diagnosis_html

        return diagnosis_html(self)

    def __repr__(self) -> str:
        lines = [
            f"Diagnosis of {len(self.data.codes):,} labels of {self.data.n_classes} classes",
            f"  wrong rate      {self.wrong_rate}",
        ]
        if self.knn_accuracy is not None:
            lines.append(f"  {self.data.k}-NN accuracy {self.knn_accuracy}")
        if self.audit is not None:
            lines.append(f"  concentration   {'not known' if self.concentration is None else self.concentration}")
        return "\n".join(lines)
