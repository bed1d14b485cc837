"""Votes, compared with a naive loop and with scikit-learn's classifier."""

from __future__ import annotations

from collections import Counter
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from sklearn.neighbors import KNeighborsClassifier

from labelnoise.neighborhoods import votes
from labelnoise.neighborhoods.nearest import neighbors
from labelnoise.neighborhoods.votes import label_histogram, plurality_vote
from labelnoise.validation import TIES


def naive_vote(codes, indices, ks, ties, tie_breaker):
    winners = np.empty((len(indices), len(ks)), int)
    for row, near in enumerate(indices):
        for column, k in enumerate(ks):
            counts = Counter()
            top, tied = 0, []  # the classes with the largest count, in the order in which they reach it
            for code in codes[near[:k]]:
                counts[code] += 1
                if counts[code] > top:
                    top, tied = counts[code], [code]
                elif counts[code] == top:
                    tied.append(code)
            assert set(tied) == {c for c in counts if counts[c] == max(counts.values())}
            if ties == "lowest":
                winners[row, column] = min(tied)
            elif ties == "strict":
                winners[row, column] = tied[0] if len(tied) == 1 else -1
            else:
                winners[row, column] = tied[int(tie_breaker[row, column] * len(tied))]
    return winners


@st.composite
def elections(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_classes, n_train, n_queries, k_max = (draw(st.integers(1, most)) for most in (6, 30, 8, 20))
    dtype = draw(st.sampled_from([np.int32, np.int64, np.uint16]))
    codes = rng.integers(0, n_classes, n_train)
    indices = rng.integers(0, n_train, (n_queries, k_max)).astype(dtype)
    ks = np.array(draw(st.lists(st.integers(1, k_max), min_size=1, max_size=5)))  # any order, repeats
    return codes, indices, ks, n_classes, rng.random((n_queries, len(ks)))


@pytest.mark.parametrize("compared", [0, 1000], ids=["keeping the largest", "comparing all classes"])
@pytest.mark.parametrize("ties", TIES)
@settings(deadline=None, max_examples=100)
@given(election=elections())
def test_vote_matches_naive_loop(compared, ties, election):
    codes, indices, ks, n_classes, tie_breaker = election
    with mock.patch.object(votes, "COMPARED_PER_STEP", compared):
        got = plurality_vote(codes, indices, ks, n_classes, ties=ties, tie_breaker=tie_breaker)
    np.testing.assert_array_equal(got, naive_vote(codes, indices, ks, ties, tie_breaker))
    assert got.dtype == np.int64


@settings(deadline=None, max_examples=100)
@given(election=elections())
def test_rules_agree_where_nothing_is_tied(election):
    codes, indices, ks, n_classes, tie_breaker = election
    strict, random, lowest = (
        plurality_vote(codes, indices, ks, n_classes, ties=ties, tie_breaker=tie_breaker) for ties in TIES
    )
    decided = strict >= 0
    assert (strict[decided] == random[decided]).all()
    assert (strict[decided] == lowest[decided]).all()
    assert (lowest <= random).all()
    np.testing.assert_array_equal(strict[ks[None, :].repeat(len(strict), 0) == 1] < 0, False)  # one vote is never tied


@settings(deadline=None, max_examples=100)
@given(election=elections())
def test_histogram_matches_bincount(election):
    codes, indices, ks, n_classes, _ = election
    k = int(ks[0])
    expected = [np.bincount(codes[near[:k]], minlength=n_classes) for near in indices]
    np.testing.assert_array_equal(label_histogram(codes, indices, k, n_classes), expected)


def test_blocks_of_rows_change_nothing_with_many_classes(monkeypatch):
    rng = np.random.default_rng(0)
    codes, indices = rng.integers(0, 3000, 5000), rng.integers(0, 5000, (100, 40))
    ks, tie_breaker = np.array([40, 1, 7]), rng.random((100, 3))
    for ties in TIES:
        whole = plurality_vote(codes, indices, ks, 3000, ties=ties, tie_breaker=tie_breaker)
        np.testing.assert_array_equal(whole, naive_vote(codes, indices, ks, ties, tie_breaker))
        with monkeypatch.context() as patch:
            patch.setattr(votes, "_BLOCK", 7)
            parts = plurality_vote(codes, indices, ks, 3000, ties=ties, tie_breaker=tie_breaker)
        np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("n_classes", [2, 10])
def test_lowest_is_the_rule_of_scikit_learn(n_classes):
    rng = np.random.default_rng(1)
    train, query = rng.normal(size=(500, 6)), rng.normal(size=(200, 6))
    codes = rng.integers(0, n_classes, 500)
    ks = np.array([1, 2, 4, 10, 30])
    found = neighbors(train, query, k=30)
    got = plurality_vote(codes, found.indices, ks, n_classes, ties="lowest")
    for column, k in enumerate(ks):
        model = KNeighborsClassifier(k, algorithm="brute").fit(train, codes)
        np.testing.assert_array_equal(got[:, column], model.predict(query))
    assert (plurality_vote(codes, found.indices, ks, n_classes, ties="strict") < 0).any()  # so there were ties


def test_random_elects_tied_classes_uniformly():
    codes = np.array([4, 0, 2, 0, 4, 2, 1])  # 0, 2 and 4 twice each, 1 once
    indices = np.tile(np.arange(7), (30_000, 1))
    tie_breaker = np.random.default_rng(2).random((30_000, 1))
    winners = plurality_vote(codes, indices, np.array([7]), 5, ties="random", tie_breaker=tie_breaker)
    counts = np.bincount(winners[:, 0], minlength=5)
    assert counts[[1, 3]].sum() == 0
    assert chisquare(counts[[0, 2, 4]]).pvalue > 0.001


def test_largest_uniform_number_stays_in_range():
    tie_breaker = np.full((1, 1), np.nextafter(1, 0))
    got = plurality_vote(np.arange(3), np.array([[0, 1, 2]]), np.array([3]), 3, ties="random", tie_breaker=tie_breaker)
    assert got.tolist() == [[2]]


def test_slices_of_indices_are_accepted():
    codes, indices = np.array([0, 1, 1]), np.array([[0, 1, 2], [2, 1, 0]])
    assert plurality_vote(codes, indices[:, :1], np.array([1]), 2, ties="strict").tolist() == [[0], [1]]
    assert label_histogram(codes, indices[::-1, ::2], 2, 2).tolist() == [[1, 1], [1, 1]]


def test_errors_name_the_cause():
    codes, indices, ks = np.array([0, 1, 1]), np.array([[0, 1, 2]]), np.array([3])
    with pytest.raises(ValueError, match="`ties` must be one of 'strict', 'random', 'lowest'; got 'first'"):
        plurality_vote(codes, indices, ks, 2, ties="first")
    with pytest.raises(ValueError, match="`k` must be at most 3"):
        plurality_vote(codes, indices, np.array([1, 4]), 2, ties="strict")
    with pytest.raises(ValueError, match="`k` must be at least 1; got 0"):
        label_histogram(codes, indices, 0, 2)
    with pytest.raises(
        ValueError, match=r"`tie_breaker` must hold one uniform number per vote, shape \(1, 1\).*got none"
    ):
        plurality_vote(codes, indices, ks, 2, ties="random")
    with pytest.raises(ValueError, match=r"got shape \(1, 2\)"):
        plurality_vote(codes, indices, ks, 2, ties="random", tie_breaker=np.zeros((1, 2)))
    with pytest.raises(IndexError, match="index lies outside the training labels"):
        plurality_vote(codes, np.array([[0, 1, 3]]), ks, 2, ties="strict")
    with pytest.raises(IndexError, match="index lies outside the training labels"):
        label_histogram(codes, np.array([[-1]]), 1, 2)
    with pytest.raises(IndexError, match=r"code lies outside 0..n_classes-1"):
        label_histogram(codes, indices, 2, 1)
