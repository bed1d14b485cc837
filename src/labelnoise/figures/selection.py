"""Figure of a network's curves by the rule that chooses its state."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from labelnoise.figures.curves import scale_accuracy
from labelnoise.figures.layout import finish, new_figure
from labelnoise.figures.style import BLUE, ORANGE, STYLE, VERMILION, error_bars, show_percent

_LOOKS = {"clean": (VERMILION, "o"), "noisy": (BLUE, "s"), "last": (ORANGE, "^")}
RULE_NAMES = {
    "clean": "best on clean validation labels",
    "noisy": "best on noisy validation labels",
    "last": "last epoch",
}
"""What each rule keeps."""


def selection_figure(
    table: pd.DataFrame,
    nearest: Mapping[str, int],
    *,
    noise: str,
    epochs: int,
    repeats: int,
    title: str = "",
    caption: str = "",
) -> Figure:
    """Draw each rule's measured curve over the nearest analytic one, and the epochs that each rule kept.

    Parameters
    ----------
    table : DataFrame
        One row per rule and noise rate: rule, noise_rate, measured, std (NaN for one repeat), predicted, kept_epoch.
    nearest : mapping of rule to int
        The K of the analytic curve in `predicted`.
    noise : str
        Name of the noise model.
    epochs, repeats : int
        Epochs of a training, and trainings per noise rate.
    title : str
    caption : str
        Data set, scale and seeds; the meaning of the marks is added.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(9.4, 3.9)
        ax, beside = figure.subplots(1, 2, width_ratios=[1.45, 1])
        for rule, part in table.sort_values("noise_rate").groupby("rule", sort=False):
            color, marker = _LOOKS[str(rule)]
            x = part["noise_rate"].to_numpy()
            label = f"{RULE_NAMES[str(rule)]} (K = {nearest[str(rule)]})"
            look = {"color": color, "marker": marker, "markersize": 4.5, "linestyle": "none"}
            bars = error_bars(part["std"])
            ax.errorbar(x, part["measured"], yerr=bars, label=label, capsize=2.5, elinewidth=1.0, zorder=4, **look)
            ax.plot(x, part["predicted"], color=color, linewidth=1.2, linestyle=(0, (4, 2)), zorder=3)
            beside.plot(x, part["kept_epoch"], linewidth=1.0, **{**look, "linestyle": "-"})
        scale_accuracy(ax, noise)
        ax.legend(frameon=False, fontsize=8.5, loc="lower left")
        beside.set(xlabel="noise rate", ylabel="epoch that is kept", ylim=(0.8, epochs + 0.2))
        beside.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=min(epochs, 8)))
        show_percent(beside.xaxis)
        beside.set_xlim(0, float(np.max(table["noise_rate"])) * 1.03)
        spread = f"mean ± standard deviation of {repeats} trainings" if repeats > 1 else "one training"
        words = (
            f"Left: test accuracy of the state that each rule keeps, {spread} per noise rate; dashed: the nearest "
            f"analytic curve at these noise rates. Right: the epoch that is kept, out of {epochs}, on average."
        )
        return finish(figure, title, (caption, words))
