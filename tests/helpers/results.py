"""Small results on disk, of which every figure is known."""

import json

import numpy as np
import pandas as pd

from labelnoise.artifacts import SCHEMA, write_json, write_table

RATES = (0.0, 0.2, 0.4)
ACCURACY = {5: (1.0, 0.8, 0.6), 10: (0.96, 0.94, 0.8)}
"""Predicted accuracy of each K; nine tenths are kept up to 0.1 by K = 5, and to 0.3086 by K = 10."""


def write_curve(folder, name="curve", *, ties=("random",), measured=True, rates=RATES, **record):
    """Write a curve; measured means lie 0.01 above predictions."""
    rows = [
        {
            "noise": "flip",
            "placement": "spread",
            "model": "finite",
            "ties": rule,
            "k": k,
            "noise_rate": rate,
            "realized_noise_rate": rate,
            "accuracy": predicted + 0.01 * measured,
            "predicted": predicted,
            "measured": predicted + 0.01 if measured else None,
            "std": 0.02 if measured else None,
            "repeats": 3 if measured else None,
            "difference_points": 1.0 if measured else None,
        }
        for rule in ties
        for k, values in ACCURACY.items()
        for rate, predicted in zip(rates, values, strict=False)
    ]
    frame = pd.DataFrame(rows).astype({"measured": float, "std": float, "difference_points": float})
    write_table(frame, folder / name)
    values = {"schema": SCHEMA, "predicted": {}, "measured": None, "assumption": "labels are clean", "versions": {}}
    return write_json({**values, **record}, folder / f"{name}.json")


def write_lines(folder, name="curve"):
    """Write the predicted lines of a curve, straight between its noise rates."""
    dense = np.linspace(RATES[0], RATES[-1], 41)
    lines = [
        pd.DataFrame({"k": k, "ties": "random", "realized_noise_rate": dense, "accuracy": np.interp(dense, RATES, y)})
        for k, y in ACCURACY.items()
    ]
    write_table(pd.concat(lines), folder / f"{name}_lines")


def write_recipe(folder, name, svg, **record):
    """Write a recipe's result with one figure and a table."""
    (folder / name).mkdir(parents=True)
    (folder / name / f"{name}.svg").write_text(f"<?xml version='1.0'?>\n{svg}")
    write_table(pd.DataFrame({"n": [1, 2], "share": [0.5, 0.25]}), folder / name / name)
    values = {"schema": SCHEMA, "title": name, "statement": "It falls.", "finding": "It fell.", "agrees": True}
    write_json({**values, "specification": {"repeats": 2}, "scale": "smoke", **record}, folder / name / f"{name}.json")


def change_json(path, **changes):
    """Change entries of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
