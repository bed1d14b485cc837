"""The contract that every placement must pass, and noise in patches."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.placement import Placement, base
from labelnoise.placement.concentrated import Concentrated
from labelnoise.placement.graph import ClassBoundary, HubnessProportional, Patches
from labelnoise.validation import check_features_or_keep

RNG = np.random.default_rng(0)
BLOBS = np.concatenate([RNG.normal(loc=8 * c, size=(60, 2)) for c in range(4)])
BLOB_LABELS = np.repeat([0, 1], 120)
APPROXIMATE = [
    ln.Spread(exact=False),
    ln.KMeansCluster(),
    ln.KMeansCluster(n_clusters=3, tolerance=0.0, max_fits=2, n_init=2),
]
PLACEMENTS = [
    pytest.param(ln.Spread(), id="spread, exact"),
    pytest.param(APPROXIMATE[0], id="spread, independent"),
    pytest.param(APPROXIMATE[1], id="k-means"),
    pytest.param(APPROXIMATE[2], id="k-means, 3 clusters"),
    pytest.param(Concentrated(0.0, k=10), id="concentrated, 0"),
    pytest.param(Concentrated(0.4, k=10), id="concentrated"),
    pytest.param(Concentrated(0.6, k=10, n_landmarks=50, n_queries=100), id="concentrated, few landmarks"),
    pytest.param(ClassBoundary(), id="class boundary"),
    pytest.param(ClassBoundary(k=3, floor=0), id="class boundary, no floor"),
    pytest.param(HubnessProportional(), id="hubs"),
    pytest.param(Patches(), id="patches"),
    pytest.param(Patches(1), id="patches of one"),
    pytest.param(Patches(50), id="patches, large"),
]


@pytest.mark.parametrize("placement", PLACEMENTS)
class TestPlacementContract:
    def select(self, placement, rate, seed=0, labels=BLOB_LABELS):
        return placement.select(labels, 2, rate, BLOBS, np.random.default_rng(seed))

    def test_is_a_placement(self, placement):
        assert isinstance(placement, Placement)
        assert placement.parameters()["name"] == placement.name
        assert len(repr(placement)) < 120

    def test_it_selects_the_rounded_count_or_nearly_so(self, placement):
        for rate in (0.001, 0.25, 0.333, 0.5) if placement not in APPROXIMATE else (0.25, 0.5):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # with one sample of 240, no concentration can be reached
                mask = self.select(placement, rate)
            assert mask.shape == BLOB_LABELS.shape
            assert mask.dtype == bool
            if placement in APPROXIMATE:
                assert abs(mask.mean() - rate) < 0.3
            else:
                assert mask.sum() == round(rate * 240)

    def test_it_selects_nothing_at_rate_0_and_everything_at_rate_1(self, placement):
        assert not self.select(placement, 0.0).any()
        assert self.select(placement, 1.0).all()

    def test_one_seed_one_mask(self, placement):
        first = self.select(placement, 0.3, seed=4)
        np.testing.assert_array_equal(first, self.select(placement, 0.3, seed=4))
        assert (first != self.select(placement, 0.3, seed=5)).any()

    def test_a_class_may_have_no_samples(self, placement):
        assert placement.select(2 * BLOB_LABELS, 4, 0.5, BLOBS, np.random.default_rng(0)).any()

    def test_it_selects_the_same_once_prepared(self, placement):
        prepared = placement.prepare(BLOBS)
        np.testing.assert_array_equal(self.select(prepared, 0.4), self.select(placement, 0.4))
        assert isinstance(prepared, Placement)

    @pytest.mark.parametrize("dtype", [np.float16, np.uint8])
    def test_features_that_keep_their_type_give_the_same_mask(self, placement, dtype, monkeypatch):
        """Where a copy of all features would be large, each placement turns the rows that it needs into floats."""
        features = (8 * (BLOBS - BLOBS.min())).astype(dtype)
        draw = partial(ln.corrupt, BLOB_LABELS, ln.FlipNoise(), 0.3, placement=placement, features=features)
        expected = draw(random_state=3).selected
        monkeypatch.setattr("labelnoise.validation.features.LARGE", 0)
        kept = []
        monkeypatch.setattr(
            base, "check_features_or_keep", lambda f: kept.append(check_features_or_keep(f)) or kept[-1]
        )
        np.testing.assert_array_equal(draw(random_state=3).selected, expected)
        assert [rows.dtype for rows in kept] == [dtype] * placement.needs_features

    def test_missing_features_are_an_error(self, placement):
        if placement.needs_features and placement != Concentrated(0.0, k=10):
            with pytest.raises(ValueError, match="`features` must be given"):
                placement.select(BLOB_LABELS, 2, 0.5, None, np.random.default_rng(0))


class TestPatches:
    """Whole patches, one after the other, until the rounded count is reached."""

    FEATURES = np.random.default_rng(1).normal(size=(200, 3))

    def select(self, placement, count, seed=0):
        codes = np.zeros(200, dtype=np.int64)
        return placement.select(codes, 1, count / 200, self.FEATURES, np.random.default_rng(seed))

    def nearest(self, center, k):
        """Return a sample and its k - 1 nearest others, by sorting all distances."""
        distances = np.linalg.norm(self.FEATURES - self.FEATURES[center], axis=1)
        return set(np.argsort(distances, kind="stable")[:k].tolist())

    @pytest.mark.parametrize("k", [1, 2, 7, 30])
    def test_one_patch_is_a_center_and_its_nearest_neighbors(self, k):
        for seed in range(5):
            selected = set(np.flatnonzero(self.select(Patches(k), k, seed)).tolist())
            assert len(selected) == k
            assert selected in [self.nearest(center, k) for center in selected]

    def test_selected_samples_lie_in_whole_patches(self):
        """Every selected sample lies in a whole patch, except those of the last patch, which may be cut short."""
        selected = set(np.flatnonzero(self.select(Patches(5), 43)).tolist())
        assert len(selected) == 43
        patches = [patch for center in selected if (patch := self.nearest(center, 5)) <= selected]
        assert len(patches) >= 43 // 5
        assert len(selected - set().union(*patches)) < 5

    def test_patches_of_one_are_spread_and_large_ones_concentrated(self):
        hoods = ln.neighbors(self.FEATURES, k=10)

        def rho(k):
            return np.mean([ln.concentration(self.select(Patches(k), 60, seed), hoods, 10) for seed in range(10)])

        assert abs(rho(1)) < 0.03
        assert rho(1) < rho(5) < rho(60)

    def test_neighbors_may_be_given(self):
        given = Patches(5, neighbors=ln.neighbors(self.FEATURES, k=12))
        assert not given.needs_features
        np.testing.assert_array_equal(self.select(given, 50), self.select(Patches(5), 50))
        with pytest.raises(ValueError, match="must be those of the 3 samples among themselves"):
            given.select(np.zeros(3, dtype=np.int64), 1, 0.5, None, np.random.default_rng(0))

    @pytest.mark.parametrize("k", [0, -1])
    def test_k_must_be_at_least_1(self, k):
        with pytest.raises(ValueError, match="`k` must be at least 1"):
            Patches(k)
