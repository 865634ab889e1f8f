"""MixStyle against the paper's equations written out, image by image and channel by channel."""

import pytest
import torch

from passerby.models.mix_style import MixStyle, mixed
from passerby.registry import BACKBONES


def slowly_mixed(maps: torch.Tensor, others: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    result = torch.empty_like(maps)
    for image in range(len(maps)):
        part = share[image].item()
        for channel in range(maps.shape[1]):
            own, other = maps[image, channel], maps[others[image], channel]
            own_deviation = (own.var() + 1e-6) ** 0.5
            other_deviation = (other.var() + 1e-6) ** 0.5
            gamma = part * own_deviation + (1 - part) * other_deviation  # eq. 5
            beta = part * own.mean() + (1 - part) * other.mean()  # eq. 6
            result[image, channel] = gamma * (own - own.mean()) / own_deviation + beta  # eq. 7
    return result


def test_statistics_are_mixed_as_the_paper_says():
    maps = torch.randn(4, 3, 5, 2, generator=torch.Generator().manual_seed(0)) * 3 + 1
    others, share = torch.tensor([2, 0, 3, 1]), torch.tensor([0.0, 0.3, 0.9, 1.0]).view(4, 1, 1, 1)
    found = mixed(maps, others, share)
    torch.testing.assert_close(found, slowly_mixed(maps, others, share), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[3], maps[3])  # all its own
    torch.testing.assert_close(found[0].mean((1, 2)), maps[2].mean((1, 2)))  # all the other's


def test_styles_are_constants_to_the_gradient():
    maps = torch.randn(2, 3, 4, 4, requires_grad=True)
    share = torch.tensor([0.5, 0.5]).view(2, 1, 1, 1)
    mixed(maps, torch.tensor([1, 0]), share)[0].sum().backward()
    assert maps.grad is not None
    deviation = (maps.detach().var((2, 3)) + 1e-6).sqrt()
    scale = (0.5 * deviation[0] + 0.5 * deviation[1]) / deviation[0]
    torch.testing.assert_close(maps.grad[0], scale.view(3, 1, 1).expand(3, 4, 4))
    assert not maps.grad[1].any()


def test_only_training_mixes_and_only_as_often_as_asked():
    maps = torch.randn(8, 3, 4, 4)
    never, always = MixStyle(0.0), MixStyle(1.0)
    assert never(maps) is maps
    assert always.eval()(maps) is maps
    torch.manual_seed(0)
    assert not torch.allclose(always.train()(maps), maps)
    torch.manual_seed(0)
    half = MixStyle(0.5)
    kept = sum(half(maps) is maps for _ in range(200))
    assert 70 < kept < 130
    with pytest.raises(ValueError, match=r"mix_style must be .*0"):
        MixStyle(1.5)


def test_a_backbone_mixes_behind_two_stages_and_keeps_its_weights():
    plain = BACKBONES.build("efficientnet_lite0", start="none", attention="none")
    network = BACKBONES.build("efficientnet_lite0(mix_style=1.0)", start="none", attention="none")
    network.load_state_dict(plain.state_dict())
    seen = []
    network.mix_style.register_forward_hook(lambda module, given, made: seen.append(made.shape))
    network(torch.randn(2, 3, 64, 32))
    assert [tuple(shape) for shape in seen] == [(2, 24, 16, 8), (2, 40, 8, 4)]
