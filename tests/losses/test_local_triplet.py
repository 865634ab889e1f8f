"""The local triplet loss against loops over images, with the global distance choosing."""

from types import SimpleNamespace

import pytest
import torch

from passerby.losses.local_triplet import LocalTriplet
from tests.evaluation.ranking.test_local import slowly as aligned_slowly


def loss_of(loss, vectors, local, persons):
    parts = (SimpleNamespace(before_neck=vectors, local=local),)
    return loss(SimpleNamespace(parts=parts), SimpleNamespace(persons=torch.as_tensor(persons)))


def slowly(vectors, local, persons, margin):
    terms = []
    for a in range(len(persons)):
        distances = (vectors - vectors[a]).norm(dim=1).tolist()
        same = [p for p in range(len(persons)) if p != a and persons[p] == persons[a]]
        others = [n for n in range(len(persons)) if persons[n] != persons[a]]
        if same and others:
            positive, negative = (
                max(same, key=distances.__getitem__),
                min(others, key=distances.__getitem__),
            )
            near = aligned_slowly(local[a].numpy(), local[positive].numpy())
            far = aligned_slowly(local[a].numpy(), local[negative].numpy())
            terms.append(max(0.0, margin + near - far))
    return sum(terms) / len(terms)


@pytest.fixture
def batch(vectors):
    rows, persons = vectors
    torch.manual_seed(1)
    return rows, torch.randn(10, 3, 4, dtype=torch.float64), persons


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
def test_against_loops(batch, margin):
    rows, local, persons = batch
    found = loss_of(LocalTriplet(margin), rows, local, persons)
    assert found.item() == pytest.approx(slowly(rows, local, persons, margin), rel=1e-9)


def test_gradients_go_to_the_stripes_alone(batch):
    rows, local, persons = batch
    rows.requires_grad_()
    loss = LocalTriplet(2.0)
    assert torch.autograd.gradcheck(
        lambda stripes: loss_of(loss, rows, stripes, persons), (local.requires_grad_(),)
    )
    loss_of(loss, rows, local, persons).backward()
    assert rows.grad is None


def test_equal_images_and_batches_without_triplets(batch):
    rows, local, _ = batch
    same = torch.ones(10, 3, 4, requires_grad=True)
    loss = loss_of(LocalTriplet(), rows, same, [0] * 5 + [1] * 5)
    loss.backward()
    assert same.grad.isfinite().all()
    nothing = loss_of(LocalTriplet(), rows, local.requires_grad_(), [0] * 10)
    nothing.backward()
    assert nothing.item() == 0


def test_refusals(batch):
    rows, _, persons = batch
    with pytest.raises(ValueError, match="needs local vectors"):
        loss_of(LocalTriplet(), rows, None, persons)
    with pytest.raises(ValueError, match="margin must not be negative"):
        LocalTriplet(-1)
