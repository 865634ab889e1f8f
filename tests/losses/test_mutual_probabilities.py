"""Mutual learning by probabilities against sums written out, and who learns from whom."""

import math
from types import SimpleNamespace

import pytest
import torch

from passerby.losses.mutual_probabilities import MutualProbabilities


def loss_of(*logits):
    parts = tuple(SimpleNamespace(logits=lambda persons, own=own: own) for own in logits)
    batch = SimpleNamespace(persons=torch.zeros(len(logits[0]), dtype=torch.int64))
    return MutualProbabilities()(SimpleNamespace(parts=parts), batch)


def probabilities(row):
    powers = [math.exp(value) for value in row]
    return [power / sum(powers) for power in powers]


def slowly(*logits):
    terms = []
    for one in range(len(logits)):
        for other in range(len(logits)):
            if one == other:
                continue
            for learner, teacher in zip(logits[one].tolist(), logits[other].tolist(), strict=True):
                pairs = zip(probabilities(teacher), probabilities(learner), strict=True)
                terms.append(sum(p2 * math.log(p2 / p1) for p2, p1 in pairs))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("networks", [2, 3])
def test_against_sums(networks):
    torch.manual_seed(0)
    logits = [torch.randn(5, 4) for _ in range(networks)]
    assert loss_of(*logits).item() == pytest.approx(slowly(*logits), rel=1e-5)


def test_each_learns_towards_the_others_and_teaches_nothing():
    torch.manual_seed(1)
    first, second = (torch.randn(3, 4, requires_grad=True) for _ in range(2))
    loss_of(first, second).backward()
    # The slope of KL(p₂ ‖ softmax(z)) is softmax(z) − p₂; halved by the two pairs, over images.
    gap = (first.softmax(dim=1) - second.softmax(dim=1)).detach() / 6
    torch.testing.assert_close(first.grad, gap)
    torch.testing.assert_close(second.grad, -gap)


def test_agreement_costs_nothing_and_certainty_is_finite():
    sure = torch.tensor([[500.0, -500.0]], requires_grad=True)
    assert loss_of(sure, sure.detach()).item() == 0
    loss = loss_of(sure, -sure.detach())
    loss.backward()
    assert loss.isfinite()
    assert sure.grad.isfinite().all()


def test_one_part_is_refused():
    with pytest.raises(ValueError, match=r"one part only: choose network\.system=mutual"):
        loss_of(torch.zeros(2, 3))
