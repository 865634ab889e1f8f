"""Embedder: kinds of images, flip, features before the neck, images set aside."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from passerby.config import Input, Network
from passerby.data.images import decode
from passerby.embedding.embedder import Embedder, load
from passerby.embedding.preprocessing import normalised, resized
from passerby.models.systems.plain import Plain
from passerby.tables.records import Record

SIZE = Input(height=64, width=32)


@pytest.fixture
def model() -> Plain:
    torch.manual_seed(0)
    model = Plain(Network("resnet18"), persons=0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return model


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (40 + number, 20, 3), np.uint8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def test_paths_pillow_images_and_arrays_give_the_same(model: Plain, images: list[Path]) -> None:
    embedder = Embedder(model, SIZE, batch_size=2)
    by_path = embedder(images)
    assert by_path.shape == (5, 512)
    assert by_path.dtype == np.float32
    assert np.array_equal(by_path, embedder([Image.fromarray(decode(path)) for path in images]))
    assert np.array_equal(by_path, embedder([decode(path) for path in images]))
    assert np.allclose(by_path[:1], embedder(images[0]), atol=1e-5)
    assert np.allclose(by_path[:1], embedder(decode(images[0])), atol=1e-5)
    assert np.array_equal(by_path, embedder(path.read_bytes() for path in images))
    tensors = [torch.from_numpy(decode(path)) for path in images]
    assert np.array_equal(by_path, embedder(tensors))
    assert np.array_equal(by_path, embedder([tensor.permute(2, 0, 1) for tensor in tensors]))
    assert np.array_equal(by_path, embedder((images[0], *tensors[1:])))
    batch = np.stack([decode(images[0])] * 3)
    assert np.allclose(by_path[[0, 0, 0]], embedder(batch), atol=1e-5)
    assert embedder([]).shape == (0, 512)


def test_arrays_of_opencv_say_so(model: Plain, images: list[Path]) -> None:
    reversed_channels = [decode(path)[:, :, ::-1] for path in images]
    expected = Embedder(model, SIZE)(images)
    made = Embedder(model, SIZE, colours="bgr")
    assert np.array_equal(made(reversed_channels), expected)
    assert np.array_equal(made([torch.from_numpy(a.copy()) for a in reversed_channels]), expected)
    assert np.array_equal(made(images), expected)  # files say it themselves
    assert np.array_equal(made([Image.open(path) for path in images]), expected)
    assert not np.allclose(made([decode(path) for path in images]), expected, atol=1e-3)
    with pytest.raises(ValueError, match="colours must be 'rgb' or 'bgr', got 'BGR'"):
        Embedder(model, SIZE, colours="BGR")  # type: ignore[arg-type]


def test_vectors_are_of_length_1_on_request(model: Plain, images: list[Path]) -> None:
    plain = Embedder(model, SIZE)(images)
    made = Embedder(model, SIZE, unit_length=True)(images)
    lengths = np.linalg.norm(plain, axis=1, keepdims=True)
    assert not np.allclose(lengths, 1, atol=0.1)
    assert np.allclose(made, plain / lengths, atol=1e-6)


@pytest.mark.parametrize("number", [6, 3, 8])
def test_pictures_are_turned_upright_however_they_are_given(
    model: Plain, tmp_path: Path, number: int
) -> None:
    upright = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 20, 3), np.uint8))
    back = {6: Image.Transpose.ROTATE_90, 3: Image.Transpose.ROTATE_180}
    stored = upright.transpose(back.get(number, Image.Transpose.ROTATE_270))
    exif = Image.Exif()
    exif[0x0112] = number
    stored.save(tmp_path / "turned.png", exif=exif)
    embedder = Embedder(model, SIZE)
    expected = embedder(upright)
    path = tmp_path / "turned.png"
    for given in (path, path.read_bytes(), Image.open(path)):
        assert np.allclose(embedder(given), expected, atol=1e-5)


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "image 3 of the list is None, as OpenCV gives"),
        (np.zeros((0, 12, 3), np.uint8), r"image 3 of the list is an empty array \[0, 12, 3\]"),
        (np.zeros((8, 8), np.uint8), r"image 3 of the list must be uint8 \[H, W, 3\], got uint8"),
        (np.zeros((8, 8, 4), np.uint8), r"got uint8 \[8, 8, 4\]"),
        (np.zeros((8, 8, 3), np.float32), "must be uint8 .* got float32"),
        (torch.zeros(3, 8, 8), "image 3 of the list must be uint8 .* got float32"),
        (torch.zeros(3, 0, 8, dtype=torch.uint8), "image 3 of the list is an empty array"),
        (b"no image", "cannot read the image .image 3 of the list.: it is not an image"),
        (b"", "cannot read the image .image 3 of the list."),
        (7, "image 3 of the list is a int: expected a path"),
    ],
)
def test_what_is_no_image_is_named(
    model: Plain, images: list[Path], wrong: object, message: str
) -> None:
    embedder = Embedder(model, SIZE)
    with pytest.raises(ValueError, match=message):
        embedder([images[0], images[1], wrong, images[2]])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=message.replace("image 3 of the list", "the image")):
        embedder([wrong])  # type: ignore[list-item]


def test_one_thing_that_is_no_image(model: Plain) -> None:
    for wrong, message in ((None, "the image is None"), (7, "expected an image, or several")):
        with pytest.raises(ValueError, match=message):
            Embedder(model, SIZE)(wrong)  # type: ignore[arg-type]


def test_it_is_the_model_on_the_preprocessed_image(model: Plain, images: list[Path]) -> None:
    batch = torch.stack([resized(decode(path), SIZE) for path in images])
    with torch.no_grad():
        features = model.eval()(normalised(batch, SIZE))
        mirrored = model(normalised(batch.flip(3), SIZE))
    after = Embedder(model, SIZE)(images)
    before = Embedder(model, SIZE, before_neck=True)(images)
    flipped = Embedder(model, SIZE, flip=True)(images)
    assert np.allclose(after, features.embedding, atol=1e-4)
    assert np.allclose(before, features.before_neck, atol=1e-4)
    assert np.allclose(flipped, (features.embedding + mirrored.embedding) / 2, atol=1e-4)
    assert not np.allclose(after, before, atol=1e-3)


def test_unreadable_images_are_set_aside(
    model: Plain, images: list[Path], tmp_path: Path, steps: list[tuple[float, float]]
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"")
    paths = [*images[:2], broken, *images[2:]]
    records = [Record(str(path), n, 1, "made") for n, path in enumerate(paths)]
    embedder = Embedder(model, SIZE, batch_size=2)
    embedded = embedder.embed(records)
    assert embedded.embeddings.persons.tolist() == [0, 1, 3, 4, 5]
    assert [error.path for error in embedded.set_aside] == [str(broken)]
    assert steps == [(2, 6), (4, 6), (6, 6)]
    assert embedded.embeddings.model == embedder.fingerprint
    assert np.allclose(embedded.embeddings.vectors, embedder(images), atol=1e-5)
    with pytest.raises(ValueError, match="none of 1 image can be read; the first"):
        embedder.embed(records[2:3])


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model folder"):
        load(tmp_path / "nothing")
