"""Corrupting labels: exact counts, honest records, files that survive."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln

RNG = np.random.default_rng(0)
BLOBS = np.concatenate([RNG.normal(loc=8 * c, size=(60, 2)) for c in range(4)])
BLOB_LABELS = np.repeat([0, 1], 120)  # two blobs a class: k-means has something to find


@settings(max_examples=200, deadline=None)
@given(n=st.integers(1, 300), rate=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_spread_selects_exactly_the_rounded_count(n, rate, seed):
    noisy = ln.corrupt(np.zeros(n, dtype=int), ln.UniformNoise(), rate, classes=[0, 1], random_state=seed)
    assert noisy.selected.sum() == round(rate * n)
    assert noisy.noise_rate == pytest.approx(round(rate * n) / n)
    assert not noisy.changed[~noisy.selected].any()


@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise.random(1000, random_state=0)])
def test_counts_are_exact_at_a_thousand_classes(noise):
    labels = np.random.default_rng(1).integers(1000, size=1500)  # one or two a class: truncation would select nothing
    for rate in (0.1, 0.3):
        noisy = ln.corrupt(labels, noise, rate, classes=range(1000), random_state=0)
        assert noisy.selected.sum() == round(rate * 1500)
        assert noisy.changed_rate > 0.9 * rate


def test_uniform_noise_changes_less_than_it_selects():
    labels = np.random.default_rng(0).integers(10, size=50_000)
    noisy = ln.corrupt(labels, ln.UniformNoise(), 0.5, random_state=0)
    assert noisy.noise_rate == 0.5
    assert noisy.changed_rate == pytest.approx(0.5 * 9 / 10, abs=0.01)
    expected = 0.5 * np.eye(10) + 0.05
    np.testing.assert_allclose(noisy.transition_matrix, expected, atol=0.02)


def test_transition_matrix_is_what_really_happened():
    noisy = ln.corrupt(["a", "a", "b", "b"], ln.FlipNoise(), 0.5, classes=["a", "b", "c"], random_state=2)
    rows = noisy.transition_matrix
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    np.testing.assert_array_equal(rows[2], [0, 0, 1])  # no sample of class c: the identity's row
    for i, c in enumerate("ab"):
        for j, d in enumerate("abc"):
            here = noisy.clean_labels == c
            assert rows[i, j] == np.mean(noisy.labels[here] == d)


def test_classes_come_back_as_they_were():
    labels = ["cat", "dog", "cow", "cat", "dog", "cow"]
    noisy = ln.corrupt(labels, ln.FlipNoise(), 1.0, random_state=0)
    assert noisy.classes.tolist() == ["cat", "cow", "dog"]
    assert noisy.labels.tolist() == ["cow", "cat", "dog", "cow", "cat", "dog"]
    tuples = [(0, "x"), (1, "y"), (0, "x")]
    assert ln.corrupt(tuples, ln.FlipNoise(), 1.0).labels.tolist() == [(1, "y"), (0, "x"), (1, "y")]


def test_seeds_repeat_and_are_recorded():
    labels = np.arange(10).repeat(20)
    first = ln.corrupt(labels, ln.UniformNoise(), 0.4)
    again = ln.corrupt(labels, ln.UniformNoise(), 0.4, random_state=first.seed)
    np.testing.assert_array_equal(first.labels, again.labels)
    from_generator = ln.corrupt(labels, ln.UniformNoise(), 0.4, random_state=np.random.default_rng(3))
    repeated = ln.corrupt(labels, ln.UniformNoise(), 0.4, random_state=from_generator.seed)
    np.testing.assert_array_equal(from_generator.labels, repeated.labels)


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002  this is the state that must not move
    ln.corrupt(BLOB_LABELS, ln.UniformNoise(), 0.4, placement=ln.KMeansCluster(), features=BLOBS)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


class TestKMeansCluster:
    def test_one_whole_cluster_of_every_class(self):
        noisy = ln.corrupt(
            BLOB_LABELS, ln.FlipNoise(), 0.5, placement=ln.KMeansCluster(), features=BLOBS, random_state=0
        )
        for blob in range(4):  # each class is two blobs: one is selected whole, the other not at all
            assert noisy.selected[60 * blob : 60 * (blob + 1)].mean() in (0, 1)
        assert noisy.noise_rate == 0.5

    def test_the_realized_rate_is_reported_beside_the_asked_one(self):
        noisy = ln.corrupt(
            BLOB_LABELS, ln.FlipNoise(), 0.9, placement=ln.KMeansCluster(), features=BLOBS, random_state=0
        )
        assert noisy.asked_noise_rate == 0.9
        assert noisy.noise_rate == pytest.approx(noisy.selected.mean())
        assert noisy.noise_rate != 0.9

    def test_the_best_of_several_fits_is_kept(self):
        one, ten = (
            ln.corrupt(
                BLOB_LABELS[:120],
                ln.UniformNoise(),
                0.21,
                placement=ln.KMeansCluster(tolerance=0.0, max_fits=fits),
                features=np.random.default_rng(5).normal(size=(120, 2)),
                classes=[0, 1],
                random_state=1,
            )
            for fits in (1, 10)
        )
        assert abs(ten.noise_rate - 0.21) <= abs(one.noise_rate - 0.21)

    def test_a_class_with_one_sample(self):
        with pytest.raises(ValueError, match=r"at least 4 samples.*class 1 has 1.*Raise the noise rate"):
            ln.corrupt([0] * 9 + [1], ln.FlipNoise(), 0.25, placement=ln.KMeansCluster(), features=np.eye(10))

    @pytest.mark.parametrize("points", [[0.0], [0.0, -0.0], [0.0, 1.0, 2.0]])
    def test_a_class_with_few_different_points(self, points):
        features = np.concatenate([np.resize(points, 40), np.arange(40.0)])[:, None]
        found = len(set(points))
        message = rf"at least 4 samples with different features.*class 0 has {found} among 40 samples.*Concentrated"
        with pytest.raises(ValueError, match=message):
            ln.corrupt([0] * 40 + [1] * 40, ln.FlipNoise(), 0.25, placement=ln.KMeansCluster(), features=features)

    def test_a_share_far_from_the_asked_one_is_warned_of(self):
        features = np.concatenate([np.resize([0.0, 1.0], 40), np.arange(40.0)])[:, None]
        placement = ln.KMeansCluster(n_clusters=2)
        message = r"a noise rate of 0.1 and selects 0.4\d* of .*in 2 of 2 classes.*it selects 0.5\).*\(here 2\)"
        with pytest.warns(UserWarning, match=message) as said:
            noisy = ln.corrupt(
                [0] * 40 + [1] * 40, ln.FlipNoise(), 0.1, placement=placement, features=features, random_state=0
            )
        assert len(said) == 1
        assert noisy.selected[:40].mean() == 0.5

    def test_clusters_that_k_means_cannot_tell_apart(self):
        """Different points that differ less than the rounding of k-means: an empty cluster is the nearest share."""
        features = np.repeat([0.0, 1e-200, 2e-200, 3e-200], 20)[:, None]
        with pytest.warns(UserWarning, match="asked for a noise rate of 0.25 and selects 0 of"):
            noisy = ln.corrupt(
                [0] * 80, ln.UniformNoise(), 0.25, placement=ln.KMeansCluster(), features=features, classes=[0, 1]
            )
        assert not noisy.selected.any()

    def test_no_features(self):
        with pytest.raises(ValueError, match="`features` must be given"):
            ln.corrupt([0, 1], ln.FlipNoise(), 0.5, placement=ln.KMeansCluster())

    def test_features_of_another_length(self):
        with pytest.raises(ValueError, match="got 2 and 3"):
            ln.corrupt([0, 1], ln.FlipNoise(), 0.5, placement=ln.KMeansCluster(), features=np.eye(3))

    @pytest.mark.parametrize("bad", [{"n_clusters": 1}, {"tolerance": -1}, {"tolerance": np.nan}, {"max_fits": 0}])
    def test_bad_settings(self, bad):
        with pytest.raises(ValueError, match="must"):
            ln.KMeansCluster(**bad)


def test_asked_and_realized_concentration_are_reported(tmp_path):
    features = np.random.default_rng(0).random((2000, 2))
    placement = ln.Concentrated(0.4, k=10)
    noisy = ln.corrupt(np.arange(2000) % 3, ln.FlipNoise(), 0.3, placement=placement, features=features, random_state=0)
    assert noisy.noise_rate == 0.3
    assert noisy.concentration == pytest.approx(0.4, abs=0.02)
    assert noisy.placement["concentration"] == 0.4
    assert noisy.concentration == pytest.approx(
        ln.concentration(noisy.selected, ln.neighbors(features, k=10), 10), abs=0.01
    )
    assert ln.NoisyLabels.load(noisy.save(tmp_path / "noisy.npz")).concentration == noisy.concentration
    assert f"concentration {noisy.concentration:.3f}" in repr(noisy)
    assert ln.corrupt([0, 1], ln.FlipNoise(), 0.5).concentration is None


class TestFile:
    @pytest.mark.parametrize(
        "labels", [[0, 1, 2, 2], ["ä", "b", "c", "c"], [True, False, True, True], [3, "x", 3, "x"]]
    )
    def test_everything_comes_back(self, tmp_path, labels):
        noisy = ln.corrupt(labels, ln.FlipNoise(), 0.5, random_state=1)
        back = ln.NoisyLabels.load(noisy.save(tmp_path / "noisy.npz"))
        assert back.labels.tolist() == noisy.labels.tolist()
        assert back.clean_labels.tolist() == noisy.clean_labels.tolist()
        assert back.summary() == noisy.summary()
        np.testing.assert_array_equal(back.selected, noisy.selected)
        np.testing.assert_array_equal(back.transition_matrix, noisy.transition_matrix)

    def test_the_suffix_is_added(self, tmp_path):
        assert ln.corrupt([0, 1], ln.FlipNoise(), 0.5).save(tmp_path / "noisy").name == "noisy.npz"

    def test_a_truncated_file_is_named(self, tmp_path):
        path = ln.corrupt([0, 1], ln.FlipNoise(), 0.5).save(tmp_path / "noisy.npz")
        for keep in (0, 10, path.stat().st_size // 2, path.stat().st_size - 5):
            cut = tmp_path / f"cut{keep}.npz"
            cut.write_bytes(path.read_bytes()[:keep])
            with pytest.raises(ValueError, match=rf"cut{keep}.npz must be a file that NoisyLabels.save wrote"):
                ln.NoisyLabels.load(cut)

    def test_another_npz_and_a_missing_one(self, tmp_path):
        np.savez(tmp_path / "other.npz", a=np.arange(3))
        with pytest.raises(ValueError, match=r"must be a file that NoisyLabels\.save wrote"):
            ln.NoisyLabels.load(tmp_path / "other.npz")
        with pytest.raises(FileNotFoundError):
            ln.NoisyLabels.load(tmp_path / "missing.npz")

    def test_classes_that_no_file_can_hold(self, tmp_path):
        with pytest.raises(TypeError, match="strings, integers or booleans"):
            ln.corrupt([(0, 1), (1, 2)], ln.FlipNoise(), 0.5).save(tmp_path / "noisy.npz")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", [-0.1, 1.5, np.nan, np.inf])
def test_rates_outside_0_to_1(rate):
    with pytest.raises(ValueError, match=r"`noise_rate` must lie in \[0, 1\]"):
        ln.corrupt([0, 1], ln.UniformNoise(), rate)


@pytest.mark.parametrize("rate", [None, "0.1", [0.1], {"rate": 0.1}])
def test_rates_that_are_no_number(rate):
    with pytest.raises(TypeError, match=r"`noise_rate` must be"):
        ln.corrupt([0, 1], ln.UniformNoise(), rate)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "at least one label"),
        ([[0], [1, 2]], "one label per sample; entry 0 is a list"),
        ([[0, 1], [1, 0]], "one-hot"),
        ([0.0, np.nan], "missing values; entry 1"),
        (["a", None], "missing values; entry 1"),
        ([0.5, 1.0], "not measurements"),
        ([0, 10**7], "most of which never occur"),
    ],
)
def test_bad_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        ln.corrupt(labels, ln.UniformNoise(), 0.5)


def test_a_model_for_another_number_of_classes():
    with pytest.raises(ValueError, match=r"2 classes, the number that the matrix noise is made for; found 3"):
        ln.corrupt([0, 1, 2], ln.MatrixNoise(np.eye(2)), 0.5)
    with pytest.raises(ValueError, match=r"must be of 3 classes, in a known order, the number that the flip noise"):
        ln.corrupt(["a", "b"], ln.FlipNoise([1, 2, 0]), 0.5)


@pytest.mark.parametrize("noise", [ln.UniformNoise, "uniform", None])
def test_what_is_no_noise_model(noise):
    with pytest.raises(TypeError, match="`noise` must be UniformNoise"):
        ln.corrupt([0, 1], noise, 0.5)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", True])
def test_bad_seeds(seed):
    with pytest.raises((TypeError, ValueError), match="`random_state`"):
        ln.corrupt([0, 1], ln.UniformNoise(), 0.5, random_state=seed)


def test_repr_tells_asked_and_realized():
    text = repr(ln.corrupt([0, 1, 1], ln.UniformNoise(), 0.5, random_state=0))
    assert "noise_rate 0.6667 (asked 0.5)" in text
    assert "seed 0" in text


@pytest.mark.parametrize("labels", [["a"] * 10, [0, 0], [3, 3, 3]])
def test_one_class_only_cannot_be_corrupted(labels):
    for noise in (ln.FlipNoise(), ln.UniformNoise()):
        with pytest.raises(ValueError, match=r"at least two classes.*Pass classes=\[\.\.\.\]"):
            ln.corrupt(labels, noise, 0.5)
    assert ln.corrupt(labels, ln.FlipNoise(), 0.0).changed_rate == 0


@pytest.mark.parametrize("labels", [[b"a", b"b"], np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[ns]")])
def test_classes_of_bytes_and_dates_are_not_saved_as_something_else(tmp_path, labels):
    with pytest.raises(TypeError, match=r"strings, integers or booleans to be saved; got (bytes|date)"):
        ln.corrupt(labels, ln.FlipNoise(), 0.5).save(tmp_path / "noisy.npz")
    assert list(tmp_path.iterdir()) == []


class TestFromPair:
    @pytest.mark.parametrize("names", [np.arange(4), np.array(["a", "b", "c", "d"])], ids=["integers", "text"])
    def test_it_gives_the_rates_matrix_and_mask_that_corrupt_reports(self, names):
        clean = np.random.default_rng(0).integers(4, size=500)
        drawn = ln.corrupt(clean, ln.FlipNoise(), 0.3, random_state=1)
        pair = ln.NoisyLabels.from_pair(names[clean], names[drawn.labels])
        assert pair.changed_rate == pair.noise_rate == drawn.changed_rate
        np.testing.assert_array_equal(pair.transition_matrix, drawn.transition_matrix)
        np.testing.assert_array_equal(pair.selected, drawn.selected)
        assert "not drawn here" in repr(pair)

    def test_it_survives_saving(self, tmp_path):
        pair = ln.NoisyLabels.from_pair(["x", "y", "y"], ["x", "x", "y"])
        again = ln.NoisyLabels.load(pair.save(tmp_path / "pair"))
        assert again.summary() == pair.summary()
        assert again.labels.tolist() == ["x", "x", "y"]

    def test_a_class_that_only_one_of_them_holds_is_a_class(self):
        pair = ln.NoisyLabels.from_pair(["a", "b"], ["a", "c"])
        assert pair.classes.tolist() == ["a", "b", "c"]
        assert pair.transition_matrix[1].tolist() == [0, 0, 1]

    @pytest.mark.parametrize(
        ("clean", "noisy", "error", "message"),
        [
            ([0, 1, 2], [0, 1], ValueError, "got 3 and 2"),
            ([0, 1], ["a", "b"], TypeError, "same kind"),
            ([0, None], [0, 1], ValueError, "clean"),
            ([0, 1], [0, float("nan")], ValueError, "noisy"),
            (pd.Series([0, 1], index=["a", "b"]), pd.Series([1, 0], index=["b", "a"]), ValueError, "same order"),
        ],
    )
    def test_pairs_that_do_not_match_are_refused(self, clean, noisy, error, message):
        with pytest.raises(error, match=message):
            ln.NoisyLabels.from_pair(clean, noisy)


def test_softmax_rows_match_columns_that_are_named():
    probs = np.array([[0.8, 0.2], [0.4, 0.6]])
    named = pd.DataFrame(probs[:, ::-1], columns=[1, 0])
    np.testing.assert_array_equal(ln.softmax_rows(named, [0, 1], 0.2), ln.softmax_rows(probs, [0, 1], 0.2))
    words = pd.DataFrame(probs, columns=["cat", "dog"])
    np.testing.assert_array_equal(ln.softmax_rows(words, ["cat", "dog"], 0.2), ln.softmax_rows(probs, [0, 1], 0.2))
