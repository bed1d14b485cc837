"""Draw the same number of wrong labels twice, spread and concentrated, and the accuracy that each leaves.

    python examples/spread_and_concentrated.py [FOLDER]

writes ``spread-and-concentrated.png``, and the same for dark pages, to FOLDER (``docs/pictures`` unless given). The
points are scikit-learn's digits at positions found by t-SNE. In both pictures 30 % of the labels are those of the next
digit. The lines are predicted from the clean labels alone, the points are measured: 30 nearest neighbors vote on the
test digits.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from sklearn.manifold import TSNE

import labelnoise as ln
from labelnoise.data import load_digits

K, NOISE_RATE, RHO = 30, 0.3, 0.85
NOISE_RATES = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
LIGHT = {"ink": "#22262b", "faint": "#c9ced6", "ground": "white", "spread": "#0072b2", "concentrated": "#d55e00"}
DARK = {"ink": "#e6e8ee", "faint": "#5a6072", "ground": "#1e2129", "spread": "#56b4e9", "concentrated": "#f08a3c"}


def main(folder: Path, repeats: int = 10) -> None:
    """Measure and predict both kinds of noise, print the accuracies, and write the pictures."""
    train, test = load_digits()
    neighbors = ln.neighbors(train.features, test.features, k=K)
    placements = {"spread": ln.Spread(), "concentrated": ln.Concentrated(RHO, k=K, neighbors=neighbors)}
    noise = ln.FlipNoise()
    lines, points, noisy = {}, {}, {}
    for name, placement in placements.items():
        noisy[name] = ln.corrupt(
            train.labels, noise, NOISE_RATE, placement=placement, features=train.features, random_state=0
        )
        points[name] = ln.simulate_knn(
            neighbors, train.labels, test.labels, noise, NOISE_RATES, k=K, placement=placement,
            features=train.features, repeats=repeats, random_state=0,
        )  # fmt: skip
        found = points[name].realized_concentrations
        rho = 0.0 if found is None else float(np.nanmean(found))
        lines[name] = ln.predict_knn(
            neighbors, train.labels, test.labels, noise, np.linspace(0, 0.6, 61), k=K, concentration=rho
        )
        print(f"{name:13s} rho {rho:.2f}, accuracy measured at {NOISE_RATES} noise: {points[name].accuracy[:, 0]}")
    positions = TSNE(init="pca", random_state=0).fit_transform(train.features)
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, look in (("", LIGHT), ("-dark", DARK)):
        figure = draw(positions, noisy, lines, points, look)
        figure.savefig(folder / f"spread-and-concentrated{suffix}.png", dpi=120, facecolor=look["ground"])


def draw(positions, noisy, lines, points, look) -> Figure:
    """Draw where wrong labels lie, and the accuracy over their share."""
    colors = {f"{kind}.color": look["ink"] for kind in ("text", "xtick", "ytick")} | {"axes.labelcolor": look["ink"]}
    with mpl.rc_context({**colors, "font.size": 10, "axes.edgecolor": look["faint"], "axes.facecolor": look["ground"]}):
        figure = Figure(figsize=(10.4, 3.7), layout="constrained")
        axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
        at = int(np.flatnonzero(NOISE_RATES == NOISE_RATE)[0])
        for ax, (name, labels) in zip(axes, noisy.items(), strict=False):
            wrong = labels.changed
            ax.scatter(*positions[~wrong].T, s=7, color=look["faint"], linewidths=0)
            ax.scatter(*positions[wrong].T, s=9, color=look[name], linewidths=0)
            ax.set(xticks=[], yticks=[], aspect="equal")
            ax.spines[:].set_visible(False)
            ax.set_title(f"{wrong.mean():.0%} of the labels wrong: {name}", fontsize=10.5)
            ax.set_xlabel(f"{points[name].accuracy[at, 0]:.0%} accuracy", fontsize=15, color=look[name], weight="bold")
        ax = axes[2]
        for name, line in lines.items():
            ax.plot(line.noise_rates, line.accuracy[:, 0], color=look[name], linewidth=2)
            measured = points[name]
            ax.errorbar(
                measured.realized_noise_rates, measured.accuracy[:, 0], measured.std[:, 0],
                fmt="o", color=look[name], markersize=5,
            )  # fmt: skip
        ax.text(0.24, 0.985, "spread", color=look["spread"], weight="bold", va="bottom")
        ax.text(0.02, 0.66, "concentrated", color=look["concentrated"], weight="bold")
        ax.set(xlim=(0, 0.6), ylim=(0, 1.06), xlabel="share of wrong labels")
        ax.set_title(f"{K}-NN: line predicted, points measured", fontsize=10.5)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.spines[["top", "right"]].set_visible(False)
        return figure


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs" / "pictures")
