import numpy as np
import pytest
from helpers.labeled_samples import one_hot, right_votes, samples_of

from labelnoise.diagnosis.relabeling.regions import neighborhood_suspicion, suspicious_regions
from labelnoise.neighborhoods.nearest import neighbors


def line(n=120, k=6):
    """Return true codes 0 and 1, a half each, and neighbors of points on a line."""
    return np.repeat([0, 1], n // 2), neighbors(np.arange(n)[:, None] * 1.0, k=k).indices


@pytest.fixture
def two_blocks():
    """Points on a line with a block of 20 wrong labels in the first half and one of 12 in the second."""
    true, indices = line()
    codes = true.copy()
    codes[10:30], codes[80:92] = 1, 0
    data = samples_of(codes, indices, 2, classes=np.array(["no", "yes"]), rows=np.arange(120) + 1000)
    return data, one_hot(true, 2), true


def test_each_block_of_wrong_labels_is_a_region(two_blocks):
    data, posterior, _ = two_blocks
    found = suspicious_regions(data, posterior)
    blocks = {frozenset(np.flatnonzero(found.of_sample == region).tolist()) for region in found.table["region"]}
    assert blocks == {frozenset(range(10, 30)), frozenset(range(80, 92))}
    by_size = found.table.set_index("size")
    assert by_size.loc[20, ["given_label", "suggested_label"]].tolist() == ["yes", "no"]
    assert by_size.loc[12, ["given_label", "suggested_label"]].tolist() == ["no", "yes"]
    assert 1013 <= by_size.loc[20, "center"] < 1027
    assert by_size["expected_wrong"].tolist() == by_size.index.tolist()


def test_the_gain_of_a_region_is_that_of_recounting_after_relabeling_it_whole(two_blocks):
    data, posterior, true = two_blocks
    found = suspicious_regions(data, posterior)
    before = right_votes(data.codes, data.neighbors.indices, posterior)
    for region, gain in zip(found.table["region"], found.table["gain"], strict=True):
        codes = np.where(found.of_sample == region, true, data.codes)
        assert gain == pytest.approx((right_votes(codes, data.neighbors.indices, posterior) - before) / 120)
    per_sample = found.table["gain"] / found.table["size"]
    assert per_sample.is_monotonic_decreasing


def test_touching_blocks_of_different_classes_are_different_regions():
    true, indices = line()
    data = samples_of(np.where(np.arange(120) // 40 == 1, 1 - true, true), indices, 2)
    found = suspicious_regions(data, one_hot(true, 2))
    assert sorted(found.table["size"]) == [20, 20]
    assert set(found.table["suggested_label"]) == {0, 1}


def test_spread_wrong_labels_make_no_region():
    true, indices = line(600)
    codes = np.where(np.random.default_rng(0).random(600) < 0.15, 1 - true, true)
    found = suspicious_regions(samples_of(codes, indices, 2), one_hot(true, 2))
    assert len(found.table) == 0
    assert "gain" in found.table.columns
    assert (found.of_sample == -1).all()


def test_small_groups_are_left_out(two_blocks):
    data, posterior, _ = two_blocks
    assert suspicious_regions(data, posterior, min_size=13).table["size"].tolist() == [20]


def test_the_suspicion_of_a_neighborhood_is_a_mean_with_the_sample_itself():
    indices = np.array([[1, 2], [0, 2], [1, 0]])
    np.testing.assert_allclose(neighborhood_suspicion(np.array([0.0, 0.3, 0.9]), indices), 0.4)


def test_a_level_outside_of_0_to_1_is_refused(two_blocks):
    with pytest.raises(ValueError, match="`level` must lie in"):
        suspicious_regions(two_blocks[0], two_blocks[1], level=50)
