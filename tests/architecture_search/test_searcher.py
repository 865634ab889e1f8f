"""One step of a search: who changes what, and that both descents descend."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from passerby.architecture_search.searcher import Searcher, mixed_system
from passerby.config import LossTerm, Network, Optimizer, Recipe
from passerby.data.batch import Batch


@pytest.fixture
def small(recipe: Recipe) -> Recipe:
    return replace(
        recipe,
        network=Network("auto_reid(width=16, stages=(1, 1))"),
        optimizer=Optimizer("adam", rate=1e-3),
    )


def build(recipe: Recipe, rate: float = 0.01) -> Searcher:
    torch.manual_seed(0)
    cpu = torch.device("cpu")
    return Searcher(recipe, (4, 6), nodes=2, width=4, rate=rate, device=cpu)


def batch(persons: int) -> Batch:
    torch.manual_seed(persons)
    labels = torch.arange(4).repeat_interleave(2) % persons
    images = torch.randint(0, 256, (8, 3, 64, 32), dtype=torch.uint8)
    return Batch(images, labels, torch.zeros(8).long(), torch.zeros(8).long(), torch.arange(8))


def copied(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_each_half_changes_its_own(small: Recipe) -> None:
    searcher = build(small)
    weights, other = copied(searcher.model), copied(searcher._other)
    searcher._learn_weights(batch(4), 1e-3)
    now = copied(searcher.model)
    assert not {n for n in changed(weights, now) if "strengths" in n}
    assert len(changed(weights, now)) > 40
    assert not changed(other, copied(searcher._other))
    searcher._learn_strengths(batch(6), 1e-3, choose=True)
    after = copied(searcher.model)
    assert changed(now, after) == {
        "backbone.strengths.normal",
        "backbone.strengths.reduction",
    }
    assert changed(other, copied(searcher._other)) == {"weight"}


def test_before_the_choice_begins_the_other_classifier_alone_learns(small: Recipe) -> None:
    searcher = build(small)
    weights, other = copied(searcher.model), copied(searcher._other)
    searcher._learn_strengths(batch(6), 1e-3, choose=False)
    assert not changed(weights, copied(searcher.model))
    assert changed(other, copied(searcher._other)) == {"weight"}


def test_strengths_descend(small: Recipe) -> None:
    """After a small step of strengths alone the second half's losses are smaller."""
    searcher = build(small, rate=1e-3)

    def total() -> float:
        images, own = searcher._on_device(batch(6))
        with torch.no_grad():
            features = searcher._by_the_other(searcher.model.train()(images))
            return float(sum(searcher._objectives[1](features, own).values()))

    before = total()
    searcher._learn_strengths(batch(6), 0.0, choose=True)  # the classifier beside stays
    assert total() < before


def test_losses_are_named_by_their_half(small: Recipe) -> None:
    losses = build(small).step((batch(4), batch(6)), 1e-3, choose=True)
    names = ["cross_entropy", "triplet"]
    assert list(losses) == [*names, *(f"{name} of the others" for name in names)]


def test_a_state_is_restored(small: Recipe) -> None:
    searcher = build(small)
    searcher.step((batch(4), batch(6)), 1e-3, choose=True)
    other = build(small)
    other.restore(deepcopy(searcher.state()))  # as a file would have it: with tensors of its own
    for one in (searcher, other):
        one.step((batch(3), batch(5)), 1e-3, choose=True)
    assert not changed(copied(searcher.model), copied(other.model))
    assert not changed(copied(searcher._other), copied(other._other))


def test_a_loss_that_is_not_finite_is_named(small: Recipe) -> None:
    searcher = build(replace(small, losses=(LossTerm("cross_entropy"),)))
    with torch.no_grad():
        searcher.model.neck.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="the loss cross_entropy is nan: lower the rate"):
        searcher.step((batch(4), batch(6)), 1e-3, choose=True)


@pytest.mark.parametrize(
    "network", [Network("resnet18"), Network("auto_reid", system="aligned"), Network("osnet")]
)
def test_other_networks_are_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="system plain whose backbone is auto_reid, got system"):
        mixed_system(network, 4, 4, 4)
