"""Small static HTML for notebooks: what a curve, noisy labels or a diagnosis says, in a table and a figure."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labelnoise.report.texts import percent, share_range

if TYPE_CHECKING:
    from labelnoise.corruption import NoisyLabels
    from labelnoise.curves.curve import AccuracyCurve
    from labelnoise.diagnosis.diagnosis import Diagnosis
    from labelnoise.diagnosis.estimate import Estimate

_MOST_RATES, _MOST_CLASSES = 12, 12
_CELL = 'style="text-align: right"'


def curve_html(curve: AccuracyCurve) -> str:
    """Return the accuracy of each K at up to 12 noise rates, and the curve's figure."""
    from labelnoise.figures.curves import curve_figure

    n = len(curve.noise_rates)
    shown = np.unique(np.linspace(0, n - 1, min(n, _MOST_RATES)).astype(int))
    classifier = curve.setting.classifier
    columns = [f"K = {k}" for k in curve.k.tolist()] if classifier is None else [classifier]
    heads = ["noise rate", *columns]
    rows = [
        [percent(float(curve.realized_noise_rates[i])), *(percent(float(value)) for value in curve.accuracy[i])]
        for i in shown
    ]
    setting = curve.setting
    kind = f"measured, {curve.repeats} repeats" if curve.measured else f"predicted ({setting.model})"
    title = f"Accuracy under {setting.noise['name']} noise, {setting.placement['name']} placement: {kind}"
    drawn = ""
    if not np.isnan(curve.realized_noise_rates).any():
        figure = curve_figure(None if curve.measured else curve, curve if curve.measured else None)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
        svg = stream.getvalue()
        alt = html.escape(f"{title}, {n} noise rates")
        drawn = f'<div role="img" aria-label="{alt}" style="background: #fff">{svg[svg.index("<svg") :]}</div>'
    return _titled(title, _table(heads, rows) + drawn)


def noisy_labels_html(noisy: NoisyLabels) -> str:
    """Return what was changed, and of up to 12 classes the realized transition matrix."""
    rows = [
        ["labels", f"{len(noisy.labels):,} of {len(noisy.classes):,} classes"],
        ["selected", f"{percent(noisy.noise_rate)} (asked for: {percent(noisy.asked_noise_rate)})"],
        ["changed", percent(noisy.changed_rate)],
        ["placement", str(noisy.placement["name"])],
        ["seed", "not drawn here" if noisy.seed is None else str(noisy.seed)],
    ]
    if noisy.concentration is not None:
        rows.insert(4, ["concentration (rho)", f"{noisy.concentration:.3f}"])
    body = _table([], rows)
    if len(noisy.classes) <= _MOST_CLASSES:
        names = [str(name) for name in noisy.classes.tolist()]
        cells = [
            [name, *(percent(float(value)) for value in row)]
            for name, row in zip(names, noisy.transition_matrix, strict=True)
        ]
        body += _table(["clean \N{RIGHTWARDS ARROW} noisy", *names], cells)
    return _titled(f"Noisy labels: {noisy.noise['name']} noise", body)


def diagnosis_html(found: Diagnosis) -> str:
    """Return the headline, the main estimates, and how each check stands."""
    from labelnoise.diagnosis.headline import basis, headline

    estimates: list[tuple[str, Estimate]] = [("labels wrong", found.wrong_rate)]
    if found.knn_accuracy is not None:
        estimates.append((f"{found.data.k}-NN accuracy now", found.knn_accuracy))
    unknown = found.too_weak and found.audit is None
    rows = [
        [name, "not known" if unknown else percent(rate.value), share_range(rate.summary())] for name, rate in estimates
    ]
    checks = [[str(row["number"]), row["check"], row["status"], row["seen"]] for row in found.checks.to_dict("records")]
    body = _table([], rows) + f"<p>{html.escape(basis(found))}</p>" + _table(["", "check", "status", "seen"], checks)
    return _titled(headline(found), body)


def _titled(title: str, body: str) -> str:
    return f"<div><strong>{html.escape(title)}</strong>{body}</div>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with all text escaped; without heads, the first cell of a row is its head."""
    head = "".join(f'<th scope="col" {_CELL}>{html.escape(text)}</th>' for text in heads)
    lines = []
    for first, *others in rows:
        cells = "".join(f'<td style="text-align: left">{html.escape(text)}</td>' for text in others)
        lines.append(f'<tr><th scope="row" {_CELL}>{html.escape(first)}</th>{cells}</tr>')
    top = f"<thead><tr>{head}</tr></thead>" if heads else ""
    return f"<table>{top}<tbody>{''.join(lines)}</tbody></table>"
