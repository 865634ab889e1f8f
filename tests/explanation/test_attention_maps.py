"""What modules weigh is what they do: gates give their outputs, attentions are averages."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from passerby.calls import Call
from passerby.explanation.attention_maps import attention_maps
from passerby.models.attention import Attention
from passerby.registry import ATTENTIONS
from tests.explanation.networks import Known, noise, plain


def module(call: str, channels: int = 32) -> Attention:
    torch.manual_seed(1)
    made: Attention = ATTENTIONS.build(Call.parse(call), channels=channels)
    return made.eval()


@pytest.mark.parametrize("call", ["se", "eca", "cbam", "cbam(bias=true,spatial_batch_norm=true)"])
@torch.inference_mode()
def test_gates_times_what_goes_in_is_what_comes_out(call: str) -> None:
    maps, gate = torch.randn(2, 32, 6, 3), module(call)
    weights, expected = gate.weights(maps), maps
    assert set(weights) == ({"channels", "positions"} if "cbam" in call else {"channels"})
    for of, values in weights.items():
        at = (slice(None), slice(None), None, None) if of == "channels" else (slice(None), None)
        expected = expected * values[at]
        assert bool((values > 0).all() and (values < 1).all())
    torch.testing.assert_close(gate(maps), expected)


def softmaxed(scores: list[list[float]]) -> list[list[float]]:
    rows = [torch.tensor(row).exp() for row in scores]
    return [(row / row.sum()).tolist() for row in rows]


@torch.inference_mode()
def test_attention_between_positions_is_what_each_one_gets_from_all() -> None:
    maps = torch.randn(1, 8, 3, 2)
    block = module("non_local", 8)
    at = [maps[0, :, y, x] for y in range(3) for x in range(2)]

    def reduced(name: str, vector: Tensor) -> Tensor:
        layer = getattr(block, name)
        return layer.weight[:, :, 0, 0] @ vector + layer.bias

    # Of four numbers each, so over two.
    scores = [[float(reduced("theta", a) @ reduced("phi", b)) / 2 for b in at] for a in at]
    table = softmaxed(scores)
    got = [sum(row[column] for row in table) for column in range(6)]
    found = block.weights(maps)["positions"]
    torch.testing.assert_close(found.flatten(), torch.tensor(got))
    assert float(found.mean()) == pytest.approx(1)


@pytest.mark.parametrize("call", ["non_local", "non_local_dot", "danet"])
@torch.inference_mode()
def test_the_mean_of_what_positions_and_channels_get_is_one(call: str) -> None:
    for values in module(call).weights(torch.randn(3, 32, 5, 4)).values():
        torch.testing.assert_close(values.flatten(1).mean(dim=1), torch.ones(3))


@torch.inference_mode()
def test_danet_weighs_unlike_channels() -> None:
    maps = torch.randn(1, 3, 4, 2)
    maps[:, 1] = maps[:, 0]  # two alike, the third unlike them
    flat = maps[0].flatten(1)
    energy = [[float(a @ b) for b in flat] for a in flat]
    table = softmaxed([[max(row) - one for one in row] for row in energy])
    got = [sum(row[column] for row in table) for column in range(3)]
    found = module("danet", 3).weights(maps)["channels"]
    torch.testing.assert_close(found[0], torch.tensor(got))


@pytest.mark.parametrize(
    ("call", "modules", "kinds"),
    [("se", 8, 1), ("eca", 8, 1), ("cbam", 8, 2), ("non_local", 2, 1), ("danet", 1, 2)],
)
def test_each_module_of_a_network_has_its_maps(call: str, modules: int, kinds: int) -> None:
    found = attention_maps(plain(attention=call), noise(2))
    assert len(found) == modules * kinds
    assert len({one.module for one in found}) == modules
    for one in found:
        assert one.values.shape[0] == 2
        assert one.values.ndim == 3
        assert (one.channels is None) == (one.of == "positions")


def test_a_channels_weight_stands_where_the_channel_is_strong() -> None:
    network = plain(attention="se")
    found = attention_maps(network, noise(1))[0]
    block = network.get_submodule(found.module)
    inputs: list[Tensor] = []
    block.register_forward_hook(lambda module, given, output: inputs.append(given[0]))
    with torch.inference_mode():
        network(noise(1))
    maps, gates = inputs[0], found.channels
    assert gates is not None
    for y, x in ((0, 0), (3, 2), (15, 7)):
        strong = maps[0, :, y, x].abs()
        expected = float((gates[0] * strong).sum() / strong.sum())
        assert float(found.values[0, y, x]) == pytest.approx(expected, rel=1e-5)


def test_a_module_that_begins_as_the_identity_is_said_to_change_nothing() -> None:
    network = plain(attention="danet")
    assert all(float(one.change) == 0 for one in attention_maps(network, noise(1)))


@pytest.mark.parametrize(("bias", "expected"), [(0.0, 0.0), (-100.0, 2**-0.5)])
def test_what_changes_is_what_no_single_factor_makes(bias: float, expected: float) -> None:
    """A gate of one half on all changes nothing; one of two alike that is shut turns by 45°."""
    network, gate = Known((1, 1, 1, 0)), module("se", 4)
    network.backbone = torch.nn.Sequential(network.backbone, gate)
    torch.nn.init.zeros_(gate.excite.weight)
    gate.excite.bias.data = torch.tensor([0, bias, 0, 0])
    images = torch.zeros(1, 3, 64, 32)
    images[:, :2, :32] = 1
    assert float(attention_maps(network, images)[0].change) == pytest.approx(expected, abs=1e-6)


def test_a_network_without_attention_has_no_maps() -> None:
    assert attention_maps(plain(attention="none"), noise(1)) == []
