"""The contour engine against the convolution, over rows that are hard for one of its shortcuts, and its parts."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from helpers.reference import plurality_fixed_point
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from labelnoise.compiled import compiled
from labelnoise.plurality.bounds import few, first_relevant, freezing_point, hopeless, many
from labelnoise.plurality.closed_forms import add_binomial_tails, one_competitor
from labelnoise.plurality.competitors import list_competitors, room_for_competitors
from labelnoise.plurality.contour import WIDE, contour_plurality
from labelnoise.plurality.convolution import convolution_plurality
from labelnoise.plurality.plan import k_ranges, plan
from labelnoise.plurality.probability import plurality_of_blocks, plurality_probability
from labelnoise.plurality.small_classes import HIGHEST_POWER, log_coefficients, power_sums, radii
from labelnoise.validation import TIES
from labelnoise.vectors import add_up, cos_sin, divide, exp, fill, fill_from, load, maximum, minimum, store

EVERY_TIE_RULE = pytest.mark.parametrize("ties", TIES)


def rows_of(n_classes):
    """Rows between one-hot and uniform, with and without a common background, and exact and near ties."""
    rng = np.random.default_rng(n_classes)
    uniform = np.full(n_classes, 1 / n_classes)
    rows = [row for c in (0.003, 0.1, 1, 1e3) for row in rng.dirichlet(np.full(n_classes, c), size=2)]
    rows += [0.6 * rows[0] + 0.4 * uniform, 0.1 * rows[0] + 0.9 * uniform, uniform]
    rows += [uniform * (1 + 1e-9 * rng.standard_normal(n_classes))]
    two = np.zeros(n_classes)
    two[[0, -1]] = 0.5
    rows += [two, 0.999 * two + 0.001 * uniform, 0.3 * two + 0.7 * uniform]
    geometric = 0.5 ** np.arange(n_classes)
    rows += [geometric, geometric[::-1], np.sqrt(geometric)]
    powers = 1 / np.arange(1, n_classes + 1)
    rows += [powers, powers**2, np.maximum(powers**2, 1e-4)]
    rows = np.array(rows)
    return rows / rows.sum(axis=1, keepdims=True)


def labels_of(q):
    """The most probable class, and another one: often a hopeless one, sometimes a strong one."""
    return np.stack([q.argmax(axis=1), np.arange(len(q)) % q.shape[1]], axis=1)


@EVERY_TIE_RULE
@pytest.mark.parametrize(
    ("n_classes", "ks"),
    [
        (2, [1, 2, 7, 60, 500]),
        (WIDE, [1, 2, 3, 10, 31, 100, 300]),
        (WIDE + 1, [1, 2, 3, 10, 31, 100, 300]),
        (150, [2, 5, 20, 80, 150]),
        (1000, [1, 3, 10, 30, 60]),
    ],
)
def test_the_contour_agrees_with_the_convolution(n_classes, ks, ties):
    q = rows_of(n_classes)
    labels = labels_of(q)
    if n_classes == 1000:
        q, labels = q[::3], labels[::3]
    expected = convolution_plurality(q, labels, np.array(ks), ties)
    one_by_one = [contour_plurality(q, labels, np.array([k]), ties)[..., 0] for k in ks]
    np.testing.assert_allclose(np.stack(one_by_one, axis=-1), expected, rtol=0, atol=1e-12)


@EVERY_TIE_RULE
@pytest.mark.parametrize("n_classes", [3, WIDE + 8])
def test_k_that_share_points_agree_with_the_convolution(n_classes, ties):
    q, ks = rows_of(n_classes), np.arange(1, 91)
    assert len(k_ranges(ks)) < 5
    labels = labels_of(q)
    expected = convolution_plurality(q, labels, ks, ties)
    np.testing.assert_allclose(contour_plurality(q, labels, ks, ties), expected, rtol=0, atol=1e-12)


@EVERY_TIE_RULE
@pytest.mark.parametrize(("n_classes", "k"), [(3, 10_000), (50, 3000), (1000, 300), (1000, 10_000)])
def test_all_classes_share_the_win_of_many_draws(n_classes, k, ties):
    """Beyond the reach of the convolution: with random and lowest ties the probabilities of all classes sum to 1."""
    rng = np.random.default_rng(k)
    strong = rng.choice(n_classes, 3, replace=False)
    q = np.full(n_classes, 0.4 / n_classes)
    q[strong] += 0.2 * (1 + 0.02 * rng.standard_normal(3))
    q /= q.sum()
    wins = plurality_probability(q, k, ties=ties)
    if ties == "strict":
        assert (wins <= plurality_probability(q, k, ties="random") + 1e-13).all()
    else:
        assert wins.sum() == pytest.approx(1, abs=1e-12)


@EVERY_TIE_RULE
def test_a_uniform_row_agrees_with_high_precision(ties):
    """Every one of 40 classes is weak, and many tie."""
    q = np.full(40, 1 / 40)
    expected = float(plurality_fixed_point(q, 30, 17, ties))
    got = contour_plurality(q[None], np.array([[17]]), np.array([30]), ties)
    assert got[0, 0, 0] == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("n_classes", [40, 1000])
def test_exchangeable_classes_share_the_win_equally(n_classes):
    q = np.full((1, n_classes), 1 / n_classes)
    ks = np.array([1, 2, 5, 30, 300, 1500])
    wins = contour_plurality(q, np.array([[0, n_classes - 1]]), ks, "random")
    np.testing.assert_allclose(wins, 1 / n_classes, rtol=0, atol=1e-14)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(33, 80), st.floats(-3, 2), st.floats(0, 1), st.integers(1, 60), st.sampled_from(TIES), st.data())
def test_random_rows_agree_with_the_convolution(n_classes, log_concentration, background, k, ties, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    q = rng.dirichlet(np.full(n_classes, 10.0**log_concentration))
    q = ((1 - background) * q + background / n_classes)[None]
    labels = np.argsort(-q)[:, [0, 1, data.draw(st.integers(2, n_classes - 1))]]
    expected = convolution_plurality(q, labels, np.array([k]), ties)
    np.testing.assert_allclose(contour_plurality(q, labels, np.array([k]), ties), expected, rtol=0, atol=1e-12)


def test_rows_that_are_made_block_by_block_give_the_same():
    q = np.random.default_rng(0).dirichlet(np.full(50, 0.1), size=5000)
    labels, blocks = q.argmax(axis=1)[:, None], []

    def rows(block):
        blocks.append(block)
        return q[block]

    got = plurality_of_blocks(rows, labels, np.array([5, 300]), 50, "strict")
    assert len(blocks) > 1
    np.testing.assert_array_equal(got, contour_plurality(q, labels, np.array([5, 300]), "strict"))


# --- the parts ----------------------------------------------------------------------------------------------------


@compiled(error_model="numpy")
def _vector_functions(x, y, out):
    """Write what each function of `vectors` gives for the vectors x and y."""
    u, v = load(x, 0), load(y, 0)
    cosine, sine = cos_sin(u)
    store(out, 0, exp(u))
    store(out, 8, cosine)
    store(out, 16, sine)
    store(out, 24, minimum(u, v) - maximum(u, v))
    store(out, 32, divide(u, v) * fill(2.0) + fill_from(x, 3))
    return add_up(u)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 600.0])
def test_vector_functions_are_those_of_numpy(scale):
    rng = np.random.default_rng(3)
    x, y, out = scale * rng.uniform(-1, 1, 8), rng.uniform(1, 2, 8), np.empty(40)
    assert _vector_functions(x, y, out) == pytest.approx(x.sum(), abs=1e-13 * scale)
    np.testing.assert_allclose(out[:8], np.exp(x), rtol=5e-16)
    np.testing.assert_allclose(out[8:16], np.cos(x), rtol=0, atol=3e-16)
    np.testing.assert_allclose(out[16:24], np.sin(x), rtol=0, atol=3e-16)
    np.testing.assert_allclose(out[24:32], -np.abs(x - y), rtol=1e-15)
    np.testing.assert_allclose(out[32:], 2 * x / y + x[3], rtol=0, atol=1e-15 * scale)


@pytest.mark.parametrize("z", [0.0, 0.37, 1.0])
def test_the_logarithms_of_truncated_series_are_exact_and_bounded(z):
    coefficients, rho = np.zeros((HIGHEST_POWER + 1, HIGHEST_POWER + 1)), radii()
    log_coefficients(z, np.zeros(HIGHEST_POWER + 1), coefficients)
    with mpmath.workdps(60):
        for a in (1, 2, 3, 9, 30):
            series = [1 / mpmath.factorial(i) for i in range(a)] + [mpmath.mpf(z) / mpmath.factorial(a)]
            series += [mpmath.mpf(0)] * (HIGHEST_POWER + 1 - len(series))
            log = [mpmath.mpf(0)] * (HIGHEST_POWER + 1)
            for n in range(1, HIGHEST_POWER + 1):
                log[n] = (n * series[n] - sum(m * log[m] * series[n - m] for m in range(1, n))) / n
            log[1] -= 1  # The table leaves out the term x.
            for n in range(a, HIGHEST_POWER + 1):
                scale = mpmath.mpf(rho[a]) ** n
                assert abs(log[n] * scale) <= 1
                assert float(abs(log[n] - coefficients[a, n]) * scale) < 1e-15


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(1, 100), st.integers(1, 20), st.integers(0, 30))
def test_power_sums_are_sums_of_powers(n, first, more):
    values, sums = np.zeros(n + 32), np.full(52, np.nan)
    values[:n] = np.random.default_rng(n).random(n)
    power_sums(values, n, first, first + more, np.empty(8 * 52), sums)
    powers = np.arange(first, first + more + 1)
    np.testing.assert_allclose(sums[powers], (values[:n, None] ** powers).sum(axis=0), rtol=1e-13)


def test_points_of_a_plan_read_off_poisson_probabilities():
    """The mean of exp(theta (w - 1)) over the points, times w^-k, is Pr(Poisson(theta) = k); relative to it: 1."""
    tables = plan(tuple(range(1, 100)))
    for r, theta in enumerate(tables.theta):
        points = slice(tables.point_at[r], tables.point_at[r + 1])
        angle = theta * tables.sine[points]
        values = np.exp(theta * tables.cosine_minus_1[points]) * np.exp(1j * angle)
        values = values.reshape(1, -1, 8)
        readout = tables.readout[tables.readout_at[r] : tables.readout_at[r + 1]].reshape(-1, values.shape[1], 2, 8)
        ratio = (values.real * readout[:, :, 0] + values.imag * readout[:, :, 1]).sum(axis=(1, 2))
        np.testing.assert_allclose(ratio, 1, rtol=0, atol=1e-13)


@compiled()
def _bounds(a, k, entropy, q, p):
    """Return the bounds on Pr(n >= a) and Pr(n <= a), and where y, with probability q, matters against p."""
    y, other = (q, np.log(q), np.log1p(-q)), (p, np.log(p), np.log1p(-p))
    b = 36.0
    return (
        np.exp(-many(a, k, entropy, 0, *y)),
        np.exp(-few(a, k, entropy, 0, *y)),
        first_relevant(*y, *other, k, entropy, 0, True, b),
        freezing_point(*y, *other, k, entropy, 0, b, k),
        hopeless(q, p, k, b),
    )


@pytest.mark.parametrize("k", [5, 40, 300])
@pytest.mark.parametrize(("q", "p"), [(0.5, 0.3), (0.3, 0.5), (0.01, 0.02), (0.9, 0.05), (0.02, 0.9)])
def test_bounds_hold(k, q, p):
    entropy = plan((k,)).entropy[: k + 1]
    for a in range(k + 1):
        at_least, at_most, first, frozen, without_hope = _bounds(a, k, entropy, q, p)
        assert at_least >= binom.sf(a - 1, k, q) * (1 - 1e-12)
        assert at_most >= binom.cdf(a, k, q) * (1 - 1e-12)
    negligible = 1.001 * np.exp(-36.0)
    assert binom.cdf(first - 1, k, q) * binom.cdf(first - 2, k, p) <= negligible
    if frozen < k:
        assert binom.sf(frozen - 1, k, q) * binom.sf(frozen - 1, k, p) <= negligible
    if without_hope:
        a = np.arange(k + 1)
        p_given = p / (1 - q)
        assert np.sum(binom.pmf(a, k, q) * binom.cdf(a, k - a, p_given)) <= negligible


@compiled()
def _closed_forms(k, start, stop, q, p, tie, ks, inverse, tails):
    add_binomial_tails(ks, stop, q, np.log(q), inverse, tails)
    return one_competitor(k, start, stop, q, p, tie)


@pytest.mark.parametrize(("q", "p"), [(0.5, 0.3), (0.3, 0.7), (0.05, 0.06), (0.6, 0.4), (0.999, 1e-6)])
@pytest.mark.parametrize("tie", [0.0, 0.5, 1.0])
def test_one_competitor_has_a_closed_form(q, p, tie):
    k, start, stop = 60, 2, 25
    tails, ks = np.zeros(60), np.arange(1, 61)
    got = _closed_forms(k, start, stop, q, p, tie, ks, np.concatenate([[0.0], 1 / np.arange(1.0, 70)]), tails)
    a, p_given = np.arange(start, stop), min(1.0, p / (1 - q))
    wins = binom.pmf(a, k, q) * (binom.cdf(a - 1, k - a, p_given) + tie * binom.pmf(a, k - a, p_given))
    assert got == pytest.approx(wins.sum() + binom.sf(stop - 1, k, q), abs=1e-13)
    np.testing.assert_allclose(tails, binom.sf(stop - 1, ks, q), rtol=0, atol=1e-13)


@compiled()
def _listed(row, y, floor, cut, into):
    return list_competitors(row, y, floor, cut, into)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(2, 200), st.floats(0, 0.01), st.floats(0, 0.05), st.integers(0, 2**32))
def test_competitors_are_strong_weak_or_negligible(n_classes, floor, cut, seed):
    row = np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3))
    into, y = room_for_competitors(n_classes), n_classes // 2
    n, n_weak = _listed(row, y, floor, max(floor, cut), into)
    others = np.delete(row, y)
    relevant = np.sort(others[others > floor])[::-1]
    listed = np.concatenate([into.q[:n], np.sort(into.weak_q[:n_weak])[::-1]])
    np.testing.assert_array_equal(listed, relevant)
    for q, after in zip(into.q[:n], into.after[:n], strict=True):
        assert q in row[y + 1 :] if after else q in row[:y]
    np.testing.assert_allclose(into.log_rest[:n], np.log1p(-into.q[:n]), rtol=1e-12)


@pytest.mark.parametrize("ks", [[1], [5, 5000], list(range(1, 400)), [10, 30, 60, 100, 300]])
def test_ranges_of_k_hold_every_k_once_and_none_far_from_its_theta(ks):
    ranges = k_ranges(np.array(ks))
    np.testing.assert_array_equal(np.concatenate(ranges), ks)
    tables = plan(tuple(ks))
    for r, theta in enumerate(tables.theta):
        of_range = tables.k[tables.k_at[r] : tables.k_at[r + 1]]
        assert poisson.pmf(of_range, theta).min() > 0.02 * poisson.pmf(int(theta), theta)
