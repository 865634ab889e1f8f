"""Components of a user's own: what they must be is said where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from passerby.config import LossTerm, Network, Recipe
from passerby.losses import Loss
from passerby.models.attention import Attention
from passerby.models.backbones.resnet import resnet18
from passerby.models.systems.plain import Plain
from passerby.registry import ATTENTIONS, BACKBONES, LOSSES, Registry
from passerby.tables.records import Split
from passerby.training.loop import train


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What the tests register is forgotten."""
    registries: list[Registry] = [ATTENTIONS, BACKBONES, LOSSES]
    before = [(one, one.names(), dict(one._found)) for one in registries]
    yield
    for registry, _, found in before:
        registry._found.clear()
        registry._found.update(found)


def test_attention_says_where_it_belongs() -> None:
    @ATTENTIONS.register
    class Homeless(Attention):
        def __init__(self, channels: int) -> None:
            super().__init__()

        def forward(self, maps: Tensor) -> Tensor:
            return maps

    with pytest.raises(ValueError, match=r"'homeless' must say where .* 'block', .* it has None"):
        Plain(Network("resnet18", attention="homeless"), 3)
    Homeless.placement = "everywhere"  # type: ignore[assignment]
    with pytest.raises(ValueError, match="'stage_end', 'last'; it has 'everywhere'"):
        Plain(Network("resnet18", attention="homeless"), 3)
    Homeless.placement = "block"
    model = Plain(Network("resnet18", attention="homeless"), 3)
    assert model(torch.zeros(2, 3, 32, 16)).embedding.shape == (2, 512)
    with pytest.raises(ValueError, match="Homeless has no begin_as_constant, which a start"):
        model.backbone.load_imagenet(resnet18(start="none", attention="none").state_dict())


def test_attention_takes_the_channels() -> None:
    @ATTENTIONS.register
    class Narrow(nn.Module):
        placement = "block"

        def __init__(self, width: int) -> None:
            super().__init__()

    with pytest.raises(ValueError, match=r"'narrow' must be made from channels .* not take ch"):
        Plain(Network("resnet18", attention="narrow"), 3)


def test_a_backbone_says_its_channels() -> None:
    def wide(start: str, attention: str) -> nn.Module:
        return nn.Conv2d(3, 8, 3)

    BACKBONES.register(wide)
    with pytest.raises(ValueError, match="backbone 'wide' must say the width of its maps"):
        Plain(Network("wide"), 3)


@pytest.mark.parametrize(("value", "found"), [(None, "NoneType"), (torch.ones(4), r"\[4\]")])
def test_a_loss_returns_a_scalar(
    recipe: Recipe, tiny: Split, tmp_path: Path, value: object, found: str
) -> None:
    @LOSSES.register
    class Odd(Loss):
        def forward(self, features, batch):  # type: ignore[no-untyped-def]
            return value

    own = replace(recipe, losses=(LossTerm("odd"),))
    with pytest.raises(ValueError, match=f"the loss odd must return a scalar tensor, got {found}"):
        train(own, Split(tiny.source, train=tiny.train), tmp_path)
