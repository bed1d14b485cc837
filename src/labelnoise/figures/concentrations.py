"""Figures of accuracy against concentration, and of the prediction's difference from the measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from labelnoise.figures.curves import bar_ends
from labelnoise.figures.direct_labels import Line, label_ends, label_points
from labelnoise.figures.layout import finish, new_figure, panel_grid, set_heading
from labelnoise.figures.style import BLUE, INK, ORANGE, SMALL_SIZE, STYLE, VERMILION, error_bars, show_percent

if TYPE_CHECKING:
    import pandas as pd

# Color and marker both differ, so that either is enough to tell the series apart.
_SERIES = ((BLUE, "o"), (VERMILION, "s"), ("#009e73", "^"), ("#cc79a7", "D"), (ORANGE, "v"), (INK, "P"))


def accuracy_over_concentration_figure(table: pd.DataFrame, *, title: str = "", caption: str = "") -> Figure:
    """Draw accuracy against rho at one noise rate: predicted lines, and measured points with standard deviations.

    Parameters
    ----------
    table : DataFrame
        Columns `method` (the name written beside the series, such as "network" or "K-NN, K = 30"), `concentration`,
        `predicted` and `measured` (in [0, 1]; NaN in rows that have only the other), and optionally `std`.
    title : str
    caption : str
        Data set, noise rate, repeats, scale and seeds; the meaning of the marks is added.
    """
    methods = list(dict.fromkeys(table["method"].tolist()))
    with matplotlib.rc_context(STYLE):
        figure = new_figure(6.6, 4.0)
        ax = figure.subplots()
        lines: dict[str, Line] = {}
        measured: dict[str, Line] = {}
        marks: list[Line] = []
        colors = {method: _SERIES[row % len(_SERIES)] for row, method in enumerate(methods)}
        for method, (color, marker) in colors.items():
            part = table[table["method"] == method].sort_values("concentration")
            std = part["std"].to_numpy(float) if "std" in part else np.full(len(part), np.nan)
            for column, found in (("predicted", lines), ("measured", measured)):
                there = part[column].notna().to_numpy() if column in part else np.zeros(len(part), dtype=bool)
                if not there.any():
                    continue
                x, y = (part[name].to_numpy(float)[there] for name in ("concentration", column))
                found[method] = x, y
                if column == "predicted":
                    ax.plot(x, y, color=color, linewidth=1.6, zorder=2)
                    continue
                marks += bar_ends(x, y, std[there])
                ax.errorbar(
                    x,
                    y,
                    yerr=error_bars(std[there]),
                    color=color,
                    linestyle="none",
                    marker=marker,
                    markersize=5,
                    markerfacecolor="white",
                    markeredgewidth=1.3,
                    elinewidth=1.0,
                    capsize=2.5,
                    zorder=3,
                )
        ax.set_xlabel("concentration ρ (0 spread, 1 concentrated)")
        ax.set_ylabel("test accuracy")
        show_percent(ax.yaxis)
        for method, (color, _) in colors.items():
            own = lines.get(method, measured.get(method))
            if own is not None:
                others = [line for name, line in lines.items() if name != method]
                label_points(ax, own, str(method), color, lines=others, points=marks)
        words = "Lines: predicted; points: measured"
        words += ", mean ± standard deviation." if "std" in table and table["std"].notna().any() else "."
        return finish(figure, title, (caption, words))


def difference_figure(table: pd.DataFrame, *, title: str = "", caption: str = "") -> Figure:
    """Draw measured minus predicted accuracy against the realized rho, with a panel per K and a color per noise model.

    Parameters
    ----------
    table : DataFrame
        Columns `k`, `noise`, `concentration` (realized), `measured` and `predicted`; one row per point.
    title : str
    caption : str
        Data set, noise rates, draws, scale and seeds; the meaning of the marks is added.
    """
    ks, noises = sorted(set(table["k"].tolist())), list(dict.fromkeys(table["noise"].tolist()))
    with matplotlib.rc_context(STYLE):
        figure, grid = panel_grid(len(ks), min(len(ks), 3), 2.7 if len(ks) > 1 else 5.4, 2.6)
        for ax, k in zip(grid, ks, strict=True):
            here = table[table["k"] == k]
            ax.axhline(0, color=INK, linewidth=0.9, zorder=1)
            for row, noise in enumerate(noises):
                color, marker = _SERIES[row % len(_SERIES)]
                part = here[here["noise"] == noise]
                difference = 100 * (part["measured"] - part["predicted"]).to_numpy(float)
                ax.scatter(
                    part["concentration"], difference, s=14, color=color, marker=marker, alpha=0.65, linewidths=0
                )
            set_heading(ax, f"K = {k}", f"{len(here):,} points", 2.4)
        bound = 1.12 * max(0.5, *(abs(limit) for ax in grid for limit in ax.get_ylim()))
        grid[0].set_ylim(-bound, bound)
        for ax in grid[:: min(len(ks), 3)]:
            ax.set_ylabel("measured − predicted (points)")
        for ax in grid[-min(len(ks), 3) :]:
            ax.set_xlabel("concentration ρ")
        for row, noise in enumerate(noises):
            place: dict[str, Any] = {
                "ha": "right",
                "va": "top",
                "transform": grid[0].transAxes,
                "fontsize": SMALL_SIZE + 0.5,
            }
            color, _ = _SERIES[row % len(_SERIES)]
            grid[0].text(0.98, 0.99 - 0.08 * row, f"{noise} noise", color=color, fontweight="bold", **place)
        words = f"Color and marker: the noise model ({', '.join(map(str, noises))}); one point per measurement."
        return finish(figure, title, (caption, words))


def limits_figure(table: pd.DataFrame, *, title: str = "", caption: str = "") -> Figure:
    """Draw the error of predictions from rho against the size of noisy patches, per data set and noise model.

    Parameters
    ----------
    table : DataFrame
        Columns `data`, `noise`, `k`, `patch_size`, `mean_difference_from_neighborhood_rate` (the Beta distribution of
        local noise rates) and `mean_difference_from_rates_found` (the local noise rates themselves), in [0, 1].
    title : str
    caption : str
        Noise rates, draws, scale and seeds; the meaning of the marks is added.
    """
    column, floor = "mean_difference_from_neighborhood_rate", "mean_difference_from_rates_found"
    noises, sets = (list(dict.fromkeys(table[name].tolist())) for name in ("noise", "data"))
    with matplotlib.rc_context(STYLE):
        figure, grid = panel_grid(len(noises) * len(sets), len(sets), 2.8, 2.3)
        top = 1.15 * 100 * float(table[[column, floor]].to_numpy().max())
        for ax, (noise, data) in zip(grid, [(noise, data) for noise in noises for data in sets], strict=True):
            part = table[(table["noise"] == noise) & (table["data"] == data)]
            ks = sorted(set(part["k"].tolist()))
            series, last = [_SERIES[row % len(_SERIES)] for row in range(len(ks))], []
            for k, (color, marker) in zip(ks, series, strict=True):
                of_k = part[part["k"] == k].sort_values("patch_size")
                x, y = of_k["patch_size"].to_numpy(float), 100 * of_k[column].to_numpy(float)
                ax.plot(x, y, color=color, marker=marker, markersize=4, linewidth=1.3)
                ax.plot(x, 100 * of_k[floor].to_numpy(float), color=color, linestyle=":", linewidth=1.1)
                last.append(float(y[-1]))
            ax.set_xscale("log")
            ax.set_xlim(right=3.2 * table["patch_size"].max())
            ax.set_ylim(0, top)
            texts = [f"K = {k}" if row == 0 else f"{k}" for row, k in enumerate(ks)]
            label_ends(ax, float(x[-1]), last, texts, [color for color, _ in series])
            set_heading(ax, f"{noise} noise, {data}", "", 2.4)
        for ax in grid[:: len(sets)]:
            ax.set_ylabel("difference (points)")
        for ax in grid[-len(sets) :]:
            ax.set_xlabel("samples in a noisy patch")
        words = "Lines: neighborhood sizes K; dotted: from the local noise rates found, without a Beta distribution."
        return finish(figure, title, (caption, words))
