"""Image sets on disk: they are opened, cropped and trained on, and the result repeats."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from helpers.training_results import assert_same, one_thread  # noqa: F401
from PIL import Image

from labelnoise.data import load_images, open_images
from labelnoise.networks.architectures import build_network
from labelnoise.training import TrainingSpecification, predict, preset, train
from labelnoise.training.data import check_images, normalization_of
from labelnoise.training.loop import Training
from labelnoise.training.streaming import StreamedImages

datasets = pytest.importorskip("datasets", reason="needs the package `datasets`")
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # Python 3.12 and later warn of it.

CPU = torch.device("cpu")
CLASSES = ("ant", "bee", "cow")
QUICK = TrainingSpecification(
    network="digits_cnn",
    epochs=3,
    batch_size=8,
    validation_share=0.2,
    normalization="channel",
    resize=36,
    crop=32,
    device="cpu",
    precision="float32",
)


@pytest.fixture(scope="module", autouse=True)
def _torchvision(torchvision):
    """The transforms come from torchvision."""


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch, tmp_path):
    monkeypatch.delenv("LABELNOISE_DATA", raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def photograph(rng, code, size):
    """Draw noise around the color of a class, so that there is something to learn."""
    center = np.array([[200, 60, 60], [60, 200, 60], [60, 60, 200]])[code]
    return np.clip(rng.normal(center, 40, (*size, 3)), 0, 255).astype(np.uint8)


def write_folder(root, split, n, rng):
    for i in range(n):
        code, size = i % 3, rng.integers(20, 60, 2)
        folder = root / split / CLASSES[code]
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(photograph(rng, code, size))
        (image.convert("L") if i == 7 else image).save(folder / f"{i:03}.JPEG", quality=95)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("images") / "zoo", np.random.default_rng(0)
    write_folder(root, "train", 60, rng)
    write_folder(root, "val", 15, rng)
    return root


@pytest.fixture(scope="module")
def stream(zoo):
    return open_images(zoo)


def write_parquet(folder, images, labels):
    cells = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        cells.append({"bytes": buffer.getvalue(), "path": None})
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features = {"image": {"_type": "Image"}, "label": {"names": list(CLASSES), "_type": "ClassLabel"}}
    table = pa.table({"image": pa.array(cells, kind), "label": labels})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=4)


# --- opening ---


def test_an_image_folder_is_opened(zoo, stream):
    assert repr(stream) == "ImageStream('zoo', split='train': 60 RGB images on disk, 3 classes)"
    assert stream.classes == CLASSES
    assert stream.labels.dtype == np.int64
    assert stream.summary["class_counts"] == [20, 20, 20]
    files = [file for name in CLASSES for file in sorted((zoo / "train" / name).iterdir())]
    for i in (0, 25, 59):
        with Image.open(files[i]) as image:
            np.testing.assert_array_equal(stream.image(i), np.asarray(image.convert("RGB")))
        assert CLASSES[stream.labels[i]] == files[i].parent.name
    assert {stream.image(i).shape[2] for i in range(60)} == {3}  # One of the files is gray.
    assert open_images(zoo, channels=1).image(0).shape[2] == 1
    assert len(open_images(zoo, "val")) == len(open_images(zoo, "validation")) == 15
    assert open_images(zoo, "val", classes=CLASSES[::-1]).labels.tolist() == [2] * 5 + [1] * 5 + [0] * 5


def test_a_stream_holds_the_same_as_a_set_in_memory(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (10, 9, 8, 3), dtype=np.uint8), rng.integers(0, 3, 10).tolist()
    write_parquet(tmp_path / "parquet", images, labels)
    for i in range(10):
        folder = tmp_path / "folder" / CLASSES[labels[i]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[i]).save(folder / f"{i}.png")
    for name in ("parquet", "folder"):
        loaded, opened = load_images(tmp_path / name), open_images(tmp_path / name)
        np.testing.assert_array_equal(np.stack([opened.image(i) for i in range(10)]), loaded.images)
        np.testing.assert_array_equal(opened.labels, loaded.labels)
        assert opened.classes == loaded.classes


def test_a_set_from_the_hub_is_opened_the_same_way(tmp_path, monkeypatch):
    """A local folder stands in for the hub's copy, which would be downloaded and cached."""
    images = np.random.default_rng(0).integers(0, 256, (3, 9, 8, 3), dtype=np.uint8)
    write_parquet(tmp_path / "pets", images, [0, 1, 2])
    load = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda hub_id: load(str(tmp_path / "pets")))
    opened = open_images("someone/bees")
    assert opened.name == "bees"
    np.testing.assert_array_equal(opened.image(1), images[1])


def test_the_data_folder_is_searched_first(zoo, stream, monkeypatch):
    monkeypatch.setenv("LABELNOISE_DATA", str(zoo.parent))
    assert open_images("someone/zoo").digest() == stream.digest()


@pytest.mark.parametrize("kind", ["folder", "parquet"])
def test_another_process_reads_a_pickled_stream(zoo, tmp_path, kind):
    if kind == "parquet":
        images = np.random.default_rng(0).integers(0, 256, (9, 9, 8, 3), dtype=np.uint8)
        write_parquet(tmp_path / "set", images, [0, 1, 2] * 3)
    opened = open_images(zoo if kind == "folder" else tmp_path / "set")
    (tmp_path / "stream").write_bytes(pickle.dumps(opened))
    code = f"import pickle; s = pickle.load(open({str(tmp_path / 'stream')!r}, 'rb')); print(s.image(5).sum())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == opened.image(5).sum()


def test_select_takes_images_in_the_given_order(stream):
    some = stream.select([40, 3])
    assert some.labels.tolist() == [2, 0]
    np.testing.assert_array_equal(some.image(1), stream.image(3))
    np.testing.assert_array_equal(
        stream.select(np.flatnonzero(stream.labels == 1)).select([0]).image(0), stream.image(20)
    )
    for bad in ([0.5], [[1]]):
        with pytest.raises(TypeError, match="`indices` must be"):
            stream.select(bad)
    with pytest.raises(ValueError, match="zoo, split 'train' must hold at least one image; none is selected"):
        stream.select(np.arange(0))


def test_the_digest_depends_on_the_files_and_not_on_their_folder(zoo, stream, tmp_path):
    moved = shutil.copytree(zoo, tmp_path / "moved")
    assert open_images(moved).digest() == stream.digest()
    assert stream.select(range(59)).digest() != stream.digest()
    file = moved / "train" / "bee" / "001.JPEG"
    file.write_bytes(file.read_bytes() + b"\0")
    resized = open_images(moved).digest()
    file.rename(file.with_name("x.JPEG"))
    assert len({stream.digest(), resized, open_images(moved).digest()}) == 3
    digests, images = set(), np.random.default_rng(0).integers(0, 256, (4, 9, 8, 3), dtype=np.uint8)
    for height in (8, 9):
        write_parquet(tmp_path / f"set{height}", images[:, :height], [0, 1, 2, 0])
        digests.add(open_images(tmp_path / f"set{height}").digest())
    assert len(digests) == 2


def test_sets_that_cannot_be_opened_are_refused(zoo, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no"):
        open_images(tmp_path / "nowhere" / "at" / "all")
    with pytest.raises(ValueError, match=r"`split` must be one of 'train', 'validation', which .*zoo has; got 'test'"):
        open_images(zoo, "test")
    with pytest.raises(ValueError, match=r"`channels` must be 3 \(RGB\) or 1 \(gray\); got 4"):
        open_images(zoo, channels=4)
    with pytest.raises(ValueError, match="must be None for an image folder"):
        open_images(zoo, label_column="y")
    with pytest.raises(ValueError, match="known classes"):
        open_images(zoo, classes=("ant", "bee"))
    write_parquet(tmp_path / "set", np.zeros((2, 4, 4), np.uint8), [0, -1])
    with pytest.raises(ValueError, match="must have a label in every row; row 1 has -1"):
        open_images(tmp_path / "set")
    with pytest.raises(ValueError, match=r"`split` must be one of 'train', which .*set has; got 'val'"):
        open_images(tmp_path / "set", "val")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty must be a folder of Parquet files"):
        open_images(tmp_path / "empty")


def test_class_folders_of_a_split_must_be_among_those_of_training(zoo, tmp_path):
    other = shutil.copytree(zoo, tmp_path / "other")
    shutil.rmtree(other / "val" / "ant")  # With fewer classes, the codes are still those of training.
    assert open_images(other, "val").labels.tolist() == [1] * 5 + [2] * 5
    assert open_images(other, "val").classes == CLASSES
    (other / "val" / "bee").rename(other / "val" / "Bee")
    with pytest.raises(ValueError, match=r"folders of .*val must be among those of .*train; 1 of 2 are not: 'Bee'\."):
        open_images(other, "val")
    for file in sorted(other.glob("val/*/*")):
        file.rename(other / "val" / file.name)
    shutil.rmtree(other / "val" / "Bee")
    with pytest.raises(ValueError, match=r"one folder per class.*Images lie in it directly: sort them"):
        open_images(other, "val")


# --- the layout of image folders ---

EVERY = ("train/ant", "train/bee", "test/ant", "test/bee")


def place_images(root, *files):
    """Write one image of its own pixels per name."""
    for i, file in enumerate(files):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), i, np.uint8)).save(root / file)
    return root


def counts_of(root, split="train"):
    """Return the number of images per class, the same in memory and on disk."""
    loaded, opened = load_images(root, split), open_images(root, split, channels=1)
    np.testing.assert_array_equal(loaded.labels, opened.labels)
    np.testing.assert_array_equal(loaded.images, [opened.image(i)[..., 0] for i in range(len(opened))])
    assert loaded.classes == opened.classes
    return dict(zip(loaded.classes, np.bincount(loaded.labels, minlength=len(loaded.classes)).tolist(), strict=True))


@pytest.mark.parametrize("odd", ["train", "test tube", "training_shoe", "val", "Dev", "test-train"])
def test_a_class_may_be_called_like_a_split(tmp_path, odd):
    files = [
        f"{split}/{name}/{i}.png" for split, n in (("train", 3), ("test", 2)) for name in ("bus", odd) for i in range(n)
    ]
    place_images(tmp_path / "split", *files)
    assert counts_of(tmp_path / "split") == {"bus": 3, odd: 3}
    assert counts_of(tmp_path / "split", "test") == {"bus": 2, odd: 2}
    place_images(tmp_path / "whole", "bus/1.png", f"{odd}/1.png", f"{odd}/2.png")
    assert counts_of(tmp_path / "whole") == {"bus": 1, odd: 2}


def test_files_in_folders_below_a_class_folder_belong_to_that_class(tmp_path):
    place_images(tmp_path, "ant/1.png", "ant/old/2.png", "bee/old/3.png", "bee/b/c/4.png")
    with pytest.warns(
        UserWarning, match=r"below class folders \(3\), such as ant/old/2\.png; their class is 'ant', the upper folder"
    ):
        assert counts_of(tmp_path) == {"ant": 2, "bee": 2}


def test_hidden_files_those_of_systems_and_those_that_are_not_regular_are_left_out(tmp_path):
    place_images(tmp_path, *(f"{place}/1.png" for place in EVERY))
    place_images(tmp_path, "__MACOSX/train/ant/1.png", ".thumbs/ant/1.png", "train/.git/1.png", "train/ant/.hidden.png")
    place_images(tmp_path, "train/ant/__MACOSX/2.png", "train/bee/@eaDir/2.png", "train/__MACOSX/ant/1.png")
    (tmp_path / "train" / "ant" / "._1.png").write_bytes(b"no image")
    (tmp_path / "train" / "bee" / ".DS_Store").touch()
    (tmp_path / "train" / "bee" / "notes.txt").touch()
    os.mkfifo(tmp_path / "train" / "bee" / "0.png")
    (tmp_path / "train" / "bee" / "loop").symlink_to(tmp_path / "train" / "bee")
    assert counts_of(tmp_path) == {"ant": 1, "bee": 1}
    assert load_images(tmp_path).left_out == {
        "7 files, such as .git": "hidden, or of an operating system",
        "1 file bee/0.png": "no regular file",
        "1 file bee/notes.txt": "no image by its name",
    }
    (tmp_path / "train" / "bee" / "3.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"bee/3\.png leads nowhere"):
        load_images(tmp_path)


def test_empty_class_folders_and_loose_images_are_reported(tmp_path):
    place_images(tmp_path, *(f"{place}/1.png" for place in EVERY))
    (tmp_path / "train" / "cow").mkdir()
    with pytest.warns(UserWarning, match="class folders without images: 'cow'. They count as classes without samples"):
        assert counts_of(tmp_path) == {"ant": 1, "bee": 1, "cow": 0}
    assert counts_of(tmp_path, "test") == {"ant": 1, "bee": 1, "cow": 0}
    place_images(tmp_path, "test/cover.png")
    with pytest.warns(UserWarning, match=r"test holds images outside class folders \(1\), which are left out"):
        assert counts_of(tmp_path, "test") == {"ant": 1, "bee": 1, "cow": 0}


def test_other_folders_and_files_beside_splits_do_not_matter(tmp_path):
    place_images(tmp_path, *(f"{place}/1.png" for place in EVERY), "assets/banner.png", "extra/ant/1.png", "cover.png")
    (tmp_path / "features.parquet").touch()
    assert counts_of(tmp_path) == counts_of(tmp_path, "test") == {"ant": 1, "bee": 1}
    assert counts_of(tmp_path, "extra") == {"ant": 1, "bee": 0}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["train/1.png", "test/2.png"], "one folder per class, .* Images lie in it directly: sort them into such"),
        (["1.png", "2.png"], "one folder per class, .* Images lie in it directly: sort them into such folders"),
        (["images/1.png"], "at least two class folders, .*; it has only 'images'"),
        (["zoo/ant/1.png", "zoo/bee/1.png"], "only 'zoo'. Its folder holds 'ant', 'bee': name that folder instead"),
        (["ant/train/1.png", "bee/train/1.png", "bee/test/1.png"], "splits of .* must lie above its classes"),
        (["train/steam/1.png", "train/fast/1.png", "bus/1.png"], "'train' may be a split, .* or a class beside 'bus'"),
    ],
)
def test_layouts_that_could_be_read_in_two_ways_are_refused(tmp_path, files, message):
    place_images(tmp_path, *files)
    for read in (load_images, open_images):
        with pytest.raises(ValueError, match=message):
            read(tmp_path)


def test_two_folders_that_mean_the_same_split_are_named_exactly(tmp_path):
    place_images(tmp_path, *(f"{split}/{name}/1.png" for split in ("train", "val", "dev") for name in ("ant", "bee")))
    assert counts_of(tmp_path, "dev") == {"ant": 1, "bee": 1}
    with pytest.raises(ValueError, match=r"'validation' may be 'dev', 'val'\. Give one of these names"):
        load_images(tmp_path, "validation")


# --- crops and normalization ---


def frames(stream, order=range(60), epoch=None, **options):
    images = StreamedImages(stream, CPU, **{"size": (32, 32), "resize": 36, "workers": 0, **options})
    return torch.cat(list(images.batches(torch.tensor(order), 7, epoch)))


def test_crops_are_central_or_somewhere_in_the_resized_image(stream):
    from torchvision.transforms import v2

    transforms = v2.Compose([v2.Resize(36, antialias=True), v2.CenterCrop(32)])
    centered, cropped = frames(stream), frames(stream, epoch=1)
    for i in (0, 30):
        pixels = torch.tensor(stream.image(i)).permute(2, 0, 1)
        assert torch.equal(centered[i], transforms(pixels))
        resized = v2.functional.resize(pixels, [36])
        places = [
            resized[:, top : top + 32, left : left + 32]
            for top in range(resized.shape[1] - 31)
            for left in range(resized.shape[2] - 31)
        ]
        assert any(torch.equal(cropped[i], place) for place in places)
    assert centered.dtype == torch.uint8
    assert centered.shape == (60, 3, 32, 32)


def test_crops_follow_from_seed_epoch_and_image_alone(stream):
    expected = frames(stream, epoch=1)
    order = np.random.default_rng(0).permutation(60)
    for workers in (0, 1, 2):
        assert torch.equal(frames(stream, order, epoch=1, workers=workers), expected[order])
    assert not torch.equal(frames(stream, epoch=2), expected)
    assert not torch.equal(frames(stream, epoch=1, seed=1), expected)
    assert not torch.equal(frames(stream), expected)


def test_the_global_random_state_is_left_alone(stream):
    before = torch.get_rng_state()
    frames(stream, workers=2, epoch=1)
    assert torch.equal(before, torch.get_rng_state())


def test_a_stream_is_normalized_by_the_statistics_of_its_pixels(stream):
    images = StreamedImages(stream, CPU, size=(32, 32), resize=36, workers=0)
    part = np.arange(5, 60)
    shift, scale = images.normalization(part, "channel")
    pixels = frames(stream, part).float()
    torch.testing.assert_close(shift.flatten(), pixels.mean((0, 2, 3)))
    torch.testing.assert_close(1 / scale.flatten(), pixels.std((0, 2, 3), correction=0))
    of_array = normalization_of(frames(stream, part).permute(0, 2, 3, 1).numpy(), "channel")
    torch.testing.assert_close((shift, scale), of_array)
    shift, scale = images.normalization(part, "range")
    assert (float(shift), float(scale)) == (0, pytest.approx(1 / 255))
    with pytest.raises(ValueError, match='`normalization` must be "channel" or "range" for images on disk'):
        images.normalization(part, "pixel")


def test_the_imagenet_preset_has_the_papers_settings():
    specification = preset("imagenet")
    assert (specification.network, specification.epochs, specification.batch_size) == ("densenet121", 30, 256)
    assert (specification.resize, specification.crop, specification.normalization) == (256, 224, "channel")
    rates = [specification.learning_rate_at(epochs) for epochs in (0, 14, 15, 29)]
    assert rates == [0.001, 0.001, pytest.approx(0.0001), pytest.approx(0.0001)]


# --- training and prediction ---


@pytest.fixture(scope="module")
def noisy(stream):
    labels = stream.labels.copy()
    labels[::10] = (labels[::10] + 1) % 3
    return labels


@pytest.fixture(scope="module")
def undisturbed(zoo, stream, noisy):
    test = open_images(zoo, "val")
    return train(stream, noisy, QUICK, test_images=test, test_labels=test.labels, loader_workers=0)


def test_a_network_learns_from_a_stream(undisturbed, zoo, stream):
    assert undisturbed.network.image_shape == (3, 32, 32)
    assert undisturbed.test_accuracy > 0.9
    found = predict(undisturbed.network, open_images(zoo, "val"), resize=36, device="cpu", loader_workers=1)
    np.testing.assert_array_equal(found.pred_probs, undisturbed.pred_probs)
    in_memory = frames(stream).permute(0, 2, 3, 1).numpy()
    from_disk = predict(undisturbed.network, stream, resize=36, device="cpu", batch_size=7, loader_workers=0)
    np.testing.assert_array_equal(
        from_disk.pred_probs, predict(undisturbed.network, in_memory, device="cpu", batch_size=7).pred_probs
    )


def test_without_crops_a_stream_trains_as_a_set_in_memory(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 3
    images = np.stack([photograph(rng, code, (12, 10)) for code in labels])
    write_parquet(tmp_path / "set", images, labels)
    plain = dataclasses.replace(QUICK, resize=None, crop=None, epochs=2)
    streamed = train(open_images(tmp_path / "set"), labels, plain, test_images=images[:9], loader_workers=1)
    in_memory = train(images, labels, plain, test_images=images[:9])
    in_memory.network.load_state_dict(in_memory.network.state_dict() | {"shift": streamed.network.shift})
    torch.testing.assert_close(streamed.network.state_dict(), in_memory.network.state_dict())


def test_training_resumes_with_another_number_of_workers(undisturbed, zoo, stream, noisy, tmp_path, monkeypatch):
    arguments = {"test_images": open_images(zoo, "val"), "checkpoint": tmp_path / "run.pt"}
    momentum = Training._set_batch_norm_momentum

    def killed(training, step):
        if step == 2 * training.steps + 2:
            raise KeyboardInterrupt
        momentum(training, step)

    monkeypatch.setattr(Training, "_set_batch_norm_momentum", killed)
    with pytest.raises(KeyboardInterrupt):
        train(stream, noisy, QUICK, loader_workers=2, **arguments)
    monkeypatch.setattr(Training, "_set_batch_norm_momentum", momentum)
    assert_same(train(stream, noisy, QUICK, loader_workers=1, **arguments), undisturbed)
    with pytest.raises(ValueError, match="same specification, data and device; data is"):
        train(stream.select(np.arange(60)[::-1]), noisy, QUICK, loader_workers=0, **arguments)


def test_densenet_trains_on_a_stream(stream, noisy):
    specification = preset(
        "imagenet", epochs=1, batch_size=8, resize=36, crop=32, device="cpu", precision="float32", validation_share=0.2
    )
    few = np.r_[0:4, 20:24, 40:44]
    result = train(stream.select(few), noisy[few], specification, loader_workers=1)
    assert result.network.image_shape == (3, 32, 32)
    assert np.isfinite(result.history[0].loss)


# --- bad input ---


def test_images_on_disk_are_not_mirrored_or_shifted(stream, noisy):
    with pytest.raises(ValueError, match=r"`augmentation` must be None for images on disk, .*got 'flip_shift'"):
        train(stream, noisy, dataclasses.replace(QUICK, augmentation="flip_shift"), loader_workers=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_is_named(zoo, tmp_path, workers):
    other = shutil.copytree(zoo, tmp_path / "other")
    (other / "train" / "bee" / "004.JPEG").write_bytes(b"no image")
    stream = open_images(other)
    with pytest.raises(ValueError, match=r"^image 21 \(.*bee/004\.JPEG\) of image set .*other, split 'train' must be"):
        train(stream, stream.labels, QUICK, loader_workers=workers)


def test_a_damaged_row_is_named(tmp_path):
    write_parquet(tmp_path / "set", np.zeros((5, 8, 8), np.uint8), [0, 1, 2, 0, 1])
    path = next((tmp_path / "set").iterdir())
    table = pq.read_table(path)
    cells = table["image"].to_pylist()
    cells[3]["bytes"] = cells[3]["bytes"][:30]
    pq.write_table(table.set_column(0, "image", pa.array(cells, table["image"].type)), path)
    with pytest.raises(ValueError, match=r"image 3 of image set .*set, split 'train' must be an image"):
        open_images(tmp_path / "set").select([2, 3]).image(1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crop": None}, "`resize` must be given together with `crop`, or neither; got 36"),
        ({"resize": None}, "`resize` must be given together with `crop`, or neither; got None"),
        ({"crop": 0}, "`crop` must be at least 1; got 0"),
        ({"crop": 37}, "`crop` must be at most `resize`, 36; got 37"),
    ],
)
def test_bad_crops_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUICK, **changes)


def test_bad_input_is_refused(stream, noisy, zoo):
    with pytest.raises(ValueError, match="at least two classes"):
        train(stream, np.zeros(60, int), QUICK)
    with pytest.raises(ValueError, match="one entry per image of `images`; got 2 and 60"):
        train(stream, [0, 1], QUICK)
    with pytest.raises(ValueError, match=r"of 54 x 45 pixels where `resize` is None; image \d+ is of"):
        train(stream, noisy, dataclasses.replace(QUICK, resize=None, crop=None), loader_workers=0)
    with pytest.raises(ValueError, match="`resize` and `crop` must be None for images in memory"):
        train(np.zeros((60, 32, 32, 3)), noisy, QUICK)
    with pytest.raises(ValueError, match="`test_images` must be of 32 x 32 pixels and 3"):
        train(stream, noisy, QUICK, test_images=open_images(zoo, "val", channels=1), loader_workers=0)
    with pytest.raises(ValueError, match="`loader_workers` must be at least 0"):
        train(stream, noisy, QUICK, loader_workers=-1)
    network = build_network("digits_cnn", n_classes=3, image_shape=(32, 32, 3))
    with pytest.raises(ValueError, match="`resize` must be at least 32, the side that is cut out; got 31"):
        predict(network, stream, resize=31, device="cpu")
    with pytest.raises(ValueError, match=r"must be of 32 x 32 pixels where `resize` is None.*Set `resize`"):
        predict(network, stream, device="cpu", loader_workers=0)
    with pytest.raises(ValueError, match="`resize` must be None for images in memory"):
        predict(network, np.zeros((1, 32, 32, 3)), resize=36, device="cpu")
    with pytest.raises(TypeError, match=r"`images` must be in memory here; got ImageStream"):
        check_images(stream)


def test_the_error_without_torchvision_says_what_to_install(stream, noisy, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision.transforms.v2", None)
    with pytest.raises(ImportError, match=r"resizing images needs torchvision.*pip install 'labelnoise\[cnn\]'"):
        train(stream, noisy, QUICK)


def test_a_stream_needs_one_label_per_image(stream):
    with pytest.raises(ValueError, match="`labels` must be one per image"):
        dataclasses.replace(stream, labels=stream.labels[:3])
