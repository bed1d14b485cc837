"""Image sets are loaded from Parquet files in the hub's layout and from image folders; bad sets are reported."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from labelnoise.data import ImageSet, decoding, load_digits, load_images

datasets = pytest.importorskip("datasets", reason="needs the package `datasets`")

GRAY = np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)
CODES = [1, 0, 1, 2, 0, 2]


@pytest.fixture(autouse=True)
def no_surroundings(request, monkeypatch, tmp_path):
    """Leave no network and no data folder, an empty cache, and a working folder without data."""
    if "data_folder" not in request.fixturenames:
        monkeypatch.delenv("LABELNOISE_DATA", raising=False)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def write_parquet(path: Path, images: list[bytes | None], columns: dict, features: dict | None = None) -> Path:
    """Write a Parquet file as on the hub: images as bytes, and the meaning of columns in the metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [None if image is None else {"bytes": image, "path": None} for image in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(cells, kind), **columns})
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path)
    return path


def class_label(*names: str) -> dict:
    return {"names": list(names), "_type": "ClassLabel"}


FEATURES = {"image": {"_type": "Image"}, "label": class_label("ant", "bee", "cow")}


@pytest.fixture(params=["", "data"])
def hub_folder(request, tmp_path) -> Path:
    folder = tmp_path / "pets"
    for split, chosen in (("train", slice(0, 4)), ("test", slice(4, 6))):
        path = folder / request.param / f"{split}-00000-of-00001.parquet"
        write_parquet(path, [encoded(image) for image in GRAY[chosen]], {"label": CODES[chosen]}, FEATURES)
    return folder


@pytest.fixture
def image_folder(tmp_path) -> Path:
    folder = tmp_path / "zoo"
    for i, split, animal in ((0, "train", "ant"), (1, "train", "bee"), (2, "train", "bee"), (3, "test", "bee")):
        (folder / split / animal).mkdir(parents=True, exist_ok=True)
        Image.fromarray(GRAY[i]).save(folder / split / animal / f"{i}.png")
    return folder


def test_a_folder_in_the_hubs_layout_is_loaded(hub_folder):
    train, test = load_images(hub_folder), load_images(hub_folder, "test")
    np.testing.assert_array_equal(train.images, GRAY[:4])
    np.testing.assert_array_equal(test.images, GRAY[4:])
    assert train.labels.tolist() == CODES[:4]
    assert train.labels.dtype == np.int64
    assert train.classes == test.classes == ("ant", "bee", "cow")
    assert repr(test) == "ImageSet('pets', split='test': 2 gray images of 5 x 4, 3 classes)"
    assert not (hub_folder.parent / "cache").exists()  # No copy was made.


def test_an_image_folder_is_loaded_with_and_without_splits(image_folder):
    train, test = load_images(image_folder), load_images(str(image_folder), "test")
    np.testing.assert_array_equal(train.images, GRAY[:3])
    assert train.labels.tolist() == [0, 1, 1]
    assert test.labels.tolist() == [1]  # Codes are those of training, although "ant" does not occur.
    assert train.classes == test.classes == ("ant", "bee")
    unsplit = load_images(image_folder / "train")
    assert unsplit.split == "train"
    np.testing.assert_array_equal(unsplit.images, train.images)


def test_the_data_folder_is_searched_first(hub_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("LABELNOISE_DATA", str(hub_folder.parent))
    for source in ("pets", "someone/pets"):
        assert load_images(source).name == "pets"
    (tmp_path / "elsewhere" / "pets").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(load_images("pets")) == 4
    with pytest.raises(ValueError, match="elsewhere/pets must be a folder of Parquet files"):
        load_images("./pets")  # With ./ it is a path, which is not looked for in the data folder.


def test_limit_columns_and_classes_can_be_chosen(tmp_path):
    columns = {"kind": ["b", "a", "b", "c", "a", "c"], "label": pa.array([3, 3, 0, 1, 2, 0])}
    write_parquet(tmp_path / "s" / "train-0.parquet", [encoded(image) for image in GRAY], columns)
    few = load_images(tmp_path / "s", limit=2)
    np.testing.assert_array_equal(few.images, GRAY[:2])
    assert load_images(tmp_path / "s").labels.tolist() == [3, 3, 0, 1, 2, 0]
    text = load_images(tmp_path / "s", image_column="image", label_column="kind")
    assert text.labels.tolist() == [1, 0, 1, 2, 0, 2]
    assert text.classes == ("a", "b", "c")
    only = load_images(tmp_path / "s", label_column="kind", limit=1, classes=("c", "b", "a"))
    assert only.labels.tolist() == [1]
    assert only.classes == ("c", "b", "a")
    with pytest.raises(ValueError, match="known classes"):
        load_images(tmp_path / "s", label_column="kind", classes=("a", "b"))
    with pytest.raises(ValueError, match="`limit` must be at least 1; got 0"):
        load_images(tmp_path / "s", limit=0)


def test_fine_label_is_preferred_among_several_label_columns(tmp_path):
    features = {"img": {"_type": "Image"}, "fine_label": class_label("x", "y"), "coarse_label": class_label("z")}
    columns = {"fine_label": [1], "coarse_label": [0]}
    path = write_parquet(tmp_path / "s" / "train-0.parquet", [encoded(GRAY[0])], columns)
    table = pq.read_table(path).rename_columns({"image": "img"})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path)
    assert load_images(tmp_path / "s").classes == ("x", "y")
    assert load_images(tmp_path / "s", label_column="coarse_label").classes == ("z",)
    assert load_images(tmp_path / "s", classes=("y", "x")).labels.tolist() == [0]


@pytest.mark.parametrize("threaded", [False, True])
def test_gray_among_colored_images_becomes_rgb(tmp_path, monkeypatch, threaded):
    monkeypatch.setattr(decoding, "THREADED_PIXELS", 1 if threaded else 10**9)
    monkeypatch.setattr(decoding, "_BLOCK", 3)
    color = np.random.default_rng(1).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    images = [encoded(image) for image in [*GRAY[:5], color, *GRAY[:2]]]
    write_parquet(tmp_path / "s" / "train-0.parquet", images, {"label": [0] * 8})
    loaded = load_images(tmp_path / "s").images
    assert loaded.shape == (8, 5, 4, 3)
    np.testing.assert_array_equal(loaded[5], color)
    np.testing.assert_array_equal(loaded[[0, 1, 2, 3, 4, 6, 7]], GRAY[[0, 1, 2, 3, 4, 0, 1]][..., None].repeat(3, -1))


def test_every_kind_of_pixel_becomes_gray_or_rgb(tmp_path):
    gray16 = GRAY[0].astype(np.uint16) * 257
    rgb = Image.fromarray(GRAY[0]).convert("RGB")
    palette = rgb.quantize(8)
    palette.info["transparency"] = bytes(8)
    kinds = {
        "L": (Image.fromarray(GRAY[0]), "PNG", GRAY[0]),
        "LA": (Image.fromarray(GRAY[0]).convert("LA"), "PNG", GRAY[0]),
        "1": (Image.fromarray(GRAY[0] > 127), "PNG", (GRAY[0] > 127) * 255),
        "I;16": (Image.fromarray(gray16), "PNG", GRAY[0]),
        "I": (Image.fromarray(gray16.astype(np.int32)), "TIFF", GRAY[0]),
        "RGBA": (rgb.convert("RGBA"), "PNG", np.asarray(rgb)),
        "P": (palette, "PNG", np.asarray(palette.convert("RGBA").convert("RGB"))),
        "CMYK": (rgb.convert("CMYK"), "TIFF", np.asarray(rgb.convert("CMYK").convert("RGB"))),
    }
    for mode, (image, kind, expected) in kinds.items():
        stream = io.BytesIO()
        image.save(stream, kind)
        folder = tmp_path / mode.replace(";", "")
        write_parquet(folder / "train-0.parquet", [stream.getvalue()], {"label": [0]})
        np.testing.assert_array_equal(load_images(folder).images[0], expected, err_msg=mode)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # The image must be turned by 90 degrees.
    for animal in ("cat", "dog"):
        (tmp_path / "s" / animal).mkdir(parents=True)
        Image.fromarray(GRAY[0]).save(tmp_path / "s" / animal / "1.png", exif=exif)
    np.testing.assert_array_equal(load_images(tmp_path / "s").images[0], np.rot90(GRAY[0], -1))


def test_images_of_unequal_size_are_refused(tmp_path):
    write_parquet(tmp_path / "s" / "train-0.parquet", [encoded(GRAY[0]), encoded(GRAY[0].T)], {"label": [0, 1]})
    with pytest.raises(ValueError, match=r"image 0 is 5 x 4 \(height x width\), image 1 is 4 x 5\. Resize them first"):
        load_images(tmp_path / "s")


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (None, "must hold an image in every row; row 1 has none"),
        (b"no image", "image 1 of .* must be an image that Pillow reads; it raised UnidentifiedImageError"),
        (encoded(GRAY[0])[:60], "image 1 of .* must be an image that Pillow reads"),
        (encoded(np.zeros((5, 4), np.float32), "TIFF"), "they are floats"),
        (encoded(np.full((5, 4), 70000, np.int32), "TIFF"), "they range from 70000 to 70000"),
    ],
    ids=["missing", "no image", "truncated", "floats", "too deep"],
)
def test_an_image_that_cannot_be_read_is_named(tmp_path, image, message):
    write_parquet(tmp_path / "s" / "train-0.parquet", [encoded(GRAY[0]), image], {"label": [0, 1]})
    with pytest.raises(ValueError, match=message):
        load_images(tmp_path / "s")


@pytest.mark.parametrize("threaded", [False, True])
def test_all_damaged_images_are_named_or_counted_at_once(image_folder, monkeypatch, threaded):
    if threaded:
        monkeypatch.setattr(decoding, "THREADED_PIXELS", 1)
    for i in range(6):
        (image_folder / "train" / "ant" / f"{i}.png").write_bytes(b"no image")
    says = (
        r"image 0 \(.*0.png\) of .* must be .* 5 more of its 8 images cannot be read .*/1.png, .*/4.png and 1 more\.$"
    )
    with pytest.raises(ValueError, match=says):
        load_images(image_folder)
    for path in (image_folder / "train").rglob("*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match="7 more of its 8 images cannot be read"):
        load_images(image_folder)


@pytest.mark.parametrize("bad", [-1, None])
def test_missing_labels_are_named_before_anything_is_decoded(tmp_path, bad):
    images = [encoded(GRAY[0]), b"no image"]
    write_parquet(tmp_path / "marked" / "train-0.parquet", images, {"label": pa.array([0, bad])}, FEATURES)
    with pytest.raises(ValueError, match=f"must have a label in every row; row 1 has {bad}"):
        load_images(tmp_path / "marked")
    write_parquet(tmp_path / "plain" / "train-0.parquet", images, {"label": ["a", None]})
    with pytest.raises(ValueError, match="must not hold missing values; entry 1 is None"):
        load_images(tmp_path / "plain")


def test_errors_about_unknown_splits_and_columns_list_those_that_exist(hub_folder):
    with pytest.raises(ValueError, match=r"`split` must be one of 'train', 'test', which .*pets has; got 'validation'"):
        load_images(hub_folder, "validation")
    with pytest.raises(
        ValueError, match=r"`image_column` must be a column of .*'image' \(Image\), 'label' \(ClassLabel"
    ):
        load_images(hub_folder, image_column="img")
    with pytest.raises(ValueError, match=r"`label_column` must be a column of .*; got 'y'"):
        load_images(hub_folder, label_column="y")


def test_sets_without_images_or_labels_are_refused(tmp_path, monkeypatch):
    write_parquet(tmp_path / "unlabeled" / "train-0.parquet", [encoded(GRAY[0])], {"weight": [1.0]})
    with pytest.raises(ValueError, match=r"must have a column of labels.*'weight' \(Value\)"):
        load_images(tmp_path / "unlabeled")
    (tmp_path / "table").mkdir()
    pq.write_table(pa.table({"label": [1]}), tmp_path / "table" / "train-0.parquet")
    with pytest.raises(ValueError, match="must have one column of images; it has none"):
        load_images(tmp_path / "table")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    empty = datasets.Dataset.from_dict({"image": [], "label": []}, features)
    monkeypatch.setattr(datasets, "load_dataset", lambda _: {"train": empty})
    with pytest.raises(ValueError, match="must hold at least one image; it has none"):
        load_images("someone/nothing")


def test_folders_that_cannot_be_read_are_refused(tmp_path, hub_folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty must be a folder of Parquet files.* reading it failed"):
        load_images(tmp_path / "empty")
    for path in hub_folder.rglob("train*"):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(
        ValueError, match=r"pets must be a folder of .* that can be read; reading it failed: ArrowInvalid"
    ):
        load_images(hub_folder)
    with pytest.raises(NotADirectoryError, match=r"is a file\. Name its folder"):
        load_images(path)


def test_the_error_about_a_missing_source_names_all_places_searched(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"there is no .*nowhere/at/all"):
        load_images(tmp_path / "nowhere" / "at" / "all")
    monkeypatch.setenv("LABELNOISE_DATA", "/somewhere")
    looked = "no folder /somewhere/a/b, /somewhere/b, a/b, and the hub's 'a/b' could not be loaded"
    with pytest.raises(FileNotFoundError, match=rf"{looked}: \w+: .*OFFLINE is set"):
        load_images("a/b")
    monkeypatch.delenv("LABELNOISE_DATA")
    with pytest.raises(FileNotFoundError, match=r"no folder b \(LABELNOISE_DATA, .* is not set\)"):
        load_images("b")


def test_a_broken_network_is_one_error(monkeypatch):
    def unreachable(*_, **__):
        raise ConnectionError("Couldn't reach 'ylecun/mnist' on the Hub\nand more\nlines")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(FileNotFoundError, match="a hub id needs the network") as caught:
        load_images("ylecun/mnist")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_set_from_the_hub_is_loaded_the_same_way(hub_folder, monkeypatch):
    """A local folder stands in for the hub's copy, which would be downloaded and cached."""
    load = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda hub_id: load(str(hub_folder)))
    loaded = load_images("someone/bees", "test")
    np.testing.assert_array_equal(loaded.images, GRAY[4:])
    assert loaded.name == "bees"
    assert len(load_images("someone/bees", limit=1)) == 1


def test_a_local_folder_is_loaded_without_a_writable_home(hub_folder, tmp_path):
    (tmp_path / "file").touch()
    code = f"from labelnoise.data import load_images; print(load_images({str(hub_folder)!r}))"
    homes = {"HOME": str(tmp_path / "file" / "home"), "HF_HOME": str(tmp_path / "file" / "hf")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | homes, capture_output=True, text=True, check=True
    )
    assert "4 gray images" in done.stdout
    assert done.stderr == ""  # Progress bars would be here.


def test_loading_leaves_the_setting_of_progress_bars_unchanged(hub_folder):
    assert not datasets.are_progress_bars_disabled()
    load_images(hub_folder)
    assert not datasets.are_progress_bars_disabled()


@pytest.mark.parametrize("package", ["datasets", "PIL.Image"])
def test_a_missing_package_is_named(package, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'labelnoise\[data\]'"):
        load_images(tmp_path)


def test_the_format_of_the_files_is_known(hub_folder):
    assert load_images(hub_folder).file_format == "PNG"


def test_an_image_set_has_features_and_a_summary_and_checks_its_parts():
    images = np.stack([GRAY, GRAY, GRAY], axis=-1)
    loaded = ImageSet(images, np.array(CODES), ("a", "b", "c", "d"), "pets", "train")
    assert loaded.features.dtype == np.float32
    np.testing.assert_array_equal(loaded.features, images.reshape(6, -1))
    assert loaded.summary == {
        "name": "pets",
        "split": "train",
        "file_format": "",
        "n_images": 6,
        "image_shape": [5, 4, 3],
        "classes": ["a", "b", "c", "d"],
        "class_counts": [2, 2, 2, 0],
    }
    assert "6 RGB images of 5 x 4, 4 classes" in repr(loaded)
    with pytest.raises(ValueError, match="must be uint8 of shape"):
        ImageSet(GRAY.astype(float), np.array(CODES), ("a", "b", "c"), "pets", "train")
    with pytest.raises(ValueError, match="must be one per image, 6"):
        ImageSet(GRAY, np.array([0]), ("a",), "pets", "train")
    with pytest.raises(ValueError, match=r"must be codes 0\.\.1; got 0\.\.2"):
        ImageSet(GRAY, np.array(CODES), ("a", "b"), "pets", "train")


def test_digits_are_split_by_class_and_repeatable():
    train, test = load_digits()
    assert (len(train), len(test)) == (1347, 450)
    assert train.images.shape == (1347, 8, 8)
    assert train.images.max() == 16
    share = np.array(test.summary["class_counts"]) / (np.bincount(train.labels) + np.bincount(test.labels))
    np.testing.assert_allclose(share, 0.25, atol=0.005)
    np.testing.assert_array_equal(load_digits()[1].images, test.images)
    other = load_digits(test_size=300, random_state=1)[1]
    assert len(other) == 300
    rows = {image.tobytes() for image in train.images} & {image.tobytes() for image in test.images}
    assert not rows


@pytest.mark.parametrize(("split", "n"), [("train", 60_000), ("test", 10_000)])
def test_mnist_is_loaded_as_stored(data_folder, split, n):
    mnist = load_images("ylecun/mnist", split)
    stored = pq.read_table(data_folder / "mnist" / f"{split}-00000-of-00001.parquet")
    assert mnist.images.shape == (n, 28, 28)
    assert mnist.classes == tuple("0123456789")
    np.testing.assert_array_equal(mnist.labels, stored["label"].to_numpy())
    assert mnist.labels[0] == {"train": 5, "test": 7}[split]
    for i in (0, n // 2, n - 1):
        with Image.open(io.BytesIO(stored["image"][i].as_py()["bytes"])) as image:
            np.testing.assert_array_equal(mnist.images[i], np.asarray(image))


def test_cifar10_is_loaded_as_stored(data_folder):
    cifar = load_images("cifar10", "test")
    stored = pq.read_table(data_folder / "cifar10" / "test-00000-of-00001.parquet", columns=["label"])
    assert cifar.images.shape == (10_000, 32, 32, 3)
    assert cifar.classes[:4] == ("airplane", "automobile", "bird", "cat")
    np.testing.assert_array_equal(cifar.labels, stored["label"].to_numpy())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_in_a_folder_of_parquet_files_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "train-00000-of-00001.parquet")
    with pytest.raises(ValueError, match=r"\.parquet must be a regular file; it is a device, pipe or socket"):
        load_images(tmp_path)


def test_a_set_with_a_name_longer_than_the_file_system_takes_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no"):
        load_images(tmp_path / ("a" * 300))
