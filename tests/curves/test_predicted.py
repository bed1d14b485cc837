"""Predicted curves against exact enumeration, closed forms and properties."""

from __future__ import annotations

import itertools
from collections import Counter
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.curves.local_rates import local_rate_distribution
from labelnoise.finite import selected_count_distribution, vote_profiles
from labelnoise.neighborhoods.votes import label_histogram

NOISES = [ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise([[0.2, 0.8, 0.0], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]])]
TIES = ["strict", "random", "lowest"]


def win_probability(q, k, label, ties):
    """Pr(label wins) by going through every sequence of k votes."""
    total = 0.0
    for votes in itertools.product(range(len(q)), repeat=k):
        counts = Counter(votes)
        most = max(counts.values())
        winners = sorted(c for c, n in counts.items() if n == most)
        share = {
            "strict": float(winners == [label]),
            "random": (label in winners) / len(winners),
            "lowest": float(winners[0] == label),
        }[ties]
        total += share * np.prod([q[v] for v in votes])
    return total


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_equations_1_to_3_term_by_term(noise, ties):
    clean = np.array([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])
    labels = np.array([0, 0, 2, 0])
    rates, ks = [0.0, 0.3, 0.8], [1, 2, 4, 5]
    curve = ln.accuracy_curve(clean, labels, noise, rates, ks, ties=ties)
    matrix = noise.matrix(3)
    for row, rate in enumerate(rates):
        q = (1 - rate) * clean + rate * clean @ matrix
        for column, k in enumerate(ks):
            per_sample = np.array([win_probability(q[s], k, labels[s], ties) for s in range(4)])
            assert curve.accuracy[row, column] == pytest.approx(per_sample.mean(), abs=1e-12)
            assert curve.per_class[row, column, 0] == pytest.approx(per_sample[labels == 0].mean(), abs=1e-12)
            assert curve.per_class[row, column, 2] == pytest.approx(per_sample[2], abs=1e-12)
    assert np.isnan(curve.per_class[:, :, 1]).all()


@pytest.mark.parametrize("ties", TIES)
def test_confusion_rows_hold_every_labels_probability(ties):
    clean = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.0, 0.5, 0.5]])
    labels = np.array([0, 0, 1])
    curve = ln.accuracy_curve(clean, labels, NOISES[2], [0.4], 3, ties=ties)
    confusion = curve.confusion(0.4)
    q = 0.6 * clean + 0.4 * clean @ NOISES[2].matrix(3)
    for label in (0, 1):
        expected = np.mean(
            [[win_probability(q[s], 3, j, ties) for j in range(3)] for s in range(3) if labels[s] == label], axis=0
        )
        np.testing.assert_allclose(confusion[label], expected, atol=1e-12)
        assert confusion[label, label] == pytest.approx(curve.per_class[0, 0, label], abs=1e-12)
    assert np.isnan(confusion[2]).all()


def test_flip_noise_in_pure_neighborhoods_is_a_binomial_tail():
    """Eq. 16."""
    rates, ks = np.linspace(0, 1, 11), [1, 3, 10, 30, 75]
    curve = ln.accuracy_curve(np.eye(10), np.arange(10), ln.FlipNoise(), rates, ks, ties="strict")
    for row, g in enumerate(rates):
        for column, k in enumerate(ks):
            tail = sum(comb(k, n) * (1 - g) ** n * g ** (k - n) for n in range(k // 2 + 1, k + 1))
            assert curve.accuracy[row, column] == pytest.approx(tail, abs=1e-12)


def test_uniform_noise_at_rate_1_leaves_chance():
    curve = ln.accuracy_curve(np.eye(7), np.arange(7), ln.UniformNoise(), [1.0], [1, 5, 20])
    np.testing.assert_allclose(curve.accuracy, 1 / 7, atol=1e-12)


class TestConcentration:
    CLEAN = np.random.default_rng(0).dirichlet(np.ones(4) * 0.4, size=40)
    LABELS = CLEAN.argmax(axis=1)

    def curve(self, rho, rates=(0.0, 0.2, 0.5, 0.9, 1.0), k=(1, 6, 15), ties="random"):
        return ln.accuracy_curve(self.CLEAN, self.LABELS, ln.FlipNoise(), rates, k, ties=ties, concentration=rho)

    @pytest.mark.parametrize("ties", TIES)
    def test_zero_is_spread_and_one_is_the_mixture(self, ties):
        spread, full, tiny = (self.curve(rho, ties=ties).accuracy for rho in (0.0, 1.0, 1e-13))
        np.testing.assert_allclose(tiny, spread, atol=1e-11)
        rates = np.array([0.0, 0.2, 0.5, 0.9, 1.0])[:, None]
        np.testing.assert_allclose(full, (1 - rates) * spread[0] + rates * spread[-1], atol=1e-13)
        np.testing.assert_allclose(self.curve(1 - 1e-12, ties=ties).accuracy, full, atol=1e-9)

    def test_it_is_the_beta_average_over_the_local_rate(self):
        from scipy.integrate import quad
        from scipy.stats import beta

        rho, rate, k = 0.3, 0.4, 6
        density = beta(rate * (1 - rho) / rho, (1 - rate) * (1 - rho) / rho).pdf
        expected, _ = quad(lambda g: density(g) * self.curve(0.0, [g], k).accuracy[0, 0], 0, 1, epsabs=1e-9)
        assert self.curve(rho, [rate], k).accuracy[0, 0] == pytest.approx(expected, abs=1e-7)

    @settings(max_examples=30, deadline=None)
    @given(rho=st.floats(0, 1), rate=st.floats(0, 1))
    def test_moments_of_the_local_rate(self, rho, rate):
        nodes, weights = local_rate_distribution(rate, rho, 30)
        assert weights.sum() == pytest.approx(1)
        assert (weights >= 0).all()
        assert weights @ nodes == pytest.approx(rate, abs=1e-9)
        assert weights @ (nodes - rate) ** 2 == pytest.approx(rho * rate * (1 - rate), abs=1e-9)

    @pytest.mark.parametrize("rho", [-0.1, 1.1, np.nan, [0.1, 0.2], "half", None])
    def test_bad_values(self, rho):
        with pytest.raises((ValueError, TypeError), match=r"`concentration` must (lie|be one number) in \[0, 1\]"):
            self.curve(rho)


class TestTolerance:
    def test_the_accuracy_there_is_the_target(self):
        curve = ln.accuracy_curve(np.eye(5), np.arange(5), ln.FlipNoise(), [0.0, 0.25, 0.5, 0.75], [5, 40])
        tolerance = curve.tolerance(0.9)
        assert tolerance.shape == (2,)
        for k, rate in zip([5, 40], tolerance, strict=True):
            there = ln.accuracy_curve(np.eye(5), np.arange(5), ln.FlipNoise(), [rate], k).accuracy
            assert there[0, 0] == pytest.approx(0.9, abs=1e-5)

    def test_one_k_gives_a_number(self):
        curve = ln.accuracy_curve(np.eye(5), np.arange(5), ln.FlipNoise(), [0.0, 0.5], 1)
        assert isinstance(curve.tolerance(0.8), float)
        assert curve.tolerance(0.8) == pytest.approx(0.2, abs=1e-6)  # at K = 1 the accuracy is 1 - gamma

    def test_ends(self):
        curve = ln.accuracy_curve(np.eye(5), np.arange(5), ln.FlipNoise(), [0.1, 0.5], 1)
        assert curve.tolerance(0.3) == 0.5  # never below
        assert np.isnan(curve.tolerance(0.95))  # below from the start
        assert curve.tolerance(0.9) == pytest.approx(0.1)

    @pytest.mark.parametrize("target", [-0.1, 90, np.nan, [0.5], "half", None])
    def test_bad_targets(self, target):
        curve = ln.accuracy_curve(np.eye(5), np.arange(5), ln.FlipNoise(), [0.1, 0.5], 1)
        for ask in (curve.tolerance, lambda target: curve.tipping_rates(target=target)):
            with pytest.raises((ValueError, TypeError), match=r"`target` must (lie|be one number) in \[0, 1\]"):
                ask(target)


class TestPredictKnn:
    FEATURES = np.array([[0.0], [0.1], [0.2], [1.0], [1.1], [1.2]])
    LABELS = np.array([0, 0, 1, 1, 1, 1])

    def test_each_k_has_its_own_clean_distribution(self):
        query, truth = [[0.05], [1.05]], [0, 1]
        hoods = ln.neighbors(self.FEATURES, query, k=5)
        curve = ln.predict_knn(hoods, self.LABELS, truth, ln.UniformNoise(), [0.0, 0.4], [5, 3], model="iid")
        for column, k in enumerate([5, 3]):
            clean = ln.clean_distribution(self.LABELS, hoods, k)
            expected = ln.accuracy_curve(clean, truth, ln.UniformNoise(), [0.0, 0.4], k).accuracy[:, 0]
            np.testing.assert_allclose(curve.accuracy[:, column], expected, atol=1e-14)
        assert curve.k.tolist() == [5, 3]
        assert curve.setting.n_train == 6

    def test_a_precomputed_graph_and_indices_do_as_well(self):
        from sklearn.neighbors import kneighbors_graph

        graph = kneighbors_graph(self.FEATURES, 3, mode="distance")
        hoods = ln.neighbors(self.FEATURES, k=3)
        expected, *others = (
            ln.predict_knn(n, self.LABELS, self.LABELS, ln.FlipNoise(), [0.3], 3).accuracy
            for n in (hoods, graph, hoods.indices, ln.neighbors(graph, k=3, metric="precomputed"))
        )
        for other in others:
            np.testing.assert_array_equal(other, expected)

    def test_classes_are_the_training_sets(self):
        names = np.array(["a", "b"])
        hoods = ln.neighbors(self.FEATURES, k=3)
        by_name = ln.predict_knn(hoods, names[self.LABELS], names[self.LABELS], ln.FlipNoise(), [0.3], 3)
        by_code = ln.predict_knn(hoods, self.LABELS, self.LABELS, ln.FlipNoise(), [0.3], 3)
        np.testing.assert_array_equal(by_name.accuracy, by_code.accuracy)
        assert by_name.setting.classes.tolist() == ["a", "b"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"test_labels": [0, 1, 2]}, "`test_labels` must be among the known classes.*got 2"),
            ({"test_labels": [0, 1]}, "one label per query"),
            ({"train_labels": [0, 1, 1]}, r"train|labels|indices"),
            ({"k": 4}, "`k` must be at most 3"),
            ({"k": 0}, "`k` must be at least 1"),
            ({"noise_rates": [0.1, 1.2]}, r"must lie in \[0, 1\]; got 1.2"),
            ({"noise_rates": []}, "non-empty"),
            ({"ties": "first"}, "`ties` must be one of"),
            ({"model": "exact"}, "`model` must be one of"),
            ({"noise": ln.MatrixNoise(np.eye(3)), "train_labels": list("aabbbb")}, "must be of 3 classes"),
        ],
    )
    def test_bad_input(self, change, message):
        arguments = {
            "neighbors": ln.neighbors(self.FEATURES, [[0.0], [1.0], [2.0]], k=3),
            "train_labels": self.LABELS,
            "test_labels": [0, 1, 1],
            "noise": ln.UniformNoise(),
            "noise_rates": [0.1],
            "k": 3,
        }
        with pytest.raises(ValueError, match=message):
            ln.predict_knn(**{**arguments, **change})

    @pytest.mark.parametrize("ties", TIES)
    def test_finite_at_rate_0_is_the_clean_vote_sample_by_sample(self, digits, ties):
        _, labels, _, truth, hoods = digits
        curve = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), [0.0], [4, 10], ties=ties)
        for k in (4, 10):
            counts = np.rint(ln.clean_distribution(labels, hoods, k) * k)
            top = counts == counts.max(axis=1, keepdims=True)
            right, tied = top[np.arange(len(truth)), truth], top.sum(axis=1)
            expected = {
                "strict": right & (tied == 1),
                "random": right / tied,
                "lowest": top.argmax(axis=1) == truth,
            }[ties]
            np.testing.assert_array_equal(curve.per_sample(0.0, k), expected)

    @pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise()], ids=["uniform", "flip"])
    def test_finite_is_what_repeats_converge_to(self, digits, noise):
        """The i.i.d. formula is off by up to a point here, eight standard errors; the finite one is not."""
        _, labels, _, truth, hoods = digits
        arguments = (hoods, labels, truth, noise, [0.3, 0.45], [10, 60])
        measured = ln.simulate_knn(*arguments, repeats=200, random_state=3)
        finite, iid = (ln.predict_knn(*arguments, model=model) for model in ("finite", "iid"))
        assert np.abs((measured.accuracy - finite.accuracy) / measured.standard_error).max() < 4
        assert np.abs((measured.accuracy - iid.accuracy) / measured.standard_error).max() > 4
        np.testing.assert_allclose(finite.confusion(0.45, 10).sum(axis=1), 1)
        np.testing.assert_allclose(np.diag(finite.confusion(0.45, 10)), finite.per_class[1, 0])

    def test_an_exact_count_of_selected_samples_matters(self, digits):
        """Hypergeometric against binomial: 0.4 points with 1,347 training samples."""
        _, labels, _, truth, hoods = digits
        profiles = vote_profiles(label_histogram(labels, hoods.indices, 60, 10), truth, ln.FlipNoise())
        exact, independent = (
            profiles.expected(selected_count_distribution(60, 0.45, n_train=n)).mean() for n in (1347, None)
        )
        assert exact - independent == pytest.approx(0.004, abs=0.0005)
        predicted = ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), 0.45, 60)
        assert predicted.accuracy[0, 0] == pytest.approx(exact)

    def test_probabilities_of_single_samples_are_calibrated(self, digits):
        _, labels, _, truth, hoods = digits
        arguments = (hoods, labels, truth, ln.FlipNoise(), 0.45, 30)
        probability = ln.predict_knn(*arguments).per_sample(0.45)
        shares = ln.simulate_knn(*arguments, repeats=400, random_state=0).per_sample(0.45)
        z = (shares - probability) / np.sqrt(np.maximum(probability * (1 - probability), 1e-3) / 400)
        assert np.abs(z).max() < 5
        assert np.std(z) == pytest.approx(1, abs=0.15)

    def test_a_general_matrix_is_sampled_with_an_error_bar(self, digits):
        _, labels, _, truth, hoods = digits
        noise = ln.MatrixNoise.random(10, random_state=0)
        arguments = (hoods, labels, truth, noise, [0.0, 0.6], 10)
        predicted = ln.predict_knn(*arguments)
        measured = ln.simulate_knn(*arguments, repeats=200, random_state=0)
        assert predicted.sampling_error[0, 0] == 0
        assert 0 < predicted.sampling_error[1, 0] < 0.01
        error = np.hypot(predicted.sampling_error, measured.standard_error)[1, 0]
        assert abs(predicted.accuracy[1, 0] - measured.accuracy[1, 0]) < 4 * error
        assert "sampling_error" in predicted.to_frame()
        assert ln.predict_knn(*arguments, model="iid").sampling_error is None

    @pytest.mark.parametrize("k", [2.0, "3", True, None])
    def test_k_that_is_no_integer(self, k):
        hoods = ln.neighbors(self.FEATURES, k=3)
        with pytest.raises(TypeError, match="`k` must be an integer"):
            ln.predict_knn(hoods, self.LABELS, self.LABELS, ln.UniformNoise(), [0.1], k)


class TestAccuracyCurveInput:
    @pytest.mark.parametrize(
        ("clean", "labels", "message"),
        [
            ([[0.5, 0.4]], [0], r"rows must sum to 1.*row 0 sums to 0.9"),
            ([[0.5, np.nan]], [0], "row 0 holds NaN"),
            ([[1.5, -0.5]], [0], "must not be negative"),
            ([0.5, 0.5], [0], r"must have shape \(n_test, n_classes\)"),
            ([[0.5, 0.5]], [0, 1], "got 1 and 2"),
            ([[0.5, 0.5]], [2], "2 classes, one per column"),
            ([[0.5, 0.5]], ["a"], "Pass classes="),
        ],
    )
    def test_bad_input(self, clean, labels, message):
        with pytest.raises(ValueError, match=message):
            ln.accuracy_curve(clean, labels, ln.UniformNoise(), [0.1], 3)

    def test_named_classes(self):
        curve = ln.accuracy_curve([[0.9, 0.1]], ["b"], ln.FlipNoise(), 0.0, 1, classes=["b", "a"])
        assert curve.accuracy[0, 0] == pytest.approx(0.9)

    def test_torch_like_tensors_are_read(self):
        class Tensor:  # what torch tensors offer, without torch
            def __init__(self, array):
                self.array = array

            def detach(self):
                return self

            def cpu(self):
                return self.array

        clean = np.array([[0.9, 0.1]])
        curve = ln.accuracy_curve(Tensor(clean), Tensor(np.array([0])), ln.FlipNoise(), 0.0, 1)
        assert curve.accuracy[0, 0] == pytest.approx(0.9)


def test_frame_is_tidy():
    frame = ln.accuracy_curve(np.eye(3), np.arange(3), ln.FlipNoise(), [0.0, 0.5], [1, 9]).to_frame()
    assert len(frame) == 4
    assert frame["k"].tolist() == [1, 9, 1, 9]
    assert frame["noise_rate"].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert set(frame["ties"]) == {"random"}
    np.testing.assert_allclose(frame["accuracy"], [1.0, 1.0, 0.5, 0.5])
