"""Ensembles: every member trains as it would alone, whatever happens to the others.

A network and its copy in a stack differ by rounding, and Adam turns a gradient of 1e-9 into a whole step. In float32,
two trainings therefore drift apart within epochs. Most tests compute in float64, where equal trainings stay equal and
real differences show.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from helpers.training_results import assert_same, interrupted_at, one_thread, shown_by_bar  # noqa: F401
from torch import nn

from labelnoise.corruption import corrupt
from labelnoise.data import load_digits
from labelnoise.networks.architectures import Network, build_network
from labelnoise.networks.stacked import STACKABLE_NETWORKS, StackedNetwork, unstack
from labelnoise.noise import FlipNoise, UniformNoise
from labelnoise.training import ensemble, preset, train, train_together
from labelnoise.training.loop import Training
from labelnoise.training.single import deterministic

N = 300
BATCH_SIZE = 27  # 270 training images make ten batches, 269 make nine.
QUICK = preset("digits", epochs=3, batch_size=BATCH_SIZE, device="cpu", precision="float32")


@pytest.fixture
def _float64(monkeypatch):
    monkeypatch.setattr(
        "labelnoise.training.single.build_network", lambda *args, **kwargs: build_network(*args, **kwargs).double()
    )


@pytest.fixture(params=["an Adam each", "one Adam"])
def quick(request, monkeypatch):
    """A specification for each kind of update; one Adam is used on a GPU, for members with equally many batches."""
    if request.param == "an Adam each":
        yield QUICK
        return
    steps, step = [], ensemble._StackedAdam.step
    monkeypatch.setattr(ensemble, "ONE_ADAM_ON", ("cpu", "cuda"))
    monkeypatch.setattr(ensemble._StackedAdam, "step", lambda adam: steps.append(adam) or step(adam))
    yield dataclasses.replace(QUICK, batch_size=32)
    assert steps


@pytest.fixture(scope="module")
def images():
    return load_digits()[0].images[:N]


@pytest.fixture(scope="module")
def clean():
    return load_digits()[0].labels[:N]


@pytest.fixture(scope="module")
def noisy(clean):
    """Three sets of labels; their splits leave 270, 270 and 269 images to train on."""
    noises = ((FlipNoise(), 0.0), (FlipNoise(), 0.2), (UniformNoise(), 0.5))
    return np.stack([corrupt(clean, noise, rate, random_state=3).labels for noise, rate in noises])


def members(specification, n=3):
    return [dataclasses.replace(specification, seed=seed) for seed in range(n)]


def assert_alike(together, alone, atol=1e-6):
    assert together.specification == alone.specification
    assert (together.n_train, together.n_validation) == (alone.n_train, alone.n_validation)
    for name in ("best_epoch", "stopped_early", "diverged_at", "device", "precision", "test_accuracy"):
        assert getattr(together, name) == getattr(alone, name), name
    assert len(together.history) == len(alone.history)
    for first, second in zip(together.history, alone.history, strict=True):
        assert dataclasses.replace(first, loss=0, seconds=0) == dataclasses.replace(second, loss=0, seconds=0)
        assert first.loss == pytest.approx(second.loss, abs=atol)
    expected = alone.network.state_dict()
    assert together.network.state_dict().keys() == expected.keys()
    for name, value in together.network.state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=10 * atol, rtol=10 * atol)
    np.testing.assert_array_equal(together.classes, alone.classes)
    if alone.pred_probs is not None:
        np.testing.assert_allclose(together.pred_probs, alone.pred_probs, atol=atol)
        np.testing.assert_allclose(together.test_features, alone.test_features, atol=10 * atol, rtol=10 * atol)


def both(images, noisy, specifications, **arguments):
    together = train_together(images, noisy, specifications, **arguments)
    alone = [
        train(images, labels, specification, **arguments)
        for labels, specification in zip(noisy, specifications, strict=True)
    ]
    return together, alone


# --- members train as if alone ---


@pytest.mark.parametrize("selection", ["noisy", "clean", "last"])
@pytest.mark.usefixtures("_float64")
def test_members_are_as_if_trained_alone(images, noisy, clean, selection):
    specifications = members(dataclasses.replace(QUICK, selection=selection, test_every_epoch=True))
    arguments = {"clean_labels": clean, "test_images": images[:40], "test_labels": clean[:40]}
    together, alone = both(images, noisy, specifications, **arguments)
    assert len({result.n_train // BATCH_SIZE for result in together}) == 2  # One member skips the last step.
    for first, second in zip(together, alone, strict=True):
        assert_alike(first, second)
        assert first.history[-1].test_accuracy is not None
    assert not np.allclose(together[0].pred_probs, together[1].pred_probs, atol=0.01)


@pytest.mark.parametrize(
    ("changes", "size", "channels"),
    [
        ({"network": "mnist_cnn"}, 8, 1),
        ({"network": "mnist_cnn", "max_pool": 3, "n_features": 30}, 7, 1),
        ({"network": "appendix_cnn", "normalization": "pixel"}, 8, 3),
        ({"network": "all_cnn"}, 9, 1),
        ({"network": "all_cnn", "n_features": 20, "normalization": "pixel"}, 9, 3),
    ],
)
@pytest.mark.usefixtures("_float64")
def test_every_stackable_network_trains_as_if_alone(images, noisy, changes, size, channels):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 17, (60, size, size, channels)).astype(np.uint8)
    specifications = members(dataclasses.replace(QUICK, epochs=1, batch_size=16, **changes), 2)
    together, alone = both(images, noisy[:2, :60], specifications, test_images=images[:5], classes=range(10))
    for first, second in zip(together, alone, strict=True):
        assert_alike(first, second, atol=1e-5)


def test_float32_members_are_near_those_trained_alone(images, noisy):
    specifications = members(dataclasses.replace(QUICK, epochs=1, learning_rate=1e-4))
    for first, second in zip(*both(images, noisy, specifications, test_images=images[:40]), strict=True):
        assert first.network.head.weight.dtype == torch.float32
        assert_alike(first, second, atol=1e-3)


def test_bfloat16_members_have_nearly_the_losses_of_those_trained_alone(images, noisy):
    specifications = members(dataclasses.replace(QUICK, epochs=2, precision="bfloat16"), 2)
    for first, second in zip(*both(images, noisy[:2], specifications), strict=True):
        assert first.precision == "bfloat16"
        assert first.history[-1].loss == pytest.approx(second.history[-1].loss, abs=0.1)


def test_the_same_labels_and_seed_give_the_same_member(images, noisy):
    first, second, other = train_together(images, noisy[[1, 1, 1]], [QUICK, QUICK, dataclasses.replace(QUICK, seed=1)])
    np.testing.assert_allclose(first.history[0].loss, second.history[0].loss, rtol=1e-5)
    assert abs(first.history[0].loss - other.history[0].loss) > 1e-3


@pytest.mark.usefixtures("_float64")
def test_one_member_makes_an_ensemble(images, noisy):
    ((together,), (alone,)) = both(images, noisy[1:2], [QUICK])
    assert_alike(together, alone)


def test_classes_are_those_of_all_members(images, clean):
    names = np.array([f"digit {i}" for i in range(10)])
    some = np.where(clean == 9, 8, clean)
    results = train_together(images, [names[some], names[clean]], members(dataclasses.replace(QUICK, epochs=1), 2))
    assert all(result.classes.tolist() == names.tolist() for result in results)


def test_results_have_memory_of_their_own(images, noisy):
    for result in train_together(images, noisy, members(dataclasses.replace(QUICK, epochs=1))):
        for tensor in [*result.network.parameters(), *result.network.buffers()]:
            assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()
            assert tensor.grad is None


# --- a member that stops ---


def scripted(monkeypatch):
    """Make up validation accuracies with which, at patience 2, members stop after 3, 4 and 5 epochs."""
    scripts = ([0.5, 0.4, 0.3], [0.5, 0.6, 0.5, 0.4], [0.1, 0.2, 0.3, 0.4, 0.5])
    monkeypatch.setattr(
        Training, "_validate", lambda training: (scripts[training.specification.seed][len(training.history)], None)
    )


@pytest.mark.usefixtures("_float64")
def test_early_stopping_is_each_members_own(monkeypatch, images, noisy, quick):
    scripted(monkeypatch)
    together, alone = both(images, noisy, members(dataclasses.replace(quick, epochs=5, patience=2)))
    assert [(len(result.history), result.best_epoch) for result in together] == [(3, 1), (4, 2), (5, 5)]
    assert [result.stopped_early for result in together] == [True, True, False]
    for first, second in zip(together, alone, strict=True):
        assert_alike(first, second)


def test_a_member_that_stopped_keeps_nothing_of_the_others(tmp_path, monkeypatch, images, noisy, quick):
    scripted(monkeypatch)
    specifications, path = members(dataclasses.replace(quick, epochs=5, patience=2)), tmp_path / "ensemble.pt"
    train_together(images, noisy, specifications, checkpoint=path)
    for member in torch.load(path, weights_only=True)["state"]["members"]:
        moments = [value for state in member["optimizer"]["state"].values() for value in state.values()]
        for tensor in [*moments, *member["network"].values(), *member["best_state"].values()]:
            assert tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def diverge(monkeypatch, epoch, seed=1):
    """Make one member's weights NaN at the start of this epoch."""
    begin = Training.begin_epoch

    def spoilt(training, at):
        if (training.specification.seed, at) == (seed, epoch):
            with torch.no_grad():
                next(training.network.parameters()).fill_(torch.nan)
        return begin(training, at)

    monkeypatch.setattr(Training, "begin_epoch", spoilt)


@pytest.mark.usefixtures("_float64")
def test_only_the_member_that_diverges_stops(monkeypatch, images, noisy, quick):
    diverge(monkeypatch, epoch=2)
    specifications = members(quick)
    with pytest.warns(RuntimeWarning, match=r"loss of member 1 must stay finite.*epoch 2 of 3.*epoch 1 was") as caught:
        together = train_together(images, noisy, specifications)
    assert [warning.filename for warning in caught] == [__file__]
    assert [len(result.history) for result in together] == [3, 1, 3]
    with pytest.warns(RuntimeWarning, match="the loss must stay finite"):
        alone = [train(images, labels, s) for labels, s in zip(noisy, specifications, strict=True)]
    assert (together[1].diverged_at is None, together[0].diverged_at) == (False, None)
    for first, second in zip(together, alone, strict=True):
        assert_alike(first, second)
        assert all(value.isfinite().all() for value in first.network.state_dict().values())


def test_divergence_in_the_first_epoch_is_an_error(monkeypatch, images, noisy):
    diverge(monkeypatch, epoch=1)
    with pytest.raises(FloatingPointError, match=r"loss of member 1 .*epoch 1 of 3.*no state to keep"):
        train_together(images, noisy, members(QUICK))


# --- checkpoints ---


@pytest.mark.filterwarnings("ignore:the loss of member 1")
def test_an_interrupted_ensemble_resumes_to_the_same_result(tmp_path, monkeypatch, images, noisy, quick):
    diverge(monkeypatch, epoch=2)  # A smaller stack continues.
    specifications = members(dataclasses.replace(quick, epochs=4))
    undisturbed = train_together(images, noisy, specifications)
    path = tmp_path / "runs" / "ensemble.pt"
    for epoch in (2, 4):
        with interrupted_at(epoch):
            train_together(images, noisy, specifications, checkpoint=path)
    for first, second in zip(train_together(images, noisy, specifications, checkpoint=path), undisturbed, strict=True):
        assert_same(first, second)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "begin_epoch", None)  # Nothing is left to train.
        finished = train_together(images, noisy, specifications, checkpoint=path)
    for first, second in zip(finished, undisturbed, strict=True):
        assert_same(first, second)
    others = [*specifications[:2], dataclasses.replace(specifications[2], seed=3)]
    with pytest.raises(ValueError, match=r"seed is \[0, 1, 2\] in the file and \[0, 1, 3\] here"):
        train_together(images, noisy, others, checkpoint=path)
    with pytest.raises(ValueError, match="data is"):
        train_together(images, noisy[::-1], specifications, checkpoint=path)
    with pytest.raises(ValueError, match="same specification"):
        train(images, noisy[0], specifications[0], checkpoint=path)


def test_the_bar_shows_the_members_means(monkeypatch, images, noisy):
    shown = shown_by_bar(monkeypatch, ensemble)
    epochs = [
        result.history[0] for result in train_together(images, noisy, members(dataclasses.replace(QUICK, epochs=1)))
    ]
    loss, accuracy = (np.mean([getattr(epoch, name) for epoch in epochs]) for name in ("loss", "noisy_accuracy"))
    assert shown == [f"loss {loss:.3f}, validation {accuracy:.4f}"]


# --- the stack ---


@pytest.mark.parametrize("name", STACKABLE_NETWORKS)
def test_the_stack_computes_what_its_members_do(name):
    networks = [
        build_network(name, n_classes=4, image_shape=(10, 9, 2), random_state=seed).double() for seed in range(3)
    ]
    references = [build_network(name, n_classes=4, image_shape=(10, 9, 2), random_state=e).double() for e in range(3)]
    stack = StackedNetwork(networks)
    images = torch.rand(6, 3, 2, 10, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    stack.set_batch_norm_momentum(torch.tensor([0.01, 0.0, 0.5]))
    for momentum, network in zip((0.01, 0.0, 0.5), references, strict=True):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = momentum
    weights = torch.arange(1.0, 5.0, dtype=torch.float64)
    logits = stack(images)
    (logits.softmax(2) @ weights).sum().backward()
    for e, (network, reference) in enumerate(zip(networks, references, strict=True)):
        alone = reference(images[:, e])
        (alone.softmax(1) @ weights).sum().backward()
        torch.testing.assert_close(logits[:, e], alone)
        for first, second in zip(network.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(first.grad, second.grad)
        for (key, first), second in zip(network.named_buffers(), reference.buffers(), strict=True):
            if not key.endswith("num_batches_tracked"):
                torch.testing.assert_close(first, second)
    stack.eval()
    for e, (network, reference) in enumerate(zip(networks, references, strict=True)):
        torch.testing.assert_close(stack(images)[:, e], reference.eval()(images[:, e]))
        unstack(network)
        torch.testing.assert_close(network.eval()(images[:, e]), reference(images[:, e]))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    ("device", "n_members", "batch_size"),
    [
        ("cpu", 3, 4),
        pytest.param("cuda", 32, 256, marks=pytest.mark.gpu),
    ],
)
def test_nan_in_one_member_reaches_no_other(device, n_members, batch_size, memory_format, precision):
    """A kernel might put several members into one product with zeros for the others, and 0 times NaN is NaN."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    found = []
    images = torch.rand(batch_size, n_members, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device)
    others = [e for e in range(n_members) if e != 1]
    for value in (0.0, torch.nan):
        build = lambda seed: build_network("mnist_cnn", n_classes=10, image_shape=(28, 28), random_state=seed)  # noqa: E731
        networks = [build(seed).to(device) for seed in range(n_members)]
        for parameter in networks[1].parameters():
            nn.init.constant_(parameter, value)
        stack = StackedNetwork(networks, memory_format)
        with deterministic(), torch.autocast(device, precision, enabled=precision != torch.float32):
            logits = stack(images)
            torch.autograd.backward(logits.float().logsumexp(2).sum())
        assert logits[:, 1].isnan().all() == np.isnan(value)
        found.append([logits[:, others].detach(), *(parameter.grad[others] for parameter in stack.parameters())])
    for spoilt, sound in zip(found[1], found[0], strict=True):
        assert spoilt.isfinite().all()
        assert torch.equal(spoilt, sound)


def test_layers_that_cannot_be_stacked_are_refused():
    networks = [Network(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Identity(), nn.Linear(2, 2), (8, 8, 1)) for _ in range(2)]
    with pytest.raises(ValueError, match=r"`networks` must consist of convolutions.*got a GELU"):
        StackedNetwork(networks)


# --- bad input ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"specifications": []}, "`specifications` must hold at least one"),
        (
            {"noisy_labels": np.r_[np.eye(2, N, dtype=int), np.zeros((1, N), int)]},
            "at least two classes.*all 300 are 0",
        ),
        (
            {"specifications": [QUICK, dataclasses.replace(QUICK, seed=1, learning_rate=0.02)]},
            "`specifications` must be equal .* `seed`; `learning_rate` is 0.01 in number 0 and 0.02 in number 1",
        ),
        (
            {"specifications": members(preset("digits", network="densenet121"))},
            "`network` must be.*'densenet121'.*train",
        ),
        ({"specifications": members(preset("digits", momentum=0.9))}, "`momentum` must be None to train together.*0.9"),
        (
            {"noisy_labels": np.zeros((2, N), int)},
            r"`noisy_labels` must hold .*shape \(3, 300\); got 2 entries of shape",
        ),
        ({"noisy_labels": np.zeros((3, 5), int)}, r"`noisy_labels` must hold .*got 3 entries of shape \(5,\)"),
        ({"noisy_labels": [[0, 1], [0], [1]]}, r"got 3 entries of shape \(1,\) and \(2,\)"),
        ({"noisy_labels": np.zeros(N, int)}, r"`noisy_labels` must hold .*\[labels\] \* 3"),
        ({"noisy_labels": np.zeros((3, N), int)}, "at least two classes"),
        ({"specifications": members(dataclasses.replace(QUICK, selection="clean"))}, "needs `clean_labels`"),
        ({"test_labels": [0]}, "`test_labels` need `test_images`"),
        ({"specifications": members(dataclasses.replace(QUICK, batch_size=271))}, "`batch_size` must be at most"),
    ],
)
def test_bad_input_is_refused(images, noisy, arguments, message):
    with pytest.raises(ValueError, match=message):
        train_together(**{"images": images, "noisy_labels": noisy, "specifications": members(QUICK), **arguments})


def test_missing_cuda_is_reported(monkeypatch, images, noisy):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="`device` must be one that this machine has; got 'cuda'"):
        train_together(images, noisy, members(dataclasses.replace(QUICK, device="cuda")))


# --- on a GPU ---


@pytest.fixture
def _cuda():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.mark.gpu
@pytest.mark.usefixtures("_cuda", "_float64")
def test_cuda_members_are_as_if_trained_alone(images, noisy, clean, quick):
    specifications = members(dataclasses.replace(quick, device="cuda"))
    arguments = {"clean_labels": clean, "test_images": images[:40], "test_labels": clean[:40]}
    for first, second in zip(*both(images, noisy, specifications, **arguments), strict=True):
        assert_alike(first, second, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", ["digits_cnn", "mnist_cnn"])
@pytest.mark.usefixtures("_cuda")
def test_cuda_losses_are_near_those_alone(monkeypatch, images, noisy, network, precision):
    # Otherwise TensorFloat-32 might be used in only one of the two trainings.
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    changes = {"network": network, "device": "cuda", "precision": precision, "learning_rate": 1e-3}
    for first, second in zip(*both(images, noisy, members(dataclasses.replace(QUICK, **changes))), strict=True):
        for together, alone in zip(first.history, second.history, strict=True):
            assert together.loss == pytest.approx(alone.loss, abs=0.02 if precision == "float32" else 0.1)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:the loss of member 1")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.usefixtures("_cuda")
def test_cuda_ensembles_survive_divergence_and_resume(tmp_path, monkeypatch, images, noisy, quick, precision):
    diverge(monkeypatch, epoch=2)
    specifications = members(dataclasses.replace(quick, device="cuda", precision=precision))
    undisturbed = train_together(images, noisy, specifications)
    assert [len(result.history) for result in undisturbed] == [3, 1, 3]
    with interrupted_at(3):
        train_together(images, noisy, specifications, checkpoint=tmp_path / "ensemble.pt")
    resumed = train_together(images, noisy, specifications, checkpoint=tmp_path / "ensemble.pt")
    for first, second in zip(resumed, undisturbed, strict=True):
        assert_same(first, second)
