"""Accuracy curves in files."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from pathlib import Path

from labelnoise.curves.curve import AccuracyCurve, CurveSetting
from labelnoise.curves.trainings import Trainings
from labelnoise.records import read_record, write_record

FORMAT = "labelnoise.AccuracyCurve/1"
_ARRAYS = [field.name for field in fields(AccuracyCurve) if field.name not in ("setting", "source")]
_NEEDED = {"noise_rates", "k", "accuracy", "per_class", "realized_noise_rates"}
_TRAININGS = ("predicted", "test_codes")


def save_curve(curve: AccuracyCurve, path: str | os.PathLike[str]) -> Path:
    """Write what `AccuracyCurve.save` describes."""
    arrays = {name: getattr(curve, name) for name in _ARRAYS if getattr(curve, name) is not None}
    if isinstance(curve.source, Trainings):
        arrays |= {name: getattr(curve.source, name) for name in _TRAININGS}
    setting = asdict(curve.setting)
    return write_record(path, FORMAT, setting.pop("classes"), {"setting": setting}, **arrays)


def load_curve(path: str | os.PathLike[str]) -> AccuracyCurve:
    """Read what `AccuracyCurve.load` describes."""
    record, classes, arrays = read_record(path, FORMAT, "AccuracyCurve.save", _NEEDED)
    source = None
    if set(_TRAININGS) <= set(arrays):
        source = Trainings(arrays["predicted"], arrays["test_codes"], arrays["noise_rates"], len(classes))
    columns = {name: arrays[name] for name in _ARRAYS if name in arrays}
    return AccuracyCurve(**columns, setting=CurveSetting(**record["setting"], classes=classes), source=source)
