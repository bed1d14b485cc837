"""How does the cost of the win probability grow with rows, classes, K and noise levels?

    python benchmarks/scaling.py [--rows 2000] [--repeats 3] [--plot FILE.png] [--quick] [--output FILE.json]

Rows are Dirichlet(0.1) softmax outputs under uniform noise at rate 0.4, K = 30, 10 classes, one level, unless varied.
Each quantity is varied alone over a factor of at least 30. The exponent is the slope of a straight line fitted to the
logarithms of the median processor seconds: 1 where the cost is proportional. `--plot` draws them on logarithmic axes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, run, timed

import labelnoise as ln

VARIED = {
    "rows": (1, 3, 10, 30),
    "classes": (3, 10, 30, 100, 300, 1000),
    "k": (10, 30, 100, 300, 1000),
    "levels": (1, 3, 10, 30),
}


def seconds(n_rows: int, classes: int, k: int, levels: int, repeats: int) -> float:
    """Return the median processor seconds of all levels, with random ties."""
    clean = np.random.default_rng(0).dirichlet(np.full(classes, 0.1), size=n_rows)
    labels, rates = clean.argmax(axis=1), np.linspace(0.4, 0.5, levels)
    work = partial(ln.accuracy_curve, clean, labels, ln.UniformNoise(), rates, k)
    return float(np.median(timed(work, repeats, warm_up=1).cpu_seconds))


def main(options: Options) -> Record:
    table = Table("varied:9", "value", "cpu_seconds", "exponent")
    for varied, values in VARIED.items():
        fixed = {"rows": options.rows, "classes": 10, "k": 30, "levels": 1}
        factor = options.rows if varied == "rows" else 1
        costs = []
        for value in values:
            case = {**fixed, varied: value * factor}
            costs.append(seconds(case["rows"], case["classes"], case["k"], case["levels"], options.repeats))
        exponent = float(np.polyfit(np.log(values), np.log(costs), 1)[0])
        for value, cost in zip(values, costs, strict=True):
            table.add({"varied": varied, "value": value * factor, "cpu_seconds": cost, "exponent": exponent})
    if options.plot:
        plot(table.rows, options.plot)
    return {"rows": table.rows}


def plot(rows: list[Record], path: Path) -> None:
    """Draw the cost against each quantity on logarithmic axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3), layout="constrained")
    for axes, varied in zip(figure.subplots(1, len(VARIED), sharey=True), VARIED, strict=True):
        of_it = [row for row in rows if row["varied"] == varied]
        axes.loglog([row["value"] for row in of_it], [row["cpu_seconds"] for row in of_it], "o-")
        axes.xaxis.set_minor_formatter("")
        axes.set(xlabel=varied, title=f"exponent {of_it[0]['exponent']:.2f}")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("processor seconds")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    plot_option = {"type": Path, "metavar": "FILE.png", "help": "draw the cost on logarithmic axes"}
    run(main, __doc__, rows=(2000, 20), repeats=(3, 1), plot=plot_option)
