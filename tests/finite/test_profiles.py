"""Vote profiles of finite neighborhoods, against exact enumeration and against votes on corrupted labels."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from helpers.reference import share_of_win
from helpers.vote_patterns import PATTERNS, enumerated_profiles, patterns
from hypothesis import given, settings
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.finite import VoteProfiles, distinct_patterns, selected_count_distribution, vote_profiles
from labelnoise.neighborhoods.votes import plurality_vote
from labelnoise.validation import TIES


def permutation_rows(mapping, change):
    """Return rows with which class i becomes mapping[i] with probability change[i], or stays."""
    classes = range(len(mapping))
    return [[(1 - change[i]) * (i == j) + change[i] * (mapping[i] == j) for j in classes] for i in classes]


def as_noise(rows):
    return ln.MatrixNoise([[float(p) for p in row] for row in rows])


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("counts", PATTERNS)
class TestAgainstEnumeration:
    def check(self, counts, noise, rows, ties):
        expected = enumerated_profiles(counts, rows, ties)
        every = vote_profiles([counts], None, noise, ties=ties, method="exact")
        assert every.exact
        np.testing.assert_allclose(every.win[0], expected, rtol=0, atol=1e-14)
        labels = np.arange(len(counts))
        single = vote_profiles([counts] * len(counts), labels, noise, ties=ties, method="exact")
        np.testing.assert_allclose(single.win, expected, rtol=0, atol=1e-14)

    def test_uniform(self, counts, ties):
        n_classes = len(counts)
        rows = [[Fraction(1, n_classes)] * n_classes] * n_classes
        self.check(counts, ln.UniformNoise(), rows, ties)

    def test_one_row_for_all(self, counts, ties):
        row = [Fraction(j, 1) for j in range(len(counts))]  # class 0 never drawn
        row = [p / sum(row) for p in row]
        self.check(counts, as_noise([row] * len(counts)), [row] * len(counts), ties)

    def test_every_permutation(self, counts, ties):
        for mapping in itertools.permutations(range(len(counts))):
            rows = permutation_rows(mapping, [Fraction(1)] * len(counts))
            self.check(counts, ln.FlipNoise(list(mapping)), rows, ties)

    def test_classes_that_may_change_or_stay(self, counts, ties):
        n_classes = len(counts)
        change = [Fraction(j + 1, 4) for j in range(n_classes)]  # of four classes, the last always changes
        cycle = [(j + 1) % n_classes for j in range(n_classes)]
        for mapping in (cycle, cycle[::-1], list(range(n_classes))):
            rows = permutation_rows(mapping, change)
            self.check(counts, as_noise(rows), rows, ties)

    def test_any_matrix(self, counts, ties):
        n_classes = len(counts)
        rows = [[Fraction((1 + 2 * i + j) % 4) for j in range(n_classes)] for i in range(n_classes)]
        rows = [[p / sum(row) for p in row] for row in rows]
        self.check(counts, as_noise(rows), rows, ties)

    def test_one_class_changes_and_the_others_stay(self, counts, ties):
        # Class 0 becomes the last class, which stays: this is no permutation, but no class becomes two others.
        rows = permutation_rows(list(range(len(counts))), [Fraction(0)] * len(counts))
        rows[0] = [Fraction(1, 3)] + [Fraction(0)] * (len(counts) - 2) + [Fraction(2, 3)]
        self.check(counts, as_noise(rows), rows, ties)

    def test_sampled_profiles_are_within_their_errors(self, counts, ties):
        n_classes = len(counts)
        rows = [[Fraction(1 + (2 * i + j) % 3) for j in range(n_classes)] for i in range(n_classes)]
        rows = [[p / sum(row) for p in row] for row in rows]
        expected = enumerated_profiles(counts, rows, ties)
        for labels in (None, np.arange(n_classes)):
            sampled = vote_profiles(
                [counts] if labels is None else [counts] * n_classes,
                labels,
                as_noise(rows),
                ties=ties,
                method="sampled",
                draws=3000,
                random_state=1,
            )
            win, error = (array.reshape(n_classes, -1) for array in (sampled.win, sampled.standard_error))
            assert (np.abs(win - expected) <= 4.5 * error + 1e-15).all()
            assert (error[:, 0] == 0).all()
            assert error.max() <= 0.51 / np.sqrt(3000)


MIXED = ((14, 9, 5, 2, 0), (12, 12, 6, 0, 0), (8, 7, 6, 5, 4))


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize(
    "noise",
    [
        ln.UniformNoise(),
        ln.FlipNoise(),
        ln.FlipNoise([1, 0, 3, 2, 4]),
        ln.MatrixNoise.two_alternatives(5),
        ln.MatrixNoise.random(5, random_state=3),
    ],
    ids=["uniform", "flip", "two cycles", "two alternatives", "random"],
)
def test_profiles_agree_with_votes_on_corrupted_labels(noise, ties):
    """Of K = 30 neighbors m are selected at random, their labels redrawn by the noise model, and one vote is taken."""
    rng = np.random.default_rng(5)
    repeats = 1500
    profiles = vote_profiles(MIXED, [0, 1, 2], noise, ties=ties, random_state=7)
    for row, counts in enumerate(MIXED):
        clean = np.repeat(np.arange(5), counts)
        for m in (4, 15, 30):
            order = rng.permuted(np.tile(clean, (repeats, 1)), axis=1)
            order[:, :m] = noise.draw(order[:, :m].ravel(), 5, rng).reshape(repeats, m)
            hoods = np.arange(order.size).reshape(repeats, 30)
            breaker = rng.random((repeats, 1))
            winner = plurality_vote(order.ravel(), hoods, np.array([30]), 5, ties=ties, tie_breaker=breaker)[:, 0]
            expected = profiles.win[row, m]
            error = np.sqrt(max(expected * (1 - expected), 1 / repeats) / repeats)
            if not profiles.exact:
                error = np.hypot(error, profiles.standard_error[row, m])
            assert abs(np.mean(winner == row) - expected) < 4 * error


@pytest.mark.parametrize(
    ("noise", "counts", "tells_apart"),
    [(ln.UniformNoise(), (14, 11, 5), False), (ln.FlipNoise(), (14, 11, 5), False), (ln.FlipNoise(), (30, 0, 0), True)],
    ids=["uniform", "flip", "flip, pure"],
)
def test_profiles_agree_with_simulate_knn_where_the_exact_count_matters(noise, counts, tells_apart):
    """A neighborhood of half the training samples: the number selected in it varies less than binomially."""
    n_train, k, rate, repeats = 60, 30, 0.45, 1500
    labels = np.concatenate([np.repeat([0, 1, 2], counts), np.arange(30) % 3])
    curve = ln.simulate_knn(np.arange(k)[None, :], labels, [0], noise, [rate], k, repeats=repeats, random_state=2)
    profiles = vote_profiles([counts], [0], noise)
    exact_count = profiles.expected(selected_count_distribution(k, rate, n_train=n_train))[0]
    independent = profiles.expected(selected_count_distribution(k, rate))[0]
    error = np.sqrt(exact_count * (1 - exact_count) / repeats)
    assert abs(curve.accuracy[0, 0] - exact_count) < 4 * error
    assert (abs(curve.accuracy[0, 0] - independent) > 4 * error) == tells_apart


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("method", ["auto", "sampled"])
@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise.random(4, random_state=0)])
def test_without_selected_neighbors_the_clean_vote_is_exact(noise, method, ties):
    counts = np.array([c for c in itertools.product(range(7), repeat=4) if sum(c) == 6])
    win = vote_profiles(counts, None, noise, ties=ties, method=method, draws=2, random_state=0).win[..., 0]
    expected = [[float(share_of_win(row, label, ties)) for label in range(4)] for row in counts.tolist()]
    np.testing.assert_array_equal(win, expected)


@pytest.mark.parametrize(
    ("k", "n_classes", "n", "ties"),
    [(30, 10, 6, "random"), (30, 10, 6, "lowest"), (60, 4, 3, "random"), (60, 4, 3, "lowest"), (30, 300, 1, "random")],
)
def test_labels_share_the_win(k, n_classes, n, ties):
    counts = patterns(1, k, n_classes, n, spread=4 / n_classes)
    for noise in (ln.UniformNoise(), ln.FlipNoise()):
        win = vote_profiles(counts, None, noise, ties=ties, method="exact").win
        np.testing.assert_allclose(win.sum(axis=1), 1, rtol=0, atol=1e-12)
        assert win.min() >= 0
    matrix = ln.MatrixNoise.random(n_classes, random_state=0)
    win = vote_profiles(counts, None, matrix, ties=ties, method="sampled", draws=50, random_state=0).win
    np.testing.assert_allclose(win.sum(axis=1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 60, 100, 300])
def test_large_neighborhoods_are_finite_probabilities(k):
    counts = np.array([[k, 0, 0, 0], [0, k - k // 3, k // 3, 0], [k // 2, k - k // 2, 0, 0]])
    for noise in (ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise.random(4, random_state=1)):
        profiles = vote_profiles(counts, None, noise, draws=20, random_state=0)
        assert np.isfinite(profiles.win).all()
        assert profiles.win.min() >= 0
        assert profiles.win.max() <= 1
        np.testing.assert_allclose(profiles.win.sum(axis=1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("k", [1, 10, 31, 120])
def test_pure_neighborhoods_follow_the_iid_formula(k, ties):
    """Where all clean labels are equal and selection is independent, the votes are independent draws (Eq. 14-16)."""
    counts = np.zeros((5, 5), dtype=int)
    np.fill_diagonal(counts, k)
    labels = np.array([0, 1, 2, 3, 1])  # the last neighborhood is wholly of another class
    matrix = ln.MatrixNoise.random(5, random_state=2)
    for noise in (ln.UniformNoise(), ln.FlipNoise(), matrix):
        profiles = vote_profiles(counts, labels, noise, ties=ties)
        assert profiles.exact
        for rate in (0.0, 0.3, 0.8, 1.0):
            q = (1 - rate) * np.eye(5) + rate * noise.matrix(5)
            expected = ln.plurality_probability(q, k, labels, ties=ties)
            won = profiles.expected(selected_count_distribution(k, rate))
            np.testing.assert_allclose(won, expected, rtol=0, atol=1e-12)


def test_a_pure_neighborhood_under_flip_noise_has_a_closed_form():
    """Eq. 16: more than half of the labels must not be selected."""
    profiles = vote_profiles([[30, 0, 0]], [0], ln.FlipNoise(), ties="strict")
    won = profiles.expected(selected_count_distribution(30, 0.4))[0]
    assert won == pytest.approx(scipy.stats.binom(30, 0.6).sf(15), abs=1e-13)


class TestSelectedCounts:
    @pytest.mark.parametrize("k", [1, 7, 60, 300])
    @pytest.mark.parametrize("rate", [0.001, 0.2, 0.45, 0.99])
    def test_distributions_agree_with_scipy(self, k, rate):
        m = np.arange(k + 1)
        cases = [
            (selected_count_distribution(k, rate), scipy.stats.binom(k, rate)),
            (
                selected_count_distribution(k, rate, n_train=1198),
                scipy.stats.hypergeom(1198, round(rate * 1198), k),
            ),
            (
                selected_count_distribution(k, rate, concentration=0.1),
                scipy.stats.betabinom(k, 9 * rate, 9 * (1 - rate)),
            ),
        ]
        for ours, theirs in cases:
            np.testing.assert_allclose(ours, theirs.pmf(m), rtol=1e-9, atol=1e-13)
            assert ours.sum() == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize("rho", [1e-12, 1e-3, 0.2, 0.9, 1 - 1e-12, 1.0])
    def test_concentration_is_the_intra_class_correlation(self, rho):
        k, rate = 40, 0.3
        distribution = selected_count_distribution(k, rate, concentration=rho)
        m = np.arange(k + 1)
        mean = distribution @ m
        variance = distribution @ (m - mean) ** 2
        assert mean == pytest.approx(k * rate, rel=1e-12)
        assert variance == pytest.approx(k * rate * (1 - rate) * (1 + (k - 1) * rho), rel=1e-10)

    def test_small_concentration_tends_to_independent_selection(self):
        np.testing.assert_allclose(
            selected_count_distribution(300, 0.2, concentration=1e-15), selected_count_distribution(300, 0.2), rtol=1e-9
        )

    @pytest.mark.parametrize("options", [{}, {"n_train": 50}, {"concentration": 0.3}, {"concentration": 1.0}])
    def test_degenerate_rates_are_exact(self, options):
        for rate, where in ((0.0, 0), (1.0, 10)):
            distribution = selected_count_distribution(10, rate, **options)
            assert distribution[where] == 1
            assert distribution.sum() == 1

    def test_a_neighborhood_of_everything_has_no_variance(self):
        np.testing.assert_array_equal(selected_count_distribution(10, 0.34, n_train=10), np.eye(11)[3])

    def test_a_rate_that_rounds_to_nothing_selects_nothing(self):
        np.testing.assert_array_equal(selected_count_distribution(3, 1e-3, n_train=100), [1, 0, 0, 0])

    @pytest.mark.parametrize(
        ("arguments", "options", "error", "message"),
        [
            ((0, 0.5), {}, ValueError, "`k` must be at least 1"),
            (([3, 4], 0.5), {}, TypeError, "one integer"),
            ((3, 50), {}, ValueError, "Divide it by 100"),
            ((3, 0.5), {"concentration": 2}, ValueError, "`concentration`"),
            ((30, 0.5), {"n_train": 20}, ValueError, "at most 20, the number of training samples; got 30"),
        ],
    )
    def test_bad_input_names_what_is_wrong(self, arguments, options, error, message):
        with pytest.raises(error, match=message):
            selected_count_distribution(*arguments, **options)


class TestSampling:
    counts = patterns(3, 20, 5, 12)
    noise = ln.MatrixNoise.random(5, random_state=1)

    def profiles(self, counts, labels, **options):
        return vote_profiles(counts, labels, self.noise, random_state=9, draws=100, **options)

    def test_one_seed_one_result_with_any_number_of_threads(self, monkeypatch):
        labels = self.counts.argmax(axis=1)
        results = []
        for threads in ("1", "2"):
            monkeypatch.setenv("LOKY_MAX_CPU_COUNT", threads)
            results.append(self.profiles(self.counts, labels))
        np.testing.assert_array_equal(results[0].win, results[1].win)

    def test_a_pattern_does_not_depend_on_the_others(self):
        labels = self.counts.argmax(axis=1)
        together = self.profiles(self.counts, labels)
        alone = self.profiles(self.counts[4:5], labels[4:5])
        np.testing.assert_array_equal(alone.win[0], together.win[4])

    def test_pure_patterns_stay_exact_beside_sampled_ones(self):
        counts = np.array([[20, 0, 0, 0, 0], [10, 10, 0, 0, 0]])
        profiles = self.profiles(counts, [0, 0])
        assert not profiles.exact
        assert (profiles.standard_error[0] == 0).all()
        assert (profiles.standard_error[1, 1:] > 0).all()

    def test_sampled_profiles_agree_with_the_exact_engines(self):
        for noise in (ln.UniformNoise(), ln.FlipNoise()):
            exact = vote_profiles(self.counts, None, noise, method="exact")
            sampled = vote_profiles(self.counts, None, noise, method="sampled", random_state=5)
            assert (np.abs(exact.win - sampled.win) <= 5 * sampled.standard_error + 1e-15).all()

    @pytest.mark.parametrize("labels", [None, np.zeros(12, dtype=int)])
    @pytest.mark.parametrize("ties", TIES)
    def test_repeated_samples_scatter_around_the_truth_as_their_errors_say(self, ties, labels):
        exact = vote_profiles(self.counts, labels, ln.UniformNoise(), ties=ties, method="exact").win
        repeats = [
            vote_profiles(
                self.counts, labels, ln.UniformNoise(), ties=ties, method="sampled", draws=320, random_state=seed
            )
            for seed in range(30)
        ]
        deviations = np.array([(sampled.win - exact)[..., 1:] for sampled in repeats])
        errors = np.array([sampled.standard_error[..., 1:] for sampled in repeats])
        likely = (exact[..., 1:] > 0.1) & (exact[..., 1:] < 0.9)
        scatter = np.sqrt((deviations**2).mean(axis=0) / (errors**2).mean(axis=0))[likely]
        assert 0.9 < scatter.mean() < 1.1
        bias = deviations.mean(axis=0) / np.sqrt((errors**2).mean(axis=0) / len(repeats))
        assert np.abs(bias).max() < 5

    @pytest.mark.parametrize("ties", TIES)
    def test_sampled_profiles_agree_with_exact_ones_under_any_matrix(self, ties):
        counts = np.array([[27, 2, 0, 1, 0], [2, 28, 0, 0, 0], [0, 0, 1, 0, 29]])
        for labels in (None, [0, 1, 2], [1, 0, 4]):
            exact = vote_profiles(counts, labels, self.noise, ties=ties, method="exact")
            sampled = vote_profiles(counts, labels, self.noise, ties=ties, method="sampled", random_state=1)
            assert exact.exact
            assert (np.abs(exact.win - sampled.win) <= 5 * sampled.standard_error + 1e-15).all()

    def test_ten_neighbors_of_up_to_three_classes_are_exact(self):
        counts = np.zeros((4, 10), dtype=int)
        counts[:, :3] = [[9, 1, 0], [5, 5, 0], [8, 1, 1], [4, 3, 3]]
        matrix = ln.MatrixNoise.random(10, random_state=0)
        every = vote_profiles(counts, None, matrix)
        assert every.exact
        np.testing.assert_allclose(every.win.sum(axis=1), 1, rtol=0, atol=1e-13)

    def test_many_classes_are_sampled_like_few(self):
        """Classes that nothing becomes change the way the votes are compared, but no result."""
        labels = self.counts.argmax(axis=1)
        matrix = np.eye(40)
        matrix[:5, :5] = self.noise.matrix(5)
        wide = np.pad(self.counts, ((0, 0), (0, 35)))
        for ties in TIES:
            sampling = {"method": "sampled", "ties": ties, "random_state": 9, "draws": 100}
            few = vote_profiles(self.counts, labels, self.noise, **sampling)
            many = vote_profiles(wide, labels, ln.MatrixNoise(matrix), **sampling)
            np.testing.assert_allclose(many.win, few.win, rtol=0, atol=1e-12)

    def test_the_error_of_an_expectation_is_at_most_the_largest_error(self):
        profiles = self.profiles(self.counts, self.counts.argmax(axis=1))
        distribution = selected_count_distribution(20, 0.3)
        error = profiles.expected_standard_error(distribution)
        assert error.shape == (12,)
        assert (error <= profiles.standard_error.max(axis=1)).all()

    def test_long_exact_profiles_are_sampled_unless_asked_for(self):
        counts = [[60, 50, 40, 30, 20, 20, 20, 20, 20, 20]]
        assert not vote_profiles(counts, [0], ln.UniformNoise(), draws=2, random_state=0).exact
        assert vote_profiles([[270, 20, 10]], [0], ln.UniformNoise()).exact

    @pytest.mark.parametrize("counts", [[30, 30], [20, 20, 20], [0, 60], [6] * 10, [12, 12, 12, 12, 12, 0, 0, 0]])
    @pytest.mark.parametrize("change", [1.0, 0.6])
    def test_sixty_neighbors_are_never_too_many(self, counts, change):
        n_classes = len(counts)
        flip = change * np.roll(np.eye(n_classes), 1, axis=1) + (1 - change) * np.eye(n_classes)
        for noise in (ln.UniformNoise(), ln.MatrixNoise(flip)):
            assert vote_profiles([counts], None, noise).exact


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_relabeling_the_classes_changes_nothing(data):
    """With ties at random, class names do not matter: profiles of permuted counts under permuted noise are the same."""
    n_classes = data.draw(st.integers(2, 5))
    counts = np.array(data.draw(st.lists(st.integers(0, 8), min_size=n_classes, max_size=n_classes).filter(any)))
    mapping = np.array(data.draw(st.permutations(range(n_classes))))
    rename = np.array(data.draw(st.permutations(range(n_classes))))
    renamed_counts, renamed_mapping = np.empty_like(counts), np.empty_like(mapping)
    renamed_counts[rename] = counts
    renamed_mapping[rename] = rename[mapping]
    for noise, renamed_noise in (
        (ln.UniformNoise(), ln.UniformNoise()),
        (ln.FlipNoise(mapping), ln.FlipNoise(renamed_mapping)),
    ):
        win = vote_profiles([counts], None, noise).win[0]
        renamed = vote_profiles([renamed_counts], None, renamed_noise).win[0]
        np.testing.assert_allclose(renamed[rename], win, rtol=0, atol=1e-13)
        assert (win >= 0).all()
        assert (win <= 1).all()
        np.testing.assert_allclose(win.sum(axis=0), 1, rtol=0, atol=1e-12)


@given(st.lists(st.integers(0, 12), min_size=2, max_size=6).filter(any))
@settings(max_examples=40, deadline=None)
def test_tie_rules_are_ordered(counts):
    """A strict win is a win under every rule, and class 0 gains most where the lowest wins."""
    for noise in (ln.UniformNoise(), ln.FlipNoise()):
        strict, random, lowest = (vote_profiles([counts], [0], noise, ties=ties).win[0] for ties in TIES)
        assert (strict <= random + 1e-13).all()
        assert (random <= lowest + 1e-13).all()


def test_repeated_patterns_and_every_label_agree():
    counts = patterns(8, 15, 4, 10)[[0, 1, 1, 2, 3, 0, 4, 5]]
    labels = np.array([0, 1, 1, 2, 3, 2, 0, 1])
    for noise in (ln.UniformNoise(), ln.FlipNoise([2, 0, 1, 3])):
        for ties in TIES:
            every = vote_profiles(counts, None, noise, ties=ties).win
            single = vote_profiles(counts, labels, noise, ties=ties).win
            np.testing.assert_allclose(single, every[np.arange(8), labels], rtol=0, atol=1e-14)
    grouped = distinct_patterns(counts, labels)
    assert len(grouped.counts) == 7
    np.testing.assert_array_equal(grouped.counts[grouped.inverse], counts)
    np.testing.assert_array_equal(grouped.labels[grouped.inverse], labels)


def test_one_class_always_wins():
    for noise in (ln.UniformNoise(), ln.FlipNoise(), ln.MatrixNoise([[1.0]])):
        np.testing.assert_array_equal(vote_profiles([[3]], [0], noise).win, np.ones((1, 4)))


def test_expected_takes_several_noise_rates_at_once():
    profiles = vote_profiles([[3, 2], [4, 1]], [0, 0], ln.UniformNoise())
    assert isinstance(profiles, VoteProfiles)
    distributions = np.column_stack([selected_count_distribution(5, rate) for rate in (0.1, 0.2, 0.3)])
    assert profiles.expected(distributions).shape == (2, 3)
    np.testing.assert_array_equal(profiles.expected_standard_error(distributions), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"m = 0..5.*got \(4,\)"):
        profiles.expected([0.25, 0.25, 0.25, 0.25])


@pytest.mark.parametrize(
    ("counts", "labels", "options", "error", "message"),
    [
        ([3, 2], [0], {}, ValueError, "shape"),
        ([[0.6, 0.4]], [0], {}, TypeError, "integers"),
        ([[4, -1]], [0], {}, ValueError, "row 0 holds -1"),
        ([[3, 2], [3, 3]], [0, 0], {}, ValueError, "row 0 sums to 5 and row 1 to 6"),
        ([[0, 0]], [0], {}, ValueError, "at least 1"),
        ([[3, 2]], [0, 1], {}, ValueError, "one label per row"),
        ([[3, 2]], [2], {}, ValueError, "0..1"),
        ([[3, 2]], [0.5], {}, TypeError, "integers"),
        ([[3, 2]], [0], {"ties": "coin"}, ValueError, "`ties` must be one of"),
        ([[3, 2]], [0], {"method": "fast"}, ValueError, "`method` must be one of"),
        ([[3, 2]], [0], {"draws": 0}, ValueError, "`draws` must be at least 1"),
        ([[3, 2, 0]], [0], {"noise": ln.FlipNoise([1, 0])}, ValueError, "made for 2 classes"),
        (
            [[40, 30, 30]],
            [0],
            {"noise": ln.MatrixNoise.random(3, random_state=0), "method": "exact"},
            ValueError,
            "`method` 'exact' requires exact profiles.*share a row",
        ),
    ],
)
def test_bad_input_names_what_is_wrong(counts, labels, options, error, message):
    arguments = {"noise": ln.UniformNoise(), **options}
    with pytest.raises(error, match=message):
        vote_profiles(counts, labels, **arguments)
