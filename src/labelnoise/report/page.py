"""Turn a summary into one self-contained HTML page with all text escaped; nothing is computed here.

The page makes no request: style, script, figures and the Plotly library are inside of it, and its content security
policy forbids everything else. Plotly is compressed (1.5 MB instead of 4.8) and unpacked by the browser.
"""

from __future__ import annotations

import base64
import functools
import gzip
import json
import os
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from labelnoise.artifacts import parse_json, to_json, write_text
from labelnoise.report.looks import k_colors
from labelnoise.report.plotly_figures import plotly_figure
from labelnoise.report.plots import CurvePlot, MatrixPlot
from labelnoise.report.summary import Section, Summary

MARK = '<meta name="generator" content="labelnoise report">'
"""What tells a page of this program from other files."""
MOST_FIGURE_BYTES = 2_500_000
"""Size of all static figures together; further ones are linked."""


def write_report(summary: Summary, path: Path, *, overwrite: bool = False) -> Path:
    """Write a summary as a page.

    Parameters
    ----------
    summary : Summary
        What the page says.
    path : Path
        The HTML file. Links to other files are relative to it.
    overwrite : bool, default False
        Whether a file is replaced that is not a report of this program. A report always is.

    Raises
    ------
    FileExistsError
        There is another file, and `overwrite` is False.
    """
    check_replaceable(path, overwrite)
    return write_text(report_html(summary, path.parent), path)


def check_replaceable(path: Path, overwrite: bool) -> None:
    """Raise a FileExistsError if a file is there that is not a report of this program, unless `overwrite`."""
    if overwrite or not path.is_file():
        return
    with path.open("rb") as stream:
        head = stream.read(2000)
    if MARK.encode() not in head:
        raise FileExistsError(
            f"{path} must not exist, or be a report of labelnoise; it is another file. Name another one with --output, "
            "or replace it with --overwrite."
        )


def report_html(summary: Summary, folder: Path) -> str:
    """Return the page as text.

    Parameters
    ----------
    summary : Summary
        What the page says.
    folder : Path
        Where the page lies.
    """
    from jinja2 import Environment, StrictUndefined

    plots = [section.plot for part in summary.parts for section in part.sections if section.plot is not None]
    colors = k_colors([line.k for plot in plots if isinstance(plot, CurvePlot) for line in plot.lines])
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    figures = _Figures(folder)
    return environment.from_string(_resource("page.html.j2")).render(
        summary=summary,
        mark=MARK,
        style=_resource("page.css"),
        script=_resource("page.js"),
        plots=_script_json([plotly_figure(plot, colors) for plot in plots]),
        plotly=_packed_plotly() if plots else "",
        figure=figures.embedded,
        link=functools.partial(_link, folder),
        is_wide=lambda plot: isinstance(plot, MatrixPlot),
        controls=lambda plot: _controls(plot, colors) if isinstance(plot, CurvePlot) else None,
    )


class _Figures:
    """Static figures for a page in `folder`, as long as there is room for them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._left = folder, MOST_FIGURE_BYTES

    def embedded(self, section: Section) -> str:
        """Return the address of the figure as data; the empty text if there is no room left.

        As an image, an SVG file runs no script that it may hold.
        """
        assert section.figure is not None
        kind = {".svg": "svg+xml", ".png": "png"}[section.figure.suffix]
        text = f"data:image/{kind};base64," + base64.b64encode(section.figure.read_bytes()).decode("ascii")
        if len(text) > self._left:
            return ""
        self._left -= len(text)
        return text


def _controls(plot: CurvePlot, colors: dict[int, list[str]]) -> dict[str, Any]:
    """Return what can be switched on and off: each K with its colors, and the tie rules if there are several."""
    ties = sorted({line.ties for line in plot.lines})
    ks = sorted({line.k for line in plot.lines})
    return {"k": [(k, *colors[k]) for k in ks], "ties": ties if len(ties) > 1 else []}


def _link(folder: Path, path: Path) -> tuple[str, str]:
    """Return the address of a file relative to the page, and its name there."""
    name = Path(os.path.relpath(path, folder)).as_posix()
    return quote(name), name


def _script_json(value: Any) -> str:
    """Return JSON that may stand inside of a script element: no character in it can end the element."""
    text = json.dumps(parse_json(to_json(value)), separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _resource(name: str) -> str:
    return package_files(__package__).joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _packed_plotly() -> str:
    """Return the Plotly library, compressed, in base64."""
    try:
        library = package_files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    except ModuleNotFoundError as error:
        raise ImportError("a report needs the package plotly: pip install plotly") from error
    return base64.b64encode(gzip.compress(library, 9, mtime=0)).decode("ascii")
