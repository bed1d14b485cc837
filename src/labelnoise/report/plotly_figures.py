"""Plotly figures from the data of plots, as plain dictionaries; nothing is computed here.

The page has a light and a dark look. Entries of ``meta["paint"]`` of a trace name what has a color, as
``{"line.color": [light, dark]}``; the script of the page sets them. Texts from outside pass `literal`, since Plotly
interprets some HTML.
"""

from __future__ import annotations

from typing import Any

from labelnoise.report.looks import BLUE, GRAY, INK, ORANGE, SOFT, VERMILION, Pair, literal
from labelnoise.report.plots import (
    CurveLine,
    CurvePlot,
    EmbeddingPlot,
    GainPlot,
    HistogramPlot,
    MatrixPlot,
    Plot,
    RangePlot,
)

Figure = dict[str, Any]
_ORDER_COLORS = {"by gain": BLUE, "by region": VERMILION, "by suspicion": ORANGE, "at random": GRAY}
_LEGEND_CLASSES = 20
"""Of more classes, colors repeat too often for a legend to help."""
_CELLS_WITH_TEXT = 12
_LONGEST_NAME = 24
_SHARE = {"tickformat": "~%", "hoverformat": ".1%"}
"""The ticks of an axis of shares, with as many digits as they need."""


def plotly_figure(plot: Plot, colors: dict[int, Pair]) -> Figure:
    """Return ``data`` and ``layout`` of a plot, with the colors of each K."""
    if isinstance(plot, CurvePlot):
        return _curves(plot, colors)
    if isinstance(plot, MatrixPlot):
        return _matrix(plot)
    if isinstance(plot, HistogramPlot):
        return _histogram(plot)
    if isinstance(plot, RangePlot):
        return _ranges(plot)
    if isinstance(plot, GainPlot):
        return _gain(plot)
    return _embedding(plot)


def _curves(plot: CurvePlot, colors: dict[int, Pair]) -> Figure:
    several = len({line.ties for line in plot.lines}) > 1
    data = [_curve(line, colors[line.k], several) for line in plot.lines]
    for k, ties, rate, accuracy in plot.tolerances:
        data.append(
            {
                "x": [rate],
                "y": [accuracy],
                "mode": "markers",
                "marker": {"symbol": "diamond", "size": 11, "line": {"width": 1.5}},
                "meta": {"k": k, "ties": ties, "paint": {"marker.color": colors[k], "marker.line.color": INK}},
                "hovertemplate": f"K = {k}: {100 * accuracy:.1f} % kept up to {100 * rate:.1f} % noise<extra></extra>",
            }
        )
    # A dotted line goes down from each diamond to the axis, where the noise rate can be read.
    for k, ties, rate, accuracy in plot.tolerances:
        data.append(
            {
                "x": [rate, rate],
                "y": [0, accuracy],
                "mode": "lines",
                "line": {"width": 1.3, "dash": "dot"},
                "hoverinfo": "skip",
                "meta": {"k": k, "ties": ties, "paint": {"line.color": colors[k]}},
            }
        )
    # Plotly would scale an axis of a single noise rate to whatever lies around it.
    is_single = len({rate for line in plot.lines for rate in line.noise_rate}) == 1
    layout = {
        "height": 430,
        "hovermode": "closest",
        "showlegend": False,
        "xaxis": {"title": {"text": "noise rate"}, **({"range": [0, 1]} if is_single else {}), **_SHARE},
        "yaxis": {"title": {"text": "accuracy"}, "rangemode": "tozero", **_SHARE},
    }
    return {"data": data, "layout": layout}


def _curve(line: CurveLine, color: Pair, several: bool) -> Figure:
    name = f"K = {line.k}" + (f", ties {line.ties}" if several else "")
    meta = {"k": line.k, "ties": line.ties}
    trace: Figure = {"x": list(line.noise_rate), "y": list(line.accuracy)}
    if not line.is_measured:
        dash = "solid" if line.ties == "random" or not several else "dash"
        marks = {"size": [7 * (rate in line.marked) for rate in line.noise_rate], "opacity": 1}
        return trace | {
            "mode": "lines+markers" if line.marked else "lines",
            "line": {"width": 2.2, "dash": dash},
            **({"marker": marks} if line.marked else {}),
            "meta": {**meta, "paint": {"line.color": color, **({"marker.color": color} if line.marked else {})}},
            "hovertemplate": f"{name}<br>predicted %{{y:.1%}} at %{{x:.3~%}} noise<extra></extra>",
        }
    known = [f"<br>{value:+.1f} points from the prediction" for value in line.difference] or [""] * len(trace["x"])
    if line.spread:
        known = [f" ± {100 * std:.1f}{text}" for std, text in zip(line.spread, known, strict=True)]
    return trace | {
        "mode": "markers",
        "marker": {"size": 6.5},
        "error_y": {"type": "data", "array": list(line.spread), "thickness": 1.2, "width": 3, "visible": True},
        "customdata": known,
        "meta": {**meta, "paint": {"marker.color": color, "error_y.color": color}},
        "hovertemplate": f"{name}<br>measured %{{y:.1%}}%{{customdata}} at %{{x:.3~%}} noise<extra></extra>",
    }


def _matrix(plot: MatrixPlot) -> Figure:
    n = len(plot.names)
    names = [literal(name) for name in plot.names]
    short = [literal(name, _LONGEST_NAME) for name in plot.names]
    axis = {"tickvals": list(range(n)), "ticktext": short, "showgrid": False, "zeroline": False}
    trace = {
        "type": "heatmap",
        "z": [list(row) for row in plot.values],
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Cividis",
        "xgap": 1,
        "ygap": 1,
        "colorbar": {"tickformat": "~%", "thickness": 12, "outlinewidth": 0},
        "customdata": [[[row, column] for column in names] for row in names],
        "hovertemplate": (
            f"{plot.row_title} %{{customdata[0]}}<br>{plot.column_title} %{{customdata[1]}}<br>%{{z:.1%}}"
            "<extra></extra>"
        ),
    }
    if n <= _CELLS_WITH_TEXT:
        trace |= {"texttemplate": "%{text}", "text": [[_cell(value) for value in row] for row in plot.values]}
    layout = {
        "height": int(min(640, 220 + 34 * n)),
        "xaxis": {**axis, "title": {"text": plot.column_title}, "tickangle": -45 if max(map(len, short)) > 3 else 0},
        "yaxis": {**axis, "title": {"text": plot.row_title}, "autorange": "reversed"},
    }
    return {"data": [trace], "layout": layout}


def _cell(value: float) -> str:
    return "" if value < 0.005 else f"{100 * value:.0f}"


def _histogram(plot: HistogramPlot) -> Figure:
    left, width = list(plot.edges[:-1]), plot.edges[1] - plot.edges[0]
    everyone = [a + b for a, b in zip(plot.suspected, plot.others, strict=True)]
    bars: Figure = {"type": "bar", "x": left, "width": width, "offset": 0}
    data = [
        bars
        | {"y": counts, "name": name, "meta": {"paint": {"marker.color": color}}}
        | {"hovertemplate": f"%{{y:,}} {name}<br>Pr(wrong) from %{{x:.1%}}<extra></extra>"}
        for counts, name, color in ((everyone, "labels", SOFT), (list(plot.suspected), "suspected labels", VERMILION))
    ]
    layout = {
        "height": 330,
        "barmode": "overlay",
        "legend": {"orientation": "h", "y": 1.12},
        "xaxis": {"title": {"text": "probability that the label is wrong"}, "range": [0, 1], **_SHARE},
        "yaxis": {"title": {"text": "labels"}, "type": "log", "dtick": 1, "tickformat": ",d"},
    }
    return {"data": data, "layout": layout}


def _ranges(plot: RangePlot) -> Figure:
    data = []
    for place, name in enumerate(plot.names):
        value, low, high = plot.values[place], plot.low[place], plot.high[place]
        is_bracket = plot.kinds[place] == "bracket"
        color = BLUE if is_bracket else VERMILION
        data.append(
            {
                "x": [value],
                "y": [place],
                "mode": "markers",
                "marker": {"size": 10, "symbol": "line-ns-open" if is_bracket else "circle"},
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [high - value],
                    "arrayminus": [value - low],
                    "thickness": 7 if is_bracket else 2,
                    "width": 0 if is_bracket else 6,
                },
                "meta": {"paint": {"marker.color": color, "error_x.color": color}},
                "hovertemplate": (
                    f"{literal(name)}<br>{100 * value:.1f} % ({plot.kinds[place]} {100 * low:.1f} to {100 * high:.1f} "
                    "%)<extra></extra>"
                ),
            }
        )
    n = len(plot.names)
    layout = {
        "height": 110 + 55 * n,
        "showlegend": False,
        "xaxis": {"title": {"text": "labels that are wrong"}, "rangemode": "tozero", **_SHARE},
        "yaxis": {
            "tickvals": list(range(n)),
            "ticktext": [literal(name) for name in plot.names],
            "range": [n - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        },
    }
    return {"data": data, "layout": layout}


def _gain(plot: GainPlot) -> Figure:
    data = []
    for line in plot.lines:
        color, x = _ORDER_COLORS.get(line.order, GRAY), list(line.n_checked)
        band = {"x": x + x[::-1], "y": [*line.high, *line.low[::-1]], "fill": "toself", "mode": "lines"}
        name = literal(line.order)
        data.append(
            band
            | {"line": {"width": 0}, "opacity": 0.15, "legendgroup": name, "showlegend": False, "hoverinfo": "skip"}
            | {"meta": {"paint": {"fillcolor": color, "line.color": color}}}
        )
        data.append(
            {
                "x": x,
                "y": list(line.accuracy),
                "name": name,
                "legendgroup": name,
                "mode": "lines+markers",
                "line": {"width": 2.2},
                "marker": {"size": 4},
                "meta": {"paint": {"line.color": color, "marker.color": color}},
                "hovertemplate": f"%{{x:,}} labels checked {name}<br>expected accuracy %{{y:.1%}}<extra></extra>",
            }
        )
    layout = {
        "height": 380,
        "legend": {"orientation": "h", "y": 1.12},
        "xaxis": {"title": {"text": "labels checked"}, "tickformat": ",d"},
        "yaxis": {"title": {"text": "expected accuracy"}, **_SHARE},
    }
    return {"data": data, "layout": layout}


def _embedding(plot: EmbeddingPlot) -> Figure:
    from labelnoise.figures.style import class_color

    names = [literal(name, _LONGEST_NAME) for name in plot.classes]
    in_legend = len(names) <= _LEGEND_CLASSES
    codes = sorted(set(plot.given))
    data = []
    for group in [{code} for code in codes] if in_legend else [set(codes)]:  # Plotly is slow with many traces.
        rows = [i for i, given in enumerate(plot.given) if given in group]
        suspected = [plot.suggested[i] != plot.given[i] for i in rows]
        data.append(
            {
                "x": [plot.x[i] for i in rows],
                "y": [plot.y[i] for i in rows],
                "name": names[min(group)],
                "mode": "markers",
                "showlegend": in_legend,
                "marker": {
                    "color": [class_color(plot.given[i]) for i in rows],
                    "size": [9 if wrong else 5 for wrong in suspected],
                    "opacity": 0.85,
                    "line": {"width": [1.6 if wrong else 0 for wrong in suspected]},
                },
                "customdata": [
                    [plot.rows[i], names[plot.suggested[i]], plot.probability[i], names[plot.given[i]]] for i in rows
                ],
                "meta": {"paint": {"marker.line.color": INK}},
                "hovertemplate": (
                    "row %{customdata[0]}<br>given %{customdata[3]}<br>suggested %{customdata[1]}<br>"
                    "wrong with probability %{customdata[2]:.1%}<extra></extra>"
                ),
            }
        )
    axis = {"visible": False}
    layout = {
        "height": 560,
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": -0.02, "yanchor": "top", "itemsizing": "constant"},
        "xaxis": axis,
        "yaxis": {**axis, "scaleanchor": "x"},
    }
    return {"data": data, "layout": layout}
