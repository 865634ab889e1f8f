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
    assert embedder([]).shape == (0, 512)


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


def test_unreadable_images_are_set_aside(model: Plain, images: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"")
    paths = [*images[:2], broken, *images[2:]]
    records = [Record(str(path), n, 1, "made") for n, path in enumerate(paths)]
    seen: list[tuple[int, int]] = []
    embedder = Embedder(model, SIZE, batch_size=2)
    embedded = embedder.embed(records, lambda done, total: seen.append((done, total)))
    assert embedded.embeddings.persons.tolist() == [0, 1, 3, 4, 5]
    assert [error.path for error in embedded.set_aside] == [str(broken)]
    assert seen == [(2, 6), (4, 6), (6, 6)]
    assert embedded.embeddings.model == embedder.fingerprint
    assert np.allclose(embedded.embeddings.vectors, embedder(images), atol=1e-5)
    with pytest.raises(ValueError, match="none of 1 images can be read; the first"):
        embedder.embed(records[2:3])


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model folder"):
        load(tmp_path / "nothing")
