"""Networks have the structure counted by hand, features before and after the activation, and clear errors."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional

from labelnoise.networks.architectures import NETWORKS, build_network
from labelnoise.networks.whitening import WhiteningLayer


def norm(n):
    return 2 * n  # Each of n channels has a weight and a bias.


def count(network):
    return sum(p.numel() for p in network.parameters())


def outputs(network, n=2):
    network.eval()
    with torch.inference_mode():
        return network.logits_and_features(torch.rand(n, *network.image_shape))


def test_the_networks_have_these_names():
    assert NETWORKS == ("mnist_cnn", "appendix_cnn", "all_cnn", "whitened_cnn", "densenet121", "digits_cnn")


@pytest.mark.parametrize("n_features", [500, 256])
@pytest.mark.parametrize("max_pool", [2, 3])
def test_mnist_cnn_has_the_parameters_counted_by_hand(n_features, max_pool):
    network = build_network("mnist_cnn", n_classes=10, image_shape=(28, 28), n_features=n_features, max_pool=max_pool)
    convolutions = (
        (5 * 5 * 1 * 20 + norm(20))
        + (5 * 5 * 20 * 20 + norm(20))
        + (5 * 5 * 20 * 50 + norm(50))
        + (5 * 5 * 50 * 50 + norm(50))
    )
    # Either pooling reduces 28 to 14 and then to 7: 28/2/2, and ceil(ceil(28/2)/2).
    full = 7 * 7 * 50 * n_features + norm(n_features) + (n_features * 10 + 10)
    assert count(network) == convolutions + full
    assert count(network) == {500: 1_329_290, 256: 728_562}[n_features]
    logits, features = outputs(network)
    assert logits.shape == (2, 10)
    assert features.shape == (2, n_features)


def test_max_pool_of_3_rounds_up():
    network = build_network("mnist_cnn", n_classes=10, image_shape=(29, 27), n_features=8, max_pool=3)
    assert network.penultimate.in_features == 50 * 8 * 7  # Sides go 29 -> 15 -> 8 and 27 -> 14 -> 7.
    assert outputs(network)[0].shape == (2, 10)
    assert build_network("mnist_cnn", n_classes=2, image_shape=(29, 27)).penultimate.in_features == 50 * 7 * 6


def test_appendix_cnn_has_the_parameters_counted_by_hand():
    network = build_network("appendix_cnn", n_classes=10, image_shape=(32, 32, 3))
    convolutions = (
        (5 * 5 * 3 * 20 + norm(20))
        + (5 * 5 * 20 * 20 + norm(20))
        + (5 * 5 * 20 * 50 + norm(50))
        + (5 * 5 * 50 * 50 + norm(50))
    )
    assert count(network) == convolutions + (8 * 8 * 50 * 256 + norm(256)) + (256 * 10 + 10) == 921_562
    assert outputs(network)[1].shape == (2, 256)


def all_cnn_up_to_the_eighth():
    first = (9 * 3 * 96 + norm(96)) + 2 * (9 * 96 * 96 + norm(96))
    second = (9 * 96 * 192 + norm(192)) + 2 * (9 * 192 * 192 + norm(192))
    return first + second + (9 * 192 * 192 + norm(192)) + (192 * 192 + norm(192))


def test_all_cnn_has_the_parameters_counted_by_hand():
    network = build_network("all_cnn", n_classes=10, image_shape=(32, 32, 3))
    assert count(network) == all_cnn_up_to_the_eighth() + (192 * 10 + norm(10)) == 1_370_996
    logits, features = outputs(network)
    assert logits.shape == (2, 10)
    assert features.shape == (2, 192)
    assert network.trunk(torch.rand(2, 3, 32, 32)).shape == (2, 192, 6, 6)  # Sides go 32 -> 16 -> 8 -> 6.


def test_all_cnn_with_a_feature_layer_has_the_parameters_counted_by_hand():
    network = build_network("all_cnn", n_classes=10, image_shape=(32, 32, 3), n_features=256)
    last = (192 * 256 + norm(256)) + (256 * 256 + norm(256)) + (256 * 10 + 10)
    assert count(network) == all_cnn_up_to_the_eighth() + last == 1_487_338
    logits, features = outputs(network)
    assert logits.shape == (2, 10)
    assert features.shape == (2, 256)


def test_digits_cnn_has_the_parameters_counted_by_hand():
    network = build_network("digits_cnn", n_classes=10, image_shape=(8, 8))
    convolutions = (9 * 1 * 16 + norm(16)) + (9 * 16 * 32 + norm(32)) + (9 * 32 * 64 + norm(64))
    assert count(network) == convolutions + (2 * 2 * 64 * 64 + norm(64)) + (64 * 10 + 10) == 40_570
    assert outputs(network)[1].shape == (2, 64)


def test_whitened_cnn_has_the_parameters_counted_by_hand():
    network = build_network("whitened_cnn", n_classes=10, image_shape=(32, 32, 3))
    groups = ((24, 32), (32, 128), (128, 128))
    convolutions = sum(9 * n_in * n_out + norm(n_out) + 9 * n_out * n_out + norm(n_out) for n_in, n_out in groups)
    assert count(network) == convolutions + 128 * 10 + 10 == 497_802  # The whitening layer is not learned.
    maps = network.trunk(torch.rand(2, 3, 32, 32))
    assert maps.shape == (2, 128, 3, 3)  # Sides go 32 -> 31 -> 15 -> 7 -> 3.
    logits, features = outputs(network)
    assert logits.shape == (2, 10)
    assert features.shape == (2, 128)
    second = network.trunk[6]  # The second convolution of the first group begins as the identity.
    assert isinstance(second, nn.Conv2d)
    maps = torch.rand(1, 32, 5, 5)
    torch.testing.assert_close(second(maps), maps)
    with pytest.raises(ValueError, match="must be divisible by 4; got 6"):
        build_network("whitened_cnn", n_classes=10, image_shape=(32, 32, 3), n_features=6)


def test_the_whitening_layer_makes_patches_uncorrelated():
    noise = torch.randn(400, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    smooth = functional.avg_pool2d(noise, 3, stride=1)  # Neighbors are correlated, and channels made so.
    images = torch.stack([smooth[:, 0], smooth[:, 0] + 0.3 * smooth[:, 1]], dim=1)
    layer = WhiteningLayer(2)
    layer.fit(images)
    outputs = layer(images).movedim(1, -1).flatten(0, 2)
    assert outputs.shape[1] == layer.n_outputs == 16
    torch.testing.assert_close(outputs[:, 8:], -outputs[:, :8])
    moments = outputs[:, :8].T @ outputs[:, :8] / len(outputs)
    off_diagonal = moments - torch.diag(moments.diag())
    assert off_diagonal.abs().max() < 1e-3
    assert (moments.diag() <= 1 + 1e-4).all()
    assert (moments.diag() > 0.5).all()  # Only components with hardly any variance are kept small.


def test_densenet121_is_torchvisions(torchvision):
    network = build_network("densenet121", n_classes=10, image_shape=(32, 32, 3))
    total, width = 7 * 7 * 3 * 64 + norm(64), 64
    for n_layers in (6, 12, 24, 16):
        for _ in range(n_layers):  # A 1x1 to 4 * 32 channels, a 3x3 to 32, which are appended.
            total += norm(width) + width * 128 + norm(128) + 9 * 128 * 32
            width += 32
        if n_layers != 16:
            total += norm(width) + width * (width // 2)
            width //= 2
    assert width == 1024
    assert count(network) == total + norm(1024) + (1024 * 10 + 10) == 6_964_106
    images = torch.rand(2, 3, 32, 32)
    network.eval()
    logits, features = network.logits_and_features(images)
    assert features.shape == (2, 1024)
    library = torchvision.models.densenet121(weights=None, num_classes=10).eval()
    library.features, library.classifier = network.trunk, network.head
    torch.testing.assert_close(logits, library(images))
    with pytest.raises(ValueError, match=r"must be \(height, width, 3\) for densenet121; got 1 channel"):
        build_network("densenet121", n_classes=10, image_shape=(32, 32))
    with pytest.raises(ValueError, match="must be 1024"):
        build_network("densenet121", n_classes=10, image_shape=(32, 32, 3), n_features=2048)


def test_the_error_without_torchvision_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(ImportError, match=r"built for the same torch .* pip install 'labelnoise\[cnn\]'"):
        build_network("densenet121", n_classes=10, image_shape=(32, 32, 3))


@pytest.mark.parametrize(
    ("name", "shape", "n_features"),
    [("mnist_cnn", (12, 12), 32), ("all_cnn", (9, 9, 3), None), ("all_cnn", (9, 9, 3), 16), ("digits_cnn", (8, 8), 8)],
)
def test_features_are_taken_before_or_after_the_activation(name, shape, n_features):
    network = build_network(name, n_classes=3, image_shape=shape, n_features=n_features).eval()
    images = torch.rand(4, *network.image_shape)
    inputs = {}
    network.activation.register_forward_hook(lambda _module, received, given: inputs.update(b=received[0], a=given))
    before, after = network.features(images), network.features(images, after_activation=True)
    flat = {key: value.flatten(2).mean(2) if value.ndim == 4 else value for key, value in inputs.items()}
    torch.testing.assert_close(before, flat["b"])
    torch.testing.assert_close(after, flat["a"])
    assert (after >= 0).all()
    assert (before < 0).any()
    torch.testing.assert_close(network(images), network.head(inputs["a"]))


def test_pooling_before_relu_is_the_same_network():
    network = build_network("digits_cnn", n_classes=3, image_shape=(8, 8)).eval()
    first = list(network.trunk)
    kinds = [type(module) for module in first]
    swapped = list(first)
    for i, kind in enumerate(kinds):
        if kind is nn.MaxPool2d:
            swapped[i], swapped[i + 1] = first[i + 1], first[i]
    images = torch.randn(5, 1, 8, 8)
    torch.testing.assert_close(nn.Sequential(*swapped)(images), network.trunk(images), rtol=0, atol=0)


def test_initialization_is_he_and_batch_norm_keeps_99_percent():
    network = build_network("mnist_cnn", n_classes=10, image_shape=(28, 28), n_features=500)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            fan_in = math.prod(module.weight.shape[1:])
            tolerance = 4 / math.sqrt(2 * module.weight.numel())  # This is four standard errors.
            assert float(module.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan_in), rel=tolerance)
            assert module.bias is None or not module.bias.any()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.momentum == pytest.approx(0.01)


def test_random_state_decides_the_weights_and_the_global_state_stays():
    def weights(seed):
        return build_network("digits_cnn", n_classes=3, image_shape=(8, 8), random_state=seed).state_dict()

    before = torch.get_rng_state()
    first, again, other = weights(1), weights(1), weights(2)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_raw_pixels_are_normalized_inside():
    network = build_network("digits_cnn", n_classes=3, image_shape=(8, 8)).eval()
    pixels = torch.randint(0, 17, (2, 1, 8, 8), dtype=torch.uint8)
    expected = network((pixels.float() - 4) / 8)
    network.shift.fill_(4)
    network.scale.fill_(1 / 8)
    torch.testing.assert_close(network(pixels), expected)
    assert "shift" in network.state_dict()


@pytest.mark.parametrize(("name", "side"), [("mnist_cnn", 4), ("appendix_cnn", 4), ("all_cnn", 9), ("digits_cnn", 4)])
def test_the_smallest_image_passes_and_a_smaller_one_is_refused(name, side):
    assert outputs(build_network(name, n_classes=2, image_shape=(side, side, 3)))[0].shape == (2, 2)
    with pytest.raises(ValueError, match=f"at least {side} x {side} pixels for {name}; got {side} x {side - 1}"):
        build_network(name, n_classes=2, image_shape=(side, side - 1, 3))


def test_the_smallest_image_of_densenet121_passes_and_a_smaller_one_is_refused(torchvision):
    assert outputs(build_network("densenet121", n_classes=2, image_shape=(29, 29, 3)))[0].shape == (2, 2)
    with pytest.raises(ValueError, match="at least 29 x 29"):
        build_network("densenet121", n_classes=2, image_shape=(28, 28, 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "resnet"}, "`name` must be one of 'mnist_cnn', .*; got 'resnet'"),
        ({"n_classes": 1}, "`n_classes` must be at least 2.*got 1"),
        ({"image_shape": (28,)}, r"`image_shape` must be \(height, width\) or .*; got \(28,\)"),
        ({"image_shape": (0, 28)}, "`image_shape` must be"),
        ({"image_shape": (3, 32, 32)}, r"got 3 x 32.*images.transpose\(0, 2, 3, 1\)"),
        ({"n_features": 0}, "`n_features` must be at least 1; got 0"),
        ({"max_pool": 4}, "`max_pool` must be 2 .* or 3 .*; got 4"),
        ({"name": "all_cnn", "max_pool": 3}, "`max_pool` must be left at 2 for all_cnn"),
        ({"batch_norm_decay": 1.0}, r"`batch_norm_decay` must lie in \[0, 1\).*; got 1"),
    ],
)
def test_bad_input_is_refused(changes, message):
    arguments = {"name": "mnist_cnn", "n_classes": 10, "image_shape": (28, 28), **changes}
    with pytest.raises(ValueError, match=message):
        build_network(arguments.pop("name"), **arguments)


def test_images_of_another_size_are_refused():
    network = build_network("digits_cnn", n_classes=2, image_shape=(8, 8))
    with pytest.raises(ValueError, match=r"`images` must have shape \(N, 1, 8, 8\).*got \(2, 1, 9, 8\)"):
        network(torch.zeros(2, 1, 9, 8))


@pytest.mark.parametrize("module", ["labelnoise.networks", "labelnoise.training", "labelnoise.training.specification"])
def test_the_error_without_torch_says_what_to_install(module):
    code = f"import sys; sys.modules['torch'] = None\ntry:\n    import {module}\nexcept ImportError as e:\n    print(e)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'labelnoise[cnn]'" in done.stdout
