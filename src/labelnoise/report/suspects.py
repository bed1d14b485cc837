"""The table of suspected labels, with thumbnails of images that are there."""

from __future__ import annotations

import base64
import io
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labelnoise.report.results import FoundResult
from labelnoise.report.summary import Section
from labelnoise.report.texts import plain_table

if TYPE_CHECKING:
    import pandas as pd

MOST_SUSPECTS = 1000
MOST_IMAGES = 200
MOST_BYTES = 1_000_000
"""Size of all thumbnails together, as they stand in the page."""
SIDE = 64
"""Longer side of a thumbnail, in pixels."""


def suspects_section(result: FoundResult, samples: pd.DataFrame) -> Section:
    """Return the suspected labels, the most probably wrong first."""
    suspected = samples[samples["given_label"] != samples["suggested_label"]]
    shown = suspected.sort_values("wrong_probability", ascending=False, kind="stable").head(MOST_SUSPECTS)
    if not len(shown):
        return Section("Which labels are suspected", "No label is suspected.")
    hidden = [name for name, least in (("region", 0), ("copies", 2)) if not (shown[name] >= least).any()]
    frame = shown.drop(columns=hidden).rename(columns={"index": "row"})
    table = plain_table(frame, {"wrong_probability": 3, "suggested_probability": 3}, is_sortable=True)
    images = thumbnails([str(path) for path in shown["path"]], result.folder) if "path" in shown else {}
    text = (
        f"The {len(shown):,} most probably wrong of {len(suspected):,} suspected labels. Choose a head of the table to "
        "sort by it; row is the number of the sample in the file of the labels, from 0."
    )
    return Section(
        "Which labels are suspected",
        text,
        table=replace(table, images=images),
        files=result.files("samples.csv", "samples.parquet"),
    )


def thumbnails(paths: list[str], folder: Path) -> dict[int, str]:
    """Return small JPEGs of the image files that are there, in base64, by their place in the list.

    Parameters
    ----------
    paths : list of str
        Files; relative ones are looked for from the working folder, and from `folder`.
    folder : Path
        Of the results.
    """
    try:
        from PIL import Image
    except ImportError:  # Pillow comes with the extra `data`; without it no image set can be read either.
        return {}
    images: dict[int, str] = {}
    size = 0
    for place, name in enumerate(paths):
        if len(images) == MOST_IMAGES or size >= MOST_BYTES:
            break
        path = next((path for path in (Path(name), folder / name) if path.is_file()), None)
        if path is None:
            continue
        stream = io.BytesIO()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path) as image:
                    image.draft("RGB", (SIDE, SIDE))
                    image.thumbnail((SIDE, SIDE))
                    image.convert("RGB").save(stream, "JPEG", quality=75)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
            continue  # A report is written although an image is damaged or too large.
        encoded = base64.b64encode(stream.getvalue()).decode("ascii")
        size += len(encoded)
        if size <= MOST_BYTES:
            images[place] = encoded
    return images
