"""Do the recipes of ImageNet's figures (3d, 4c, 4f) work at full size, and what does all but the training take?

    LABELNOISE_DATA=... python benchmarks/imagenet.py [--rows 10000] [--figures fig3d fig4c fig4f] [--folder FOLDER]
        [--quick] [--output FILE.json]

The recipes are those of `labelnoise run fig4c --scale paper` and so on: their own functions measure, say what came out,
and draw. Only what comes from ImageNet is replaced. The clean softmax is a real one of 1,000 classes
(`softmax/thousand_classes.npz`, 10,000 rows); its most probable classes stand for the labels. More rows than there are
repeat them at other temperatures, so that no two are equal. Figures 4c and 4f: accuracies of networks trained on noisy
labels are those of votes of 30 labels, with the binomial error of the rows, so the recipe must find about K = 30.
Figure 3d: the logits stand for the features; the rows are the test images and, in another order, the training images,
so that each row is its own nearest neighbor. Neighbors are searched, and vote, in the recipe's own runs.

Each figure is made in a process of its own. `measure_s` and `measure_cpu_s` are the elapsed and the processor seconds
of the recipe's numbers (analytic curves, and for 4c and 4f the fit of K), `draw_s` and `draw_cpu_s` those of the
picture with its dense lines, `search_s` and `votes_s` the elapsed seconds of figure 3d's runs. `peak_gib` is the memory
of the whole process. With --folder, the figures are written there.
"""

from __future__ import annotations

import os
import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from harness import Options, Record, Table, run, timed

import labelnoise as ln
from labelnoise.artifacts import write_figure
from labelnoise.studies.recipes import recipe_named
from labelnoise.studies.recipes.knn_curves import KnnCurves
from labelnoise.studies.recipes.network_curves import NetworkCurves
from labelnoise.studies.runs import TrainingRun
from labelnoise.sweeps.run import Run, RunResult

FIGURES = ("fig3d", "fig4c", "fig4f")
VOTERS = 30


class Labels(SimpleNamespace):
    """Images of which only the labels and classes are known."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class StandIn:
    """What recipes ask of their images."""

    labels: np.ndarray = field(repr=False)
    n_classes: int = 1000
    name: str = "stand-in for ImageNet"
    title: str = "1,000 classes in place of ImageNet"
    label: str = name

    def load(self) -> tuple[Labels, Labels]:
        classes = tuple(map(str, range(self.n_classes)))
        return Labels(labels=self.labels[::-1], classes=classes), Labels(labels=self.labels, classes=classes)

    def digest(self) -> str:
        return self.name

    def caption(self) -> str:
        return f"{self.title}, {len(self.labels):,} rows"


class StandInResults:
    """Results of trainings made up from a softmax; neighbors and votes are those of the recipe's runs."""

    def __init__(self, logits: np.ndarray, labels: np.ndarray, accuracies: dict[float, float]) -> None:
        self.probs = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.probs /= self.probs.sum(axis=1, keepdims=True)
        self.logits, self.accuracies = logits, accuracies
        self.clean_accuracy = float((self.probs.argmax(axis=1) == labels).mean())
        self.done: dict[Run, RunResult] = {}

    def result(self, run: Run) -> RunResult:
        if not isinstance(run, TrainingRun):
            return self.done[run]
        accuracy = self.accuracies.get(run.noise_rate, self.clean_accuracy)
        arrays = {"pred_probs": self.probs, "features": self.logits[::-1], "test_features": self.logits}
        return RunResult({"test_accuracy": accuracy}, {} if run.noise_rate else arrays)

    def perform(self, run: Run) -> None:
        self.done[run] = run.perform(self)  # type: ignore[arg-type]  # These runs use no scratch folder.


def load(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of `rows` different rows, and their most probable classes."""
    with np.load(Path(os.environ["LABELNOISE_DATA"]) / "softmax" / "thousand_classes.npz") as file:
        logits = file["logits"].astype(np.float32)
    copies = [logits * np.float32(1 - 0.02 * copy) for copy in range(-(-rows // len(logits)))]
    values = np.concatenate(copies)[:rows]
    return values, values.argmax(axis=1)


def make(name: str, rows: int, folder: Path | None) -> Record:
    """Make one figure and return what it took."""
    logits, labels = load(rows)
    _, recipe = recipe_named(name, "paper")
    assert isinstance(recipe, KnnCurves | NetworkCurves)
    recipe = replace(recipe, data=StandIn(labels))  # type: ignore[arg-type]
    about: Record = {"figure": name, "rows": rows, "noise_rates": len(recipe.noise_rates)}
    results = StandInResults(logits, labels, {})
    if isinstance(recipe, NetworkCurves):
        of_voters = ln.accuracy_curve(results.probs, labels, recipe.noise, recipe.noise_rates, VOTERS, ties=recipe.ties)
        seen = np.random.default_rng(0).binomial(rows, of_voters.accuracy[:, 0]) / rows
        results.accuracies = dict(zip(recipe.noise_rates, seen.tolist(), strict=True))
    else:
        about["search_s"] = timed(lambda: results.perform(recipe.neighbors)).median
        about["votes_s"] = timed(lambda: [results.perform(run) for run in recipe.runs()]).median
    measured = timed(lambda: recipe.measure(results))
    draw, data, details = recipe.figure(measured.result)
    drawn = timed(lambda: draw(title=recipe.title, caption=f"{data}; {details}"))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        write_figure(drawn.result, folder / name)
    values = measured.result.values
    return {
        **about,
        "curves": len(measured.result.tables[""].filter(like="predicted").columns),
        "found_k": values.get("effective_k"),
        "measure_s": measured.median,
        "measure_cpu_s": float(measured.cpu_seconds[0]),
        "draw_s": drawn.median,
        "draw_cpu_s": float(drawn.cpu_seconds[0]),
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,  # kilobytes on Linux
        "finding": recipe.finding(measured.result),
        "values": values,
    }


def main(options: Options) -> Record:
    table = Table(
        *("figure", "rows", "noise_rates", "found_k", "search_s", "votes_s"),
        *("measure_s", "measure_cpu_s", "draw_s", "draw_cpu_s", "peak_gib"),
    )
    for name in options.figures:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            table.add(process.submit(make, name, options.rows, options.folder).result())
    for row in table.rows:
        print(f"{row['figure']}: {row['finding']}")
    return {"rows": table.rows}


if __name__ == "__main__":
    settings: dict[str, Any] = {
        "figures": {"nargs": "+", "choices": FIGURES, "default": FIGURES, "help": "by default all three"},
        "folder": {"type": Path, "help": "where to write the figures"},
    }
    run(main, __doc__, rows=(10_000, 200), **settings)
