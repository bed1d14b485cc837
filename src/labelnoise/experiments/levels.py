"""The noise rates at which the paper's curves were measured (published code)."""

from __future__ import annotations

NOISE_RATES: dict[str, tuple[float, ...]] = {
    "uniform": (
        *(0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.86, 0.87, 0.88, 0.89),
        *(0.9, 0.91, 0.92, 0.93, 0.95, 0.99),
    ),
    "flip": (0.0, 0.2, 0.3, 0.35, 0.4, 0.43, 0.46, 0.48, 0.5, 0.52, 0.54, 0.57, 0.6, 0.65, 0.7, 0.8),
    "matrix": (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95),
    "concentrated": (1 / 10, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2),
}
