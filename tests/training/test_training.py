"""Training repeats for the same seed despite interruptions, keeps the best state, and reports bad input."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from helpers.training_results import assert_same, interrupted_at, one_thread, shown_by_bar  # noqa: F401

from labelnoise.corruption import corrupt
from labelnoise.data import load_digits, load_images
from labelnoise.networks.architectures import build_network
from labelnoise.networks.whitening import WhiteningLayer
from labelnoise.noise import FlipNoise, UniformNoise
from labelnoise.training import PRESETS, TrainingSpecification, loop, predict, preset, train
from labelnoise.training.checkpoint import FORMAT, read_checkpoint, write_checkpoint
from labelnoise.training.data import DeviceImages, TrainingData, check_images, normalization_of, stratified_split
from labelnoise.training.loop import Training

QUICK = preset("digits", epochs=4, batch_size=32, device="cpu", precision="float32")
N = 300


@pytest.fixture(scope="module")
def images():
    return load_digits()[0].images[:N]


@pytest.fixture(scope="module")
def clean():
    return load_digits()[0].labels[:N]


@pytest.fixture(scope="module")
def noisy(clean):
    return corrupt(clean, FlipNoise(), 0.2, random_state=0).labels


@pytest.fixture(scope="module")
def undisturbed(images, noisy, clean):
    return train(images, noisy, QUICK, clean_labels=clean, test_images=images[:50], test_labels=clean[:50])


# --- the result ---


def test_digits_reach_95_percent_and_survive_flip_noise():
    digits, test = load_digits()
    noisy = corrupt(digits.labels, FlipNoise(), 0.2, random_state=0).labels
    specification = preset("digits", epochs=5, device="cpu", precision="float32")
    for labels, at_least in ((digits.labels, 0.95), (noisy, 0.9)):
        result = train(digits.images, labels, specification, test_images=test.images, test_labels=test.labels)
        assert result.test_accuracy > at_least


def test_the_result_records_the_training(undisturbed, images, clean):
    result = undisturbed
    assert len(result.history) == 4
    assert result.n_train + result.n_validation == N
    assert not result.stopped_early
    assert result.diverged_at is None
    assert (result.device, result.precision) == ("cpu", "float32")
    scores = [epoch.noisy_accuracy for epoch in result.history]
    assert result.best_epoch == 1 + int(np.argmax(scores))  # Of equal epochs, the first is kept.
    np.testing.assert_allclose(result.pred_probs.sum(1), 1, atol=1e-6)
    assert result.pred_probs.shape == (50, 10)
    assert result.test_features.shape == (50, 64)
    assert result.test_accuracy == (result.pred_probs.argmax(1) == clean[:50]).mean()
    frame = result.to_frame()
    assert frame["epoch"].tolist() == [1, 2, 3, 4]
    assert (frame["learning_rate"] == 0.01).all()
    assert frame["loss"].iloc[-1] < frame["loss"].iloc[0]
    assert result.summary()["specification"]["network"] == "digits_cnn"
    assert f"epoch {result.best_epoch} of 4 kept" in repr(result)


def test_history_measures_what_it_says(images, noisy, clean):
    specification = dataclasses.replace(QUICK, epochs=1, selection="last")
    result = train(images, noisy, specification, clean_labels=clean)
    _, held_out = stratified_split(noisy, 0.1, np.random.default_rng([0, 0]))
    found = predict(result.network, images[held_out], device="cpu").pred_probs.argmax(1)
    assert result.history[0].noisy_accuracy == pytest.approx((found == noisy[held_out]).mean())
    assert result.history[0].clean_accuracy == pytest.approx((found == clean[held_out]).mean())
    assert result.test_accuracy is result.pred_probs is None


def test_the_test_accuracy_of_every_epoch_is_that_of_the_state_it_ends_with(images, noisy, clean):
    """It changes nothing else, and after the last epoch it is the accuracy of the kept state."""
    test = {"test_images": images[:50], "test_labels": clean[:50]}
    one, two = (dataclasses.replace(QUICK, epochs=epochs, selection="last") for epochs in (1, 2))
    result = train(images, noisy, dataclasses.replace(two, test_every_epoch=True), **test)
    alone = [train(images, noisy, specification, **test) for specification in (one, two)]
    np.testing.assert_allclose([e.test_accuracy for e in result.history], [r.test_accuracy for r in alone], rtol=1e-6)
    assert alone[1].history[-1].test_accuracy is None
    untested = tuple(dataclasses.replace(epoch, test_accuracy=None) for epoch in result.history)
    assert_same(dataclasses.replace(result, history=untested), alone[1])


def test_labels_may_be_any_classes(images, noisy, clean, undisturbed):
    names = np.array([f"digit {i}" for i in range(10)])
    result = train(images, names[noisy], QUICK, clean_labels=names[clean], test_images=images[:50])
    assert result.classes.tolist() == names.tolist()
    assert result.test_accuracy is None
    assert_same(result, undisturbed)


def test_training_repeats_and_leaves_global_state_unchanged(monkeypatch, images, noisy, clean, undisturbed):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before, during, train_epoch = torch.get_rng_state(), [], Training._train_epoch

    def settings():
        return torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark

    monkeypatch.setattr(Training, "_train_epoch", lambda *given: during.append(settings()) or train_epoch(*given))
    again = train(images, noisy, QUICK, clean_labels=clean, test_images=images[:50])
    assert torch.equal(before, torch.get_rng_state())
    assert set(during) == {(True, False)}
    assert settings() == (False, True)
    assert_same(again, undisturbed)
    other = train(images, noisy, dataclasses.replace(QUICK, seed=1, epochs=1))
    assert not torch.equal(other.network.head.weight, undisturbed.network.head.weight)


@pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="torch has no such setting")
def test_the_callers_choice_of_tensorfloat_stands(monkeypatch, images, noisy):
    """PyTorch's own context manager for cuDNN's settings fails if the choice was made this way."""
    monkeypatch.setattr(torch.backends, "fp32_precision", "ieee")
    train(images, noisy, dataclasses.replace(QUICK, epochs=1))
    assert torch.backends.fp32_precision == "ieee"


def test_the_bar_shows_loss_and_validation_accuracy(monkeypatch, images, noisy):
    shown = shown_by_bar(monkeypatch, loop)
    one = dataclasses.replace(QUICK, epochs=1)
    last = train(images, noisy, one).history[0]
    train(images, noisy, dataclasses.replace(one, selection="last", validation_share=0))
    assert shown[0] == f"loss {last.loss:.3f}, validation {last.noisy_accuracy:.4f}"
    assert shown[1].startswith("loss ")
    assert "validation" not in shown[1]


def test_training_prints_nothing_without_a_terminal(images, noisy, capfd):
    train(images, noisy, dataclasses.replace(QUICK, epochs=1), test_images=images)
    assert capfd.readouterr() == ("", "")


# --- selection ---


def scripted(monkeypatch, noisy=(), clean=()):
    """Make up validation accuracies, so that the best epoch is known."""

    def validate(training):
        epoch = len(training.history)
        return noisy[epoch] if noisy else 0.5, clean[epoch] if clean else None

    monkeypatch.setattr(Training, "_validate", validate)


def state_after(images, noisy, epochs):
    return train(images, noisy, dataclasses.replace(QUICK, epochs=epochs, selection="last")).network.state_dict()


def test_early_stopping_restores_the_best_state(monkeypatch, images, noisy):
    scripted(monkeypatch, noisy=[0.5, 0.8, 0.8, 0.7, 0.9, 0.9])
    result = train(images, noisy, dataclasses.replace(QUICK, epochs=6, patience=2))
    assert (result.best_epoch, len(result.history), result.stopped_early) == (2, 4, True)
    expected = state_after(images, noisy, 2)
    assert all(torch.equal(value, expected[name]) for name, value in result.network.state_dict().items())


def test_without_patience_all_epochs_run(monkeypatch, images, noisy):
    scripted(monkeypatch, noisy=[0.8, 0.5, 0.9, 0.7])
    result = train(images, noisy, QUICK)
    assert (result.best_epoch, len(result.history), result.stopped_early) == (3, 4, False)


def test_selection_decides_which_epoch_is_best(monkeypatch, images, noisy, clean):
    scripted(monkeypatch, noisy=[0.5, 0.9, 0.1], clean=[0.7, 0.2, 0.1])
    best = {
        selection: train(
            images, noisy, dataclasses.replace(QUICK, epochs=3, selection=selection), clean_labels=clean
        ).best_epoch
        for selection in ("noisy", "clean", "last")
    }
    assert best == {"noisy": 2, "clean": 1, "last": 3}


def test_last_needs_no_validation(images, noisy):
    result = train(images, noisy, dataclasses.replace(QUICK, epochs=1, selection="last", validation_share=0))
    assert (result.n_train, result.n_validation) == (N, 0)
    assert result.history[0].noisy_accuracy is None


# --- divergence ---


def test_divergence_keeps_the_best_state(monkeypatch, images, noisy):
    rate = TrainingSpecification.learning_rate_at
    monkeypatch.setattr(TrainingSpecification, "learning_rate_at", lambda s, e: 1e35 if e >= 2 else rate(s, e))
    steps = 268 // 32
    with pytest.warns(
        RuntimeWarning, match=r"it did not at step (\d+) \(epoch 3 of 4\).*the state of epoch 2 was kept"
    ) as caught:
        result = train(images, noisy, dataclasses.replace(QUICK, selection="last"))
    assert [warning.filename for warning in caught] == [__file__]
    assert 2 * steps < result.diverged_at <= 3 * steps
    assert len(result.history) == result.best_epoch == 2
    assert not result.stopped_early
    assert all(value.isfinite().all() for value in result.network.state_dict().values())
    assert "diverged at step" in repr(result)


def test_divergence_in_the_first_epoch_is_an_error(images, noisy):
    with pytest.raises(FloatingPointError, match=r"step \d+ \(epoch 1 of 4\).*no state to keep. Lower `learning_rate`"):
        train(images, noisy, dataclasses.replace(QUICK, learning_rate=1e35))


# --- checkpoints ---

CHILD = """
    import sys, time
    import torch
    from labelnoise.corruption import corrupt
    from labelnoise.data import load_digits
    from labelnoise.noise import FlipNoise
    from labelnoise.training import preset, train
    from labelnoise.training.loop import Training

    torch.set_num_threads(1)
    momentum = Training._set_batch_norm_momentum

    def hang_in_the_third_epoch(training, step):
        if step == 2 * training.steps + 4:
            print("hanging", flush=True)
            time.sleep(600)
        momentum(training, step)

    Training._set_batch_norm_momentum = hang_in_the_third_epoch
    digits = load_digits()[0]
    images, clean = digits.images[:300], digits.labels[:300]
    noisy = corrupt(clean, FlipNoise(), 0.2, random_state=0).labels
    quick = preset("digits", epochs=4, batch_size=32, device="cpu", precision="float32")
    train(images, noisy, quick, clean_labels=clean, checkpoint=sys.argv[1])
"""


def test_a_killed_training_resumes_to_the_same_result(tmp_path, images, noisy, clean, undisturbed):
    path = tmp_path / "run" / "checkpoint.pt"
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(CHILD), path], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "hanging\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    epochs = []
    train_epoch = Training._train_epoch
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "_train_epoch", lambda *given: epochs.append(given[1]) or train_epoch(*given))
        resumed = train(
            images, noisy, QUICK, clean_labels=clean, test_images=images[:50], test_labels=clean[:50], checkpoint=path
        )
        assert epochs == [3, 4]
        assert_same(resumed, undisturbed)
        finished = train(images, noisy, QUICK, clean_labels=clean, test_images=images[:50], checkpoint=path)
        assert epochs == [3, 4]  # Nothing is left to train.
        assert_same(finished, undisturbed)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, images, noisy):
    path = tmp_path_factory.mktemp("checkpoint") / "run.pt"
    train(images, noisy, dataclasses.replace(QUICK, epochs=1), checkpoint=path)
    return path


def test_a_checkpoint_of_another_training_is_refused(checkpoint, images, noisy, clean):
    before = checkpoint.read_bytes()
    quick = dataclasses.replace(QUICK, epochs=1)
    with pytest.raises(ValueError, match=r"same specification.*learning_rate is 0.01 in the file and 0.02 here"):
        train(images, noisy, dataclasses.replace(quick, learning_rate=0.02), checkpoint=checkpoint)
    with pytest.raises(ValueError, match="data is"):
        train(images, clean, quick, checkpoint=checkpoint)
    assert checkpoint.read_bytes() == before


def damaged(content, how):
    if how == "one bit":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return {"truncated": content[: len(content) // 2], "empty": b"", "text": b"epoch,loss\n" * 100}[how]


@pytest.mark.parametrize("how", ["one bit", "truncated", "empty", "text"])
def test_a_damaged_checkpoint_is_refused(tmp_path, checkpoint, images, noisy, how):
    path = tmp_path / "run.pt"
    path.write_bytes(damaged(checkpoint.read_bytes(), how))
    with pytest.raises(ValueError, match=r"run\.pt must be a checkpoint of this program.*Delete it"):
        train(images, noisy, dataclasses.replace(QUICK, epochs=1), checkpoint=path)


def test_any_damage_to_a_checkpoint_is_one_error(tmp_path):
    path, identity, rng = tmp_path / "run.pt", {"seed": 1}, np.random.default_rng(0)
    write_checkpoint(path, identity, {"weights": torch.arange(10.0)})
    content = path.read_bytes()
    refused = 0
    for _ in range(400):
        spoilt = bytearray(content)
        for place in rng.integers(len(content), size=4):
            spoilt[place] = rng.integers(256)
        path.write_bytes(spoilt)
        try:
            state = read_checkpoint(path, identity, torch.device("cpu"))
            assert torch.equal(state["weights"], torch.arange(10.0))  # The damage hit nothing that counts.
        except ValueError:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize(
    "content", [{}, [1, 2], print, {"format": "other"}, {"format": FORMAT, "identity": "[1]", "state": {}}]
)
def test_another_torch_file_is_refused(tmp_path, images, noisy, content):
    path = tmp_path / "run.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match="must be a checkpoint of this program"):
        train(images, noisy, QUICK, checkpoint=path)


def test_data_are_hashed_only_for_a_checkpoint(monkeypatch, images, noisy):
    monkeypatch.setattr(TrainingData, "digest", None)  # It takes minutes for a million files.
    train(images, noisy, dataclasses.replace(QUICK, epochs=1))


def test_a_folder_is_not_a_checkpoint(tmp_path, images, noisy):
    with pytest.raises(IsADirectoryError, match="`checkpoint` must be a file"):
        train(images, noisy, QUICK, checkpoint=tmp_path)


# --- prediction ---


def test_predict_gives_the_outputs_in_the_result(undisturbed, images):
    before = {name: value.clone() for name, value in undisturbed.network.state_dict().items()}
    pred_probs, features = predict(undisturbed.network, images[:50], device="cpu")
    np.testing.assert_array_equal(pred_probs, undisturbed.pred_probs)
    np.testing.assert_array_equal(features, undisturbed.test_features)
    after = predict(undisturbed.network, images[:50], device="cpu", after_activation=True, batch_size=7).features
    assert after.min() >= 0
    assert features.min() < 0
    assert all(torch.equal(value, before[name]) for name, value in undisturbed.network.state_dict().items())


def test_predict_leaves_the_mode_of_the_network_and_checks_its_input():
    network = build_network("digits_cnn", n_classes=2, image_shape=(8, 8)).train()
    assert predict(network, np.zeros((1, 8, 8)), device="cpu").pred_probs.shape == (1, 2)
    assert network.training
    with pytest.raises(ValueError, match=r"`images` must be of 8 x 8 pixels and 1 channel.*got 9 x 8 and 1"):
        predict(network, np.zeros((1, 9, 8)), device="cpu")
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        predict(network, np.zeros((1, 8, 8)), device="cpu", batch_size=0)


# --- parts ---


@pytest.mark.parametrize("share", [0.1, 0.25, 0.0])
def test_split_is_stratified(share):
    codes = np.repeat([0, 1, 3], [40, 100, 7])
    train_part, held_out = stratified_split(codes, share, np.random.default_rng(0))
    assert sorted([*train_part, *held_out]) == list(range(147))
    assert np.bincount(codes[held_out], minlength=4).tolist() == [round(n * share) for n in (40, 100, 0, 7)]
    other = stratified_split(codes, share, np.random.default_rng(1))[1]
    assert share == 0 or held_out.tolist() != other.tolist()


def test_normalized_pixels_have_the_range_or_moments_asked_for():
    pixels = np.random.default_rng(0).integers(3, 250, (50, 4, 5, 3)).astype(np.uint8)
    pixels[:, 1, 2, 0] = 7  # This pixel does not vary.
    nchw = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    shift, scale = normalization_of(pixels, "range")
    ranged = (nchw - shift) * scale
    assert (float(ranged.min()), float(ranged.max())) == (0, pytest.approx(1))
    shift, scale = normalization_of(pixels, "pixel")
    pixelwise = (nchw - shift) * scale
    torch.testing.assert_close(pixelwise.mean(0), torch.zeros(3, 4, 5), atol=1e-5, rtol=0)
    deviation = pixelwise.std(0, correction=0)
    assert deviation[0, 1, 2] == 0
    deviation[0, 1, 2] = 1
    torch.testing.assert_close(deviation, torch.ones(3, 4, 5))


def test_batch_norm_statistics_average_what_was_seen(images, noisy):
    """After steps 1..t, batch i has weight (1 - d) d^(t - i) / (1 - d^t); the start has none."""
    specification = dataclasses.replace(QUICK, epochs=1, selection="last", batch_norm_decay=0.8)
    seen = []
    set_momentum = Training._set_batch_norm_momentum
    with pytest.MonkeyPatch.context() as patch:

        def record(training, step):
            set_momentum(training, step)
            if step == 1:
                training.network.trunk[0].register_forward_hook(
                    lambda _m, _i, output: seen.append(output.mean((0, 2, 3)))
                )

        patch.setattr(Training, "_set_batch_norm_momentum", record)
        network = train(images, noisy, dataclasses.replace(specification, validation_share=0)).network
    steps = len(seen)
    weights = 0.2 * 0.8 ** torch.arange(steps - 1, -1, -1) / (1 - 0.8**steps)
    expected = (weights[:, None] * torch.stack(seen).detach()).sum(0)
    torch.testing.assert_close(network.trunk[1].running_mean, expected)


def test_the_learning_rate_falls_in_steps():
    rates = [preset("mnist").learning_rate_at(epochs) for epochs in (0, 9.5, 10, 19)]
    assert rates == [0.01, 0.01, 0.005, 0.005]
    assert [preset("cifar10").learning_rate_at(epochs) for epochs in (29, 30, 59)] == [0.007, 0.0035, 0.0035]
    assert preset("mnist", step_every=0).learning_rate_at(20) == 0.01


def test_the_learning_rate_rises_and_falls_in_one_cycle():
    cycle = preset("digits", epochs=8, learning_rate=2.0, warm_up=0.25)
    rates = [cycle.learning_rate_at(epochs) for epochs in (0, 1, 2, 5, 8)]
    assert rates == pytest.approx([0.4, 1.2, 2.0, 1.01, 0.02])
    assert preset("digits", epochs=8, learning_rate=2.0, warm_up=0).learning_rate_at(0) == 2.0
    # The rate is set before every step, and not only once an epoch.
    seen, set_rate = [], Training.set_learning_rate
    digits = load_digits()[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Training, "set_learning_rate", lambda t, e: seen.append(e) or set_rate(t, e))
        trained = train(digits.images[:N], digits.labels[:N], dataclasses.replace(QUICK, epochs=2, warm_up=0.5))
    steps = trained.n_train // 32
    assert sorted(set(seen)) == pytest.approx([step / steps for step in range(2 * steps)])


def test_augmentation_mirrors_half_of_the_images_and_shifts_them(images):
    pixels = check_images(np.random.default_rng(0).integers(0, 256, (200, 9, 8, 3)).astype(np.uint8))
    served = DeviceImages(pixels, torch.device("cpu"), augmentation="flip_shift", seed=5)
    order = torch.arange(200)
    by_epoch = [torch.cat(list(served.batches(order, 64, epoch))) for epoch in (1, 2)]
    plain = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    assert torch.equal(torch.cat(list(served.batches(order, 64))), plain)
    mirrored = []
    for images_of_epoch in by_epoch:
        found = [
            _change_between(before.numpy(), after.numpy()) for before, after in zip(plain, images_of_epoch, strict=True)
        ]
        mirrored.append(np.array([change[0] for change in found]))
        shifts = np.array([change[1:] for change in found])
        assert set(shifts.ravel()) == {-2, -1, 0, 1, 2}
    assert np.array_equal(mirrored[0], ~mirrored[1])  # Every image is mirrored in every second epoch.
    assert 0.4 < mirrored[0].mean() < 0.6
    # An image is changed in the same way wherever it lies in the order.
    back = torch.cat(list(served.batches(order.flip(0), 7, 1)))
    assert torch.equal(back.flip(0), by_epoch[0])


def _change_between(before, after):
    """Return whether an image was mirrored, and its shift down and right."""
    padded = np.pad(before, ((0, 0), (2, 2), (2, 2)), mode="reflect")
    height, width = before.shape[1:]
    matches = [
        (mirrored, down, right)
        for mirrored in (False, True)
        for down in range(-2, 3)
        for right in range(-2, 3)
        for window in [padded[:, 2 - down : 2 - down + height, 2 - right : 2 - right + width]]
        if np.array_equal(after, window[:, :, ::-1] if mirrored else window)
    ]
    assert len(matches) == 1
    return matches[0]


def test_whitening_is_computed_from_images_of_all_classes(monkeypatch):
    """The images lie sorted by class, and each shows only its class's number."""
    labels = np.repeat(np.arange(10), 12)
    images = np.tile(labels[:, None, None] * 20, (1, 16, 16)).astype(np.uint8)
    seen = []
    monkeypatch.setattr(loop, "WHITENING_SAMPLE", 40)
    monkeypatch.setattr(WhiteningLayer, "fit", lambda _, given: seen.append(given))
    specification = preset("cifar10_fast", epochs=1, batch_size=32, n_features=16, device="cpu")
    train(images, labels, specification)
    assert [len(given) for given in seen] == [40]
    assert len(torch.unique(seen[0])) == 10


def test_the_fast_network_learns_and_resumes(tmp_path, images, noisy, clean):
    """Images of 8 x 8 are enlarged, because the network takes none that small."""
    larger = images.repeat(2, axis=1).repeat(2, axis=2)
    specification = preset("cifar10_fast", epochs=6, batch_size=32, n_features=64, selection="clean", device="cpu")
    whole = train(larger, noisy, specification, clean_labels=clean, test_images=larger[:50])
    assert whole.history[-1].clean_accuracy > 0.6  # After 48 steps; chance is 0.1.
    whitening = whole.network.trunk[0].weight
    assert not torch.equal(whitening, build_network("whitened_cnn", n_classes=10, image_shape=(16, 16)).trunk[0].weight)
    path = tmp_path / "checkpoint.pt"
    with interrupted_at(4):
        train(larger, noisy, specification, clean_labels=clean, checkpoint=path)
    assert_same(
        train(larger, noisy, specification, clean_labels=clean, test_images=larger[:50], checkpoint=path), whole
    )


def test_the_first_steps_are_taken_on_reduced_images(monkeypatch, images, noisy):
    larger, sizes = images.repeat(2, axis=1).repeat(2, axis=2), []
    layer, forward = WhiteningLayer, WhiteningLayer.forward
    monkeypatch.setattr(layer, "forward", lambda self, x: sizes.append(tuple(x.shape[2:])) or forward(self, x))
    specification = preset("cifar10_fast", epochs=2, reduced_share=0.75, batch_size=64, n_features=16, device="cpu")
    result = train(larger, noisy, specification)
    steps = result.n_train // 64
    reduced, whole = [(12, 12)], [(16, 16)]
    validation = whole  # in one batch, after each epoch and for the temperature
    in_second_epoch = round(0.5 * steps)
    assert sizes == [
        *reduced * steps,
        *validation,
        *reduced * in_second_epoch,
        *whole * (steps - in_second_epoch),
        *validation * 2,
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_of_the_paper_keep_its_decays_and_all_take_changes(name):
    specification = preset(name, seed=3)
    assert specification.seed == 3
    assert specification.selection == "noisy"
    if name != "cifar10_fast":
        assert (specification.weight_decay, specification.batch_norm_decay) == (1e-7, 0.99)
        assert specification.batch_size == {"digits": 64, "mnist_laptop": 32}.get(name, 256)
    assert TrainingSpecification(**specification.to_dict()) == specification


# --- bad input ---


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "lenet"}, "`network` must be one of"),
        ({"selection": "best"}, "`selection` must be one of 'noisy', 'clean', 'last'; got 'best'"),
        ({"device": "tpu"}, "`device` must be one of"),
        ({"precision": "float16"}, "`precision` must be one of"),
        ({"normalization": "none"}, "`normalization` must be one of"),
        ({"epochs": 0}, "`epochs` must be at least 1; got 0"),
        ({"batch_size": 1}, "`batch_size` must be at least 2"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a positive number; got nan"),
        ({"step_every": -1}, "`step_every` must be"),
        ({"step_factor": 2}, "`step_factor` must be in"),
        ({"warm_up": 1}, r"`warm_up` must be None or in \[0, 1\); got 1"),
        ({"momentum": 1.0}, "`momentum` must be None or between 0 and 1"),
        ({"momentum": 0.9, "filter_rate": 0.0}, "`filter_rate` must be None or a positive number; got 0.0"),
        ({"filter_rate": 0.1}, "`filter_rate` must be None without `momentum`"),
        ({"network": "all_cnn", "reduced_share": 1.0}, "`reduced_share` must be None or between 0 and 1; got 1.0"),
        ({"reduced_share": 0.5}, "`reduced_share` must be None for mnist_cnn; only all_cnn, whitened_cnn, densenet121"),
        ({"augmentation": "crop"}, "`augmentation` must be one of 'flip_shift'"),
        ({"weight_decay": -1}, "`weight_decay` must be"),
        ({"batch_norm_decay": 1}, "`batch_norm_decay` must be in"),
        ({"validation_share": 1}, "`validation_share` must be in"),
        ({"validation_share": 0}, '`validation_share` must be positive for `selection` "noisy"'),
        ({"patience": 0}, "`patience` must be None or at least 1"),
        ({"selection": "last", "patience": 3}, "`patience` must be None if `selection` is"),
        ({"seed": -1}, r"`seed` must be at least 0 and below 2\*\*63; got -1"),
        ({"seed": 2**63}, "`seed` must be at least 0 and below"),
    ],
)
def test_bad_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        TrainingSpecification(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 2.5}, "`epochs` must be an integer; got 2.5"),
        ({"batch_size": "32"}, "`batch_size` must be an integer; got '32'"),
        ({"epochs": True}, "`epochs` must be an integer; got True"),
        ({"n_features": 64.0}, "`n_features` must be an integer or None; got 64.0"),
        ({"seed": None}, "`seed` must be an integer; got None"),
        ({"learning_rate": "0.01"}, "`learning_rate` must be a number; got '0.01'"),
    ],
)
def test_settings_of_wrong_types_are_refused(changes, message):
    with pytest.raises(TypeError, match=message):
        TrainingSpecification(**changes)


def test_specification_takes_numpys_numbers(tmp_path, images, noisy):
    numbers = {"seed": np.int64(3), "learning_rate": np.float32(0.5), "epochs": np.int8(1)}
    specification = dataclasses.replace(QUICK, **numbers)
    assert specification == dataclasses.replace(QUICK, seed=3, learning_rate=0.5, epochs=1)
    assert {type(specification.to_dict()[name]) for name in numbers} == {int, float}
    train(images, noisy, specification, checkpoint=tmp_path / "run.pt")


@pytest.mark.parametrize("specification", ["digits", QUICK.to_dict()])
def test_a_name_or_mapping_is_not_a_specification(images, noisy, specification):
    with pytest.raises(TypeError, match="`specification` must be a TrainingSpecification, for example preset"):
        train(images, noisy, specification)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"noisy_labels": np.zeros(N, int)}, "`noisy_labels` must be of at least two classes.*all 300 are 0"),
        ({"noisy_labels": [0, 1]}, "`noisy_labels` must have one entry per image of `images`; got 2 and 300"),
        ({"clean_labels": [0, 1]}, "`clean_labels` must have one entry per image of `images`; got 2 and 300"),
        ({"clean_labels": np.full(N, 99)}, "`clean_labels` must be among the known classes"),
        ({"test_labels": [0]}, "`test_labels` need `test_images`"),
        ({"test_images": np.zeros((2, 8, 8)), "test_labels": [0]}, "`test_labels` must have one entry per image"),
        ({"test_images": np.zeros((2, 9, 8))}, "`test_images` must be of 8 x 8 pixels"),
        ({"test_images": np.full((2, 8, 8), np.nan)}, "`test_images` must be finite.*image 0"),
        ({"images": np.zeros((N, 64))}, r"`images` must have shape .*got \(300, 64\).*reshape"),
        ({"images": np.zeros((N, 3, 3))}, "at least 4 x 4 pixels for digits_cnn"),
        ({"images": np.full((N, 8, 8), np.inf)}, "`images` must be finite.*image 0 holds"),
        ({"specification": dataclasses.replace(QUICK, batch_size=271)}, "`batch_size` must be at most 268.*got 271"),
        ({"specification": dataclasses.replace(QUICK, validation_share=1e-3)}, "must hold out at least one image"),
        ({"specification": dataclasses.replace(QUICK, selection="clean")}, "needs `clean_labels`"),
        ({"specification": dataclasses.replace(QUICK, test_every_epoch=True)}, "needs `test_images` and `test_labels`"),
    ],
)
def test_bad_input_is_refused(images, noisy, arguments, message):
    with pytest.raises(ValueError, match=message):
        train(**{"images": images, "noisy_labels": noisy, "specification": QUICK, **arguments})


def test_images_become_uint8_or_float32_or_are_refused():
    for dtype in (object, complex, str):
        with pytest.raises(TypeError, match="`images` must be"):
            check_images(np.zeros((2, 8, 8)).astype(dtype))
    assert check_images(np.zeros((2, 8, 8), int)).dtype == np.float32
    assert check_images(torch.zeros(2, 8, 8, 3, dtype=torch.uint8)).dtype == np.uint8


def test_an_image_with_nan_is_named(images, noisy):
    spoilt = images.astype(float)
    spoilt[17, 3, 3] = np.nan
    with pytest.raises(ValueError, match=r"`images` must be finite.*image 17 holds NaN"):
        train(spoilt, noisy, QUICK)


def test_missing_cuda_is_reported(monkeypatch, images, noisy):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"`device` must be one that this machine has; got 'cuda', but .*'cpu'"):
        train(images, noisy, dataclasses.replace(QUICK, device="cuda"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noise", "rate", "n_features", "at_least"), [(FlipNoise(), 0.3, 256, 0.93), (UniformNoise(), 0.5, 500, 0.92)]
)
def test_mnist_reaches_its_accuracy_at_laptop_scale(data_folder, noise, rate, n_features, at_least):
    train_set, test = load_images("mnist", "train", limit=6000), load_images("mnist", "test")
    noisy = corrupt(train_set.labels, noise, rate, random_state=0).labels
    specification = preset("mnist_laptop", n_features=n_features, device="cpu")
    result = train(train_set.images, noisy, specification, test_images=test.images, test_labels=test.labels)
    assert result.test_accuracy >= at_least


# --- on a GPU ---


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_cuda_is_deterministic_and_resumes(tmp_path, images, noisy, clean, precision):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    specification = dataclasses.replace(QUICK, device="cuda", precision=precision, batch_size=64)
    arguments = {"clean_labels": clean, "test_images": images, "test_labels": clean}
    first = train(images, noisy, specification, **arguments)
    assert first.test_accuracy > 0.5
    with interrupted_at(3):
        train(images, noisy, specification, checkpoint=tmp_path / "run.pt", **arguments)
    assert_same(first, train(images, noisy, specification, checkpoint=tmp_path / "run.pt", **arguments))
