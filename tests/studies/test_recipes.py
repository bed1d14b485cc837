"""Recipes: the catalog is the paper's, and every table holds what the library returns when called directly."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

import labelnoise as ln
from labelnoise.artifacts import to_json
from labelnoise.data import load_digits
from labelnoise.softmax.aggregate import aggregate_relative, aggregate_softmax
from labelnoise.studies.overrides import override
from labelnoise.studies.recipes import CATALOG, SCALES, Heading, conclude, recipe_named
from labelnoise.studies.recipes.concentration import PREDICTIONS
from labelnoise.studies.recipes.recipe import follows
from labelnoise.studies.recipes.settings import clean_run
from labelnoise.studies.run_recipes import StoredResults, run_recipes, write_ledger
from labelnoise.studies.runs import DataSpecification, RegionRun, TrainingRun
from labelnoise.sweeps.executors import InProcessExecutor
from labelnoise.sweeps.run import RunResult, describe, run_id
from labelnoise.sweeps.store import RunStore
from labelnoise.sweeps.sweep import with_requirements

FIGURES = [
    *("fig1", "fig2", "fig3a", "fig3b", "fig3c", "fig3d"),
    *(f"fig4{letter}" for letter in "abcdefghi"),
    *(f"fig{number}" for number in range(5, 14)),
]
STUDIES = ["concentration_mnist", "concentration_cifar10", "concentration_network", "concentration_surface"]
STUDIES += ["noisy_selection", "selection_rules", "selection_rules_cifar10", "beta_limits"]
UNIFORM_LEVELS = (
    0,
    0.1,
    0.3,
    0.5,
    0.6,
    0.7,
    0.75,
    0.8,
    0.85,
    0.86,
    0.87,
    0.88,
    0.89,
    0.9,
    0.91,
    0.92,
    0.93,
    0.95,
    0.99,
)
FLIP_LEVELS = (0, 0.2, 0.3, 0.35, 0.4, 0.43, 0.46, 0.48, 0.5, 0.52, 0.54, 0.57, 0.6, 0.65, 0.7, 0.8)
MATRIX_LEVELS = (0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
REGION_LEVELS = (1 / 10, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 1 / 2)


def at(name, scale="paper"):
    return recipe_named(name, scale)[1]


def every_run(name, scale="paper"):
    """Return all runs of a recipe by their hash, required ones included."""
    return with_requirements(at(name, scale).runs())


class TestCatalog:
    def test_it_holds_the_papers_figures_and_the_further_studies(self):
        assert [name for name in CATALOG if name.startswith("fig")] == FIGURES
        assert [name for name in CATALOG if not name.startswith("fig")] == STUDIES
        for name, entry in CATALOG.items():
            assert entry.name == name
            assert entry.title
            assert entry.statement.endswith((".", "?"))

    @pytest.mark.parametrize("scale", SCALES)
    def test_every_recipe_can_be_built_without_data(self, scale, monkeypatch, tmp_path):
        """Missing data (ImageNet, for example) become an error only when runs are done."""
        for name in ("load", "digest"):
            monkeypatch.setattr(DataSpecification, name, lambda self: pytest.fail("too early"))
        monkeypatch.setenv("LABELNOISE_DATA", str(tmp_path))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        for name in CATALOG:
            recipe = at(name, scale)
            runs = recipe.runs()
            assert runs
            assert recipe == at(name, scale)
            assert [run_id(run) for run in at(name, scale).runs()] == [run_id(run) for run in runs]
            assert json.loads(to_json(describe(recipe)))
            for run in with_requirements(runs).values():
                assert run.label
                assert run.kind

    @pytest.mark.parametrize("scale", SCALES)
    def test_different_runs_have_different_hashes(self, scale):
        shared = {"fig2": 1, "fig7": 1}  # Both regions need the same training.
        for name in CATALOG:
            runs = at(name, scale).runs()
            assert len({run_id(run) for run in runs}) == len(runs) - shared.get(name, 0), name

    def test_every_noise_rate_and_repeat_has_its_own_seed(self):
        for name in ("fig4a", "fig4d", "fig4g", "fig4h"):
            runs = [run for run in every_run(name).values() if isinstance(run, TrainingRun | RegionRun)]
            assert len({run.training.seed for run in runs}) == len(runs)

    def test_added_noise_rates_and_repeats_keep_earlier_runs(self):
        recipe = at("fig4a", "laptop")
        ids = {run_id(run) for run in recipe.runs()}
        more = replace(recipe, repeats=recipe.repeats + 1, noise_rates=(0.05, *recipe.noise_rates))
        assert ids < {run_id(run) for run in more.runs()}

    @pytest.mark.parametrize(
        "names",
        [
            ("fig1", "fig4a", "fig4h", "fig12", "fig2c", "concentration_network"),
            ("fig3b", "fig3c", "fig4i", "fig7a", "fig7g"),
            ("fig5", "fig6"),
        ],
        ids=["mnist", "cifar10", "appendix"],
    )
    @pytest.mark.parametrize("scale", ["laptop", "paper"])
    def test_figures_share_the_training_on_clean_labels(self, names, scale):
        if scale == "laptop":  # At this scale, K-NN uses the appendix's network.
            names = tuple(name for name in names if not name.startswith("fig3"))

        def clean(name):
            runs = every_run(name, scale).items()
            return {key for key, run in runs if isinstance(run, TrainingRun) and run.noise is None}

        assert set.intersection(*map(clean, names))

    def test_figures_share_trainings_on_noisy_labels(self):
        for first, second in (("fig2a", "fig7b"), ("fig2a", "fig8"), ("fig2b", "fig7e"), ("fig2b", "fig11")):
            assert every_run(first).keys() == every_run(second).keys()
        assert every_run("fig12").keys() == every_run("fig13").keys() == every_run("fig2c").keys()
        assert every_run("fig12").keys() < every_run("fig4h").keys()  # 1/4 is one of its noise rates.
        assert every_run("fig10").keys() < every_run("fig4a").keys()  # 20 % is one of its noise rates.
        assert every_run("fig5").keys() == every_run("fig6").keys()

    @pytest.mark.parametrize(
        ("names", "levels"),
        [
            (("fig3c", "fig3d", "fig4d", "fig4e", "fig4f"), UNIFORM_LEVELS),
            (("fig3a", "fig3b", "fig4a", "fig4b", "fig4c"), FLIP_LEVELS),
            (("fig4g",), MATRIX_LEVELS),
            (("fig4h", "fig4i"), REGION_LEVELS),
        ],
        ids=["uniform", "flip", "matrix", "concentrated"],
    )
    def test_noise_rates_are_the_papers(self, names, levels):
        for name in names:
            assert at(name).noise_rates == levels

    @pytest.mark.parametrize(
        ("names", "dataset", "repeats"),
        [
            (("fig4a", "fig4d", "fig4g", "fig4h"), "mnist", 10),
            (("fig4b", "fig4e", "fig4i"), "cifar10", 7),
            (("fig4c", "fig4f"), "ILSVRC/imagenet-1k", 1),
        ],
    )
    def test_data_and_repeats_are_the_papers(self, names, dataset, repeats):
        for name in names:
            recipe = at(name)
            assert recipe.data.name == dataset
            assert recipe.data.n_train is recipe.data.n_test is recipe.data.n_classes is None
            assert recipe.repeats == repeats
            assert len(recipe.runs()) == repeats * len(recipe.noise_rates)

    def test_networks_and_trainings_are_the_papers(self):
        for name, network, width in [
            ("fig4a", "mnist_cnn", 256),
            ("fig4d", "mnist_cnn", 500),
            ("fig4h", "mnist_cnn", 256),
            ("fig4b", "all_cnn", None),
            ("fig4e", "all_cnn", None),
            ("fig3b", "all_cnn", 256),
            ("fig5", "appendix_cnn", 256),
            ("fig4c", "densenet121", None),
        ]:
            training = at(name).training
            assert (training.network, training.n_features) == (network, width), name
            assert training.batch_size == 256
            assert training.selection == "clean"  # The authors' code does the same.
            assert training.weight_decay == 1e-7
            assert training.batch_norm_decay == 0.99
            assert training.validation_share == 0.1
        for name, schedule, normalization in [
            ("fig4a", (0.01, 10, 0.5, 20), "range"),
            ("fig4b", (0.007, 30, 0.5, 60), "pixel"),
            ("fig4c", (0.001, 15, 0.1, 30), "channel"),
        ]:
            training = at(name).training
            assert (training.learning_rate, training.step_every, training.step_factor, training.epochs) == schedule
            assert training.normalization == normalization
        assert at("fig3a").training is None  # K-NN works on pixels.

    def test_smoke_needs_only_bundled_digits(self):
        for name in CATALOG:
            assert {run.data.name for run in every_run(name, "smoke").values()} == {"digits"}
            assert len(every_run(name, "smoke")) <= 15

    @pytest.mark.parametrize(("name", "letter", "title"), [("fig2c", "c", "clean"), ("fig7h", "h", "noisy")])
    def test_a_letter_asks_for_one_panel(self, name, letter, title):
        entry, recipe = recipe_named(name, "smoke")
        assert entry.name == name
        assert list(recipe.settings) == [letter]
        assert recipe.settings[letter].region == title
        assert len(recipe.runs()) == 1
        assert recipe.settings[letter] == at(name[:-1], "smoke").settings[letter]

    @pytest.mark.parametrize("name", ["fig99", "fig2e", "fig4", "fig4j", "fig1a", "", "all", "concentration"])
    def test_unknown_names_are_refused(self, name):
        with pytest.raises(ValueError, match=f"`name` must be one of 'fig1', .*'beta_limits'; got '{name}'"):
            recipe_named(name, "smoke")

    @pytest.mark.parametrize(
        ("name", "change", "message"),
        [
            ("fig3a", "noise_rates=", "`noise_rates` must be one number or a non-empty sequence"),
            ("fig3a", "model=exact", "`model` must be one of 'finite', 'iid'; got 'exact'"),
            ("fig4a", "noise_rates=0,30", r"`noise_rates` must lie in \[0, 1\]; got 30\. A percentage\?"),
            ("fig4a", "repeats=0", "`repeats` must be at least 1; got 0"),
            ("fig4a", "k=0", "`k` must be at least 1; got 0"),
            ("fig4a", "ties=first", "`ties` must be one of 'strict', 'random', 'lowest'; got 'first'"),
            ("fig4h", "repeats=0", "`repeats` must be at least 1; got 0"),
            ("fig4h", "noise_rates=", "`noise_rates` must be one number or a non-empty sequence"),
            ("fig5", "k_min=200", "`k_min` must be at most 100, `k_max`; got 200"),
            ("fig6", "n_samples=0", "`n_samples` must be at least 1; got 0"),
            ("fig2c", "settings.c.region=noise", "`region` must be one of 'clean', 'noisy'; got 'noise'"),
            ("fig2c", "settings.c.noise=flip", "`noise` must be None for a region, .*; got flip"),
            ("fig2a", "settings.a.noise=none", "`noise_rate` must be 0 where `noise` is None; got 0.3"),
            ("concentration_mnist", "concentrations=", "`concentrations` must be one number or a non-empty sequence"),
            ("concentration_network", "repeats=0", "`repeats` must be at least 1; got 0"),
            (
                "selection_rules",
                "of.training.validation_share=0",
                "a positive `validation_share` .*; got True, 0 and None",
            ),
            (
                "selection_rules",
                "of.training.test_every_epoch=none",
                "`of.training` must have `test_every_epoch`, .*None",
            ),
            ("concentration_surface", "n_rates=1", "`n_rates` must be at least 2, both ends of the grid; got 1"),
        ],
    )
    def test_fields_out_of_range_are_found_before_any_work(self, name, change, message):
        with pytest.raises(ValueError, match=message):
            override(at(name, "smoke"), [change])

    @pytest.mark.parametrize("name", list(CATALOG))
    def test_unknown_scales_are_refused(self, name):
        with pytest.raises(ValueError, match="`scale` must be one of 'smoke', 'laptop', 'paper'; got 'huge'"):
            recipe_named(name, "huge")


LESS = ("training.epochs=2", "data.n_train=500", "data.n_test=150")
# One recipe of every kind, on fewer images than at smoke scale; recipes with networks share two trainings.
MADE = {
    "fig1": (*LESS, "n_points=150"),
    "fig2c": tuple(f"settings.c.{change}" for change in LESS),
    "fig3a": (),
    "fig3b": LESS,
    "fig4g": (*LESS, "repeats=2", "noise_rates=0,0.5", "k=3,10"),
    "fig4h": (*LESS, "repeats=1", "noise_rates=0.25,0.5"),
    "fig5": (*LESS, "k_max=50"),
    "fig6": (*(f"of.{change}" for change in LESS), "of.k_max=50", "n_samples=4"),
    "fig10": tuple(f"setting.{change}" for change in LESS),
    "selection_rules": (*(f"of.{change}" for change in LESS), "of.repeats=1", "of.noise_rates=0,0.6", "of.k=3"),
    "concentration_mnist": ("k=5",),
    "concentration_network": (*LESS, "repeats=1"),
    "concentration_surface": ("n_rates=21", "n_concentrations=11"),
    "beta_limits": tuple(
        f"tables.{n} classes.{change}" for n in (2, 3, 10) for change in ("patch_sizes=3", "noise_rates=0.3", "k=3")
    ),
}


class Noting(InProcessExecutor):
    """An executor that writes down the label of every run that it starts."""

    def __init__(self, started):
        self._started = started

    def submit(self, fn, /, *args, **kwargs):
        self._started.append(args[1].label)
        return super().submit(fn, *args, **kwargs)


def recipe_of(name):
    entry, recipe = recipe_named(name, "smoke")
    return entry, override(recipe, list(MADE[name]))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder of results and a store that the tests of this module share."""
    folder = tmp_path_factory.mktemp("recipes")
    return folder / "figures", RunStore(folder / "runs")


@pytest.fixture(scope="module")
def made(place):
    """Return a function that gives the result of a recipe, which is made when it is first asked for."""
    kept = {}

    def make(name):
        if name not in kept:
            (kept[name],) = run_recipes([recipe_of(name)], "smoke", *place, InProcessExecutor)
        return kept[name]

    return make


def table_of(result):
    path = next(path for path in result.files if path.name == f"{result.heading.name}.parquet")
    return pd.read_parquet(path)


@pytest.mark.parametrize("name", list(MADE))
def test_a_recipe_leaves_tables_pictures_and_its_specification(made, place, name):
    result, (entry, recipe) = made(name), recipe_of(name)
    assert result.failures == ()
    assert result.outcome.finding.endswith(".")
    folder = place[0] / name
    kinds = {path.suffix for path in result.files if path.stem == name}
    assert kinds == {".png", ".svg", ".pdf", ".csv", ".parquet", ".json"}
    assert {path.name for path in folder.iterdir()} == {path.name for path in result.files}
    assert all(path.stat().st_size > 0 for path in result.files)
    for part, table in result.outcome.tables.items():
        base = f"{name}_{part}" if part else name
        as_csv = (folder / f"{base}.csv").read_text()
        assert pd.read_parquet(folder / f"{base}.parquet").to_csv(index=False) == as_csv
        assert as_csv.count("\n") == len(table) + 1 > 1
    summary = json.loads((folder / f"{name}.json").read_text())
    assert summary["specification"] == json.loads(to_json(describe(recipe, whole=True)))
    assert (summary["name"], summary["title"], summary["scale"]) == (name, recipe.title, "smoke")
    assert result.heading.title == recipe.title
    assert not re.search("MNIST|CIFAR|ImageNet", summary["title"])
    assert summary["statement"] == entry.statement
    assert summary["finding"] == result.outcome.finding
    assert summary["agrees"] is None  # The paper says nothing about digits.
    assert summary["versions"].keys() == {"labelnoise", "numpy", "scikit-learn", "torch"}
    assert json.loads(to_json(result.summary()))["values"] == summary["values"]


def some_digits():
    return DataSpecification(name="digits", n_train=500, n_test=150).load()


def softmax_of(recipe, place):
    """Return the softmax of the network trained on clean labels."""
    arrays = StoredResults(place[1]).result(clean_run(recipe.data, recipe.training)).arrays
    return arrays["pred_probs"].astype(np.float64)


class TestPredictedColumns:
    def test_neighbors_are_predicted_as_by_predict_knn(self, made):
        train, test = load_digits()
        table = table_of(made("fig3a"))
        rates, ks = (0.0, 0.5, 0.8), (5, 10, 30)
        hoods = ln.neighbors(train.features, test.features, k=30)
        args = (hoods, train.labels, test.labels, ln.FlipNoise(), rates, ks)
        np.testing.assert_allclose(table["predicted"], ln.predict_knn(*args).accuracy.ravel(), atol=1e-12)
        measured = ln.simulate_knn(*args, repeats=3, random_state=0)
        np.testing.assert_allclose(table["measured"], measured.accuracy.ravel(), atol=1e-12)
        np.testing.assert_allclose(table["std"], measured.std.ravel(), atol=1e-12)
        apart = np.abs(table["measured"] - table["predicted"])
        values = made("fig3a").outcome.values
        assert values["worst_difference"] == pytest.approx(apart.max())
        assert values["within_allowance"] == (apart <= 0.005 + 2 * table["standard_error"]).sum()

    def test_neighbors_may_be_searched_in_features(self, made, place):
        recipe, (train, test) = recipe_of("fig3b")[1], some_digits()
        arrays = StoredResults(place[1]).result(clean_run(recipe.data, recipe.training)).arrays
        hoods = ln.neighbors(arrays["features"], arrays["test_features"], k=30)
        made("fig3b")
        expected = ln.predict_knn(hoods, train.labels, test.labels, ln.FlipNoise(), (0.0, 0.5, 0.8), (5, 10, 30))
        np.testing.assert_allclose(table_of(made("fig3b"))["predicted"], expected.accuracy.ravel(), atol=1e-12)

    def test_networks_are_predicted_as_by_accuracy_curve(self, made, place):
        outcome, recipe, table = made("fig4g").outcome, recipe_of("fig4g")[1], table_of(made("fig4g"))
        noise = ln.MatrixNoise.random(10, random_state=0)
        softmax, labels = softmax_of(recipe, place), some_digits()[1].labels
        for k in (*recipe.k, outcome.values["effective_k"]):
            expected = ln.accuracy_curve(softmax, labels, noise, recipe.noise_rates, k)
            np.testing.assert_allclose(table[f"predicted_k{k}"], expected.accuracy[:, 0], atol=1e-9)
        trainings = outcome.tables["trainings"].groupby("noise_rate")["test_accuracy"]
        np.testing.assert_allclose(table["measured"], trainings.mean(), atol=1e-12)
        assert (table["n"] == recipe.repeats).all()
        family = outcome.tables["family"]
        shown = [name for name in table if name.startswith("predicted_k")]
        assert len(family.columns) > 30
        pd.testing.assert_frame_equal(family[["noise_rate", *shown]], table[["noise_rate", *shown]])
        best = table[f"predicted_k{outcome.values['effective_k']}"]
        assert np.abs(table["measured"] - best).mean() == pytest.approx(outcome.values["mean_difference"])
        assert (
            ln.effective_k((recipe.noise_rates, table["measured"]), softmax, labels, noise)
            == (outcome.values["effective_k"])
        )

    @pytest.mark.parametrize(
        ("rates", "says"),
        [
            ("0.1,0.2", "never halved; nearest"),
            ("0.8,0.9", "less than half of that already at the lowest noise rate; nearest"),
            ("0.8,0.1", "halved at a noise rate of 0."),
        ],
    )
    def test_the_clean_network_is_used_even_if_its_noise_rate_is_not_asked_for(self, place, tmp_path, rates, says):
        """The analytic curves start from the clean network, and the finding claims nothing that was not measured."""
        entry, recipe = recipe_named("fig4a", "smoke")
        recipe = override(recipe, [*LESS, "repeats=1", f"noise_rates={rates}"])
        (result,) = run_recipes([(entry, recipe)], "smoke", tmp_path, place[1], InProcessExecutor)
        clean = StoredResults(place[1]).result(clean_run(recipe.data, recipe.training)).record["test_accuracy"]
        assert result.outcome.values["clean_accuracy"] == clean
        assert f"Accuracy {100 * clean:.1f} % without noise, {says}" in result.outcome.finding
        assert recipe.measure(StoredResults(place[1])).agrees is False
        assert np.isnan(result.outcome.values["breaks_at"]) == (not says.startswith("halved"))

    def test_regions_are_predicted_from_clean_accuracy_and_noise_rate(self, made, place):
        table, recipe = table_of(made("fig4h")), recipe_of("fig4h")[1]
        found = StoredResults(place[1])
        alone = [clean_run(recipe.data, recipe.training, repeat) for repeat in range(recipe.repeats)]
        clean = np.mean([found.result(run).record["test_accuracy"] for run in alone])
        assert 0.5 < clean < 1
        np.testing.assert_allclose(table["predicted"], clean * (1 - table["noise_rate"]))
        both = table["difference_points"] - table["difference_from_1_minus_rate"]
        np.testing.assert_allclose(both, 100 * (1 - clean) * (1 - table["noise_rate"]))
        by_region = table["noisy_share"] * table["noisy_region"] + (1 - table["noisy_share"]) * table["clean_region"]
        np.testing.assert_allclose(by_region, table["measured"], atol=1e-9)
        for run, measured in zip(recipe.runs(), table["measured"], strict=True):
            probs = found.result(run).arrays["pred_probs"]
            assert (probs.argmax(axis=1) == some_digits()[1].labels).mean() == pytest.approx(measured)
        for run, votes in zip(recipe.runs(), table["votes"], strict=True):
            arrays = found.result(run.clean).arrays
            noisy = found.result(run).arrays["noisy_labels"]
            voted = KNeighborsClassifier(30).fit(arrays["features"], noisy).predict(arrays["test_features"])
            assert (voted == some_digits()[1].labels).mean() == pytest.approx(votes, abs=0.03)  # ties apart

    def test_rules_of_selection_choose_among_the_epochs_of_the_same_trainings(self, made, place):
        outcome, recipe, table = (
            made("selection_rules").outcome,
            recipe_of("selection_rules")[1],
            table_of(made("selection_rules")),
        )
        family, histories = outcome.tables["family"], []
        for run in recipe.runs():
            histories.append(StoredResults(place[1]).result(run).record["history"])
        chosen = {
            "clean": lambda history: int(np.argmax([epoch["clean_accuracy"] for epoch in history])),
            "noisy": lambda history: int(np.argmax([epoch["noisy_accuracy"] for epoch in history])),
            "last": lambda history: -1,
        }
        for rule, rows in table.groupby("rule"):
            expected = [history[chosen[rule](history)]["test_accuracy"] for history in histories]
            np.testing.assert_allclose(rows["measured"], expected)
            nearest = family[f"predicted_k{outcome.values[rule]['effective_k']}"]
            np.testing.assert_array_equal(rows["predicted"], nearest)

    def test_the_surface_is_that_of_accuracy_surface(self, made):
        train, test = load_digits()
        hoods = ln.neighbors(train.features, test.features, k=30)
        rates, rhos = np.linspace(0, 1, 21), np.linspace(0, 1, 11)
        curve = ln.predict_knn(hoods, train.labels, test.labels, ln.UniformNoise(), rates, 30)
        expected = ln.accuracy_surface(curve, rhos)
        pd.testing.assert_frame_equal(table_of(made("concentration_surface")), expected.to_frame())

    def test_distances_and_pairs_are_those_of_the_softmax(self, made, place):
        outcome, table = made("fig5").outcome, table_of(made("fig5"))
        assert len(table) == 150
        assert table["distance"].median() == pytest.approx(outcome.values["median_distance"])
        assert table["preferred_k"].between(10, 50).all()
        assert outcome.tables["prevalence"]["prevalence"].sum() == pytest.approx(1)
        pairs, recipe = table_of(made("fig6")), recipe_of("fig6")[1]
        softmax = softmax_of(recipe.of, place)
        assert pairs["sample"].nunique() == 4
        np.testing.assert_allclose(pairs["softmax"], softmax[pairs["sample"], pairs["output"]], rtol=1e-6)
        np.testing.assert_allclose(pairs.groupby("sample")["histogram"].sum(), 1)
        chosen = pairs.groupby("sample")["distance"].first()
        away = np.sort(np.abs(table["distance"] - table["distance"].median()))
        np.testing.assert_allclose(np.sort(np.abs(chosen - table["distance"].median())), away[:4])

    def test_softmax_by_class_has_medians_and_expectations(self, made, place):
        """20 % flip noise: 0.8 of the true class and 0.2 of the next are expected."""
        table = table_of(made("fig10"))
        expected = table["expected"].to_numpy().reshape(10, 10)
        np.testing.assert_allclose(expected, 0.8 * np.eye(10) + 0.2 * np.roll(np.eye(10), 1, axis=1))
        setting, labels = recipe_of("fig10")[1].setting, some_digits()[1].labels
        probs = StoredResults(place[1]).result(setting.run).arrays["pred_probs"]
        medians = np.array([np.median(probs[labels == label], axis=0) for label in range(10)])
        np.testing.assert_allclose(table["median"].to_numpy().reshape(10, 10), medians, rtol=1e-5)

    def test_concentrated_noise_is_predicted_as_by_predict_knn(self, made, place):
        outcome = made("concentration_mnist").outcome
        draws, means = outcome.tables["draws"], table_of(made("concentration_mnist"))
        train, test = load_digits()
        hoods = ln.neighbors(train.features, test.features, k=5)
        for row in draws[draws["draw"] == 0].itertuples():
            noise = {"flip": ln.FlipNoise(), "uniform": ln.UniformNoise()}[row.noise]
            rho = min(max(row.concentration, 0.0), 1.0)
            args = (hoods, train.labels, test.labels, noise, row.noise_rate, 5)
            assert row.predicted == pytest.approx(ln.predict_knn(*args, concentration=rho).accuracy[0, 0], abs=1e-9)
        assert means["n"].eq(2).all()
        assert len(means) == 2 * 2 * 2  # There are two noise rates, concentrations and noise models.
        apart = np.abs(means["measured"] - means["predicted"])
        assert outcome.values["worst_difference"]["5"] == pytest.approx(apart.max())

    def test_networks_at_any_concentration_are_predicted_as_by_accuracy_curve(self, made, place):
        result, recipe = made("concentration_network"), recipe_of("concentration_network")[1]
        draws, softmax = result.outcome.tables["draws"], softmax_of(recipe, place)
        for row in draws[draws["method"] == "network"].itertuples():
            rho = min(max(row.concentration, 0.0), 1.0)
            labels = some_digits()[1].labels
            expected = ln.accuracy_curve(softmax, labels, ln.FlipNoise(), row.noise_rate, 10, concentration=rho)
            assert row.predicted == pytest.approx(expected.accuracy[0, 0], abs=1e-9)
        spread, concentrated = draws[draws["method"] == "network"]["concentration"]
        assert spread < concentrated

    def test_the_map_shows_the_given_labels(self, made):
        table = table_of(made("fig1"))
        assert len(table) == 150
        assert (table["given_label_a"] != table["label"]).mean() == pytest.approx(0.2 * 9 / 10, abs=0.08)
        wrong = table[table["given_label_b"] != table["label"]]
        assert len(wrong) > 0
        np.testing.assert_array_equal(wrong["given_label_b"], (wrong["label"] + 5) % 10)

    def test_limits_are_means_of_the_concentration_table(self, made):
        table = table_of(made("beta_limits"))
        assert set(table["data"]) == {"2 classes", "3 classes", "10 classes"}
        assert set(table["patch_size"]) == {3}
        means = made("beta_limits").outcome.tables["means"]
        here = means[(means["data"] == "10 classes") & (means["k"] == 3) & (means["noise"] == "flip")]
        there = table[(table["data"] == "10 classes") & (table["k"] == 3) & (table["noise"] == "flip")]
        for name in PREDICTIONS:
            expected = (here["measured"] - here[name]).abs().mean()
            assert there[f"mean_difference_{name}"].item() == pytest.approx(expected)


class TestRuns:
    def test_a_second_call_performs_no_run(self, made, place):
        first = made("fig3b")
        before = {path: path.read_bytes() for path in first.files}
        again = run_recipes([recipe_of("fig3b")], "smoke", *place, lambda: pytest.fail("nothing is left to do"))
        assert {path: path.read_bytes() for path in again[0].files} == before

    def test_a_changed_field_is_another_run_and_the_rest_is_found(self, made, place, tmp_path):
        made("fig3a")
        entry, recipe = recipe_of("fig3a")
        for changed, started in [
            (replace(recipe, seed=1), 3),  # The votes are cast again.
            (replace(recipe, noise_rates=(0.0, 0.1, 0.5)), 1),  # Only the new noise rate is done.
            (replace(recipe, model="iid"), 0),  # The prediction is not stored.
        ]:
            labels = []
            (result,) = run_recipes(
                [(entry, changed)], "smoke", tmp_path, place[1], partial(Noting, labels), overwrite=True
            )
            assert result.failures == ()
            assert len(labels) == started, labels
        predicted = pd.read_csv(tmp_path / "fig3a" / "fig3a.csv")["predicted"]
        assert np.abs(predicted - table_of(made("fig3a"))["predicted"]).max() > 1e-4

    def test_recipes_in_one_call_share_their_runs(self, place, tmp_path):
        entries = [recipe_of(name) for name in ("fig5", "fig6")]
        store, labels = RunStore(tmp_path / "runs"), []
        results = run_recipes(entries, "smoke", tmp_path / "figures", store, partial(Noting, labels))
        assert [result.heading.name for result in results] == ["fig5", "fig6"]
        assert len(labels) == 2  # These are the network and its neighbors.

    def test_a_result_of_other_data_is_refused(self, made, place, tmp_path, monkeypatch):
        made("fig3a")
        monkeypatch.setattr(DataSpecification, "digest", lambda self: "of other images")
        message = (
            r"the stored result of .*votes on digits.* must be of the data as they are; the images of 'digits' have "
            r"changed since\. Name another store, or delete the folder .*finished/\w+, and the run is done again"
        )
        (result,) = run_recipes([recipe_of("fig3a")], "smoke", tmp_path, place[1], InProcessExecutor)
        assert result.outcome is None
        assert re.search(message, result.error)
        assert result.problems == [result.error]
        assert not list(tmp_path.glob("fig3a/*.csv"))

    def test_a_failing_run_is_reported_and_other_recipes_are_written(self, made, place, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        entry, recipe = recipe_of("fig3a")
        absent = str(tmp_path / "nowhere" / "images")
        broken = override(recipe, [f"data.name={absent}"])
        made("concentration_surface")
        recipes = [(replace(entry, name="broken"), broken), recipe_of("concentration_surface")]
        failed, written = run_recipes(recipes, "smoke", tmp_path / "figures", place[1], InProcessExecutor)
        assert failed.outcome is None
        assert failed.files == ()
        assert len(failed.failures) == 4  # The neighbors failed, and three votes could not start.
        first, *others = failed.failures
        assert first.specification == describe(broken.neighbors)
        assert first.specification["data"]["name"] == absent
        assert absent in first.error
        assert json.loads(Path(first.record).read_text())["specification"] == first.specification
        assert all("not started, because" in other.error for other in others)
        summary = json.loads(to_json(failed.summary()))
        assert summary["finding"] is None
        assert absent in summary["failures"][0]
        assert written.failures == ()
        assert {path.suffix for path in written.files} == {".png", ".svg", ".pdf", ".csv", ".parquet", ".json"}
        assert not list((tmp_path / "figures" / "broken").iterdir())

    def test_a_figure_that_cannot_be_drawn_does_not_stop_the_others(self, place, tmp_path, monkeypatch):
        """This happens where all runs are finished but the images are missing, for example."""
        (entry, recipe), other = recipe_of("fig3a"), recipe_of("concentration_surface")
        absent, slip = FileNotFoundError("there is no folder mnist"), KeyError("column")
        for error, says in ((absent, "there is no folder mnist"), (slip, "KeyError: 'column'")):
            monkeypatch.setattr(type(recipe), "measure", lambda *_, error=error: (_ for _ in ()).throw(error))
            failed, written = run_recipes([(entry, recipe), other], "smoke", tmp_path, place[1], InProcessExecutor)
            assert (failed.outcome, failed.problems) == (None, [says])
            assert written.problems == []

    def test_bad_fields_leave_no_folder(self, tmp_path):
        entry, recipe = recipe_of("concentration_network")
        with pytest.raises(ValueError, match="`k` must be at least 2"):
            run_recipes([(entry, replace(recipe, k=1))], "smoke", tmp_path, RunStore(tmp_path), InProcessExecutor)
        assert list(tmp_path.iterdir()) == []

    def test_several_networks_at_once_are_refused_under_torchrun(self, tmp_path, monkeypatch):
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.raises(ValueError, match="`together` must be 1 under torchrun, whose processes share each network"):
            run_recipes([], "smoke", tmp_path, RunStore(tmp_path / "runs"), InProcessExecutor, together=8)

    def test_a_folder_that_cannot_be_written_is_found_before_any_work(self, tmp_path):
        (tmp_path / "fig3a").write_text("a file")
        with pytest.raises(NotADirectoryError, match="fig3a is a file"):
            run_recipes(
                [recipe_of("fig3a")], "smoke", tmp_path, RunStore(tmp_path / "runs"), lambda: pytest.fail("too late")
            )
        assert not (tmp_path / "runs").exists()


def test_the_ledger_lists_the_latest_results(made, place, tmp_path):
    folder, store = place
    made("fig3a"), made("fig2c")
    rows = write_ledger(folder, ["fig2c", "fig4z", "fig3a"]).read_text().splitlines()
    assert rows[0] == "# Ledger"
    assert [row.split("]")[0] for row in rows[4:]] == [
        "| [fig2c",
        "| [fig3a",
    ]  # The order is the one asked for; a missing result is left out.
    entry, outcome, title = CATALOG["fig3a"], made("fig3a").outcome, recipe_of("fig3a")[1].title
    assert rows[5] == (f"| [fig3a](fig3a/fig3a.png) | {title} | {entry.statement} | {outcome.finding} | smoke | – |")
    for row in rows[4:]:
        assert row.count("|") == 7
        assert (folder / row.split("(")[1].split(")")[0]).is_file()
    (surface,) = run_recipes([recipe_of("concentration_surface")], "smoke", tmp_path, store, InProcessExecutor)
    before = write_ledger(tmp_path, ["concentration_surface"]).read_text()
    smaller = (surface.heading, replace(recipe_of("concentration_surface")[1], k=5))
    with pytest.raises(FileExistsError, match="must hold no other result named 'concentration_surface'"):
        run_recipes([smaller], "smoke", tmp_path, store, InProcessExecutor)
    run_recipes([smaller], "smoke", tmp_path, store, InProcessExecutor, overwrite=True)
    after = write_ledger(tmp_path, ["concentration_surface"]).read_text()
    assert after != before
    assert after.count("concentration_surface.png") == 1


@pytest.mark.parametrize("content", ["", '{"ti', "[]", '{"title": "something else"}'])
def test_a_damaged_summary_is_named(tmp_path, content):
    path = tmp_path / "fig1" / "fig1.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(ValueError, match=r"fig1\.json must be what `labelnoise run fig1` wrote; .*Delete it, and run"):
        write_ledger(tmp_path, ["fig1"])


class TestTitlesAndVerdicts:
    @pytest.mark.parametrize("scale", ["laptop", "paper"])
    def test_a_title_of_the_catalog_is_that_of_its_recipe(self, scale):
        for name, entry in CATALOG.items():
            assert at(name, scale).title == entry.title
        assert (
            recipe_named("fig7b", scale)[0].title == at("fig7b", scale).title == "Softmax: CIFAR-10, 30 % uniform noise"
        )

    def test_at_smoke_scale_titles_name_the_digits(self):
        for name, entry in CATALOG.items():
            title = at(name, "smoke").title
            assert not re.search("MNIST|CIFAR|ImageNet", title), title
            assert ("digits" in title) == bool(re.search("MNIST|CIFAR|ImageNet", entry.title)), title

    def test_a_title_names_changed_data_and_noise(self):
        changed = override(at("fig4a", "laptop"), ["data.name=fashion", "noise=uniform"])
        assert changed.title == "Network on fashion, uniform noise"
        assert override(changed, ["data.n_classes=3"]).title == "Network on fashion (first 3 classes), uniform noise"

    @pytest.mark.parametrize(
        ("scale", "judged"), [("smoke", False), ("demo", False), ("laptop", True), ("paper", True)]
    )
    def test_a_verdict_needs_a_scale_and_the_data_of_the_statement(self, place, made, scale, judged):
        made("fig3a")
        recipe = recipe_of("fig3a")[1]
        for title, same in ((recipe.title, True), (CATALOG["fig3a"].title, False)):
            outcome = conclude(recipe, StoredResults(place[1]), Heading("fig3a", title, "They coincide."), scale)
            assert (outcome.agrees is not None) == (judged and same)

    @pytest.mark.parametrize(
        ("mean", "worst", "expected"),
        [(0.017, 0.034, True), (0.028, 0.096, True), (0.06, 0.19, False), (0.01, 0.11, False)],
    )
    def test_a_curve_follows_only_if_it_is_near_everywhere(self, mean, worst, expected):
        assert follows(mean, worst) is expected

    def test_softmax_figures_are_judged_by_panels_or_on_average_over_classes(self, made, place):
        for name in ("fig2c", "fig10"):
            made(name)
            measured = recipe_of(name)[1].measure(StoredResults(place[1]))
            found = measured.values["c"] if name == "fig2c" else measured.values
            judged = "worst_difference" if name == "fig2c" else "mean_worst_difference"
            assert measured.agrees is (found[judged] <= 0.1)

    def test_medians_are_also_taken_where_the_clean_network_separates_the_classes(self):
        """The trainings of figure 7 are made up: softmax outputs that are drawn at random."""
        recipe, kept = recipe_named("fig7", "smoke")[1], {}

        def drawn(run):
            (given, labels), rng = (part.labels for part in run.data.load()), np.random.default_rng(len(kept))
            rows = rng.dirichlet(np.full(10, 0.02), len(labels)) + 1e-9
            arrays = {
                "pred_probs": rows / rows.sum(axis=1, keepdims=True),
                "in_noisy_region": np.arange(len(labels)) % 2 == 0,
                "features": np.eye(10)[given],
                "test_features": np.eye(10)[labels],
                "noisy_labels": given,
            }
            return kept.setdefault(run, RunResult({"test_accuracy": 0.5}, arrays))

        results = SimpleNamespace(result=drawn)
        measured = recipe.measure(results)
        clean, noisy = (recipe.settings[letter].softmax(results) for letter in "ab")
        every, labels = np.arange(len(clean[1])), clean[1]
        sure = clean[0][every, labels] >= 0.99
        assert 0 < sure.sum() < len(sure)
        assert measured.values["b"]["separated_share"] == pytest.approx(sure.mean())
        assert measured.values["b"]["separated_median"] == pytest.approx(np.median(noisy[0][every, labels][sure]))
        assert "separated_share" not in {**measured.values["a"], **measured.values["h"]}  # clean, and a noisy region
        finding = recipe.finding(measured)
        assert f"over the {100 * sure.mean():.0f} % of the samples that the clean" in finding
        # All 100 neighbors bear the sample's own class, which is expected in the clean region only.
        rows, own = recipe.settings["g"].softmax(results)
        found, output = measured.values["g"], np.median(rows[np.arange(len(own)), own])
        assert (found["around_median"], found["inside_share"]) == (1.0, 1.0)
        assert found["inside_median"] == pytest.approx(output)
        assert f"as for 100 % of the test samples, its median output is {output:.2f}" in finding
        assert measured.values["h"]["around_median"] == measured.values["h"]["inside_share"] == 0.0
        assert "(h) 0 % bear the expected label." in finding

    @pytest.mark.parametrize("name", ["fig2c", "fig10"])
    def test_softmax_figures_show_the_calibrated_softmax_too(self, made, place, name):
        made(name)
        recipe = recipe_of(name)[1]
        setting = recipe.setting if name == "fig10" else recipe.settings["c"]
        results = StoredResults(place[1])
        rows, labels = setting.softmax(results)
        powers = rows ** (1 / results.result(setting.run).record["temperature"])
        softmax = powers / powers.sum(axis=1, keepdims=True)
        aggregate = aggregate_softmax if name == "fig10" else aggregate_relative
        expected = aggregate(softmax, labels).median.ravel()
        np.testing.assert_allclose(table_of(made(name))["calibrated_median"], expected, atol=1e-6)
        assert "After temperature scaling" in made(name).outcome.finding

    def test_the_papers_distance_is_quoted_for_its_own_data_only(self, made):
        assert "the paper" not in made("fig5").outcome.finding
        assert made("fig5").outcome.values["paper_median"] is None


@pytest.mark.slow
def test_the_whole_catalog_at_smoke_scale(tmp_path):
    """This is `labelnoise run all --scale smoke`, in this process."""
    recipes = [recipe_named(name, "smoke") for name in CATALOG]
    results = run_recipes(recipes, "smoke", tmp_path, RunStore(tmp_path / "runs"), InProcessExecutor)
    assert [result.heading.name for result in results] == list(CATALOG)
    for result in results:
        assert result.failures == ()
        assert {path.suffix for path in result.files} == {".png", ".svg", ".pdf", ".csv", ".parquet", ".json"}
    assert write_ledger(tmp_path, list(CATALOG)).read_text().count(".png)") == len(CATALOG)
