"""Galleries of a small model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from passerby.embedding.embedder import Embedder, load
from passerby.gallery.gallery import Gallery

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def embedder(small_model: Path) -> Embedder:
    """The small model, opened."""
    return load(small_model, device="cpu")


@pytest.fixture
def memory_place() -> str:
    """Where a gallery of this process may be made."""
    return f"memory://crops-{next(_NUMBERS)}"


@pytest.fixture
def gallery(memory_place: str, embedder: Embedder) -> Iterator[Gallery]:
    """An empty gallery of the small model."""
    with Gallery.create(memory_place, embedder) as made:
        yield made
