import numpy as np
import pytest
from helpers.labeled_samples import one_hot, random_samples, right_votes, samples_of
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnoise.diagnosis.relabeling.gain import relabeling_gains


def gains_by_recounting(data, posterior):
    """Relabel one sample after the other to each class, and count all votes again."""
    indices, gains = data.neighbors.indices, np.zeros(len(data.codes))
    before = right_votes(data.codes, indices, posterior)
    for i in range(len(data.codes)):
        for code in range(posterior.shape[1]):
            codes = data.codes.copy()
            codes[i] = code
            gains[i] += posterior[i, code] * (right_votes(codes, indices, posterior) - before)
    return gains


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 5))
@settings(max_examples=25, deadline=None)
def test_gains_are_those_of_recounting_all_votes(seed, k, n_classes):
    data, posterior = random_samples(np.random.default_rng(seed), n=14, k=k, n_classes=n_classes)
    np.testing.assert_allclose(relabeling_gains(data, posterior), gains_by_recounting(data, posterior), atol=1e-5)


def test_with_many_classes_known_true_classes_are_followed_exactly():
    rng = np.random.default_rng(0)
    data, _ = random_samples(rng, n=40, k=5, n_classes=12)
    known = one_hot(rng.integers(12, size=40), 12)
    np.testing.assert_allclose(relabeling_gains(data, known), gains_by_recounting(data, known), atol=1e-5)


def test_gains_of_two_halves_of_the_votes_add_up():
    data, posterior = random_samples(np.random.default_rng(1), n=50)
    half = np.arange(50) % 3 == 0
    parts = relabeling_gains(data, posterior, queries=half) + relabeling_gains(data, posterior, queries=~half)
    np.testing.assert_allclose(parts, relabeling_gains(data, posterior), atol=1e-5)


def test_a_label_that_is_surely_right_gains_nothing():
    data, _ = random_samples(np.random.default_rng(2))
    assert (relabeling_gains(data, one_hot(data.codes, 3)) == 0).all()


def test_a_label_that_decides_a_vote_gains_this_vote():
    # Samples 0 and 1 vote on sample 2, whose true class is 0: a tie, until the wrong label of sample 1 is corrected.
    data = samples_of([0, 1, 0, 1], [[1, 2], [0, 2], [0, 1], [0, 2]], 2)
    gains = relabeling_gains(data, one_hot([0, 0, 0, 0], 2))
    assert gains.tolist() == pytest.approx([0, 1, 0, 0])  # half a vote each for the samples 0 and 2


def test_a_single_class_gains_nothing():
    data = samples_of([0, 0, 0], [[1], [2], [0]], 1)
    assert relabeling_gains(data, np.ones((3, 1), dtype=np.float32)).tolist() == [0, 0, 0]
