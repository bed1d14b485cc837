"""Training by several processes: two on the CPU, started by torchrun, are compared with one."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from helpers.training_results import one_thread  # noqa: F401

from labelnoise.data import load_digits
from labelnoise.processes import ALONE, Processes, join_processes
from labelnoise.training import preset, train
from labelnoise.training.loop import Training

QUICK = preset("digits", epochs=3, batch_size=32, device="cpu", precision="float32")
N, N_TEST = 301, 51

PROGRAM = """
    import dataclasses, json, os, sys
    from pathlib import Path

    import numpy as np
    import torch
    from PIL import Image

    from labelnoise.data import load_digits, open_images
    from labelnoise.training import preset, train
    from labelnoise.training.loop import Training

    folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
    QUICK = preset("digits", epochs=3, batch_size=32, device="cpu", precision="float32")
    digits = load_digits()[0]
    images, labels = digits.images[:301], digits.labels[:301]
    test = {"test_images": images[:51], "test_labels": labels[:51]}
    arrays, record = {}, {}

    def keep(name, result):
        arrays.update({f"{name} {key}": value.numpy() for key, value in result.network.state_dict().items()})
        record[name] = {**result.summary(), "pred_probs": result.pred_probs is not None and result.pred_probs.tolist()}

    keep("undisturbed", train(images, labels, QUICK, **test))

    train_epoch = Training._train_epoch

    def interrupted(run, epoch, bar):
        if epoch == 3:
            raise KeyboardInterrupt
        return train_epoch(run, epoch, bar)

    checkpoint = folder / "run.pt"
    Training._train_epoch = interrupted
    try:
        train(images, labels, QUICK, checkpoint=checkpoint, **test)
    except KeyboardInterrupt:
        record["written"] = [file.name for file in folder.glob("run*")]
    Training._train_epoch = train_epoch
    keep("resumed", train(images, labels, QUICK, checkpoint=checkpoint, **test))
    try:
        own = folder / f"{rank}.pt"
        if rank == 0:
            own.write_bytes(checkpoint.read_bytes())
        train(images, labels, QUICK, checkpoint=own, **test)
    except ValueError as error:
        record["other checkpoint"] = str(error)

    stream = open_images(folder / "set")
    plain = dataclasses.replace(QUICK, normalization="channel", batch_size=16)
    keep("streamed", train(stream, stream.labels, plain, test_images=stream, loader_workers=1))

    diverging = dataclasses.replace(QUICK, learning_rate=1e35)
    for name, specification in (("diverged", diverging), ("odd", dataclasses.replace(QUICK, batch_size=31))):
        try:
            train(images, labels, specification)
        except (ValueError, FloatingPointError) as error:
            record[name] = str(error)
    np.savez(folder / f"{rank}.npz", **arrays)
    (folder / f"{rank}.json").write_text(json.dumps(record))
"""


@pytest.fixture(scope="module")
def data():
    digits = load_digits()[0]
    images, labels = digits.images[:N], digits.labels[:N]
    return images, labels, {"test_images": images[:N_TEST], "test_labels": labels[:N_TEST]}


@pytest.fixture(scope="module")
def both(tmp_path_factory, data):
    """Return the state dictionaries and records of both processes."""
    pytest.importorskip("datasets", reason="needs the package `datasets`")
    from PIL import Image

    folder = tmp_path_factory.mktemp("processes")
    for i, (image, label) in enumerate(zip(*data[:2], strict=True)):
        place = folder / "set" / str(label)
        place.mkdir(parents=True, exist_ok=True)
        if i < 120:
            Image.fromarray(image * 15).save(place / f"{i}.png")
    (folder / "program.py").write_text(textwrap.dedent(PROGRAM))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, folder / "program.py", folder], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    arrays = [dict(np.load(folder / f"{rank}.npz")) for rank in (0, 1)]
    return arrays, [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


def network_of(arrays, name):
    return {key.partition(" ")[2]: value for key, value in arrays.items() if key.startswith(f"{name} ")}


def test_both_processes_have_the_same_result(both):
    (first, second), (record, other) = both
    assert record == other
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def batch_norms(network):
    return [module for module in network.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]


def test_two_processes_train_like_one_with_batch_norm_over_shares(both, data, monkeypatch):
    """In the reference, one process sends the halves of a batch through twins that share their parameters."""
    start, train_epoch = Training.__init__, Training._train_epoch

    def start_twins(run, *arguments):
        start(run, *arguments)
        twin = copy.deepcopy(run.network, {id(weight): weight for weight in run.network.parameters()})
        run.pairs = list(zip(batch_norms(run.network), batch_norms(twin), strict=True))
        run._norms = [norm for pair in run.pairs for norm in pair]
        run._parallel = lambda batch: torch.cat(
            [network(half) for network, half in zip((run.network, twin), batch.chunk(2), strict=True)]
        )

    def train_twins(run, epoch, bar):
        measured = train_epoch(run, epoch, bar)
        for pair in run.pairs:
            for name in ("running_mean", "running_var"):
                mean = (getattr(pair[0], name) + getattr(pair[1], name)) / 2
                for norm in pair:
                    getattr(norm, name).copy_(mean)
        return measured

    monkeypatch.setattr(Training, "__init__", start_twins)
    monkeypatch.setattr(Training, "_train_epoch", train_twins)
    images, labels, test = data
    expected, record = train(images, labels, QUICK, **test), both[1][0]["undisturbed"]
    assert (record["n_train"], record["n_validation"]) == (expected.n_train, expected.n_validation)
    for epoch, expected_epoch in zip(record["history"], expected.history, strict=True):
        assert epoch["loss"] == pytest.approx(expected_epoch.loss, rel=0.01)  # Rounding errors grow from step to step.
        assert epoch["train_accuracy"] == pytest.approx(expected_epoch.train_accuracy, abs=0.01)
        assert epoch["noisy_accuracy"] == pytest.approx(expected_epoch.noisy_accuracy, abs=0.04)  # There are 30 images.
    assert record["test_accuracy"] == pytest.approx(expected.test_accuracy, abs=0.04)
    assert len(record["pred_probs"]) == N_TEST  # The number is odd, so the shares differ in length.
    assert (np.argmax(record["pred_probs"], 1) == test["test_labels"]).mean() == record["test_accuracy"]


def test_an_interrupted_training_resumes(both):
    arrays, record = both[0][0], both[1][0]
    assert record["written"] == ["run.pt"]
    undisturbed, resumed = network_of(arrays, "undisturbed"), network_of(arrays, "resumed")
    for name, value in undisturbed.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)
    assert record["resumed"]["pred_probs"] == record["undisturbed"]["pred_probs"]
    assert "`checkpoint` must be the same file for all processes" in record["other checkpoint"]


def test_a_stream_is_shared_between_processes(both):
    record = both[1][0]["streamed"]
    assert len(record["pred_probs"]) == 120
    assert record["history"][-1]["loss"] < record["history"][0]["loss"]


def test_all_processes_stop_together(both):
    assert "the loss must stay finite" in both[1][0]["diverged"]
    assert "`batch_size` must be a multiple of the 2 processes" in both[1][0]["odd"]


# --- without torchrun ---


def test_a_single_process_exchanges_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_processes(torch.device("cpu")) is ALONE
    rows = torch.arange(6.0).view(2, 3)
    network = torch.nn.Linear(3, 3)
    for found in (ALONE.share_of_batches(rows), ALONE.share(rows), ALONE.gather(rows, 2, rows.device)):
        assert torch.equal(found, rows)
    assert ALONE.sum(rows) is ALONE.mean(rows) is rows
    assert ALONE.parallel(network) is network
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_shares_put_together_are_the_whole(n):
    indices = torch.arange(n) + 10
    shares = [Processes(rank, 4).share(indices) for rank in range(4)]
    assert len({len(share) for share in shares}) == 1
    assert torch.equal(torch.cat(shares)[:n], indices)
    batches = torch.arange(24).view(2, 12)
    parts = [Processes(rank, 4).share_of_batches(batches) for rank in range(4)]
    assert torch.equal(torch.cat(parts, 1), batches)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ValueError, match=r"a machine with 2\. Start at most 2: torchrun --nproc-per-node 2"):
        join_processes(torch.device("cuda"))
