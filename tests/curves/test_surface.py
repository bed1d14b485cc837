"""Accuracy over noise rate and concentration: equal to the curves it is made of, and monotone where it must be."""

from __future__ import annotations

import numpy as np
import pytest

import labelnoise as ln

RATES, RHOS = [0.0, 0.1, 0.3, 0.45, 0.6, 1.0], [0.0, 0.05, 0.3, 0.8, 1.0]


@pytest.mark.parametrize("model", ["finite", "iid"])
@pytest.mark.parametrize("noise", [ln.UniformNoise(), ln.FlipNoise()], ids=["uniform", "flip"])
def test_every_column_is_the_curve_at_its_concentration(digits, noise, model):
    _, labels, _, truth, hoods = digits
    arguments = (hoods, labels, truth, noise, RATES, [9, 20])
    surface = ln.accuracy_surface(ln.predict_knn(*arguments, model=model), RHOS, 20)
    for column, rho in enumerate(RHOS):
        curve = ln.predict_knn(*arguments, model=model, concentration=rho)
        np.testing.assert_allclose(surface.accuracy[:, column], curve.accuracy[:, 1], atol=1e-12)


def test_from_predicted_probabilities_at_large_k():
    clean = np.random.default_rng(0).dirichlet(np.ones(5) * 0.2, size=60)
    labels = clean.argmax(axis=1)
    arguments = (clean, labels, ln.UniformNoise(), [0.0, 0.5, 0.9], 150)
    surface = ln.accuracy_surface(ln.accuracy_curve(*arguments), [0.0, 0.2, 1.0])
    for column, rho in enumerate([0.0, 0.2, 1.0]):
        expected = ln.accuracy_curve(*arguments, concentration=rho).accuracy[:, 0]
        np.testing.assert_allclose(surface.accuracy[:, column], expected, atol=1e-11)


def test_tolerance_falls_with_concentration():
    curve = ln.accuracy_curve(np.eye(10), np.arange(10), ln.UniformNoise(), np.linspace(0, 1, 41), 30)
    tolerance = ln.accuracy_surface(curve, np.linspace(0, 1, 6)).tolerance(0.9)
    assert (np.diff(tolerance) < 0).all()
    assert tolerance[-1] == pytest.approx(0.1 / 0.9, abs=0.01)  # 1 - gamma + gamma / 10 = 0.9


def test_tipping_rates_are_where_the_probability_is_one_half(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), [0.0, 0.5], 15)
    tipping = curve.tipping_rates()
    clean = curve.per_sample(0.0)
    assert np.isnan(tipping[clean < 0.5]).all()
    some = np.flatnonzero(clean == 1)[:20]
    for sample in some:
        assert curve.per_sample(float(tipping[sample]))[sample] == pytest.approx(0.5, abs=0.01)
    uniform = ln.predict_knn(hoods, labels, truth, ln.UniformNoise(), [0.0, 0.5], 15)
    assert np.nanmedian(uniform.tipping_rates()) > np.nanmedian(tipping) + 0.2


def test_bad_input(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), [0.0, 0.5], [3, 5])
    with pytest.raises(ValueError, match="`k` must be one of the curve's"):
        ln.accuracy_surface(curve, [0.0])
    with pytest.raises(ValueError, match="`concentrations` must lie in"):
        ln.accuracy_surface(curve, [0.0, 1.5], 3)
    with pytest.raises(ValueError, match="`target` must lie in"):
        ln.accuracy_surface(curve, [0.0], 3).tolerance(90)
    with pytest.raises(ValueError, match="`concentrations` must be one number or a non-empty sequence"):
        ln.accuracy_surface(curve, [], 3)
    measured = ln.simulate_knn(hoods, labels, truth, ln.FlipNoise(), [0.0], 3, repeats=1)
    with pytest.raises(ValueError, match="must be predicted"):
        ln.accuracy_surface(measured, [0.0])


def test_frame_and_picture(digits):
    _, labels, _, truth, hoods = digits
    curve = ln.predict_knn(hoods, labels, truth, ln.FlipNoise(), [0.0, 0.25, 0.5], 5)
    surface = ln.accuracy_surface(curve, [0.0, 0.5, 1.0])
    frame = surface.to_frame()
    assert len(frame) == 9
    assert frame["accuracy"].tolist() == surface.accuracy.ravel().tolist()
    assert "concentration" in surface.plot().get_ylabel()
    assert "3 noise rates x 3 concentrations" in repr(surface)
