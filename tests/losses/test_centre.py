"""Centre loss against a loop, its gradients, and the centres' own step against BoT's."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from passerby.config import LossTerm, Optimizer
from passerby.data.batch import Batch
from passerby.losses.centre import Centre
from passerby.models.systems.plain import Plain
from passerby.training.step.learner import Learner


def features_of(*vectors):
    return SimpleNamespace(parts=tuple(SimpleNamespace(before_neck=v) for v in vectors))


def made(persons, *vectors):
    """A loss with centres for these parts, of their type."""
    torch.manual_seed(7)
    loss = Centre()
    loss.prepare(features_of(*(v[:1] for v in vectors)), persons)
    return loss.to(vectors[0].dtype)


def slowly(vectors, persons, centres):
    total = 0.0
    for row, person in zip(vectors.tolist(), persons, strict=True):
        total += sum((x - c) ** 2 for x, c in zip(row, centres[person].tolist(), strict=True))
    return total / len(persons)


def test_against_a_loop(vectors, loss_of):
    rows, persons = vectors
    loss = made(8, rows)
    value = loss_of(loss, persons, rows)
    assert value.shape == ()
    assert value.item() == pytest.approx(slowly(rows, persons, loss.centres[0]), rel=1e-9)


def test_gradients_of_vectors_and_centres(vectors, loss_of):
    """Those of the centres are 2/B times the sum of the differences to their images."""
    rows, persons = vectors
    loss = made(8, rows)
    assert torch.autograd.gradcheck(
        lambda rows: loss_of(loss, persons, rows), (rows.requires_grad_(),)
    )
    loss_of(loss, persons, rows).backward()
    for person, centre in enumerate(loss.centres[0]):
        own = [row for row, label in zip(rows, persons, strict=True) if label == person]
        expected = sum(((centre - row) for row in own), torch.zeros(5)) * 2 / len(rows)
        torch.testing.assert_close(loss.centres[0].grad[person], expected.double())


def test_each_part_has_centres_of_its_own_length(vectors, loss_of):
    rows, persons = vectors
    loss = made(8, rows, rows[:, :2])
    assert [tuple(centres.shape) for centres in loss.centres] == [(8, 5), (8, 2)]
    expected = slowly(rows, persons, loss.centres[0]) + slowly(
        rows[:, :2], persons, loss.centres[1]
    )
    assert loss_of(loss, persons, rows, rows[:, :2]).item() == pytest.approx(expected / 2)


def test_float32_under_autocast(vectors, loss_of):
    rows, persons = vectors[0].bfloat16(), vectors[1]
    loss = made(8, rows.float())
    expected = loss_of(loss, persons, rows.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss_of(loss, persons, rows)
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)


def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (6, 3, 64, 32), generator=generator, dtype=torch.uint8)
    zeros = torch.zeros(6, dtype=torch.int64)
    return Batch(images, torch.tensor([0, 0, 2, 2, 3, 3]), zeros, zeros, torch.arange(6))


def learner_of(recipe, term, optimizer=None):
    recipe = replace(
        recipe,
        losses=(LossTerm("cross_entropy"), term),
        optimizer=optimizer or recipe.optimizer,
    )
    torch.manual_seed(0)
    return Learner(recipe, Plain(recipe.network, persons=4), torch.device("cpu"))


def test_centres_follow_at_their_own_rate_as_in_bot(recipe):
    """Luo et al.'s code: the gradient divided by the weight, then plain SGD at rate 0.5.

    Whatever the optimizer of the network is, its schedule's rate, and the weight of the loss.
    """
    learner = learner_of(recipe, LossTerm("centre", weight=5e-4, rate=0.5))
    (centres,) = learner._objective.parameters()
    reference = nn.Parameter(centres.detach().clone())
    seen = []
    learner.model.register_forward_hook(lambda *found: seen.append(found[-1].parts[0].before_neck))
    learner.step(batch(), rate=1e-5)
    (5e-4 * (seen[0].detach() - reference[batch().persons]).square().sum(1).mean()).backward()
    reference.grad /= 5e-4
    torch.optim.SGD([reference], 0.5).step()
    torch.testing.assert_close(centres, reference)
    assert not torch.equal(
        centres[0], learner_of(recipe, LossTerm("centre"))._parameters["losses.centre.centres.0"][0]
    )
    # c moves by 2 · 0.5 / 6 of the sum of the differences; person 1 has no image here.
    first = learner_of(recipe, LossTerm("centre"))._parameters["losses.centre.centres.0"]
    pull = (seen[0][:2].detach() - first[0]).sum(0) / 6
    torch.testing.assert_close(centres[0], first[0] + pull)
    assert torch.equal(centres[1], first[1])


def test_without_a_rate_centres_learn_as_all_else(recipe):
    learner = learner_of(recipe, LossTerm("centre"), Optimizer("sgd", momentum=0, weight_decay=0))
    (centres,) = learner._objective.parameters()
    before = centres.detach().clone()
    learner.step(batch(), rate=0.25)
    torch.testing.assert_close(centres, before - 0.25 * centres.grad)


def test_centres_are_part_of_the_state(recipe):
    term = LossTerm("centre", weight=5e-4, rate=0.5)
    learner, other = learner_of(recipe, term), learner_of(recipe, term)
    learner.step(batch(), rate=1e-4)
    other.restore(learner.state())
    for each in (learner, other):
        each.step(batch(), rate=1e-4)
    assert torch.equal(*(next(each._objective.parameters()) for each in (learner, other)))


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (LossTerm("triplet", rate=0.5), "triplet has a rate of its own .* of which it has 0"),
        (LossTerm("centre", weight=0.0, rate=0.5), "needs a weight above 0, got 0"),
    ],
)
def test_a_rate_of_nothing_is_refused(recipe, term, message):
    with pytest.raises(ValueError, match=message):
        learner_of(recipe, term)


def test_the_rate_is_a_setting(recipe):
    recipe = replace(recipe, losses=(LossTerm("cross_entropy"), LossTerm("centre", 5e-4)))
    changed = recipe.with_setting("losses.centre.rate", "0.5")
    assert changed.losses[1] == LossTerm("centre", 5e-4, 0.5)
