"""Samples are drawn with exactly the probabilities that are kept."""

from __future__ import annotations

from itertools import pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelnoise.diagnosis.auditing.design import (
    SHARES,
    draw_partners,
    draw_positions,
    drawing_probabilities,
    partner_probabilities,
    reverse_counts,
)

HOODS = np.array([[1, 2], [2, 0], [1, 4], [2, 1], [2, 0], [0, 1]])  # Samples 3 and 5 are nobody's neighbors.


class Scripted:
    """A generator whose draws are given."""

    def __init__(self, order=None, uniform=0.0, integer=0):
        self.order, self.uniform, self.integer = order, uniform, integer

    def permutation(self, values):
        return np.array(self.order) if np.ndim(values) == 0 else values

    def random(self, size=None):
        return self.uniform if size is None else np.full(size, self.uniform)

    def integers(self, low, high, size):
        return np.full(size, self.integer)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.data())
def test_probabilities_sum_to_n_and_keep_their_floor(errors, data):
    n = data.draw(st.integers(1, len(errors)))
    probabilities = drawing_probabilities(np.array(errors), n)
    assert probabilities.sum() == pytest.approx(n)
    assert (probabilities <= 1).all()
    assert (probabilities >= SHARES[0] * n / len(errors) - 1e-12).all()


def test_known_samples_are_not_drawn_again():
    known = np.array([True, False, False, True, False])
    probabilities = drawing_probabilities(np.full(5, 0.1), 2, known=known)
    assert (probabilities[known] == 0).all()
    assert probabilities.sum() == pytest.approx(2)
    with pytest.raises(ValueError, match=r"`n` must be at most 3, .* not checked yet; got 4"):
        drawing_probabilities(np.full(5, 0.1), 4, known=known)


def test_more_samples_than_there_are_are_refused():
    with pytest.raises(ValueError, match=r"`n` must be at most 3"):
        drawing_probabilities(np.full(3, 0.1), 4)


def test_every_order_and_start_together_draw_each_sample_with_its_probability():
    probabilities = np.array([0.9, 0.2, 0.5, 0.4])
    found = np.zeros(4)
    for order in permutations(range(4)):
        ends = np.cumsum(probabilities[list(order)]) % 1
        cuts = np.unique(np.concatenate([[0, 1], ends.round(12)]))
        for start, stop in pairwise(cuts):
            drawn = draw_positions(probabilities, Scripted(order, (start + stop) / 2))
            assert len(set(drawn.tolist())) == 2
            found[drawn] += (stop - start) / 24
    np.testing.assert_allclose(found, probabilities, atol=1e-9)


def test_all_samples_are_drawn_when_all_are_asked_for():
    drawn = draw_positions(drawing_probabilities(np.full(50, 0.2), 50), np.random.default_rng(0))
    assert sorted(drawn.tolist()) == list(range(50))


def chances_of_partners(sample: int) -> np.ndarray:
    """Return Pr(partner j | drawn sample), by calling `draw_partners` with everything that chance may bring."""
    n_reverse = reverse_counts(HOODS, 6)[sample]
    found = np.zeros(6)
    for which, other in product(range(n_reverse), range(HOODS.shape[1] - 1)):
        rng = Scripted(uniform=(which + 0.5) / n_reverse, integer=other)
        found[draw_partners(np.array([sample]), HOODS, rng)[0]] += 1 / (n_reverse * (HOODS.shape[1] - 1))
    return found


def test_partners_are_other_members_of_a_neighborhood_that_holds_the_sample():
    for sample in (0, 1, 2, 4):
        expected = np.zeros(6)
        hoods = [hood for hood in HOODS.tolist() if sample in hood]
        for hood in hoods:
            for other in set(hood) - {sample}:
                expected[other] += 1 / (len(hoods) * (HOODS.shape[1] - 1))
        np.testing.assert_allclose(chances_of_partners(sample), expected)


def test_a_sample_that_is_nobodys_neighbor_has_no_partner():
    assert draw_partners(np.array([5, 0]), HOODS, np.random.default_rng(0))[0] == -1


def test_expected_numbers_of_partners_are_those_of_all_draws_together():
    probabilities = np.array([0.3, 0.1, 0.2, 0.6, 0.3, 0.5])
    expected = sum(probabilities[i] * chances_of_partners(i) for i in (0, 1, 2, 4))
    np.testing.assert_allclose(partner_probabilities(probabilities, HOODS), expected)


def test_partners_are_drawn_as_often_as_expected_from_larger_neighborhoods():
    rng = np.random.default_rng(0)
    hoods = np.array([rng.choice(np.delete(np.arange(12), i), 4, replace=False) for i in range(12)])
    probabilities = np.full(12, 0.5)
    counts = np.zeros(12)
    for _ in range(4000):
        partners = draw_partners(draw_positions(probabilities, rng), hoods, rng)
        np.add.at(counts, partners[partners >= 0], 1)
    np.testing.assert_allclose(counts / 4000, partner_probabilities(probabilities, hoods), atol=0.05)
