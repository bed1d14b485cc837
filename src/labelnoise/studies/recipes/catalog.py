"""The names of all recipes, what the paper says about each, and what each is at a scale."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from labelnoise.noise import FlipNoise, MatrixNoise, NoiseModel, UniformNoise
from labelnoise.studies.recipes.concentration import BetaLimits, ConcentrationTable, Surface
from labelnoise.studies.recipes.embedding import NoiseMap
from labelnoise.studies.recipes.knn_curves import KnnCurves
from labelnoise.studies.recipes.network_concentration import NetworkConcentration
from labelnoise.studies.recipes.network_curves import NetworkCurves, RegionCurves
from labelnoise.studies.recipes.recipe import Heading, Recipe
from labelnoise.studies.recipes.selection_rules import SelectionRules
from labelnoise.studies.recipes.settings import (
    IMAGENET,
    SCALES,
    images,
    levels,
    repeats,
    trained_levels,
    training,
)
from labelnoise.studies.recipes.softmax_bars import Setting, SoftmaxByClass, SoftmaxPanels
from labelnoise.studies.recipes.softmax_neighborhoods import SoftmaxDistance, SoftmaxPairs
from labelnoise.studies.runs import DataSpecification
from labelnoise.validation import check_choice

UNIFORM, FLIP = UniformNoise(), FlipNoise()


@dataclass(frozen=True)
class Entry(Heading):
    """A recipe of the catalog: `build` makes it at a scale; a letter of `panels` after its name asks for one panel."""

    build: Callable[[str], Recipe]
    panels: str = ""


def _all_images(dataset: str, scale: str) -> DataSpecification:
    """Return the images that K-NN works on: all of them already at laptop."""
    return images(dataset, "paper" if scale == "laptop" else scale)


def _knn(dataset: str, noise: NoiseModel, scale: str, *, features: bool = True) -> KnnCurves:
    return KnnCurves(
        data=_all_images(dataset, scale),
        training=training(dataset, scale) if features else None,
        noise=noise,
        noise_rates=levels(noise.name, scale),
        k=(5, 10, 30) if scale == "smoke" else (10, 30, 100),
        repeats=3 if scale == "smoke" else 10,
    )


def _width(dataset: str, noise: NoiseModel | None) -> int | None:
    """Return the width of the feature layer: all-CNN has none where its features are not used."""
    if dataset != "mnist":
        return None
    return 500 if noise == UNIFORM else 256


def _network(dataset: str, noise: NoiseModel, breaks_near: float | None, scale: str) -> NetworkCurves:
    return NetworkCurves(
        data=images(dataset, scale),
        training=training(dataset, scale, n_features=_width(dataset, noise)),
        noise=noise,
        noise_rates=trained_levels(dataset, noise.name, scale),
        repeats=repeats(dataset, scale),
        breaks_near=breaks_near,
    )


def _noisy_selection(scale: str) -> NetworkCurves:
    recipe = _network("mnist", FLIP, 0.5, scale)
    rates = tuple(rate for rate in recipe.noise_rates if rate <= 0.6)
    return replace(recipe, training=replace(recipe.training, selection="noisy"), noise_rates=rates)


def _selection_rules(dataset: str, scale: str) -> SelectionRules:
    recipe = _network(dataset, FLIP, 0.5, scale)
    recipe = replace(recipe, training=replace(recipe.training, selection="last", test_every_epoch=True))
    if scale == "laptop" and dataset == "mnist":
        recipe = replace(recipe, noise_rates=(0.0, 0.2, 0.4, 0.46, 0.5, 0.54, 0.6, 0.7, 0.8))
    return SelectionRules(of=recipe if scale != "smoke" else replace(recipe, repeats=1))


def _regions(dataset: str, scale: str) -> RegionCurves:
    data, network = images(dataset, scale), training(dataset, scale)
    rates = levels("concentrated", scale)
    return RegionCurves(data=data, training=network, noise_rates=rates, repeats=repeats(dataset, scale))


_FIGURE_2 = {
    "a": ("cifar10", UNIFORM, 0.3, None),
    "b": ("cifar10", FLIP, 0.4, None),
    "c": ("mnist", None, 0.25, "clean"),
    "d": ("mnist", None, 0.25, "noisy"),
}
_FIGURE_7 = {
    "a": ("cifar10", None, 0.0, None),
    "b": ("cifar10", UNIFORM, 0.3, None),
    "c": ("cifar10", UNIFORM, 0.6, None),
    "d": ("cifar10", FLIP, 0.2, None),
    "e": ("cifar10", FLIP, 0.4, None),
    "f": ("cifar10", MatrixNoise.two_alternatives(10), 0.4, None),
    "g": ("cifar10", None, 0.25, "clean"),
    "h": ("cifar10", None, 0.25, "noisy"),
}
"""The data, noise, noise rate and region of each panel."""


def _setting(dataset: str, noise: NoiseModel | None, rate: float, region: str | None, scale: str) -> Setting:
    network = training(dataset, scale, n_features=256 if noise is None else _width(dataset, noise))
    return Setting(data=images(dataset, scale), training=network, noise=noise, noise_rate=rate, region=region)


def _panels(figure: Mapping[str, tuple[str, NoiseModel | None, float, str | None]], scale: str) -> SoftmaxPanels:
    return SoftmaxPanels(settings={letter: _setting(*panel, scale) for letter, panel in figure.items()})


def _by_class(dataset: str, noise: NoiseModel | None, rate: float, region: str | None, scale: str) -> SoftmaxByClass:
    return SoftmaxByClass(setting=_setting(dataset, noise, rate, region, scale))


def _appendix(scale: str) -> SoftmaxDistance:
    data, network = images("cifar10", scale), training("cifar10", scale)
    if scale == "smoke":
        return SoftmaxDistance(data=data, training=network, k_max=100)
    if scale == "paper":
        from labelnoise.training import preset

        network = preset("appendix", n_features=256, selection="clean")
    return SoftmaxDistance(data=data, training=network)


def _map(scale: str) -> NoiseMap:
    n_points = {"smoke": 300, "laptop": 2000, "paper": 5000}[scale]
    return NoiseMap(data=images("mnist", scale), training=training("mnist", scale), n_points=n_points)


def _concentration(dataset: str, scale: str) -> ConcentrationTable:
    network = None if dataset == "mnist" else _appendix(scale).training
    data = _all_images(dataset, scale)
    size: dict[str, Any] = {"draws": {"laptop": 10 if network is None else 3}.get(scale, 20)}
    if scale == "smoke":
        size = {"noise_rates": (0.2, 0.4), "concentrations": (0.0, 0.3), "k": (5, 10), "draws": 2}
    return ConcentrationTable(data=data, training=network, **size)


def _beta_limits(scale: str) -> BetaLimits:
    smoke = scale == "smoke"
    fewer: dict[str, Any] = {"name": "digits"} if smoke else {"name": "mnist", "n_train": 10_000, "n_test": 2_000}
    return BetaLimits(
        tables={
            f"{n_classes} classes": ConcentrationTable(
                data=DataSpecification(n_classes=n_classes if n_classes < 10 else None, **fewer),
                noise_rates=(0.2, 0.4),
                patch_sizes=(3, 30) if smoke else (3, 10, 30, 100, 300),
                k=(3, 10) if smoke else (3, 10, 30, 100),
                draws={"smoke": 1, "laptop": 5, "paper": 20}[scale],
            )
            for n_classes in (2, 3, 10)
        }
    )


def _network_concentration(scale: str) -> NetworkConcentration:
    data, network = images("mnist", scale), training("mnist", scale)
    fewer: dict[str, Any] = {"concentrations": (0.0, 0.4), "k": 10} if scale == "smoke" else {}
    return NetworkConcentration(data=data, training=network, repeats=repeats("mnist", scale), **fewer)


_DIAL = "Does one number, rho, predict the accuracy from spread to concentrated noise? "
_COINCIDE = "Measured and analytical curves coincide."
_FLIP = "Resistance holds until the noise rate approaches 50 %; the curve follows its family of analytical curves."
_UNIFORM = "A noticeable drop only near 90 % noise; the curve follows its family of analytical curves."
_REGIONS = "No resistance: accuracy falls as 1 - noise rate."
_PEAKS = "The softmax is the neighborhood's label distribution: "
_BY_CLASS = _PEAKS + "as in figure 2, for every class."

CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "fig1",
            "MNIST deep features under 20 % noise, spread and concentrated",
            "Accuracy about 100 % under spread noise, about 80 % under concentrated noise.",
            _map,
        ),
        Entry(
            "fig2",
            "Softmax on CIFAR-10 and MNIST under four kinds of noise",
            _PEAKS + "1 - γ + γ/L at the true class under uniform noise, γ at the alternative under flip noise.",
            partial(_panels, _FIGURE_2),
            "abcd",
        ),
        Entry("fig3a", "K-NN on MNIST pixels, flip noise", _COINCIDE, partial(_knn, "mnist", FLIP, features=False)),
        Entry("fig3b", "K-NN on CIFAR-10 features, flip noise", _COINCIDE, partial(_knn, "cifar10", FLIP)),
        Entry("fig3c", "K-NN on CIFAR-10 features, uniform noise", _COINCIDE, partial(_knn, "cifar10", UNIFORM)),
        Entry("fig3d", "K-NN on ImageNet features, uniform noise", _COINCIDE, partial(_knn, IMAGENET, UNIFORM)),
        Entry("fig4a", "Network on MNIST, flip noise", _FLIP, partial(_network, "mnist", FLIP, 0.5)),
        Entry("fig4b", "Network on CIFAR-10, flip noise", _FLIP, partial(_network, "cifar10", FLIP, 0.5)),
        Entry("fig4c", "Network on ImageNet, flip noise", _FLIP, partial(_network, IMAGENET, FLIP, 0.5)),
        Entry("fig4d", "Network on MNIST, uniform noise", _UNIFORM, partial(_network, "mnist", UNIFORM, 0.9)),
        Entry("fig4e", "Network on CIFAR-10, uniform noise", _UNIFORM, partial(_network, "cifar10", UNIFORM, 0.9)),
        Entry("fig4f", "Network on ImageNet, uniform noise", _UNIFORM, partial(_network, IMAGENET, UNIFORM, 0.9)),
        Entry(
            "fig4g",
            "Network on MNIST, a general corruption matrix",
            "The curve follows its family of analytical curves.",
            partial(_network, "mnist", MatrixNoise.random(10, random_state=0), None),
        ),
        Entry("fig4h", "Network on MNIST, locally concentrated noise", _REGIONS, partial(_regions, "mnist")),
        Entry("fig4i", "Network on CIFAR-10, locally concentrated noise", _REGIONS, partial(_regions, "cifar10")),
        Entry(
            "fig5",
            "How near the softmax is to a K-NN histogram, and at which K",
            "They are near: median chi-square distance 0.143 on CIFAR-10.",
            _appendix,
        ),
        Entry(
            "fig6",
            "Softmax beside K-NN histogram near the median distance",
            "The histograms are very close to each other.",
            lambda scale: SoftmaxPairs(of=_appendix(scale)),
        ),
        Entry(
            "fig7",
            "Softmax on CIFAR-10 under eight kinds of noise",
            _PEAKS + "uniform peaks near 1 - γ + γ/L, flip has about γ at the alternative.",
            partial(_panels, _FIGURE_7),
            "abcdefgh",
        ),
        *(
            Entry(name, f"Softmax by class: {title}", _BY_CLASS, partial(_by_class, *of))
            for name, title, of in (
                ("fig8", "CIFAR-10, 30 % uniform noise", ("cifar10", UNIFORM, 0.3, None)),
                ("fig9", "MNIST, 60 % uniform noise", ("mnist", UNIFORM, 0.6, None)),
                ("fig10", "MNIST, 20 % flip noise", ("mnist", FLIP, 0.2, None)),
                ("fig11", "CIFAR-10, 40 % flip noise", ("cifar10", FLIP, 0.4, None)),
                ("fig12", "MNIST, 25 % concentrated, clean region", ("mnist", None, 0.25, "clean")),
                ("fig13", "MNIST, 25 % concentrated, noisy region", ("mnist", None, 0.25, "noisy")),
            )
        ),
        *(
            Entry(
                f"concentration_{dataset}",
                f"K-NN on {features}, noise at any concentration",
                _DIAL + "Within 0.7 points on average and 2 at most.",
                partial(_concentration, dataset),
            )
            for dataset, features in (("mnist", "MNIST pixels"), ("cifar10", "CIFAR-10 features"))
        ),
        Entry(
            "concentration_network",
            "Network on MNIST, 30 % flip noise at any concentration",
            _DIAL + "The network's accuracy falls as concentration rises.",
            _network_concentration,
        ),
        Entry(
            "concentration_surface",
            "Accuracy over noise rate and concentration",
            "The resistance to label noise depends on its concentration.",
            lambda scale: Surface(data=_all_images("mnist", scale)),
        ),
        Entry(
            "noisy_selection",
            "Network on MNIST, flip noise, its state chosen by noisy validation labels",
            "Without clean labels to choose by, as a user has it, is the curve still one of the family?",
            _noisy_selection,
        ),
        *(
            Entry(
                name,
                f"Network on {images_of}, flip noise, by rule of selection",
                f"Beyond 50 % flip noise the curve of figure {figure} leaves its family: is that the rule that chooses "
                "the state?",
                partial(_selection_rules, dataset),
            )
            for name, dataset, images_of, figure in (
                ("selection_rules", "mnist", "MNIST", "4a"),
                ("selection_rules_cifar10", "cifar10", "CIFAR-10", "4b"),
            )
        ),
        Entry(
            "beta_limits",
            "Where one number is not enough",
            "How wrong is a Beta distribution of local noise rates for small K, tiny patches and few classes?",
            _beta_limits,
        ),
    )
}


def recipe_named(name: str, scale: str) -> tuple[Entry, Recipe]:
    """Return the entry of a name in `CATALOG`, and its recipe at a scale; ``fig2a`` is panel a of figure 2 alone.

    Raises
    ------
    ValueError
        There is no such recipe or scale.

    Examples
    --------
    >>> entry, recipe = recipe_named("fig3a", "laptop")
    >>> entry.name, recipe.repeats
    ('fig3a', 10)
    """
    entry, letter = CATALOG.get(name), ""
    if entry is None and (panel := re.fullmatch(r"(\w+?)([a-z])", name)):
        whole, letter = CATALOG.get(panel[1]), panel[2]
        entry = whole if whole is not None and letter in whole.panels else None
    if entry is None:
        check_choice(name, tuple(CATALOG), "name")
        raise AssertionError
    recipe = entry.build(check_choice(scale, SCALES, "scale"))
    if letter:
        assert isinstance(recipe, SoftmaxPanels)
        recipe = replace(recipe, settings={letter: recipe.settings[letter]})
        entry = replace(entry, name=name, title=recipe.title)
    return entry, recipe
