"""The softmax beside the label histogram of its neighborhood (appendix A, figures 5 and 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelnoise.figures import preferred_k_figure, softmax_pairs_figure
from labelnoise.softmax.histograms import SoftmaxNeighborhoods, softmax_neighborhoods
from labelnoise.studies.recipes.recipe import Outcome
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import DataSpecification, NeighborsRun, TrainingSpecification
from labelnoise.sweeps.run import Results, Run
from labelnoise.validation import check_count

PAPER_MEDIAN = 0.143123


@dataclass(frozen=True, kw_only=True)
class SoftmaxDistance:
    """Which K each test sample's softmax is nearest to, and how near (figure 5).

    Parameters
    ----------
    data : DataSpecification
    training : TrainingSpecification
        On clean labels.
    k_min, k_max : int
        Neighborhood sizes tried.
    """

    data: DataSpecification
    training: TrainingSpecification
    k_min: int = 10
    k_max: int = 300

    def __post_init__(self) -> None:
        check_count(self.k_max, "k_max")
        check_count(self.k_min, "k_min", most=self.k_max, most_is="`k_max`")

    @property
    def neighbors(self) -> NeighborsRun:
        """Neighbors in the network's own features."""
        return NeighborsRun(data=self.data, k=self.k_max, features_of=clean_run(self.data, self.training))

    def runs(self) -> list[Run]:
        """The neighbors, which require the network."""
        return [self.neighbors]

    def found(self, results: Results) -> SoftmaxNeighborhoods:
        """Preferred K and distance of every test sample."""
        train, _ = self.data.load()
        softmax = results.result(clean_run(self.data, self.training)).arrays["pred_probs"]
        hoods = self.neighbors.neighbors(results)
        return softmax_neighborhoods(softmax, train.labels, hoods, range(self.k_min, self.k_max + 1))

    def caption(self, results: Results, scale: str) -> str:
        """Data, scale, network and seed."""
        accuracy = results.result(clean_run(self.data, self.training)).record["test_accuracy"]
        return (
            f"{self.data.caption()}, {scale} scale; {self.training.network} trained on clean labels (test accuracy "
            f"{100 * accuracy:.1f} %), base seed {self.training.seed}."
        )

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """Prevalence of each K, and the distances."""
        found = self.found(results)
        median = found.median_distance
        record = results.result(clean_run(self.data, self.training)).record
        values = {
            "median_distance": median,
            "paper_median": PAPER_MEDIAN,
            "quartiles": np.quantile(found.distance, [0.25, 0.75]),
            "median_preferred_k": float(np.median(found.preferred_k)),
            "share_at_largest_k": float(found.prevalence[-1]),
            "share_at_smallest_k": float(found.prevalence[0]),
            "test_accuracy": record["test_accuracy"],
        }
        finding = (
            f"Median chi-square distance {median:.3f} (the paper: {PAPER_MEDIAN:.3f}) at the preferred K; "
            f"{100 * found.prevalence[0]:.0f} % of the samples prefer K = {found.ks[0]}, "
            f"{100 * found.prevalence[-1]:.0f} % K = {found.ks[-1]}; the network's test accuracy is "
            f"{100 * record['test_accuracy']:.1f} %."
        )
        prevalence = pd.DataFrame({"k": found.ks, "prevalence": found.prevalence})
        figure = preferred_k_figure(found, paper_median=PAPER_MEDIAN, title=title, caption=self.caption(results, scale))
        agrees = bool(median <= 1.5 * PAPER_MEDIAN)
        return Outcome(finding, agrees, {"": found.to_frame(), "prevalence": prevalence}, {"": figure}, values)


@dataclass(frozen=True, kw_only=True)
class SoftmaxPairs:
    """Softmax and K-NN histogram, side by side, for samples near the median distance (figure 6).

    Parameters
    ----------
    of : SoftmaxDistance
    n_samples : int
    """

    of: SoftmaxDistance
    n_samples: int = 8

    def __post_init__(self) -> None:
        check_count(self.n_samples, "n_samples")

    def runs(self) -> list[Run]:
        """Those of figure 5."""
        return self.of.runs()

    def outcome(self, results: Results, title: str, scale: str) -> Outcome:
        """The samples whose distance is nearest to the median."""
        found, (train, test) = self.of.found(results), self.of.data.load()
        chosen = np.argsort(np.abs(found.distance - found.median_distance), kind="stable")[: self.n_samples]
        softmax = results.result(clean_run(self.of.data, self.of.training)).arrays["pred_probs"][chosen]
        histogram = found.histogram[chosen]
        same = softmax.argmax(axis=1) == histogram.argmax(axis=1)
        finding = (
            f"Distances {found.distance[chosen].min():.3f} to {found.distance[chosen].max():.3f}; the highest output "
            f"is the neighborhood's plurality label in {same.sum()} of {len(same)} pairs."
        )
        figure = softmax_pairs_figure(
            softmax,
            histogram,
            found.distance[chosen],
            found.preferred_k[chosen],
            test.labels[chosen],
            class_names=train.classes,
            title=title,
            caption=self.of.caption(results, scale),
        )
        sample, output = (grid.ravel() for grid in np.indices(softmax.shape))
        table = pd.DataFrame(
            {
                "sample": chosen[sample],
                "true_class": test.labels[chosen][sample],
                "preferred_k": found.preferred_k[chosen][sample],
                "distance": found.distance[chosen][sample],
                "output": output,
                "softmax": softmax.ravel(),
                "histogram": histogram.ravel(),
            }
        )
        return Outcome(finding, bool(same.mean() >= 0.5), {"": table}, {"": figure}, {"same": int(same.sum())})
