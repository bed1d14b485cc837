"""The tables that sampled walks draw from."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from labelnoise.finite.sampling import LANES, distribution_functions, systematic_samples


@given(
    st.integers(1, 8).flatmap(lambda n: st.lists(st.integers(0, 40), min_size=n, max_size=n).filter(any)),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
def test_a_tabulated_sample_is_the_systematic_sample_of_its_row(weights, uniform):
    """With few classes, with classes that never occur, and at the very places where samples change."""
    row = np.array([weights], dtype=float) / sum(weights)
    functions = distribution_functions(row)
    changes, samples = systematic_samples(functions)
    for u in [*uniform, *(changes[0][changes[0] < 1])]:
        expected = [next(j for j, end in enumerate(LANES * functions[0]) if u <= end - i) for i in range(LANES)]
        assert samples[0, (changes[0] < u).sum()].tolist() == expected


def test_a_class_is_drawn_as_often_as_its_probability_says():
    rows = np.random.default_rng(0).dirichlet(np.full(6, 0.5), size=4)
    changes, samples = systematic_samples(distribution_functions(rows))
    places = (np.arange(20_000) + 0.5) / 20_000
    for row, change, sample in zip(rows, changes, samples, strict=True):
        drawn = sample[np.searchsorted(change, places)]
        np.testing.assert_allclose(np.bincount(drawn.ravel(), minlength=6) / drawn.size, row, atol=1e-4)
