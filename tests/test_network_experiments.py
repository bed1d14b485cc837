"""Studies of networks on digits: nothing is trained twice, regions are what they say, and what comes out is right."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

import labelnoise as ln
from labelnoise.data import load_digits
from labelnoise.effective import effective_neighborhood
from labelnoise.experiments import networks
from labelnoise.experiments.network_regions import ClassClusters, region_study
from labelnoise.experiments.networks import SweepSpecification, family_figure, network_sweep
from labelnoise.training import preset

QUICK = preset("digits", epochs=3, batch_size=32, device="cpu", precision="float32")
SWEEP = SweepSpecification(noise=ln.FlipNoise(), noise_rates=(0.0, 0.6), training=QUICK, repeats=2)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # small images: more threads only wait for each other
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def images():
    return load_digits()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture(scope="module")
def sweep(images, folder):
    return network_sweep(*images, SWEEP, folder)


@pytest.fixture
def trainings(monkeypatch):
    """The trainings that really take place, by their seeds."""
    seeds = []
    train = networks.train

    def counted(images, labels, specification, **options):
        seeds.append(specification.seed)
        return train(images, labels, specification, **options)

    monkeypatch.setattr(networks, "train", counted)
    return seeds


class TestSweep:
    def test_what_comes_out(self, sweep, images, folder):
        frame = sweep.to_frame()
        assert frame[["noise_rate", "repeat"]].to_numpy().tolist() == [[0.0, 0], [0.0, 1], [0.6, 0], [0.6, 1]]
        assert sweep.noise_rates.tolist() == [0.0, 0.6]
        assert sweep.accuracy == pytest.approx(frame.groupby("noise_rate")["test_accuracy"].mean().to_numpy())
        assert sweep.std == pytest.approx(frame.groupby("noise_rate")["test_accuracy"].std().to_numpy())
        assert frame["changed_rate"].round(2).tolist() == [0, 0, 0.6, 0.6]
        assert frame["seed"].nunique() == 4
        assert sweep.accuracy[0] > 0.85
        assert sweep.accuracy[1] < 0.4  # past the breaking point of flip noise
        # the clean distribution is the softmax of the first clean training
        truth = images[1].labels
        assert np.mean(sweep.pred_probs.argmax(1) == truth) == frame["test_accuracy"][0]
        assert sorted(path.name for path in folder.iterdir()) == [
            f"flip-{rate}-{repeat}.npz" for rate in ("0", "0.6") for repeat in (0, 1)
        ]

    def test_goes_on_where_it_was_left(self, sweep, images, folder, trainings, tmp_path):
        for path in sorted(folder.iterdir())[:3]:
            (tmp_path / path.name).write_bytes(path.read_bytes())
        again = network_sweep(*images, SWEEP, tmp_path)
        assert trainings == [SWEEP.seed(0.6, 1)]
        assert np.array_equal(again.runs, sweep.runs)
        network_sweep(*images, SWEEP, tmp_path)
        assert len(trainings) == 1

    def test_levels_can_be_added_in_any_order(self, sweep, images, folder, trainings):
        fewer = dataclasses.replace(SWEEP, noise_rates=(0.6, 0.0), repeats=1)
        again = network_sweep(*images, fewer, folder)
        assert trainings == []
        assert again.runs[:, 0].tolist() == sweep.runs[::-1, 0].tolist()
        assert np.array_equal(again.pred_probs, sweep.pred_probs)
        assert np.isnan(again.std).all()

    def test_another_specification_is_refused(self, sweep, images, folder):
        longer = dataclasses.replace(SWEEP, training=dataclasses.replace(QUICK, epochs=4))
        with pytest.raises(ValueError, match="same specification and data"):
            network_sweep(*images, longer, folder)
        train_set, test_set = images
        other = dataclasses.replace(train_set, images=train_set.images[:, ::-1])
        with pytest.raises(ValueError, match="same specification and data"):
            network_sweep(other, test_set, SWEEP, folder)

    def test_a_damaged_file_is_refused(self, sweep, images, folder, tmp_path):
        path = tmp_path / "flip-0-0.npz"
        path.write_bytes((folder / path.name).read_bytes()[:-50])
        with pytest.raises(ValueError, match="truncated, damaged or something else"):
            network_sweep(*images, SWEEP, tmp_path)

    def test_effective_neighborhood_takes_it(self, sweep, images):
        found = effective_neighborhood(sweep, sweep.pred_probs, images[1].labels, ln.FlipNoise(), ks=range(1, 40))
        assert found.measured == pytest.approx(sweep.accuracy)
        assert 1 <= found.k < 40

    def test_figure(self, sweep, images, tmp_path):
        predicted = ln.accuracy_curve(sweep.pred_probs, images[1].labels, ln.FlipNoise(), [0, 0.3, 0.6], [5, 30])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure = family_figure(predicted, sweep, title="Flip noise", data="digits")
            figure.savefig(tmp_path / "family.png")
        (ax,) = figure.axes
        (points,) = ax.containers
        assert points.lines[0].get_ydata().tolist() == sweep.accuracy.tolist()
        assert [line.get_ydata().tolist() for line in ax.lines[:2]] == predicted.accuracy.T.tolist()
        assert "of 2 trainings" in figure.get_supxlabel()

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"noise_rates": (0.1, 0.1)}, "distinct"),
            ({"noise_rates": (10.0,)}, "percentage"),
            ({"repeats": 0}, "at least 1"),
        ],
    )
    def test_bad_specification(self, changes, message):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(SWEEP, **changes)


@pytest.fixture(scope="module")
def blobs():
    """Two classes of four blobs each, a quarter of the class in each."""
    rng = np.random.default_rng(0)
    centres = 20 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    blob = np.tile(np.repeat(np.arange(4), 25), 2)
    codes = np.repeat([0, 1], 100)
    return centres[blob] + rng.normal(size=(200, 2)), codes, blob


class TestClassClusters:
    def test_a_whole_blob_of_every_class(self, blobs):
        features, codes, blob = blobs
        clusters = ClassClusters.fit(features, codes, 0.25, seed=3)
        inside = clusters.contain(features, codes)
        for code in (0, 1):
            chosen = np.unique(blob[(codes == code) & inside])
            assert len(chosen) == 1
            assert np.array_equal(inside[codes == code], blob[codes == code] == chosen[0])

    def test_further_samples_go_to_the_nearest_centre(self, blobs):
        features, codes, _ = blobs
        clusters = ClassClusters.fit(features, codes, 0.25, seed=3)
        rng = np.random.default_rng(1)
        further, of = rng.uniform(-10, 30, (50, 2)), rng.integers(2, size=50)
        expected = [
            np.argmin(((clusters.fitted[code].cluster_centers_ - x) ** 2).sum(1)) == clusters.chosen[code]
            for x, code in zip(further, of, strict=True)
        ]
        assert clusters.contain(further, of).tolist() == expected

    def test_the_rule_is_that_of_the_placement(self, digits):
        features, labels, *_ = digits
        clusters = ClassClusters.fit(features, labels, 0.25, seed=7)
        placed = ln.corrupt(
            labels, ln.FlipNoise.opposite(10), 0.25, placement=ln.KMeansCluster(), features=features, random_state=7
        )
        assert np.array_equal(clusters.contain(features, labels), placed.selected)
        assert all(isinstance(k_means, KMeans) and k_means.n_clusters == 4 for k_means in clusters.fitted)


@pytest.fixture(scope="module")
def study(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("regions")
    return region_study(*images, dataclasses.replace(QUICK, epochs=6), folder), folder


class TestRegionStudy:
    def test_what_comes_out(self, study, images):
        found, _ = study
        truth, row = images[1].labels, found.to_frame().iloc[0]
        inside, (pred_probs,) = found.in_noisy_region[0], found.pred_probs
        correct = pred_probs.argmax(1) == truth
        assert row["overall"] == pytest.approx(correct.mean())
        assert row["clean_region"] == pytest.approx(correct[~inside].mean())
        assert row["noisy_region"] == pytest.approx(correct[inside].mean())
        follows = pred_probs.argmax(1)[inside] == (truth[inside] + 5) % 10
        assert row["noisy_region_follows"] == pytest.approx(follows.mean())
        assert row["n_clean_region"] + row["n_noisy_region"] == len(truth)
        assert row["noise_rate"] == pytest.approx(0.25, abs=0.03)
        assert row["expected"] == 1 - row["noise_rate"]

    def test_noise_hurts_where_it_is(self, study):
        row = study[0].to_frame().iloc[0]
        assert row["clean_region"] > row["noisy_region"] + 0.2
        assert row["overall"] < row["clean_training"] - 0.1

    def test_nothing_is_trained_twice(self, study, images, trainings):
        found, folder = study
        again = region_study(*images, dataclasses.replace(QUICK, epochs=6), folder)
        assert trainings == []
        assert again.records == found.records

    def test_a_class_too_small(self, images, tmp_path):
        with pytest.raises(ValueError, match=r"at least 200 training samples .* class \d has 1"):
            region_study(*images, QUICK, tmp_path, noise_rate=0.005)

    @pytest.mark.parametrize("rate", [0.0, 1.0])
    def test_bad_rate(self, images, tmp_path, rate):
        with pytest.raises(ValueError, match="both excluded"):
            region_study(*images, QUICK, tmp_path, noise_rate=rate)
