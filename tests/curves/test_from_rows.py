"""Noise by rows: against enumeration of every assignment of labels, the i.i.d. curves, and training sets drawn."""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
from helpers.reference import share_of_win
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.curves.from_rows import _mean_rows
from labelnoise.finite import row_votes
from labelnoise.finite.row_votes import RowTable, win_probabilities

TIES = ["strict", "random", "lowest"]
PLACEMENTS = {
    "spread": ln.Spread(),
    "k-means cluster": ln.KMeansCluster(),
    "concentrated": ln.Concentrated(0.3, k=10),
    "class boundary": ln.ClassBoundary(),
    "hubness": ln.HubnessProportional(),
}


def by_enumeration(rows, label, ties):
    """Pr(label wins) over every assignment of labels to the neighbors whose rows these are."""
    k, n_classes = rows.shape
    total = 0.0
    for labels in itertools.product(range(n_classes), repeat=k):
        counts = tuple(np.bincount(labels, minlength=n_classes).tolist())
        total += float(share_of_win(counts, label, ties)) * np.prod(rows[np.arange(k), labels])
    return total


def random_rows(rng, n, n_classes, kinds=("certain", "common", "own")):
    common = rng.dirichlet(np.ones(n_classes))
    rows = {
        "certain": lambda: np.eye(n_classes)[rng.integers(n_classes)],
        "common": lambda: common,
        "own": lambda: rng.dirichlet(np.ones(n_classes)),
    }
    return np.array([rows[rng.choice(kinds)]() for _ in range(n)])


@pytest.mark.parametrize("ties", TIES)
def test_one_common_row_is_exact(ties):
    rng = np.random.default_rng(0)
    for _ in range(30):
        n_classes = int(rng.integers(2, 4))
        rows = random_rows(rng, 4, n_classes, ("certain", "common"))
        every = range(n_classes)
        curve = ln.predict_with_rows([[0, 1, 2, 3]], rows, [n_classes - 1], [4, 1, 3, 2], ties=ties, classes=every)
        assert curve.sampling_error is None
        for column, k in enumerate([4, 1, 3, 2]):
            expected = by_enumeration(rows[:k], n_classes - 1, ties)
            assert curve.accuracy[0, column] == pytest.approx(expected, abs=1e-13)
        confusion = [by_enumeration(rows, label, ties) for label in range(n_classes)]
        np.testing.assert_allclose(curve.confusion(k=4)[-1], confusion, atol=1e-13)


@pytest.mark.parametrize("ties", TIES)
def test_rows_that_differ_are_drawn_with_an_error_bar(ties):
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(20):
        rows = random_rows(rng, 4, 3)
        curve = ln.predict_with_rows([[0, 1, 2, 3]], rows, [1], 4, ties=ties, classes=range(3))
        expected = by_enumeration(rows, 1, ties)
        if curve.sampling_error is None:
            assert curve.accuracy[0, 0] == pytest.approx(expected, abs=1e-13)
        else:
            errors.append((curve.accuracy[0, 0] - expected) / curve.sampling_error[0, 0])
            assert curve.confusion()[1, 1] == curve.accuracy[0, 0]  # the same draws
    assert len(errors) > 5
    assert np.abs(errors).max() < 4


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ties=st.sampled_from(TIES), n_classes=st.integers(2, 12), k=st.integers(1, 40))
def test_without_fixed_votes_it_is_equation_2(seed, ties, n_classes, k):
    rng = np.random.default_rng(seed)
    row = rng.dirichlet(np.full(n_classes, 0.5))
    table = RowTable.build(np.tile(row, (k, 1)))
    every = np.arange(n_classes)[None]
    wins, errors = win_probabilities(table, np.arange(k)[None], every, ties, draws=2)
    np.testing.assert_allclose(wins, ln.plurality_probability(row, k, ties=ties)[None], atol=1e-12)
    assert not errors.any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), ties=st.sampled_from(["random", "lowest"]))
def test_probabilities_of_all_classes_sum_to_1(seed, ties):
    rng = np.random.default_rng(seed)
    rows = random_rows(rng, 40, 5)
    indices = np.array([rng.permutation(40)[:9] for _ in range(6)])
    every = np.broadcast_to(np.arange(5), (6, 5))
    wins, _ = win_probabilities(RowTable.build(rows), indices, every, ties, draws=50)
    np.testing.assert_allclose(wins.sum(axis=1), 1, atol=1e-12)
    assert wins.min() >= 0


def test_exact_and_drawn_answers_agree(monkeypatch, digits):
    _, labels, _, truth, hoods = digits
    rows = ln.noise_rows(labels, ln.UniformNoise(), np.arange(len(labels)) % 2 == 0)
    exact = ln.predict_with_rows(hoods, rows, truth, 30)
    monkeypatch.setattr(row_votes, "EXACT_OPERATIONS", -1)
    drawn = ln.predict_with_rows(hoods, rows, truth, 30)
    assert exact.sampling_error is None
    assert 0 < drawn.sampling_error[0, 0] < 0.0005
    assert abs(exact.accuracy - drawn.accuracy)[0, 0] < 4 * drawn.sampling_error[0, 0]


@pytest.mark.parametrize("ties", TIES)
def test_iid_with_constant_rows_is_predict_knn(digits, ties):
    _, labels, _, truth, hoods = digits
    for noise in (ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise.random(10, random_state=0)):
        rows = ln.noise_rows(labels, noise, np.full(len(labels), 0.3))
        by_rows = ln.predict_with_rows(hoods, rows, truth, [10, 1, 30], ties=ties, model="iid")
        curve = ln.predict_knn(hoods, labels, truth, noise, 0.3, [10, 1, 30], ties=ties, model="iid")
        np.testing.assert_allclose(by_rows.accuracy, curve.accuracy, atol=1e-12)
        np.testing.assert_allclose(by_rows.per_sample(k=30), curve.per_sample(k=30), atol=1e-12)


@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise.random(10, random_state=0)],
                         ids=lambda noise: noise.name)  # fmt: skip
@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
def test_a_realized_mask_is_predicted(digits, placement, noise):
    """On the digits at noise rate 0.4 the mean row is off by up to 8 points; the finite model is not off."""
    features, labels, _, truth, hoods = digits
    noisy = ln.corrupt(labels, noise, 0.4, placement=placement, features=features, random_state=0)
    rows = ln.noise_rows(labels, noise, noisy.selected)
    finite, iid = (ln.predict_with_rows(hoods, rows, truth, [10, 60], model=model) for model in ("finite", "iid"))
    drawn = ln.simulate_with_rows(hoods, rows, truth, [10, 60], repeats=100, random_state=1)
    error = np.hypot(drawn.standard_error, 0 if finite.sampling_error is None else finite.sampling_error)
    assert np.abs((finite.accuracy - drawn.accuracy) / error).max() < 4.5
    assert np.abs(iid.accuracy - drawn.accuracy).max() < 0.09


def test_the_mean_row_fails_where_rows_are_certain(digits):
    """A mask of flip noise leaves nothing to chance: the i.i.d. formula loses 6 to 8 points, a single sample half."""
    _, labels, _, truth, hoods = digits
    noise = ln.FlipNoise.opposite(10)
    rows = ln.noise_rows(labels, noise, ln.corrupt(labels, noise, 0.4, random_state=0).selected)
    finite, iid = (ln.predict_with_rows(hoods, rows, truth, [10, 30, 60], model=model) for model in ("finite", "iid"))
    np.testing.assert_allclose((finite.accuracy - iid.accuracy)[0], [0.061, 0.069, 0.0755], atol=0.002)
    assert np.abs(finite.per_sample(k=10) - iid.per_sample(k=10)).max() > 0.5
    assert set(finite.per_sample(k=10).round(6)) <= {0.0, 1.0, 0.5, round(1 / 3, 6)}


def test_certain_rows_are_the_vote_itself(digits):
    _, labels, _, truth, hoods = digits
    rows = ln.noise_rows(labels, ln.UniformNoise(), np.zeros(len(labels)))
    np.testing.assert_array_equal(rows, np.eye(10)[labels])
    curve = ln.predict_with_rows(hoods, rows, truth, [4, 10], train_labels=labels)
    plain = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), 0.0, [4, 10])
    np.testing.assert_allclose(curve.accuracy, plain.accuracy, atol=1e-13)
    assert curve.noise_rates.tolist() == [0.0]
    measured = ln.simulate_with_rows(hoods, rows, truth, [4, 10], train_labels=labels, ties="lowest", repeats=2)
    lowest = ln.predict_with_rows(hoods, rows, truth, [4, 10], ties="lowest")
    np.testing.assert_allclose(measured.accuracy, lowest.accuracy, atol=1e-13)
    assert measured.std.max() == measured.realized_noise_rates[0] == 0


def test_rows_of_a_classifiers_doubts(digits):
    """Every row differs: all neighborhoods are drawn."""
    _, labels, _, truth, hoods = digits
    doubts = np.full((len(labels), 10), 0.02) + np.random.default_rng(0).dirichlet(np.full(10, 0.3), len(labels))
    rows = ln.softmax_rows(doubts / doubts.sum(axis=1, keepdims=True), labels, 0.3)
    finite = ln.predict_with_rows(hoods, rows, truth, 10, train_labels=labels)
    drawn = ln.simulate_with_rows(hoods, rows, truth, 10, train_labels=labels, repeats=200, random_state=0)
    assert finite.noise_rates[0] == pytest.approx(0.3)
    assert drawn.realized_noise_rates[0] == pytest.approx(0.3, abs=0.005)
    error = np.hypot(drawn.standard_error, finite.sampling_error)[0, 0]
    assert abs(finite.accuracy - drawn.accuracy)[0, 0] < 4 * error
    np.testing.assert_allclose(finite.confusion().sum(axis=1), 1)


def test_it_holds_one_level(digits):
    _, labels, _, truth, hoods = digits
    rows = ln.noise_rows(labels, ln.FlipNoise(), np.full(len(labels), 0.2))
    unknown = ln.predict_with_rows(hoods, rows, truth, 10, model="iid")
    assert np.isnan(unknown.noise_rates).all()
    known = ln.predict_with_rows(hoods, rows, truth, 10, model="iid", train_labels=labels)
    assert known.noise_rates[0] == pytest.approx(0.2)
    assert known.per_sample().mean() == pytest.approx(known.accuracy[0, 0])
    np.testing.assert_array_equal(known.per_sample(), unknown.per_sample())
    with pytest.raises(ValueError, match=r"`noise_rate` must be one of the curve's levels \[0\.2.*got 0.5"):
        known.per_sample(0.5)
    with pytest.raises(ValueError, match=r"must be predicted .* this one holds one level"):
        ln.accuracy_surface(known, [0.5])
    assert len(known.to_frame()) == 1
    drawn = [ln.simulate_with_rows(hoods, rows, truth, 10, train_labels=t, random_state=3) for t in (None, labels)]
    np.testing.assert_array_equal(drawn[0].runs, drawn[1].runs)
    assert drawn[0].per_sample().mean() == pytest.approx(drawn[0].accuracy[0, 0])
    assert np.diag(drawn[0].confusion())[3] == pytest.approx(drawn[0].per_class[0, 0, 3])


class TestRows:
    def test_a_mask_and_chances(self):
        noise = ln.MatrixNoise([[0.2, 0.8], [0.1, 0.9]])
        rows = ln.noise_rows(["a", "b", "b"], noise, [True, True, False], classes=["a", "b"])
        np.testing.assert_allclose(rows, [[0.2, 0.8], [0.1, 0.9], [0, 1]])
        rows = ln.noise_rows([0, 1, 1], noise, [0.5, 0.0, 1.0])
        np.testing.assert_allclose(rows, [[0.6, 0.4], [0, 1], [0.1, 0.9]])

    @settings(max_examples=25, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def test_rows_sum_to_1_and_change_at_the_expected_rate(self, seed):
        rng = np.random.default_rng(seed)
        labels, chances = rng.permutation(np.arange(50) % 4), rng.random(50)
        rows = ln.noise_rows(labels, ln.UniformNoise(), chances)
        np.testing.assert_allclose(rows.sum(axis=1), 1)
        assert 1 - rows[np.arange(50), labels].mean() == pytest.approx(chances.mean() * 3 / 4)

    @pytest.mark.parametrize(
        ("selection", "error", "message"),
        [
            ([0.5, 1.2], ValueError, r"`selection` must lie in \[0, 1\]; got 1.2"),
            ([0.5, np.nan], ValueError, r"`selection` must lie in \[0, 1\]; got nan"),
            ([True], ValueError, "one entry per sample; got 2 and 1"),
            ([0, 1], TypeError, "boolean mask or chances.*indices"),
            ([[0.5, 0.5]], ValueError, "one number or a non-empty sequence"),
        ],
    )
    def test_bad_selections(self, selection, error, message):
        with pytest.raises(error, match=message):
            ln.noise_rows([0, 1], ln.UniformNoise(), selection)

    def test_a_noise_model_of_other_classes(self):
        with pytest.raises(ValueError, match="must be of 3 classes"):
            ln.noise_rows(["a", "b"], ln.MatrixNoise(np.eye(3)), [True, False])


@pytest.mark.parametrize("function", [ln.predict_with_rows, ln.simulate_with_rows])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": [[0.5, np.nan], [1, 0], [1, 0]]}, "`rows` must hold finite probabilities; row 0"),
        ({"rows": [[1, 0], [0.5, 0.6], [1, 0]]}, "`rows` rows must sum to 1.*row 1 sums to 1.1"),
        ({"rows": [[1, 0], [1.5, -0.5], [1, 0]]}, "`rows` must not be negative; row 1"),
        ({"rows": [[1, 0], [1, 0]]}, "`rows` must have one row per training sample, 3 of them; got 2"),
        ({"rows": [[1, 0]] * 4}, "`rows` must have one row per training sample, 3 of them; got 4"),
        ({"rows": [1, 0]}, r"`rows` must have shape \(n_samples, n_classes\)"),
        ({"k": 3}, "`k` must be at most 2"),
        ({"k": 0}, "`k` must be at least 1"),
        ({"ties": "first"}, "`ties` must be one of"),
        ({"test_labels": [0, 2, 1]}, "`test_labels` must be of 2 classes, one per column of `rows`"),
        ({"test_labels": ["a", "b", "c"]}, "`test_labels` must be of 2 classes"),
        ({"test_labels": [0, 1]}, "one label per query of `neighbors`; got 2 labels and 3 queries"),
        ({"test_labels": ["a", "b", "c"], "classes": ["a", "b"]}, "must be among the known classes.*got 'c'"),
        ({"train_labels": [0, 1]}, "`train_labels` and `rows` must have one entry per training sample; got 2 and 3"),
        ({"train_labels": [0, 1, 5]}, "`train_labels` must be of 2 classes, one per column.*found 6"),
    ],
)
def test_bad_input(function, change, message):
    arguments = {
        "neighbors": ln.neighbors([[0.0], [1.0], [2.0]], k=2),
        "rows": [[1, 0], [0.5, 0.5], [0, 1]],
        "test_labels": [0, 0, 1],
        "k": 2,
    }
    with pytest.raises(ValueError, match=message):
        function(**{**arguments, **change})


def test_an_unknown_model_and_named_classes():
    rows = [[1, 0], [0.5, 0.5], [0, 1]]
    with pytest.raises(ValueError, match="`model` must be one of"):
        ln.predict_with_rows([[0, 1]], rows, [0], 1, model="exact")
    named = ln.predict_with_rows([[1, 2]], rows, ["y"], 2, classes=["x", "y"])
    assert named.accuracy[0, 0] == pytest.approx(0.75)
    assert named.setting.classes.tolist() == ["x", "y"]


def test_memory_does_not_grow_with_rows_times_classes_times_k():
    rng = np.random.default_rng(0)
    n_test, n_classes, k = 1000, 200, 100
    rows = rng.dirichlet(np.ones(n_classes), 500)
    indices = rng.integers(500, size=(n_test, k))
    tracemalloc.start()
    means = dict(_mean_rows(rows, indices, np.array([k, 3])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(means[3], rows[indices[:, :3]].mean(axis=1))
    np.testing.assert_allclose(means[k], np.array([rows[i].mean(axis=0) for i in indices]))
    assert peak < n_test * n_classes * k * 8 / 10
