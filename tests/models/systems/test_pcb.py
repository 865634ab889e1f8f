"""PCB against its written formulas and torchreid's; refined parts and their phases."""

import pytest
import torch
import torch.nn.functional as F

from passerby.config import Network
from passerby.models.system import build_model
from passerby.weights.families.torchreid import torchreid


def build(system="pcb", persons=5, backbone="resnet18"):
    torch.manual_seed(0)
    return build_model(Network(backbone, system=system), persons)


def randomised(system):
    """With batch norms that have seen something."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in system.state_dict().items():
        if name.endswith("running_mean"):
            tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
        elif name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return system.eval()


def test_the_papers_sizes():
    system = build(persons=751, backbone="resnet50")
    extra = 2048 * 256 + 2 * 256 + 6 * 256 * 751  # reduction, its batch norm, classifiers
    assert sum(p.numel() for p in system.parameters()) == 23_508_032 + extra
    refined = build("pcb(refine=true)", persons=751, backbone="resnet50")
    assert sum(p.numel() for p in refined.parameters()) == 23_508_032 + extra + 6 * 2048
    with torch.device("meta"):
        maps = system.backbone.to("meta")(torch.zeros(1, 3, 384, 128))
    assert maps.shape == (1, 2048, 24, 8)


@torch.no_grad()
def test_stripes_that_do_not_divide_the_rows_share_one():
    system = randomised(build())
    images = torch.randn(1, 3, 256, 64)
    maps = system.backbone(images)
    assert maps.shape[2] == 16
    # From ⌊16 i / 6⌋ to ⌈16 (i + 1) / 6⌉: torchreid's stripes.
    bounds = [(0, 3), (2, 6), (5, 8), (8, 11), (10, 14), (13, 16)]
    for part, (first, end) in zip(system(images).parts, bounds, strict=True):
        mean = maps[:, :, first:end].mean(dim=(2, 3))
        torch.testing.assert_close(part.before_neck, F.normalize(mean))


def test_fewer_rows_than_stripes_are_refused():
    with pytest.raises(ValueError, match=r"6 stripes out of maps that have 4 rows: choose a large"):
        build()(torch.randn(2, 3, 64, 32))


@torch.no_grad()
def test_parts_are_the_means_of_stripes_reduced():
    system = randomised(build())
    images = torch.randn(2, 3, 192, 64)
    features = system(images)
    maps = system.backbone(images)
    assert maps.shape[2] == 12
    reduced = []
    for number, part in enumerate(features.parts):
        mean = maps[:, :, 2 * number : 2 * number + 2].mean(dim=(2, 3))
        torch.testing.assert_close(part.before_neck, F.normalize(mean))
        reduced.append(system.reduction(mean))
        torch.testing.assert_close(part.after_neck, reduced[-1])
        own = system.classifier[f"stripe_{number + 1}"]
        torch.testing.assert_close(part.similarities, reduced[-1] @ own.weight.T)
    assert features.before_neck.shape == (2, 6 * 512)
    torch.testing.assert_close(
        features.embedding, torch.cat([F.normalize(vectors) for vectors in reduced], dim=1)
    )


@torch.no_grad()
def test_refined_parts_are_stripes_where_the_shares_are_hard():
    system = randomised(build("pcb(refine=true, stripes=3)"))
    images = torch.randn(2, 3, 96, 32)
    system.begin("uniform")
    uniform = system(images).before_neck
    system.begin("induce")
    torch.nn.init.normal_(system.membership.weight, std=0.1)
    soft = system(images)
    assert not torch.allclose(soft.before_neck, uniform, atol=1e-3)
    maps = system.backbone(images)
    shares = system.membership(maps).softmax(dim=1)
    for number, part in enumerate(soft.parts):
        mean = (shares[:, number, None] * maps).mean(dim=(2, 3)) * 3
        torch.testing.assert_close(part.before_neck, F.normalize(mean))
    hard = torch.full((2, 3, 6, 2), -1e4)
    for number in range(3):
        hard[:, number, 2 * number : 2 * number + 2] = 1e4
    system.membership.forward = lambda maps: hard
    torch.testing.assert_close(system(images).before_neck, uniform)


def test_the_phase_is_in_the_state_dict():
    system = build("pcb(refine=true)")
    system.begin("uniform")
    again = build("pcb(refine=true)")
    again.begin("")
    assert bool(again.refined)
    again.load_state_dict(system.state_dict())
    assert not bool(again.refined)
    assert "refined" not in build().state_dict()


@torch.no_grad()
def test_torchreid_gives_the_same(peer_code):
    pcb = peer_code("deep-person-reid", "torchreid.models.pcb")
    torch.manual_seed(0)
    theirs = randomised(pcb.pcb_p6(7, pretrained=False))
    ours = build("pcb(dropout=0.0)", persons=7, backbone="resnet50").eval()
    converted = torchreid(theirs.state_dict(), None)
    missing, unexpected = ours.load_state_dict(converted.state, strict=False)
    assert unexpected == []
    assert all(key.startswith("classifier.") for key in missing)
    for number, linear in enumerate(theirs.classifier):
        ours.classifier[f"stripe_{number + 1}"].weight.copy_(linear.weight)
        linear.bias.zero_()  # ours have none
    images = torch.randn(2, 3, 224, 64)  # 14 rows
    features = ours(images)
    tested = theirs(images).view(2, 2048, 6).transpose(1, 2).flatten(1)
    assert tested.std(dim=0).max() > 1e-3
    torch.testing.assert_close(features.before_neck, tested, rtol=0, atol=1e-4)
    theirs.training, theirs.dropout.training = True, False  # of the whole, only how it answers
    for part, logits in zip(features.parts, theirs(images), strict=True):
        torch.testing.assert_close(part.similarities, logits, rtol=1e-3, atol=1e-3)


def test_refusals():
    with pytest.raises(ValueError, match="two stripes or more, got 1"):
        build("pcb(stripes=1)")
    with pytest.raises(ValueError, match=r"pcb does not read network\.pooling"):
        build_model(Network("resnet18", pooling="max", system="pcb"), 3)
