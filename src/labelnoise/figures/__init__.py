"""Draw every figure of the paper from tables and results; only positions on paper are computed here.

`style` is the common look, `layout` places panels, titles and captions, and `direct_labels` writes names on lines. Each
of the other modules draws one kind of figure. Figures are made without pyplot (no global state, no window), and
`labelnoise.artifacts.write_figure` writes them to files. `plot_curve`, `plot_over_family` and `plot_surface` alone
make a pyplot figure if they are given no axes.
"""

from labelnoise.figures.concentrations import accuracy_over_concentration_figure, difference_figure, limits_figure
from labelnoise.figures.curves import curve_figure, plot_curve
from labelnoise.figures.embedding import EmbeddingPanel, embedding_figure
from labelnoise.figures.families import concentrated_figure, family_figure, network_figure, plot_over_family
from labelnoise.figures.selection import selection_figure
from labelnoise.figures.softmax_bars import SoftmaxPanel, panels_by_class, softmax_bars_figure
from labelnoise.figures.softmax_neighborhoods import preferred_k_figure, softmax_pairs_figure
from labelnoise.figures.surfaces import plot_surface, surface_figure

__all__ = [
    "EmbeddingPanel",
    "SoftmaxPanel",
    "accuracy_over_concentration_figure",
    "concentrated_figure",
    "curve_figure",
    "difference_figure",
    "embedding_figure",
    "family_figure",
    "limits_figure",
    "network_figure",
    "panels_by_class",
    "plot_curve",
    "plot_over_family",
    "plot_surface",
    "preferred_k_figure",
    "selection_figure",
    "softmax_bars_figure",
    "softmax_pairs_figure",
    "surface_figure",
]
