"""Noise matrices go to cleanlab and back; cleanlab's own functions give and take the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labelnoise as ln
from labelnoise.diagnosis.cleanlab import from_cleanlab, to_cleanlab

MATRIX = np.array([[0.7, 0.3, 0.0], [0.1, 0.8, 0.1], [0.0, 0.4, 0.6]])
PRIORS = np.array([0.5, 0.3, 0.2])


@pytest.fixture(scope="module")
def algebra():
    """Module of cleanlab with the formulas of its matrices."""
    return pytest.importorskip("cleanlab.internal.latent_algebra", reason="needs the package `cleanlab`")


@pytest.fixture(scope="module")
def labels():
    """True and given codes of 20,000 samples, noisy as `MATRIX` says, and probabilities that know the true class."""
    rng = np.random.default_rng(0)
    true = rng.choice(3, 20_000, p=PRIORS)
    label = (rng.random(len(true))[:, None] > MATRIX[true].cumsum(axis=1)).sum(axis=1)
    return true, label, 0.05 + 0.85 * np.eye(3)[true]


@st.composite
def noise(draw):
    """A row-stochastic matrix, in which each label is most often right, and class priors."""
    n = draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return 0.6 * np.eye(n) + 0.4 * rng.dirichlet(np.ones(n), n), rng.dirichlet(5 * np.ones(n))


@given(noise())
def test_every_matrix_comes_back(matrix_and_priors):
    matrix, priors = matrix_and_priors
    there = to_cleanlab(matrix, priors)
    for back in (
        from_cleanlab(noise_matrix=there.noise_matrix, py=there.py),
        from_cleanlab(inverse_noise_matrix=there.inverse_noise_matrix, ps=there.ps),
        from_cleanlab(joint=there.joint),
        from_cleanlab(joint=there.joint * 50_000),
    ):
        np.testing.assert_allclose(back[0], matrix, atol=1e-12)
        np.testing.assert_allclose(back[1], priors, atol=1e-12)


def test_each_entry_is_the_probability_that_its_place_says(labels):
    true, label, _ = labels
    there = to_cleanlab(MATRIX, PRIORS)
    for s in range(3):
        assert there.ps[s] == pytest.approx(np.mean(label == s), abs=0.01)
        for y in range(3):
            assert there.noise_matrix[s, y] == pytest.approx(np.mean(label[true == y] == s), abs=0.02)
            assert there.inverse_noise_matrix[y, s] == pytest.approx(np.mean(true[label == s] == y), abs=0.02)
            assert there.joint[s, y] == pytest.approx(np.mean((label == s) & (true == y)), abs=0.01)


@given(noise())
def test_cleanlab_computes_the_same_matrices(algebra, matrix_and_priors):
    matrix, priors = matrix_and_priors
    there = to_cleanlab(matrix, priors)
    inverse = algebra.compute_inv_noise_matrix(there.py, there.noise_matrix)
    np.testing.assert_allclose(inverse, there.inverse_noise_matrix, atol=1e-9)
    py, again = algebra.compute_py_inv_noise_matrix(there.ps, there.noise_matrix)
    np.testing.assert_allclose(py, priors, atol=1e-9)
    np.testing.assert_allclose(again, there.inverse_noise_matrix, atol=1e-9)
    back = algebra.compute_noise_matrix_from_inverse(there.ps, there.inverse_noise_matrix)
    np.testing.assert_allclose(back, there.noise_matrix, atol=1e-9)


def test_estimates_of_cleanlab_become_the_transition_matrix(algebra, labels):
    from cleanlab import count

    _, label, pred_probs = labels
    confident_joint = count.compute_confident_joint(label, pred_probs)
    py, noise_matrix, inverse = count.estimate_latent(confident_joint, label)
    ps = np.bincount(label) / len(label)
    for matrix, priors in (
        from_cleanlab(noise_matrix=noise_matrix, py=py),
        from_cleanlab(inverse_noise_matrix=inverse, ps=ps),
        from_cleanlab(joint=confident_joint),
        from_cleanlab(joint=count.estimate_joint(label, pred_probs, confident_joint=confident_joint)),
    ):
        np.testing.assert_allclose(matrix, MATRIX, atol=0.02)
        np.testing.assert_allclose(priors, PRIORS, atol=0.01)
        assert ln.MatrixNoise(matrix).matrix(3) == pytest.approx(matrix)


def test_cleanlab_takes_the_joint(algebra, labels):
    from cleanlab.dataset import find_overlapping_classes
    from cleanlab.filter import find_label_issues

    true, label, pred_probs = labels
    there = to_cleanlab(MATRIX, PRIORS)
    worst = find_overlapping_classes(labels=label, joint=there.joint, num_examples=len(label)).iloc[0]
    assert {worst["Class Index A"], worst["Class Index B"]} == {0, 1}
    assert worst["Joint Probability"] == pytest.approx(PRIORS[0] * 0.3 + PRIORS[1] * 0.1)
    issues = find_label_issues(
        label, pred_probs, confident_joint=there.joint * len(label), filter_by="prune_by_noise_rate", n_jobs=1
    )
    assert np.mean(issues == (true != label)) > 0.95


def test_a_class_without_samples_keeps_its_label():
    there = to_cleanlab([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.5, 0.5, 0.0]], [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(there.inverse_noise_matrix[:, 2], [0, 0, 1])
    matrix, priors = from_cleanlab(joint=there.joint)
    np.testing.assert_array_equal(matrix[2], [0, 0, 1])
    np.testing.assert_allclose(priors, [0.5, 0.5, 0.0])


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({}, TypeError, "got none of them"),
        ({"noise_matrix": MATRIX.T}, TypeError, "`noise_matrix` with `py`.*got `noise_matrix`"),
        ({"noise_matrix": MATRIX.T, "ps": PRIORS}, TypeError, "got `noise_matrix`, `ps`"),
        ({"joint": MATRIX, "noise_matrix": MATRIX.T, "py": PRIORS}, TypeError, "got `noise_matrix`, `joint`, `py`"),
        (
            {"noise_matrix": MATRIX, "py": PRIORS},
            ValueError,
            "columns must sum to 1, .*rows that sum to 1. Pass its tr",
        ),
        ({"noise_matrix": MATRIX.T * 2, "py": PRIORS}, ValueError, r"`noise_matrix.T` rows must sum to 1"),
        ({"noise_matrix": MATRIX.T, "py": PRIORS[:2] * 1.25}, ValueError, "one probability per class, 3; got"),
        ({"inverse_noise_matrix": MATRIX.T[:2], "ps": PRIORS}, ValueError, "must be a square matrix.*got shape"),
        ({"joint": -MATRIX}, ValueError, "none negative; it holds -0.7"),
        ({"joint": np.zeros((2, 2))}, ValueError, "all its entries are 0"),
        ({"joint": [[0.5, np.nan], [0.2, 0.3]]}, ValueError, "must hold finite numbers"),
    ],
)
def test_what_is_no_matrix_of_cleanlab_is_refused(given, error, says):
    with pytest.raises(error, match=says):
        from_cleanlab(**given)


def test_what_is_no_transition_matrix_is_refused():
    with pytest.raises(ValueError, match=r"`transition_matrix` rows must sum to 1.* Pass its transpose"):
        to_cleanlab(MATRIX.T, PRIORS)
    with pytest.raises(ValueError, match="`class_priors` must hold one probability per class, 3"):
        to_cleanlab(MATRIX, [0.5, 0.5])
