"""Changes of fields by name, and of every seed."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

import labelnoise as ln
from labelnoise.noise import NoiseModel
from labelnoise.studies.overrides import override, reseeded
from labelnoise.studies.recipes import CATALOG, recipe_named
from labelnoise.studies.runs import DataSpecification
from labelnoise.training import preset


@dataclass(frozen=True, kw_only=True)
class Inner:
    epochs: int = 3
    patience: int | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Everything:
    """A specification with a field of every kind."""

    count: int = 1
    share: float = 0.5
    name: str = "first"
    shown: bool = False
    rates: tuple[float, ...] = (0.1, 0.2)
    sizes: tuple[int, ...] = ()
    target: float | None = None
    noise: NoiseModel = ln.UniformNoise()  # noqa: RUF009  a frozen value
    maybe_noise: NoiseModel | None = None
    inner: Inner = Inner()
    maybe_inner: Inner | None = None
    parts: Mapping[str, Inner] = field(default_factory=lambda: {"a": Inner(), "two words": Inner(epochs=9)})
    data: DataSpecification = DataSpecification(name="digits")  # noqa: RUF009  a frozen value


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("count=7", "count", 7),
        ("share=0.25", "share", 0.25),
        ("share=1e-3", "share", 1e-3),
        ("share=1", "share", 1.0),
        ("name=other=thing", "name", "other=thing"),
        ("name=", "name", ""),
        ("shown=true", "shown", True),
        ("shown=False", "shown", False),
        ("rates=0,0.2,0.4", "rates", (0.0, 0.2, 0.4)),
        ("rates=0.3", "rates", (0.3,)),
        ("rates=0.3, 0.4,", "rates", (0.3, 0.4)),
        ("sizes=5,10", "sizes", (5, 10)),
        ("target=0.9", "target", 0.9),
        ("target=none", "target", None),
        ("target=null", "target", None),
        ("target=None", "target", None),
        ("name=none", "name", "none"),
        (" count = 7 ", "count", 7),
        ("noise=flip", "noise", ln.FlipNoise()),
        ("maybe_noise=uniform", "maybe_noise", ln.UniformNoise()),
        ("maybe_noise=none", "maybe_noise", None),
        ("inner.epochs=5", "inner", Inner(epochs=5)),
        ("inner.patience=2", "inner", Inner(patience=2)),
        ("parts.a.epochs=5", "parts", {"a": Inner(epochs=5), "two words": Inner(epochs=9)}),
        ("parts.two words.seed=4", "parts", {"a": Inner(), "two words": Inner(epochs=9, seed=4)}),
        ("data.n_train=100", "data", DataSpecification(name="digits", n_train=100)),
    ],
)
def test_a_field_of_every_kind_changes(assignment, name, value):
    before = Everything(target=0.1, maybe_noise=ln.FlipNoise())
    after = override(before, [assignment])
    assert getattr(after, name) == value
    assert type(getattr(after, name)) is type(value)
    assert replace(after, **{name: getattr(before, name)}) == before  # Nothing else has changed.


def test_later_changes_win():
    found = override(Everything(), ["inner.epochs=5", "count=2", "inner.patience=4", "count=3"])
    assert found == Everything(count=3, inner=Inner(epochs=5, patience=4))
    assert override(Everything(), []) == Everything()


def test_a_change_is_checked_as_at_construction():
    with pytest.raises(ValueError, match="`n_train` must be at least 1; got 0"):
        override(Everything(), ["data.n_train=0"])


def test_noise_comes_from_a_file_and_its_fields_change(tmp_path):
    matrix = ln.MatrixNoise.random(4, random_state=0).corruption_matrix
    np.save(tmp_path / "matrix.npy", matrix)
    found = override(Everything(), [f"noise={tmp_path}/matrix.npy"]).noise
    assert isinstance(found, ln.MatrixNoise)
    np.testing.assert_allclose(found.corruption_matrix, matrix, rtol=1e-12)
    flip = override(Everything(), ["noise=flip", "noise.mapping=1,2,0"]).noise
    assert flip == ln.FlipNoise([1, 2, 0])
    assert override(Everything(noise=flip), ["noise.mapping=none"]).noise == ln.FlipNoise()
    np.savez(tmp_path / "two.npz", given=matrix, other=np.eye(4))
    for change in (f"noise={tmp_path}/two.npz:given", f"noise.corruption_matrix={tmp_path}/two.npz:given"):
        assert override(Everything(noise=ln.MatrixNoise(np.eye(3))), [change]).noise == found
    np.save(tmp_path / "columns.npy", matrix.T)
    with pytest.raises(ValueError, match=r"rows must sum to 1.*Pass its transpose"):
        override(Everything(), [f"noise={tmp_path}/columns.npy"])
    with pytest.raises(FileNotFoundError, match=r"missing\.npy"):
        override(Everything(), [f"noise={tmp_path}/missing.npy"])


def test_a_training_is_named_by_its_preset():
    """K-NN on pixels has no training, and so no fields of it to change."""
    recipe = recipe_named("fig3a", "smoke")[1]
    assert recipe.training is None
    found = override(recipe, ["training=digits", "training.epochs=2"])
    assert found.training == preset("digits", epochs=2)
    assert override(found, ["training=none"]) == recipe
    with pytest.raises(ValueError, match=r"`training` must be one of 'mnist', .*'digits'; got 'digit'"):
        override(recipe, ["training=digit"])


def test_recipes_without_networks_change_without_torch(monkeypatch):
    recipe = recipe_named("fig3a", "smoke")[1]
    monkeypatch.setitem(sys.modules, "labelnoise.training", None)
    assert override(recipe, ["repeats=4", "training=none"]).repeats == 4
    with pytest.raises(ImportError):
        override(recipe, ["training=digits"])


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("count", "must be FIELD=VALUE, such as repeats=3; got 'count'"),
        ("=3", "must be FIELD=VALUE"),
        ("counts=3", r"`counts` must name a field; there is no 'counts', but count, share, name, .*, data\."),
        ("inner.epoch=3", r"`inner\.epoch` must name a field; there is no 'epoch', but epochs, patience, seed\."),
        ("parts.b.epochs=3", r"`parts\.b` must name a field; there is no 'b', but a, two words\."),
        ("count=three", "`count` must be of type int; got 'three'"),
        ("count=1.5", "`count` must be of type int; got '1.5'"),
        ("count=none", "`count` must be of type int; got 'none'"),
        ("share=half", "`share` must be of type float; got 'half'"),
        ("shown=yes", "`shown` must be true or false; got 'yes'"),
        ("rates=0,x", "`rates` must be of type float; got 'x'"),
        ("target=high", "`target` must be of type float, or none; got 'high'"),
        ("inner.patience=x", r"`inner\.patience` must be of type int, or none; got 'x'"),
        ("inner=3", r"`inner` has fields of its own; change one of them, such as inner\.FIELD=VALUE"),
        ("parts=3", r"`parts` has fields of its own"),
        ("parts.a=3", r"`parts\.a` has fields of its own"),
        ("count.more=3", r"`count\.more` goes too deep: 1 has no fields"),
        ("maybe_inner.epochs=3", r"`maybe_inner\.epochs` goes too deep: None has no fields"),
        ("noise=gauss", "must be uniform, flip or a file"),
        ("noise.mapping=1,0", r"`noise\.mapping` goes too deep: UniformNoise\(\) has no fields"),
    ],
)
def test_errors_name_the_field_and_what_it_takes(assignment, message):
    with pytest.raises(ValueError, match=message):
        override(Everything(), [assignment])


@pytest.mark.parametrize(
    ("name", "assignment", "reach", "value"),
    [
        ("fig4a", "training.epochs=5", lambda r: r.training.epochs, 5),
        ("fig4a", "training.n_features=none", lambda r: r.training.n_features, None),
        ("fig4a", "noise=uniform", lambda r: r.noise, ln.UniformNoise()),
        ("fig4a", "breaks_near=none", lambda r: r.breaks_near, None),
        ("fig3a", "noise_rates=0,0.2", lambda r: r.noise_rates, (0.0, 0.2)),
        ("fig2", "settings.c.region=noisy", lambda r: r.settings["c"].region, "noisy"),
        ("fig7", "settings.a.noise=flip", lambda r: r.settings["a"].noise, ln.FlipNoise()),
        ("fig6", "of.training.seed=4", lambda r: r.of.training.seed, 4),
        ("fig9", "setting.noise_rate=0.5", lambda r: r.setting.noise_rate, 0.5),
        ("beta_limits", "tables.2 classes.draws=3", lambda r: r.tables["2 classes"].draws, 3),
    ],
)
def test_recipes_take_changes(name, assignment, reach, value):
    recipe = recipe_named(name, "laptop")[1]
    assert reach(recipe) != value
    assert reach(override(recipe, [assignment])) == value


def test_every_field_of_every_recipe_can_be_changed():
    """Each field takes the text of the value that it has."""
    kinds = {}
    for name in CATALOG:
        recipe = recipe_named(name, "laptop")[1]
        kinds[type(recipe)] = recipe
    assert len(kinds) >= 10
    for recipe in kinds.values():
        for path, value in leaves(recipe):
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            assert leaves(override(recipe, [f"{path}={text}"])) == leaves(recipe), path


def leaves(value, path=""):
    """Return every field that is not a specification itself, with its path."""
    if isinstance(value, Mapping):
        items = value.items()
    elif dataclasses.is_dataclass(value) and not hasattr(value, "parameters"):
        items = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    elif hasattr(value, "parameters"):
        return []
    else:
        return [(path, value)]
    return [leaf for name, item in items for leaf in leaves(item, f"{path}.{name}" if path else name)]


class TestReseeded:
    def test_all_seeds_change_except_those_of_the_images(self):
        before = Everything(parts={"a": Inner(seed=1), "b": Inner(seed=2)}, maybe_inner=Inner(), data=seeded_data(3))
        after = reseeded(before, 11)
        expected = replace(
            before,
            inner=Inner(seed=11),
            maybe_inner=Inner(seed=11),
            parts={"a": Inner(seed=11), "b": Inner(seed=11)},
        )
        assert after == expected
        assert reseeded(before, 11) == after

    def test_a_negative_seed_is_refused_at_once(self):
        with pytest.raises(ValueError, match="`random_state` must not be negative; got -1"):
            reseeded(recipe_named("fig3a", "smoke")[1], -1)

    @pytest.mark.parametrize("name", list(CATALOG))
    def test_every_seed_of_a_recipe_changes(self, name):
        recipe = recipe_named(name, "laptop")[1]
        before, after = dict(leaves(recipe)), dict(leaves(reseeded(recipe, 12345)))
        assert before.keys() == after.keys()
        changed = {path for path in before if before[path] != after[path]}
        seeds = {path for path in before if path.rpartition(".")[2] == "seed"}
        assert changed == {path for path in seeds if not path.endswith("data.seed")}
        assert all(after[path] == 12345 for path in changed)
        assert changed or name == "concentration_surface"  # In this one, nothing is random.


def seeded_data(seed):
    return DataSpecification(name="digits", n_train=100, seed=seed)
