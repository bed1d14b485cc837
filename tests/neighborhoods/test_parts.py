"""Features that are turned into floats in parts, so that no copy of all is made."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelnoise.neighborhoods import parts
from labelnoise.neighborhoods.nearest import neighbors


def in_parts(monkeypatch, n_bytes):
    """Let every copy count as large, and parts hold so many bytes of floats."""
    monkeypatch.setattr("labelnoise.validation.features.LARGE", 0)
    monkeypatch.setattr(parts, "_PART", n_bytes)


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 2**32),
    n_train=st.integers(2, 90),
    n_query=st.integers(0, 20),
    k=st.integers(1, 30),
    metric=st.sampled_from(["euclidean", "cosine"]),
    dtype=st.sampled_from([np.float16, np.uint8, np.int64]),
    n_bytes=st.sampled_from([1, 50, 400, 10_000]),
)
def test_parts_give_the_bits_of_one_search(seed, n_train, n_query, k, metric, dtype, n_bytes):
    """Also where many samples are at equal distances, and where a part holds few more than k."""
    rng = np.random.default_rng(seed)
    train = rng.integers(1, 4, (n_train, 3)).astype(dtype)
    query = rng.integers(1, 4, (n_query, 3)).astype(dtype) if n_query else None
    k = min(k, n_train - (query is None))
    expected = neighbors(train, query, k=k, metric=metric)
    with pytest.MonkeyPatch.context() as patch:
        in_parts(patch, n_bytes)
        found = neighbors(train, query, k=k, metric=metric)
        assert np.array_equal(found.indices, expected.indices)
        assert np.array_equal(found.distances, expected.distances)
        assert found.indices.dtype == expected.indices.dtype
        kept = neighbors(train, query, k=k, metric=metric, block_size=40)
        assert np.array_equal(kept.distances, expected.distances)


def test_no_part_is_larger_than_asked(monkeypatch):
    """The training samples are searched in several parts, each a copy of about the size that is allowed."""
    sizes = []
    search = parts.search_neighbors
    monkeypatch.setattr(
        parts,
        "search_neighbors",
        lambda train, *rest, **how: (sizes.append(train.nbytes), search(train, *rest, **how))[1],
    )
    in_parts(monkeypatch, 4000)
    features = np.random.default_rng(0).normal(size=(1000, 10)).astype(np.float16)
    neighbors(features, features[:5], k=3)
    assert len(sizes) == 10
    assert max(sizes) <= 4000
    neighbors(features.astype(np.float32), features[:5], k=3)  # No copy is needed.
    assert sizes[10:] == [40_000]


def test_bad_values_are_named_by_their_row(monkeypatch):
    in_parts(monkeypatch, 80)
    features = np.ones((50, 2), np.float16)
    features[33] = 0
    with pytest.raises(ValueError, match=r"`features` must hold rows of length .* row 33 is of length 0"):
        neighbors(features, k=3, metric="cosine")
    features[41, 1] = np.inf
    with pytest.raises(ValueError, match="`features` must be finite; row 41 holds"):
        neighbors(features, k=3)
