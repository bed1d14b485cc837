"""Features of image streams: those that Pillow and NumPy prepare by hand, in the order of the images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.pretrained import SIZE, save_weights, write_photos
from helpers.training_results import one_thread  # noqa: F401
from PIL import Image

from labelnoise.data import open_images
from labelnoise.pretrained import extraction, image_features, load_model

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # Python 3.12 and later warn of it.


@pytest.fixture(scope="module")
def model(timm, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(timm, path)
    return load_model("test_byobnet", weights=path, image_size=SIZE, device="cpu")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.delenv("LABELNOISE_DATA", raising=False)
    monkeypatch.setattr(extraction, "BLOCK", 8)
    return write_photos(tmp_path / "photos", 20)


def by_hand(model, path):
    """Features of one file, prepared with Pillow and NumPy as `image_size` says."""
    image = Image.open(path).convert("RGB")
    scale = SIZE / min(image.size)
    size = [int(side * scale) for side in image.size]
    resized = image.resize(size, Image.Resampling.BICUBIC)
    left, top = (round((side - SIZE) / 2) for side in size)
    pixels = np.asarray(resized.crop((left, top, left + SIZE, top + SIZE)), dtype=np.float32) / 255
    normalized = (pixels - model.preprocessing["mean"]) / model.preprocessing["std"]
    tensor = torch.tensor(normalized.transpose(2, 0, 1)[None], dtype=torch.float32)
    with torch.no_grad():
        return model.network.forward_head(model.network.forward_features(tensor), pre_logits=True)[0].numpy()


def test_features_are_those_of_images_prepared_by_hand(photos, model):
    images = open_images(photos)
    found = image_features(images, model, batch_size=3, workers=1)
    expected = np.array([by_hand(model, path) for path in images.file_names()])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert np.std(found, axis=0).mean() > 100 * 1e-4


@pytest.mark.parametrize(
    ("batch_size", "workers"),
    [(1, 0), (64, 0), (5, 2)],
)
def test_features_do_not_depend_on_batches_and_workers(photos, model, batch_size, workers):
    images = open_images(photos)
    first = image_features(images, model, batch_size=8, workers=0)
    np.testing.assert_allclose(image_features(images, model, batch_size=batch_size, workers=workers), first, atol=1e-5)


def test_a_selection_has_the_features_of_its_images(photos, model):
    images = open_images(photos)
    order = [17, 2, 9]
    found = image_features(images.select(order), model, workers=0)
    np.testing.assert_allclose(found, image_features(images, model, workers=0)[order], atol=1e-5)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_every_kind_of_image_becomes_rgb(photos, model, mode):
    path = photos / "train" / "ant" / "000.png"
    rgb = Image.open(path).convert("RGB")
    target = path.with_suffix(".tif") if mode == "CMYK" else path
    path.unlink()
    rgb.convert(mode).save(target)
    images = open_images(photos).select([0])
    found = image_features(images, model, workers=0)[0]
    np.testing.assert_allclose(found, by_hand(model, target), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_image_is_named(photos, model, workers):
    path = photos / "train" / "bee" / "004.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ValueError, match=r"bee/004.png\) of .* must be an image that Pillow reads"):
        image_features(open_images(photos), model, workers=workers)


def test_features_that_are_not_finite_are_refused(photos, model):
    images = open_images(photos)
    large = np.ones((4, 2), dtype=np.float32)
    assert extraction.in_type(large, "float16", 0, images).dtype == np.float16
    large[2] = 1e6
    with pytest.raises(ValueError, match=r"finite float16 numbers; those of image 10 .* Use --dtype float32"):
        extraction.in_type(large, "float16", 8, images)


def test_gray_streams_and_empty_batches_are_refused(photos, model):
    with pytest.raises(ValueError, match="three channels; got 1"):
        image_features(open_images(photos, channels=1), model)
    with pytest.raises(ValueError, match="`batch_size` must be at least 1"):
        image_features(open_images(photos), model, batch_size=0)
