"""The softmax beside the label histogram of its neighborhood (appendix A, figures 5 and 6)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from labelnoise.figures import preferred_k_figure, softmax_pairs_figure
from labelnoise.softmax.histograms import SoftmaxNeighborhoods, softmax_neighborhoods
from labelnoise.studies.recipes.recipe import Drawing, Measured, points
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.runs import DataSpecification, NeighborsRun, TrainingRun, TrainingSpecification
from labelnoise.sweeps.run import Results
from labelnoise.validation import check_count

PAPER_MEDIAN = 0.143123
"""The paper's median chi-square distance on CIFAR-10. Softmax and histograms that are no farther apart are near."""
Distances = Measured[SoftmaxNeighborhoods]


@dataclass(frozen=True, kw_only=True)
class SoftmaxDistance:
    """The K whose label histogram is nearest to each test sample's softmax, and how near it is (figure 5).

    The network is trained on clean labels. Neighborhood sizes from `k_min` to `k_max` are tried.
    """

    data: DataSpecification
    training: TrainingSpecification
    k_min: int = 10
    k_max: int = 300

    def __post_init__(self) -> None:
        check_count(self.k_max, "k_max")
        check_count(self.k_min, "k_min", most=self.k_max, most_is="`k_max`")

    @property
    def title(self) -> str:
        """What the figure shows."""
        return "How near the softmax is to a K-NN histogram, and at which K"

    @property
    def network(self) -> TrainingRun:
        """The network, trained on clean labels."""
        return clean_run(self.data, self.training)

    @property
    def _paper_median(self) -> float | None:
        return PAPER_MEDIAN if self.data.title == "CIFAR-10" else None

    def runs(self) -> list[NeighborsRun]:
        """Return the neighbors in the network's own features, which require the network."""
        return [NeighborsRun(data=self.data, k=self.k_max, features_of=self.network)]

    def measure(self, results: Results) -> Distances:
        """Return how often each K is preferred, and the distances."""
        (neighbors,), (train, _) = self.runs(), self.data.load()
        network, hoods = results.result(self.network), neighbors.neighbors(results)
        sizes = range(self.k_min, self.k_max + 1)
        found = softmax_neighborhoods(network.arrays["pred_probs"], train.labels, hoods, sizes)
        values = {
            "median_distance": found.median_distance,
            "paper_median": self._paper_median,
            "quartiles": np.quantile(found.distance, [0.25, 0.75]),
            "median_preferred_k": float(np.median(found.preferred_k)),
            "share_at_largest_k": float(found.prevalence[-1]),
            "share_at_smallest_k": float(found.prevalence[0]),
            "test_accuracy": network.record["test_accuracy"],
        }
        prevalence = pd.DataFrame({"k": found.ks, "prevalence": found.prevalence})
        tables = {"": found.to_frame(), "prevalence": prevalence}
        near = None if self._paper_median is None else bool(found.median_distance <= self._paper_median)
        return Measured(tables, values, near, found)

    def finding(self, measured: Distances) -> str:
        """Say how near the softmax is to a histogram, and at which K."""
        found = measured.values
        paper = "" if self._paper_median is None else f" (the paper: {self._paper_median:.3f})"
        return (
            f"Median chi-square distance {found['median_distance']:.3f}{paper} at the preferred K; "
            f"{points(found['share_at_smallest_k'], 0)} % of the samples prefer K = {self.k_min}, "
            f"{points(found['share_at_largest_k'], 0)} % K = {self.k_max}; the network's test accuracy is "
            f"{points(found['test_accuracy'])} %."
        )

    def figure(self, measured: Distances) -> Drawing:
        """Draw how often each K is preferred, and the distances."""
        accuracy, seed = points(measured.values["test_accuracy"]), self.training.seed
        return Drawing(
            partial(preferred_k_figure, measured.shown, paper_median=self._paper_median),
            self.data.caption(),
            f"{self.training.network} trained on clean labels (test accuracy {accuracy} %), base seed {seed}.",
        )


@dataclass(frozen=True, kw_only=True)
class SoftmaxPairs:
    """Softmax and K-NN histogram, side by side, for the samples nearest to the median distance (figure 6)."""

    of: SoftmaxDistance
    n_samples: int = 8

    def __post_init__(self) -> None:
        check_count(self.n_samples, "n_samples")

    @property
    def title(self) -> str:
        """What the figure shows."""
        return "Softmax beside K-NN histogram near the median distance"

    def runs(self) -> list[NeighborsRun]:
        """Return the runs of figure 5."""
        return self.of.runs()

    def measure(self, results: Results) -> Measured[Distances]:
        """Return both distributions of the samples nearest to the median distance, and what figure 5 measures."""
        everything, test = self.of.measure(results), self.of.data.load()[1]
        found = everything.shown
        chosen = np.argsort(np.abs(found.distance - found.median_distance), kind="stable")[: self.n_samples]
        softmax, histogram = results.result(self.of.network).arrays["pred_probs"][chosen], found.histogram[chosen]
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
        same = softmax.argmax(axis=1) == histogram.argmax(axis=1)
        return Measured({"": table}, {"same": int(same.sum())}, everything.agrees, everything)

    def finding(self, measured: Measured[Distances]) -> str:
        """Say how often the highest output is the neighborhood's plurality label."""
        table, same = measured.tables[""], measured.values["same"]
        return (
            f"Distances {table['distance'].min():.3f} to {table['distance'].max():.3f}; the highest output is the "
            f"neighborhood's plurality label in {same} of {table['sample'].nunique()} pairs."
        )

    def figure(self, measured: Measured[Distances]) -> Drawing:
        """Draw each pair."""
        table = measured.tables[""]
        each = table.drop_duplicates("sample")
        softmax, histogram = (table[name].to_numpy().reshape(len(each), -1) for name in ("softmax", "histogram"))
        draw = partial(
            softmax_pairs_figure,
            *(softmax, histogram, each["distance"], each["preferred_k"], each["true_class"]),
            class_names=self.of.data.load()[0].classes,
        )
        return self.of.figure(measured.shown)._replace(draw=draw)
