"""Features and batches as losses see them."""

from types import SimpleNamespace

import pytest
import torch


@pytest.fixture
def loss_of():
    """``loss_of(loss, persons, *vectors)``: the loss of parts with these vectors."""

    def compute(loss, persons, *vectors):
        parts = tuple(SimpleNamespace(before_neck=v) for v in vectors)
        batch = SimpleNamespace(persons=torch.as_tensor(persons))
        return loss(SimpleNamespace(parts=parts), batch)

    return compute


@pytest.fixture
def vectors():
    """Ten vectors of four persons, among them one person of one image."""
    torch.manual_seed(4)
    return torch.randn(10, 5, dtype=torch.float64), [0, 1, 1, 2, 2, 2, 0, 1, 7, 2]
