"""Samples in two dimensions: where they are, and of which samples."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

import labelnoise as ln
from labelnoise.diagnosis import embedding
from labelnoise.diagnosis.embedding import embed, embedding_table


@pytest.fixture(scope="module")
def found():
    return ln.diagnose(load_digits().target[:300], features=load_digits().data[:300], random_state=0)


def test_classes_that_the_features_tell_apart_lie_apart():
    data, target = load_digits(n_class=5, return_X_y=True)
    places = embed(data[:300], seed=0)
    assert places.shape == (300, 2)
    near = KNeighborsClassifier(6).fit(places, target[:300]).score(places, target[:300])
    assert near > 0.95


def test_few_samples_lie_at_their_principal_components():
    values = np.random.default_rng(0).standard_normal((20, 6))
    centered = (values - values.mean(axis=0)) / values.std()
    places = embed(values, seed=0)
    _, scale, axes = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(np.abs(places), np.abs(centered @ axes[:2].T), atol=1e-8)
    assert np.ptp(places[:, 0]) > 0
    assert scale[0] >= scale[1]


@pytest.mark.parametrize("values", [np.ones((40, 1)), np.zeros((40, 5)), np.arange(3.0)[:, None]])
def test_values_without_two_dimensions_have_places_too(values):
    places = embed(values, seed=0)
    assert places.shape == (len(values), 2)
    assert np.isfinite(places).all()


def test_each_sample_has_a_place_and_the_seed_gives_it_again(found):
    table = embedding_table(found)
    assert table["index"].tolist() == list(range(300))
    np.testing.assert_array_equal(table.to_numpy(), embedding_table(found).to_numpy())


def test_of_many_samples_some_are_drawn_with_their_rows(found, monkeypatch):
    monkeypatch.setattr(embedding, "MOST_SAMPLES", 50)
    rows = embedding_table(found)["index"].to_numpy()
    assert len(np.unique(rows)) == 50
    assert rows.max() > 150
    assert (np.diff(rows) > 0).all()


def test_without_features_samples_are_placed_by_their_probabilities():
    labels = load_digits().target[:200]
    probabilities = np.full((200, 10), 0.02)
    probabilities[np.arange(200), labels] = 0.82
    found = ln.diagnose(labels, pred_probs=probabilities, random_state=0)
    places = embedding_table(found)[["x", "y"]].to_numpy()
    assert KNeighborsClassifier(6).fit(places, labels).score(places, labels) > 0.95
