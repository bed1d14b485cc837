"""ImageNet's recipes on a small image folder: images are read from disk, networks trained, figures drawn."""

import json

import numpy as np
import pytest

from labelnoise.studies.overrides import override
from labelnoise.studies.recipes import recipe_named
from labelnoise.studies.run_recipes import run_recipes
from labelnoise.sweeps.executors import executor_named
from labelnoise.sweeps.store import RunStore

SMALL = ["training.network=digits_cnn", "training.resize=20", "training.crop=16", "training.epochs=4"]
SMALL += ["training.batch_size=8", "training.learning_rate=0.01"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with images of three colors and several sizes, in the layout of ImageNet."""
    from PIL import Image

    root, rng = tmp_path_factory.mktemp("imagenet"), np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 6)):
        for code, color in enumerate(("red", "green", "blue")):
            (root / split / color).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 90, (int(rng.integers(20, 40)), int(rng.integers(20, 40)), 3))
                pixels[..., code] += 120
                Image.fromarray(pixels.astype(np.uint8)).save(root / split / color / f"{number}.jpeg")
    return root


@pytest.fixture(autouse=True)
def _torchvision(torchvision):
    """Skip where torchvision is missing, whose transforms are used."""


def made(name, folder, tmp_path, *changes):
    entry, recipe = recipe_named(name, "paper")
    recipe = override(recipe, [f"data.name={folder}", *SMALL, *changes])
    return run_recipes([(entry, recipe)], "paper", tmp_path, RunStore(tmp_path / "runs"), executor_named())[0]


def test_a_network_trains_on_images_from_disk(folder, tmp_path):
    result = made("fig4c", folder, tmp_path, "noise_rates=0,0.3", "k=3,5")
    assert not result.failures
    table = result.outcome.tables[""]
    assert table["measured"][0] > 0.9  # The colors are easy to tell apart.
    specification = json.loads((tmp_path / "fig4c" / "fig4c.json").read_text())["specification"]
    assert specification["data"]["streamed"]
    assert specification["training"]["resize"] == 20


def test_neighbors_are_searched_in_features_of_images_from_disk(folder, tmp_path):
    result = made("fig3d", folder, tmp_path, "noise_rates=0,0.3", "k=3,5", "repeats=2")
    assert not result.failures
    assert result.outcome.tables[""]["measured"][0] > 0.9
    assert "64-d features" in " ".join(result.outcome.figure.get_supxlabel().split())


def test_missing_images_are_named(tmp_path):
    result = made("fig4f", tmp_path / "nowhere", tmp_path, "noise_rates=0", "repeats=1")
    (failure,) = result.failures
    assert "nowhere" in failure.error
    assert result.outcome is None
