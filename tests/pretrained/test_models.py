"""Pretrained networks: found by name, filled from a file, refused if the weights are not theirs."""

from __future__ import annotations

import json

import pytest
import torch
from helpers.pretrained import NAME, SIZE, save_weights
from helpers.training_results import one_thread  # noqa: F401
from safetensors.torch import load_file, save_file

from labelnoise.pretrained import load_model


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def weights(timm, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(timm, path)
    return path


def load(path, name=NAME, size=SIZE):
    return load_model(name, weights=path, image_size=size, device="cpu")


def changed(path, target, change):
    """Save the tensors of a file after `change`, and return the new file."""
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, target)
    return target


def test_all_tensors_except_the_classifier_come_from_the_file(weights):
    model = load(weights)
    tensors = load_file(weights)
    kept = model.network.state_dict()
    assert {name for name in tensors if name not in kept} == {"head.fc.weight", "head.fc.bias"}
    assert all(torch.equal(kept[name], tensors[name]) for name in kept)
    assert not model.network.training
    assert repr(model) == f"PretrainedModel('{NAME}': images of 64 x 64, {model.n_features} features)"


def test_the_model_says_how_images_are_prepared(timm, weights):
    expected = timm.data.resolve_model_data_config(timm.create_model(NAME))
    native = load(weights, size=None).preprocessing
    assert native == {k: list(v) if isinstance(v, tuple) else v for k, v in expected.items()}
    assert load(weights).preprocessing == {**native, "input_size": [3, 64, 64], "crop_pct": 1.0}


def test_the_hash_is_that_of_the_tensors_and_not_of_the_file(weights, tmp_path):
    first = load(weights)
    without = changed(
        weights, tmp_path / "a.safetensors", lambda t: [t.pop(f"head.fc.{n}") for n in ("weight", "bias")]
    )
    other = changed(weights, tmp_path / "b.safetensors", lambda t: t["stem.conv.weight"].view(-1)[:1].add_(1e-3))
    uncounted = changed(
        weights, tmp_path / "c.safetensors", lambda t: [t.pop(k) for k in list(t) if k.endswith("num_batches_tracked")]
    )
    assert load(without).weights_hash == first.weights_hash == load(uncounted).weights_hash
    assert load(other).weights_hash != first.weights_hash


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.pop("stem.conv.weight"), r"lacks 1 of them \(stem.conv.weight\)"),
        (lambda t: t.update(extra=torch.zeros(1)), r"has 1 others \(extra\)"),
        (
            lambda t: t.update({"stem.bn.weight": torch.ones(5)}),
            r"another shape 1 .*stem.bn.weight \(5,\) instead of \(",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_with_their_names(weights, tmp_path, change, says):
    with pytest.raises(ValueError, match=says):
        load(changed(weights, tmp_path / "bad.safetensors", change))


def test_weights_of_another_model_are_refused(weights):
    with pytest.raises(ValueError, match=r"of 'test_resnet' under timm's names; it lacks \d+ of them .*, \.\.\.\)"):
        load(weights, "test_resnet")


def test_files_that_hold_no_weights_are_refused(timm, tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    for name, error, says in (
        ("missing.safetensors", FileNotFoundError, "there is no file"),
        ("broken.safetensors", ValueError, "must be a complete .safetensors file"),
        ("pickle.pth", ValueError, "Convert it with safetensors"),
    ):
        with pytest.raises(error, match=says):
            load(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tf_eficientnet_lite0", "Did you mean 'tf_efficientnet_lite0'"),
        ("resnet18.imagenet", "Those of resnet18 are .*'resnet18.a1_in1k'"),
        ("test_vit4.none", "test_vit4"),
    ],
)
def test_unknown_models_are_refused_with_similar_names(timm, name, says):
    with pytest.raises(ValueError, match=says):
        load_model(name)


def test_a_model_without_pretrained_weights_needs_a_file(timm):
    bare = next(name for name in timm.list_models() if not timm.is_model_pretrained(name))
    with pytest.raises(ValueError, match=r"has none for .*--weights"):
        load_model(bare)


@pytest.mark.parametrize("name", ["resnet18.a1_in1k", "someone/private"])
def test_an_unreachable_hub_says_so(timm, name):
    with pytest.raises(FileNotFoundError, match=r"HF_HUB_OFFLINE is set: unset it .*--weights"):
        load_model(name)


def test_a_local_folder_in_the_hubs_layout_is_a_model(timm, weights, tmp_path):
    described = {"input_size": [3, 96, 96], "num_classes": 7, "classifier": "head.fc", "first_conv": "stem.conv"}
    config = {"architecture": NAME, "num_classes": 7, "pretrained_cfg": described}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(weights.read_bytes())
    model = load_model(f"local-dir:{tmp_path}", device="cpu")
    assert model.weights_hash == load(weights).weights_hash
    assert model.weights == f"local-dir:{tmp_path}"
    assert model.preprocessing["input_size"] == [3, 96, 96]


def test_a_network_of_one_image_size_is_adapted_or_refuses(timm, tmp_path):
    save_weights(timm, tmp_path / "vit.safetensors", "test_vit")
    native, adapted = (load(tmp_path / "vit.safetensors", "test_vit", size) for size in (None, 96))
    assert adapted.preprocessing["input_size"] == [3, 96, 96]
    assert adapted.n_features == native.n_features
    with pytest.raises(ValueError, match="`image_size` must be one that 'test_vit' takes; got"):
        load(tmp_path / "vit.safetensors", "test_vit", 100)
