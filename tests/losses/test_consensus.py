"""The consensus loss against sums written out; the teacher learns nothing from it."""

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from passerby.losses.consensus import Consensus


def loss_of(loss, *logits):
    parts = tuple(SimpleNamespace(logits=lambda persons, own=own: own) for own in logits)
    batch = SimpleNamespace(persons=torch.zeros(len(logits[0]), dtype=torch.int64))
    return loss(SimpleNamespace(parts=parts), batch)


def probabilities(row, temperature=1.0):
    powers = [math.exp(value / temperature) for value in row]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_against_sums(temperature):
    torch.manual_seed(0)
    *scales, consensus = (torch.randn(4, 5) for _ in range(3))
    terms = []
    for scale in scales:
        for learner, teacher in zip(scale.tolist(), consensus.tolist(), strict=True):
            soft = probabilities(teacher, temperature)
            own = probabilities(learner)
            terms.append(-sum(q * math.log(p) for q, p in zip(soft, own, strict=True)))
    found = loss_of(Consensus(temperature), *scales, consensus)
    assert found.item() == pytest.approx(sum(terms) / len(terms), rel=1e-5)


def test_a_certain_teacher_is_the_label():
    scale = torch.randn(3, 4)
    labels = torch.tensor([2, 0, 3])
    teacher = 200 * F.one_hot(labels, 4).float()
    torch.testing.assert_close(loss_of(Consensus(), scale, teacher), F.cross_entropy(scale, labels))


def test_the_teacher_learns_nothing_from_it():
    scale, consensus = (torch.randn(3, 4, requires_grad=True) for _ in range(2))
    loss_of(Consensus(2.0), scale, consensus).backward()
    assert consensus.grad is None
    expected = (scale.softmax(dim=1) - (consensus / 2).softmax(dim=1)).detach() / 3
    torch.testing.assert_close(scale.grad, expected)


def test_refusals():
    with pytest.raises(ValueError, match="one part only"):
        loss_of(Consensus(), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        Consensus(0)
