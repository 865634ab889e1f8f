"""The contrast of images and texts: against a slow version, and CLIP-ReID's own code."""

from __future__ import annotations

import importlib.util
import math
import os
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from passerby.losses.image_text import both_ways, contrast

IMAGES, TEXTS = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
PERSONS = torch.tensor([0, 1, 0, 2, 1, 0, 3])  # three, two, one and one


def slowly(anchors: Tensor, others: Tensor) -> float:
    """Anchor by anchor, of the person's others one after another."""
    losses = []
    for anchor, person in zip(anchors, PERSONS.tolist(), strict=True):
        scores = [math.exp(float(anchor @ other)) for other in others]
        own = [score for score, p in zip(scores, PERSONS.tolist(), strict=True) if p == person]
        losses.append(-sum(math.log(score / sum(scores)) for score in own) / len(own))
    return sum(losses) / len(losses)


def test_it_is_what_a_slow_version_says() -> None:
    found = contrast(IMAGES, TEXTS, PERSONS)
    assert float(found) == pytest.approx(slowly(IMAGES, TEXTS), rel=1e-5)
    expected = slowly(IMAGES, TEXTS) + slowly(TEXTS, IMAGES)
    assert float(both_ways(IMAGES, TEXTS, PERSONS)) == pytest.approx(expected, rel=1e-5)


def test_long_vectors_do_not_overflow() -> None:
    found = contrast(100 * IMAGES, 100 * TEXTS, PERSONS)
    assert bool(torch.isfinite(found))


def test_texts_that_agree_with_their_persons_cost_nothing() -> None:
    vectors = 20 * torch.eye(4)[PERSONS]
    # Each positive has an equal share of what its person has: log 3, 2, 1 and 1.
    expected = (3 * math.log(3) + 2 * math.log(2)) / 7
    assert float(contrast(vectors, vectors, PERSONS)) == pytest.approx(expected, abs=1e-5)


def peer(path: str) -> ModuleType:
    root = Path(os.environ.get("PASSERBY_PEERS", "/nowhere")) / "CLIP-ReID"
    if not root.is_dir():
        pytest.skip("CLIP-ReID's code is not in PASSERBY_PEERS")
    spec = importlib.util.spec_from_file_location("of_the_authors", root / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_the_authors() -> None:
    authors = peer("loss/supcontrast.py").SupConLoss("cpu")
    for one, other in ((IMAGES, TEXTS), (TEXTS, IMAGES)):
        ours = contrast(one, other, PERSONS)
        torch.testing.assert_close(ours, authors(one, other, PERSONS, PERSONS), atol=1e-6, rtol=0)
