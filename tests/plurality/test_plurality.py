from __future__ import annotations

import numpy as np
import pytest
from helpers.reference import (
    plurality_by_enumeration,
    plurality_by_nested_sums,
    plurality_exact,
    plurality_fixed_point,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import binom

from labelnoise.plurality.contour import contour_plurality
from labelnoise.plurality.convolution import convolution_plurality
from labelnoise.plurality.pmf import binomial_tail, poisson_pmf
from labelnoise.plurality.probability import plurality_probability
from labelnoise.plurality.ties import degree_needed, inner_tie_nodes, tie_nodes
from labelnoise.validation import TIES

EVERY_TIE_RULE = pytest.mark.parametrize("ties", TIES)


def by_convolution(q, ks, ties):
    labels = np.broadcast_to(np.arange(q.shape[1]), q.shape)
    return convolution_plurality(q, labels, np.asarray(ks), ties)


def by_contour(q, k, ties):
    labels = np.broadcast_to(np.arange(q.shape[1]), q.shape)
    return contour_plurality(q, labels, np.array([k]), ties)[..., 0]


def random_rows(rng, n_rows, n_classes):
    """Distributions from nearly one-hot to nearly uniform."""
    rows = [rng.dirichlet(np.full(n_classes, 10.0**e), size=n_rows // 4) for e in (-1, 0, 1, 3)]
    q = np.concatenate(rows)
    return q / q.sum(axis=1, keepdims=True)


def degenerate_rows(n_classes):
    """One-hot, zeros, ties, near-ties and entries near the smallest double."""
    uniform = np.full(n_classes, 1 / n_classes)
    rows = [*np.eye(n_classes), uniform]
    if n_classes > 1:
        first, last = np.eye(n_classes)[0], np.eye(n_classes)[-1]
        rows += [0.5 * first + 0.5 * last, (0.5 + 1e-12) * first + (0.5 - 1e-12) * last]
        rows += [0.5 * first + 0.5 * uniform, 1e-9 * first + (1 - 1e-9) * last, 1e-17 * uniform + last]
        rows += [uniform + 1e-15 * (first - last), np.nextafter(1, 0) * first + 2**-53 * last]
        tiny = np.full(n_classes, 1e-300)
        tiny[-1] = 1.0
        rows += [tiny, tiny[::-1], np.where(np.arange(n_classes) == 0, 1e-300, 1 / max(n_classes - 1, 1))]
    return np.array(rows)


# --- against exact arithmetic ------------------------------------------------------------------------------------


def test_oracles_agree_with_each_other():
    rng = np.random.default_rng(0)
    for n_classes, k in [(1, 3), (2, 5), (3, 6), (4, 5)]:
        q = rng.dirichlet(np.ones(n_classes), size=1)
        for ties in TIES:
            exact = plurality_exact(q, k, ties)[0]
            for y in range(n_classes):
                enumerated = plurality_by_enumeration(q[0], k, y, ties)
                assert exact[y] == pytest.approx(float(enumerated), abs=1e-16, rel=1e-15)
                if n_classes > 1:
                    assert float(plurality_fixed_point(q[0], k, y, ties)) == pytest.approx(exact[y], rel=1e-15)
            if ties == "strict":
                nested = [plurality_by_nested_sums(q[0], k, y) for y in range(n_classes)]
                np.testing.assert_allclose(nested, exact, rtol=1e-14)


@EVERY_TIE_RULE
@pytest.mark.parametrize("n_classes", [1, 2, 3, 4, 5])
def test_results_are_exact_up_to_five_classes_and_twelve_draws(n_classes, ties):
    rng = np.random.default_rng(n_classes)
    ks = np.arange(1, 13)
    q = np.concatenate([random_rows(rng, 48, n_classes), degenerate_rows(n_classes)])
    exact = np.stack([plurality_exact(q, int(k), ties) for k in ks], axis=-1)
    sizeable = exact > 1e-200
    for name, got in {
        "public": plurality_probability(q, ks, ties=ties),
        "one k at a time": np.stack([plurality_probability(q, int(k), ties=ties) for k in ks], axis=-1),
        "convolution": by_convolution(q, ks, ties),
        "convolution, few k": np.stack([by_convolution(q, [k], ties)[..., 0] for k in ks], axis=-1),
        "contour": np.stack([by_contour(q, int(k), ties) for k in ks], axis=-1),
    }.items():
        np.testing.assert_allclose(got, exact, rtol=0, atol=1e-13, err_msg=name)
        if "convolution" in name:
            np.testing.assert_allclose(got[sizeable], exact[sizeable], rtol=1e-12, err_msg=name)
            assert (got[exact == 0] == 0).all()


@EVERY_TIE_RULE
def test_results_are_exact_for_thousands_of_rows(ties):
    rng = np.random.default_rng(7)
    for n_classes, k in [(2, 12), (3, 9), (4, 8), (5, 7), (5, 12)]:
        q = random_rows(rng, 400, n_classes)
        exact = plurality_exact(q, k, ties)
        np.testing.assert_allclose(plurality_probability(q, k, ties=ties), exact, rtol=0, atol=1e-13)
        label = rng.integers(n_classes, size=len(q))
        one = plurality_probability(q, k, label, ties=ties)
        np.testing.assert_allclose(one, exact[np.arange(len(q)), label], rtol=0, atol=1e-13)


@EVERY_TIE_RULE
@pytest.mark.parametrize(
    ("k", "q"),
    [
        (2000, [0.36, 0.34, 0.3]),
        (1200, [0.3334, 0.3333, 0.3333]),
        (1001, [0.501, 0.499, 0.0]),
        (120, [0.3, 0.28, 0.22, 0.2]),
        (40, [0.16, 0.15, 0.14, 0.12, 0.1, 0.1, 0.09, 0.08, 0.06]),
    ],
)
def test_many_draws_agree_with_high_precision(k, q, ties):
    expected = [float(plurality_fixed_point(q, k, y, ties)) for y in (0, 1)]
    np.testing.assert_allclose(plurality_probability(q, k, ties=ties)[:2], expected, rtol=0, atol=1e-13)
    assert plurality_probability(q, k, 1, ties=ties) == pytest.approx(expected[1], abs=1e-13)
    np.testing.assert_allclose(by_contour(np.array([q]), k, ties)[0, :2], expected, rtol=0, atol=1e-13)
    if k <= 120:
        np.testing.assert_allclose(by_convolution(np.array([q]), [k], ties)[0, :2, 0], expected, rtol=1e-12)


@EVERY_TIE_RULE
def test_a_thousand_classes_agree_with_high_precision(ties):
    q = np.random.default_rng(3).dirichlet(np.ones(1000))
    y = int(q.argmax())
    expected = float(plurality_fixed_point(q, 20, y, ties))
    assert plurality_probability(q, 20, y, ties=ties) == pytest.approx(expected, abs=1e-14)
    assert by_contour(q[None], 20, ties)[0, y] == pytest.approx(expected, abs=1e-14)
    convolved = convolution_plurality(q[None], np.array([[y]]), np.array([20]), ties)
    assert convolved[0, 0, 0] == pytest.approx(expected, rel=1e-12)


@EVERY_TIE_RULE
def test_small_probabilities_keep_their_digits_in_the_convolution(ties):
    q = np.array([[0.05, 0.5, 0.45]])
    expected = float(plurality_fixed_point(q[0], 100, 0, ties))
    assert 1e-30 < expected < 1e-12
    assert by_convolution(q, [100], ties)[0, 0, 0] == pytest.approx(expected, rel=1e-12)
    assert by_contour(q, 100, ties)[0, 0] == pytest.approx(expected, abs=1e-14)


# --- the two engines, checked against each other -----------------------------------------------------------------


@EVERY_TIE_RULE
@pytest.mark.parametrize("n_classes", [2, 10, 25])
def test_engines_agree(n_classes, ties):
    rng = np.random.default_rng(11)
    q = random_rows(rng, 12, n_classes)
    q[::5, : n_classes // 2] = 0
    q /= q.sum(axis=1, keepdims=True)
    ks = np.array([1, 2, 3, 10, 31, 80, 81, 200])
    every = by_convolution(q, np.arange(1, 201), ties)[..., ks - 1]
    few = by_convolution(q, ks, ties)
    contour = np.stack([by_contour(q, int(k), ties) for k in ks], axis=-1)
    np.testing.assert_allclose(few, every, rtol=1e-11, atol=1e-200)
    np.testing.assert_allclose(contour, every, rtol=0, atol=2e-13)


def test_largest_convolution_stays_in_range():
    q = np.array([[0.5, 0.3, 0.2], [1e-3, 0.999, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    convolved = by_convolution(q, [512], "random")[..., 0]
    np.testing.assert_allclose(convolved, by_contour(q, 512, "random"), rtol=0, atol=1e-13)


# --- closed forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 7, 30, 101, 1000, 10_000])
def test_flip_noise_is_a_binomial_tail(k):
    """Eq. 15: Q = sum over n > k/2 of binom(k, n) (1 - gamma)^n gamma^(k - n)."""
    gamma = np.array([0.0, 0.1, 0.45, 0.5, 0.6, 1.0])
    q = np.zeros((len(gamma), 5))
    q[:, 2], q[:, 3] = 1 - gamma, gamma
    np.testing.assert_allclose(
        plurality_probability(q, k, 2, ties="strict"), binom.sf(k // 2, k, 1 - gamma), rtol=0, atol=3e-13
    )


@pytest.mark.parametrize("k", [1, 10, 100, 3000])
def test_uniform_noise_at_rate_one_is_a_fair_draw(k):
    """Eq. 16 at gamma = 1: every class has the same q, so a random tie rule gives 1/L."""
    np.testing.assert_allclose(plurality_probability(np.full(10, 0.1), k), 0.1, rtol=0, atol=1e-13)


# --- properties ---------------------------------------------------------------------------------------------------

weights = hnp.arrays(np.float64, st.integers(1, 7), elements=st.floats(0, 1)).filter(lambda w: w.sum() > 1e-3)
sizes = st.integers(1, 120)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(weights, sizes)
def test_classes_share_the_win(w, k):
    q = w / w.sum()
    strict, lowest, shared = (plurality_probability(q, k, ties=ties) for ties in ("strict", "lowest", "random"))
    assert lowest.sum() == pytest.approx(1, abs=1e-12)
    assert shared.sum() == pytest.approx(1, abs=1e-12)
    assert (strict <= lowest + 1e-13).all()
    assert (strict <= shared + 1e-13).all()
    assert (lowest[:1] >= shared[:1] - 1e-13).all()
    for wins in (strict, lowest, shared):
        assert ((wins >= 0) & (wins <= 1)).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(weights, sizes, st.sampled_from(["strict", "random"]), st.randoms(use_true_random=False))
def test_the_order_of_competitors_does_not_matter(w, k, ties, random):
    order = list(range(1, len(w)))
    random.shuffle(order)
    q = w / w.sum()
    shuffled = q[[0, *order]]
    expected = plurality_probability(q, k, 0, ties=ties)
    assert plurality_probability(shuffled, k, 0, ties=ties) == pytest.approx(expected, abs=1e-13)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(weights, sizes, st.sampled_from(TIES), st.floats(0, 1))
def test_more_probability_wins_more_often(w, k, ties, gain):
    q = w / w.sum()
    more = (1 - gain) * q
    more[0] += gain
    assert plurality_probability(more, k, 0, ties=ties) >= plurality_probability(q, k, 0, ties=ties) - 1e-12


@EVERY_TIE_RULE
def test_one_draw_wins_with_its_probability(ties):
    q = random_rows(np.random.default_rng(2), 40, 6)
    np.testing.assert_allclose(plurality_probability(q, 1, ties=ties), q, rtol=1e-14)


@EVERY_TIE_RULE
def test_one_label_gives_its_column_of_every_label(ties):
    rng = np.random.default_rng(5)
    q = random_rows(rng, 40, 12)
    label = rng.integers(12, size=40)
    for k in (3, 60, 700):
        every = plurality_probability(q, k, ties=ties)
        one = plurality_probability(q, k, label, ties=ties)
        np.testing.assert_allclose(one, every[np.arange(40), label], rtol=0, atol=1e-13)


def test_shapes_follow_the_rows_and_the_order_of_k():
    q = random_rows(np.random.default_rng(1), 24, 4).reshape(2, 3, 4, 4)
    ks = [30, 1, 500, 30]
    every = plurality_probability(q, ks)
    assert every.shape == (2, 3, 4, 4, 4)
    np.testing.assert_array_equal(every[..., 0], every[..., 3])
    np.testing.assert_allclose(every[..., 1], q, rtol=1e-14)
    for column, k in enumerate(ks):
        np.testing.assert_allclose(plurality_probability(q, k), every[..., column], rtol=0, atol=1e-13)
    label = np.array([0, 3, 2, 1])
    assert plurality_probability(q, ks, label).shape == (2, 3, 4, 4)
    assert plurality_probability(q, 7, label).shape == (2, 3, 4)
    assert plurality_probability(q, 7, label[:, None][:3]).shape == (2, 3, 4)
    assert plurality_probability(q[0, 0, 0], 7, 2).shape == ()
    assert plurality_probability(q[0, 0, 0].tolist(), np.int64(7)).shape == (4,)


def test_no_rows_give_no_results():
    assert plurality_probability(np.zeros((0, 3)), [1, 2]).shape == (0, 3, 2)
    assert plurality_probability(np.zeros((0, 3)), 5, []).shape == (0,)


def test_rounding_of_the_row_sum_is_normalized_away():
    q = np.array([0.4, 0.35, 0.25])
    assert plurality_probability(q * (1 + 5e-5), 1000, 0) == pytest.approx(plurality_probability(q, 1000, 0), abs=1e-12)


@EVERY_TIE_RULE
@pytest.mark.parametrize(("n_classes", "k"), [(2, 10_000), (10, 10_000), (10_000, 50), (10_000, 1000), (1000, 10_000)])
def test_large_problems_stay_finite(n_classes, k, ties):
    rng = np.random.default_rng(k)
    wide = rng.dirichlet(np.full(n_classes, 1e3))
    wide[0] = 2 * wide.max()
    q = np.stack([wide / wide.sum(), rng.dirichlet(np.full(n_classes, 0.05)), np.eye(n_classes)[0]])
    wins = plurality_probability(q, k, 0, ties=ties)
    assert np.isfinite(wins).all()
    assert ((wins >= 0) & (wins <= 1)).all()
    assert wins[2] == 1


@pytest.mark.parametrize("ties", ["random", "lowest"])
def test_two_thousand_classes_share_the_win(ties):
    q = np.random.default_rng(0).dirichlet(np.ones(2000))
    assert plurality_probability(q, 200, ties=ties).sum() == pytest.approx(1, abs=1e-12)


# --- the pieces ---------------------------------------------------------------------------------------------------


def test_pmf_keeps_every_digit():
    import mpmath

    for n, mean in [(0, 3.0), (1, 1e-300), (15, 16.0), (16, 14.5), (300, 300.0), (10_000, 9_900.0), (4, 700.0)]:
        with mpmath.workdps(40):
            exact = float(mpmath.exp(-mpmath.mpf(mean)) * mpmath.mpf(mean) ** n / mpmath.factorial(n))
        assert poisson_pmf(n, mean) == pytest.approx(exact, rel=2e-13 if exact < 1e-100 else 2e-15)


def test_binomial_tail_is_exact():
    import mpmath

    for k, n, p in [
        (10, 6, 0.5),
        (1000, 501, 0.5),
        (10_000, 5001, 0.505),
        (10_000, 5001, 0.45),
        (7, 7, 0.3),
        (7, 0, 0.3),
    ]:
        with mpmath.workdps(40):
            exact = mpmath.fsum(
                mpmath.binomial(k, i) * mpmath.mpf(p) ** i * (1 - mpmath.mpf(p)) ** (k - i) for i in range(n, k + 1)
            )
        assert binomial_tail(n, k, p) == pytest.approx(float(exact), rel=1e-13)
    assert binomial_tail(3, 2, 0.5) == binomial_tail(1, 2, 0.0) == 0
    assert binomial_tail(2, 2, 1.0) == 1


@pytest.mark.parametrize("depth", [0, 1, 2, 9, 40, 99, 600, 9999])
def test_tie_nodes_integrate_every_power(depth):
    powers = np.unique(np.linspace(0, depth, 50).astype(int))
    nodes = tie_nodes("random", depth)
    here = slice(nodes.start[depth], nodes.start[depth] + nodes.n_nodes[depth])
    assert nodes.n_nodes[depth] == degree_needed(depth) // 2 + 1
    legendre = [nodes.weight[here] @ nodes.before[here] ** m for m in powers]
    np.testing.assert_allclose(legendre, 1 / (powers + 1), rtol=0, atol=5e-14)

    nodes, weight_of_one = inner_tie_nodes("random", depth)
    here = slice(nodes.start[depth], nodes.start[depth] + nodes.n_nodes[depth])
    lobatto = [nodes.weight[here] @ nodes.before[here] ** m + weight_of_one[depth] for m in powers if m > 0]
    if depth:
        np.testing.assert_allclose(lobatto, 1 / (powers[powers > 0] + 1), rtol=0, atol=5e-14)


# --- errors -------------------------------------------------------------------------------------------------------

Q = [[0.5, 0.5], [0.2, 0.8]]


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"q": [[0.5, 0.5], [0.5, 0.6]]}, ValueError, r"`q` rows must sum to 1.*row 1 sums to 1\.1.*Divide each row"),
        ({"q": [[0.5, np.nan]]}, ValueError, r"`q` must hold finite.*row 0 holds NaN"),
        ({"q": [[1.5, -0.5]]}, ValueError, r"`q` must not be negative; row 0 holds -0\.5"),
        ({"q": np.zeros((2, 0))}, ValueError, r"`q` must have shape .* at least one class; got \(2, 0\)"),
        ({"q": "softmax"}, TypeError, r"`q` must be an array of probabilities; got 'softmax'"),
        ({"k": 0}, ValueError, r"`k` must be at least 1; got 0"),
        ({"k": [3, -1]}, ValueError, r"`k` must be at least 1; got -1"),
        ({"k": 2.0}, TypeError, r"`k` must be an integer.*got 2\.0 of type float"),
        ({"k": True}, TypeError, r"`k` must be an integer.*got the boolean True"),
        ({"k": []}, ValueError, r"`k` must name at least one"),
        ({"label": 2}, ValueError, r"`label` must lie in 0\.\.1, `q` having 2 classes; got 2"),
        ({"label": [0, -1]}, ValueError, r"`label` must lie in 0\.\.1.*got -1"),
        ({"label": [0, 1, 0]}, ValueError, r"`label` must have.*leading shape \(2,\).*got shape \(3,\)"),
        ({"label": 0.0}, TypeError, r"`label` must be integers.*got dtype float64.*column in `q`"),
        ({"label": [True, False]}, TypeError, r"`label` must be integers.*got dtype bool"),
        ({"label": ["cat", "dog"]}, TypeError, r"`label` must be integers.*got dtype <U3"),
        ({"ties": "highest"}, ValueError, r"`ties` must be one of 'strict', 'random', 'lowest'; got 'highest'"),
    ],
)
def test_errors_name_the_cause_and_the_cure(kwargs, error, message):
    with pytest.raises(error, match=message):
        plurality_probability(**{"q": Q, "k": 3, **kwargs})
