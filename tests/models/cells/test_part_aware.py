"""The part-aware module against a slow version, and against its authors' code."""

import math

import pytest
import torch
from torch import nn

from passerby.models.cells.part_aware import PartAware


def settled(module):
    torch.manual_seed(1)
    for norm in module.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            norm.running_mean.normal_()
            norm.running_var.uniform_(0.5, 2)
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    return module.eval()


def told(module, image):
    """Of one image [C, h, w]: what stands beside each of its rows, [h, hidden]."""
    height = image.shape[1]
    bounds = [math.floor(i * height / 4) for i in range(5)]
    vectors = []
    for number, body in enumerate(module.bodies):
        stripe = image[:, bounds[number] : bounds[number + 1]]
        mean = torch.tensor([max(float(channel.sum()) / channel.numel(), 0) for channel in stripe])
        vectors.append(body(mean[None])[0])
    rows = []
    for number in range(4):
        scores = [float(module.key(vectors[number]) @ module.query(other)) for other in vectors]
        weights = [math.exp(score) / sum(map(math.exp, scores)) for score in scores]
        looked = sum(w * other for w, other in zip(weights, vectors, strict=True))
        rows += [looked] * (bounds[number + 1] - bounds[number])
    return torch.stack(rows)


@torch.no_grad()
@pytest.mark.parametrize("rows", [8, 11, 4])
def test_the_module_by_its_figure(rows):
    torch.manual_seed(0)
    module = settled(PartAware(7, stride=1))
    maps = torch.randn(2, 7, rows, 3)
    beside = torch.stack([told(module, image).T for image in maps])  # [B, hidden, h]
    joined = torch.cat([maps, beside[..., None].expand(-1, -1, -1, 3)], dim=1)
    across = torch.einsum("oc,bchw->bohw", module.joins[0].weight[:, :, 0, 0], joined)
    torch.testing.assert_close(module(maps), module.norm(across))


@torch.no_grad()
@pytest.mark.parametrize("rows", [8, 9])
def test_at_stride_two_two_places_of_four_are_seen(rows):
    torch.manual_seed(0)
    module = settled(PartAware(6, stride=2))
    maps = torch.randn(2, 6, rows, 4)
    beside = torch.stack([told(module, image).T for image in maps])
    joined = torch.cat([maps, beside[..., None].expand(-1, -1, -1, 4)], dim=1).clamp(min=0)
    further = torch.zeros_like(joined)
    further[:, :, :-1, :-1] = joined[:, :, 1:, 1:]
    halves = [
        torch.einsum("oc,bchw->bohw", join.weight[:, :, 0, 0], seen[:, :, ::2, ::2])
        for join, seen in zip(module.joins, (joined, further), strict=True)
    ]
    torch.testing.assert_close(module(maps), module.norm(torch.cat(halves, dim=1)))


@torch.no_grad()
@pytest.mark.parametrize("rows", [8, 11])
@pytest.mark.parametrize("stride", [1, 2])
def test_its_authors_code_gives_the_same(peer_code, monkeypatch, stride, rows):
    theirs_are = peer_code("AutoDL-Projects", "xautodl.models.cell_operations")
    # Their module was left behind when two arguments joined this class.
    monkeypatch.setattr(theirs_are.FactorizedReduce.__init__, "__defaults__", (True, True))
    theirs = settled(theirs_are.PartAwareOp(12, 12, stride))
    ours = PartAware(12, stride).eval()
    ours.load_state_dict(
        {
            placed(name): value.flatten(1) if "list" in name and value.dim() == 4 else value
            for name, value in theirs.state_dict().items()
        }
    )
    maps = torch.randn(3, 12, rows, 5)
    torch.testing.assert_close(ours(maps), theirs(maps), rtol=0, atol=1e-5)


def placed(name):
    """Our name of a parameter of theirs."""
    for theirs, ours in (
        ("W_K", "key"),
        ("W_Q", "query"),
        ("last.convs", "joins"),
        ("last.conv", "joins.0"),
        ("last.bn", "norm"),
    ):
        name = name.replace(theirs, ours)
    if name.startswith("local_conv_list."):
        _, part, layer, what = name.split(".")
        return f"bodies.{part}.{int(layer) - 1}.{what}"
    return name


def test_every_place_knows_the_whole_body():
    torch.manual_seed(0)
    module = PartAware(6, stride=1).eval()
    maps = torch.rand(1, 6, 8, 4, requires_grad=True)
    module(maps)[0, :, 0, 0].sum().backward()
    assert (maps.grad.abs().sum(dim=(0, 1, 3)) > 0).all()  # of every row


def test_maps_of_fewer_rows_than_parts_are_refused():
    with pytest.raises(ValueError, match=r"into 4 stripes, got maps of 3 rows.*input\.height"):
        PartAware(6, stride=1)(torch.randn(2, 6, 3, 2))
