"""A gallery in bfloat16 is one of another model than in fp32, and is opened as it was made."""

import numpy as np
import pytest

from passerby.embedding.embedder import load
from passerby.gallery.binding import open_embedder, require_matching_embedder
from passerby.gallery.gallery import Gallery

CROP = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)


def test_a_gallery_refuses_to_mix_precisions(small_model, memory_place):
    rounded = load(small_model, precision="bf16", device="cpu")
    whole = load(small_model, device="cpu")
    with Gallery.create(memory_place, rounded) as gallery:
        assert gallery.about.model == f"{whole.fingerprint}-bf16-torch"
        with pytest.raises(ValueError, match=r"distances between embeddings of different models"):
            require_matching_embedder(gallery.about, whole)
        opened = open_embedder(gallery.about, small_model, device="cpu")
        assert opened.fingerprint == rounded.fingerprint
        assert np.array_equal(opened([CROP]), rounded([CROP]))
    assert not np.array_equal(whole([CROP]), rounded([CROP]))


def test_a_gallery_of_fp32_is_of_all_runtimes(small_model, memory_place):
    with Gallery.create(memory_place, load(small_model)) as gallery:
        opened = open_embedder(gallery.about, runtime="torch")
        assert opened.fingerprint == gallery.about.model
        with pytest.raises(ValueError, match="no runtime is named 'torhc'; did you mean 'torch'"):
            open_embedder(gallery.about, runtime="torhc")
