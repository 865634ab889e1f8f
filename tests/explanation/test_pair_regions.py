"""What regions make of a match: the cosine is divided without a rest, and by hand the same."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from passerby.config import Network
from passerby.explanation.pair_regions import pair_regions
from passerby.models.system import build_model
from passerby.models.systems.hacnn import Hacnn
from passerby.models.systems.pcb import Pcb
from passerby.models.systems.plain import Plain
from tests.explanation.networks import (
    Known,
    Quadrants,
    noise,
    plain,
    small_transreid,
    unlike_its_start,
)


@pytest.mark.parametrize("pooling", ["average", "gem", "max"])
@pytest.mark.parametrize("neck", ["none", "batch_norm"])
@pytest.mark.parametrize("projection", ["none", "linear(width=32)"])
def test_the_positions_sum_to_the_cosine(pooling: str, neck: str, projection: str) -> None:
    network = plain(pooling=pooling, neck=neck, projection=projection, attention="none")
    images = noise(4)
    vectors = network(images).embedding
    found = pair_regions(network, images, vectors.flip(0))
    expected = F.cosine_similarity(vectors, vectors.flip(0))
    torch.testing.assert_close(found.cosines, expected)
    torch.testing.assert_close(found.values.sum(dim=(1, 2)), expected, atol=1e-5, rtol=0)
    assert found.exact.all()
    assert (found.unplaced == 0).all()


def test_a_position_counts_what_it_does_by_hand() -> None:
    """Mean pooling and a batch norm, written out: W (x_p - mean) / N with the other's vector."""
    network = plain(pooling="average", neck="batch_norm", attention="none")
    assert isinstance(network, Plain)
    one, other = noise(1, seed=1), noise(1, seed=2)
    a, b = network(one).embedding[0], network(other).embedding[0]
    maps, norm = network.backbone(one)[0], network.neck
    assert isinstance(norm, torch.nn.BatchNorm1d)
    assert norm.running_var is not None
    found = pair_regions(network, one, b[None]).values[0]
    for y in range(4):
        for x in range(2):
            scaled = (maps[:, y, x] - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
            part = (scaled * norm.weight + norm.bias) / 8
            expected = part @ b / a.norm() / b.norm()
            # The batch norm's constant is spread evenly, not channel by channel.
            assert found.shape == (4, 2)
            assert float(found[y, x]) == pytest.approx(float(expected), abs=1e-5)


def test_only_what_both_show_counts() -> None:
    """Red is in both, wherever it stands; green in one alone."""
    one, other = torch.zeros(1, 3, 64, 32), torch.zeros(1, 3, 64, 32)
    one[:, 0, :16] = 1
    one[:, 1, 48:] = 1
    other[:, 0, 24:32] = 1
    network = Known((1, 1, 1, 0))
    found = pair_regions(network, one, network(other).embedding)
    above, rest = found.values[0, :2], found.values[0, 2:]
    assert bool((above > 0).all())
    assert float(rest.abs().max()) < 1e-7
    assert float(found.values.sum()) == pytest.approx(float(found.cosines), abs=1e-6)


def striped(width: int) -> Pcb:
    """PCB of two stripes on maps of colours, whose stripes are their means."""
    network = build_model(
        Network(system=f"pcb(stripes=2,width={width})", start="none", backbone="resnet18"), 0
    )
    assert isinstance(network, Pcb)
    network.backbone, network.reduction = Quadrants(), torch.nn.Sequential()
    return network.eval().requires_grad_(False)


def test_a_stripe_of_length_one_is_divided_among_its_positions() -> None:
    """Half red, half green against red alone: red makes the cosine, green makes nothing.

    With lengths that follow the positions red would count 1/2 of it and green speak against it.
    """
    one, other = torch.zeros(1, 3, 64, 32), torch.zeros(1, 3, 64, 32)
    one[:, 0, :, :16] = 1
    one[:, 1, :, 16:] = 1
    other[:, 0] = 1
    # Red twice in the lower half, as Quadrants see it: there it is √5 long and not √2.
    network = striped(4)
    found = pair_regions(network, one, network(other).embedding)
    above, below = 1 / 2**0.5, 2 / (3 * 2) ** 0.5
    assert float(found.cosines) == pytest.approx((above + below) / 2, abs=1e-6)
    assert found.exact.all()
    expected = torch.zeros(8, 4)
    expected[:4, :2], expected[4:, :2] = above / 16, below / 16
    torch.testing.assert_close(found.values[0], expected, atol=1e-6, rtol=0)


def test_positions_of_pcb_count_what_their_absence_takes_away() -> None:
    """Each position of the last maps blotted out, with the stripes' lengths as they were."""
    torch.manual_seed(0)
    call = Network(system="pcb(stripes=2,width=16)", start="none", backbone="resnet18")
    network = unlike_its_start(build_model(call, persons=0)).double()
    assert isinstance(network, Pcb)
    one, other = noise(1, seed=1).double(), network(noise(1, seed=2).double()).embedding
    maps = network.backbone(one)
    inner = torch.nn.Sequential(*list(network.reduction)[:2])  # ahead of the ReLU

    def reduced(changed: Tensor) -> Tensor:
        open_gates = inner(network._pooled(maps)[0]) > 0
        return inner(network._pooled(changed)[0]) * open_gates

    lengths = reduced(maps).norm(dim=1, keepdim=True) * 2**0.5
    found = pair_regions(network, one, other)
    for y in range(found.values.shape[1]):
        for x in range(found.values.shape[2]):
            without = maps.clone()
            without[:, :, y, x] = 0
            lost = (reduced(maps) - reduced(without)) / lengths
            expected = float(lost.flatten() @ F.normalize(other)[0])
            assert float(found.values[0, y, x]) == pytest.approx(expected, abs=1e-9)
    assert float(found.values.abs().max()) > 1e-3


def test_positions_of_hacnn_count_what_their_absence_takes_from_its_global_half() -> None:
    """Each position of the last maps blotted out; gates and lengths as they were."""
    torch.manual_seed(0)
    network = unlike_its_start(build_model(Network(system="hacnn", start="none"), persons=0))
    network = network.double()
    assert isinstance(network, Hacnn)
    one, other = noise(1, 32, 16, seed=1).double(), network(noise(1, 32, 16, seed=2).double())
    seen: list[Tensor] = []
    last = network.get_submodule("inception3")
    handle = last.register_forward_hook(lambda module, given, output: seen.append(output))
    vector = network(one).embedding
    handle.remove()
    (maps,) = seen
    gates = network.get_submodule("ha3").get_submodule("soft_attn")(maps)
    inner = torch.nn.Sequential(*list(network.fc_global)[:2])  # ahead of the ReLU
    whole = inner((maps * gates).mean(dim=(2, 3)))
    length = whole.relu().norm() * vector.norm()
    aim = F.normalize(other.embedding)[0, : whole.shape[1]]
    found = pair_regions(network, one, other.embedding)
    for y in range(found.values.shape[1]):
        for x in range(found.values.shape[2]):
            without = maps.clone()
            without[:, :, y, x] = 0
            lost = (whole - inner((without * gates).mean(dim=(2, 3)))) * (whole > 0) / length
            assert float(found.values[0, y, x]) == pytest.approx(float(lost[0] @ aim), abs=1e-9)
    assert float(found.values.abs().max()) > 1e-6


@pytest.mark.parametrize(
    "network",
    [
        Network(system="pcb(stripes=2)", start="none", backbone="resnet18"),
        Network(system="transreid(variant=tiny,depth=2,height=64,width=32)", start="none"),
    ],
    ids=["pcb", "transreid"],
)
def test_what_leaves_a_rest_says_so(network: Network) -> None:
    torch.manual_seed(0)
    made = unlike_its_start(build_model(network, persons=0))
    images = noise(2)
    vectors = made(images).embedding
    found = pair_regions(made, images, vectors.flip(0))
    assert not found.exact.any()
    total = found.values.sum(dim=(1, 2)) + found.unplaced
    torch.testing.assert_close(total, F.cosine_similarity(vectors, vectors.flip(0)))


def test_gradients_of_tokens_stand_on_the_grid_of_patches() -> None:
    network = small_transreid()
    assert pair_regions(network, noise(1), network(noise(1, seed=3)).embedding).values.shape == (
        1, 4, 2,
    )  # fmt: skip
