"""Runs: their identity, the input they refuse, and results like those of the library when called directly."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.artifacts import to_json
from labelnoise.curves.vote_models import FiniteVotes
from labelnoise.data import load_digits
from labelnoise.neighborhoods.given import as_neighbors
from labelnoise.neighborhoods.votes import label_histogram
from labelnoise.placement.graph import ClassBoundary, HubnessProportional, Patches
from labelnoise.studies.runs import (
    ConcentrationRun,
    DataSpecification,
    EmbeddingRun,
    NeighborsRun,
    RegionRun,
    TrainingRun,
    VotingRun,
    measured_curve,
)
from labelnoise.studies.runs import data as data_module
from labelnoise.studies.runs.concentration import _predictions
from labelnoise.sweeps.run import EXECUTION, RunResult, describe, run_id, specification_hash
from labelnoise.training import TrainingSpecification

DATA = DataSpecification(name="digits", n_train=300, n_test=100)
TRAINING = TrainingSpecification(
    network="digits_cnn", epochs=2, batch_size=32, selection="clean", device="cpu", precision="float32"
)
CLEAN = TrainingRun(data=DATA, training=TRAINING, keep_features=True)
NOISY = TrainingRun(data=DATA, training=TRAINING, noise=ln.FlipNoise(), noise_rate=0.3, noise_seed=5)
PLACED = replace(NOISY, placement=ln.KMeansCluster(), placed_by=CLEAN)
REGIONS = RegionRun(clean=CLEAN, training=TRAINING, noise_rate=0.5, keep_features=True)
NEIGHBORS = NeighborsRun(data=DATA, k=10)
VOTES = VotingRun(neighbors=NEIGHBORS, noise=ln.FlipNoise(), noise_rate=0.3, k=(5, 10), repeats=3, seed=7)
CONCENTRATION = ConcentrationRun(
    neighbors=NEIGHBORS,
    noises=(ln.FlipNoise(), ln.UniformNoise()),
    noise_rate=0.3,
    placements=(ln.Spread(), Patches(20)),
    k=10,
    draws=2,
)
EMBEDDING = EmbeddingRun(features_of=CLEAN, n_points=60, perplexity=10.0)
EVERY = [CLEAN, NOISY, PLACED, REGIONS, NEIGHBORS, VOTES, CONCENTRATION, EMBEDDING]


def of_training(specification):
    return TrainingRun(data=DATA, training=specification)


def with_data(data):
    return NeighborsRun(data=data, k=10)


OTHER_DATA = replace(DATA, seed=9)
FULL_TRAINING = replace(TRAINING, network="all_cnn", resize=64, crop=48, patience=5, momentum=0.8)
# Each entry holds a specification, how a run is made of it, and another value for every field.
CHANGES = [
    (DATA, with_data, {"name": "mnist", "n_train": 301, "n_test": None, "n_classes": 3, "streamed": True, "seed": 1}),
    (
        FULL_TRAINING,
        of_training,
        {
            "network": "mnist_cnn",
            "n_features": 32,
            "max_pool": 3,
            "epochs": 3,
            "batch_size": 33,
            "learning_rate": 0.02,
            "step_every": 4,
            "step_factor": 0.4,
            "warm_up": 0.2,
            "momentum": 0.9,
            "filter_rate": 0.1,
            "augmentation": "flip_shift",
            "reduced_share": 0.5,
            "weight_decay": 0.0,
            "batch_norm_decay": 0.9,
            "selection": "noisy",
            "test_every_epoch": True,
            "patience": None,
            "validation_share": 0.2,
            "normalization": "pixel",
            "resize": 65,
            "crop": 47,
            "seed": 1,
            "precision": "auto",
        },
    ),
    (
        PLACED,
        lambda run: run,
        {
            "data": OTHER_DATA,
            "training": replace(TRAINING, epochs=3),
            "noise": ln.UniformNoise(),
            "noise_rate": 0.31,
            "placement": ln.KMeansCluster(n_init=2),
            "placed_by": replace(CLEAN, training=replace(TRAINING, seed=1)),
            "noise_seed": 6,
            "keep_features": True,
        },
    ),
    (
        REGIONS,
        lambda run: run,
        {
            "clean": replace(CLEAN, data=OTHER_DATA),
            "training": replace(TRAINING, epochs=3),
            "noise_rate": 0.2,
            "cluster_seed": 1,
            "keep_features": False,
        },
    ),
    (NEIGHBORS, lambda run: run, {"data": OTHER_DATA, "k": 11, "features_of": CLEAN, "metric": "cosine"}),
    (
        VOTES,
        lambda run: run,
        {
            "neighbors": replace(NEIGHBORS, k=11),
            "noise": ln.UniformNoise(),
            "noise_rate": 0.31,
            "k": (5,),
            "placement": ln.KMeansCluster(),
            "ties": "lowest",
            "repeats": 4,
            "seed": 8,
        },
    ),
    (
        CONCENTRATION,
        lambda run: run,
        {
            "neighbors": replace(NEIGHBORS, k=11),
            "noises": (ln.FlipNoise(),),
            "noise_rate": 0.31,
            "placements": (ln.Spread(), Patches(21)),
            "k": 9,
            "draws": 3,
            "ties": "lowest",
            "seed": 1,
        },
    ),
    (
        EMBEDDING,
        lambda run: run,
        {"features_of": replace(CLEAN, data=OTHER_DATA), "n_points": 61, "perplexity": 11.0, "seed": 1},
    ),
]


class Room:
    """A workspace in a temporary folder, which performs a required run when its result is first asked for."""

    def __init__(self, folder):
        self.scratch, self._done = folder, {}

    def result(self, run) -> RunResult:
        key = run_id(run)
        if key not in self._done:
            (self.scratch / key).mkdir(parents=True)
            inner = Room(self.scratch / key)
            inner._done = self._done
            self._done[key] = run.perform(inner)
        return self._done[key]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    return Room(tmp_path_factory.mktemp("room"))


@pytest.fixture(scope="module")
def images():
    return DATA.load()


class TestIdentity:
    @pytest.mark.parametrize(
        ("specification", "made_of", "changes"), CHANGES, ids=[type(change[0]).__name__ for change in CHANGES]
    )
    def test_every_field_enters_except_those_of_execution(self, specification, made_of, changes):
        fields = {field.name for field in dataclasses.fields(specification)}
        assert fields - EXECUTION == set(changes)  # Add a new field here, or to EXECUTION.
        ids = {name: run_id(made_of(replace(specification, **{name: value}))) for name, value in changes.items()}
        ids["unchanged"] = run_id(made_of(specification))
        assert len(set(ids.values())) == len(ids)

    def test_the_device_does_not_enter(self):
        for run in (NOISY, CLEAN):
            elsewhere = replace(run, training=replace(TRAINING, device="auto"))
            assert run_id(elsewhere) == run_id(run)
            assert "device" not in describe(elsewhere)["training"]
        assert run_id(replace(REGIONS, clean=replace(CLEAN, training=replace(TRAINING, device="auto")))) == run_id(
            REGIONS
        )

    def test_required_runs_enter(self):
        """A changed setting of the first network in a chain of requirements changes every run of the chain."""
        other = replace(CLEAN, training=replace(TRAINING, learning_rate=0.02))

        def chain(network):
            found = replace(NEIGHBORS, features_of=network)
            return [
                replace(PLACED, placed_by=network),
                replace(REGIONS, clean=network),
                found,
                replace(VOTES, neighbors=found),
                replace(CONCENTRATION, neighbors=found),
                replace(EMBEDDING, features_of=network),
            ]

        ids = [run_id(run) for network in (CLEAN, other) for run in chain(network)]
        assert len(set(ids)) == 12

    def test_noise_enters_with_every_parameter(self):
        noises = [
            ln.UniformNoise(),
            ln.FlipNoise(),
            ln.FlipNoise.opposite(10),
            ln.MatrixNoise.random(10, random_state=0),
            ln.MatrixNoise.random(10, random_state=1),
            ln.MatrixNoise.two_alternatives(10),
        ]
        ids = [run_id(replace(VOTES, noise=noise)) for noise in noises]
        assert len(set(ids)) == len(ids)
        again = ln.MatrixNoise.random(10, random_state=0)  # This is another object with an equal matrix.
        assert run_id(replace(VOTES, noise=again)) == ids[3]

    def test_placements_enter_with_every_parameter(self):
        concentrated = ln.Concentrated(0.4)
        placements = [
            *(ln.Spread(), ln.Spread(exact=False)),
            *(ln.KMeansCluster(), ln.KMeansCluster(n_clusters=3), ln.KMeansCluster(tolerance=0.2)),
            *(ln.KMeansCluster(max_fits=3), ln.KMeansCluster(n_init=3)),
            *(concentrated, replace(concentrated, concentration=0.5), replace(concentrated, k=10)),
            *(replace(concentrated, n_queries=100), replace(concentrated, n_landmarks=100)),
            *(ClassBoundary(), ClassBoundary(k=5), ClassBoundary(floor=0.1)),
            *(HubnessProportional(), HubnessProportional(k=5), Patches(), Patches(5)),
        ]
        ids = [run_id(replace(VOTES, placement=placement)) for placement in placements]
        assert len(set(ids)) == len(ids)

    def test_none_counts_as_absent(self):
        """A field that is added later and is None by default does not change the hashes of earlier runs."""

        @dataclass(frozen=True)
        class Before:
            kind: ClassVar[str] = "toy"
            seed: int = 0

        @dataclass(frozen=True)
        class After:
            kind: ClassVar[str] = "toy"
            seed: int = 0
            patience: int | None = None

        assert run_id(After()) == run_id(Before())
        assert run_id(After(patience=3)) != run_id(Before())
        assert describe(DataSpecification(name="digits")) == {"name": "digits", "seed": 0}

    def test_false_counts_as_absent_for_images_on_disk(self):
        assert run_id(with_data(replace(DATA, streamed=False))) == run_id(with_data(DATA))

    def test_whole_numbers_count_as_floats(self):
        """1 and 1.0 are equal in Python, and mean the same on a command line."""
        for number in (0, 1, np.int64(1)):
            found, same = (replace(VOTES, noise_rate=rate) for rate in (number, float(number)))
            assert found == same
            assert run_id(found) == run_id(same)
        found, same = (of_training(replace(TRAINING, learning_rate=rate)) for rate in (1, 1.0))
        assert run_id(found) == run_id(same)

        @dataclass(frozen=True)
        class Several:
            kind: ClassVar[str] = "several"
            rates: tuple[float, ...] = (0.0, 0.5, 1.0)
            target: float | None = 1.0
            count: int = 1

        assert run_id(Several(rates=(0, 0.5, 1), target=1)) == run_id(Several())
        assert type(describe(Several())["count"]) is int

    def test_a_whole_description_has_every_field(self):
        found = describe(NOISY, whole=True)
        assert found.keys() == {"kind", *(field.name for field in dataclasses.fields(NOISY))}
        assert found["training"]["device"] == "cpu"
        assert found["training"]["patience"] is found["data"]["n_classes"] is found["noise"]["mapping"] is None

    def test_numpy_numbers_and_lists_count_as_plain_ones(self):
        same = replace(VOTES, noise_rate=np.float64(0.3), k=[np.int64(5), 10], repeats=np.int32(3))
        assert run_id(same) == run_id(VOTES)

    def test_kinds_of_runs_with_the_same_fields_differ(self):
        @dataclass(frozen=True)
        class First:
            kind: ClassVar[str] = "first"

        @dataclass(frozen=True)
        class Second:
            kind: ClassVar[str] = "second"

        assert run_id(First()) != run_id(Second())

    @pytest.mark.parametrize("run", EVERY, ids=lambda run: run.kind)
    def test_a_description_is_plain_and_survives_json(self, run):
        described = describe(run)
        assert described["kind"] == run.kind
        assert json.loads(to_json(described)) == described
        assert specification_hash(json.loads(to_json(described))) == run_id(run)
        assert len(run.label) < 200

    def test_the_format_of_the_hash(self):
        """If this fails, every stored run would be done again. If that is meant, raise `FORMAT` and change the hash."""
        assert describe(VOTES) == {
            "kind": "votes",
            "neighbors": {
                "kind": "neighbours",  # codespell:ignore neighbours
                "data": {"name": "digits", "n_train": 300, "n_test": 100, "seed": 0},
                "k": 10,
                "metric": "euclidean",
            },
            "noise": {"name": "flip"},
            "noise_rate": 0.3,
            "k": [5, 10],
            "placement": {"name": "spread", "exact": True},
            "ties": "random",
            "repeats": 3,
            "seed": 7,
        }
        assert run_id(VOTES) == "3995560ec4331f8761f59fbbc5654ed8"

    def test_another_process_finds_the_same_hash(self):
        code = (
            "from labelnoise.studies.runs import *; from labelnoise.sweeps.run import run_id; "
            "from labelnoise.training import TrainingSpecification; "
            "import labelnoise as ln; d = DataSpecification(name='digits', n_train=300, n_test=100); "
            "t = TrainingSpecification(network='digits_cnn', epochs=2, batch_size=32, selection='clean', "
            "precision='float32'); c = TrainingRun(data=d, training=t, keep_features=True); "
            "print(run_id(RegionRun(clean=c, training=t, noise_rate=0.5, keep_features=True)))"
        )
        other = {"0": "1"}.get(os.environ.get("PYTHONHASHSEED", ""), "0")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={**os.environ, "PYTHONHASHSEED": other},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == run_id(REGIONS)


@pytest.fixture
def uncached():
    """Clear what is kept of images and fingerprints, before the test and after it."""
    for kept in (data_module._load, data_module._digest):
        kept.cache_clear()
    yield
    for kept in (data_module._load, data_module._digest):
        kept.cache_clear()


class TestData:
    def test_subsets_are_reproducible_parts_of_the_whole(self, uncached):
        first = DATA.load()
        data_module._load.cache_clear()
        second = DATA.load()
        for part, again, whole, size in zip(first, second, load_digits(), (300, 100), strict=True):
            np.testing.assert_array_equal(part.images, again.images)
            np.testing.assert_array_equal(part.labels, again.labels)
            assert len(part) == size
            known = {(image.tobytes(), label) for image, label in zip(whole.images, whole.labels, strict=True)}
            assert {(image.tobytes(), label) for image, label in zip(part.images, part.labels, strict=True)} <= known
            assert part.classes == whole.classes

    def test_another_seed_draws_other_images(self):
        assert (DATA.load()[0].labels != OTHER_DATA.load()[0].labels).any()

    def test_without_a_size_all_images_are_used(self):
        train, test = DataSpecification(name="digits", n_train=300).load()
        assert (len(train), len(test)) == (300, len(load_digits()[1]))

    def test_n_classes_keeps_the_first_classes(self):
        train, test = DataSpecification(name="digits", n_classes=3).load()
        for part, whole in zip((train, test), load_digits(), strict=True):
            assert part.classes == ("0", "1", "2")
            np.testing.assert_array_equal(part.images, whole.images[whole.labels < 3])
            np.testing.assert_array_equal(part.labels, whole.labels[whole.labels < 3])
        some, _ = DataSpecification(name="digits", n_classes=3, n_train=50).load()
        assert len(some) == 50
        assert some.labels.max() < 3

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"n_train": 5000}, r"`n_train` must be at most 1347, the number of train images; got 5000"),
            ({"n_test": 451}, r"`n_test` must be at most 450, the number of test images; got 451"),
            ({"n_classes": 11}, r"`n_classes` must be at most 10, the number of classes; got 11"),
        ],
    )
    def test_sizes_above_what_the_data_has_are_refused(self, fields, message):
        with pytest.raises(ValueError, match=message):
            DataSpecification(name="digits", **fields).load()

    @pytest.mark.parametrize("name", ["n_train", "n_test", "n_classes"])
    def test_bad_counts_are_refused_at_once(self, name):
        for bad in (0, -1):
            with pytest.raises(ValueError, match=f"`{name}` must be at least 1; got {bad}"):
                DataSpecification(name="digits", **{name: bad})
        for bad in (1.5, "3", True):
            with pytest.raises(TypeError, match=f"`{name}` must be an integer"):
                DataSpecification(name="digits", **{name: bad})

    def test_a_bad_seed_is_refused_at_once(self):
        with pytest.raises(ValueError, match="must not be negative; got -1"):
            DataSpecification(name="digits", seed=-1)

    def test_the_digest_depends_on_every_pixel_and_label(self, uncached, monkeypatch):
        def changed(part, **where):
            def load():
                both = [replace(images, images=images.images.copy(), labels=images.labels.copy()) for images in whole]
                array = getattr(both[part], next(iter(where)))
                array.flat[next(iter(where.values()))] += 1
                return tuple(both)

            return load

        whole = load_digits()
        specification = DataSpecification(name="digits")
        digests = [specification.digest(), DATA.digest(), OTHER_DATA.digest()]
        for load in (changed(0, images=0), changed(1, images=-1), changed(0, labels=3), changed(1, labels=3)):
            monkeypatch.setattr(data_module, "load_digits", load)
            data_module._load.cache_clear()
            data_module._digest.cache_clear()
            digests.append(specification.digest())
        assert len(set(digests)) == len(digests)
        monkeypatch.undo()
        data_module._load.cache_clear()
        data_module._digest.cache_clear()
        assert specification.digest() == digests[0]


class TestBadInput:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"noise_rate": 0.3}, "`noise` must be None where, and only where, `noise_rate` is 0; got 0.3"),
            ({"noise": ln.FlipNoise()}, "`noise` must be None where, and only where, `noise_rate` is 0; got 0"),
            ({"noise": ln.FlipNoise(), "noise_rate": 1.5}, r"`noise_rate` must lie in \[0, 1\]; got 1.5"),
            (
                {"noise": ln.FlipNoise(), "noise_rate": 0.3, "placement": ln.KMeansCluster()},
                "`placed_by` must name a network for, and only for, a placement in features; got k-means cluster",
            ),
            (
                {"noise": ln.FlipNoise(), "noise_rate": 0.3, "placed_by": CLEAN},
                "`placed_by` must name a network for, and only for, a placement in features; got spread",
            ),
            (
                {
                    "noise": ln.FlipNoise(),
                    "noise_rate": 0.3,
                    "placement": ln.KMeansCluster(),
                    "placed_by": replace(CLEAN, keep_features=False),
                },
                "must keep them; digits_cnn on digits .* does not",
            ),
        ],
    )
    def test_fields_of_trainings_must_go_together(self, fields, message):
        with pytest.raises(ValueError, match=message):
            TrainingRun(data=DATA, training=TRAINING, **fields)

    def test_noise_must_be_a_noise_model(self):
        with pytest.raises(TypeError, match="`noise` must be UniformNoise"):
            replace(NOISY, noise="flip")

    @pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 1.5, float("nan")])
    def test_noise_rates_of_regions_lie_between_0_and_1(self, rate):
        with pytest.raises(ValueError, match="`noise_rate` must lie"):
            replace(REGIONS, noise_rate=rate)

    def test_a_map_needs_more_points_than_its_perplexity(self):
        with pytest.raises(ValueError, match="`perplexity` must be positive and less than `n_points`, 10; got 10"):
            replace(EMBEDDING, n_points=10)

    def test_regions_need_features(self):
        with pytest.raises(ValueError, match="must keep them"):
            replace(REGIONS, clean=replace(CLEAN, keep_features=False))


class TestTraining:
    def test_a_clean_training_keeps_labels_and_features(self, room, images):
        found, (train, test) = room.result(CLEAN), images
        probs = found.arrays["pred_probs"]
        assert probs.shape == (100, 10)
        np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)
        assert found.record["test_accuracy"] == pytest.approx((probs.argmax(axis=1) == test.labels).mean())
        assert found.record["test_accuracy"] > 0.5
        assert found.record["noise_rate"] == found.record["changed_rate"] == 0
        assert found.record["data"] == DATA.digest()
        assert found.record["epochs"] == 2
        np.testing.assert_array_equal(found.arrays["noisy_labels"], train.labels)
        assert not found.arrays["selected"].any()
        assert found.arrays["features"].shape == (300, 64)
        assert found.arrays["test_features"].shape == (100, 64)
        json.loads(to_json(found.record))

    def test_noisy_labels_are_those_of_corrupt(self, room, images):
        train, _ = images
        for run, features in ((NOISY, None), (PLACED, room.result(CLEAN).arrays["features"])):
            given = run.given_labels(room)
            expected = ln.corrupt(
                train.labels, ln.FlipNoise(), 0.3, placement=run.placement, features=features, random_state=5
            )
            np.testing.assert_array_equal(given.labels, expected.labels)
            np.testing.assert_array_equal(given.arrays["selected"], expected.selected)
            assert given.record == {
                "noise_rate": expected.noise_rate,
                "changed_rate": expected.changed_rate,
                "concentration": expected.concentration,
            }
        other = replace(NOISY, noise_seed=6).given_labels(room)
        assert (other.labels != NOISY.given_labels(room).labels).any()

    def test_a_noisy_training_keeps_labels_and_learns_them(self, room, images):
        found = room.result(NOISY)
        given = NOISY.given_labels(room)
        np.testing.assert_array_equal(found.arrays["noisy_labels"], given.labels)
        np.testing.assert_array_equal(found.arrays["selected"], given.arrays["selected"])
        assert found.record["noise_rate"] == found.record["changed_rate"] == 0.3
        assert "features" not in found.arrays  # They were not asked for.
        # The network learns the labels it is given: about gamma of the softmax lies on the next class.
        following = np.arange(100), (images[1].labels + 1) % 10
        noisy, clean = (room.result(run).arrays["pred_probs"][following].mean() for run in (NOISY, CLEAN))
        assert noisy > 2 * clean

    def test_the_same_run_gives_the_same_result(self, room, tmp_path):
        again = Room(tmp_path).result(NOISY)
        for name, array in room.result(NOISY).arrays.items():
            np.testing.assert_array_equal(again.arrays[name], array)

    def test_scores_of_regions_follow_from_the_arrays(self, room, images):
        found, (train, test) = room.result(REGIONS), images
        record, arrays = found.record, found.arrays
        inside, predicted = arrays["in_noisy_region"], arrays["pred_probs"].argmax(axis=1)
        correct = predicted == test.labels
        assert 0 < inside.sum() < len(inside)
        expected = {
            "test_accuracy": correct.mean(),
            "noise_rate": arrays["selected"].mean(),
            "noisy_share": inside.mean(),
            "clean_region": correct[~inside].mean(),
            "noisy_region": correct[inside].mean(),
            "noisy_region_follows": (predicted == (test.labels + 5) % 10)[inside].mean(),
            "n_clean_region": (~inside).sum(),
            "n_noisy_region": inside.sum(),
        }
        assert {name: record[name] for name in expected} == pytest.approx(expected)
        selected = arrays["selected"]
        np.testing.assert_array_equal(arrays["noisy_labels"][selected], (train.labels[selected] + 5) % 10)
        np.testing.assert_array_equal(arrays["noisy_labels"][~selected], train.labels[~selected])
        assert arrays["features"].shape == (300, 64)  # These are its own features, not the clean network's.

    def test_a_test_sample_lies_in_the_region_whose_center_is_nearer(self, room, images):
        """At noise rate 1/2, each class has two clusters, so that the mask alone gives both centers."""
        (train, test), found = images, room.result(REGIONS).arrays
        clean = room.result(CLEAN).arrays
        nearer = np.zeros(len(test), dtype=bool)
        for code in range(10):
            here, own = test.labels == code, train.labels == code
            assert 0 < found["selected"][own].mean() < 1
            noisy, other = (clean["features"][own & (found["selected"] == side)].mean(axis=0) for side in (True, False))
            away = [np.linalg.norm(clean["test_features"][here] - center, axis=1) for center in (noisy, other)]
            nearer[here] = away[0] < away[1]
        assert (nearer == found["in_noisy_region"]).mean() >= 0.98


class TestVotes:
    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    def test_neighbors_are_searched_among_pixels(self, room, images, metric):
        run = replace(NEIGHBORS, metric=metric)
        expected = ln.neighbors(images[0].features, images[1].features, k=10, metric=metric)
        np.testing.assert_array_equal(room.result(run).arrays["indices"], expected.indices)
        assert run.neighbors(room).n_train == 300

    def test_neighbors_are_searched_in_features(self, room):
        arrays = room.result(CLEAN).arrays
        expected = ln.neighbors(arrays["features"], arrays["test_features"], k=10)
        found = room.result(replace(NEIGHBORS, features_of=CLEAN)).arrays["indices"]
        np.testing.assert_array_equal(found, expected.indices)
        assert (found != room.result(NEIGHBORS).arrays["indices"]).any()

    @pytest.mark.parametrize(
        ("placement", "ties"),
        [(ln.Spread(), "random"), (ln.KMeansCluster(), "lowest")],
        ids=["spread", "k-means"],
    )
    def test_the_curve_of_several_runs_is_that_of_one_simulation(self, room, images, placement, ties):
        (train, test), rates = images, (0.25, 0.5)
        votes = [replace(VOTES, noise_rate=rate, placement=placement, ties=ties, repeats=2) for rate in rates]
        found = measured_curve(votes, room)
        expected = ln.simulate_knn(
            ln.neighbors(train.features, test.features, k=10),
            train.labels,
            test.labels,
            ln.FlipNoise(),
            rates,
            (5, 10),
            placement=placement,
            features=train.features if placement.needs_features else None,
            ties=ties,
            repeats=2,
            random_state=7,
        )
        for name in ("noise_rates", "realized_noise_rates", "k", "accuracy", "per_class", "runs", "std"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
        np.testing.assert_equal(vars(found.setting), vars(expected.setting))
        if placement.needs_features:
            np.testing.assert_array_equal(found.realized_concentrations, expected.realized_concentrations)
        assert found.to_frame().shape == expected.to_frame().shape

    def test_runs_name_those_that_they_require(self):
        of_network = replace(NEIGHBORS, features_of=CLEAN)
        assert NEIGHBORS.requires == CLEAN.requires == NOISY.requires == ()
        assert of_network.requires == REGIONS.requires == EMBEDDING.requires == PLACED.requires == (CLEAN,)
        assert VOTES.requires == (NEIGHBORS,)
        assert set(replace(VOTES, neighbors=of_network).requires) == {of_network, CLEAN}
        assert set(replace(CONCENTRATION, neighbors=of_network).requires) == {of_network, CLEAN}


class TestConcentration:
    def test_one_row_per_placement_noise_and_draw(self, room):
        table = room.result(CONCENTRATION).tables["draws"]
        assert len(table) == 2 * 2 * 2
        assert set(zip(table["placement"], table["noise"], table["draw"], strict=True)) == {
            (placement, noise, draw)
            for placement in ("spread", "patches")
            for noise in ("flip", "uniform")
            for draw in (0, 1)
        }
        masks = table.groupby(["placement", "draw"])["concentration"]
        assert (masks.nunique() == 1).all()  # The noise models share the masks.
        assert table.groupby("placement")["concentration"].mean()["patches"] > 0.3
        assert (table["noise_rate"] == 0.3).all()
        assert (table[["n_classes", "n_test", "k"]] == [10, 100, 10]).all(axis=None)

    def test_the_predicted_column_is_that_of_predict_knn(self, room, images):
        train, test = images
        hoods = ln.neighbors(train.features, test.features, k=10)
        noises = {"flip": ln.FlipNoise(), "uniform": ln.UniformNoise()}
        for row in room.result(CONCENTRATION).tables["draws"].itertuples():
            expected = ln.predict_knn(
                hoods,
                train.labels,
                test.labels,
                noises[row.noise],
                row.noise_rate,
                10,
                concentration=min(max(row.concentration, 0.0), 1.0),
            )
            assert row.predicted == pytest.approx(expected.accuracy[0, 0], abs=1e-9)

    def test_known_local_rates_decide_every_vote(self, room):
        """With two classes that never mix, K = 3 and flip noise, the number of wrong neighbors decides each vote."""
        neighbors = NeighborsRun(data=DataSpecification(name="digits", n_classes=2), k=3)
        run = replace(CONCENTRATION, neighbors=neighbors, k=3, noises=(ln.FlipNoise(),), noise_rate=0.4, draws=3)
        table = room.result(run).tables["draws"]
        assert table["measured"].max() < 0.9  # The noise has an effect.
        np.testing.assert_allclose(table["from_own_rate"], table["measured"], atol=1e-12)
        np.testing.assert_allclose(table["from_rates_found"], table["measured"], atol=1e-12)  # All samples are alike.

    def test_one_neighbor_counted_twice_decides_every_vote(self, images):
        """The local noise rate is 0 or 1, so that noise is fully concentrated, and every vote is known."""
        train, test = images
        nearest = ln.neighbors(train.features, test.features, k=1).indices
        hoods = as_neighbors(np.repeat(nearest, 2, axis=1), n_train=len(train))
        mask = np.random.default_rng(0).random(len(train)) < 0.4
        counts = label_histogram(train.labels, hoods.indices, 2, 10)
        votes = FiniteVotes.of(counts, test.labels, ln.FlipNoise(), "random", 0.0, len(train))
        of_mask = {"k": 2, "concentration": ln.concentration(mask, hoods, 2), "noise_rate": float(mask.mean())}
        found = _predictions(votes, mask, hoods, of_mask)
        noisy = np.where(mask, (train.labels + 1) % 10, train.labels)
        assert found["from_own_rate"] == pytest.approx((noisy[nearest[:, 0]] == test.labels).mean(), abs=1e-12)
        seen = mask[nearest].mean()
        assert found["neighborhood_rate"] == pytest.approx(seen, abs=1e-12)
        assert found["from_neighborhood_rate"] == pytest.approx(found["from_rates_found"], abs=1e-9)  # rho is 1.
        right, wrong = (
            (labels[nearest[:, 0]] == test.labels).mean() for labels in (train.labels, (train.labels + 1) % 10)
        )
        assert found["from_rates_found"] == pytest.approx((1 - seen) * right + seen * wrong, abs=1e-12)

    def test_the_concentration_asked_for_is_reached(self, room, images):
        """It is calibrated in the test samples' neighborhoods, where the table measures it."""
        run = replace(CONCENTRATION, placements=(ln.Concentrated(0.0, k=10), ln.Concentrated(0.4, k=10)), draws=1)
        table = room.result(run).tables["draws"]
        spread, concentrated = table[table["noise"] == "flip"].itertuples()
        assert (spread.asked, concentrated.asked) == (0.0, 0.4)
        assert spread.concentration < concentrated.concentration
        assert concentrated.measured < spread.measured


class TestEmbedding:
    def test_neighbors_on_the_map_are_neighbors_in_the_features(self, room, tmp_path):
        found = room.result(EMBEDDING)
        points, indices = found.arrays["points"], found.arrays["indices"]
        assert points.shape == (60, 2)
        assert np.isfinite(points).all()
        assert (np.diff(indices) > 0).all()
        assert indices[0] >= 0
        assert indices[-1] < 300
        assert found.record == {"data": DATA.digest()}
        # Neighbors in the features of these images are mostly neighbors on the map.
        features = room.result(CLEAN).arrays["features"][indices]
        near, near_here = (ln.neighbors(space, k=10).indices for space in (features, points))
        shared = np.mean([len(set(a) & set(b)) for a, b in zip(near, near_here, strict=True)]) / 10
        assert shared > 0.5

    def test_few_images_are_all_on_the_map(self, room):
        few = replace(CLEAN, data=replace(DATA, n_train=120), training=replace(TRAINING, epochs=1))
        found = room.result(EmbeddingRun(features_of=few, n_points=5000, perplexity=10.0))
        np.testing.assert_array_equal(found.arrays["indices"], np.arange(120))
