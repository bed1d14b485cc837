"""Clean label counts of neighborhoods, and their vote profiles from every possible outcome."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb

import numpy as np

from helpers.reference import share_of_win

PATTERNS = [
    (1, 0),
    (2, 2),
    (3, 2),
    (0, 3, 1),
    (2, 2, 1),
    (0, 0, 4),
    (1, 1, 1, 1),
    (0, 2, 2, 0),
    (0, 1, 0, 3),
    (2, 0, 1, 2),
]


def patterns(seed, k, n_classes, n, spread=0.4):
    rng = np.random.default_rng(seed)
    return np.array([rng.multinomial(k, rng.dirichlet(np.full(n_classes, spread))) for _ in range(n)])


def enumerated_profiles(counts, matrix, ties):
    """Return W[label, m] from every subset of neighbors and every outcome of their redraws, in exact rationals."""
    n_classes, k = len(counts), sum(counts)
    clean = [j for j, count in enumerate(counts) for _ in range(count)]
    profiles = [[Fraction(0)] * (k + 1) for _ in range(n_classes)]
    for selected in itertools.product((False, True), repeat=k):
        outcomes = {(0,) * n_classes: Fraction(1)}
        for label, redrawn in zip(clean, selected, strict=True):
            longer = {}
            for votes, probability in outcomes.items():
                row = matrix[label] if redrawn else [Fraction(int(j == label)) for j in range(n_classes)]
                for j, p in enumerate(row):
                    if p:
                        more = (*votes[:j], votes[j] + 1, *votes[j + 1 :])
                        longer[more] = longer.get(more, 0) + probability * p
            outcomes = longer
        m = sum(selected)
        for label in range(n_classes):
            win = sum(p * share_of_win(votes, label, ties) for votes, p in outcomes.items())
            profiles[label][m] += win / comb(k, m)
    return np.array([[float(w) for w in row] for row in profiles])
